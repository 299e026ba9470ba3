"""What a requester takes for enough."""

from __future__ import annotations

import pytest

from edge.contracts.enums import AssuranceLevel, LivenessDecision, SessionStatus
from edge.contracts.session import Assurance, ColorTarget, LivenessResult, Targets
from edge.contracts.verification import FaceRectangle
from edge.link.identity import Identity
from edge.link.requester import HeardDecision, Verification

NONE, NETWORKS, MOTION, LIGHT, BOTH = AssuranceLevel


@pytest.fixture
def heard(make_decision, tmp_path):
    """A decision at a level, as it was heard."""
    made = make_decision(Identity.open(tmp_path, "gate-1"))

    def make(level, decision=LivenessDecision.REALFACE, verification=Verification.VERIFIED):
        result = LivenessResult(
            liveness_decision=decision,
            targets=Targets(color=ColorTarget(face_rectangle=FaceRectangle(top=1, left=2, width=3, height=4))),
            digest="a" * 64,
        )
        changes = {
            "attempt_status": SessionStatus.SUCCEEDED,
            "result": result,
            "error": None,
            "assurance": Assurance(level=level, confirmed=(), frames_judged=5, temporal=True),
        }
        decided = made.model_copy(update={"attempt": made.attempt.model_copy(update=changes)})
        return HeardDecision(decided, verification, "", b"")

    return make


@pytest.mark.parametrize(
    ("level", "enough_for"),
    [
        (NONE, [NONE]),
        (NETWORKS, [NONE, NETWORKS]),
        (MOTION, [NONE, NETWORKS, MOTION]),
        (LIGHT, [NONE, NETWORKS, MOTION, LIGHT]),
        (BOTH, [NONE, NETWORKS, MOTION, LIGHT, BOTH]),
    ],
)
def test_a_level_is_enough_for_itself_and_all_below(heard, level, enough_for):
    assert [least for least in AssuranceLevel if heard(level).accepts(least)] == enough_for


@pytest.mark.parametrize("decision", [LivenessDecision.SPOOFFACE, LivenessDecision.UNCERTAIN])
def test_no_level_makes_up_for_another_decision_than_realface(heard, decision):
    assert not heard(BOTH, decision).accepts()


@pytest.mark.parametrize("verification", [Verification.NOT_CHECKED, Verification.REFUSED])
def test_no_level_makes_up_for_a_signature_that_was_not_verified(heard, verification):
    assert not heard(BOTH, verification=verification).accepts()


def test_an_attempt_without_a_decision_and_an_unreadable_one_are_not_accepted(make_decision, tmp_path):
    failed = make_decision(Identity.open(tmp_path, "gate-1"))
    assert not HeardDecision(failed, Verification.VERIFIED, "", b"").accepts()
    assert not HeardDecision(None, Verification.VERIFIED, "", b"").accepts()
