from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.inference.bundle import default_models_dir
from edge.inference.manifest import Match, read_manifest
from edge.vision.face_match import MOST_PICTURES, FaceMatch
from edge.vision.pipeline import FaceVision
from tests.vision.scene import frame_of, pad_manifest


def match_of(threshold=0.4, spread=0.05):
    return Match.model_validate(
        {"threshold": threshold, "thresholdFrom": "a guess", "spread": spread, "spreadFrom": "a guess"}
    )


def turned(degrees):
    """In the plane, at so many degrees from the reference."""
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], np.float32)


REFERENCE = turned(0)


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-0.99, 0.99), st.floats(0.005, 1))
def test_confidence_rises_with_similarity_and_stays_within_0_and_1(one, other, threshold, spread):
    match = FaceMatch(match_of(threshold, spread))
    low, high = sorted((one, other))
    assert 0 <= match.confidence(low) <= match.confidence(high) <= 1


@settings(deadline=None)
@given(st.floats(-0.99, 0.99), st.floats(0.005, 1))
def test_confidence_is_a_half_at_the_threshold(threshold, spread):
    assert FaceMatch(match_of(threshold, spread)).confidence(threshold) == pytest.approx(0.5)


@settings(deadline=None)
@given(st.floats(0.01, 0.99))
def test_a_confidence_is_reached_at_its_similarity(confidence):
    match = FaceMatch(match_of())
    assert match.confidence(match.similarity(confidence)) == pytest.approx(confidence)


def test_a_spread_above_the_threshold_the_odds_are_e():
    confidence = FaceMatch(match_of(0.4, 0.05)).confidence(0.45)
    assert confidence / (1 - confidence) == pytest.approx(math.e)


def test_without_a_picture_there_is_nothing_to_say():
    assert FaceMatch(match_of()).compare(REFERENCE, []) is None


def test_similarity_is_the_cosine_of_the_angle():
    found = FaceMatch(match_of(0.5)).compare(REFERENCE, [(turned(60), 0.7)])
    assert found.similarity == pytest.approx(0.5)
    assert found.confidence == pytest.approx(0.5, abs=1e-4)
    assert found.pictures == 1


def test_the_mean_of_pictures_is_compared_as_a_direction():
    found = FaceMatch(match_of()).compare(REFERENCE, [(turned(50), 0.7), (turned(-50), 0.7), (turned(0), 0.7)])
    assert found.similarity == pytest.approx(1)
    assert found.pictures == 3


def test_only_the_best_pictures_are_compared():
    good = [(turned(0), 0.9)] * MOST_PICTURES
    found = FaceMatch(match_of()).compare(REFERENCE, [(turned(90), 0.2), *good, (turned(90), 0.8)])
    assert found.similarity == pytest.approx(1)
    assert found.pictures == MOST_PICTURES


def test_of_equal_pictures_the_earlier_are_compared():
    early = [(turned(0), 0.9)] * MOST_PICTURES
    assert FaceMatch(match_of()).compare(REFERENCE, [*early, (turned(90), 0.9)]).similarity == pytest.approx(1)


def test_pictures_that_cancel_out_are_like_nothing():
    found = FaceMatch(match_of()).compare(REFERENCE, [(turned(0), 1.0), (turned(180), 1.0)])
    assert found.similarity == pytest.approx(0, abs=1e-3)


def test_another_networks_embedding_does_not_compare():
    with pytest.raises(ValueError, match="broadcast"):
        FaceMatch(match_of()).compare(REFERENCE, [(np.ones(3, np.float32), 1.0)])


def test_a_manifest_that_says_nothing_of_matching_cannot_verify():
    with pytest.raises(ModelError, match="no match section") as refused:
        FaceMatch.of(pad_manifest())
    assert "evaluate-verify" in refused.value.remedy


def test_the_shipped_embedding_can_verify(models):
    manifest = read_manifest(default_models_dir() / f"{models.embedding.id}.yaml").manifest
    assert FaceMatch.of(manifest).confidence(manifest.match.threshold) == 0.5


def test_a_person_is_the_one_of_her_mirror_image_and_no_other(models, portraits):
    vision, match = FaceVision(models), FaceMatch.of(models.embedding.manifest)

    def embedding(picture):
        vision.reset()
        frame = frame_of(np.ascontiguousarray(picture))
        vision.see(frame, judge=False)
        return vision.embedding(frame)

    reference = embedding(portraits["P001"])
    own = match.compare(reference, [(embedding(portraits["P001"][:, ::-1]), 1.0)])
    other = match.compare(reference, [(embedding(portraits["P007"]), 1.0)])
    assert own.confidence > 0.9
    assert other.confidence < 0.1
