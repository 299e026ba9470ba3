"""From an ended attempt to its outcome, and to the next attempt or the end of the session."""

from __future__ import annotations

from dataclasses import replace

from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    EvidencePath,
    LivenessDecision,
    Prompt,
)
from edge.liveness import fusion
from edge.liveness.assurance import assurance_level
from edge.liveness.effects import AttemptEnded, Effect, PrepareLights, RestoreLights
from edge.liveness.outcome import AttemptOutcome, Finding, NetworkSummary
from edge.liveness.prompts import say
from edge.liveness.quality import REMEDIES, RETRYABLE
from edge.liveness.state import Attempt, Ending, Phase, SessionState, Step, enter, gather
from edge.liveness.watching import lasting_failure

_UNJUDGED: tuple[Finding, tuple[NetworkSummary, ...]] = (
    Finding(EvidenceKind.PAD, EvidenceOutcome.NOT_APPLICABLE, "no PAD network can judge pictures of infrared"),
    (),
)
NOT_ACCEPTED = frozenset({LivenessDecision.SPOOFFACE, LivenessDecision.UNCERTAIN})


def conclude(state: SessionState, _: None, now: float) -> Step:
    if state.ending is None:
        raise AssertionError("an attempt ended without a reason")
    outcome = _outcome(state, state.ending, now)
    again = (
        not state.ending.final
        and state.attempt < state.policy.attempts
        and (outcome.error in RETRYABLE or outcome.decision in NOT_ACCEPTED)
    )
    # Down and up again between two attempts would be a flash.
    kept = again and state.policy.alternative is Alternative.WITHOUT_FLASH
    restored: tuple[Effect, ...] = (RestoreLights(),) if state.gathered.prepared and not kept else ()
    state, prompt = say(state, Prompt.TRY_AGAIN if again else _final_prompt(outcome), now)
    # The decision is not kept waiting until the person's page is drawn.
    effects = (*restored, AttemptEnded(state.attempt, outcome, last=not again), *prompt)
    state = replace(state, ending=None)
    if not again:
        # Of what was asked nothing stays but its hash, nor what it could be drawn from once more.
        return replace(gather(enter(state, Phase.DONE, now), plan=None), seed=b""), effects
    following = Attempt(started_at=now, last_frame_at=state.gathered.last_frame_at)
    state = replace(enter(state, Phase.PREPARING, now), attempt=state.attempt + 1, gathered=following)
    return state, (*effects, PrepareLights())


def _final_prompt(outcome: AttemptOutcome) -> Prompt:
    if outcome.decision is LivenessDecision.REALFACE:
        return Prompt.ACCEPTED
    return Prompt.TRY_AGAIN if outcome.error in RETRYABLE else Prompt.NOT_ACCEPTED


def _outcome(state: SessionState, ending: Ending, now: float) -> AttemptOutcome:
    gathered = state.gathered
    if ending.code is None and not gathered.candidates:
        ending = _nothing_judged(state, ending.message)
    outcome = AttemptOutcome(
        decision=None,
        error=ending.code,
        message=ending.message,
        light_level=gathered.light_level,
        light_reason=gathered.light_reason,
        findings=(),
        decided_by=(),
        networks=(),
        box=None,
        judged=(),
        digest=None,
        temporal=False,
        level=AssuranceLevel.NONE,
        path=None,
        alternative=state.policy.alternative,
        failures=gathered.failures,
        challenges=gathered.challenges,
        started_at=gathered.started_at,
        ended_at=now,
    )
    if ending.code is not None:
        return outcome
    policy = state.policy
    judged = fusion.best_frames(gathered.candidates, policy.judged_frames)
    pad, networks = _UNJUDGED
    if state.means.networks:
        margin = policy.pad_margin_on(gathered.path)
        pad, networks = fusion.judge_pad(judged, pad_margin=margin, pad_veto_margin=policy.pad_veto_margin)
    motion = _motion_finding(state)
    light = _beside(motion, gathered.light or _unplayed(EvidenceKind.LIGHT))
    findings = (pad, light, motion, gathered.continuity or _unwatched())
    required = policy.required(gathered.path)
    outcome = replace(
        outcome,
        decision=fusion.decide(findings, required),
        findings=findings,
        decided_by=fusion.decided_by(findings, required),
        networks=networks,
        box=judged[0].box,
        judged=tuple(frame.sequence for frame in judged),
        digest=fusion.digest(judged),
        temporal=len(judged) > 1 and not any(frame.still for frame in judged),
        path=gathered.path,
    )
    level = assurance_level(
        outcome.decision,
        outcome.confirmed,
        path=gathered.path,
        temporal=outcome.temporal,
        capture=state.capture,
        shape_by_motion=light.leans,
    )
    return replace(outcome, level=level)


def _nothing_judged(state: SessionState, why: str) -> Ending:
    failure = lasting_failure(state)
    if failure is not None:
        return Ending(f"{why}; mostly {failure}", REMEDIES[failure].error)
    if not state.gathered.face_seen:
        return Ending(f"{why}; no face was seen", ErrorCode.NO_FACE_DETECTED)
    return Ending(f"{why}; no frame carried scores", ErrorCode.GENERIC_FAILURE)


def _motion_finding(state: SessionState) -> Finding:
    gathered = state.gathered
    if gathered.path is EvidencePath.PASSIVE or state.policy.alternative is Alternative.WITHOUT_MOVEMENT:
        reason = "nobody was asked to move"
        return Finding(EvidenceKind.MOTION, EvidenceOutcome.NOT_APPLICABLE, reason)
    return gathered.motion or _unplayed(EvidenceKind.MOTION)


def _beside(motion: Finding, light: Finding) -> Finding:
    """Light that leans towards a head, beside the movement of one, is a confirmation."""
    if not light.leans or motion.outcome is not EvidenceOutcome.CONFIRMED:
        return light
    return replace(light, outcome=EvidenceOutcome.CONFIRMED, reason=f"{light.reason}; the movement tells the shape")


def _unwatched() -> Finding:
    return Finding(EvidenceKind.CONTINUITY, EvidenceOutcome.INSUFFICIENT, "no face was followed")


def _unplayed(kind: EvidenceKind) -> Finding:
    reason = f"the {kind} challenge was not played to its end"
    return Finding(kind, EvidenceOutcome.INSUFFICIENT, reason)
