"""How an attempt begins: request accepted, lights settled."""

from __future__ import annotations

from dataclasses import replace

from edge.config.policy import WhenPadNotApplicable
from edge.contracts.enums import (
    ErrorCode,
    EvidenceKind,
    EvidencePath,
    LivenessOperationMode,
    Prompt,
)
from edge.liveness.effects import PrepareLights
from edge.liveness.events import LightsSettled, Started
from edge.liveness.prompts import say
from edge.liveness.spectrum import OwnLight
from edge.liveness.state import Attempt, Ending, Phase, SessionState, Step, end, enter


def start(state: SessionState, event: Started, now: float) -> Step:
    state = replace(
        enter(state, Phase.PREPARING, now),
        capture=event.capture,
        seed=event.seed,
        means=event.means,
        gathered=Attempt(started_at=now),
    )
    refusal = _cannot_judge(state)
    if refusal is not None:
        # Before any light is lit, and before anybody is asked for anything.
        state = replace(state, gathered=Attempt(started_at=now, prepared=False))
        return end(state, Ending(refusal, ErrorCode.ENVIRONMENT_NOT_SUPPORTED), now)
    state, prompt = say(state, Prompt.LOOK_AT_CAMERA, now)
    return state, (PrepareLights(), *prompt)


def _cannot_judge(state: SessionState) -> str | None:
    """Why nothing that this terminal could see would ever be enough; None where something might."""
    means, policy = state.means, state.policy
    if means.networks:
        return None
    blind = "the camera sees infrared alone, which no PAD network can judge"
    if state.mode is LivenessOperationMode.PASSIVE:
        return f"{blind}, so there is no passive check"
    if policy.alternative is not None:
        return f"{blind}: its light nobody sees, and movement is needed, so ask without {policy.alternative}"
    if means.code is OwnLight.NONE:
        return f"{blind}, and there is no infrared lamp whose place is known"
    if policy.when_pad_not_applicable is WhenPadNotApplicable.REFUSE:
        return f"{blind}, and the policy {policy.name} accepts nobody without"
    if EvidenceKind.PAD in policy.required(EvidencePath.WITHOUT_NETWORKS):
        return f"{blind}, and the request demands pad evidence"
    return None


def settle(state: SessionState, _: LightsSettled, now: float) -> Step:
    return enter(state, Phase.POSITIONING, now), ()
