"""What the machine asks of the world. The runner carries it out and answers with events."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contracts.enums import Prompt
from edge.liveness.outcome import AttemptOutcome
from edge.liveness.plans import InfraredPlan, LightPlan, MotionPlan


@dataclass(frozen=True, slots=True)
class PrepareLights:
    """Whatever shows the face to the camera to full brightness, where it may be already; answer LightsSettled."""


@dataclass(frozen=True, slots=True)
class RestoreLights:
    """Everything back as it was found; emitted on every way out, and between attempts unless without flash."""


@dataclass(frozen=True, slots=True)
class ShowPrompt:
    """Tell the person."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class MeasureLight:
    """Answer LightMeasured with the same number; a later one takes the place of an earlier one.

    measurement: counts from 1 over the session.
    flash: False where no light may change for it, on the requester's word; then lux alone tells the level.
    """

    measurement: int
    flash: bool = True


@dataclass(frozen=True, slots=True)
class PlayLight:
    """Play the plan; answer ChallengeFinished."""

    plan: LightPlan | InfraredPlan


@dataclass(frozen=True, slots=True)
class PlayMotion:
    """Play the plan, showing each later movement's prompt in its turn; answer ChallengeFinished."""

    plan: MotionPlan


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """One attempt is over; ``last`` when the session is too."""

    attempt: int
    outcome: AttemptOutcome
    last: bool


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that does not belong here changed nothing; kept for the log."""

    reason: str


Effect = PrepareLights | RestoreLights | ShowPrompt | MeasureLight | PlayLight | PlayMotion | AttemptEnded | Ignored
