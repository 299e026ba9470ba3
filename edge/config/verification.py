"""What of verification and of session images a site allows. Its own: neither can be pushed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from edge.config.values import FilePath, Number, Section, Whole, YesNo


class SessionImages(StrEnum):
    """To whom a session's picture may be sent."""

    NEVER = "never"
    ENROLLED = "enrolled"
    ANY_KEY = "any_key"


class Verification(Section):
    """Whether a session may tell that the live person is the one of a reference."""

    allowed: Annotated[
        YesNo,
        Field(
            title="Verification allowed",
            description="Requests may carry a reference, with which a face is compared: biometric identification, "
            "which needs a legal basis of its own (docs/privacy.md)",
        ),
    ] = False
    required: Annotated[
        YesNo,
        Field(title="Verification required", description="Every request must carry one; needs allowed"),
    ] = False
    confidence: Annotated[
        Number,
        Field(
            ge=0,
            le=1,
            title="Least confidence",
            description="matchConfidence from which isIdentical is true; a request can only raise it. 0.5: the "
            "threshold of the network's file (docs/verify.md)",
        ),
    ] = 0.5
    max_image_bytes: Annotated[
        Whole,
        Field(
            ge=16 * 1024,
            le=6 * 1024 * 1024,
            title="Largest reference image",
            description="Bytes of its file. The broker must let a message through that is half as large again",
        ),
    ] = 6 * 1024 * 1024

    any_qos: Annotated[
        YesNo,
        Field(
            title="Any QoS",
            description="References are taken at QoS 1 and 2 too, though a broker may store such messages. For brokers "
            "alone that deliver everything at the subscription's QoS: there a terminal cannot tell",
        ),
    ] = False

    @field_validator("required")
    @classmethod
    def _what_is_required_is_allowed(cls, required: bool, info: ValidationInfo) -> bool:
        if required and not info.data.get("allowed", True):
            raise ValueError("what is required must be allowed: set allowed to true")
        return required


class SessionImage(Section):
    """Whether one good picture of a session may leave the terminal, sealed to a requester's key."""

    keys: Annotated[
        FilePath | None,
        Field(
            title="Keys of session images",
            description="File of X25519 public keys (JWK or JWK Set) for allow: enrolled; read anew at each request",
        ),
    ] = None
    allow: Annotated[
        SessionImages,
        Field(
            title="Session images",
            description="never; enrolled: to the keys in keys; any_key: to whichever key the request has, so whoever "
            "may command the terminal may have pictures",
        ),
    ] = SessionImages.NEVER

    @field_validator("allow")
    @classmethod
    def _enrolled_keys_are_somewhere(cls, allow: SessionImages, info: ValidationInfo) -> SessionImages:
        if allow is SessionImages.ENROLLED and info.data.get("keys") is None:
            raise ValueError("enrolled keys are read from keys: name its file")
        return allow
