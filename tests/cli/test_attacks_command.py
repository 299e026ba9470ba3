"""``livegate attacks`` as a user runs it: exit codes, what goes to which stream, what is written."""

from __future__ import annotations

import json

import cv2
import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from edge.cli.attacks import attacks
from edge.errors import ExitCode, InputError
from edge.evaluation.attacks.rows import read_rows

pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")

# A small picture of a tablet: quick to render, and refused at once in the passive way.
SCENE = """title: a tablet before a small camera
presentation: {label: attack, pai_species: screen_tablet}
surroundings: {ambient: {lux: 100}}
terminal: {camera: {width: 320, height: 240, fps: 20}}
subjects: [{kind: screen, photo: "openpeople:P001", distance: 0.3, luminance: 300}]
"""


@pytest.fixture(autouse=True)
def _quiet():
    """The group ``livegate`` sends logs to stderr; the bare command would have them among its results."""
    with capture_logs():
        yield


@pytest.fixture
def scenes(tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "tablet.yaml").write_text(SCENE)
    (folder / "nobody.yaml").write_text("title: nobody\n")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(attacks, [str(argument) for argument in arguments], standalone_mode=False)


def test_scenes_are_played_counted_and_kept_and_a_second_go_adds_to_the_first(scenes, tmp_path):
    out = tmp_path / "out"
    common = ("--scenes", scenes, "--out", out, "--jobs", 1)
    done = run(*common, "--seeds", 1)
    assert done.exception is None, done.exception
    assert done.return_value == ExitCode.OK
    assert "screen_tablet" in done.stdout
    assert "All of this is simulated" in done.stdout
    assert "nobody.yaml does not say what is presented" in done.stderr
    [first] = read_rows(out / "rows.csv")
    assert first.frames > 0
    assert first.seconds > 0
    assert first.milliseconds > 0
    more = run(*common, "--seeds", 2, "--json")
    report = json.loads(more.stdout)
    assert report["sessions"] == 2
    assert report["provenance"]["resumed"] == 1
    assert report["numbers"] == "development"
    assert report["figures"]["acceptedOfPresented"]["screen_tablet"]["n"] == 2
    assert read_rows(out / "rows.csv")[0] == first
    assert sorted(path.name for path in out.iterdir()) == ["report.json", "report.md", "rows.csv", "run.json"]
    with pytest.raises(InputError, match="other policy"):
        raise run(*common, "--policy", "kiosk").exception


def test_the_lights_of_a_session_are_drawn(tmp_path):
    out = tmp_path / "sheet.png"
    done = run("--pictures", "print_matte/dim-150-led/3", "--out", out)
    assert done.exception is None, done.exception
    assert done.return_value == ExitCode.OK
    picture = cv2.imread(str(out))
    assert picture.shape[0] > 3 * picture.shape[1], "one column of four pictures"
    assert picture.std() > 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--types", "print_mat"), "no type print_mat"),
        (("--conditions", "dark"), "no condition dark"),
        (("--first", 999, "--seeds", 2), "partly for development"),
        (("--scenes", "{folder}/none"), "cannot be read"),
        (("--scenes", "{folder}"), "holds no scene files"),
        (("--head", "{folder}/none.obj"), "none.obj"),
        (("--head", "{folder}/damaged.obj"), "damaged.obj"),
        (("--pictures", "print_matte/dim-150-led/0"), "needs --out"),
        (("--pictures", "print_matte", "--out", "{folder}/a.png"), "no session print_matte"),
        (("--pictures", "print_matte/dim-150-led/0", "--out", "{folder}/a.txt"), "no kind that can be written"),
        (("--scenes", "{folder}", "--types", "print_matte"), "choose from the catalogue"),
        (("--fresh",), "goes with --out"),
        (("--policy", "door", "--config", "{folder}/a.yaml"), "give one of them"),
        (("--config", "{folder}/none.yaml"), "none.yaml"),
    ],
)
def test_wrong_input_is_told_before_anything_is_played(tmp_path, arguments, message):
    (tmp_path / "damaged.obj").write_text("v 0 0 zero\nf 1 2 3\n")
    done = run(*(str(argument).format(folder=tmp_path) for argument in arguments))
    assert done.exception is not None
    assert message in str(done.exception)
