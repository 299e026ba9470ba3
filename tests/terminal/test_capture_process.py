from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edge.config.choices import Pace
from edge.contracts.enums import CaptureKind
from edge.errors import HardwareError, InputError
from edge.frames.frame import BayerOrder
from edge.frames.picture import MAX_SIDE
from edge.hardware.ports import EndOfSource
from edge.hardware.replay import PlaylistCamera, ReplayCamera
from edge.terminal.capture import CaptureLimits, ProcessCamera, StallWatch
from tests.hardware import rogue_cameras as rogue
from tests.hardware.contracts.camera import PATIENCE_SECONDS, CameraContract, read_frames
from tests.hardware.recordings import write_folder, write_picture, write_video

LARGEST = (rogue.WIDTH, rogue.HEIGHT)
# Far longer than anything here takes: what stalls is decided by moving the clock.
PATIENT = CaptureLimits(start=600.0, stall=600.0, restarts=2, window=1e6, close=PATIENCE_SECONDS)
# For cameras that hang, which close only when they are killed.
HANGING = replace(PATIENT, close=0.05)


class MovableClock:
    """Real time, and what a test adds to it."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def in_a_process(clock):
    """Makes cameras in capture processes and closes them."""
    made = []

    def make(factory, **options):
        camera = ProcessCamera(factory, **{"largest": LARGEST, "limits": PATIENT, "clock": clock, **options})
        made.append(camera)
        return camera

    yield make
    for camera in made:
        camera.close()


def has_ended(pid):
    """Gone from the process table, so not a zombie either."""
    return not Path(f"/proc/{pid}").exists()


def wait_until_ended(pid_handle):
    poll = select.poll()
    poll.register(pid_handle, select.POLLIN)
    return bool(poll.poll(PATIENCE_SECONDS * 1000))


def outlast(camera, clock, seconds):
    """Reads on until the capture process was replaced or the camera is given up, ``seconds`` later."""
    clock.ahead += seconds
    return camera.read(PATIENCE_SECONDS)


class TestReplayInAProcess(CameraContract):
    finite = True
    skips = True

    @pytest.fixture
    def camera(self, in_a_process, tmp_path):
        video = write_video(tmp_path / "video.avi", 8, fps=50)
        return in_a_process(partial(ReplayCamera, video, pace=Pace.REALTIME), largest=(MAX_SIDE, MAX_SIDE))


def test_a_file_played_in_real_time_stands_in_for_a_camera(in_a_process, tmp_path):
    camera = in_a_process(partial(ReplayCamera, write_folder(tmp_path / "sequence", 8), fps=50, pace=Pace.REALTIME))
    assert camera.traits.capture is CaptureKind.REPLAY
    before = time.monotonic()
    with camera:
        frames = read_frames(camera, 100)
        assert [int(frame.pixels[0, 0, 0]) // 8 for frame in frames] == [frame.sequence for frame in frames]
    assert all(before < frame.captured_at < time.monotonic() for frame in frames)


def test_everything_a_frame_says_comes_through(in_a_process):
    with in_a_process(rogue.GoodCamera) as camera:
        frame = camera.read(PATIENCE_SECONDS)
        assert (frame.pixels == 1 + frame.sequence % 250).all()
        assert frame.exposure.duration == 0.01
        assert frame.light.display == 0.5
        assert frame.light.infrared == 1.0
        assert frame.lux == 120.0
        assert not frame.still


def test_raw_values_come_through_where_there_is_room_for_them(in_a_process):
    with in_a_process(rogue.RawCamera, raw=True) as camera:
        frame = camera.read(PATIENCE_SECONDS)
        assert (frame.raw.values == 100 * (1 + frame.sequence % 600)).all()
        assert (frame.raw.order, frame.raw.black, frame.raw.white) == (BayerOrder.RGGB, 64, 65535)


def test_raw_values_that_nobody_expected_are_an_error_and_not_left_out(in_a_process):
    with in_a_process(rogue.RawCamera) as camera, pytest.raises(HardwareError, match="carries raw values"):
        camera.read(PATIENCE_SECONDS)


def read_one(camera, accept):
    """The first frame that is as it should be, of very many."""
    return next(frame for _ in range(100_000) if accept(frame := camera.read(PATIENCE_SECONDS)))


def test_a_lock_reaches_the_camera_and_so_does_its_end(in_a_process):
    with in_a_process(rogue.HoldingCamera) as camera:
        camera.lock(1 / 100, 3.0)
        read_one(camera, lambda frame: frame.exposure.duration == pytest.approx(0.3))
        camera.unlock()
        read_one(camera, lambda frame: frame.exposure.duration < 0.1)


def test_a_lock_that_the_camera_refuses_leaves_it_running(in_a_process, capfd):
    with in_a_process(partial(rogue.HoldingCamera, refuses=True)) as camera:
        camera.lock(None)
        asked = time.monotonic()
        read_one(camera, lambda frame: frame.captured_at > asked)
    assert "no frame has told of its exposure" in capfd.readouterr().err


def test_a_camera_that_is_given_up_holds_nothing(in_a_process):
    with in_a_process(partial(rogue.FailingCamera, rogue.lose_camera)) as camera:
        with pytest.raises(HardwareError, match="the cable is out"):
            read_frames(camera, 100)
        with pytest.raises(HardwareError, match="is lost"):
            camera.lock(None)
        camera.unlock()


def test_a_still_comes_through_and_then_the_source_ends(in_a_process, tmp_path):
    picture = write_picture(tmp_path / "still.png", np.full((10, 20, 3), 9, np.uint8))
    with in_a_process(partial(ReplayCamera, picture)) as camera:
        frame = camera.read(PATIENCE_SECONDS)
        assert frame.still
        assert frame.pixels.shape == (10, 20, 3)
        with pytest.raises(EndOfSource):
            camera.read(PATIENCE_SECONDS)


def test_a_playlist_of_processes_takes_turns(in_a_process, tmp_path):
    pictures = [write_picture(tmp_path / f"{n}.png", np.full((4, 4, 3), n, np.uint8)) for n in range(2)]
    playlist = PlaylistCamera([in_a_process(partial(ReplayCamera, picture)) for picture in pictures])
    seen = []
    for _ in range(3):
        with playlist:
            seen.append(int(playlist.read(PATIENCE_SECONDS).pixels[0, 0, 0]))
    assert seen == [0, 1, 0]


def test_a_camera_that_ended_and_was_closed_keeps_nothing_of_who_read_it(in_a_process, tmp_path):
    class Seen:
        pass

    def read_to_the_end():
        seen = Seen()
        with suppress(EndOfSource):
            while True:
                camera.read(PATIENCE_SECONDS)
        return weakref.ref(seen)

    camera = in_a_process(partial(ReplayCamera, write_folder(tmp_path, 1)))
    with camera:
        seen = read_to_the_end()
    assert seen() is None


def test_a_slow_reader_gets_the_newest_frame_and_then_the_end(in_a_process, tmp_path):
    with in_a_process(partial(ReplayCamera, write_folder(tmp_path / "sequence", 20))) as camera:
        ended = os.pidfd_open(camera.pid)
        assert wait_until_ended(ended)
        os.close(ended)
        assert camera.read(PATIENCE_SECONDS).sequence == 19
        with pytest.raises(EndOfSource):
            camera.read(PATIENCE_SECONDS)


def test_reading_gives_nothing_when_no_frame_comes_in_time(in_a_process):
    with in_a_process(partial(rogue.FailingCamera, rogue.give_nothing, good=1), limits=HANGING) as camera:
        assert camera.read(PATIENCE_SECONDS).sequence == 0
        assert camera.read(0.0) is None
        assert camera.read(0.01) is None


@pytest.mark.parametrize("fail", [rogue.hang, rogue.give_nothing])
def test_a_camera_that_stalls_is_killed_and_replaced_and_frames_count_on(in_a_process, clock, tmp_path, fail):
    openings = tmp_path / "openings"
    camera = in_a_process(partial(rogue.FailingCamera, fail, openings=openings, bad_openings=1))
    with camera:
        before = read_until(camera, sequence=2)
        hung = camera.pid
        after = outlast(camera, clock, PATIENT.stall)
        assert after.sequence > before.sequence
        assert after.captured_at > before.captured_at
        assert camera.pid != hung
        assert has_ended(hung)
    assert len(openings.read_text().splitlines()) == 2


def read_until(camera, sequence):
    """The last frame before a FailingCamera fails."""
    while (frame := camera.read(PATIENCE_SECONDS)).sequence < sequence:
        pass
    return frame


@pytest.mark.parametrize(("fail", "how"), [(rogue.crash, "SIGSEGV"), (rogue.exit_at_once, "exit code 7")])
def test_a_camera_that_keeps_crashing_is_given_up_naming_how_it_ended(in_a_process, tmp_path, fail, how):
    openings = tmp_path / "openings"
    camera = in_a_process(partial(rogue.FailingCamera, fail, good=0, openings=openings))
    with camera:
        for _ in range(2):
            with pytest.raises(HardwareError, match=f"ended with {how}, after 2 restarts"):
                camera.read(PATIENCE_SECONDS)
        assert camera.pid is None
    assert len(openings.read_text().splitlines()) == 1 + PATIENT.restarts


def test_a_camera_that_keeps_stalling_is_given_up(in_a_process, clock):
    with in_a_process(partial(rogue.FailingCamera, rogue.hang, good=1), limits=HANGING) as camera:
        camera.read(PATIENCE_SECONDS)
        for _ in range(PATIENT.restarts):
            assert outlast(camera, clock, PATIENT.stall).pixels.any()
        with pytest.raises(HardwareError, match="gave no frame for 600 s, after 2 restarts"):
            outlast(camera, clock, PATIENT.stall)


def test_a_camera_that_was_given_up_can_be_opened_again(in_a_process, tmp_path):
    openings = tmp_path / "openings"
    bad = 1 + PATIENT.restarts
    camera = in_a_process(partial(rogue.FailingCamera, rogue.exit_at_once, good=0, openings=openings, bad_openings=bad))
    with camera, pytest.raises(HardwareError):
        camera.read(PATIENCE_SECONDS)
    with camera:
        assert camera.read(PATIENCE_SECONDS).pixels.any()


def test_a_camera_killed_by_somebody_else_is_replaced(in_a_process):
    with in_a_process(rogue.GoodCamera) as camera:
        before = camera.read(PATIENCE_SECONDS)
        killed = camera.pid
        with_handle = os.pidfd_open(killed)
        os.kill(killed, signal.SIGKILL)
        assert wait_until_ended(with_handle)
        os.close(with_handle)
        while camera.pid == killed:
            assert camera.read(PATIENCE_SECONDS).sequence > before.sequence
        assert camera.read(PATIENCE_SECONDS).sequence > before.sequence


def test_an_error_on_opening_is_the_cameras_own(in_a_process):
    camera = in_a_process(partial(rogue.UnopenableCamera, rogue.lose_camera))
    with pytest.raises(HardwareError) as caught:
        camera.open()
    assert (caught.value.what, caught.value.remedy) == ("the cable is out", "put it back")
    assert camera.pid is None
    with pytest.raises(HardwareError, match="not open"):
        camera.read(0.0)


def test_a_denied_permission_is_still_told_as_one(in_a_process):
    camera = in_a_process(partial(rogue.UnopenableCamera, rogue.deny))
    with pytest.raises(HardwareError) as caught:
        camera.open()
    assert isinstance(caught.value.__cause__, PermissionError)


def test_an_unreadable_source_is_an_input_error_here_too(in_a_process, tmp_path):
    camera = in_a_process(partial(ReplayCamera, tmp_path / "absent.mp4"))
    with pytest.raises(InputError, match=r"absent\.mp4 does not exist") as caught:
        camera.open()
    assert not isinstance(caught.value.__cause__, PermissionError)


def test_an_error_while_capturing_is_raised_at_each_read(in_a_process):
    with in_a_process(partial(rogue.FailingCamera, rogue.lose_camera)) as camera:
        with pytest.raises(HardwareError, match="the cable is out"):
            read_frames(camera, 100)
        with pytest.raises(HardwareError, match="the cable is out"):
            camera.read(0.0)


def test_a_fault_of_the_driver_is_a_hardware_error(in_a_process, capfd):
    camera = in_a_process(partial(rogue.UnopenableCamera, rogue.be_buggy))
    with pytest.raises(HardwareError, match="the camera's driver failed: ZeroDivisionError"):
        camera.open()
    assert "be_buggy" in capfd.readouterr().err


def test_a_frame_larger_than_expected_is_refused_naming_both_sizes(in_a_process):
    expected = pytest.raises(HardwareError, match="frames of 64 x 48 pixels, more than the 32 x 24")
    with in_a_process(rogue.GoodCamera, largest=(32, 24)) as camera, expected:
        camera.read(PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("fail", "reason"), [(rogue.crash, "ended with SIGSEGV"), (rogue.exit_at_once, "ended with exit code 7")]
)
def test_a_crash_on_opening_is_told_at_once(in_a_process, fail, reason):
    camera = in_a_process(partial(rogue.UnopenableCamera, fail))
    with pytest.raises(HardwareError, match=reason):
        camera.open()
    assert camera.pid is None


def test_a_camera_that_hangs_on_opening_is_killed(in_a_process):
    # Each look at this clock is a second, so that the limit comes without waiting for it.
    ticks = iter(range(10_000))
    limits = CaptureLimits(start=3.0)
    camera = in_a_process(partial(rogue.UnopenableCamera, rogue.hang), limits=limits, clock=lambda: float(next(ticks)))
    with pytest.raises(HardwareError, match="did not open within 3 s"):
        camera.open()
    assert camera.pid is None


def test_closing_ends_the_process_and_leaves_no_zombie(in_a_process):
    camera = in_a_process(rogue.GoodCamera)
    camera.open()
    pid = camera.pid
    camera.close()
    assert has_ended(pid)


@pytest.mark.parametrize(
    "factory",
    [rogue.UnclosableCamera, partial(rogue.FailingCamera, rogue.hang, good=0)],
    ids=["hangs on closing", "hangs while reading"],
)
def test_closing_kills_a_process_that_hangs(in_a_process, factory):
    camera = in_a_process(factory, limits=HANGING)
    camera.open()
    pid = camera.pid
    camera.close()
    assert has_ended(pid)


def test_a_stop_of_the_whole_service_leaves_closing_to_the_parent(in_a_process):
    with in_a_process(rogue.GoodCamera) as camera:
        pid = camera.pid
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(pid, number)
        asked = time.monotonic()
        while camera.read(PATIENCE_SECONDS).captured_at < asked:
            pass
        assert camera.pid == pid


def test_wiping_blackens_what_was_read_and_capture_goes_on(in_a_process):
    with in_a_process(rogue.GoodCamera) as camera:
        held = camera.read(PATIENCE_SECONDS)
        assert held.pixels.any()
        camera.wipe()
        assert not held.pixels.any()
        assert camera.read(PATIENCE_SECONDS).pixels.any()


def test_closing_blackens_what_was_read(in_a_process):
    with in_a_process(rogue.GoodCamera) as camera:
        held = camera.read(PATIENCE_SECONDS)
        assert held.pixels.any()
    assert not held.pixels.any()


def test_openings_leave_no_file_open_and_no_shared_memory(in_a_process):
    def left():
        return (
            len(list(Path("/proc/self/fd").iterdir())),
            Path("/proc/self/maps").read_text().count("livegate-frames"),
        )

    good = in_a_process(rogue.GoodCamera)
    bad = in_a_process(partial(rogue.UnopenableCamera, rogue.lose_camera))
    before = left()
    for _ in range(3):
        with good:
            assert good.read(PATIENCE_SECONDS) is not None
        with pytest.raises(HardwareError):
            bad.open()
    assert left() == before


def test_the_process_outlives_the_thread_that_started_it(in_a_process):
    camera = in_a_process(rogue.GoodCamera)
    opener = threading.Thread(target=camera.open)
    opener.start()
    opener.join(PATIENCE_SECONDS)
    pid = camera.pid
    asked = time.monotonic()
    while camera.read(PATIENCE_SECONDS).captured_at < asked:
        pass
    assert camera.pid == pid


@pytest.mark.parametrize("camera", ["GoodCamera", "partial(FailingCamera, hang, good=1)"])
def test_the_process_dies_with_its_parent_even_when_it_hangs(camera):
    script = f"""
