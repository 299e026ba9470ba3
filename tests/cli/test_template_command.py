"""``livegate template`` as an operator runs it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.contracts.verification import FaceTemplate
from edge.inference.bundle import default_models_dir
from edge.simulation import openpeople


@pytest.fixture
def template(tmp_path):
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edge", "template", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            check=False,
        )

    return run


@pytest.fixture
def selfie():
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    return openpeople.photo("P001/selfie")


def test_a_template_is_written_for_its_owner_alone_and_never_over_another(template, selfie, tmp_path):
    path = tmp_path / "person.json"
    done = template(selfie, "--out", path)
    assert done.returncode == 0, done.stderr
    assert "quality    high" in done.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = FaceTemplate.model_validate_json(path.read_bytes())
    assert written.quality_for_recognition == "high"
    assert written.embedding not in done.stdout + done.stderr
    again = template(selfie, "--out", path)
    assert (again.returncode, again.stdout) == (7, "")
    assert "is there already" in again.stderr
    path.chmod(0o644)
    forced = template(selfie, "--out", path, "--force", "--json", "--models", default_models_dir())
    told = json.loads(forced.stdout)
    assert told["qualityForRecognition"] == "high"
    assert told["faceRectangle"] == written.face_rectangle.model_dump(by_alias=True)
    assert "embedding" not in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert FaceTemplate.model_validate_json(path.read_bytes()) == written


def test_a_refused_picture_leaves_no_file_and_names_the_code(template, tmp_path):
    picture = tmp_path / "words.jpg"
    picture.write_bytes(b"no picture")
    done = template(picture, "--json")
    assert done.returncode == 7
    assert json.loads(done.stdout)["error"]["code"] == "UnsupportedMediaType"
    assert "UnsupportedMediaType: the reference is no picture" in done.stderr
    assert list(tmp_path.iterdir()) == [picture]


def test_a_picture_that_is_not_there_is_named(template):
    done = template("nobody.png")
    assert done.returncode == 7
    assert "nobody.png does not exist" in done.stderr
