"""Writes docs/schema/ and the examples in docs/mqtt.md; with --check only tells whether they are current."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from generated import between, write_or_check

from edge.contracts.base import Outgoing
from edge.contracts.base64url import to_base64url
from edge.contracts.config import ConfigProblem, DesiredConfig, ReportedConfig
from edge.contracts.decision import Decision, Provenance
from edge.contracts.device import CommandError, CommandReply, DeviceEvent, Health, Info, OutboxHealth, State
from edge.contracts.doctor import Check, DoctorReport, Verdict
from edge.contracts.enums import (
    CaptureKind,
    CommandErrorCode,
    ConfigStatus,
    EvidenceKind,
    EvidenceOutcome,
    EvidencePath,
    LightLevel,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
    QualityFailure,
    Service,
    SessionStatus,
    TerminalState,
)
from edge.contracts.jws import OKPKey, public_jwk, write_decision
from edge.contracts.schema import schemas
from edge.contracts.sealing import SUITE, SealingKey
from edge.contracts.session import (
    Assurance,
    AttemptReport,
    ColorTarget,
    EvidenceItem,
    LivenessResult,
    PadNetworkScore,
    SealedImage,
    SessionProgress,
    Targets,
)
from edge.contracts.verification import FaceRectangle
from edge.guidance.texts import texts

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "mqtt.md"

# The published example key of RFC 8037, appendix A.1: everybody has its private half.
EXAMPLE_KEY = OKPKey.import_key(
    {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
)
# Of RFC 7748, section 6.1: everybody has its private half.
EXAMPLE_SEALING_X = "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"
IMAGE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SESSION = "5d6e8f0a1b2c3d4e5f60718293a4b5c6"
COMMAND = "k3Jv0mY1Qz6uXn8s"
NONCE = "Qm9vLW9ubHktZm9yLW9uZS1kb29y"
NETWORK = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CONFIG = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


def example_decision() -> Decision:
    return Decision(
        device="gate-1",
        site="hq",
        boot_count=12,
        seq=3,
        session_id=SESSION,
        liveness_operation_mode=LivenessOperationMode.PASSIVE,
        nonce=NONCE,
        capture=CaptureKind.LIVE,
        issued_at=1767225600.5,
        attempt=AttemptReport(
            attempt_id=1,
            attempt_status=SessionStatus.SUCCEEDED,
            result=LivenessResult(
                liveness_decision=LivenessDecision.SPOOFFACE,
                targets=Targets(
                    color=ColorTarget(face_rectangle=FaceRectangle(top=96, left=180, width=240, height=280))
                ),
                digest="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            light_level=LightLevel.DIM,
            light_reason="the face answers the display in single frames",
            assurance=Assurance(confirmed=(), frames_judged=5, temporal=True, path=EvidencePath.PASSIVE),
            evidence=(
                EvidenceItem(
                    kind=EvidenceKind.PAD,
                    outcome=EvidenceOutcome.VETO,
                    reason="1 PAD network over 5 frames for an attack: -2.75, veto up to +0.00; "
                    "5 of 5 frames alone agree; pad-a -2.75",
                    margin=-2.75,
                ),
            ),
            decided_by=(EvidenceKind.PAD,),
            networks=(PadNetworkScore(network="pad-a", sha256=NETWORK, margin=-2.75, frames=5),),
            quality_failures={QualityFailure.TOO_FAR: 14},
            duration_seconds=2.5,
        ),
        last_attempt=True,
        provenance=Provenance(models={"pad-a": NETWORK}, config=CONFIG, policy="door", software="0.1.0"),
    )


def example_health() -> Health:
    return Health(
        at=1767225600.0,
        boot_count=12,
        uptime_seconds=86412.5,
        clock_synchronised=True,
        frame_age_seconds=41.2,
        frames_per_second=14.9,
        temperature_celsius=51.6,
        throttling=("since the start: the voltage is too low",),
        rss_bytes=139_460_608,
        disk_free_bytes=11_811_160_064,
        sessions=214,
        decisions=229,
        connections=2,
        outbox=OutboxHealth(waiting=1, waiting_bytes=2710, full=False),
    )


def example_replies() -> dict[str, CommandReply]:
    """What the commands beside sessions are answered with."""
    tried = (
        Check(name="selftest.camera", verdict=Verdict.OK, seen="imx708 gave a frame within 0.7 s"),
        Check(
            name="selftest.networks",
            verdict=Verdict.OK,
            seen="each gave numbers for an even grey picture: detector 9 ms, pad-a 31 ms",
        ),
        Check(name="selftest.outbox", verdict=Verdict.OK, seen="took a row and gave it back within 6 ms"),
        Check(name="selftest.backlight", verdict=Verdict.OK, seen="at 60%"),
        Check(name="selftest.illuminator", verdict=Verdict.SKIPPED, seen="none is configured"),
        Check(name="selftest.screen", verdict=Verdict.OK, seen="there"),
    )
    found = DoctorReport(
        software="0.1.0",
        device="gate-1",
        at=1767225600.0,
        verdict=Verdict.WARN,
        checks=(
            Check(
                name="broker.encryption",
                verdict=Verdict.WARN,
                seen="none: whoever is on the network reads along",
                remedy="set link.tls",
            ),
        ),
    )
    selftest = {
        "verdict": "ok",
        "checks": [check.model_dump(mode="json", by_alias=True, exclude_none=True) for check in tried],
    }
    data: dict[str, dict[str, Any]] = {
        "ping": {"state": "ready", "bootCount": 12, "uptimeSeconds": 86412.5},
        "identify": {"device": "gate-1", "seconds": 15.0},
        "selftest": selftest,
        "restart": {"bootCount": 12},
        "diagnostics": found.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    replies = {
        f"reply.{verb}": CommandReply(status="ok", transaction=COMMAND, data=told) for verb, told in data.items()
    }
    replies["reply.backing_off"] = CommandReply(
        status="error",
        transaction=COMMAND,
        error=CommandError(
            code=CommandErrorCode.BACKING_OFF,
            message="too many attempts with this correlation id failed: try again in 43 s",
        ),
    )
    return replies


def examples() -> dict[str, bytes]:
    messages: dict[str, Outgoing] = {
        "state": State(state=TerminalState.READY, boot_count=12),
        "info": Info(
            device="gate-1",
            site="hq",
            software="0.1.0",
            python="3.11.2",
            machine="aarch64",
            runtime="ai-edge-litert 2.3.0",
            capture=CaptureKind.LIVE,
            modes=(LivenessOperationMode.PASSIVE,),
            policy="door",
            models={"pad-a": NETWORK},
            config=CONFIG,
            public_key=public_jwk(EXAMPLE_KEY, "gate-1"),
            sealing_key=SealingKey.from_x(EXAMPLE_SEALING_X).jwk("gate-1"),
        ),
        "health": example_health(),
        **example_replies(),
        "event": DeviceEvent(kind="fault", message="the camera is held by another program", at=1767225590.0),
        "event.presence": DeviceEvent(
            kind="presence",
            message="the button was pressed",
            at=1767225598.0,
            source="button",
            id="0d4f6c7e-5a3b-4c1d-9e2f-8a7b6c5d4e3f",
        ),
        "config.reported": ReportedConfig(
            status=ConfigStatus.APPLIED,
            rev=7,
            desired_rev=7,
            service=Service.ACTIVE,
            config=CONFIG,
            settings={"guidance": {"language": "de"}, "policy": {"max_attempts": 1}},
            problems=(
                ConfigProblem(
                    path="policy.max_attempts", message="2 demands less than the site's file: 1 is in effect"
                ),
            ),
        ),
        "session.event": SessionProgress(
            session_id=SESSION,
            attempt_id=1,
            state="positioning",
            prompt=Prompt.COME_CLOSER,
            text=texts("en")[Prompt.COME_CLOSER],
            progress=0.15,
            seconds_left=9,
        ),
        "session.image": SealedImage(
            session_id=SESSION,
            attempt_id=1,
            session_image_id=IMAGE,
            suite=SUITE,
            key=SealingKey.from_x(EXAMPLE_SEALING_X).kid,
            sealed=to_base64url(bytes(range(96))),
        ),
        "reply.ok": CommandReply(status="ok", transaction=COMMAND, data={"sessionId": SESSION, "status": "Running"}),
        "reply.error": CommandReply(
            status="error",
            transaction=COMMAND,
            error=CommandError(code=CommandErrorCode.BUSY, message=f"session {SESSION} is running"),
        ),
    }
    start = {
        "schemaVersion": "1.0",
        "id": COMMAND,
        "expiresAt": 1767225620,
        "livenessOperationMode": "Passive",
        "nonce": NONCE,
        "numberOfClientAttemptsAllowed": 2,
    }
    cancel = {"schemaVersion": "1.0", "id": "p9Wd2LhT7cRbE4aK", "expiresAt": 1767225630, "sessionId": SESSION}
    identify = {"schemaVersion": "1.0", "id": COMMAND, "expiresAt": 1767225630, "seconds": 15}
    desired = {
        "schemaVersion": "1.0",
        "rev": 7,
        "service": "active",
        "settings": {"guidance": {"language": "de"}, "policy": {"max_attempts": 2}},
    }
    DesiredConfig.model_validate(desired)
    return {
        **{name: message.to_json() for name, message in messages.items()},
        "config.desired": json.dumps(desired).encode(),
        "decision": write_decision(example_decision(), EXAMPLE_KEY),
        "cmd.session.start": json.dumps(start).encode(),
        "cmd.session.cancel": json.dumps(cancel).encode(),
        "cmd.identify": json.dumps(identify).encode(),
        "key": json.dumps(public_jwk(EXAMPLE_KEY, "gate-1")).encode(),
    }


def with_examples(page: str) -> str:
    for name, message in examples().items():
        shown = json.dumps(json.loads(message), indent=2, ensure_ascii=False)
        page = between(page, f"example {name}", ["```json", *shown.splitlines(), "```"])
    return page


def main() -> int:
    wanted: dict[Path, str | None] = dict.fromkeys((DOCS / "schema").glob("*.json"))
    for name, document in schemas().items():
        wanted[DOCS / "schema" / f"{name}.json"] = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    wanted[PAGE] = with_examples(PAGE.read_text(encoding="utf-8"))
    return write_or_check(wanted, __doc__)


if __name__ == "__main__":
    sys.exit(main())
