"""Runs in a folder: what is kept, what is done again, what is refused."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import ErrorCode, Label, LivenessOperationMode
from edge.errors import InputError, LivegateError, ModelError
from edge.evaluation.evaluate import RUN_FILE, SCORES_FILE, identity, judge, open_run
from edge.evaluation.index import Presentation, read_index
from edge.evaluation.replay import ReplaySetup
from edge.evaluation.scores import Score, read_scores
from edge.inference.bundle import ModelChoice, default_models_dir
from edge.simulation import openpeople
from tests.evaluation.given import Dying
from tests.inference.calibrations import calibration_of

FACTS = {"index": "i.csv", "models": {"net": {"sha256": "ab" * 32}}, "policy": {"name": "kiosk"}, "calibration": None}


def presentations(count: int) -> list[Presentation]:
    # All of one file, as several rows of an index may be.
    return [Presentation("clip.mp4", Label.BONA_FIDE, "", "", "", ()) for _ in range(count)]


def score(number: int, problem: str = "") -> Score:
    error = None if problem else ErrorCode.NO_FACE_DETECTED
    return Score(name="clip.mp4", label=Label.BONA_FIDE, presentation=number, error=error, problem=problem)


def begin(folder, facts=FACTS, *, count=3, fresh=False):
    return open_run(folder, presentations(count), ["net"], facts, fresh=fresh)


def test_what_was_done_is_not_done_again(tmp_path):
    with begin(tmp_path / "new" / "folder") as run:
        assert [number for number, _ in run.remaining] == [1, 2, 3]
        run.add(score(2))
    with begin(tmp_path / "new" / "folder") as run:
        assert run.resumed == 1
        assert [number for number, _ in run.remaining] == [1, 3]


def test_a_score_that_comes_twice_is_kept_once(tmp_path):
    with begin(tmp_path) as run:
        run.add(score(1))
        run.add(score(1))
    assert read_scores(tmp_path / SCORES_FILE) == (score(1),)


def test_at_the_end_the_rows_stand_in_the_order_of_the_index(tmp_path):
    with begin(tmp_path) as run:
        for number in (3, 1, 2):
            run.add(score(number))
        assert [s.presentation for s in run.finish()] == [1, 2, 3]
    assert [s.presentation for s in read_scores(tmp_path / SCORES_FILE)] == [1, 2, 3]


def test_what_could_not_be_read_is_tried_again(tmp_path):
    with begin(tmp_path) as run:
        run.add(score(1))
        run.add(score(2, problem="gone"))
    with begin(tmp_path) as run:
        assert [number for number, _ in run.remaining] == [2, 3]
        run.add(score(2))
    assert [s.problem for s in read_scores(tmp_path / SCORES_FILE)] == ["", ""]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"models": {"net": {"sha256": "cd" * 32}}}, "models (net abababab there, net cdcdcdcd now)"),
        ({"policy": {"name": "door"}}, "policy (kiosk there, door now)"),
        ({"calibration": "ef" * 32}, f"calibration (none there, {'ef' * 32} now)"),
    ],
)
def test_a_run_of_something_else_is_refused_and_says_what(tmp_path, changed, words):
    with begin(tmp_path) as run:
        run.add(score(1))
    with pytest.raises(InputError) as refused, begin(tmp_path, FACTS | changed):
        pass
    assert words in refused.value.what
    assert "--fresh" in refused.value.remedy
    assert read_scores(tmp_path / SCORES_FILE) == (score(1),)


def test_fresh_throws_away_what_was_there(tmp_path):
    with begin(tmp_path) as run:
        run.add(score(1))
    with begin(tmp_path, FACTS | {"policy": {"name": "door"}}, fresh=True) as run:
        assert run.scores == {}
    assert json.loads((tmp_path / RUN_FILE).read_text())["policy"] == {"name": "door"}


def test_scores_of_an_unknown_run_are_left_alone(tmp_path):
    with begin(tmp_path):
        pass
    (tmp_path / RUN_FILE).unlink()
    with pytest.raises(InputError, match=r"no run\.json that says of what"), begin(tmp_path):
        pass


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_run_file_is_named(tmp_path, content):
    (tmp_path / RUN_FILE).write_text(content)
    with pytest.raises(InputError, match=r"run\.json"), begin(tmp_path):
        pass


def test_rows_that_the_index_does_not_have_are_refused(tmp_path):
    with begin(tmp_path) as run:
        run.add(score(3))
    with pytest.raises(InputError, match="presentation 3"), begin(tmp_path, count=2):
        pass


def test_two_runs_never_share_a_folder(tmp_path):
    with begin(tmp_path), pytest.raises(InputError, match="another run is writing"), begin(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot use the folder"), begin(tmp_path / "file"):
        pass


@pytest.fixture(scope="module")
def setup():
    return ReplaySetup(
        models=ModelChoice(default_models_dir(), active=("livegate-head",)),
        floor=PRESETS[Preset.KIOSK],
        mode=LivenessOperationMode.PASSIVE,
    )


@pytest.fixture(scope="module")
def replayer(setup):
    return setup.open(verify=False)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Two faces, a folder that two rows share, walls, and a picture that is not there."""
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    folder = tmp_path_factory.mktemp("index")
    (folder / "sequence").mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / f"wall{number}.png"), np.full((120, 160, 3), 60 + number, np.uint8))
        cv2.imwrite(str(folder / "sequence" / f"{number}.png"), np.full((120, 160, 3), 60 + number, np.uint8))
    walls = "".join(f"wall{number}.png,attack,wall,\n" for number in range(4))
    path = folder / "index.csv"
    path.write_text(
        "path,label,pai_species,subject\n"
        f"{openpeople.photo('P001/selfie')},bonafide,,P001\n{openpeople.photo('P002/selfie')},bonafide,,P002\n"
        f"sequence,bonafide,,\nsequence,bonafide,,\n{walls}missing.png,bonafide,,\n"
    )
    return path


