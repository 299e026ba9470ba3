"""Attempts at the terminal: what was presented is known, what it came to is on the disk, nothing is thrown away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.config.loader import load_bytes
from edge.contracts.enums import ErrorCode, EvidenceKind, Label, LivenessDecision, LivenessOperationMode
from edge.errors import HardwareError, InputError
from edge.evaluation.campaign import Campaign, Entry, LiveJudge, open_campaign, parse_entry, read_plan
from edge.evaluation.performance import measure
from edge.evaluation.scores import ScoreWriter, read_scores
from edge.liveness.policy import PolicyRefusal
from edge.session.clock import FrameClock
from edge.session.runner import SessionRunner
from edge.terminal.assembly import Workbench, unlit
from tests.inference.calibrations import calibration_of
from tests.session.scripted import ScriptedCamera, ScriptedVision, frames
from tests.vision.scene import Scripted, pad_manifest

ANNA = Entry(Label.BONA_FIDE, "", "anna", 1)
PRINT = Entry(Label.ATTACK, "print", "anna", 1)


def plan(tmp_path, rows, header="label,pai_species,subject,attempt\n"):
    path = tmp_path / "plan.csv"
    path.write_text(header + rows, encoding="utf-8")
    return path


def loaded(tmp_path, policy="{preset: kiosk}"):
    text = f"{{camera: {{driver: replay, sources: [face.png]}}, policy: {policy}}}"
    return load_bytes(text.encode(), tmp_path / "site.yaml")


def workbench(camera=None, vision=None, calibration=None):
    runner = SessionRunner(unlit(camera or ScriptedCamera(frames(60))), vision or ScriptedVision(), FrameClock)
    return Workbench(runner, {"net": "0" * 64}, "scripted 1.0", calibration)


def attempt(tmp_path, **vision):
    judge = LiveJudge(workbench(vision=ScriptedVision(**vision)), loaded(tmp_path), LivenessOperationMode.PASSIVE)
    return judge.judge(lambda _: None)[0]


@pytest.fixture
def scores(tmp_path):
    return tmp_path / "scores.csv"


def test_a_plan_is_presented_in_its_own_order(tmp_path):
    found = read_plan(plan(tmp_path, "attack,print,anna,1\nbonafide,,anna,1\nattack,print,anna,2\n"))

    assert found == (PRINT, ANNA, replace(PRINT, attempt=2))
    assert [entry.name for entry in found] == ["print/anna/1", "bonafide/anna/1", "print/anna/2"]


def test_every_row_of_a_plan_that_cannot_be_understood_is_named(tmp_path):
    rows = (
        "bonafied,,anna,1\nattack,,anna,1\nbonafide,print,anna,1\nbonafide,,,1\nbonafide,,anna,0\nbonafide,,anna,two\n"
    )
    with pytest.raises(InputError) as refused:
        read_plan(plan(tmp_path, rows + "bonafide,,bert,1\nbonafide,,bert,1\n"))

    for said in (
        "line 2: label 'bonafied' is neither",
        "line 3: an attack has a pai_species",
        "line 4: an attack has a pai_species, a bona fide presentation none",
        "line 5: a subject has a code",
        "line 6: attempt is from 1",
        "line 7: attempt 'two' is no number",
        "line 9: bonafide/bert/1 is planned already",
    ):
        assert said in refused.value.what


@pytest.mark.parametrize(
    ("header", "said"),
    [("label,subject,attempt\n", "no column pai_species"), ("label,pai_species,subject,attempt\n", "plans no attempt")],
)
def test_a_plan_without_columns_or_rows_is_refused(tmp_path, header, said):
    with pytest.raises(InputError, match=said):
        read_plan(plan(tmp_path, "", header))


def test_a_subject_may_not_carry_what_would_break_a_name():
    for subject in ("an/na", "anna\n", "x" * 65):
        with pytest.raises(ValueError, match="subject is at most 64"):
            parse_entry("bonafide", "", subject, "1")


def test_an_attempt_is_judged_as_the_terminal_judges_and_is_on_the_disk(tmp_path, scores):
    with ScoreWriter(scores, ["net"]) as writer:
        score = Campaign(writer).record(PRINT, attempt(tmp_path, margin=-2.0), source="scripted", milliseconds=12.0)
        (row,) = read_scores(scores)

    assert row == score
    assert (row.name, row.presentation, row.decision, row.score) == (
        "print/anna/1",
        1,
        LivenessDecision.SPOOFFACE,
        -2.0,
    )
    assert (row.vetoes, row.frames_judged) == ((EvidenceKind.PAD,), 8)


def test_an_attempt_without_a_response_is_a_row_too(tmp_path, scores):
    judge = LiveJudge(workbench(ScriptedCamera([])), loaded(tmp_path), LivenessOperationMode.PASSIVE)
    with ScoreWriter(scores, ["net"]) as writer:
        score = Campaign(writer).record(ANNA, judge.judge(lambda _: None)[0], source="scripted", milliseconds=1.0)

    assert score.decision is None
    assert score.error is not None
    assert measure([score], threshold=0.0, attempts=1).figures.bpnrr.errors == 1


def test_a_campaign_goes_on_at_the_next_attempt(tmp_path, scores):
    with ScoreWriter(scores, ["net"]) as writer:
        Campaign(writer).record(ANNA, attempt(tmp_path), source="scripted", milliseconds=1.0)
    with ScoreWriter(scores, ["net"]) as writer:
        again = Campaign(writer)
        assert again.has(ANNA)
        assert not again.has(PRINT)
        assert again.next_attempt(ANNA.label, "", "anna") == 2
        assert again.next_attempt(PRINT.label, "print", "anna") == 1
        with pytest.raises(InputError, match="presented already"):
            again.record(ANNA, attempt(tmp_path), source="scripted", milliseconds=1.0)
        assert again.record(PRINT, attempt(tmp_path), source="scripted", milliseconds=1.0).presentation == 2


def test_a_line_that_was_cut_off_is_presented_again(tmp_path, scores):
    with ScoreWriter(scores, ["net"]) as writer:
        running = Campaign(writer)
        for entry in (ANNA, PRINT):
            running.record(entry, attempt(tmp_path), source="scripted", milliseconds=1.0)
    whole = scores.read_bytes()
    scores.write_bytes(whole[:-9])
    with ScoreWriter(scores, ["net"]) as writer:
        again = Campaign(writer)
        assert [again.has(entry) for entry in (ANNA, PRINT)] == [True, False]


def test_a_voided_attempt_stays_with_its_reason_counts_nowhere_and_may_be_presented_again(tmp_path, scores):
    with ScoreWriter(scores, ["net"]) as writer:
        running = Campaign(writer)
        running.record(ANNA, attempt(tmp_path), source="scripted", milliseconds=1.0)
        running.record(PRINT, attempt(tmp_path), source="scripted", milliseconds=1.0)
        running.void_last("the sheet was upside down")
        assert not running.has(PRINT)
        assert running.last.name == ANNA.name
        running.record(PRINT, attempt(tmp_path, margin=-1.0), source="scripted", milliseconds=1.0)
    first, voided, second = read_scores(scores)

    assert first.decision is LivenessDecision.REALFACE
    assert (voided.voided, voided.problem) == ("the sheet was upside down", "")
    assert (voided.score, voided.decision, voided.presentation) == (3.0, LivenessDecision.REALFACE, 2)
    assert second.presentation == 3
    result = measure([first, voided, second], threshold=0.0, attempts=1)
    assert result.figures.apcer["print"].n == 1
    assert result.figures.apcer["print"].errors == 0
    assert (result.voided, result.unreadable) == ((voided,), ())
    assert result.presentations == 2


def test_nothing_can_be_voided_before_the_first_attempt(scores):
    with ScoreWriter(scores, ["net"]) as writer, pytest.raises(InputError, match="no attempt to void"):
        Campaign(writer).void_last("why not")


def test_a_camera_that_does_not_open_is_no_attempt(tmp_path):
    broken = ScriptedCamera([], opening=HardwareError("no camera", remedy="connect one"))
    judge = LiveJudge(workbench(broken), loaded(tmp_path), LivenessOperationMode.PASSIVE)

    with pytest.raises(HardwareError, match="cannot be opened"):
        judge.judge(lambda _: None)


def test_a_camera_that_is_lost_in_an_attempt_is_a_non_response(tmp_path):
    lost = ScriptedCamera([*frames(3), HardwareError("the camera is gone", remedy="check the cable")])
    judge = LiveJudge(workbench(lost), loaded(tmp_path), LivenessOperationMode.PASSIVE)

    assert judge.judge(lambda _: None)[0].error.code is ErrorCode.GENERIC_FAILURE


def test_a_mode_that_the_policy_does_not_allow_is_told_before_anybody_is_asked_to_come(tmp_path):
    passive = loaded(tmp_path, "{preset: kiosk, modes: [Passive]}")

    with pytest.raises(PolicyRefusal):
        LiveJudge(workbench(), passive, LivenessOperationMode.PASSIVE_ACTIVE)


class Bundle:
    """What a campaign asks of loaded models."""

    def __init__(self, sha256):
        network = Scripted(pad_manifest(sha256=sha256))
        network.id, network.sha256 = "net", sha256
        self.detector = self.landmarks = network
        self.pad = (network,)
        self.runtime = "scripted 1.0"


def test_a_folder_holds_attempts_at_one_terminal_as_it_is(tmp_path):
    folder, mode = tmp_path / "campaign", LivenessOperationMode.PASSIVE
    bundle = Bundle("ab" * 32)
    open_campaign(folder, loaded(tmp_path), bundle, workbench(), mode).close()
    open_campaign(folder, loaded(tmp_path), bundle, workbench(), mode).close()

    for others in (
        (loaded(tmp_path), Bundle("cd" * 32), workbench(), mode),
        (loaded(tmp_path), bundle, workbench(calibration=calibration_of()), mode),
        (loaded(tmp_path, "{preset: kiosk, pad_margin: 1}"), bundle, workbench(), mode),
        (loaded(tmp_path), bundle, workbench(), LivenessOperationMode.PASSIVE_ACTIVE),
    ):
        with pytest.raises(InputError, match="holds a run with other"):
            open_campaign(folder, *others)
