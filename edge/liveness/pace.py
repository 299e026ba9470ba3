"""How far an attempt has come, and how long it may still take: for the person, never for the decision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from edge.liveness.plans import InfraredPlan, LightPlan
from edge.liveness.state import Phase, SessionState

# The last seconds of an attempt that wants something of the person; before them a figure only hurries.
COUNTED_SECONDS = 10
# The shares of an attempt that are behind the person where each phase begins, at least, and where it ends. Which ones
# follow is not known before, so each goes on from wherever the bar is.
_SPANS: Mapping[Phase, tuple[float, float]] = MappingProxyType(
    {
        Phase.POSITIONING: (0.0, 0.3),
        Phase.MEASURING_LIGHT: (0.3, 0.5),
        Phase.LIGHT_CHALLENGE: (0.5, 0.75),
        Phase.PASSIVE: (0.5, 1.0),
        Phase.MOTION_CHALLENGE: (0.5, 1.0),
    }
)
# In these nothing happens unless the person does something.
_WAITING = frozenset({Phase.POSITIONING, Phase.PASSIVE, Phase.MOTION_CHALLENGE})


@dataclass(frozen=True, slots=True)
class Pace:
    """Of an attempt at one moment.

    progress: share of it that is done, 0..1; never falls within an attempt. seconds_left: whole seconds until it is
    over in any case, 1..10; None where more are left, or nobody is waited for. phase, began: where it is, and
    ``progress`` when it came there.
    """

    attempt: int = 0
    progress: float = 0.0
    seconds_left: int | None = None
    phase: Phase = Phase.IDLE
    began: float = 0.0


def follow(pace: Pace, state: SessionState, now: float, moved: float = 0.0) -> Pace:
    """The next one after ``pace``. now: seconds on the session's clock.

    moved: share of the head movements that are done, 0..1, which whoever plays them knows.
    """
    if state.attempt != pace.attempt:
        pace = Pace(state.attempt)
    if state.done:
        return replace(pace, progress=1.0, seconds_left=None, phase=state.phase)
    begin, end = _SPANS.get(state.phase, (0.0, 0.0))
    if state.phase is not pace.phase:
        pace = replace(pace, phase=state.phase, began=max(begin, pace.progress))
    reached = pace.began + max(0.0, end - pace.began) * _share(state, now, moved)
    return replace(pace, progress=max(pace.progress, reached), seconds_left=_seconds_left(state, now))


def _share(state: SessionState, now: float, moved: float) -> float:
    """Of the phase, 0..1."""
    policy, gathered = state.policy, state.gathered
    match state.phase:
        case Phase.POSITIONING if gathered.held:
            lasted = gathered.last_frame_at - gathered.held_since
            done = min(_part(gathered.held, policy.positioning_frames), _part(lasted, policy.positioning_seconds))
        case Phase.MEASURING_LIGHT:
            done = _part(now - state.phase_since, policy.measuring_limit)
        case Phase.PASSIVE if mine := gathered.candidates[gathered.candidates_before_passive :]:
            lasted = mine[-1].captured_at - mine[0].captured_at
            done = min(_part(len(mine), policy.passive_frames), _part(lasted, policy.passive_seconds))
        case Phase.LIGHT_CHALLENGE if isinstance(gathered.plan, LightPlan | InfraredPlan):
            done = _part(now - state.phase_since, gathered.plan.seconds)
        case Phase.MOTION_CHALLENGE:
            done = moved
        case _:
            done = 0.0
    return min(max(done, 0.0), 1.0)


def _part(done: float, whole: float) -> float:
    return done / whole if whole > 0 else 1.0


def _seconds_left(state: SessionState, now: float) -> int | None:
    if state.phase not in _WAITING:
        return None
    policy = state.policy
    ends_at = min(state.created_at + policy.ttl, state.gathered.started_at + policy.attempt_timeout)
    left = math.ceil(ends_at - now)
    return max(left, 1) if left <= COUNTED_SECONDS else None
