"""How an attempt ended, from the heart's terms to the contract's."""

from __future__ import annotations

from edge.contracts.enums import ErrorCode, SessionStatus
from edge.contracts.session import (
    Assurance,
    AttemptError,
    AttemptReport,
    Challenge,
    ColorTarget,
    EvidenceItem,
    LivenessResult,
    PadNetworkScore,
    Targets,
)
from edge.contracts.verification import FaceRectangle
from edge.liveness.outcome import AttemptOutcome


def attempt_report(attempt: int, outcome: AttemptOutcome) -> AttemptReport:
    """Exactly one of result and error is set in the report."""
    result, error = None, None
    if outcome.decision is not None and outcome.box is not None and outcome.digest is not None:
        result = LivenessResult(
            liveness_decision=outcome.decision,
            targets=Targets(
                color=ColorTarget(
                    face_rectangle=FaceRectangle(
                        top=round(outcome.box.top),
                        left=round(outcome.box.left),
                        width=round(outcome.box.width),
                        height=round(outcome.box.height),
                    )
                )
            ),
            digest=outcome.digest,
        )
        status = SessionStatus.SUCCEEDED
    else:
        code = outcome.error or ErrorCode.GENERIC_FAILURE
        error = AttemptError(code=code, message=outcome.message)
        status = SessionStatus.CANCELED if code is ErrorCode.USER_CANCELED_SESSION else SessionStatus.FAILED
    return AttemptReport(
        attempt_id=attempt,
        attempt_status=status,
        result=result,
        error=error,
        light_level=outcome.light_level,
        light_reason=outcome.light_reason,
        assurance=Assurance(
            level=outcome.level,
            confirmed=outcome.confirmed,
            frames_judged=len(outcome.judged),
            temporal=outcome.temporal,
            path=outcome.path,
            alternative=outcome.alternative,
        ),
        evidence=tuple(
            EvidenceItem(kind=f.kind, outcome=f.outcome, reason=f.reason, margin=f.margin) for f in outcome.findings
        ),
        decided_by=outcome.decided_by,
        networks=tuple(
            PadNetworkScore(network=n.network, sha256=n.sha256, margin=n.margin, frames=n.frames)
            for n in outcome.networks
        ),
        challenges=tuple(Challenge(kind=c.kind, plan_id=c.plan_id, sha256=c.sha256) for c in outcome.challenges),
        quality_failures=dict(outcome.failures),
        duration_seconds=outcome.ended_at - outcome.started_at,
    )
