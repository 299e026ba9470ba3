"""Session requests and results."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from edge.contracts.base import MAX_PACKET_BYTES, SCHEMA_VERSION, CommandBase, Outgoing, Sha256
from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    CaptureKind,
    ChallengeKind,
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    EvidencePath,
    LightLevel,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
    QualityFailure,
    SessionStatus,
)
from edge.contracts.verification import MAX_IMAGE_BYTES, SEALING_BYTES, FaceRectangle, VerifyResult

SessionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Sealed = Annotated[str, Field(min_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


def sealed_characters(content: int) -> int:
    """Of so many bytes, once sealed and in base64url."""
    return -(-(content + SEALING_BYTES) * 4 // 3)


MAX_SEALED_CHARACTERS: Final = sealed_characters(MAX_IMAGE_BYTES)


class SessionStart(CommandBase):
    """``cmd/session.start``. ``nonce`` comes back signed; without one no door may open.

    With a reference it may have ``max_bytes``, at QoS 0 alone; without, as much as every command.
    """

    max_bytes: ClassVar[int] = MAX_SEALED_CHARACTERS + CommandBase.max_bytes

    liveness_operation_mode: LivenessOperationMode = LivenessOperationMode.PASSIVE
    device_correlation_id: UUID | None = None
    user_correlation_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    nonce: Annotated[str, Field(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    auth_token_time_to_live_in_seconds: Annotated[int, Field(ge=60, le=86400)] = 600
    number_of_client_attempts_allowed: Annotated[int, Field(ge=1, le=3)] = 1
    required_evidence: tuple[EvidenceKind, ...] = Field(
        (), description="Confirmations demanded beside those of the site's policy; it can only add"
    )
    pad_margin: Annotated[float, Field(ge=0, le=20)] | None = Field(
        None,
        description=(
            "How far above their thresholds the PAD networks together must be, in units of their manifests' spread; "
            "the stricter of this and the policy counts"
        ),
    )
    alternative: Alternative | None = Field(
        None,
        description="For one whom flashes would harm, or who cannot turn the head; the site's policy must allow it",
    )
    authorization: Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[A-Za-z0-9_.-]+$")] | None = Field(
        None,
        description="For an alternative: compact JWS of a requester whose key the terminal has, over this command's "
        "id, the device and the alternative",
    )
    verify_image: Annotated[Sealed, Field(max_length=MAX_SEALED_CHARACTERS)] | None = Field(
        None,
        description="Reference image (JPEG, PNG, WEBP, BMP of at most 6 MB) sealed to the terminal's key, base64url; "
        "only at QoS 0, as a broker may store what has more",
    )
    verify_template: Annotated[Sealed, Field(max_length=16 * 1024)] | None = Field(
        None,
        description="In place of verifyImage: a template that `livegate template` made, sealed likewise; only at QoS 0",
    )
    verify_confidence_threshold: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="matchConfidence from which isIdentical is true; the stricter of this and the site's counts"
    )
    return_verify_image_hash: bool = Field(
        False,
        description="Whether the result has the reference's SHA-256: sealing does not tell who sealed, so only a "
        "result with the hash of what was sent is about that",
    )
    enable_session_image: bool = Field(
        False, description="Whether one good picture is sent, sealed to sessionImageKey; the site must allow it"
    )
    session_image_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")] | None = Field(
        None, description="X25519 public key of whoever may open the picture: x of its JWK (RFC 8037)"
    )

    @model_validator(mode="after")
    def _what_belongs_together(self) -> Self:
        if self.verify_image is not None and self.verify_template is not None:
            raise ValueError("verifyImage and verifyTemplate: send one of them")
        if self.verify_confidence_threshold is not None and self.verify_image is None and self.verify_template is None:
            raise ValueError("verifyConfidenceThreshold counts with verifyImage or verifyTemplate alone")
        if self.return_verify_image_hash and self.verify_image is None and self.verify_template is None:
            raise ValueError("returnVerifyImageHash counts with verifyImage or verifyTemplate alone")
        if self.enable_session_image != (self.session_image_key is not None):
            raise ValueError("enableSessionImage and sessionImageKey come together")
        return self


class SessionCancel(CommandBase):
    """``cmd/session.cancel``."""

    session_id: SessionId


class ColorTarget(Outgoing):
    """Where the judged face was."""

    face_rectangle: FaceRectangle


class Targets(Outgoing):
    """The pictures that were judged; one colour camera for now."""

    color: ColorTarget


class PadNetworkScore(Outgoing):
    """What one network made of the judged frames, after its file's threshold was taken away."""

    network: str
    sha256: Sha256
    margin: Annotated[
        float, Field(description="Above (live) or below (attack) the threshold, in units of the manifest's spread")
    ]
    frames: Annotated[int, Field(ge=1)]


class EvidenceItem(Outgoing):
    """One source of evidence and what it said."""

    kind: EvidenceKind
    outcome: EvidenceOutcome
    reason: str
    margin: Annotated[
        float | None,
        Field(
            description="Of pad: of the networks together, in units of their manifests' spread; of light: share of a "
            "head's relief, or contrast where none was told"
        ),
    ] = None


