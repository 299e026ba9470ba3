from __future__ import annotations

import errno
import os
from dataclasses import replace

import pytest

from edge.contracts.enums import (
    ErrorCode,
    EvidenceKind,
    Label,
    LightLevel,
    LivenessDecision,
    QualityFailure,
)
from edge.errors import InputError
from edge.evaluation import csv_file
from edge.evaluation.scores import Score, ScoreWriter, counted, read_scores

ATTACK = Score(
    name='a "quoted", name\nof two lines',
    label=Label.ATTACK,
    pai_species="print, matte",
    subject="Zoë",
    source="lab",
    presentation=2,
    score=-1.25,
    decision=LivenessDecision.SPOOFFACE,
    margins={"one": -2.5, "two": 0.1 + 0.2},
    quality_failures={QualityFailure.BLURRED: 3, QualityFailure.TOO_FAR: 1},
    vetoes=(EvidenceKind.PAD, EvidenceKind.LIGHT),
    frames_judged=8,
    light_level=LightLevel.DIM,
    milliseconds=12.5,
)
NO_ANSWER = Score(
    name="b.jpg", label=Label.BONA_FIDE, presentation=1, error=ErrorCode.NO_FACE_DETECTED, milliseconds=3.0
)
VOIDED = replace(ATTACK, name="v", presentation=4, voided='the "sheet" slipped, twice')
BROKEN = Score(name="c.jpg", label=Label.BONA_FIDE, presentation=3, problem="c.jpg is empty (copy it again)")


def test_rows_come_back_as_they_were_written(tmp_path):
    with ScoreWriter(tmp_path / "scores.csv", ["one", "two"]) as writer:
        for score in (ATTACK, NO_ANSWER, BROKEN, VOIDED):
            writer.write(score)
    assert read_scores(tmp_path / "scores.csv") == (ATTACK, NO_ANSWER, BROKEN, VOIDED)


def test_what_could_not_be_read_and_what_was_voided_counts_nowhere():
    assert counted([VOIDED, ATTACK, BROKEN, NO_ANSWER]) == [NO_ANSWER, ATTACK]


def test_each_network_has_a_column_between_error_and_quality_failures(tmp_path):
    ScoreWriter(tmp_path / "scores.csv", ["one", "two"]).close()
    columns = (tmp_path / "scores.csv").read_text().strip().split(",")
    assert columns[:9] == [
        "name",
        "label",
        "pai_species",
        "subject",
        "source",
        "presentation",
        "score",
        "decision",
        "error",
    ]
    assert columns[9:11] == ["margin:one", "margin:two"]
    assert columns[11:] == [
        "quality_failures",
        "vetoes",
        "frames_judged",
        "light_level",
        "milliseconds",
        "problem",
        "voided",
    ]


def test_a_row_is_in_the_file_as_soon_as_it_is_written(tmp_path):
    with ScoreWriter(tmp_path / "scores.csv", []) as writer:
        writer.write(NO_ANSWER)
        assert read_scores(tmp_path / "scores.csv") == (NO_ANSWER,)


def test_a_writer_goes_on_behind_what_is_there_and_drops_a_line_that_was_cut_off(tmp_path):
    path = tmp_path / "scores.csv"
    with ScoreWriter(path, []) as writer:
        writer.write(NO_ANSWER)
    path.write_bytes(path.read_bytes() + b"c.jpg,bonafide,,")
    with ScoreWriter(path, []) as writer:
        assert writer.scores == (NO_ANSWER,)
        writer.write(BROKEN)
    assert read_scores(path) == (NO_ANSWER, BROKEN)


