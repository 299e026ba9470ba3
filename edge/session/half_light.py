"""A face in the light of the display's left half and of its right one, in turns: two lights of one band in two places.

What they tell of a shape owes nothing to the room's light, which belongs to whoever stands there, nor to what paper
mirrors of it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Exposure, Frame
from edge.guidance.patterns import HALVES
from edge.hardware.ports import LightInterval, Pattern, Screen
from edge.liveness.plans import Chip
from edge.session.exposure_timing import lit_rows
from edge.session.lit_face import LitFace
from edge.vision.face_patch import Points
from edge.vision.hypotheses import Hypotheses
from edge.vision.relief import Relief

TURNS: Final = 2
_PATTERNS: Final = (Pattern.LEFT, Pattern.RIGHT) * TURNS
_STEPS: Final = [HALVES[Chip(pattern.value)] for pattern in _PATTERNS]
CHANGES: Final = len(_PATTERNS) + 1
_FRAMES_OF_EACH: Final = 4
# Each half of the display changes four times a second at most: two flashes (WCAG 2.3.1 allows three).
_LEAST_SECONDS: Final = 0.25
# A few turns tell little of how a face sways meanwhile. By so much, times the room's light over the display's, the
# relief in the halves of simulated people who sway was off that of the same who do not, in rooms of 40 and of 150 lx,
# each half shown twice.
_SWAY: Final = 0.03 * math.sqrt(2)


def with_sway(found: Relief, turns: int) -> Relief:
    """With the deviation that the relief in halves has where each was shown alone in so few turns."""
    if found.sides_deviation is None:
        return found
    sway = _SWAY / math.sqrt(turns) / max(found.contrast, 1e-3)
    deviation = math.hypot(found.sides_deviation, sway)
    if not math.isfinite(deviation):
        return replace(found, sides_deviation=deviation)
    share = (found.sides_deviation / deviation) ** 2
    inner = None if found.inner is None else _weaker(found.inner, share)
    return replace(found, sides_deviation=deviation, hypotheses=_weaker(found.hypotheses, share), inner=inner)


def _weaker(hypotheses: Hypotheses, share: float) -> Hypotheses:
    halves = hypotheses.halves
    return hypotheses if halves is None else replace(hypotheses, halves=halves.times(share))


class HalfLight:
    """Whoever makes one ends it. The methods raise HardwareError when the screen is lost."""

    def __init__(self, screen: Screen, face: LitFace, now: float) -> None:
        """face: gathers what is seen, under the exposure that is held since it was lit first."""
        self._screen = screen
        self._face = face
        self._changes: list[LightInterval] = []
        self._seen = 0
        self._show_next(now)

    @property
    def begun_at(self) -> float:
        """Seconds on the session's clock."""
        return self._changes[0].commanded_at

    def saw(self, frame: Frame, landmarks: Points | None, now: float) -> bool:
        """Whether both halves were seen for long enough. landmarks: (468, 3), of this frame; None: not known."""
        if frame.exposure is None:
            return False
        lit = self._lit(frame.exposure, np.arange(frame.height, dtype=np.float64))[:, 0]
        self._face.saw(frame, landmarks, self._lit)
        self._seen += bool(np.isfinite(lit).all())
        change = self._changes[-1]
        if self._seen < _FRAMES_OF_EACH or now - change.settled_at < _LEAST_SECONDS:
            return False
        if len(self._changes) == len(_PATTERNS):
            return True
        self._show_next(now)
        return False

    def end(self, now: float) -> LightInterval:
        """The screen as for guidance."""
        return self._screen.show_pattern(Pattern.GUIDANCE, now)

    def _show_next(self, now: float) -> None:
        self._changes.append(self._screen.show_pattern(_PATTERNS[len(self._changes)], now))
        self._seen = 0

    def _lit(self, exposure: Exposure, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return lit_rows(self._changes, _STEPS, exposure, rows)
