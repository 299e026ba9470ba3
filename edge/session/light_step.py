"""The backlight step: how much the face answers the display, measured from the frames of a session that runs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import EvidenceOutcome, LightLevel, Spectrum
from edge.frames.covered import Scratch
from edge.frames.frame import Exposure, Frame, LightState
from edge.frames.linear import row_levels
from edge.hardware.ports import Backlight, Camera, LightInterval, Screen
from edge.liveness.evidence import FaceBox, FrameEvidence
from edge.session.exposure_timing import HeldExposure, exposure_windows, light_seen, lit_rows
from edge.session.half_light import TURNS, HalfLight, with_sway
from edge.session.light_answer import OWN_LUX, WEAK, Circumstances, LightAnswer, Sample, light_answer
from edge.session.lit_face import Before, LitFace
from edge.session.relief_answer import no_surface, relief_answer
from edge.vision.boxes import middle
from edge.vision.face_patch import Points

# Full, dark and again, so that a face that comes nearer meanwhile does not pass for one that answers. Each level
# stays 0.25 s or longer: two flashes in more than a second (WCAG 2.3.1 allows three).
_LEVELS: Final = (1.0, 0.0, 1.0, 0.0, 1.0)
CHANGES: Final = len(_LEVELS) - 1
LEAST_SECONDS: Final = 0.25
_FRAMES_OF_EACH: Final = 4
# To wait for the camera to hold its exposure, and for each level to show: so many frames, and so many seconds.
_PATIENCE: Final = 30
_PATIENCE_SECONDS: Final = 1.0
# A slower camera gets no answer in the time that the session's machine gives a measurement
# (edge.liveness.policy.Policy.measuring_limit), and lux decides before that runs out.
_LONGEST: Final = 4.5
# Share of the face's rows that one level must have lit, and the middle of the face box that counts, each way.
_ENOUGH_ROWS: Final = 0.6
_MIDDLE: Final = 0.6
# The width of a face, metres: 0.14 to 0.16 between the zygomatic arches and what a detector's box adds.
_FACE_WIDTH: Final = 0.15
_NOT_HELD: Final = "the camera does not hold its exposure"


class LightStep:
    """One measurement. Holds the camera's exposure from making to ``end``, which must be called on every way out, and
    beyond where it was handed over.

    The methods raise HardwareError when camera or backlight fail.
    """

    def __init__(
        self,
        camera: Camera,
        backlight: Backlight,
        now: float,
        *,
        lux: float | None,
        direct: bool = True,
        screen: Screen | None = None,
        dark_from: float = -math.inf,
        longer: float = 1.0,
    ) -> None:
        """lux: second opinion, None where there is none. direct: whether it was measured; by a rough one no answer of
        the face is due. screen: None where no shape is to be told from its light.

        dark_from: seconds before which it does not go dark, for the flashes that were before. longer: times the
        camera's own exposure.
        """
        self._camera = camera
        self._backlight = backlight
        self._screen = screen
        display = None if screen is None else screen.geometry
        self._shape = None if display is None else LitFace(display, camera.traits)
        # In dim light, with the answer that waits for what they tell.
        self._halves: tuple[HalfLight, LightAnswer] | None = None
        self._lux = lux
        self._direct = direct
        self._stages: list[LightInterval] = []
        self._samples: list[Sample] = []
        self._scratch = Scratch()
        self._waited = 0
        self._began = now
        self._dark_from = dark_from
        self._face: FaceBox | None = None
        self._clipped = 0.0
        self._distance: float | None = None
        self._handed_over = False
        self._exposure = HeldExposure(camera, longer)
        try:
            self._backlight_to_next_level(now)
        except Exception:
            self._exposure.free()
            raise

    def light_of(self, frame: Frame) -> LightState:
        """What the display did while the frame was exposed."""
        if frame.exposure is None:
            return LightState(display=None, settled=False)
        if self._halves is not None and frame.exposure.start >= self._halves[0].begun_at:
            return LightState(display=1.0, settled=False)
        stages = self._stage_of(frame.exposure, 0, frame.height)
        first = int(stages[0])
        if first < 0 or (stages != first).any():
            return LightState(display=None, settled=False)
        return LightState(display=_LEVELS[first])

    def saw(
        self, frame: Frame, evidence: FrameEvidence | None, now: float, landmarks: Points | None = None
    ) -> LightAnswer | None:
        """The answer, as soon as there is one. now: seconds on the session's clock.

        evidence, landmarks: of the same frame. None: nobody looked, since it may be too dark, and the face is taken to
        be where it was.
        """
        if self._halves is not None:
            return self._saw_half(*self._halves, frame, now, landmarks)
        if now - self._began > _LONGEST:
            return LightAnswer(None, f"the camera is too slow: no answer within {_LONGEST:g} s")
        self._waited += 1
        if evidence is not None:
            self._face = evidence.box
        exposure = frame.exposure
        if exposure is None:
            return LightAnswer(None, "the camera's frames do not say when they were exposed")
        if not self._exposure.holds(frame):
            return self._not_held(now)
        if self._face is None:
            return self._impatient("the face was not seen for long enough", now)
        return self._saw_level(frame, exposure, self._face, landmarks, now)

    def _saw_level(
        self, frame: Frame, exposure: Exposure, face: FaceBox, landmarks: Points | None, now: float
    ) -> LightAnswer | None:
        sample = self._sample(frame, exposure, face)
        if isinstance(sample, LightAnswer):
            return sample
        if sample is not None:
            self._samples.append(sample)
        if self._shape is not None:
            self._shape.saw(frame, landmarks, self._lit)
        stage = len(self._stages) - 1
        enough = sum(taken.stage == stage for taken in self._samples) >= _FRAMES_OF_EACH
        if not enough or now - self._stages[stage].settled_at < LEAST_SECONDS:
            return self._impatient("the display's levels could not be told apart in the frames' exposure times", now)
        if stage + 1 < len(_LEVELS):
            if now >= self._dark_from:
                self._backlight_to_next_level(now)
            return None
        answer = light_answer(self._samples, self._circumstances(exposure))
        told = answer.level is not LightLevel.DIM or answer.outcome is EvidenceOutcome.VETO
        if told or self._shape is None or self._screen is None:
            return answer
        shaped = self._with_shape(answer, halves_follow=True)
        if shaped.level is LightLevel.BRIGHT:
            return shaped
        self._halves = HalfLight(self._screen, self._shape, now), answer
        return None

    def _saw_half(
        self, halves: HalfLight, answer: LightAnswer, frame: Frame, now: float, landmarks: Points | None
    ) -> LightAnswer | None:
        """In dim light the step is evidence of its own: what it shows of the face's shape and colours."""
        if now - self._began > _LONGEST:
            return replace(answer, reason=f"{answer.reason}; the camera is too slow to tell a shape")
        if not self._exposure.holds(frame):
            return replace(answer, reason=f"{answer.reason}; {_NOT_HELD}")
        return self._with_shape(answer) if halves.saw(frame, landmarks, now) else None

    def _with_shape(self, answer: LightAnswer, *, halves_follow: bool = False) -> LightAnswer:
        seen = None if self._shape is None else self._shape.response()
        if self._shape is None or seen is None:
            return replace(answer, reason=f"{answer.reason}; too little of the face was seen")
        lacking = no_surface(self._shape.returned(*seen))
        if lacking is not None:
            return LightAnswer(answer.level, f"{answer.reason}; {lacking}", EvidenceOutcome.VETO)
        found = self._shape.relief(*seen, strong=True)
        if found is None:
            return replace(answer, reason=f"{answer.reason}; too little of the face can be compared")
        beside = self._shape.beside(seen[0])
        shape = relief_answer(with_sway(found, TURNS), beside, alone=True, halves_follow=halves_follow)
        if halves_follow and shape.outcome is not EvidenceOutcome.VETO and found.contrast < WEAK:
            reason = f"{answer.reason}; too little of it to tell a shape without a code: {shape.reason}"
            return LightAnswer(LightLevel.BRIGHT, reason)
        return LightAnswer(answer.level, f"{answer.reason}; {shape.reason}", shape.outcome, shape.margin)

    def _lit(self, exposure: Exposure, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return lit_rows(self._stages, [(level,) for level in _LEVELS], exposure, rows)

    def end(self, now: float) -> LightInterval:
        """Exposure free unless handed over, display bright: when it is. Once; the camera is free also where the
        backlight fails.
        """
        self.forget()
        if not self._handed_over:
            self._exposure.free()
        bright = self._backlight.set_level(1.0, now)
        ending, self._halves = self._halves, None
        return bright if ending is None else ending[0].end(now)

    def hand_over(self) -> Before | None:
        """For a challenge that follows; whoever takes it must end it. None where there is nothing to go on with: no
        face was followed, or the camera does not hold its exposure.
        """
        shape = self._shape
        if shape is None or not self._exposure.held:
            return None
        self._shape, self._handed_over = None, True
        return Before(shape, self._exposure)

    def forget(self) -> None:
        """Overwrites what was kept of the face."""
        self._scratch.wipe()
        if self._shape is not None:
            self._shape.forget()

    def _not_held(self, now: float) -> LightAnswer | None:
        """Until the first level was seen it may take its time; after that nothing can be compared any more."""
        if len(self._stages) > 1:
            return LightAnswer(None, _NOT_HELD)
        self._samples.clear()
        self.forget()
        return self._impatient(_NOT_HELD, now)

    def _backlight_to_next_level(self, now: float) -> None:
        self._stages.append(self._backlight.set_level(_LEVELS[len(self._stages)], now))
        self._waited = 0

    def _impatient(self, reason: str, now: float) -> LightAnswer | None:
        waited = now - self._stages[-1].commanded_at
        return LightAnswer(None, reason) if self._waited > _PATIENCE and waited > _PATIENCE_SECONDS else None

    def _sample(self, frame: Frame, exposure: Exposure, box: FaceBox) -> Sample | LightAnswer | None:
        top, bottom, left, right = map(round, middle(box, _MIDDLE, frame.width, frame.height))
        if bottom - top < 4 or right - left < 4:
            return None
        rows = row_levels(frame, top, bottom, left, right, self._scratch)
        if rows is None:
            return LightAnswer(None, "the camera's frames give no linear values")
        if self._camera.traits.focal is not None:
            self._distance = self._camera.traits.focal * frame.width * _FACE_WIDTH / box.width
        stages = self._stage_of(exposure, top, bottom)
        counts = np.bincount(stages[stages >= 0], minlength=1)
        stage = int(counts.argmax())
        if counts[stage] < _ENOUGH_ROWS * len(stages):
            return None
        self._clipped = max(self._clipped, rows.clipped)
        return Sample(stage, _LEVELS[stage], frame.captured_at, float(rows.levels[stages == stage].mean()))

    def _stage_of(self, exposure: Exposure, top: int, bottom: int) -> NDArray[np.intp]:
        """Of rows ``top`` up to ``bottom``, the level that lit them."""
        return light_seen(self._stages, *exposure_windows(exposure, np.arange(top, bottom, dtype=np.float64)))

    def _circumstances(self, exposure: Exposure) -> Circumstances:
        due = None
        if self._lux is not None and self._direct and self._distance is not None:
            due = OWN_LUX * (0.5 / self._distance) ** 2 / max(self._lux, 1.0)
        return Circumstances(
            exposure=exposure.duration,
            divides_flicker=self._exposure.divides_flicker(exposure) is True,
            clipped=self._clipped,
            lux=self._lux,
            due=due,
            lux_sees_all=self._camera.traits.spectrum is Spectrum.IR_CUT,
        )
