"""Figures of the attack bench, against rows that were counted by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from scipy.stats import beta

from edge.contracts.enums import ErrorCode, EvidenceKind, EvidenceOutcome, Label, LightLevel, LivenessDecision
from edge.errors import InputError
from edge.evaluation.attacks.conditions import Level
from edge.evaluation.attacks.report import AttackReport, own_modes
from edge.evaluation.attacks.rows import Row, RowWriter, read_rows
from edge.evaluation.attacks.tables import notes, share, tables_of, to_markdown, write_report
from edge.evaluation.metrics import Rate
from tests.evaluation.given import provenance

REAL, SPOOF, UNCERTAIN = LivenessDecision.REALFACE, LivenessDecision.SPOOFFACE, LivenessDecision.UNCERTAIN
PAD, LIGHT, MOTION = EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION
YES, NO = EvidenceOutcome.CONFIRMED, EvidenceOutcome.VETO
UNPROVEN, UNASKED = EvidenceOutcome.INSUFFICIENT, EvidenceOutcome.NOT_APPLICABLE


def row(species="bonafide", level=Level.DIM, decision=REAL, pad=YES, light=YES, motion=UNASKED, **more):
    answered = decision is not None
    return Row(
        **{
            "species": species,
            "label": Label.BONA_FIDE if species == "bonafide" else Label.ATTACK,
            "condition": f"{level}-150-led",
            "level": level,
            "number": 0,
            "decision": decision,
            "error": None if answered else ErrorCode.ENVIRONMENT_NOT_SUPPORTED,
            "light_level": LightLevel.DIM,
            "evidence": {PAD: pad, LIGHT: light, MOTION: motion} if answered else {},
            "seconds": 3.0,
            "frames": 90,
            "milliseconds": 3.0,
            **more,
        }
    )


ROWS = (
    row(number=0, drawn={"tone": -0.1, "kind": "person"}),
    row(number=1, drawn={"tone": 1.2, "kind": "person", "glasses": True}, milliseconds=5.0),
    row(number=2, decision=SPOOF, pad=NO, drawn={"tone": 1.25, "kind": "person", "head_cover": "scarf"}),
    row(number=3, decision=UNCERTAIN, light=UNPROVEN),
    row(number=4, level=Level.BRIGHT, motion=YES, active=True, seconds=8.0, light_seconds=2.6),
    row(number=5, level=Level.BRIGHT, decision=None),
    row("print_bent", number=0, decision=SPOOF, light=NO),
    row("print_bent", number=1, decision=SPOOF, pad=NO, light=UNPROVEN),
    row("print_bent", number=2, level=Level.BRIGHT, decision=None, light_seconds=2.8),
    row("mask_silicone", number=0),
    row("mask_silicone", number=1, decision=SPOOF, pad=NO),
    row("mask_silicone", number=2, level=Level.BRIGHT, decision=SPOOF, pad=NO, motion=NO, active=True),
)


@pytest.fixture(scope="module")
def report():
    return AttackReport.of(reversed(ROWS), provenance(), numbers="development")


def test_attacks_are_counted_by_species_and_by_surroundings(report):
    assert report.overall.decided.apcer == {"mask_silicone": Rate(1, 3), "print_bent": Rate(0, 2)}
    assert report.overall.decided.apnrr == {"mask_silicone": Rate(0, 3), "print_bent": Rate(1, 3)}
    assert report.overall.decided.worst_species == "mask_silicone"
    assert report.by_level["dim"].decided.apcer["mask_silicone"] == Rate(1, 2)
    assert report.by_level["bright"].decided.apcer["print_bent"] == Rate(0, 0)


def test_of_all_that_were_presented_those_without_a_response_were_not_accepted(report):
    assert report.overall.accepted == {"mask_silicone": Rate(1, 3), "print_bent": Rate(0, 3)}


def test_people_who_are_not_proven_are_refused_and_errors_are_no_refusals(report):
    assert report.overall.decided.bpcer == Rate(2, 5)
    assert report.overall.decided.bpnrr == Rate(1, 6)
    assert report.by_level["dim"].decided.bpcer == Rate(2, 4)


def test_physics_counts_without_what_the_networks_say(report):
    assert report.overall.physics.bpcer == Rate(1, 5), "the one whom only a network refused passes"
    assert report.overall.physics.apcer == {"mask_silicone": Rate(2, 3), "print_bent": Rate(0, 2)}


@pytest.mark.parametrize(
    ("light", "motion", "passes"),
    [
        (YES, UNASKED, True),
        (YES, YES, True),
        (YES, UNPROVEN, False),
        (UNPROVEN, YES, False),
        (UNASKED, YES, False),
        (YES, NO, False),
    ],
)
def test_physics_is_light_and_whatever_movement_was_asked_for(light, motion, passes):
    judged = row(light=light, motion=motion).by_physics
    assert (judged.decision is REAL) is passes


def test_vetoes_are_counted_by_what_spoke_against_the_person(report):
    assert report.vetoes["all"] == {PAD: Rate(1, 5), LIGHT: Rate(0, 5), MOTION: Rate(0, 5)}
    assert report.unproven["dim"][LIGHT] == Rate(1, 4)


def test_people_are_counted_by_skin_and_by_what_they_wear(report):
    darkest = next(name for name in report.skin if name.startswith("0.05"))
    assert report.skin[darkest].bpcer == Rate(1, 2)
    assert {name: kind.bpcer for name, kind in report.accessories.items()} == {
        "nothing": Rate(0, 1),
        "glasses": Rate(0, 1),
        "scarf": Rate(1, 1),
    }


def test_times_are_those_of_people_with_a_response_and_of_every_light_challenge(report):
    assert (report.active_seconds.median, report.active_seconds.n) == (8.0, 1)
    assert (report.passive_seconds.median, report.passive_seconds.n) == (3.0, 4)
    assert (report.light_seconds.most, report.light_seconds.n) == (2.8, 2)
    assert (report.milliseconds.median, report.milliseconds.most) == (3.0, 5.0)


def test_who_was_wrongly_accepted_or_refused_is_listed(report):
    assert [found.key for found in report.accepted] == [("mask_silicone", "dim-150-led", 0)]
    assert [found.number for found in report.refused] == [2, 3]


def test_attacks_are_pooled_by_what_was_drawn_without_those_that_may_win():
    rows = [
        row("print_bent", number=0, drawn={"yaw": -8.0, "turned": None, "radius": 0.12}),
        row("print_bent", number=1, decision=SPOOF, pad=NO, drawn={"yaw": 3.0, "turned": 15.0, "radius": 0.2}),
        row("print_bent", number=2, decision=None, drawn={"yaw": 14.5, "turned": None, "radius": 0.3}),
        row("mask_silicone", number=3, drawn={"yaw": 8.0}),
    ]
    drawn = AttackReport.of(rows, provenance(), numbers="development").drawn
    assert {one.what: (one.accepted, one.physics) for one in drawn} == {
        "yaw within 7": (Rate(0, 1), Rate(1, 1)),
        "yaw 7 to 14": (Rate(1, 1), Rate(1, 1)),
        "yaw beyond 14": (Rate(0, 1), Rate(0, 0)),
        "turned no": (Rate(1, 2), Rate(1, 1)),
        "turned by hand": (Rate(0, 1), Rate(1, 1)),
        "radius under 0.2": (Rate(1, 1), Rate(1, 1)),
        "radius 0.2 or more": (Rate(0, 2), Rate(1, 1)),
    }


def test_what_the_light_proved_is_counted_by_type_and_condition(report):
    assert report.light["bonafide"] == {
        "bright-150-led": {"confirmed": 1, "error": 1},
        "dim-150-led": {"confirmed": 3, "insufficient": 1},
    }
    [table] = [table for table in tables_of(report) if table.title.startswith("What the light proved")]
    assert table.heads == ("type", "bright-150-led", "dim-150-led")
    assert ("print_bent", "0 / 0 / 1", "0 / 1 / 1") in table.rows


def test_bounds_are_those_of_clopper_and_pearson():
    assert Rate(0, 150).high == pytest.approx(beta.ppf(0.975, 1, 150), abs=1e-6)
    assert share(Rate(0, 150)) == "0/150, 0.0% (at most 2.4%)"


def test_everything_says_that_it_is_simulated(report):
    assert report.to_dict()["simulated"] is True
    assert "simulated" in to_markdown(report).split(".")[0]
    json.dumps(report.to_dict(), allow_nan=False)


def test_what_may_win_is_marked_and_stays_in_the_table(report):
    attacks = tables_of(report)[0]
    assert [line[:3] for line in attacks.rows] == [
        ("mask_silicone *", "bright", "0/1, 0.0% (at most 97.5%)"),
        ("mask_silicone *", "dim", "1/2, 50.0% (at most 98.7%)"),
        ("print_bent", "bright", "0/1, 0.0% (at most 97.5%)"),
        ("print_bent", "dim", "0/2, 0.0% (at most 84.2%)"),
    ]


def test_an_empty_run_has_no_figures():
    report = AttackReport.of((), provenance(), numbers="development")
    assert report.overall.decided.bpcer == Rate(0, 0)
    assert [table.title for table in tables_of(report)] == [
        "Times: the session's on the simulated clock, analysis on this machine's"
    ]


def test_the_report_is_written_for_programs_and_for_people(report, tmp_path):
    write_report(report, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["sessions"] == len(ROWS)
    assert "| print_bent | dim |" in (tmp_path / "report.md").read_text()


def test_rows_come_back_as_they_were_written(tmp_path):
    given = replace(ROWS[4], reason='a "sheet", of\ntwo lines', decided_by=(PAD, LIGHT), drawn={"face": "Zoë"})
    with RowWriter(tmp_path / "rows.csv") as writer:
        for one in (given, *ROWS[5:]):
            writer.write(one)
    assert read_rows(tmp_path / "rows.csv") == (given, *ROWS[5:])


def test_a_writer_goes_on_behind_what_is_there_and_drops_a_line_that_was_cut_off(tmp_path):
    path = tmp_path / "rows.csv"
    with RowWriter(path) as writer:
        writer.write(ROWS[0])
    with path.open("a") as file:
        file.write("print_bent,att")
    with RowWriter(path) as writer:
        assert writer.rows == (ROWS[0],)
        writer.write(ROWS[1])
    assert read_rows(path) == ROWS[:2]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("bonafide,bonafide", "bonafide,nobody", "line 2, label: 'nobody'"),
        (",dim,0,", ",dim,first,", "line 2, number"),
        ("species,label", "species,truth", "columns of another version"),
        ("\n", ",one more\n", "columns of another version"),
        ('0.0000,"', '"', "line 2: 18 fields, not 19"),
    ],
)
def test_mistakes_in_rows_are_told_by_line_and_column(tmp_path, before, after, message):
    path = tmp_path / "rows.csv"
    with RowWriter(path) as writer:
        writer.write(ROWS[0])
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    with pytest.raises(InputError, match=message):
        read_rows(path)


def test_the_report_names_the_conditions_whose_sessions_ask_for_nothing():
    rows = [row(condition="bright-600-silent"), row(number=1, condition="bright-600-led")]
    said = "Sessions under bright-600-silent are Passive."
    report = AttackReport.of(rows, provenance(), numbers="development")
    assert said in notes(report)
    assert said in report.to_dict()["notes"]
    assert not own_modes(rows[1:])
