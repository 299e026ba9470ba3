"""The light challenge: a code of the terminal's light, played and seen on the face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import EvidenceOutcome, Spectrum
from edge.frames.frame import Exposure, Frame
from edge.frames.lamp import PointGeometry
from edge.hardware.ports import Camera, LightInterval
from edge.liveness.plans import CHIPS, Chip
from edge.session.code_rank import rank_of_code
from edge.session.exposure_timing import HeldExposure, exposure_windows, lit_rows
from edge.session.half_light import with_sway
from edge.session.light_code import LightCode
from edge.session.lit_face import Before, LitFace
from edge.session.relief_answer import no_surface, relief_answer
from edge.session.silent_answer import silent_answer
from edge.vision.face_patch import Points
from edge.vision.light_response import LightResponse

# A face that is lit by the code follows it better than nearly all orders of its steps; of one that is not, any order is
# as likely. So few may fit as well, of a confirmation and of a veto: lamps that flicker in step with the code would
# make a sheet of any face.
_CONFIRMED: Final = 0.001
_FOLLOWED: Final = 0.005
# Where more fit, and the light seems to add less than this to the room, its light does not show.
_ANY: Final = 0.05
_LITTLE: Final = 0.005
# Until the camera holds its exposure.
_PATIENCE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ChallengeAnswer:
    """What a challenge came to.

    overwhelmed: the face does not show our light, not even by averaging. faint: it shows it, and too weakly
    to tell its shape by. leans: a face that follows the code, in which more speaks for a head than for a sheet, and too
    little to prove it.
    """

    outcome: EvidenceOutcome
    reason: str
    margin: float | None = None
    overwhelmed: bool = False
    faint: bool = False
    leans: bool = False


class LightChallenge:
    """One code. Holds the camera's exposure from making to ``end``, which must be called on every way out.

    The methods raise HardwareError when the camera or the light fail.
    """

    def __init__(
        self,
        camera: Camera,
        code: LightCode,
        now: float,
        *,
        before: Before | None = None,
        begin_at: float = -math.inf,
        longer: float = 1.0,
    ) -> None:
        """now: seconds on the session's clock. before: the same face in the same light, as the light step left it;
        ``end`` ends it too. begin_at: seconds; no code begins before, for the flashes that were shown till now.
        longer: times the camera's own exposure, where it is not held yet.
        """
        self._code = code
        self._spectrum = camera.traits.spectrum
        self._began = now
        self._changes: list[LightInterval] = []
        self._next_at = begin_at
        self._before = before or Before(LitFace(code.geometry, camera.traits), HeldExposure(camera, longer))
        self._face, self._exposure = self._before.face, self._before.exposure

    def begin(self, now: float) -> None:
        """Shows the first step where nothing needs to be waited for: the exposure was held before, and no flash stands
        against it. Else a frame does, once it may.
        """
        if self._exposure.held and now >= self._next_at:
            self._show_next(now)

    def saw(self, frame: Frame, landmarks: Points | None, now: float) -> ChallengeAnswer | None:
        """The answer, once the code has been played. landmarks: (468, 3) of the face in this frame; None: none there.

        now: seconds on the session's clock.
        """
        exposure = frame.exposure
        if exposure is None:
            return no_proof("the camera's frames do not say when they were exposed")
        if not self._exposure.holds(frame):
            if self._changes or now - self._began > _PATIENCE_SECONDS:
                return no_proof("the camera does not hold its exposure")
            return None
        if landmarks is not None and self._changes:
            self._face.saw(frame, landmarks, self._lit)
        last = len(self._changes) == len(self._code.steps)
        if not last and now >= self._next_at:
            self._show_next(now)
        elif last and now >= self._next_at and self._saw_last(frame, exposure):
            return self._answer()
        return None

    def end(self, now: float) -> LightInterval:
        """Exposure free, the light as it is to be after a code: when it is. Nothing is kept of the face."""
        self._before.end()
        return self._code.end(now)

    def _saw_last(self, frame: Frame, exposure: Exposure) -> bool:
        """Whether the last step was seen for as long as the others: frames reach the session late. This one is of that
        step alone, and would be too late for another.
        """
        last = self._changes[-1]
        begins, ends = exposure_windows(exposure, np.array([0.0, frame.height - 1.0]))
        return bool(begins[0] >= last.settled_at and ends[-1] >= last.commanded_at + self._code.chip_seconds)

    def _show_next(self, now: float) -> None:
        self._changes.append(self._code.show(len(self._changes), now))
        self._next_at = now + self._code.chip_seconds

    def _lit(self, exposure: Exposure, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return lit_rows(self._changes, self._code.steps, exposure, rows)

    def _answer(self) -> ChallengeAnswer:
        if self._face.outshone():
            return ChallengeAnswer(
                EvidenceOutcome.INSUFFICIENT,
                f"the surroundings give too little light to compare with that of the {self._code.name}",
                faint=True,
            )
        seen = self._face.response()
        if seen is None:
            return no_proof("too little was seen of the face while the code was played")
        response, surface = seen
        lacking = no_surface(self._face.returned(response, surface))
        if lacking is not None:
            return ChallengeAnswer(EvidenceOutcome.VETO, lacking)
        rank = self._rank(response)
        if rank is None:
            return no_proof("not every step of the code was seen on the face")
        if rank > _FOLLOWED:
            added = response.contrast(surface)
            nothing = rank > _ANY and abs(added) < _LITTLE
            return ChallengeAnswer(
                EvidenceOutcome.INSUFFICIENT,
                f"the face's light does not follow the {self._code.name} for certain: {rank:.2%} of all codes fit as "
                f"well, and {added:.1%} would be the light's",
                overwhelmed=nothing,
                faint=not nothing,
            )
        found = self._face.relief(response, surface)
        if found is None:
            return no_proof("too little of the face can be compared")
        by_lamp = isinstance(self._code.geometry, PointGeometry)
        if by_lamp and self._spectrum is Spectrum.NOIR:
            alone = self._face.shape_in_our_light(response, surface)
            if alone is None:
                return no_proof("too little of the face is seen in the light of the " + self._code.name)
            answer = silent_answer(found, alone)
        else:
            found = with_sway(found, turns=CHIPS[Chip.LEFT])
            answer = relief_answer(found, self._face.beside(response), lamp=by_lamp)
        reason = f"{answer.reason}; {rank:.2%} of all codes fit as well as the played one"
        if answer.outcome is EvidenceOutcome.CONFIRMED and rank > _CONFIRMED:
            return ChallengeAnswer(EvidenceOutcome.INSUFFICIENT, reason, answer.margin, faint=True)
        leans = answer.leans and rank <= _CONFIRMED
        return ChallengeAnswer(answer.outcome, reason, answer.margin, faint=answer.faint, leans=leans)

    def _rank(self, response: LightResponse) -> float | None:
        """With and without what movement explains, the better of the two, doubled (Bonferroni).

        Movement is found in the same pictures, and takes the glints on a screen for itself. None where a step has no
        frame of its own.
        """
        times = response.times
        whole = np.isfinite(response.lit).all(axis=(1, 2)) & (times >= self._changes[0].commanded_at)
        steps = np.searchsorted([change.commanded_at for change in self._changes], times, side="right")[whole] - 1
        if set(steps.tolist()) != set(range(len(self._changes))):
            return None
        when = times - times[whole].mean()
        played = [sum(step) for step in self._code.steps]
        ranks = [
            rank_of_code(played, steps, response.levels[whole], np.column_stack(nuisance)[whole])
            for nuisance in ([when], [when, when**2, response.movement])
        ]
        return min(1.0, len(ranks) * min(ranks))


def no_proof(reason: str) -> ChallengeAnswer:
    """Of a challenge that could not be played or seen."""
    return ChallengeAnswer(EvidenceOutcome.INSUFFICIENT, reason)
