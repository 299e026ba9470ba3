"""A face found again by its texture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.vision.crops import similarity
from edge.vision.registration import FaceAnchor
from tests.vision.scene import frame_of


@pytest.fixture
def picture(portraits):
    return portraits["P001"]


@pytest.fixture
def first(picture, face_landmarks):
    return frame_of(picture), face_landmarks


def shifted(picture, right, down, turn=0.0, size=1.0):
    matrix = cv2.getRotationMatrix2D((256, 256), turn, size)
    matrix[:, 2] += right, down
    return cv2.warpAffine(picture, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE), matrix


@pytest.mark.parametrize("moved", [(2.3, -1.6, 0.0, 1.0), (-6.0, 4.2, 1.5, 1.02), (0.0, 0.0, 0.0, 1.0)])
def test_it_is_followed_to_a_small_part_of_a_pixel_where_landmarks_tremble(first, picture, moved):
    frame, landmarks = first
    now, matrix = shifted(picture, *moved)
    true = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    trembling = landmarks.copy()
    trembling[:, :2] = true + np.array([1.4, -1.1])
    found = FaceAnchor(frame, landmarks).landmarks_in(frame_of(now), trembling)
    assert np.abs(found[:, :2] - true).max() < 0.15


def test_a_darker_picture_is_the_same_face(first, picture):
    frame, landmarks = first
    now, matrix = shifted(picture // 2, 3.0, 1.0)
    true = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    found = FaceAnchor(frame, landmarks).landmarks_in(frame_of(now), landmarks)
    assert np.abs(found[:, :2] - true).max() < 0.3


def test_what_is_not_found_again_stays_where_the_landmarks_say(first, rng_noise):
    frame, landmarks = first
    anchor = FaceAnchor(frame, landmarks)
    assert anchor.landmarks_in(frame_of(rng_noise), landmarks) is landmarks


def test_a_face_without_texture_stays_where_the_landmarks_say(face_landmarks):
    blank = frame_of(np.full((512, 512, 3), 120, np.uint8))
    anchor = FaceAnchor(blank, face_landmarks)
    assert anchor.landmarks_in(blank, face_landmarks) is face_landmarks


def test_nothing_is_left_of_the_picture(first):
    anchor = FaceAnchor(*first)
    anchor.forget()
    assert not anchor._first.any()


@pytest.fixture
def rng_noise():
    return np.random.default_rng(5).integers(0, 255, (512, 512, 3)).astype(np.uint8)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_similarity_is_the_least_squares_of_its_four_numbers(weighted):
    rng = np.random.default_rng(4)
    source, aim = rng.uniform(0, 300, (40, 2)), rng.uniform(0, 300, (40, 2))
    weights = rng.uniform(0, 1, 40) if weighted else None
    one, none = np.ones(40), np.zeros(40)
    x, y = source.T
    design = np.concatenate([np.column_stack([x, -y, one, none]), np.column_stack([y, x, none, one])])
    root = np.sqrt(np.tile(one if weights is None else weights, 2))
    (c, s, right, down), *_ = np.linalg.lstsq(design * root[:, None], aim.T.reshape(-1) * root, rcond=None)
    assert similarity(source, aim, weights) == pytest.approx(np.array([[c, -s, right], [s, c, down]]), abs=1e-9)
