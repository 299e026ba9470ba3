"""What each PAD network makes of the face: its own crop, its own threshold, one margin in units of its spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.frames.covered import Scratch
from edge.frames.frame import Frame
from edge.inference.calibration import SiteCalibration
from edge.inference.manifest import Pad
from edge.inference.pad import live_logit
from edge.liveness.evidence import FaceBox, PadScore
from edge.vision.crops import cut
from edge.vision.network import Network
from edge.vision.timing import NO_TIMER, StageTimer


class PadJudge:
    """The active networks, in the bundle's order.

    calibration: shifts the networks' thresholds. scratch: for crops; None: its own.
    Raises ModelError for a network that is none for PAD, that the calibration was not made for, or whose threshold it
    would bring below the manifest's floor.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        calibration: SiteCalibration | None = None,
        *,
        scratch: Scratch | None = None,
        timer: StageTimer = NO_TIMER,
    ) -> None:
        self._scratch = scratch or Scratch()
        self._networks = tuple((network, *_threshold(network, calibration)) for network in networks)
        self._timer = timer

    def scores(self, frame: Frame, box: FaceBox, points: NDArray[np.float32]) -> tuple[PadScore, ...]:
        """box: the face as the detector draws it; points: see ``edge.vision.landmarks.five_points``.

        A margin is the log-odds of live, cut at ±16 before the threshold's and the site's shift are taken away, in
        units of the manifest's spread: float32 probabilities saturate there, and one sure network must not outvote
        the others without bound.
        Raises ModelError when a network fails or gives no number.
        """
        return tuple(self._score(frame, box, points, network, pad, shift) for network, pad, shift in self._networks)

    def _score(
        self, frame: Frame, box: FaceBox, points: NDArray[np.float32], network: Network, pad: Pad, shift: float
    ) -> PadScore:
        manifest = network.manifest
        with self._timer(f"pad.{manifest.id}"):
            outputs = network.run(cut(frame, manifest.crop, manifest.input, box, points, self._scratch))
            try:
                logit = live_logit(manifest, outputs)
            except ValueError as error:
                raise ModelError(
                    f"the PAD network {error}", remedy="verify the models, or deactivate this one"
                ) from error
        return PadScore(manifest.id, manifest.sha256, pad.margin(logit, shift), pad.weight)


def _threshold(network: Network, calibration: SiteCalibration | None) -> tuple[Pad, float]:
    """How the file's output is read, and the site's shift of its threshold, logits."""
    manifest = network.manifest
    if manifest.pad is None:
        raise ModelError(f"{manifest.id} is no PAD network", remedy="correct its manifest")
    if calibration is None:
        return manifest.pad, 0.0
    shift = calibration.shift(manifest.sha256)
    # Here too, not only where it is estimated: whoever writes the file must not choose the floor.
    if shift < manifest.pad.lowest_shift:
        raise ModelError(
            f"the calibration of {calibration.date} shifts the threshold of {manifest.id} by {shift:+.3f} logits, "
            f"below the {manifest.pad.floor:g} that its manifest allows",
            remedy="calibrate again with `livegate calibrate`, or leave the calibration out",
        )
    return manifest.pad, shift
