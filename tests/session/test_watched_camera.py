"""What a watched camera remembers, and a probe of it."""

from __future__ import annotations

import pytest

from edge.errors import HardwareError
from edge.session.clock import FrameClock
from edge.session.runner import SessionRunner
from edge.session.watched_camera import WatchedCamera
from edge.terminal.assembly import unlit
from tests.session.scripted import ScriptedCamera, ScriptedVision, frame

LOST = HardwareError("the camera is gone", remedy="look for it")


def watched(script, opening=None, times=(1.0, 2.0, 3.0)):
    return WatchedCamera(ScriptedCamera(script, opening), clock=iter(times).__next__)


def test_a_frames_age_counts_from_the_opening_then_from_the_last_frame():
    camera = watched([frame(0), None])
    assert camera.sight.age(9.0) is None
    camera.open()
    assert camera.sight.age(9.0) == 8.0
    camera.read(0.1)
    assert camera.sight.age(9.0) == 7.0
    camera.read(0.1)
    assert camera.sight.age(9.0) == 7.0
    camera.close()
    assert camera.sight.age(9.0) is None
    assert camera.sight.frame_at == 2.0


def test_the_rate_is_that_of_the_last_time_when_more_than_one_frame_came():
    camera = watched([frame(number) for number in range(6)], times=(1.0, 2.0, 2.1, 2.2, 8.0, 9.0, 10.0))
    camera.open()
    for _ in range(3):
        camera.read(0.1)
    assert camera.sight.frames_per_second is None
    camera.close()
    assert camera.sight.frames_per_second == pytest.approx(10.0)
    # A look at it gives one frame.
    camera.open()
    camera.read(0.1)
    camera.close()
    camera.close()
    assert camera.sight.frames_per_second == pytest.approx(10.0)


def test_trouble_is_remembered_until_a_frame_comes():
    camera = watched([LOST, frame(0)])
    camera.open()
    with pytest.raises(HardwareError):
        camera.read(0.1)
    assert camera.sight.trouble == str(LOST)
    camera.close()
    camera.open()
    assert camera.sight.trouble == str(LOST)
    camera.read(0.1)
    assert camera.sight.trouble is None


def test_of_a_drivers_own_fault_only_the_kind_is_told():
    camera = watched([], opening=ValueError("pixels 1 2 3"))
    with pytest.raises(ValueError, match="pixels"):
        camera.open()
    assert "pixels" not in camera.sight.trouble
    assert "ValueError" in camera.sight.trouble


def probed(script, opening=None, unwanted=lambda: False):
    camera = ScriptedCamera(script, opening)
    runner = SessionRunner(unlit(camera), ScriptedVision(), FrameClock)
    try:
        return runner.probe(1.0, unwanted)
    finally:
        assert camera.closed or unwanted()


def test_a_probe_is_content_with_one_frame():
    assert probed([None, frame(0)])


@pytest.mark.parametrize(("script", "opening"), [([None] * 100, None), ([LOST], None), ([], LOST), ([], None)])
def test_a_probe_without_a_frame_says_so_and_closes_the_camera(script, opening):
    with pytest.raises(HardwareError):
        probed(script, opening)


def test_a_probe_that_is_in_the_way_ends_at_once():
    asked = iter([False, False, True])
    camera = ScriptedCamera([None] * 100)
    runner = SessionRunner(unlit(camera), ScriptedVision(), FrameClock)
    assert runner.probe(1.0, lambda: next(asked)) is False
    assert camera.closed == 1
