"""Real models and synthetic people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.inference.bundle import ModelBundle, default_models_dir
from edge.inference.manifest import Manifest, installed_models
from edge.vision.detector import Detector
from edge.vision.face_patch import Points
from edge.vision.landmarks import FaceMesh
from edge.vision.tracking import FaceTracker
from tests.vision.scene import Bundle, Counted, Pixels, Scripted, frame_of, pad_manifest, placed


@pytest.fixture(scope="session")
def models() -> ModelBundle:
    return ModelBundle.load(default_models_dir(), verify=False)


@pytest.fixture(scope="session")
def manifests() -> dict[str, Manifest]:
    """By stage; of the PAD networks any."""
    return {model.manifest.stage.value: model.manifest for model in installed_models(default_models_dir())}


@pytest.fixture
def counted(models: ModelBundle) -> Bundle:
    """The real detector and landmarks, and one PAD network that is undecided."""
    judge = Scripted(pad_manifest(), [np.array([[0.5, 0.5]], np.float32)])
    return Bundle(Counted(models.detector), Counted(models.landmarks), (judge,))


@pytest.fixture(scope="session")
def portraits() -> dict[str, Pixels]:
    """Studio portraits of ten synthetic people by id, BGR, 512²: one frontal face each."""
    openpeople = pytest.importorskip("openpeople", reason="the package openpeople (extra: demo) has the pictures")
    folder = Path(openpeople.__file__).parent / "data" / "curated"
    pictures = {path.parent.parent.name: path for path in sorted(folder.glob("P*/assets/studio_portrait.jpg"))}
    return {
        name: cv2.resize(cv2.imread(str(path)), (512, 512), interpolation=cv2.INTER_AREA)
        for name, path in pictures.items()
    }


@pytest.fixture
def webcam(portraits: dict[str, Pixels]) -> Callable[..., Pixels]:
    """Makes a frame with one person's face: ``width`` of the face box and where its middle is, in pixels."""
    return lambda name="P001", **where: placed(portraits[name], **where)


@pytest.fixture(scope="session")
def face_landmarks(models: ModelBundle, portraits: dict[str, Pixels]) -> Points:
    """(468, 3) of a portrait."""
    tracker = FaceTracker(Detector(models.detector), FaceMesh(models.landmarks), min_other_share=0.5)
    face = tracker.follow(frame_of(portraits["P001"])).face
    assert face is not None
    return face.mesh.points
