from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.errors import ModelError
from edge.frames.frame import ColourOrder
from edge.vision.identity import FaceIdentity
from edge.vision.pipeline import FaceVision
from tests.vision.scene import Scripted, frame_of, pad_manifest


@pytest.fixture(scope="module")
def seen(models, portraits):
    """Embedding of a portrait."""
    vision = FaceVision(models)

    def look(name, *, mirrored=False):
        picture = portraits[name]
        frame = frame_of(np.ascontiguousarray(picture[:, ::-1] if mirrored else picture))
        vision.reset()
        assert vision.see(frame, judge=False).box is not None
        return vision.embedding(frame)

    return look


def test_every_face_is_nearest_to_its_own_mirror_image(seen, portraits):
    embeddings = np.array([seen(name) for name in portraits])
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)
    alike = embeddings @ np.array([seen(name, mirrored=True) for name in portraits]).T
    assert np.array_equal(alike.argmax(axis=1), np.arange(len(alike)))
    assert np.diag(alike).min() > 0.7
    assert np.median(alike[~np.eye(len(alike), dtype=bool)]) < 0.25


def test_a_mirrored_darker_and_smaller_face_is_still_the_same(models, portraits, webcam, seen):
    vision = FaceVision(models)
    picture = (webcam("P002", width=140)[:, ::-1] * 0.6).astype(np.uint8)
    frame = frame_of(np.ascontiguousarray(picture))
    vision.see(frame, judge=False)
    assert float(vision.embedding(frame) @ seen("P002")) > 0.6


def test_colour_order_makes_no_difference(models, portraits):
    vision = FaceVision(models)
    frame = frame_of(portraits["P003"])
    other = replace(frame, pixels=np.ascontiguousarray(frame.pixels[:, :, ::-1]), colour=ColourOrder.RGB)
    embeddings = []
    for given in (frame, other):
        vision.reset()
        vision.see(given, judge=False)
        embeddings.append(vision.embedding(given))
    assert float(embeddings[0] @ embeddings[1]) > 0.99


def test_without_a_face_there_is_nothing_to_compare(models):
    vision = FaceVision(models)
    frame = frame_of(np.full((120, 160, 3), 90, np.uint8))
    vision.see(frame, judge=False)
    assert vision.embedding(frame) is None


def test_a_terminal_without_the_network_looks_at_faces_all_the_same(counted, webcam):
    vision = FaceVision(counted)
    frame = frame_of(webcam())
    assert vision.see(frame, judge=False).box is not None
    assert vision.embedding(frame) is None


@pytest.mark.parametrize("given", [0.0, np.nan])
def test_an_answer_without_a_direction_is_none(models, face_landmarks, given):
    network = Scripted(models.embedding.manifest, [np.full((1, 512), given, np.float32)])
    frame = frame_of(np.zeros((64, 64, 3), np.uint8))
    assert FaceIdentity(network).embed(frame, face_landmarks[:5, :2]) is None


def test_another_kind_of_network_is_refused():
    with pytest.raises(ModelError, match="no embedding of an aligned face"):
        FaceIdentity(Scripted(pad_manifest()))
