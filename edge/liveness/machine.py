"""The session machine: ``step(state, event, now) -> (state, effects)``.

Rules. Everything that a session may do stands in ``TRANSITIONS``; the diagram in ``docs/sessions.md`` is
drawn from it, and a handler that leads anywhere else fails. ``now`` is given by the caller, in monotonic
seconds; nothing here reads a clock. Time that has run out comes before the event. An event that does not
belong to the phase changes nothing and gives an ``Ignored``. Every attempt ends through DECIDING, which is
left within the same step.

The handlers, in the order of an attempt: ``preparation``, ``watching`` (frames), ``paths`` (light), ``challenges``,
``interruptions`` (time and the world), ``conclusion`` (with ``fusion`` and ``assurance``). What they change: ``state``;
what is said: ``prompts``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from edge.contracts.enums import LivenessOperationMode
from edge.liveness.challenges import light_answered, motion_answered
from edge.liveness.conclusion import conclude
from edge.liveness.effects import Ignored
from edge.liveness.events import (
    Cancelled,
    ChallengeFinished,
    Event,
    FrameSeen,
    HardwareFailed,
    LightMeasured,
    LightsSettled,
    SourceEnded,
    Started,
    Ticked,
)
from edge.liveness.interruptions import cancel, fail, source_over, tick
from edge.liveness.paths import light_measured
from edge.liveness.policy import Policy
from edge.liveness.preparation import settle, start
from edge.liveness.state import Attempt, Phase, SessionState, Step, stay
from edge.liveness.watching import collect, position, watch_challenge, watch_while_measuring

__all__ = [
    "PHASES_OF_AN_ATTEMPT",
    "TRANSITIONS",
    "Phase",
    "SessionState",
    "Transition",
    "new_session",
    "step",
    "wants_judgement",
]

Handler = Callable[[SessionState, Any, float], Step]


def new_session(policy: Policy, mode: LivenessOperationMode, now: float) -> SessionState:
    """A session that waits for Started. Its time to live counts from ``now``.

    Raises ValueError for a mode that the policy does not allow: a request must have been tightened first.
    """
    if mode not in policy.modes:
        raise ValueError(f"the policy {policy.name} does not allow {mode}")
    unprepared = Attempt(started_at=now, prepared=False)
    return SessionState(policy, mode, created_at=now, now=now, phase_since=now, gathered=unprepared)


def wants_judgement(state: SessionState) -> bool:
    """Whether PAD networks should look at the frames of this moment.

    Not before the light has settled, not under the patterns of a light challenge, which no network knows, and in no
    picture of infrared.
    """
    return state.means.networks and state.phase in {
        Phase.POSITIONING,
        Phase.MEASURING_LIGHT,
        Phase.PASSIVE,
        Phase.MOTION_CHALLENGE,
    }


def step(state: SessionState, event: Event, now: float) -> Step:
    """What the event makes of the session.

    Raises ValueError when ``now`` is not a number or earlier than the last change: a programmer's error.
    """
    if not math.isfinite(now) or now < state.now:
        raise ValueError(f"time went from {state.now} to {now}; step() needs a monotonic clock")
    attempt = state.attempt
    state, effects = _apply(state, Ticked(), now)
    if isinstance(event, LightsSettled) and state.attempt != attempt:
        # Settled for the attempt that time has just ended; the next one has asked for its own lights.
        return state, (*effects, Ignored(f"the lights settled too late for attempt {attempt}"))
    if not isinstance(event, Ticked):
        state, more = _apply(state, event, now)
        effects += more
    return state, effects


def _apply(state: SessionState, event: Event, now: float) -> Step:
    transition = TRANSITIONS.get((state.phase, type(event)))
    if transition is None:
        return state, (Ignored(f"{type(event).__name__} does not belong to {state.phase}"),)
    after, effects = _checked(state, transition, event, now)
    if after.phase is Phase.DECIDING:
        after, more = _checked(after, TRANSITIONS[Phase.DECIDING, None], None, now)
        effects += more
    return (state, effects) if after is state else (replace(after, now=now), effects)


def _checked(state: SessionState, transition: Transition, event: Event | None, now: float) -> Step:
    after, effects = transition.handler(state, event, now)
    if after.phase is not state.phase and after.phase not in transition.to:
        raise AssertionError(f"{state.phase} led to {after.phase}, which TRANSITIONS does not name")
    return after, effects


class Transition(NamedTuple):
    """What handles an event in a phase, where else it may lead, and when it does."""

    handler: Handler
    to: Mapping[Phase, str]


_DECIDING = Phase.DECIDING

_CANCELLED = Transition(cancel, {_DECIDING: "given up"})
_FAILED = Transition(fail, {_DECIDING: "camera or lights failed"})
_IN_AN_ATTEMPT: Mapping[type[Event] | None, Transition] = {
    Ticked: Transition(tick, {_DECIDING: "time is over"}),
    Cancelled: _CANCELLED,
    HardwareFailed: _FAILED,
    SourceEnded: Transition(source_over, {_DECIDING: "no further frame to come"}),
}

PHASES_OF_AN_ATTEMPT = (
    Phase.PREPARING,
    Phase.POSITIONING,
    Phase.MEASURING_LIGHT,
    Phase.PASSIVE,
    Phase.LIGHT_CHALLENGE,
    Phase.MOTION_CHALLENGE,
)

TRANSITIONS: Mapping[tuple[Phase, type[Event] | None], Transition] = MappingProxyType(
    {
        (Phase.IDLE, Started): Transition(
            start, {Phase.PREPARING: "request accepted", _DECIDING: "nothing that the camera sees would be enough"}
        ),
        (Phase.IDLE, Ticked): Transition(tick, {_DECIDING: "time to live is over"}),
        (Phase.IDLE, Cancelled): _CANCELLED,
        (Phase.IDLE, HardwareFailed): _FAILED,
        (Phase.PREPARING, LightsSettled): Transition(settle, {Phase.POSITIONING: "backlight up"}),
        (Phase.PREPARING, FrameSeen): Transition(stay, {}),
        (Phase.POSITIONING, FrameSeen): Transition(position, {Phase.MEASURING_LIGHT: "a face is held in place"}),
        (Phase.MEASURING_LIGHT, FrameSeen): Transition(watch_while_measuring, {Phase.POSITIONING: "another face"}),
        (Phase.MEASURING_LIGHT, LightMeasured): Transition(
            light_measured,
            {
                Phase.PASSIVE: "dim, or not measured if the policy lets the networks judge alone",
                Phase.LIGHT_CHALLENGE: "bright, PassiveActive or with a silent code; or no networks can judge",
                Phase.MOTION_CHALLENGE: "PassiveActive, overwhelmed and motion alone allowed, or without flash",
                _DECIDING: "any other light, a veto, or a still",
            },
        ),
        (Phase.PASSIVE, FrameSeen): Transition(
            collect, {Phase.POSITIONING: "another face", _DECIDING: "enough frames"}
        ),
        (Phase.LIGHT_CHALLENGE, FrameSeen): Transition(
            watch_challenge, {_DECIDING: "another face, or a break in the frames"}
        ),
        (Phase.LIGHT_CHALLENGE, ChallengeFinished): Transition(
            light_answered,
            {
                Phase.PASSIVE: "the silent code shows a head",
                Phase.MOTION_CHALLENGE: "played, or overwhelmed or too faint if the policy allows motion alone",
                _DECIDING: "veto, not followed, overwhelmed, too faint, or played without movement to follow",
            },
        ),
        (Phase.MOTION_CHALLENGE, FrameSeen): Transition(
            watch_challenge, {_DECIDING: "another face, or a break in the frames"}
        ),
        (Phase.MOTION_CHALLENGE, ChallengeFinished): Transition(
            motion_answered, {_DECIDING: "played, or not performed"}
        ),
        (_DECIDING, None): Transition(
            conclude,
            {
                Phase.PREPARING: "not accepted, but the person can do better and attempts are left",
                Phase.DONE: "accepted, the last attempt, or nothing to be done better",
            },
        ),
        (Phase.DONE, Ticked): Transition(stay, {}),
        **{(phase, kind): rule for phase in PHASES_OF_AN_ATTEMPT for kind, rule in _IN_AN_ATTEMPT.items()},
    }
)
