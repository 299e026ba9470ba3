"""Messages to sign."""

import pytest

from edge.contracts.decision import Decision, Provenance
from edge.contracts.enums import CaptureKind, LightLevel, LivenessDecision, LivenessOperationMode, SessionStatus
from edge.contracts.jws import EnrolledKey, EnrolledKeys, OKPKey, thumbprint
from edge.contracts.session import (
    Assurance,
    AttemptReport,
    ColorTarget,
    FaceRectangle,
    LivenessResult,
    Targets,
)


@pytest.fixture(scope="session")
def key() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


@pytest.fixture(scope="session")
def keys(key: OKPKey) -> EnrolledKeys:
    return EnrolledKeys([EnrolledKey(thumbprint(key), key, "gate-1")])


@pytest.fixture(scope="session")
def decision() -> Decision:
    return Decision(
        device="gate-1",
        site="hq",
        boot_count=7,
        seq=1,
        session_id="0123456789abcdef0123456789abcdef",
        liveness_operation_mode=LivenessOperationMode.PASSIVE,
        nonce="Zm9yIG9uZSBkb29yIG9ubHk",
        capture=CaptureKind.SIMULATED,
        issued_at=1_700_000_000.25,
        attempt=AttemptReport(
            attempt_id=1,
            attempt_status=SessionStatus.SUCCEEDED,
            result=LivenessResult(
                liveness_decision=LivenessDecision.SPOOFFACE,
                targets=Targets(color=ColorTarget(face_rectangle=FaceRectangle(top=1, left=2, width=3, height=4))),
                digest="a" * 64,
            ),
            light_level=LightLevel.NOT_MEASURED,
            light_reason="no light of ours — «ø»",
            assurance=Assurance(confirmed=(), frames_judged=5, temporal=True),
            duration_seconds=1.5,
        ),
        last_attempt=True,
        provenance=Provenance(models={"pad": "b" * 64}, config="c" * 64, policy="door", software="0.1.0"),
    )
