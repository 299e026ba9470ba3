"""What may happen to a session. The machine alone decides what it means in each state."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.contracts.enums import CaptureKind, ErrorCode, EvidenceOutcome, LightLevel
from edge.liveness.evidence import FrameEvidence
from edge.liveness.outcome import Finding
from edge.liveness.spectrum import USUAL, Means

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Started:
    """An accepted request begins.

    seed: at least 32 bytes of the operating system's CSPRNG, ValueError otherwise; all challenges come from
    it, so it stays out of every log, and is forgotten with the session.
    means: what the terminal's camera and lights can bring evidence by.
    """

    capture: CaptureKind
    seed: bytes = field(repr=False)
    means: Means = USUAL

    def __post_init__(self) -> None:
        if len(self.seed) < SEED_BYTES:
            raise ValueError(f"a seed has at least {SEED_BYTES} bytes, not {len(self.seed)}")


@dataclass(frozen=True, slots=True)
class LightsSettled:
    """Backlight up and exposure adapted; frames may be judged from here on."""


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """Vision has looked at a frame.

    continuity: what all frames of this face, up to this one, say of one person in one unbroken sequence; None: nothing
    yet.
    """

    evidence: FrameEvidence
    continuity: Finding | None = None


@dataclass(frozen=True, slots=True)
class LightMeasured:
    """The light measurement is done. ``reason`` is logged and signed.

    measurement: the number that it was asked for by; another one is ignored.
    outcome, margin: what the face's answer to the brightness step says of liveness. A veto counts at every
    level, a confirmation in dim light only.
    """

    measurement: int
    level: LightLevel
    reason: str
    outcome: EvidenceOutcome = EvidenceOutcome.INSUFFICIENT
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class ChallengeFinished:
    """A light or motion challenge was played to its end.

    plan_id: of the plan that was played; a foreign one is ignored.
    overwhelmed: the light does not show, not even by averaging. faint: it shows, and too weakly to tell a shape by.
    leans: a light challenge that proves no head by itself, and does beside a head's movement (``Finding``).
    error: set where the person did not do what was asked.
    """

    plan_id: str
    outcome: EvidenceOutcome
    reason: str
    margin: float | None = None
    overwhelmed: bool = False
    faint: bool = False
    leans: bool = False
    error: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """A replayed source has no further frame."""


@dataclass(frozen=True, slots=True)
class HardwareFailed:
    """Camera or lights cannot go on."""

    code: ErrorCode
    message: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The requester or the person gave up."""

    message: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """Nothing happened; time passed."""


Event = (
    Started
    | LightsSettled
    | FrameSeen
    | LightMeasured
    | ChallengeFinished
    | SourceEnded
    | HardwareFailed
    | Cancelled
    | Ticked
)
