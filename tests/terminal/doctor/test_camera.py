"""The doctor's look at the camera."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.config.loader import load
from edge.contracts.doctor import Verdict
from edge.contracts.enums import CaptureKind
from edge.errors import HardwareError
from edge.hardware.ports import CameraTraits
from edge.terminal.doctor import camera
from edge.terminal.doctor.camera import look
from edge.terminal.doctor.context import Context
from tests.terminal.doctor import terminals
from tests.terminal.doctor.terminals import Terminal

PICAMERA2 = {"driver": "picamera2", "frame_rate": 30, "raw": True}


@pytest.fixture
def context(tmp_path):
    def made(camera, **more):
        file = tmp_path / "site.yaml"
        file.write_text(json.dumps({"camera": camera, "state_directory": "state"}))
        return Context(config=file, loaded=load(file), **more)

    return made


def by_name(checks):
    return {check.name.removeprefix("camera."): check for check in checks}


def seen(context, terminal, settings=PICAMERA2):
    return by_name(look(terminal.opened, context(settings).settings))


def test_a_camera_that_is_well_has_nothing_to_complain_of(context):
    found = seen(context, Terminal())
    assert found["open"].verdict is Verdict.OK
    assert "30.0 frames a second, 30 are configured" in found["rate"].seen
    # Three frames of latency, less what a frame's rows and exposure take.
    assert 30 < float(found["age"].seen.split()[0]) < 100
    assert {name for name, check in found.items() if check.verdict is not Verdict.OK} == {"lux", "focus"}


def test_a_slower_camera_than_configured_is_warned_of(context):
    found = seen(context, Terminal(camera={"fps": 15}))
    assert found["rate"].verdict is Verdict.WARN
    assert "15.0 frames a second" in found["rate"].seen


def test_frames_that_wait_in_a_buffer_are_told(context):
    assert seen(context, Terminal(camera={"latency_frames": 8}))["age"].verdict is Verdict.WARN
    old = Terminal(camera={"latency_frames": 10, "fps": 10})
    assert seen(context, old, {**PICAMERA2, "frame_rate": 10})["age"].verdict is Verdict.FAIL


def test_stamps_of_another_clock_are_told(context):
    found = seen(context, Terminal().broken(camera=lambda inner: terminals.Stamped(inner, 40.0)))
    assert found["age"].verdict is Verdict.FAIL
    assert "clock" in found["age"].seen


def test_a_covered_lens_is_told(context):
    dark = {"ambient": {"lux": 0, "light": "led"}}
    found = seen(context, Terminal(surroundings=dark, display=None))
    assert found["picture"].verdict is Verdict.FAIL
    assert "cap" in found["picture"].remedy


def test_what_is_configured_and_not_there_fails(context):
    found = seen(context, Terminal().broken(camera=Mumbling))
    assert found["exposure"].verdict is Verdict.FAIL
    assert found["raw"].verdict is Verdict.FAIL


class Mumbling(terminals.Plain):
    """Says that it tells how it exposes, and does not."""

    @property
    def traits(self):
        return self.inner.traits


@pytest.mark.parametrize(("blur", "verdict"), [(0.6, Verdict.OK), (5, Verdict.WARN)])
def test_focus_is_told_by_the_edges_of_what_is_before_the_camera(context, tmp_path, blur, verdict):
    rng = np.random.default_rng(5)
    squares = np.kron(rng.integers(0, 2, (7, 9)) * 200 + 30, np.ones((40, 40)))
    cv2.imwrite(str(tmp_path / "page.png"), squares.astype(np.uint8))
    page = {"kind": "print", "photo": str(tmp_path / "page.png"), "distance": 0.4, "width": 0.5}
    terminal = Terminal(camera={"blur": blur, "width": 320, "height": 240}, subjects=[page])
    check = seen(context, terminal)["focus"]
    assert check.verdict is verdict, check


def test_a_camera_that_goes_silent_keeps_what_was_seen_of_it(context):
    found = seen(context, Terminal().broken(camera=lambda inner: terminals.Mute(inner, 15)))
    assert found["frames"].verdict is Verdict.FAIL
    assert "no frame came" in found["frames"].seen


class Refusing:
    """A live camera that cannot be opened."""

    traits = CameraTraits("picamera2", CaptureKind.LIVE, exposure_metadata=True)

    def __init__(self, error):
        self.error = error

    def open(self):
        raise self.error

    def close(self):
        return


@pytest.mark.parametrize(
    ("what", "remedy"),
    [
        ("Picamera2 cannot be loaded: No module named 'libcamera'", "install python3-picamera2"),
        ("camera 0 may not be used by this user: no permission for /dev/media0", "add the user to the group video"),
        ("camera 0 is in use by rpicam-hello (812): Device or resource busy", "end the other program"),
    ],
)
def test_a_camera_that_does_not_open_fails_in_the_drivers_words(context, what, remedy):
    refused = Refusing(HardwareError(what, remedy=remedy))
    (check,) = camera.checks(context(PICAMERA2, open_camera=lambda _: refused))
    assert (check.name, check.verdict) == ("camera.open", Verdict.FAIL)
    assert (check.seen, check.remedy) == (what, remedy)


def test_a_recording_has_neither_rate_nor_age(context, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        rng = np.random.default_rng(number)
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(60, 90, (48, 64, 3)).astype(np.uint8))
    found = by_name(camera.checks(context({"driver": "replay", "sources": ["pictures"]})))
    assert found["open"].verdict is Verdict.OK
    assert found["rate"].verdict is Verdict.SKIPPED
    assert found["picture"].verdict is Verdict.OK
    assert "age" not in found
    assert "focus" in found
    assert not {check.verdict for check in found.values()} & {Verdict.WARN, Verdict.FAIL}


def test_a_simulated_terminal_is_looked_at_as_configured(context, tmp_path):
    scene = {
        "title": "small",
        "presentation": {"label": "bonafide"},
        "terminal": {"camera": {"width": 64, "height": 64}},
    }
    (tmp_path / "scene.yaml").write_text(json.dumps(scene))
    found = by_name(camera.checks(context({"driver": "simulated", "scenes": ["scene.yaml"]})))
    assert found["open"].verdict is Verdict.OK, found["open"]
    assert "none is configured" in found["rate"].seen


def test_without_a_configuration_nothing_is_looked_at(tmp_path):
    (check,) = camera.checks(replace(Context(config=tmp_path / "none.yaml")))
    assert check.verdict is Verdict.SKIPPED
