"""Embeddings of the faces in recorded pictures, by the networks of a terminal."""

from __future__ import annotations

import difflib
from pathlib import Path

from edge.config.choices import RuntimeChoice
from edge.config.quality import QualityLimits
from edge.contracts.enums import CaptureKind, ErrorCode, QualityFailure
from edge.errors import InputError, ModelError
from edge.frames.frame import ColourOrder, Frame
from edge.frames.picture import read_picture
from edge.inference.bundle import default_models_dir
from edge.inference.manifest import InstalledModel, Manifest, Stage, installed_models
from edge.inference.model import LoadedModel
from edge.inference.runtime import find_runtime
from edge.vision.detector import Detector
from edge.vision.identity import Embedding, FaceIdentity
from edge.vision.landmarks import FaceMesh, five_points
from edge.vision.tracking import FaceTracker

_CODES = {
    QualityFailure.NO_FACE.value: ErrorCode.FACE_NOT_FOUND.value,
    QualityFailure.SEVERAL_FACES.value: ErrorCode.MULTIPLE_FACE_FOUND.value,
}


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
        self._tracker = FaceTracker(
            Detector(detector), FaceMesh(landmarks), min_other_share=QualityLimits().min_other_share
        )
        self._identity = FaceIdentity(network)

    @property
    def manifest(self) -> Manifest:
        """Of the embedding."""
        return self._identity.manifest

    def reference(self, path: Path) -> Embedding | str:
        """Or the error code of why it cannot be one. Raises ModelError."""
        try:
            found = self._seen(path)
        except InputError:
            return ErrorCode.CONTENT_DECODING_ERROR.value
        return _CODES.get(found, found) if isinstance(found, str) else found

    def picture(self, path: Path) -> Embedding | str:
        """Or why a session would have none of it. Of whatever quality: a session takes better ones alone. Raises
        ModelError.
        """
        try:
            return self._seen(path)
        except InputError:
            return "unreadable"

    def _seen(self, path: Path) -> Embedding | str:
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
