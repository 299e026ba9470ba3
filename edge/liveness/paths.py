"""Which way an attempt goes, once the light is known."""

from __future__ import annotations

from edge.config.policy import WhenLightNotMeasured, WhenOverwhelmed
from edge.contracts.enums import (
    Alternative,
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    EvidencePath,
    LightLevel,
    LivenessOperationMode,
    Prompt,
)
from edge.liveness.effects import Ignored, PlayLight, PlayMotion
from edge.liveness.events import LightMeasured
from edge.liveness.outcome import BegunChallenge, Finding
from edge.liveness.plans import (
    InfraredPlan,
    LightPlan,
    Plan,
    draw_infrared_plan,
    draw_light_plan,
    draw_motion_plan,
    sha256_of,
)
from edge.liveness.prompts import say
from edge.liveness.spectrum import OwnLight
from edge.liveness.state import Ending, Phase, SessionState, Step, end, enter, gather, judge
from edge.liveness.watching import is_still


def light_measured(state: SessionState, event: LightMeasured, now: float) -> Step:
    if event.measurement != state.measurements:
        return state, (Ignored(f"light measurement {event.measurement} is not the one that was asked for last"),)
    state = note_light(state, event.level, event.reason, event.outcome, event.margin)
    if event.outcome is EvidenceOutcome.VETO:
        return judge(state, "the light speaks against a live face", now)
    if not state.means.networks:
        # However bright it is: without networks nothing but what is asked of the person can be judged.
        return _challenge_light(state, now)
    policy, level = state.policy, event.level
    if level is LightLevel.OVERWHELMED:
        return overwhelmed(state, event.reason, now)
    if level is LightLevel.NOT_MEASURED and policy.when_light_not_measured is WhenLightNotMeasured.REFUSE:
        return end(state, unsupported(state), now)
    active = state.mode is LivenessOperationMode.PASSIVE_ACTIVE
    if active and policy.alternative is Alternative.WITHOUT_FLASH:
        if level is LightLevel.BRIGHT or EvidenceKind.MOTION in policy.passive:
            return _challenge_motion_alone(state, now)
        return go_passive(state, now)
    if level is not LightLevel.BRIGHT:
        return go_passive(state, now)
    if active:
        return _challenge_light(state, now)
    silent = state.means.silent is not OwnLight.NONE and policy.alternative is not Alternative.WITHOUT_FLASH
    return _play_silently(state, now) if silent else end(state, unsupported(state), now)


def note_light(
    state: SessionState,
    level: LightLevel,
    reason: str,
    outcome: EvidenceOutcome = EvidenceOutcome.INSUFFICIENT,
    margin: float | None = None,
) -> SessionState:
    if outcome is EvidenceOutcome.VETO:
        light = Finding(EvidenceKind.LIGHT, outcome, reason, margin)
    elif level is LightLevel.NOT_MEASURED or state.policy.alternative is Alternative.WITHOUT_FLASH:
        light = Finding(EvidenceKind.LIGHT, EvidenceOutcome.NOT_APPLICABLE, reason)
    elif level is LightLevel.DIM:
        light = Finding(EvidenceKind.LIGHT, outcome, reason, margin)
    else:
        light = Finding(EvidenceKind.LIGHT, EvidenceOutcome.INSUFFICIENT, reason)
    return gather(state, light_level=level, light_reason=reason, light=light)


def unsupported(state: SessionState) -> Ending:
    why = {
        LightLevel.BRIGHT: "too bright for a passive check",
        LightLevel.OVERWHELMED: "the surroundings drown the terminal's light",
        LightLevel.NOT_MEASURED: "the light level is not known",
    }[state.gathered.light_level]
    return Ending(f"{why}: {state.gathered.light_reason}", ErrorCode.ENVIRONMENT_NOT_SUPPORTED)


def go_passive(state: SessionState, now: float) -> Step:
    candidates = state.gathered.candidates
    if candidates and is_still(state, candidates[-1]):
        return judge(state, "the picture was judged", now)
    return enter(gather(state, candidates_before_passive=len(candidates)), Phase.PASSIVE, now), ()


def _challenge_light(state: SessionState, now: float) -> Step:
    path = EvidencePath.ACTIVE if state.means.networks else EvidencePath.WITHOUT_NETWORKS
    unseen = state.means.code is OwnLight.INFRARED
    plan: LightPlan | InfraredPlan = (draw_infrared_plan if unseen else draw_light_plan)(state.seed, state.attempt)
    state = enter(_begun(gather(state, path=path, light=None), plan), Phase.LIGHT_CHALLENGE, now)
    state, prompt = say(state, Prompt.HOLD_STILL if unseen else Prompt.SCREEN_WILL_FLASH, now)
    return state, (*prompt, PlayLight(plan))


def _play_silently(state: SessionState, now: float) -> Step:
    """A code that nobody sees, on the passive path: nothing is asked of the person."""
    # By the measurement, since another face in the same attempt gets another code.
    plan = draw_infrared_plan(state.seed, state.measurements)
    state = enter(gather(state, light=None, plan=plan), Phase.LIGHT_CHALLENGE, now)
    state, prompt = say(state, Prompt.HOLD_STILL, now)
    return state, (*prompt, PlayLight(plan))


def challenge_motion(state: SessionState, now: float) -> Step:
    plan = draw_motion_plan(state.seed, state.attempt)
    state = enter(_begun(state, plan), Phase.MOTION_CHALLENGE, now)
    state, prompt = say(state, plan.movements[0].direction.prompt, now)
    return state, (*prompt, PlayMotion(plan))


def _begun(state: SessionState, plan: Plan) -> SessionState:
    begun = BegunChallenge(plan.kind, plan.plan_id, sha256_of(plan))
    return gather(state, plan=plan, challenges=(*state.gathered.challenges, begun))


def _challenge_motion_alone(state: SessionState, now: float) -> Step:
    return challenge_motion(gather(state, path=EvidencePath.MOTION_ALONE), now)


def overwhelmed(state: SessionState, reason: str, now: float) -> Step:
    state = note_light(state, LightLevel.OVERWHELMED, reason)
    return without_light(state, unsupported(state).message, now)


def without_light(state: SessionState, why: str, now: float) -> Step:
    """Motion alone, where the policy names it and the person can move."""
    policy = state.policy
    by_motion = (
        policy.when_overwhelmed is WhenOverwhelmed.MOTION
        and policy.alternative is not Alternative.WITHOUT_MOVEMENT
        and state.mode is LivenessOperationMode.PASSIVE_ACTIVE
        and state.means.networks
    )
    if by_motion:
        return _challenge_motion_alone(state, now)
    return end(state, Ending(why, ErrorCode.ENVIRONMENT_NOT_SUPPORTED), now)
