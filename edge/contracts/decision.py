"""The decision as it leaves the device: readable, and signed over the exact bytes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from edge.contracts.base import SCHEMA_VERSION, Outgoing, Sha256
from edge.contracts.enums import CaptureKind, LivenessOperationMode
from edge.contracts.session import AttemptReport, SessionId
from edge.contracts.verification import VerifyReference


class Provenance(Outgoing):
    """What the decision was made with."""

    models: dict[str, Sha256]
    config: Sha256
    calibration: Annotated[Sha256 | None, Field(description="Of the site's calibration; absent: none")] = None
    policy: str
    software: str


class Decision(Outgoing):
    """One attempt of one session. Identity is (device, bootCount, seq)."""

    max_bytes: ClassVar[int] = 48 * 1024
    schema_version: Literal["1.0"] = SCHEMA_VERSION
    device: str
    site: str
    boot_count: Annotated[int, Field(ge=1)]
    seq: Annotated[int, Field(ge=1)]
    session_id: SessionId
    liveness_operation_mode: LivenessOperationMode
    device_correlation_id: UUID | None = None
    user_correlation_id: str | None = None
    nonce: str | None = None
    capture: CaptureKind
    issued_at: Annotated[
        float, Field(description="Unix time in seconds by the device's clock; a controller trusts its own")
    ]
    attempt: AttemptReport
    verify_references: Annotated[
        tuple[VerifyReference, ...], Field(description="What the face was compared with; none without a reference")
    ] = ()
    last_attempt: bool
    provenance: Provenance


class SignedDecision(Outgoing):
    """The payload of the ``decision`` topic. Only ``jws`` counts; ``decision`` is its payload made readable."""

    # Once readable and once in base64: seven thirds of it, and the signature.
    max_bytes: ClassVar[int] = 128 * 1024
    decision: Decision
    jws: str
