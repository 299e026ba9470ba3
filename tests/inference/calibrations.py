"""Site calibrations as `livegate calibrate` makes them."""

from __future__ import annotations

import datetime

from edge.contracts.enums import CaptureKind, Spectrum
from edge.inference.calibration import CameraIdentity, NetworkShift, SiteCalibration

CAMERA = CameraIdentity(name="imx708", capture=CaptureKind.LIVE, spectrum=Spectrum.IR_CUT)


def calibration_of(
    *, sha256: str = "ab" * 32, shift: float = 0.5, floor: float = 0.4, camera: CameraIdentity = CAMERA
) -> SiteCalibration:
    """One network, ten persons."""
    return SiteCalibration.made(
        date=datetime.date(2026, 5, 4),
        camera=camera,
        people=10,
        frames=80,
        models=[
            NetworkShift(
                id="scripted", sha256=sha256, shift=shift, floor=floor, location=2.0, reference=1.0, shrink=0.5
            )
        ],
    )
