"""The camera between sessions: open for looks, handed to the session that comes, closed when nobody looks any more."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from functools import partial

import pytest

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import CaptureKind, LivenessOperationMode
from edge.contracts.session import SessionStart
from edge.errors import HardwareError
from edge.liveness.policy import tighten
from edge.session.clock import FrameClock
from edge.session.lookout import MOST_QUEUED
from edge.session.runner import SessionRunner
from edge.terminal.assembly import unlit
from edge.terminal.capture import ProcessCamera
from tests.hardware.rogue_cameras import HEIGHT, WIDTH, GoodCamera
from tests.session.scripted import ScriptedCamera, ScriptedVision, SlowBacklight, frame, frames

LOST = HardwareError("the camera is gone", remedy="look for it")


class Counting(ScriptedCamera):
    def __init__(self, script, *, capture=CaptureKind.LIVE):
        super().__init__(script)
        self.traits = dataclasses.replace(ScriptedCamera.traits, capture=capture)
        self.opened = 0
        self.timeouts = []

    def open(self):
        self.opened += 1
        assert self.opened == self.closed + 1, "it is open already"

    def read(self, timeout):
        self.timeouts.append(timeout)
        return super().read(timeout)

    @property
    def is_open(self):
        return self.opened > self.closed


def runner_of(camera, vision=None, **devices):
    return SessionRunner(replace(unlit(camera), **devices), vision or ScriptedVision(), FrameClock)


def session(runner, **hooks):
    request = SessionStart(id="a-session-0001", expires_at=1.0)
    return runner.run("0" * 32, tighten(PRESETS[Preset.KIOSK], request), LivenessOperationMode.PASSIVE, **hooks)


def test_looks_leave_the_camera_open_and_touch_no_light():
    backlight = SlowBacklight()
    camera = Counting([frame(0), None, frame(1), None])
    runner = runner_of(camera, backlight=backlight)
    assert [runner.look(), runner.look()] == [0.4, 0.4]
    assert (camera.opened, camera.closed) == (1, 0)
    assert backlight.calls == []
    runner.end_looks()
    runner.end_looks()
    assert (camera.opened, camera.closed) == (1, 1)


def test_without_a_frame_in_time_nobody_is_there():
    assert runner_of(Counting([None])).look() is None


def test_what_the_driver_has_queued_is_passed_over_for_the_newest():
    class Numbers(ScriptedVision):
        def glance(self, frame):
            return float(frame.sequence)

    camera = Counting([*frames(4), None])
    assert runner_of(camera, Numbers()).look() == 3.0
    assert camera.timeouts[1:] == [0.0] * 4
    endless = Counting(frames(1000))
    assert runner_of(endless, Numbers()).look() == MOST_QUEUED


def test_of_frames_that_are_made_when_they_are_read_one_is_read():
    camera = Counting(frames(100), capture=CaptureKind.SIMULATED)
    runner_of(camera).look()
    assert len(camera.timeouts) == 1


def test_what_vision_holds_is_forgotten_when_looks_end_and_when_the_camera_fails():
    class Remembering(ScriptedVision):
        forgotten = 0

        def forget(self):
            self.forgotten += 1

    vision = Remembering()
    runner = runner_of(Counting([frame(0), None]), vision)
    runner.look()
    assert vision.forgotten == 0
    runner.end_looks()
    assert vision.forgotten == 1
    vision.glance = lambda _: 1 / 0
    with pytest.raises(ZeroDivisionError):
        runner_of(Counting([frame(0), None]), vision).look()
    assert vision.forgotten == 2


@pytest.mark.parametrize("capture", [CaptureKind.LIVE, CaptureKind.SIMULATED])
def test_a_session_takes_the_open_camera_and_closes_it(capture):
    camera = Counting([frame(0), None, *frames(100)], capture=capture)
    runner = runner_of(camera)
    runner.look()
    report = session(runner)
    assert report.attempts[0].result is not None
    assert (camera.opened, camera.closed) == (1, 1)
    runner.look()
    assert (camera.opened, camera.closed) == (2, 1)


def test_a_recording_begins_at_its_beginning_for_the_session():
    camera = Counting(frames(100), capture=CaptureKind.REPLAY)
    runner = runner_of(camera)
    runner.look()
    session(runner)
    assert (camera.opened, camera.closed) == (2, 2)


def test_a_recording_that_ends_while_nobody_is_there_begins_again():
    camera = Counting([frame(0)], capture=CaptureKind.REPLAY)
    runner = runner_of(camera)
    assert [runner.look(), runner.look()] == [0.4, None]
    assert not camera.is_open


@pytest.mark.parametrize("trouble", [LOST, ValueError("pixels")])
def test_a_camera_that_fails_in_a_look_is_closed_and_its_trouble_known(trouble):
    camera = Counting([frame(0), None, trouble])
    runner = runner_of(camera)
    runner.look()
    with pytest.raises(type(trouble)):
        runner.look()
    assert not camera.is_open
    assert runner.sight.trouble is not None
    assert "pixels" not in runner.sight.trouble


def test_a_session_after_a_failed_look_opens_the_camera_anew():
    camera = Counting([LOST, *frames(100)])
    runner = runner_of(camera)
    with pytest.raises(HardwareError):
        runner.look()
    assert session(runner).attempts[0].result is not None
    assert (camera.opened, camera.closed) == (2, 2)


def test_a_probe_uses_the_camera_that_looks_have_left_open():
    camera = Counting([frame(0), None, frame(1)])
    runner = runner_of(camera)
    runner.look()
    assert runner.probe(1.0)
    assert (camera.opened, camera.closed) == (1, 0)


def test_a_probe_that_finds_no_frame_of_it_closes_it():
    camera = Counting([frame(0), None, *[None] * 100])
    runner = runner_of(camera)
    runner.look()
    with pytest.raises(HardwareError):
        runner.probe(1.0)
    assert not camera.is_open


def test_a_capture_process_goes_on_from_the_look_to_the_session(tmp_path):
    openings = tmp_path / "openings"
    camera = ProcessCamera(partial(GoodCamera, openings), largest=(WIDTH, HEIGHT))
    runner = runner_of(camera)
    try:
        while runner.look() is None:
            pass
        looked_at = camera.pid
        seen = []
        session(runner, cancelled=lambda: seen.append(camera.pid) or ("enough" if len(seen) > 3 else None))
        assert set(seen) == {looked_at}
        assert openings.read_text().splitlines() == [str(looked_at)]
        assert camera.pid is None
    finally:
        runner.close()


def test_the_end_closes_it():
    camera = Counting([frame(0), None])
    runner = runner_of(camera)
    runner.look()
    runner.close()
    assert not camera.is_open
