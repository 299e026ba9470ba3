"""``livegate evaluate`` as a user runs it: exit codes, what goes to which stream, what is written."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from edge.cli.evaluate import evaluate
from edge.cli.replay import replay
from edge.errors import ExitCode, InputError
from edge.evaluation.calibrate import write_calibration
from edge.evaluation.evaluate import Run
from edge.evaluation.scores import read_scores
from edge.inference.bundle import default_models_dir
from edge.inference.calibration import read_calibration
from edge.inference.manifest import read_manifest
from edge.simulation import openpeople
from tests.inference.calibrations import calibration_of

pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")

NETWORK = read_manifest(default_models_dir() / "livegate-head.yaml").manifest
ALONE = ("--active", NETWORK.id)


@pytest.fixture(autouse=True)
def _quiet():
    """The group ``livegate`` sends logs to stderr; the bare command would have them among its results."""
    with capture_logs():
        yield


def run(*arguments: object) -> Result:
    return CliRunner().invoke(evaluate, [*map(str, arguments), "--jobs", "1"], standalone_mode=False)


@pytest.fixture
def index(tmp_path):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((120, 160, 3), 90, np.uint8))
    path = tmp_path / "index.csv"
    path.write_text(
        "path,label,pai_species,subject\n"
        f"{openpeople.photo('P001/selfie')},bonafide,,P001\nwall.png,attack,wall [of bricks],\nwall.png,bonafide,,\n"
    )
    return path


def test_the_figures_are_printed_and_the_report_is_written(index, tmp_path):
    done = run(index, "--out", tmp_path / "out")
    assert done.return_value == ExitCode.OK
    assert "APCER" in done.stdout
    assert "wall [of bricks]" in done.stdout
    assert str(tmp_path / "out" / "report.html") in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "report.html",
        "report.json",
        "run.json",
        "scores.csv",
    ]


def test_json_is_the_document_in_the_folder(index, tmp_path):
    done = run(index, "--out", tmp_path / "out", "--json", "--attempts", 2)
    document = json.loads(done.stdout)
    assert document == json.loads((tmp_path / "out" / "report.json").read_text())
    provenance = document["provenance"]
    assert (provenance["policy"], provenance["mode"], provenance["attempts"]) == ("kiosk", "Passive", 2)
    assert (provenance["files"], provenance["calibration"]) == (2, None)
    networks = [model for model in provenance["models"] if model["stage"] == "pad"]
    (score, *_) = read_scores(tmp_path / "out" / "scores.csv")
    assert set(score.margins) == {network["id"] for network in networks}
    assert document["figures"]["bpnrr"]["errors"] == 1


def test_what_cannot_be_read_is_listed_everywhere_and_counts_nowhere(index, tmp_path):
    index.write_text(index.read_text() + "missing.png,bonafide,,\n")
    done = run(index, "--out", tmp_path / "out", "--json")
    document = json.loads(done.stdout)
    assert done.return_value == ExitCode.INPUT
    assert "missing.png" in done.stderr
    assert [entry["name"] for entry in document["unreadable"]] == ["missing.png"]
    assert "missing.png" in (tmp_path / "out" / "report.html").read_text()
    assert document["figures"]["bpnrr"]["n"] == 2
    cv2.imwrite(str(tmp_path / "missing.png"), np.full((120, 160, 3), 90, np.uint8))
    again = run(index, "--out", tmp_path / "out", "--json")
    assert again.return_value == ExitCode.OK
    assert json.loads(again.stdout)["provenance"]["resumed"] == 3


def test_an_interrupted_run_says_how_far_it_came_and_goes_on(index, tmp_path, monkeypatch):
    add = Run.add

    def interrupted(self, score):
        add(self, score)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Run, "add", interrupted)
        stopped = run(index, "--out", tmp_path / "out")
    assert stopped.exit_code != 0
    assert "1 of 3 presentations judged; the same command goes on" in stopped.stderr
    done = run(index, "--out", tmp_path / "out", "--json")
    provenance = json.loads(done.stdout)["provenance"]
    assert (provenance["resumed"], provenance["judged"]) == (1, 2)


def test_a_folder_with_a_run_of_another_policy_is_refused_until_fresh_is_said(index, tmp_path):
    run(index, "--out", tmp_path / "out")
    refused = run(index, "--out", tmp_path / "out", "--policy", "door")
    assert isinstance(refused.exception, InputError)
    assert "policy (kiosk there, door now)" in refused.exception.what
    done = run(index, "--out", tmp_path / "out", "--policy", "door", "--fresh", "--json")
    outcomes = json.loads(done.stdout)["outcomes"]
    # No light of the terminal shines on a recording.
    assert {
        "label": "bonafide",
        "paiSpecies": None,
        "counts": {"EnvironmentNotSupported": 1, "NoFaceDetected": 1},
    } in outcomes


@pytest.fixture
def calibration(tmp_path):
    """Of a camera that no recording is of, for one shipped network."""
    write_calibration(tmp_path / "site.yaml", calibration_of(sha256=NETWORK.sha256, shift=2.5))
    return tmp_path / "site.yaml"


def test_a_calibration_of_another_camera_moves_the_scores_and_is_named(index, calibration, tmp_path):
    before = json.loads(run(index, *ALONE, "--out", tmp_path / "bare", "--json").stdout)
    done = run(index, *ALONE, "--out", tmp_path / "out", "--calibration", calibration, "--json")
    provenance = json.loads(done.stdout)["provenance"]
    assert before["provenance"]["calibration"] is None
    assert provenance["calibration"]["camera"]["name"] == "imx708"
    assert provenance["calibration"]["models"][0]["shift"] == 2.5
    assert "for the camera imx708 (live, ir_cut), from 10 persons" in done.stderr
    bare, shifted = (read_scores(tmp_path / name / "scores.csv")[0] for name in ("bare", "out"))
    assert bare.score - shifted.score == pytest.approx(2.5 / NETWORK.pad.spread)
    refused = run(index, *ALONE, "--out", tmp_path / "out")
    assert isinstance(refused.exception, InputError)
    assert "other calibration" in refused.exception.what


def test_replay_takes_the_same_calibration(index, calibration):
    arguments = ["--index", str(index), *ALONE, "--calibration", str(calibration), "--json"]
    told = CliRunner().invoke(replay, arguments)
    assert json.loads(told.stdout)["calibration"] == read_calibration(calibration).model_dump(mode="json")
    assert "thresholds shifted by the calibration of 2026-05-04" in told.stderr


def test_a_missing_index_is_named(tmp_path):
    failed = run(tmp_path / "nowhere.csv", "--out", tmp_path / "out")
    assert isinstance(failed.exception, InputError)
    assert "nowhere.csv" in failed.exception.what
    assert not (tmp_path / "out").exists()
