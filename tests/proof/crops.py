"""What vision makes of the planted pictures, made once more: crops, the networks' inputs, and face embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import CaptureKind
from edge.contracts.verification import FaceTemplate
from edge.frames.covered import CoveredBuffers
from edge.frames.frame import ColourOrder, Frame
from edge.frames.reference_image import read_reference
from edge.inference.bundle import ModelBundle
from edge.inference.manifest import Manifest
from edge.inference.model import LoadedModel
from edge.vision.pipeline import FaceVision
from edge.vision.template import template_of
from tests.proof.marks import Marks, Picture

# How marks of what is put into a network begin.
INPUT: Final = "a network's input of "


class _Watched:
    """A network of which every input is kept as marks."""

    def __init__(self, model: LoadedModel, marks: Marks, name: str) -> None:
        self._model, self._marks, self._name = model, marks, name

    @property
    def manifest(self) -> Manifest:
        return self._model.manifest

    def run(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        self._marks.add_crop(f"a crop of {self._name}", image)
        self._model._fill(image)
        stored = self._model._interpreter.input_view(self._model._input)[0].copy()
        # Where the file stores pixels, these are the crop's own bytes.
        if stored.dtype != np.uint8:
            self._marks.add_rows(f"{INPUT}{self._name}", stored)
        return self._model.run(image)

    def forget(self) -> None:
        self._model.forget()


class _WatchedBundle:
    def __init__(self, bundle: ModelBundle, marks: Marks, name: str) -> None:
        self.detector = _Watched(bundle.detector, marks, name)
        self.landmarks = _Watched(bundle.landmarks, marks, name)
        self.pad = tuple(_Watched(model, marks, name) for model in bundle.pad)
        self.embedding = None if bundle.embedding is None else _Watched(bundle.embedding, marks, name)


def add_crops(marks: Marks, name: str, pictures: Sequence[Picture], bundle: ModelBundle, fps: float) -> None:
    """pictures: BGR, one sequence. One alone is a still, as a replay has it.

    A terminal's crops are the same bytes as long as it sees the same frames: of a sequence it may leave some out.
    """
    vision = FaceVision(_WatchedBundle(bundle, marks, name))
    for number, pixels in enumerate(pictures):
        still = len(pictures) == 1
        frame = Frame(pixels, ColourOrder.BGR, number, number / fps, CaptureKind.REPLAY, still=still)
        vision.see(frame)
        embedding = vision.embedding(frame)
        if embedding is not None:
            marks.add_rows(f"an embedding of {name}", np.asarray(embedding, np.float32).reshape(1, -1, 1))


def add_reference(marks: Marks, name: str, path: Path, bundle: ModelBundle) -> FaceTemplate:
    """A file with a picture of one face, and what vision makes of it. Returns its template."""
    marks.add_bytes(f"the file of {name}", path.read_bytes())
    vision = FaceVision(_WatchedBundle(bundle, marks, name))
    reference = vision.reference(read_reference(path, CoveredBuffers()))
    marks.add_rows(f"an embedding of {name}", np.asarray(reference.embedding, np.float32).reshape(1, -1, 1))
    return template_of(reference, vision.embedding_network)
