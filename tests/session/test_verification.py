from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from edge.contracts.enums import EvidenceOutcome, LivenessDecision, QualityForRecognition, ReferenceKind
from edge.contracts.verification import VerifyReference
from edge.session.verification import Compared, verify
from edge.vision.face_match import Likeness

REAL = LivenessDecision.REALFACE
CONFIRMED = EvidenceOutcome.CONFIRMED
ANNA, BERT = np.eye(4, dtype=np.float32)[:2]
TOLD = VerifyReference(reference_type=ReferenceKind.TEMPLATE, quality_for_recognition=QualityForRecognition.HIGH)


@dataclass
class Cosine:
    """Confidence is the similarity of the best picture."""

    def compare(self, reference, pictures):
        if not pictures:
            return None
        similarity = max(float(reference @ embedding) for embedding, _ in pictures)
        return Likeness(similarity, max(similarity, 0.0), len(pictures))


def reference(face=ANNA, least=0.5):
    return Compared(face.copy(), Cosine(), TOLD, least)


def test_a_live_person_who_is_alike_is_identical():
    result = verify(reference(), [(ANNA, 0.9), (ANNA, 0.8)], REAL, CONFIRMED)
    assert (result.is_identical, result.match_confidence, result.pictures) == (True, 1.0, 2)


def test_somebody_else_is_not():
    result = verify(reference(), [(BERT, 0.9)], REAL, CONFIRMED)
    assert (result.is_identical, result.match_confidence) == (False, 0.0)
    assert "0.500 is asked for" in result.reason


@pytest.mark.parametrize("decision", [LivenessDecision.SPOOFFACE, LivenessDecision.UNCERTAIN])
def test_whoever_is_not_shown_to_be_live_is_never_identical_however_alike(decision):
    result = verify(reference(least=0.0), [(ANNA, 0.9)], decision, CONFIRMED)
    assert (result.is_identical, result.match_confidence) == (False, 1.0)
    assert f"not shown to be live ({decision})" in result.reason


@pytest.mark.parametrize("continuity", [EvidenceOutcome.INSUFFICIENT, EvidenceOutcome.VETO])
def test_whoever_is_not_shown_to_be_one_person_throughout_is_never_identical(continuity):
    result = verify(reference(least=0.0), [(ANNA, 0.9)], REAL, continuity)
    assert not result.is_identical
    assert "one face from the first frame to the last" in result.reason


def test_of_a_still_picture_nothing_about_time_is_asked():
    assert verify(reference(), [(ANNA, 0.9)], REAL, EvidenceOutcome.NOT_APPLICABLE).is_identical


def test_the_confidence_that_is_asked_for_counts():
    half = (ANNA + np.sqrt(3, dtype=np.float32) * BERT) / 2
    assert verify(reference(least=0.5), [(half, 1.0)], REAL, CONFIRMED).is_identical
    assert not verify(reference(least=0.51), [(half, 1.0)], REAL, CONFIRMED).is_identical


def test_without_a_picture_nobody_is_identical_and_it_says_why():
    result = verify(reference(least=0.0), [], REAL, CONFIRMED)
    assert (result.is_identical, result.pictures) == (False, 0)
    assert "no picture of the face was good enough" in result.reason


def test_a_reference_that_is_forgotten_holds_no_face():
    known = reference()
    known.forget()
    assert not known.embedding.any()
    assert "array" not in repr(reference())
