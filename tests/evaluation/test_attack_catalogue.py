"""What the attack bench presents, and where."""

from __future__ import annotations

import pytest

from edge.contracts.enums import Label, LivenessOperationMode
from edge.errors import InputError
from edge.evaluation.attacks.catalogue import (
    BONA_FIDE,
    SET_ASIDE,
    SKIN_BINS,
    SPECIES,
    accessory,
    case_of,
    catalogue_cases,
    chosen_species,
    named_case,
    scene_cases,
    skin_bin,
)
from edge.evaluation.attacks.conditions import CONDITIONS, Group, Level, chosen_conditions, level_of
from edge.evaluation.attacks.run import chosen_numbers
from tests.simulation.heads import HEAD, write

pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")


@pytest.mark.parametrize("species", SPECIES)
def test_every_type_is_a_valid_scene_under_every_condition(species):
    for condition in CONDITIONS.values():
        for number in (0, 1, SET_ASIDE):
            case = case_of(SPECIES[species], condition, number)
            assert len(case.scene.subjects) == 1
            assert case.scene.surroundings.ambient.lux == condition.lux
            assert case.label is (Label.BONA_FIDE if species == BONA_FIDE else Label.ATTACK)


def test_the_same_name_is_the_same_session_whatever_else_is_played():
    alone = named_case("print_bent/dim-150-led/7")
    among = catalogue_cases(chosen_species(()), chosen_conditions([Group.CORE]), range(7, 8))
    assert alone in among
    assert named_case(alone.name).scene == alone.scene


def test_sessions_of_other_numbers_conditions_and_types_are_drawn_apart():
    names = ("print_matte/dim-150-led/1", "print_matte/dim-150-led/2", "print_matte/dim-40-tungsten/1")
    drawn = [named_case(name) for name in (*names, "print_glossy/dim-150-led/1")]
    assert len({case.scene.seed for case in drawn}) == len(drawn)
    assert len({case.drawn["distance"] for case in drawn}) == len(drawn)


def test_people_go_through_all_skins_and_wear_all_that_there_is():
    people = [case_of(SPECIES[BONA_FIDE], CONDITIONS["dim-150-led"], number).drawn for number in range(60)]
    bins = [skin_bin(person["tone"]) for person in people]
    assert {bins.count(name) for name in bins} == {60 // SKIN_BINS}
    assert {accessory(person) for person in people} == {"nothing", "glasses", "beard", "cap", "scarf"}


def test_bins_of_skin_are_named_by_the_green_light_that_it_reflects():
    assert skin_bin(1.3).startswith("0.05 to")
    assert skin_bin(-0.2).endswith("to 0.60")


def test_held_things_are_turned_by_hand_in_half_of_the_sessions():
    sheets = [case_of(SPECIES["print_matte"], CONDITIONS["dim-150-led"], number).drawn for number in range(60)]
    assert 15 < sum(sheet["turned"] is not None for sheet in sheets) < 45


def test_dim_and_bright_part_at_the_lux_where_the_displays_share_gets_small():
    assert (level_of(399.0), level_of(400.0)) == (Level.DIM, Level.BRIGHT)
    assert all(name.startswith(condition.level.value) for name, condition in CONDITIONS.items())


def test_conditions_are_chosen_by_name_and_by_group():
    chosen = [condition.name for condition in chosen_conditions(["bright-600-led", Group.INFRARED])]
    assert chosen == [
        "bright-600-led",
        "dim-150-ir-pass",
        "bright-600-ir-pass",
        "bright-2000-ir-pass",
        "bright-50000-ir-pass",
    ]


def test_sessions_with_a_silent_code_ask_for_nothing_and_all_others_are_the_run_s():
    silent = {condition.name for condition in chosen_conditions([Group.SILENT])}
    modes = {name: named_case(f"print_matte/{name}/0").mode for name in CONDITIONS}
    assert {name for name, mode in modes.items() if mode is LivenessOperationMode.PASSIVE} == silent
    assert {mode for name, mode in modes.items() if name not in silent} == {None}


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda: chosen_species(["print_mat"]), "no type print_mat"),
        (lambda: chosen_conditions(["dark"]), "no condition dark"),
        (lambda: named_case("print_matte/dim-150-led"), "no session print_matte/dim-150-led"),
        (lambda: chosen_numbers(990, 20), "partly for development and partly set aside"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(choose, message):
    with pytest.raises(InputError, match=message):
        choose()


def test_numbers_are_for_development_or_set_aside():
    assert chosen_numbers(980, 20) == range(980, SET_ASIDE)
    assert chosen_numbers(SET_ASIDE, 20).start == SET_ASIDE


def test_every_person_gets_the_head_of_the_file(tmp_path):
    file = write(tmp_path / "head.obj", HEAD)
    for species in (BONA_FIDE, "print_worn", "mask_silicone"):
        [subject] = case_of(SPECIES[species], CONDITIONS["dim-150-led"], 3, file).scene.subjects
        person = subject if species == BONA_FIDE else subject.wearer
        assert person.obj.file == file


def test_scenes_of_a_folder_are_played_with_other_seeds_and_those_without_a_truth_are_left_out(tmp_path):
    (tmp_path / "sheet.yaml").write_text(
        "title: sheet\npresentation: {label: attack, pai_species: print}\nsurroundings: {ambient: {lux: 900}}\n"
        'subjects: [{kind: print, photo: "openpeople:P001"}]\n'
    )
    (tmp_path / "empty.yaml").write_text("title: nobody\n")
    cases, left_out = scene_cases(tmp_path, range(2))
    assert [(case.species, case.condition, case.level, case.number) for case in cases] == [
        ("print", "sheet", Level.BRIGHT, 0),
        ("print", "sheet", Level.BRIGHT, 1),
    ]
    assert cases[0].scene.seed != cases[1].scene.seed
    assert left_out == [tmp_path / "empty.yaml"]


def test_a_folder_whose_scenes_present_nothing_is_refused(tmp_path):
    (tmp_path / "empty.yaml").write_text("title: nobody\n")
    with pytest.raises(InputError, match="says what is presented"):
        scene_cases(tmp_path, range(1))
