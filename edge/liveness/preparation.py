"""How an attempt begins: request accepted, lights settled."""

from __future__ import annotations

from dataclasses import replace

from edge.contracts.enums import Prompt
from edge.liveness.effects import PrepareLights
from edge.liveness.events import LightsSettled, Started
from edge.liveness.prompts import say
from edge.liveness.state import Attempt, Phase, SessionState, Step, enter


def start(state: SessionState, event: Started, now: float) -> Step:
    state = replace(
        enter(state, Phase.PREPARING, now),
        capture=event.capture,
        seed=event.seed,
        gathered=Attempt(started_at=now),
    )
    state, prompt = say(state, Prompt.LOOK_AT_CAMERA, now)
    return state, (PrepareLights(), *prompt)


def settle(state: SessionState, _: LightsSettled, now: float) -> Step:
    return enter(state, Phase.POSITIONING, now), ()
