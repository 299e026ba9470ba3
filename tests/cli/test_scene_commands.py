"""``livegate scene`` as a user runs it: exit codes, what goes to which stream, what is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.cli.scene import scene
from edge.config.problems import ConfigProblems
from edge.errors import ExitCode, InputError

SMALL = """title: somebody in a small picture
terminal:
  camera: {width: 64, height: 64, fps: 10}
  illuminator: {band: white, intensity: 50}
subjects: [{kind: person}]
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(scene, [str(argument) for argument in arguments], standalone_mode=False)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL, encoding="utf-8")
    return file


def test_a_correct_file_is_named_with_its_title(small):
    result = run("check", small)
    assert result.return_value == ExitCode.OK
    assert result.stdout == f"{small} is correct: somebody in a small picture\n"


def test_the_mistakes_of_several_files_are_told_and_the_correct_ones_too(small, tmp_path):
    wrong, empty = tmp_path / "wrong.yaml", tmp_path / "empty.yaml"
    wrong.write_text(SMALL.replace("fps", "fsp"), encoding="utf-8")
    empty.touch()
    result = run("check", wrong, small, empty)
    assert result.return_value == ExitCode.CONFIG
    assert "small.yaml is correct" in result.stdout
    assert f"{wrong}:3:35: terminal.camera.fsp: unknown key" in result.stderr
    assert f"{empty}: is empty; begin with a copy of config/scenes/bona-fide-dim.yaml" in result.stderr
    assert "docs/simulation.md describes each key" in result.stderr


def test_a_folder_is_listed_with_what_is_asked_and_expected(small, tmp_path):
    asked = "session: {mode: PassiveActive}\nexpect: {light_level: bright, error: TimedOut}\n"
    truth = "presentation: {label: attack, pai_species: print}\n"
    (tmp_path / "attack.yaml").write_text(f"title: held\n{asked}{truth}", encoding="utf-8")
    listed = run("list", tmp_path).stdout.splitlines()
    [attack] = [line for line in listed if "attack.yaml" in line]
    assert all(word in attack for word in ("held", "print", "PassiveActive", "bright, TimedOut"))
    assert any("small.yaml" in line and "nobody to judge" in line for line in listed)


def test_the_schema_is_json_and_knows_every_kind():
    document = json.loads(run("schema").stdout)
    assert set(document["properties"]["subjects"]["items"]["discriminator"]["mapping"]) >= {"person", "screen"}


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])
def test_a_video_has_the_frames_of_its_seconds(small, tmp_path, name):
    result = run("render", small, "--out", tmp_path / name, "--seconds", 0.5)
    assert result.return_value == ExitCode.OK
    assert re.fullmatch(rf"{tmp_path / name}: 5 frames of 64 x 64, \d+ frames/s\n", result.stdout)
    video = cv2.VideoCapture(str(tmp_path / name))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (5, 10)
    assert video.read()[1].shape == (64, 64, 3)


def test_a_picture_is_the_last_frame_of_what_a_folder_gets(small, tmp_path):
    run("render", small, "--out", tmp_path / "frames", "--seconds", 0.4)
    run("render", small, "--out", tmp_path / "last.png", "--seconds", 0.4)
    files = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in files] == [f"{number:06d}.png" for number in range(4)]
    assert np.array_equal(cv2.imread(str(files[-1])), cv2.imread(str(tmp_path / "last.png")))


def brightness(small, folder, *options):
    run("render", small, "--out", folder, "--seconds", 1.0, *options)
    return [float(cv2.imread(str(file)).mean()) for file in sorted(folder.iterdir())]


def test_backlight_lamp_and_code_light_the_scene(small, tmp_path):
    # Before automatic exposure has seen anything, more light is a brighter frame.
    first = {
        option: brightness(small, tmp_path / option.replace(" ", ""), *option.split())[0]
        for option in ("--backlight 0", "--backlight 1", "--backlight 1 --code F", "--backlight 0 --lamp 1")
    }
    assert first["--backlight 0"] < first["--backlight 1"] < first["--backlight 1 --code F"]
    assert first["--backlight 0"] < first["--backlight 0 --lamp 1"]


def test_a_code_of_other_letters_is_wrong_usage(small, tmp_path):
    result = run("render", small, "--out", tmp_path / "x.png", "--code", "LXR")
    assert "letters other than G, F, L, R, B" in str(result.exception)


@pytest.mark.parametrize(
    ("out", "message"), [("clip.gif", "of no kind"), ("no/clip.mp4", "cannot be written"), ("no/a.png", "cannot be")]
)
def test_what_cannot_be_written_is_named(small, tmp_path, out, message):
    result = run("render", small, "--out", tmp_path / out, "--seconds", 0.1)
    assert isinstance(result.exception, InputError)
    assert message in result.exception.what
    assert str(tmp_path) in result.exception.what


def test_a_missing_scene_is_named(tmp_path):
    result = run("render", tmp_path / "no.yaml", "--out", tmp_path / "x.png")
    assert isinstance(result.exception, ConfigProblems)
    assert "no.yaml: cannot be read" in result.exception.what
