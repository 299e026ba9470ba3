"""A template of a picture file, made on the operator's machine or on the terminal, and the file that it is kept in."""

from __future__ import annotations

from pathlib import Path

from edge.contracts.verification import FaceTemplate
from edge.errors import InputError, ModelError
from edge.frames.covered import CoveredBuffers
from edge.frames.reference_image import read_reference
from edge.inference.bundle import ModelBundle
from edge.link.files import write_atomically
from edge.vision.pipeline import FaceVision
from edge.vision.template import template_of


def make_template(image: Path, models: ModelBundle) -> FaceTemplate:
    """Of the one face in the picture. Raises ReferenceRefused, InputError where the file cannot be read, ModelError."""
    if models.embedding is None:
        raise ModelError("no embedding model is enabled", remedy="reinstall the models")
    buffers = CoveredBuffers()
    try:
        reference = FaceVision(models).reference(read_reference(image, buffers))
        template = template_of(reference, models.embedding.manifest)
        reference.embedding.fill(0)
    finally:
        buffers.wipe()
    return template


def check_free(path: Path) -> None:
    """Before the work is done. Raises InputError where something is there already."""
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} is there already", remedy="name another file with --out, or give --force")


def write_template(path: Path, template: FaceTemplate) -> None:
    """For its owner alone, over whatever file was there. Raises InputError where it cannot be written."""
    content = template.model_dump_json(by_alias=True, exclude_none=True, indent=2).encode() + b"\n"
    try:
        write_atomically(path, content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", remedy="name a file in another folder") from None
