"""What every Camera must do. A driver's test subclasses CameraContract and gives the ``camera`` fixture."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.errors import HardwareError
from edge.frames.frame import Frame
from edge.hardware.ports import Camera, EndOfSource

PATIENCE_SECONDS = 20.0


def read_frames(camera: Camera, count: int) -> list[Frame]:
    """Up to ``count`` frames; fewer where the source ends."""
    frames: list[Frame] = []
    try:
        while len(frames) < count:
            frame = camera.read(PATIENCE_SECONDS)
            assert frame is not None, f"no frame within {PATIENCE_SECONDS} s"
            frames.append(frame)
    except EndOfSource:
        pass
    return frames


def setting(frame: Frame) -> tuple[float, float, tuple[float, float] | None]:
    """What a camera holds while it is locked."""
    assert frame.exposure is not None
    return frame.exposure.duration, frame.exposure.gain, frame.colour_gains


class CameraContract:
    """finite: the source ends within ``enough`` frames. skips: frames that are not read in time are left out.

    patience: frames after which a lock shows in the metadata.
    """

    finite = False
    skips = False
    enough = 5
    patience = 30

    @pytest.fixture
    def camera(self) -> Camera:
        raise NotImplementedError("a driver's test gives a camera that is not open")

    def test_traits_are_known_before_it_is_opened_and_do_not_change(self, camera):
        before = camera.traits
        with camera:
            assert camera.traits == before
        assert before.name
        assert before.capture in CaptureKind

    def test_frames_come_in_order_of_capture(self, camera):
        with camera:
            frames = read_frames(camera, self.enough)
        assert frames
        sequences = [frame.sequence for frame in frames]
        times = [frame.captured_at for frame in frames]
        assert sequences == sorted(set(sequences))
        assert times == sorted(set(times))
        if not self.skips:
            assert sequences == list(range(len(frames)))

    def test_frames_are_what_the_traits_say(self, camera):
        with camera:
            frames = read_frames(camera, self.enough)
            for frame in frames:
                assert frame.capture is camera.traits.capture
                assert (frame.exposure is not None) == camera.traits.exposure_metadata
                assert frame.pixels.dtype == np.uint8
                assert frame.pixels.shape == (frame.height, frame.width, 3)

    def test_a_frame_does_not_change_when_the_next_ones_are_read(self, camera):
        with camera:
            frames = read_frames(camera, 1)
            before = frames[0].pixels.copy()
            frames += read_frames(camera, self.enough)
            assert np.array_equal(frames[0].pixels, before)

    def test_it_can_be_opened_again_after_it_was_closed(self, camera):
        with camera:
            first = read_frames(camera, 1)
        with camera:
            again = read_frames(camera, 1)
        assert len(first) == len(again) == 1
        if not self.skips:
            assert again[0].sequence == 0

    def test_an_open_camera_is_not_opened_twice(self, camera):
        with camera, pytest.raises(HardwareError, match="already open"):
            camera.open()

    def test_reading_needs_an_open_camera(self, camera):
        with pytest.raises(HardwareError, match="not open"):
            camera.read(0.0)
        with camera:
            pass
        with pytest.raises(HardwareError, match="not open"):
            camera.read(0.0)

    def test_closing_may_be_repeated_and_needs_no_opening(self, camera):
        camera.close()
        camera.open()
        camera.close()
        camera.close()

    def test_a_finite_source_ends_and_stays_at_its_end(self, camera):
        if not self.finite:
            pytest.skip("this camera has no end")
        with camera:
            read_frames(camera, 10_000)
            for _ in range(2):
                with pytest.raises(EndOfSource):
                    camera.read(0.0)

    def test_a_held_exposure_stays_as_it_is(self, camera):
        if not camera.traits.exposure_metadata:
            pytest.skip("this camera does not say how its frames were exposed")
        with camera:
            read_frames(camera, 1)
            camera.lock(None)
            read_frames(camera, self.patience)
            settings = {setting(frame) for frame in read_frames(camera, self.enough)}
        assert len(settings) == 1

    @pytest.mark.parametrize("period", [1 / 100, 1 / 120])
    def test_a_held_exposure_is_a_whole_number_of_flicker_periods_or_shorter_than_one(self, camera, period):
        if not camera.traits.exposure_metadata:
            pytest.skip("this camera does not say how its frames were exposed")
        with camera:
            read_frames(camera, 1)
            camera.lock(period)
            read_frames(camera, self.patience)
            (frame,) = read_frames(camera, 1)
        assert frame.exposure is not None
        periods = frame.exposure.duration / period
        assert periods < 1 or periods == pytest.approx(round(periods), rel=0.01)

    def test_a_camera_that_cannot_hold_its_exposure_says_what_to_do(self, camera):
        if camera.traits.exposure_metadata:
            pytest.skip("this camera can")
        with camera, pytest.raises(HardwareError) as refusal:
            camera.lock(1 / 100)
        assert refusal.value.remedy

    def test_unlocking_may_be_repeated_and_needs_neither_lock_nor_opening(self, camera):
        camera.unlock()
        with camera:
            camera.unlock()
            camera.unlock()
        camera.unlock()

    def test_holding_the_exposure_needs_an_open_camera(self, camera):
        with pytest.raises(HardwareError):
            camera.lock(None)
        with camera:
            pass
        with pytest.raises(HardwareError):
            camera.lock(None)
