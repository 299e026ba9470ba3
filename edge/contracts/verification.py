"""Whether the live person is the one of a reference: templates, what a reference was worth, and what came of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from edge.contracts.base import SCHEMA_VERSION, Incoming, Outgoing, Sha256, Told
from edge.contracts.enums import QualityForRecognition, ReferenceKind

MAX_IMAGE_BYTES: Final = 6 * 1024 * 1024
# What sealing adds: the encapsulated key and the tag (edge.contracts.sealing).
SEALING_BYTES: Final = 32 + 16


class FaceRectangle(Outgoing):
    """Pixels of the captured frame, or of the reference image as it is shown upright."""

    top: int
    left: int
    width: int
    height: int


class FaceTemplate(Incoming):
    """A face as one network describes it; what ``livegate template`` writes. Biometric data: it is kept sealed."""

    max_bytes: ClassVar[int] = 16 * 1024

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    network: Annotated[str, Field(min_length=1, max_length=64, description="id of the embedding network")]
    sha256: Annotated[Sha256, Field(description="Of the network's file: another file's templates do not compare")]
    embedding: Annotated[
        str,
        Field(
            min_length=4,
            max_length=8192,
            pattern=r"^[A-Za-z0-9_-]+$",
            description="float32, little-endian, of length 1 together; base64url without padding",
        ),
    ]
    face_rectangle: FaceRectangle | None = None
    quality_for_recognition: QualityForRecognition


class VerifyReference(Outgoing):
    """What the session's face was compared with."""

    reference_type: ReferenceKind
    face_rectangle: Annotated[
        FaceRectangle | None, Field(description="In the reference image, upright; absent where a template has none")
    ] = None
    quality_for_recognition: QualityForRecognition


class VerifyResult(Outgoing):
    """Whether the person of the attempt is the one of the reference."""

    match_confidence: Annotated[
        float,
        Field(ge=0, le=1, description="0.5 at the threshold of the network's file; docs/verify.md has what it costs"),
    ]
    is_identical: Annotated[
        bool, Field(description="Only with realface, and from the confidence on that site and request demand")
    ]
    reason: Told
    pictures: Annotated[int, Field(ge=0, description="Pictures of the attempt's one face that were compared")]
