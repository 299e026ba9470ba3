from __future__ import annotations

from itertools import combinations

import pytest

from edge.contracts.enums import AssuranceLevel, CaptureKind, EvidenceKind, EvidencePath, LivenessDecision
from edge.liveness.assurance import assurance_level

PAD, LIGHT, MOTION, _ = EvidenceKind
NONE, NETWORKS, BY_MOTION, BY_LIGHT, BOTH = AssuranceLevel
REAL = LivenessDecision.REALFACE
SETS = [set(kinds) for size in range(4) for kinds in combinations(EvidenceKind, size)]


def level_of(confirmed, decision=REAL, *, path=EvidencePath.ACTIVE, temporal=True, capture=CaptureKind.LIVE):
    return assurance_level(decision, confirmed, path=path, temporal=temporal, capture=capture)


@pytest.mark.parametrize(
    ("confirmed", "level"),
    [
        (set(), NONE),
        ({PAD}, NETWORKS),
        ({PAD, MOTION}, BY_MOTION),
        ({PAD, LIGHT}, BY_LIGHT),
        ({PAD, LIGHT, MOTION}, BOTH),
        ({LIGHT}, NONE),
        ({MOTION}, NONE),
        ({LIGHT, MOTION}, NONE),
    ],
)
def test_the_kinds_that_were_confirmed_make_the_level_and_none_goes_without_the_networks(confirmed, level):
    assert level_of(confirmed) is level


@pytest.mark.parametrize("confirmed", SETS)
def test_where_no_network_can_judge_light_and_motion_together_are_worth_as_much_as_light(confirmed):
    level = level_of(confirmed - {PAD}, path=EvidencePath.WITHOUT_NETWORKS)
    assert level is (BY_LIGHT if {LIGHT, MOTION} <= confirmed else NONE)


@pytest.mark.parametrize("confirmed", SETS)
@pytest.mark.parametrize("decision", [None, LivenessDecision.SPOOFFACE, LivenessDecision.UNCERTAIN])
def test_only_a_real_face_has_a_level(confirmed, decision):
    assert level_of(confirmed, decision) is NONE


@pytest.mark.parametrize("confirmed", SETS)
@pytest.mark.parametrize("still", [{"temporal": False}, {"capture": CaptureKind.REPLAY}])
def test_a_still_or_a_recording_is_never_worth_more_than_the_networks(confirmed, still):
    assert level_of(confirmed, **still) is (NETWORKS if PAD in confirmed else NONE)


def test_a_simulated_person_who_answers_has_the_level_that_a_living_one_has():
    assert level_of({PAD, LIGHT}, capture=CaptureKind.SIMULATED) is BY_LIGHT


@pytest.mark.parametrize("confirmed", SETS)
def test_where_the_movement_told_the_shape_for_the_light_it_counts_once(confirmed):
    level = assurance_level(
        REAL, confirmed, path=EvidencePath.ACTIVE, temporal=True, capture=CaptureKind.LIVE, shape_by_motion=True
    )
    assert level is min(level_of(confirmed), BY_LIGHT)


def test_more_evidence_never_lowers_the_level():
    for fewer in SETS:
        for more in SETS:
            if fewer <= more:
                assert level_of(fewer) <= level_of(more)
