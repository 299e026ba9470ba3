"""What a request's face is compared with: opened while the command is judged, read before the camera is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge.config.settings import Settings
from edge.contracts.enums import CommandErrorCode, ErrorCode, QualityForRecognition, ReferenceKind
from edge.contracts.sealing import OpeningKey, Purpose, SealError, sealed_bytes
from edge.contracts.session import SessionStart
from edge.contracts.strict_json import read_message
from edge.contracts.verification import FaceRectangle, FaceTemplate, VerifyReference
from edge.errors import ModelError
from edge.frames.covered import CoveredBuffers
from edge.frames.reference_image import open_reference as open_picture
from edge.frames.reference_refused import ReferenceRefused
from edge.frames.wiping import overwrite_bytes
from edge.inference.manifest import Manifest
from edge.link.payloads import CommandRefused, refuse
from edge.session.verification import Compared
from edge.terminal.assembly import Workbench
from edge.vision.face_match import FaceMatch
from edge.vision.identity import Embedding
from edge.vision.pipeline import FaceVision
from edge.vision.template import template_embedding


@dataclass(frozen=True, slots=True)
class OpenedReference:
    """content: an image's bytes, or a template's JSON; nobody else holds them.

    least: match confidence from which the two are one person. return_hash: whether the result has the image's SHA-256.
    """

    kind: ReferenceKind
    content: bytes = field(repr=False)
    least: float
    return_hash: bool

    def forget(self) -> None:
        """Overwrites it. May be repeated."""
        overwrite_bytes(self.content)


def open_reference(request: SessionStart, settings: Settings, key: OpeningKey) -> OpenedReference | None:
    """None where the request has none. Raises CommandRefused where the site does not take one, or demands one that is
    missing, and where it does not open.
    """
    site = settings.verification
    sealed = request.verify_image or request.verify_template
    if sealed is None:
        if site.required:
            refuse(
                CommandErrorCode.POLICY,
                f"{ErrorCode.VERIFY_IMAGE_NOT_PROVIDED}: this terminal compares every face with a reference; send one",
            )
        return None
    if not site.allowed:
        refuse(CommandErrorCode.POLICY, "this terminal compares nobody with a reference (verification.allowed)")
    kind = ReferenceKind.IMAGE if request.verify_image is not None else ReferenceKind.TEMPLATE
    purpose = Purpose.REFERENCE_IMAGE if kind is ReferenceKind.IMAGE else Purpose.REFERENCE_TEMPLATE
    device = settings.device
    try:
        content = key.open(sealed_bytes(sealed), purpose, device.site, device.id, request.id)
    except SealError as error:
        raise CommandRefused(CommandErrorCode.UNAUTHORIZED, f"the reference: {error}") from None
    if kind is ReferenceKind.IMAGE and len(content) > site.max_image_bytes:
        size = len(content)
        overwrite_bytes(content)
        refuse(
            CommandErrorCode.TOO_LARGE,
            f"{ErrorCode.IMAGE_SIZE_IS_TOO_LARGE}: the reference image has {size} bytes; "
            f"at most {site.max_image_bytes} are taken",
        )
    least = max(site.confidence, request.verify_confidence_threshold or 0.0)
    return OpenedReference(kind, content, least, request.return_verify_image_hash)


def without_reference(request: SessionStart) -> SessionStart:
    """The request without what it is to be compared with."""
    return request.model_copy(update={"verify_image": None, "verify_template": None})


@contextmanager
def read_reference(opened: OpenedReference | None, workbench: Workbench) -> Iterator[Compared | None]:
    """On the inference thread. Whatever happens, ``opened`` and what was read of it are overwritten in the end.

    Raises ReferenceRefused where no face can be taken from it, ModelError.
    """
    if opened is None:
        yield None
        return
    faces = _faces(workbench)
    try:
        reference = _read(opened, faces)
    except BaseException:
        # No session follows that would do it.
        faces.forget()
        raise
    finally:
        opened.forget()
    try:
        yield reference
    finally:
        reference.forget()


def _faces(workbench: Workbench) -> FaceVision:
    if workbench.faces is None:
        raise ModelError("this terminal has no networks that compare faces", remedy="open it with its models")
    return workbench.faces


def _read(opened: OpenedReference, faces: FaceVision) -> Compared:
    network = faces.embedding_network
    match = FaceMatch.of(network)
    digest = hashlib.sha256(opened.content).hexdigest() if opened.return_hash else None
    if opened.kind is ReferenceKind.TEMPLATE:
        return _compared(opened, match, *_of_template(opened.content, network), digest)
    buffers = CoveredBuffers()
    try:
        found = faces.reference(open_picture(opened.content, buffers))
    finally:
        buffers.wipe()
    return _compared(opened, match, found.embedding, found.rectangle, found.quality, digest)


def _of_template(content: bytes, network: Manifest) -> tuple[Embedding, FaceRectangle | None, QualityForRecognition]:
    try:
        template = read_message(FaceTemplate, content, strict=True)
    except ValueError as error:
        # What it says of a mistake repeats what it found there.
        raise ReferenceRefused(
            ErrorCode.CONTENT_DECODING_ERROR,
            f"the template breaks the contract ({type(error).__name__})",
            remedy="make it again with `livegate template`",
        ) from None
    return template_embedding(template, network), template.face_rectangle, template.quality_for_recognition


def _compared(
    opened: OpenedReference,
    match: FaceMatch,
    embedding: Embedding,
    rectangle: FaceRectangle | None,
    quality: QualityForRecognition,
    digest: str | None,
) -> Compared:
    told = VerifyReference(reference_type=opened.kind, face_rectangle=rectangle, quality_for_recognition=quality)
    return Compared(embedding, match, told, opened.least, digest)
