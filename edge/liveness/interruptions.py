"""What ends an attempt from outside: time, the source, hardware, the requester."""

from __future__ import annotations

from dataclasses import replace

from edge.config.policy import WhenLightNotMeasured
from edge.contracts.enums import CaptureKind, ErrorCode, EvidencePath, LightLevel
from edge.liveness.effects import Ignored
from edge.liveness.events import Cancelled, HardwareFailed, SourceEnded, Ticked
from edge.liveness.paths import note_light, unsupported
from edge.liveness.plans import InfraredPlan, LightPlan, MotionPlan
from edge.liveness.quality import REMEDIES
from edge.liveness.state import Ending, Phase, SessionState, Step, end, judge
from edge.liveness.watching import lasting_failure


def tick(state: SessionState, _: Ticked, now: float) -> Step:
    policy = state.policy
    if now >= state.created_at + policy.ttl:
        return end(state, Ending("the session's time to live is over", ErrorCode.TIMED_OUT, final=True), now)
    if state.phase is Phase.IDLE:
        return state, ()
    if now >= state.gathered.started_at + policy.attempt_timeout:
        return end(state, _timed_out(state), now)
    limit = _phase_limit(state)
    if limit is not None and now >= state.phase_since + limit:
        return end(state, _overdue(state, limit), now)
    return state, ()


def source_over(state: SessionState, _: SourceEnded, now: float) -> Step:
    if state.capture is CaptureKind.LIVE:
        return state, (Ignored("a live camera has no end"),)
    if state.gathered.candidates and state.phase in {Phase.POSITIONING, Phase.MEASURING_LIGHT}:
        state = note_light(state, LightLevel.NOT_MEASURED, "the source ended before the light was measured")
        if state.policy.when_light_not_measured is WhenLightNotMeasured.REFUSE:
            return end(state, replace(unsupported(state), final=True), now)
    if state.phase is Phase.LIGHT_CHALLENGE and state.gathered.path is EvidencePath.PASSIVE:
        # Too bright for a passive check as long as the silent code has proved nothing.
        return end(state, replace(unsupported(state), final=True), now)
    return judge(state, "the source ended", now, final=True)


def fail(state: SessionState, event: HardwareFailed, now: float) -> Step:
    return end(state, Ending(event.message, event.code, final=True), now)


def cancel(state: SessionState, event: Cancelled, now: float) -> Step:
    return end(state, Ending(event.message, ErrorCode.USER_CANCELED_SESSION, final=True), now)


def _phase_limit(state: SessionState) -> float | None:
    policy, plan = state.policy, state.gathered.plan
    match state.phase:
        case Phase.PREPARING:
            return policy.preparing_limit
        case Phase.MEASURING_LIGHT:
            return policy.measuring_limit
        case Phase.LIGHT_CHALLENGE if isinstance(plan, LightPlan | InfraredPlan):
            return plan.seconds + policy.challenge_slack
        case Phase.MOTION_CHALLENGE if isinstance(plan, MotionPlan):
            return len(plan.movements) * policy.movement_limit + plan.hold_seconds + policy.challenge_slack
        case _:
            return None


def _overdue(state: SessionState, limit: float) -> Ending:
    why = f"{state.phase} gave no answer within {limit:.1f} s"
    failure = lasting_failure(state)
    if state.phase is Phase.MEASURING_LIGHT and failure is not None and not state.gathered.held:
        return Ending(f"{why}; mostly {failure}", REMEDIES[failure].error)
    # Nobody in front of the camera has kept the terminal waiting, so another attempt would fare no better.
    return Ending(why, ErrorCode.GENERIC_FAILURE, final=True)


def _timed_out(state: SessionState) -> Ending:
    why = f"no decision within {state.policy.attempt_timeout:g} s"
    failure = lasting_failure(state)
    watched = state.phase in {Phase.POSITIONING, Phase.MEASURING_LIGHT, Phase.PASSIVE}
    if watched and failure is not None and state.gathered.face_seen:
        return Ending(f"{why}; mostly {failure}", REMEDIES[failure].error)
    return Ending(why, ErrorCode.TIMED_OUT)
