"""Python and the libraries, and what their failing is told as."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge.contracts.doctor import Verdict
from edge.terminal.assembly import camera_identity
from edge.terminal.doctor import models, probing, python, runtime
from edge.terminal.doctor.context import Context, Finished, context_of
from tests.inference.calibrations import calibration_of

ROOT = Path(__file__).resolve().parents[3]
LAMP_CAMERA = {"driver": "picamera2"}


def test_the_supported_pythons_are_those_of_the_package():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    oldest, below = (tuple(map(int, each)) for each in re.findall(r"(\d+)\.(\d+)", wanted))
    assert (oldest, (below[0], below[1] - 1)) == (python.OLDEST, python.NEWEST)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [((3, 10), Verdict.FAIL), ((3, 11), Verdict.OK), ((3, 13), Verdict.OK), ((3, 14), Verdict.WARN)],
)
def test_other_pythons_are_told(unread, found, verdict):
    assert python.version(unread, found).verdict is verdict


def test_thirty_two_bits_are_told(unread):
    assert python.word_size(unread, 2**31 - 1, "armv7l").verdict is Verdict.WARN
    assert python.word_size(unread, 2**63 - 1, "aarch64").verdict is Verdict.OK


def child(status=0, said=None, stderr=""):
    return Finished(status, "noise\n" + (json.dumps(said) if said is not None else ""), stderr)


def test_a_library_that_works_is_told_by_its_version(unread, programs):
    programs.said[sys.executable] = child(said={"found": {"version": "4.9", "folder": "/x"}})
    assert runtime.opencv(unread).seen == "OpenCV 4.9"
    assert runtime.numpy(unread).verdict is Verdict.OK


@pytest.mark.parametrize(
    "stderr",
    [
        "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.1.0 as it may crash.",
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility.",
        "AttributeError: _ARRAY_API not found",
        "RuntimeError: module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000",
    ],
)
def test_a_library_for_another_numpy_is_told_in_words(unread, programs, stderr):
    programs.said[sys.executable] = child(status=-11, stderr=stderr)
    check = runtime.opencv(unread)
    assert check.verdict is Verdict.FAIL
    assert "built for another numpy" in check.seen


def test_the_clash_of_the_camera_library_has_its_own_remedy(context, programs):
    programs.said[sys.executable] = child(said={"what": "ValueError: numpy.dtype size changed, may indicate …"})
    check = runtime.camera_library(context(camera=LAMP_CAMERA))
    assert check.verdict is Verdict.FAIL
    assert "simplejpeg" in check.remedy


def test_a_crash_of_a_library_is_told_and_ends_nothing(unread, programs):
    programs.said[sys.executable] = child(status=-4)
    assert "built for another processor" in runtime.numpy(unread).seen


def test_a_library_that_hangs_fails(unread, programs):
    programs.said[sys.executable] = TimeoutError("python did not end within 60 s")
    assert "did not end" in runtime.numpy(unread).seen


def test_a_missing_library_is_named(context, programs):
    programs.said[sys.executable] = child(said={"what": "…", "missing": "libcamera"})
    check = runtime.camera_library(context(camera=LAMP_CAMERA))
    assert "libcamera is not installed" in check.seen
    assert "--system-site-packages" in check.remedy


def test_picamera2_is_tried_only_where_it_is_configured(context, programs):
    assert runtime.camera_library(context()).verdict is Verdict.SKIPPED
    assert not programs.asked


def test_a_child_that_says_nothing_is_told_by_its_last_words(unread, programs):
    programs.said[sys.executable] = child(status=1, stderr="warning\nFatal Python error: oh\n")
    assert "Fatal Python error: oh" in probing.probe(unread, "numpy").what


def test_the_shipped_networks_run_with_the_installed_runtime(site):
    context = context_of(site())
    assert runtime.interpreter(context).verdict is Verdict.OK
    checks = {check.name: check for check in models.checks(context)}
    assert checks["models.bundle"].verdict is Verdict.OK, checks
    assert "blazeface-short-range" in checks["models.run"].seen
    assert checks["models.calibration"].verdict is Verdict.SKIPPED


def test_a_damaged_network_fails_by_name(tmp_path, site):
    shipped = ROOT / "models_tflite"
    folder = tmp_path / "models"
    folder.mkdir()
    for file in shipped.iterdir():
        if file.is_file():
            (folder / file.name).symlink_to(file)
    broken = folder / "livegate-face.tflite"
    content = bytearray(broken.read_bytes())
    content[len(content) // 2] ^= 0xFF
    broken.unlink()
    broken.write_bytes(content)
    checks = {check.name: check for check in models.checks(context_of(site(models={"directory": "models"})))}
    assert checks["models.bundle"].verdict is Verdict.FAIL
    assert "livegate-face" in checks["models.bundle"].seen


def test_a_real_camera_without_calibration_is_a_warning(context, programs):
    programs.said[sys.executable] = child(said={"what": "no matter"})
    checks = {check.name: check for check in models.checks(context(camera=LAMP_CAMERA))}
    assert checks["models.calibration"].verdict is Verdict.WARN


def test_another_camera_s_calibration_fails(tmp_path, context, programs):
    (tmp_path / "calibration.yaml").write_text("nonsense: true\n")
    programs.said[sys.executable] = child(said={"what": "no matter"})
    given = context(camera=LAMP_CAMERA, models={"calibration": "calibration.yaml"})
    checks = {check.name: check for check in models.checks(given)}
    assert checks["models.calibration"].verdict is Verdict.FAIL
    assert "calibration.yaml" in checks["models.calibration"].seen


@pytest.mark.parametrize(
    ("camera", "sha256", "verdict", "words"),
    [
        ({}, "ab" * 32, Verdict.OK, "from 10 persons"),
        ({}, "cd" * 32, Verdict.FAIL, "for other weights"),
        ({"spectrum": "noir"}, "ab" * 32, Verdict.FAIL, "is for the camera"),
    ],
)
def test_a_calibration_belongs_to_one_camera_and_its_networks(
    tmp_path, context, programs, camera, sha256, verdict, words
):
    given = context(camera=LAMP_CAMERA | camera, models={"calibration": "calibration.json"})
    made_with = context(camera=LAMP_CAMERA)
    identity = camera_identity(made_with.open_camera(made_with.settings).traits)
    (tmp_path / "calibration.json").write_text(calibration_of(camera=identity).model_dump_json())
    network = {"id": "a", "stage": "pad", "sha256": sha256, "milliseconds": 1.0, "golden": True, "documented": True}
    found = {"runtime": "made up", "networks": [network], "mebibytes": 1.0}
    programs.said[sys.executable] = child(said={"found": found})
    check = {check.name: check for check in models.checks(given)}["models.calibration"]
    assert check.verdict is verdict, check
    assert words in check.seen


WITHOUT_NUMPY = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"numpy", "cv2"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from edge.cli.main import cli
sys.exit(cli(["doctor", "--json", "--config", sys.argv[1]], standalone_mode=False))
"""


def test_the_doctor_runs_where_numpy_does_not_load(site):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMPY, str(site(link={"host": "127.0.0.1", "port": 1}))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    names = {check["name"]: check["verdict"] for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1, done.stderr
    assert {"state.outbox", "broker.connection", "service.groups", "system.clock"} <= names.keys()
    # Frames are numpy's, so these two cannot be looked at.
    assert {name for name in names if name.endswith(".area")} == {"camera.area", "lights.area"}, names


def test_a_context_can_be_made_without_a_configuration(tmp_path):
    assert Context(config=tmp_path).settings is None
