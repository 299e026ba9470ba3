"""A face as a network describes it, in the form in which it is kept, and back."""

from __future__ import annotations

from typing import Final

import numpy as np

from edge.contracts.base64url import from_base64url, to_base64url
from edge.contracts.enums import ErrorCode
from edge.contracts.verification import FaceTemplate
from edge.frames.reference_refused import ReferenceRefused
from edge.inference.manifest import Manifest, Meaning
from edge.vision.identity import Embedding
from edge.vision.reference import Reference

# How far a template's length may be from 1: float32 leaves 1e-6.
_LENGTH: Final = 1e-3


def template_of(reference: Reference, network: Manifest) -> FaceTemplate:
    """network: which made ``reference``. What is returned cannot be overwritten: a terminal in service needs none."""
    values = reference.embedding.astype("<f4").tobytes()
    return FaceTemplate(
        network=network.id,
        sha256=network.sha256,
        embedding=to_base64url(values),
        face_rectangle=reference.rectangle,
        quality_for_recognition=reference.quality,
    )


def template_embedding(template: FaceTemplate, network: Manifest) -> Embedding:
    """The template's numbers, in memory of their own that whoever asked overwrites.

    network: which describes the live face. Raises ReferenceRefused for another network's template, and for one whose
    numbers are too few, too many, not finite, or not of length 1.
    """
    if (template.network, template.sha256) != (network.id, network.sha256):
        raise ReferenceRefused(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"the template was made with {template.network} {template.sha256[:16]}…, "
            f"and this terminal has {network.id} {network.sha256[:16]}…",
            remedy="make it again with `livegate template`, with the models that the terminal has",
        )
    size = next(output.shape[-1] for output in network.outputs if output.meaning is Meaning.EMBEDDING)
    try:
        embedding = np.frombuffer(from_base64url(template.embedding), "<f4").astype(np.float32)
    except ValueError:
        raise _damaged("holds no float32 numbers") from None
    if embedding.size != size:
        raise _damaged(f"holds {embedding.size} numbers, and {network.id} gives {size}")
    with np.errstate(over="ignore", invalid="ignore"):
        length = float(np.linalg.norm(embedding.astype(np.float64)))
    if not abs(length - 1) <= _LENGTH:
        embedding.fill(0)
        raise _damaged("has numbers whose length together is not 1")
    embedding /= np.float32(length)
    return embedding


def _damaged(what: str) -> ReferenceRefused:
    return ReferenceRefused(
        ErrorCode.CONTENT_DECODING_ERROR, f"the template {what}", remedy="make it again with `livegate template`"
    )