class Assurance(Outgoing):
    """The evidence that was present, so that a back end can decide what it is worth.

    Decisions of older software have no level, which reads as ``none``.
    """

    level: Annotated[
        AssuranceLevel,
        Field(description="What was proven, from none to light_and_motion; above none with realface alone"),
    ] = AssuranceLevel.NONE
    confirmed: tuple[EvidenceKind, ...]
    frames_judged: Annotated[int, Field(ge=0)]
    temporal: Annotated[bool, Field(description="False for a still picture: nothing about time was judged")]
    path: Annotated[
        EvidencePath | None, Field(description="Whose requirements in the policy held; absent with an error")
    ] = None
    alternative: Annotated[Alternative | None, Field(description="What the request had left out; absent: nothing")] = (
        None
    )


class Challenge(Outgoing):
    """A challenge that was begun. What it asked is kept by nobody; its hash is told, so that it can be proven later."""

    kind: ChallengeKind
    plan_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="Random, of this plan alone")]
    sha256: Annotated[
        Sha256,
        Field(
            description="Over the plan's kind, identifier and steps and 128 bits of salt, which is never published: "
            "without it nobody finds the steps by trying all of them"
        ),
    ]


class LivenessResult(Outgoing):
    """What an attempt decided."""

    liveness_decision: LivenessDecision
    targets: Targets
    digest: Annotated[Sha256, Field(description="SHA-256 over the judged frames' evidence, in order")]
    session_image_id: Annotated[
        str | None,
        Field(pattern=r"^[0-9a-f]{32}$", description="Of the picture on session/<id>/image; absent: none was sent"),
    ] = None
    verify_result: Annotated[VerifyResult | None, Field(description="Absent without a reference")] = None
    verify_image_hash: Annotated[
        Sha256 | None,
        Field(description="SHA-256 of the reference's bytes (image or template), where the request wants it"),
    ] = None


class AttemptError(Outgoing):
    """Why an attempt ended without a decision."""

    code: ErrorCode
    message: str


class SessionImageReport(Outgoing):
    """What became of the picture that the request asked for."""

    sent: Annotated[bool, Field(description="Handed to the broker once, at QoS 0; nobody acknowledges that")]
    reason: Annotated[str | None, Field(description="Why none was sent")] = None
    sha256: Annotated[Sha256 | None, Field(description="Of the JPEG that opens, which proves that it is this one")] = (
        None
    )
    quality: Annotated[
        float | None, Field(ge=0, le=1, description="Of the frame: the score that chose it (docs/vision.md)")
    ] = None
    key: Annotated[str | None, Field(description="RFC 7638 thumbprint of the key that it was sealed to")] = None


class SealedImage(Outgoing):
    """``session/<id>/image``: QoS 0, never retained, never queued."""

    max_bytes: ClassVar[int] = MAX_PACKET_BYTES
    schema_version: Literal["1.0"] = SCHEMA_VERSION
    session_id: SessionId
    attempt_id: Annotated[int, Field(ge=1, le=3)]
    session_image_id: SessionId
    media_type: Literal["image/jpeg"] = "image/jpeg"
    suite: Annotated[str, Field(description="Of RFC 9180, as edge.contracts.sealing names it")]
    key: Annotated[str, Field(description="RFC 7638 thumbprint of the key that opens it")]
    sealed: Annotated[Sealed, Field(description="Encapsulated key and ciphertext, base64url")]


class AttemptReport(Outgoing):
    """One attempt. Exactly one of result and error is there."""

    attempt_id: Annotated[int, Field(ge=1, le=3)]
    attempt_status: SessionStatus
    result: LivenessResult | None = None
    error: AttemptError | None = None
    light_level: LightLevel
    light_reason: str
    assurance: Assurance
    evidence: tuple[EvidenceItem, ...] = ()
    decided_by: tuple[EvidenceKind, ...] = Field(
        (),
        description="What made the decision: of spoofface the vetoes, of realface the required confirmations, of "
        "uncertain the required kinds that are not confirmed; none with an error",
    )
    networks: tuple[PadNetworkScore, ...] = ()
    challenges: tuple[Challenge, ...] = Field(
        (), description="Those that were asked for, in their order, played to the end or not"
    )
    quality_failures: dict[QualityFailure, int] = Field(default_factory=dict)
    duration_seconds: Annotated[float, Field(ge=0)]
    session_image: Annotated[
        SessionImageReport | None, Field(description="Absent where none was asked for, and before the last attempt")
    ] = None


class SessionReport(Outgoing):
    """A whole session as the requester reads it."""

    session_id: SessionId
    status: SessionStatus
    liveness_operation_mode: LivenessOperationMode
    capture: CaptureKind
    attempts: tuple[AttemptReport, ...]


class SessionProgress(Outgoing):
    """``session/<id>/event``: for a screen elsewhere."""

    max_bytes: ClassVar[int] = 16 * 1024
    schema_version: Literal["1.0"] = SCHEMA_VERSION
    session_id: SessionId
    attempt_id: int
    state: str
    prompt: Prompt | None = None
    text: Annotated[str | None, Field(description="The prompt in the terminal's language")] = None
    progress: Annotated[
        float | None, Field(ge=0, le=1, description="Share of the attempt that is done; never falls within one")
    ] = None
    seconds_left: Annotated[
        int | None,
        Field(ge=0, le=99, description="Until the attempt is over in any case; only in the last seconds of waiting"),
    ] = None
