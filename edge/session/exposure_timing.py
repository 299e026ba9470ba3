"""Which light a row of a frame saw, by its exposure and by when lights were told to change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Exposure, Frame
from edge.frames.linear import light_picture
from edge.hardware.ports import Camera, LightInterval
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import middle

# Of one ripple of the mains light, by which an exposure may miss a whole number of them.
_WHOLE_PERIODS: Final = 0.01
EXPOSURE_CHANGES: Final = 0.25
"""Seconds that cameras take to show another exposure that was asked for: some frames, and their way here."""

# All but so much of a face is to stay below this share of full scale, the mean of all colours: the strongest of them is
# up to twice that in the light of a filament. And no face is exposed longer than by so much, in which it moves.
_BRIGHTEST: Final = 0.99
_BRIGHT: Final = 0.7
_LONGEST: Final = 4.0
# Of the face's box, each way: no background.
_MIDDLE: Final = 0.7


def exposure_windows(exposure: Exposure, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Begin and end of the exposure of each row, seconds, each widened by one exposure.

    How far a camera's time stamps are off is not known before somebody has measured it. rows: may lie between two.
    """
    begins = exposure.start + rows * exposure.line_time
    return begins - exposure.duration, begins + 2 * exposure.duration


def light_seen(
    changes: Sequence[LightInterval], begins: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.intp]:
    """(rows,) number of the change whose light alone each row saw from begin to end; -1: none, or more than one."""
    seen = np.full(len(begins), -1, np.intp)
    for number, change in enumerate(changes):
        until = changes[number + 1].commanded_at if number + 1 < len(changes) else np.inf
        seen[(begins >= change.settled_at) & (ends <= until)] = number
    return seen


def lit_rows(
    changes: Sequence[LightInterval], steps: Sequence[Sequence[float]], exposure: Exposure, rows: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(rows, lights) how much of each light lit each row; NaN where that changed while it was exposed.

    steps: of each change, how much of each light it left on. The rest as in ``exposure_windows``.
    """
    seen = light_seen(changes, *exposure_windows(exposure, rows))
    return np.where(seen[:, None] >= 0, np.array(steps, np.float64)[seen], np.nan)


def longer_exposure(frame: Frame, face: FaceBox) -> float:
    """How many times longer a face may be exposed before its brightest parts come near the end of the scale.

    A camera exposes for the whole picture, and a face in a bright room is dark in it. What the terminal's light adds
    there is told from noise by the photons that are counted.
    """
    edges = middle(face, _MIDDLE, frame.width, frame.height)
    top, bottom, left, right = (2 * int(edge // 2) for edge in edges)
    if bottom <= top or right <= left:
        return 1.0
    picture = light_picture(frame, top, bottom, left, right)
    if picture is None:
        return 1.0
    brightest = float(np.quantile(picture.levels, _BRIGHTEST))
    return min(max(_BRIGHT / max(brightest, 1e-3), 1.0), _LONGEST)


# Seconds, gain, and gains of red and blue.
_Setting = tuple[float, float, tuple[float, float] | None]


class HeldExposure:
    """A camera that is asked to hold its exposure, and whether it does, as the frames' metadata tell; of two frames in
    a row.

    From making to ``free``, which must be called on every way out, of whoever has it last.
    """

    def __init__(self, camera: Camera, longer: float = 1.0) -> None:
        """longer: times what the camera found by itself. Raises HardwareError where the camera cannot hold it."""
        self.longer = longer
        mains_hz = camera.traits.mains_hz
        self._flicker_period = None if mains_hz is None else 1 / (2 * mains_hz)
        self.held = False
        self._camera = camera
        self._last: _Setting | None = None
        camera.lock(self._flicker_period, longer)

    def holds(self, frame: Frame) -> bool:
        """After each frame once; ``held`` is what it said last."""
        exposure, before = frame.exposure, self._last
        self._last = None if exposure is None else (exposure.duration, exposure.gain, frame.colour_gains)
        self.held = exposure is not None and self._last == before and self.divides_flicker(exposure) is not False
        return self.held

    def free(self) -> None:
        """Automatic again. Never raises; may be repeated."""
        self._camera.unlock()

    def divides_flicker(self, exposure: Exposure) -> bool | None:
        """False: long enough for whole periods, and not a whole number. None: too short, or the period not known."""
        if self._flicker_period is None or exposure.duration < self._flicker_period * (1 - _WHOLE_PERIODS):
            return None
        periods = exposure.duration / self._flicker_period
        return abs(periods - round(periods)) <= _WHOLE_PERIODS * periods
