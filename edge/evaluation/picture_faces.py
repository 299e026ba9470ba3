"""Embeddings of the faces in recorded pictures, by the networks of a terminal."""

from __future__ import annotations

import difflib
from pathlib import Path

from edge.config.choices import RuntimeChoice
from edge.config.quality import QualityLimits
from edge.contracts.enums import CaptureKind, QualityFailure
from edge.errors import ModelError
from edge.frames.covered import CoveredBuffers
from edge.frames.frame import ColourOrder, Frame
from edge.frames.picture import read_picture
from edge.frames.reference_image import read_reference
from edge.frames.reference_refused import ReferenceRefused
from edge.inference.bundle import default_models_dir
from edge.inference.manifest import InstalledModel, Manifest, Stage, installed_models
from edge.inference.model import LoadedModel
from edge.inference.runtime import find_runtime
from edge.vision.detector import Detector
from edge.vision.identity import Embedding, FaceIdentity
from edge.vision.landmarks import FaceMesh, five_points
from edge.vision.reference import ReferenceReader
from edge.vision.tracking import FaceTracker


class PictureFaces:
    """Implements ``edge.evaluation.verify.Faces``. Belongs to the thread that made it."""

    def __init__(
        self, models: Path | None = None, *, embedding: str | None = None, runtime: RuntimeChoice = RuntimeChoice.AUTO
    ) -> None:
        """models: folder; stages that it lacks are served by the shipped ones. embedding: id of a manifest, enabled or
        not; None: the enabled one.

        Raises ModelError where a model is missing or not what its manifest says.
        """
        self.runtime = find_runtime(runtime)
        shipped = installed_models(default_models_dir())
        own = installed_models(models) if models else ()
        chosen = [
            _one(own, shipped, Stage.DETECTOR),
            _one(own, shipped, Stage.LANDMARKS),
            _one(own, shipped, Stage.EMBEDDING, embedding),
        ]
        self.models = tuple(LoadedModel(model, self.runtime) for model in chosen)
        detector, landmarks, network = self.models
        finder, mesh = Detector(detector), FaceMesh(landmarks)
        self._tracker = FaceTracker(finder, mesh, min_other_share=QualityLimits().min_other_share)
        self._identity = FaceIdentity(network)
        self._reader = ReferenceReader(finder, mesh, self._identity)
        self._buffers = CoveredBuffers()

    @property
    def manifest(self) -> Manifest:
        """Of the embedding."""
        return self._identity.manifest

    def reference(self, path: Path) -> Embedding | str:
        """Or the error code that a session would end with. Raises InputError where the file is not there, and
        ModelError.
        """
        try:
            return self._reader.read(read_reference(path, self._buffers)).embedding
        except ReferenceRefused as refused:
            return refused.code.value

    def picture(self, path: Path) -> Embedding | str:
        """Or why there is none: the failure of quality that a session would tell. Of whatever quality besides: a
        session takes good ones alone. Raises InputError where the file cannot be read, and ModelError.
        """
        frame = Frame(
            pixels=read_picture(path),
            colour=ColourOrder.BGR,
            sequence=0,
            captured_at=0.0,
            capture=CaptureKind.REPLAY,
            still=True,
        )
        sighting = self._tracker.follow(frame)
        if sighting.face is None:
            return QualityFailure.NO_FACE.value
        if sighting.others:
            return QualityFailure.SEVERAL_FACES.value
        embedding = self._identity.embed(frame, five_points(sighting.face.mesh))
        return QualityFailure.NO_FACE.value if embedding is None else embedding


def _one(
    own: tuple[InstalledModel, ...], shipped: tuple[InstalledModel, ...], stage: Stage, named: str | None = None
) -> InstalledModel:
    for models in (own, shipped):
        there = [model for model in models if model.manifest.stage is stage]
        wanted = [model for model in there if (model.manifest.id == named if named else model.manifest.enabled)]
        if len(wanted) > 1:
            names = ", ".join(model.manifest.id for model in wanted)
            raise ModelError(f"several {stage} models are enabled: {names}", remedy="name the one that is meant")
        if wanted:
            return wanted[0]
    known = [model.manifest.id for model in (*own, *shipped) if model.manifest.stage is stage]
    close = difflib.get_close_matches(named or "", known, n=1)
    raise ModelError(
        f"there is no {stage} model {named}" if named else f"there is no enabled {stage} model",
        remedy=f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(known) or 'none'}",
    )
