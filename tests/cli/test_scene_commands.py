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
from edge.simulation.head import Anthropometry, parametric_head
from tests.simulation.heads import write

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


@pytest.fixture
def two(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "a.yaml").write_text(SMALL.replace("somebody in a small picture", "somebody"), encoding="utf-8")
    (folder / "b.yaml").write_text(SMALL.replace("somebody in a small picture", "niemand für uns ☺"), encoding="utf-8")
    with (folder / "b.yaml").open("a", encoding="utf-8") as text:
        text.write("surroundings: {wall: {distance: 1, reflectance: 0.9}, ambient: {light: tungsten}}\n")
    return folder


def test_a_sheet_holds_each_scene_as_its_camera_sees_it_under_the_whole_display(two, tmp_path):
    out = tmp_path / "sheet.png"
    result = run("sheet", two, "--out", out, "--width", 64, "--columns", 2, "--seconds", 0.5)
    assert result.return_value == ExitCode.OK
    sheet = cv2.imread(str(out))
    height, width = sheet.shape[:2]
    assert result.stdout == f"{out}: 2 scenes, {width} x {height}\n"
    assert width == 6 + 2 * (64 + 6)
    # Two lines at most for these titles.
    assert 6 + 64 + 15 + 12 <= height <= 6 + 64 + 3 * 15 + 12
    cells = [sheet[6:70, left : left + 64] for left in (6, 76)]
    assert not np.array_equal(*cells)
    for name, cell in zip("ab", cells, strict=True):
        run(
            "render",
            two / f"{name}.yaml",
            "--out",
            tmp_path / "x.png",
            "--seconds",
            0.5,
            "--backlight",
            1,
            "--code",
            "F",
        )
        assert np.array_equal(cell, cv2.imread(str(tmp_path / "x.png")))


def test_a_sheet_is_written_as_jpeg_in_one_column(two, tmp_path):
    out = tmp_path / "sheet.jpg"
    assert run("sheet", two, "--out", out, "--columns", 1, "--seconds", 0.1).return_value == ExitCode.OK
    height, width = cv2.imread(str(out)).shape[:2]
    assert width == 6 + 240 + 6
    assert height > 2 * 240
    assert out.read_bytes().startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("out", "message"), [("a.gif", "of no kind"), ("folder", "of no kind"), ("no/a.jpg", "cannot be written")]
)
def test_a_sheet_that_cannot_be_written_is_named(two, tmp_path, out, message):
    result = run("sheet", two, "--out", tmp_path / out, "--seconds", 0.1)
    assert isinstance(result.exception, InputError)
    assert message in result.exception.what
    assert str(tmp_path / out) in result.exception.what


def test_a_scene_that_cannot_be_built_ends_a_sheet_with_its_name(two, tmp_path):
    cv2.imwrite(str(two / "grey.png"), np.full((64, 64, 3), 90, np.uint8))
    (two / "c.yaml").write_text("title: t\nsubjects: [{kind: cut_out, photo: grey.png}]\n", encoding="utf-8")
    result = run("sheet", two, "--out", tmp_path / "sheet.png", "--seconds", 0.1)
    assert isinstance(result.exception, InputError)
    assert result.exception.what.startswith(f"{two / 'c.yaml'}: no face is found in {two / 'grey.png'}")
    assert not (tmp_path / "sheet.png").exists()


def test_a_scene_with_mistakes_ends_a_sheet_with_its_name(two, tmp_path):
    (two / "c.yaml").write_text("title: t\nsubject: []\n", encoding="utf-8")
    result = run("sheet", two, "--out", tmp_path / "sheet.png")
    assert isinstance(result.exception, ConfigProblems)
    assert f"{two / 'c.yaml'}:2:1: subject: unknown key" in result.exception.what


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """Longer and narrower than most."""
    shape = parametric_head(Anthropometry(face_width=0.120, face_length=0.135))
    return write(tmp_path / "head.obj", shape)


def test_a_head_from_a_file_changes_what_is_rendered(small, tmp_path, head):
    pictures = []
    for options in ((), ("--head", head), ("--head", head)):
        result = run("render", small, "--out", tmp_path / "x.png", "--seconds", 0.3, *options)
        assert result.return_value == ExitCode.OK
        pictures.append(cv2.imread(str(tmp_path / "x.png")))
    own, other, again = pictures
    assert np.array_equal(other, again)
    assert np.abs(own[16:48, 16:48].astype(int) - other[16:48, 16:48]).max() > 20


def test_a_head_from_a_file_changes_all_of_a_sheet(two, tmp_path, head):
    sheets = []
    for options in ((), ("--head", head)):
        run("sheet", two, "--out", tmp_path / "x.png", "--width", 64, "--seconds", 0.3, *options)
        sheets.append(cv2.imread(str(tmp_path / "x.png")).astype(int))
    changed = np.abs(sheets[0] - sheets[1]).max(axis=2)
    assert changed[6:70, 6:70].max() > 20
    assert changed[6:70, 76:140].max() > 20


@pytest.mark.parametrize("command", ["render", "sheet"])
@pytest.mark.parametrize(("text", "message"), [(None, "there is no file"), ("v 0 0 0\n", "has no faces")])
def test_a_head_that_cannot_be_used_is_named(two, tmp_path, command, text, message):
    file = tmp_path / "shape.obj"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    given = two / "a.yaml" if command == "render" else two
    result = run(command, given, "--out", tmp_path / "x.png", "--head", file)
    assert isinstance(result.exception, InputError)
    assert str(file) in result.exception.what
    assert message in result.exception.what
    assert not (tmp_path / "x.png").exists()
