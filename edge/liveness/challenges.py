"""What the answer to a challenge means."""

from __future__ import annotations

from edge.contracts.enums import Alternative, ErrorCode, EvidenceKind, EvidenceOutcome, EvidencePath
from edge.liveness.effects import Ignored
from edge.liveness.events import ChallengeFinished
from edge.liveness.outcome import Finding
from edge.liveness.paths import challenge_motion, go_passive, overwhelmed, without_light
from edge.liveness.state import Ending, SessionState, Step, end, gather, judge


def light_answered(state: SessionState, event: ChallengeFinished, now: float) -> Step:
    if foreign := _foreign(state, event):
        return foreign
    light = Finding(EvidenceKind.LIGHT, event.outcome, event.reason, event.margin, event.leans)
    state = gather(state, light=light)
    if event.outcome is EvidenceOutcome.VETO:
        return judge(state, "the light challenge speaks against a live face", now)
    if event.error is not None:
        return end(state, Ending(event.reason, event.error), now)
    if state.gathered.path is EvidencePath.PASSIVE:
        return _silently_answered(state, event, now)
    if event.overwhelmed:
        return overwhelmed(state, event.reason, now)
    still = state.policy.alternative is Alternative.WITHOUT_MOVEMENT
    if event.faint and (still or not event.leans):
        return without_light(state, f"the light is too weak here to tell a shape: {event.reason}", now)
    if still:
        return judge(state, "the light challenge was played to its end", now)
    return challenge_motion(state, now)


def _silently_answered(state: SessionState, event: ChallengeFinished, now: float) -> Step:
    """Without proof by the silent code it stays too bright for a passive check, whatever else the policy asks for."""
    seen = not event.overwhelmed and not event.faint
    if seen and event.outcome is EvidenceOutcome.CONFIRMED:
        return go_passive(state, now)
    compared = seen and event.margin is not None
    if compared and EvidenceKind.LIGHT in state.policy.required(EvidencePath.PASSIVE):
        return judge(state, "the silent light code was played to its end", now)
    why = f"too bright for a passive check, and the silent code proves nothing: {event.reason}"
    return end(state, Ending(why, ErrorCode.ENVIRONMENT_NOT_SUPPORTED), now)


def motion_answered(state: SessionState, event: ChallengeFinished, now: float) -> Step:
    if foreign := _foreign(state, event):
        return foreign
    state = gather(state, motion=Finding(EvidenceKind.MOTION, event.outcome, event.reason, event.margin))
    if event.error is not None and event.outcome is not EvidenceOutcome.VETO:
        return end(state, Ending(event.reason, event.error), now)
    return judge(state, "the challenges were played to their end", now)


def _foreign(state: SessionState, event: ChallengeFinished) -> Step | None:
    plan = state.gathered.plan
    if plan is not None and event.plan_id == plan.plan_id:
        return None
    return state, (Ignored(f"plan {event.plan_id} is not the one being played"),)