def test_a_full_disk_is_named_and_costs_one_row(tmp_path, monkeypatch):
    path = tmp_path / "scores.csv"

    def write_half(handle, content):
        os.write(handle, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with ScoreWriter(path, []) as writer:
        writer.write(NO_ANSWER)
        monkeypatch.setattr(csv_file, "_write_all", write_half)
        with pytest.raises(InputError, match="No space left"):
            writer.write(BROKEN)
    monkeypatch.undo()
    with ScoreWriter(path, []) as writer:
        assert writer.scores == (NO_ANSWER,)


def test_a_header_that_was_cut_off_is_written_again(tmp_path):
    (tmp_path / "scores.csv").write_text("name,lab")
    with ScoreWriter(tmp_path / "scores.csv", []) as writer:
        writer.write(NO_ANSWER)
    assert read_scores(tmp_path / "scores.csv") == (NO_ANSWER,)


def test_two_writers_never_share_a_file(tmp_path):
    path = tmp_path / "scores.csv"
    with ScoreWriter(path, []) as first:
        with pytest.raises(InputError, match="another run is writing"):
            ScoreWriter(path, [])
        first.replace([NO_ANSWER])
        with pytest.raises(InputError, match="another run is writing"):
            ScoreWriter(path, [])
    ScoreWriter(path, []).close()


def test_other_networks_need_another_file(tmp_path):
    ScoreWriter(tmp_path / "scores.csv", ["one"]).close()
    with pytest.raises(InputError, match="margin:two"):
        ScoreWriter(tmp_path / "scores.csv", ["two"])
    with (
        ScoreWriter(tmp_path / "other.csv", ["one"]) as writer,
        pytest.raises(InputError, match="no column margin:two"),
    ):
        writer.write(ATTACK)


HEADER = (
    "name,label,pai_species,subject,source,presentation,score,decision,error,margin:net,"
    "quality_failures,vetoes,frames_judged,light_level,milliseconds,problem,voided\n"
)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,real,,,,1,,,NoFaceDetected,,,,0,,1,,", r"line 2, label: 'real'"),
        ("a,bonafide,,,,one,,,NoFaceDetected,,,,0,,1,,", "line 2, presentation: "),
        ("a,bonafide,,,,1,nan,realface,,,,,0,,1,,", "line 2, score: nan is no finite number"),
        ("a,bonafide,,,,1,,realface,,,,,0,,1,,", "line 2, score: a decision needs the score"),
        ("a,bonafide,,,,1,1,realface,NoFaceDetected,,,,0,,1,,", "line 2, decision: exactly one"),
        ("a,bonafide,,,,1,,,,,,,0,,1,,", "line 2, decision: exactly one"),
        ("a,bonafide,,,,1,1,realface,,high,,,0,,1,,", "line 2, margin:net: "),
        ("a,bonafide,,,,1,1,realface,,,blurred,,0,,1,,", "line 2, quality_failures: "),
        ("a,bonafide,,,,1,1,realface,,,,smell,0,,1,,", "line 2, vetoes: 'smell'"),
        ("a,bonafide,,,,1,1,realface,,,,,-1,,1,,", "line 2, frames_judged: -1 is below 0"),
        ("a,bonafide,,,,1,1,realface,,,,,0,dusk,1,,", "line 2, light_level: 'dusk'"),
        ("a,bonafide,print,,,1,1,realface,,,,,0,,1,,", "line 2, pai_species: an attack has one"),
        ("a,attack,,,,1,1,realface,,,,,0,,1,,", "line 2, pai_species: an attack has one"),
        ("a,bonafide,,,,1,,,,,,,0,,1,gone,twice", "line 2, voided: what could not be read"),
        ("a,bonafide", "line 2: 2 fields, not 17"),
        ("a,bonafide,,,,1,1,realface,,,,,0,,1,,\n" * 2, "line 3: presentation 1 stands in line 2 already"),
        ('a,"bonafide', "not a CSV file in UTF-8"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_column(tmp_path, row, message):
    path = tmp_path / "scores.csv"
    path.write_text(HEADER + row.rstrip("\n") + "\n")
    with pytest.raises(InputError, match=message):
        read_scores(path)


@pytest.mark.parametrize(
    ("content", "message"), [("", "has no column name"), ("path,label\n", "has no column name, pai_species")]
)
def test_a_file_of_something_else_is_refused(tmp_path, content, message):
    (tmp_path / "scores.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        read_scores(tmp_path / "scores.csv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_scores(tmp_path / "nowhere.csv")