import sys
from dataclasses import replace
from functools import partial
from edge.terminal.capture import ProcessCamera
from tests.hardware.rogue_cameras import *

camera = ProcessCamera({camera}, largest=(WIDTH, HEIGHT))
camera.open()
camera.read({PATIENCE_SECONDS})
print(camera.pid, flush=True)
sys.stdin.read()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as parent:
        try:
            child = os.pidfd_open(int(parent.stdout.readline()))
        finally:
            parent.kill()
    assert wait_until_ended(child)
    os.close(child)


def test_the_process_keeps_its_memory_out_of_dumps(in_a_process):
    with in_a_process(rogue.GoodCamera) as camera:
        limits = Path(f"/proc/{camera.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_nothing_of_the_driver_reaches_standard_output(in_a_process, capfd):
    with in_a_process(rogue.TalkativeCamera) as camera:
        camera.read(PATIENCE_SECONDS)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "configuring streams" in captured.err


def test_run_by_hand_it_says_so():
    ran = subprocess.run(
        [sys.executable, "-m", "edge.terminal.capture"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr == "the capture process is started by Livegate, not by hand\n"


class TestStallWatch:
    LIMITS = CaptureLimits(start=20.0, stall=3.0, restarts=2, window=60.0)

    def test_a_process_has_its_time_to_open(self):
        watch = StallWatch(self.LIMITS)
        watch.started(100.0)
        assert watch.remaining(119.0) > 0
        assert watch.remaining(120.0) <= 0
        assert watch.complaint == "the camera did not open within 20 s"

    def test_an_open_camera_has_its_time_for_each_frame(self):
        watch = StallWatch(self.LIMITS)
        watch.started(100.0)
        watch.alive(101.0)
        watch.alive(103.5)
        assert watch.remaining(106.0) > 0
        assert watch.remaining(106.5) <= 0
        assert watch.complaint == "the camera gave no frame for 3 s"

    def test_a_replaced_process_has_its_time_to_open_again(self):
        watch = StallWatch(self.LIMITS)
        watch.started(100.0)
        watch.alive(101.0)
        watch.started(200.0)
        assert watch.remaining(210.0) > 0

    def test_restarts_are_counted_within_the_window_only(self):
        watch = StallWatch(self.LIMITS)
        assert watch.may_restart(0.0)
        assert watch.may_restart(50.0)
        assert not watch.may_restart(60.0)
        assert watch.may_restart(61.0)
        assert not watch.may_restart(62.0)
