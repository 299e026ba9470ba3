"""The light challenge: a code on the display, played and seen on the face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import EvidenceOutcome
from edge.frames.frame import Exposure, Frame
from edge.hardware.ports import Camera, LightInterval, Pattern, Screen
from edge.liveness.plans import Chip, LightPlan
from edge.session.code_rank import rank_of_code
from edge.session.exposure_timing import HeldExposure, exposure_windows, light_seen
from edge.session.relief_answer import relief_answer
from edge.vision.face_patch import CELLS, FaceGrid
from edge.vision.light_response import Sample, light_response
from edge.vision.relief import relief

# What is lit of the left and the right half, as the person sees them.
_LIT: Final[Mapping[Chip, tuple[float, float]]] = MappingProxyType(
    {Chip.BLACK: (0.0, 0.0), Chip.LEFT: (1.0, 0.0), Chip.RIGHT: (0.0, 1.0), Chip.FULL: (1.0, 1.0)}
)
# A face that is lit by the code follows it better than so many of all orders of its steps; of one that is not, any
# order is as likely.
_FOLLOWED: Final = 0.001
# Until the camera holds its exposure.
_PATIENCE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ChallengeAnswer:
    """What a challenge came to. overwhelmed: the surroundings leave too little of the display's light to judge by."""

    outcome: EvidenceOutcome
    reason: str
    margin: float | None = None
    overwhelmed: bool = False


class LightChallenge:
    """One code. Holds the camera's exposure from making to ``end``, which must be called on every way out.

    The methods raise HardwareError when camera or screen fail.
    """

    def __init__(self, camera: Camera, screen: Screen, plan: LightPlan, now: float) -> None:
        self._camera = camera
        self._screen = screen
        self._plan = plan
        self._exposure = HeldExposure(camera.traits.mains_hz)
        self._began = now
        self._changes: list[LightInterval] = []
        self._next_at = 0.0
        self._grid: FaceGrid | None = None
        self._samples: list[Sample] = []
        # Of each sample, the step that lit all of it; -1: more than one.
        self._steps: list[int] = []
        self._size = (0, 0)
        camera.lock(self._exposure.flicker_period)

    def saw(self, frame: Frame, landmarks: NDArray[np.float32] | None, now: float) -> ChallengeAnswer | None:
        """The answer, once the code has been played. landmarks: (468, 3) of the face in this frame; None: none there.

        now: seconds on the session's clock.
        """
        exposure = frame.exposure
        if exposure is None:
            return _no_proof("the camera's frames do not say when they were exposed")
        if not self._exposure.holds(frame):
            if self._changes or now - self._began > _PATIENCE_SECONDS:
                return _no_proof("the camera does not hold its exposure")
            return None
        if landmarks is not None and self._changes:
            self._take(frame, exposure, landmarks)
        last = len(self._changes) == len(self._plan.chips)
        if not last and (not self._changes or now >= self._next_at):
            self._show_next(now)
        elif last and self._changes[-1].commanded_at + self._plan.chip_seconds <= exposure.start - exposure.duration:
            return self._answer()
        return None

    def end(self, now: float) -> LightInterval:
        """Exposure free, display as for guidance: when it is. Nothing is kept of the face."""
        self._samples.clear()
        self._steps.clear()
        self._grid = None
        self._camera.unlock()
        return self._screen.show_pattern(Pattern.GUIDANCE, now)

    def _show_next(self, now: float) -> None:
        chip = self._plan.chips[len(self._changes)]
        self._changes.append(self._screen.show_pattern(Pattern(chip.value), now))
        self._next_at = now + self._plan.chip_seconds

    def _take(self, frame: Frame, exposure: Exposure, landmarks: NDArray[np.float32]) -> None:
        if self._grid is None:
            self._grid, self._size = FaceGrid(landmarks), (frame.width, frame.height)
        patch = self._grid.cut(frame, landmarks)
        if patch is None:
            return
        steps = light_seen(self._changes, *exposure_windows(exposure, patch.rows))
        lit = np.full((CELLS, 2), np.nan)
        for number in np.unique(steps[steps >= 0]):
            lit[steps == number] = _LIT[self._plan.chips[number]]
        if np.isfinite(lit).any():
            self._samples.append(Sample(patch, exposure.start, lit))
            self._steps.append(int(steps[0]) if (steps == steps[0]).all() else -1)

    def _answer(self) -> ChallengeAnswer:
        display = self._screen.geometry
        if display is None:
            return _no_proof("where the display is, is not known")
        surface = None if self._grid is None else self._grid.surface()
        response = None if surface is None else light_response(self._samples, surface)
        if surface is None or response is None:
            return _no_proof("too little was seen of the face while the code was played")
        rank = self._rank(response.levels)
        if rank is None:
            return _no_proof("not every step of the code was seen on the face")
        if rank > _FOLLOWED:
            return ChallengeAnswer(
                EvidenceOutcome.INSUFFICIENT,
                f"the face's light does not follow the display: {rank:.2%} of all codes fit as well",
                overwhelmed=True,
            )
        found = relief(response, surface, display, self._camera.traits.focal, self._size)
        if found is None:
            return _no_proof("too little of the face can be compared")
        answer = relief_answer(found)
        unproven = answer.outcome is EvidenceOutcome.INSUFFICIENT
        reason = f"{answer.reason}; the code is followed better than {1 - rank:.2%} of all are"
        return ChallengeAnswer(answer.outcome, reason, answer.margin, overwhelmed=unproven)

    def _rank(self, levels: NDArray[np.float64]) -> float | None:
        """None where a step has no frame of its own."""
        steps = range(len(self._plan.chips))
        whole = np.array(self._steps)
        if not set(steps) <= set(whole.tolist()):
            return None
        times = np.array([sample.time for sample in self._samples])
        played = [sum(_LIT[chip]) for chip in self._plan.chips]
        means = [float(levels[whole == step].mean()) for step in steps]
        middles = [float(times[whole == step].mean()) for step in steps]
        return rank_of_code(played, middles, means)


def _no_proof(reason: str) -> ChallengeAnswer:
    return ChallengeAnswer(EvidenceOutcome.INSUFFICIENT, reason)
