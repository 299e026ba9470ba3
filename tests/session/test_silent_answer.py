"""From two shapes in a silent infrared code to an outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.contracts.enums import EvidenceOutcome
from edge.session.silent_answer import silent_answer
from edge.vision.hypotheses import Hypotheses, Scores
from edge.vision.relief import OwnShape, Relief

CONFIRMED, VETO, INSUFFICIENT = EvidenceOutcome.CONFIRMED, EvidenceOutcome.VETO, EvidenceOutcome.INSUFFICIENT
RATIO = Relief(
    contrast=0.5,
    head=0.65,
    head_deviation=0.04,
    sides=None,
    sides_deviation=None,
    albedo=0.7,
    albedo_deviation=0.01,
    cells=450,
    hypotheses=Hypotheses(Scores(0.0, 0.0, 0.0, 0.0), None),
    inner=None,
)
ALONE = OwnShape(head=0.6, head_deviation=0.05)


def outcome(alone=ALONE, **ratio):
    return silent_answer(replace(RATIO, **ratio), alone).outcome


def test_a_head_has_both_shapes_and_the_lesser_one_is_the_margin():
    answer = silent_answer(RATIO, ALONE)
    assert answer.outcome is CONFIRMED
    assert answer.margin == 0.6
    assert answer.reason == (
        "infrared shows 0.60 ± 0.05 of a head's shape, and 0.65 ± 0.04 against the room's light, colours 0.70 ± 0.01 "
        "of a surface's, in light that adds 50%"
    )


def test_a_dye_that_infrared_does_not_find_leaves_a_smooth_sheet():
    assert outcome(OwnShape(0.02, 0.01), albedo=0.2) is VETO
    assert outcome(OwnShape(0.02, 0.01), head=0.6, albedo=0.2) is VETO


def test_carbon_whose_printed_shading_infrared_shows_cancels_in_the_ratio():
    assert outcome(OwnShape(0.9, 0.05), head=0.02, albedo=1.0) is VETO


def test_shadows_of_the_room_that_hide_colours_accuse_nobody():
    assert outcome(OwnShape(0.9, 0.05), head=0.02, albedo=0.8) is INSUFFICIENT


@pytest.mark.parametrize("head", [0.52, 0.46])
def test_either_shape_alone_confirms_nothing(head):
    # 0.52 - 2.5 * 0.04 is above 0.4, and 0.46 - 2.5 * 0.04 is not.
    told = CONFIRMED if head > 0.5 else INSUFFICIENT
    assert outcome(OwnShape(head, 0.04)) is told
    assert outcome(head=head) is told


@pytest.mark.parametrize(("head", "told"), [(0.02, VETO), (0.04, INSUFFICIENT)])
def test_a_veto_takes_three_deviations(head, told):
    # 0.02 + 3 * 0.04 is below 0.15, and 0.04 + 3 * 0.04 is not.
    assert outcome(OwnShape(head, 0.04)) is told


def test_a_face_without_colours_in_our_light_is_no_surface_and_not_accused():
    assert outcome(albedo=0.3) is INSUFFICIENT


def test_a_light_as_weak_as_what_glass_mirrors_confirms_nothing():
    weak = silent_answer(replace(RATIO, contrast=0.04), ALONE)
    assert (weak.outcome, weak.faint) == (INSUFFICIENT, True)
    assert outcome(contrast=0.1) is CONFIRMED


def test_noise_that_would_hide_a_head_as_well_is_told():
    # 0.4 + 2.5 * 0.09 > 0.6
    assert silent_answer(RATIO, OwnShape(0.5, 0.09)).faint
    assert not silent_answer(RATIO, OwnShape(0.45, 0.05)).faint
