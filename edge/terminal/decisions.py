"""The session that runs, and the decision that becomes of each of its attempts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from edge import __version__
from edge.config.loader import Loaded
from edge.contracts.decision import Decision, Provenance
from edge.contracts.enums import ErrorCode, LightLevel, SessionStatus
from edge.contracts.session import Assurance, AttemptError, AttemptReport, SessionStart
from edge.contracts.verification import VerifyReference
from edge.link.identity import Identity
from edge.liveness.policy import Policy
from edge.terminal.assembly import Workbench


@dataclass(slots=True)
class RunningSession:
    """The one session that runs. Before each frame the inference thread reads ``cancel_reason`` and sets
    ``alive_at``, monotonic seconds; once it has read a reference, ``references``.

    request: without its reference, which is large and opened already.
    """

    session_id: str
    request: SessionStart
    policy: Policy
    references: tuple[VerifyReference, ...] = ()
    cancel_reason: str | None = None
    attempts_decided: int = 0
    decided: bool = False
    alive_at: float = field(default_factory=time.monotonic)


def decision_of(
    session: RunningSession,
    attempt: AttemptReport,
    last: bool,
    *,
    loaded: Loaded,
    identity: Identity,
    workbench: Workbench,
    now: float,
) -> Decision:
    """With the next sequence number of the identity. now: Unix time in seconds."""
    device, request = loaded.settings.device, session.request
    return Decision(
        device=device.id,
        site=device.site,
        boot_count=identity.boot_count,
        seq=identity.next_seq(),
        session_id=session.session_id,
        liveness_operation_mode=request.liveness_operation_mode,
        device_correlation_id=request.device_correlation_id,
        user_correlation_id=request.user_correlation_id,
        nonce=request.nonce,
        capture=workbench.capture,
        issued_at=now,
        attempt=attempt,
        last_attempt=last,
        verify_references=session.references,
        provenance=Provenance(
            models=workbench.model_hashes,
            config=loaded.sha256,
            calibration=workbench.calibration.sha256 if workbench.calibration else None,
            policy=session.policy.name,
            software=__version__,
        ),
    )


def failed_attempt(
    session: RunningSession,
    code: ErrorCode = ErrorCode.GENERIC_FAILURE,
    message: str = "internal fault of the terminal",
) -> AttemptReport:
    """Of a session that ended before its heart could decide: by a fault of ours, or a reference that shows no face."""
    return AttemptReport(
        attempt_id=min(session.attempts_decided + 1, session.policy.attempts),
        attempt_status=SessionStatus.FAILED,
        error=AttemptError(code=code, message=message),
        light_level=LightLevel.NOT_MEASURED,
        light_reason="not measured",
        assurance=Assurance(confirmed=(), frames_judged=0, temporal=False, alternative=session.policy.alternative),
        duration_seconds=0.0,
    )
