"""What a session knows, and the moves that every handler makes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from edge.contracts.enums import (
    CaptureKind,
    ErrorCode,
    EvidencePath,
    LightLevel,
    LivenessOperationMode,
    Prompt,
    QualityFailure,
)
from edge.liveness.effects import Effect
from edge.liveness.evidence import FrameEvidence
from edge.liveness.outcome import BegunChallenge, Finding
from edge.liveness.plans import Plan
from edge.liveness.policy import Policy
from edge.liveness.spectrum import USUAL, Means


class Phase(StrEnum):
    """Where a session is."""

    IDLE = "idle"
    PREPARING = "preparing"
    POSITIONING = "positioning"
    MEASURING_LIGHT = "measuring_light"
    PASSIVE = "passive"
    LIGHT_CHALLENGE = "light_challenge"
    MOTION_CHALLENGE = "motion_challenge"
    DECIDING = "deciding"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an attempt is over. Without a code the evidence is judged; ``final`` ends the session with it."""

    message: str
    code: ErrorCode | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    """The prompt that the person sees, and the one that frames have been asking for since."""

    shown: Prompt | None = None
    shown_at: float = -math.inf
    wanted: Prompt | None = None
    wanted_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt has gathered.

    prepared: the lights were asked for, so they must be put back.
    track: the face that all of this is about; 0 before the first.
    plan: of the challenge that runs. challenges: those that were begun.
    held: good frames in a row. candidates: frames that may be judged.
    """

    started_at: float
    prepared: bool = True
    track: int = 0
    path: EvidencePath = EvidencePath.PASSIVE
    light_level: LightLevel = LightLevel.NOT_MEASURED
    light_reason: str = "not measured"
    light: Finding | None = None
    motion: Finding | None = None
    continuity: Finding | None = None
    plan: Plan | None = None
    challenges: tuple[BegunChallenge, ...] = ()
    candidates: tuple[FrameEvidence, ...] = ()
    candidates_before_passive: int = 0
    held: int = 0
    held_since: float = 0.0
    face_seen: bool = False
    last_frame_at: float = -math.inf
    recent: tuple[QualityFailure | None, ...] = ()
    failures: tuple[tuple[QualityFailure, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SessionState:
    """One session. ``attempt`` counts from 1, ``measurements`` how often the light was to be measured.

    created_at, now, phase_since: the caller's monotonic seconds; ``now`` is when the state last changed.
    """

    policy: Policy
    mode: LivenessOperationMode
    created_at: float
    now: float
    phase_since: float
    gathered: Attempt
    phase: Phase = Phase.IDLE
    attempt: int = 1
    measurements: int = 0
    capture: CaptureKind = CaptureKind.LIVE
    seed: bytes = field(default=b"", repr=False)
    means: Means = USUAL
    guide: Guide = Guide()
    ending: Ending | None = None

    @property
    def done(self) -> bool:
        """The session is over; every further event is ignored."""
        return self.phase is Phase.DONE


Step = tuple[SessionState, tuple[Effect, ...]]


def enter(state: SessionState, phase: Phase, now: float) -> SessionState:
    """Move on; the phase's time counts from ``now``."""
    return replace(state, phase=phase, phase_since=now)


def gather(state: SessionState, **changes: Any) -> SessionState:
    """With fields of the attempt replaced."""
    return replace(state, gathered=replace(state.gathered, **changes))


def stay(state: SessionState, _: object, __: float) -> Step:
    """A handler that changes nothing."""
    return state, ()


def end(state: SessionState, ending: Ending, now: float) -> Step:
    """The attempt is over; ``edge.liveness.conclusion`` makes its outcome of it."""
    return replace(enter(state, Phase.DECIDING, now), ending=ending), ()


def judge(state: SessionState, message: str, now: float, *, final: bool = False) -> Step:
    """The attempt is over, and the evidence decides."""
    return end(state, Ending(message, final=final), now)