def judged(setup, replayer, index, jobs) -> list[Score]:
    scores: list[Score] = []
    judge(setup, replayer, list(enumerate(read_index(index), 1)), jobs, scores.append)
    return [replace(s, milliseconds=0.0) for s in sorted(scores, key=lambda s: s.presentation)]


def test_several_processes_find_what_one_finds(setup, replayer, index):
    alone = judged(setup, replayer, index, 1)
    assert judged(setup, replayer, index, 2) == alone
    assert [s.score is not None for s in alone] == [True, True, *[False] * 7]
    assert "missing.png" in alone[-1].problem


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_loses_nothing_that_was_judged(setup, replayer, index, tmp_path, jobs):
    listed = read_index(index)
    facts = identity(index, setup, replayer.bundle)
    with open_run(tmp_path, listed, replayer.networks, facts, fresh=False) as run:

        def interrupted(done: Score) -> None:
            run.add(done)
            if len(run.scores) == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            judge(setup, replayer, run.remaining, jobs, interrupted)
    kept = read_scores(tmp_path / SCORES_FILE)
    assert len(kept) >= 3
    with open_run(tmp_path, listed, replayer.networks, facts, fresh=False) as run:
        again: list[int] = []

        def keep(done: Score) -> None:
            again.append(done.presentation)
            run.add(done)

        judge(setup, replayer, run.remaining, 1, keep)
        assert {s.presentation for s in kept if not s.problem}.isdisjoint(again)
        scores = [replace(s, milliseconds=0.0) for s in run.finish()]
    assert scores == judged(setup, replayer, index, 1)


def test_an_interrupt_hands_over_what_the_processes_were_judging(setup, replayer, index):
    scores: list[Score] = []

    def interrupted(done: Score) -> None:
        scores.append(done)
        if len(scores) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(setup, replayer, list(enumerate(read_index(index), 1)), 2, interrupted)
    numbers = {s.presentation for s in scores}
    # The two processes had one each in hand, beside the one that was told first.
    assert len(numbers) >= 2


def test_a_process_that_dies_is_told_with_what_it_was_judging(setup, replayer, index):
    dying = Dying(**{field.name: getattr(setup, field.name) for field in fields(setup)})
    with pytest.raises(LivegateError, match=r"a process ended while it judged one of: .*selfie") as told:
        judge(dying, replayer, list(enumerate(read_index(index), 1)), 2, lambda _: None)
    assert "the same command goes on" in told.value.remedy


def test_the_identity_of_a_run_follows_models_index_and_policy(setup, replayer, index, tmp_path):
    bundle = replayer.bundle
    before = identity(index, setup, bundle)
    other = replace(setup, floor=PRESETS[Preset.DOOR])
    assert identity(index, other, bundle)["policy"] != before["policy"]
    moved = tmp_path / "index.csv"
    moved.write_bytes(index.read_bytes())
    assert identity(moved, setup, bundle)["indexSha256"] == before["indexSha256"]
    assert identity(moved, setup, bundle)["index"] != before["index"]
    moved.write_bytes(index.read_bytes() + b"\n")
    assert identity(moved, setup, bundle)["indexSha256"] != before["indexSha256"]
    assert set(before["models"]) == set(replayer.model_hashes)
    assert before["calibration"] is None
    calibrated = replace(setup, calibration=calibration_of())
    assert identity(index, calibrated, bundle)["calibration"] == calibration_of().sha256


def test_a_calibration_of_any_camera_shifts_the_thresholds_in_each_process(setup, replayer, index):
    (network,) = replayer.bundle.pad
    shifted = replace(setup, calibration=calibration_of(sha256=network.sha256, shift=1.5))
    before, after = judged(setup, replayer, index, 1), judged(shifted, shifted.open(verify=False), index, 1)
    assert judged(shifted, replayer, index, 2) == after
    moved = [(b.score - a.score) * network.manifest.pad.spread for b, a in zip(before, after, strict=True) if a.score]
    assert moved == pytest.approx([1.5, 1.5])


def test_a_calibration_of_other_networks_is_refused(setup):
    with pytest.raises(ModelError, match="for other weights"):
        replace(setup, calibration=calibration_of()).open(verify=False)
