"""The motion challenge: asks for head movements, and judges them from the frames of a session that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edge.contracts.enums import EvidenceOutcome, Prompt
from edge.frames.frame import Frame
from edge.liveness.evidence import FrameEvidence, HeadPose
from edge.liveness.plans import MotionPlan
from edge.session.motion_answer import (
    READING_SECONDS,
    Course,
    MotionAnswer,
    Sample,
    Stage,
    Texture,
    course,
    motion_answer,
    not_performed,
)
from edge.vision.parallax import FaceTexture, Parallax

# While a movement has not succeeded its texture is looked at so often, for the sheet that landmarks do not see turn.
_LOOK_SECONDS: Final = 0.5


class MotionChallenge:
    """One challenge, whose first prompt stands already. Holds a small grey picture until ``end``, which must be called
    on every way out."""

    def __init__(self, plan: MotionPlan, show: Callable[[Prompt], None], now: float, *, movement_limit: float) -> None:
        """show: puts a prompt before the person. movement_limit: seconds for each movement beside its hold."""
        self._plan = plan
        self._show = show
        self._limit = movement_limit
        self._number = 0
        self._asked_at = now
        self._back_at: float | None = None
        self._called_back = False
        self._samples: list[Sample] = []
        self._following: FaceTexture | None = None
        self._looked_at = now
        self._seen: list[Parallax] = []
        self._textures: list[Texture] = []

    @property
    def done(self) -> float:
        """Share of the movements, 0..1; half of one where the head is called back."""
        return (self._number + (0.5 if self._back_at is not None else 0.0)) / len(self._plan.movements)

    def saw(self, frame: Frame, evidence: FrameEvidence, now: float) -> MotionAnswer | None:
        """The answer, as soon as there is one. now: seconds on the session's clock, which frames are stamped with."""
        if evidence.pose is not None:
            self._samples.append(Sample(evidence.captured_at, evidence.pose.yaw, evidence.pose.pitch))
            self._follow(frame, evidence, evidence.pose)
        movement = self._plan.movements[self._number]
        follows = self._number + 1 < len(self._plan.movements)
        at = course(self._samples, movement, self._asked_at, self._back_at, settles=follows)
        match at.stage:
            case Stage.REFUSED:
                return self._not_performed(at)
            case Stage.VOID:
                return MotionAnswer(EvidenceOutcome.INSUFFICIENT, at.reason)
            case Stage.HELD if self._back_at is None:
                self._textures.append(self._texture(evidence.pose))
                self._call_back(called=True)
                self._back_at = now
            case Stage.BACK:
                if not follows:
                    return motion_answer(self._textures)
                self._next(now)
                return None
            case _:
                # Nobody answers sooner, so the rest of the hold is seen while the prompt is read.
                self._call_back(called=0 < at.held >= movement.hold_seconds - READING_SECONDS)
                self._look(now)
        if now - self._asked_at > self._limit + movement.hold_seconds:
            return self._not_performed(at)
        return None

    def end(self) -> None:
        """Drops what is kept of the face. May be repeated."""
        self._samples.clear()
        self._drop()

    def _call_back(self, *, called: bool) -> None:
        """Asks to look straight; for the movement again where the head did not stay."""
        if called is not self._called_back and self._back_at is None:
            self._called_back = called
            asked = self._plan.movements[self._number].direction.prompt
            self._show(Prompt.LOOK_STRAIGHT if called else asked)

    def _not_performed(self, at: Course) -> MotionAnswer:
        self._look(self._looked_at + _LOOK_SECONDS)
        return not_performed(at.reason, self._seen)

    def _next(self, now: float) -> None:
        self._number += 1
        self._show(self._plan.movements[self._number].direction.prompt)
        self._asked_at, self._back_at, self._looked_at = now, None, now
        self._called_back = False
        self._samples = [sample for sample in self._samples if sample.time >= now - READING_SECONDS]
        self._seen = []

    def _follow(self, frame: Frame, evidence: FrameEvidence, pose: HeadPose) -> None:
        """From the last moment when the face cannot have answered yet, until it has turned and held."""
        if self._back_at is not None or evidence.box is None:
            return
        if self._following is not None:
            self._following.follow(frame)
        elif evidence.captured_at > self._asked_at + READING_SECONDS:
            self._following = FaceTexture(frame, evidence.box, pose)

    def _look(self, now: float) -> None:
        if self._following is None or now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        parallax = self._following.parallax()
        if parallax is not None:
            self._seen.append(parallax)

    def _texture(self, pose: HeadPose | None) -> Texture:
        following = self._following
        if following is None or pose is None:
            return Texture(0, 0.0, 0, None, None)
        told = Texture(
            following.points, following.lost, following.alike, following.parallax(pose), following.parallax()
        )
        self._drop()
        return told

    def _drop(self) -> None:
        if self._following is not None:
            self._following.end()
            self._following = None
