"""From relief and colours to an outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.contracts.enums import EvidenceOutcome
from edge.session.relief_answer import no_surface, relief_answer
from edge.vision.beside_face import Side
from edge.vision.hypotheses import Hypotheses, Scores
from edge.vision.relief import Relief
from edge.vision.returned_light import ReturnedLight

HEAD = Relief(
    contrast=0.02,
    head=0.8,
    head_deviation=0.1,
    sides=1.2,
    sides_deviation=0.4,
    albedo=1.1,
    albedo_deviation=0.1,
    cells=400,
    hypotheses=Hypotheses(Scores(plane=-40.0, cylinder=-20.0, screen=-60.0, head=0.0), None),
    inner=Hypotheses(Scores(plane=-30.0, cylinder=-15.0, screen=-45.0, head=0.0), None),
)


def outcome(**changes):
    return relief_answer(replace(HEAD, **changes)).outcome


def test_a_head_with_a_face_s_colours_confirms():
    answer = relief_answer(HEAD)
    assert answer.outcome is EvidenceOutcome.CONFIRMED
    assert answer.reason == (
        "relief 0.85 ± 0.10 of a head's, colours 1.10 ± 0.10 of a surface's, in light that adds 2.0%, best foretold by "
        "a head (log odds of a head 20.0)"
    )


# Ten to one, and 1,000 to one, as natural logarithms.
@pytest.mark.parametrize(("alone", "limit"), [(False, 2.303), (True, 6.908)])
@pytest.mark.parametrize("other", ["plane", "cylinder", "screen"])
def test_what_a_head_foretells_hardly_better_than_another_surface_is_no_proof(other, alone, limit):
    for odds, wanted in ((limit + 0.01, EvidenceOutcome.CONFIRMED), (limit - 0.01, EvidenceOutcome.INSUFFICIENT)):
        room = Scores(**({"plane": -40.0, "cylinder": -40.0, "screen": -40.0} | {other: -odds}), head=0.0)
        found = replace(HEAD, contrast=0.1, hypotheses=Hypotheses(room, None))
        assert relief_answer(found, alone=alone).outcome is wanted


def test_where_nothing_else_is_asked_the_shape_must_not_be_that_of_the_outline_alone():
    found = replace(HEAD, contrast=0.1)
    assert relief_answer(found, alone=True).outcome is EvidenceOutcome.CONFIRMED
    outline = Hypotheses(Scores(plane=-40.0, cylinder=0.1, screen=-40.0, head=0.0), None)
    for inner in (outline, None):
        assert relief_answer(replace(found, inner=inner), alone=True).outcome is EvidenceOutcome.INSUFFICIENT
        assert relief_answer(replace(found, inner=inner)).outcome is EvidenceOutcome.CONFIRMED


@pytest.mark.parametrize("alone", [False, True])
def test_where_the_shape_is_certain_few_colours_are_enough(alone):
    dark = replace(HEAD, contrast=0.1, albedo=0.34, albedo_deviation=0.05)
    assert relief_answer(dark, alone=alone).outcome is EvidenceOutcome.CONFIRMED
    assert relief_answer(replace(dark, inner=None), alone=alone).outcome is EvidenceOutcome.VETO
    # 0.12 - 2.5 * 0.05 is below nothing.
    assert relief_answer(replace(dark, albedo=0.12), alone=alone).outcome is EvidenceOutcome.INSUFFICIENT


def test_the_reason_names_the_surface_that_foretells_best():
    bent = replace(HEAD, hypotheses=Hypotheses(Scores(plane=0.0, cylinder=5.0, screen=0.0, head=1.0), None))
    assert "best foretold by a cylinder (log odds of a head -4.0)" in relief_answer(bent).reason


IN_THE_SUN = {"head": 0.1, "head_deviation": 0.01, "sides": None, "sides_deviation": None}


def test_shadows_of_the_sun_accuse_nobody():
    for albedo in (0.26, 0.84):
        shadowed = replace(HEAD, **IN_THE_SUN, albedo=albedo, albedo_deviation=0.03)
        answer = relief_answer(shadowed, lamp=True)
        assert answer.outcome is EvidenceOutcome.INSUFFICIENT
        assert relief_answer(shadowed).outcome is EvidenceOutcome.VETO


def test_a_sheet_that_shows_all_of_its_colours_is_one_in_the_sun_as_well():
    sheet = replace(HEAD, **IN_THE_SUN, albedo=1.0, albedo_deviation=0.03)
    assert relief_answer(sheet, lamp=True).outcome is EvidenceOutcome.VETO
    assert relief_answer(replace(sheet, head=0.2), lamp=True).outcome is EvidenceOutcome.INSUFFICIENT


def test_what_the_sun_hides_of_colours_a_clear_shape_makes_up_for():
    bare = replace(HEAD, head=0.9, sides=None, sides_deviation=None, albedo=0.1)
    assert relief_answer(bare, lamp=True).outcome is EvidenceOutcome.CONFIRMED
    assert relief_answer(replace(bare, head=0.7), lamp=True).outcome is EvidenceOutcome.INSUFFICIENT
    assert relief_answer(replace(bare, head=0.7, albedo=0.6), lamp=True).outcome is EvidenceOutcome.CONFIRMED


def test_noise_that_would_hide_a_head_as_well_is_told():
    # 0.2 + 2.5 * 0.17 > 0.6
    faint = replace(HEAD, head=0.4, head_deviation=0.17, sides=None, sides_deviation=None)
    assert relief_answer(faint).faint
    assert not relief_answer(replace(faint, head=0.35, head_deviation=0.1)).faint


@pytest.mark.parametrize(
    ("changes", "leans"),
    [
        # 0.2 + 2.5 * 0.1 > 0.4 > 0.2
        ({}, True),
        ({"head": 0.19}, False),
        # More than its own deviation, however weak the light.
        ({"head": 0.4, "head_deviation": 0.39}, True),
        ({"head": 0.4, "head_deviation": 0.41}, False),
        # The colours of a screen are not excluded, or the halves were not seen apart, or tell a sheet.
        ({"albedo": 0.6, "albedo_deviation": 0.19}, False),
        ({"sides": None, "contrast": 0.1}, False),
        ({"sides": None}, True),
        ({"head": 0.45, "sides": 0.0, "sides_deviation": 0.05}, False),
    ],
)
def test_without_proof_a_face_leans_where_more_speaks_for_a_head(changes, leans):
    answer = relief_answer(replace(HEAD, **{"head": 0.4, "sides": 0.4, "sides_deviation": 2.0} | changes))
    assert answer.outcome is EvidenceOutcome.INSUFFICIENT
    assert answer.leans is leans


def test_only_where_a_movement_follows_the_display_s_code_does_a_face_lean():
    some = replace(HEAD, head=0.4, sides=0.4, sides_deviation=2.0)
    assert not relief_answer(some, alone=True).leans
    assert not relief_answer(some, lamp=True).leans
    assert not relief_answer(replace(some, head=0.8)).leans


def test_both_ratios_count_by_their_noise():
    # Weights 1 / (0.1**2 + 0.15**2) and 1 / (0.4**2 + 0.25**2): (0.8 * 30.769 + 1.2 * 4.494) / 35.263
    assert relief_answer(HEAD).margin == pytest.approx(0.8510, abs=1e-4)
    assert relief_answer(replace(HEAD, sides=None, sides_deviation=None)).margin == 0.8


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        # A sheet, for certain and not for certain.
        ({"head": 0.05, "head_deviation": 0.05, "sides": 0.1}, EvidenceOutcome.VETO),
        ({"head": 0.05, "head_deviation": 0.3, "sides": 0.1}, EvidenceOutcome.INSUFFICIENT),
        # A head, but not for certain.
        ({"head_deviation": 0.3, "sides": None, "sides_deviation": None}, EvidenceOutcome.INSUFFICIENT),
        # A screen, whatever shape seems to be in it.
        ({"inner": None, "albedo": -0.1}, EvidenceOutcome.VETO),
        ({"inner": None, "albedo": 0.1}, EvidenceOutcome.VETO),
        ({"inner": None, "albedo": 0.1, "albedo_deviation": 0.2}, EvidenceOutcome.INSUFFICIENT),
        ({"inner": None, "albedo": 0.6, "albedo_deviation": 0.19}, EvidenceOutcome.INSUFFICIENT),
        # The surroundings tell of a head, and the display's two halves of a sheet.
        ({"sides": 0.0, "sides_deviation": 0.21}, EvidenceOutcome.CONFIRMED),
        ({"sides": 0.0, "sides_deviation": 0.19}, EvidenceOutcome.INSUFFICIENT),
        # Far more than a head has: the display's image in gloss. 0.8 + 3 * hypot(0.1, 0.3, 0.25) = 2.01
        ({"sides": 2.0, "sides_deviation": 0.3}, EvidenceOutcome.CONFIRMED),
        ({"sides": 2.1, "sides_deviation": 0.3}, EvidenceOutcome.INSUFFICIENT),
        # Halves as uncertain as that tell nothing.
        ({"sides": 7.0, "sides_deviation": 1.1}, EvidenceOutcome.CONFIRMED),
        ({"sides": 7.0, "sides_deviation": 0.9}, EvidenceOutcome.INSUFFICIENT),
        # The halves were not seen apart, in light in which they could tell something, and in weak light.
        ({"sides": None, "sides_deviation": None, "contrast": 0.1}, EvidenceOutcome.INSUFFICIENT),
        ({"sides": None, "sides_deviation": None}, EvidenceOutcome.CONFIRMED),
    ],
)
def test_limits(changes, wanted):
    assert outcome(**changes) is wanted


DOUBTED = replace(HEAD, head=0.3, head_deviation=0.12, sides=None, sides_deviation=None)
SHEET = (Side(0.95, 0.05), Side(1.05, 0.05))


@pytest.mark.parametrize(
    ("found", "beside", "wanted"),
    [
        (DOUBTED, SHEET, EvidenceOutcome.VETO),
        (DOUBTED, None, EvidenceOutcome.INSUFFICIENT),
        # A wall behind, on one side or on both.
        (DOUBTED, (Side(0.06, 0.02), Side(0.06, 0.02)), EvidenceOutcome.INSUFFICIENT),
        (DOUBTED, (Side(0.95, 0.05), Side(0.06, 0.02)), EvidenceOutcome.INSUFFICIENT),
        # Perhaps a sheet, and perhaps not: noise.
        (DOUBTED, (Side(0.95, 0.2), Side(1.05, 0.05)), EvidenceOutcome.INSUFFICIENT),
        # Somebody with long hair: what is beside the face tells nothing where the shape is a head's.
        (HEAD, SHEET, EvidenceOutcome.CONFIRMED),
        (replace(DOUBTED, head=0.6, head_deviation=0.2), SHEET, EvidenceOutcome.INSUFFICIENT),
    ],
)
def test_a_sheet_goes_on_beside_the_face(found, beside, wanted):
    assert relief_answer(found, beside).outcome is wanted


@pytest.mark.parametrize(
    ("share", "deviation", "told"),
    [
        (0.01, 0.005, True),
        # Too little is known, the darkest skin, and what is no light of ours.
        (0.01, 0.01, False),
        (0.05, 0.005, False),
        (-0.2, 0.02, False),
    ],
)
def test_only_what_certainly_returns_less_than_skin_shines_by_itself(share, deviation, told):
    assert (no_surface(ReturnedLight(share, deviation)) is not None) is told


def test_what_is_returned_may_not_be_known():
    assert no_surface(None) is None


def test_where_nothing_else_is_asked_the_light_must_show_more_of_a_head():
    # 0.5 - 2.5 * 0.1 is above 0.2 and below 0.4; in weak light it takes 0.5.
    some = replace(HEAD, head=0.5, sides=0.5, contrast=0.1)
    assert relief_answer(some).outcome is EvidenceOutcome.CONFIRMED
    assert relief_answer(some, alone=True).outcome is EvidenceOutcome.INSUFFICIENT
    more = replace(some, head=0.7, sides=0.7)
    assert relief_answer(more, alone=True).outcome is EvidenceOutcome.CONFIRMED
    assert relief_answer(replace(more, contrast=0.07), alone=True).outcome is EvidenceOutcome.INSUFFICIENT
    assert relief_answer(replace(more, head=0.8, contrast=0.07), alone=True).outcome is EvidenceOutcome.CONFIRMED


@pytest.mark.parametrize(
    ("sides", "deviation", "in_the_challenge", "alone"),
    [
        # With two deviations above 0.4, and with one.
        (0.5, 0.1, EvidenceOutcome.CONFIRMED, EvidenceOutcome.CONFIRMED),
        (0.2, 0.15, EvidenceOutcome.CONFIRMED, EvidenceOutcome.INSUFFICIENT),
        (0.2, 0.05, EvidenceOutcome.INSUFFICIENT, EvidenceOutcome.INSUFFICIENT),
        # So uncertain, in light that would tell, are the images of the halves in gloss.
        (-1.3, 1.4, EvidenceOutcome.CONFIRMED, EvidenceOutcome.INSUFFICIENT),
    ],
)
def test_where_nothing_else_is_asked_the_halves_must_rather_tell_a_head(sides, deviation, in_the_challenge, alone):
    found = replace(HEAD, contrast=0.2, head=0.9, head_deviation=0.08, sides=sides, sides_deviation=deviation)
    assert relief_answer(found).outcome is in_the_challenge
    assert relief_answer(found, alone=True).outcome is alone


def test_halves_that_are_still_to_come_lack_nothing():
    found = replace(HEAD, contrast=0.1, sides=None, sides_deviation=None)
    assert relief_answer(found, alone=True).outcome is EvidenceOutcome.INSUFFICIENT
    assert relief_answer(found, alone=True, halves_follow=True).outcome is EvidenceOutcome.CONFIRMED


def test_without_any_noise_a_head_shows_more_than_a_bent_sheet():
    bent = replace(HEAD, head=0.3, head_deviation=0.01, sides=0.3)
    assert relief_answer(bent).outcome is EvidenceOutcome.INSUFFICIENT
    assert relief_answer(replace(bent, head=0.36)).outcome is EvidenceOutcome.CONFIRMED
