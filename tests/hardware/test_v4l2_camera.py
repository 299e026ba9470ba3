"""The driver of USB cameras, over a model of the kernel's interface, and over a real device where one is there."""

from __future__ import annotations

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config.choices import PixelFormat
from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import HardwareError
from edge.frames.frame import ColourOrder
from edge.hardware import device_files, v4l2_kernel
from edge.hardware.v4l2_camera import BUFFERS, V4l2Camera
from tests.hardware import fake_v4l2
from tests.hardware.contracts.camera import CameraContract, read_frames
from tests.hardware.fake_v4l2 import ERROR, METADATA_CAPS, MONOTONIC, Device, Kernel, painted

SIZE = {"width": 64, "height": 48}


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def kernel(device):
    kernel = Kernel(video0=device, video1=Device(caps=METADATA_CAPS))
    yield kernel
    assert device.opened == 0


@pytest.fixture
def opened(kernel):
    """Opens a camera; closed afterwards."""
    cameras = []

    def make(device="/dev/video0", **options):
        camera = V4l2Camera(device, **{**SIZE, "kernel": kernel, **options})
        cameras.append(camera)
        camera.open()
        return camera

    yield make
    for camera in cameras:
        camera.close()


class TestUsbCamera(CameraContract):
    @pytest.fixture
    def camera(self, kernel):
        return V4l2Camera(**SIZE, kernel=kernel)


class TestUsbCameraThatCompresses(CameraContract):
    @pytest.fixture
    def camera(self, kernel):
        return V4l2Camera(width=128, height=96, kernel=kernel)


@pytest.mark.needs_device("/dev/video*", "V4L2 camera")
class TestRealCamera(CameraContract):
    skips = True

    @pytest.fixture
    def camera(self):
        return V4l2Camera(width=640, height=480)


def test_the_calls_are_numbered_as_the_kernel_does():
    calls = fake_v4l2.Kernel.CALLS
    names = [name for name, number in vars(fake_v4l2).items() if isinstance(number, int) and number in calls]
    assert {getattr(v4l2_kernel, name) for name in names} == set(calls)


def test_making_one_touches_no_device():
    camera = V4l2Camera("no such", spectrum=Spectrum.NOIR, focal=0.9, mains_hz=60, kernel=None)
    traits = camera.traits
    assert (traits.capture, traits.spectrum, traits.focal) == (CaptureKind.LIVE, Spectrum.NOIR, 0.9)
    assert not traits.exposure_metadata
    assert traits.sensitivity is None


def test_a_frame_carries_the_kernels_time_and_neither_exposure_nor_raw_values(opened, device):
    device.stamps = {0: 1000.02, 1: 1000.06}
    first, second = read_frames(opened(), 2)
    assert (first.captured_at, second.captured_at) == pytest.approx((1000.02, 1000.06))
    assert (first.exposure, first.raw, first.lux, first.tone) == (None, None, None, None)


@pytest.mark.parametrize(("stamp", "flags"), [(1000.0, 0), (1.7e9, MONOTONIC), (0.0, MONOTONIC), (1000.0, 0x4000)])
def test_a_stamp_of_another_clock_is_not_believed(opened, device, kernel, stamp, flags):
    device.stamps, device.flags = {0: stamp}, {0: flags}
    assert opened().read(1.0).captured_at == pytest.approx(kernel.now())


def test_frames_without_a_free_buffer_are_left_out_of_the_count(opened, kernel, device):
    camera = opened()
    read_frames(camera, 1)
    for _ in range(BUFFERS + 3):
        kernel.time += device.period
        kernel.expose(device)
    sequences = [frame.sequence for frame in read_frames(camera, BUFFERS + 2)]
    assert sequences[:BUFFERS] == [1, 2, 3, 4]
    assert sequences[BUFFERS:] == [8, 9]


def test_a_driver_that_numbers_every_frame_alike_is_counted_for(opened, device):
    device.sequences = lambda _: 0
    assert [frame.sequence for frame in read_frames(opened(), 3)] == [0, 1, 2]


def test_stale_frames_are_passed_over(opened, device):
    device.stamps = {1: 1000.0}
    frames = read_frames(opened(), 3)
    assert [frame.sequence for frame in frames] == [0, 2, 3]


def cut(number, layout, width, height):
    whole = painted(number, layout, width, height)
    return whole[: len(whole) // 2] if number == 1 else whole


def of_another_size(number, layout, width, height):
    return painted(number, layout, width + 16 * (number == 1), height)


def no_picture(number, layout, width, height):
    return b"\xff\xd8\xff\xe0\x00" if number == 1 else painted(number, layout, width, height)


@pytest.mark.parametrize("paint", [cut, of_another_size, no_picture])
def test_a_damaged_picture_is_left_out(opened, device, paint):
    device.paint = paint
    frames = read_frames(opened(width=128, height=96), 3)
    assert [frame.sequence for frame in frames] == [0, 2, 3]


def test_a_picture_cut_short_without_compression_is_left_out(opened, device):
    device.paint = cut
    assert [frame.sequence for frame in read_frames(opened(), 3)] == [0, 2, 3]


def test_a_frame_that_the_driver_calls_damaged_is_left_out(opened, device):
    device.flags = {1: MONOTONIC | ERROR}
    assert [frame.sequence for frame in read_frames(opened(), 3)] == [0, 2, 3]


def test_nothing_but_damage_is_no_frame_in_time(opened, device, kernel):
    device.paint = lambda *_: b"\xff\xd8"
    before = kernel.now()
    assert opened(width=128, height=96).read(0.5) is None
    assert kernel.now() - before == pytest.approx(0.5, abs=device.period)


def test_without_a_frame_in_time_there_is_none_and_it_does_not_wait_longer(opened, device, kernel):
    device.frames = 1
    camera = opened()
    assert camera.read(0.2) is not None
    before = kernel.now()
    assert camera.read(0.2) is None
    assert kernel.now() - before == pytest.approx(0.2)
    assert camera.read(0.0) is None
    device.frames = 2
    assert camera.read(0.2).sequence == 1


def test_no_buffer_is_kept_when_frames_are_damaged(opened, device):
    device.paint = lambda *_: b""
    camera = opened(width=128, height=96)
    camera.read(1.0)
    assert len(device.queued) + len(device.done) == BUFFERS
    assert device.taken > 3 * BUFFERS


def test_closing_overwrites_what_the_kernels_buffers_hold(opened, device):
    camera = opened()
    read_frames(camera, BUFFERS + 1)
    assert not any(buffer.dark for buffer in device.buffers)
    camera.close()
    assert all(buffer.dark for buffer in device.buffers)


def test_what_a_lost_camera_left_is_overwritten_too(opened, device):
    camera = opened()
    read_frames(camera, BUFFERS + 1)
    device.stays = False
    with pytest.raises(HardwareError, match="/dev/video0 is lost: No such device") as loss:
        camera.read(1.0)
    assert "cable" in loss.value.remedy
    camera.close()
    assert all(buffer.dark for buffer in device.buffers)


@pytest.mark.parametrize("form", [form for form in PixelFormat if form not in (PixelFormat.JPEG, PixelFormat.MJPG)])
@pytest.mark.parametrize("stride", [None, 256])
def test_layouts_are_read_with_and_without_padding(opened, device, form, stride):
    device.formats = {form: {(64, 48): [30.0]}}
    device.stride = stride

    def wide(number, layout, width, height):
        used, size = device.size(layout, width, height)
        rows = np.frombuffer(painted(number, layout, width, height), np.uint8)
        if layout == "YU12" and stride:
            memory = np.full((height * 3 // 2, used), 255, np.uint8)
            memory[:height, :width] = 20
            memory[height:].reshape(height, used // 2)[:, : width // 2] = 128
            return memory.tobytes()
        rows = rows.reshape(size // used, -1)
        return np.pad(rows, ((0, 0), (0, used - rows.shape[1])), constant_values=255).tobytes()

    device.paint = wide
    frame = opened().read(1.0)
    assert frame.pixels.shape == (48, 64, 3)
    # Of 20 in the range from 16 to 235, or of 20, 21, 22.
    expected = [20, 21, 22] if form.endswith("3") else [5, 5, 5]
    assert np.abs(frame.pixels.astype(int) - expected).max() <= 1
    assert frame.colour is (ColourOrder.RGB if form is PixelFormat.RGB3 else ColourOrder.BGR)


@pytest.mark.parametrize("form", [PixelFormat.YUYV, PixelFormat.UYVY])
@pytest.mark.parametrize(
    ("colours", "red"),
    # Of Y 100, U 128, V 200: red is Y + 1.402 * 72 by BT.601 and 1.5748 by BT.709; limited, all is stretched.
    [((7, 0, 0), 201), ((8, 1, 1), 201), ((3, 0, 1), 213), ((8, 2, 1), 213), ((8, 0, 0), 213), ((0, 0, 0), 213)],
)
def test_the_colours_that_the_driver_tells_are_followed(opened, device, form, colours, red):
    device.formats, device.colours = {form: {(64, 48): [30.0]}}, colours
    four = [100, 128, 100, 200] if form is PixelFormat.YUYV else [128, 100, 200, 100]
    device.paint = lambda *_: bytes(four * (32 * 48))
    blue, green, seen = opened().read(1.0).pixels[5, 5].tolist()
    assert seen == pytest.approx(red, abs=1)
    assert blue < seen
    assert green < blue + 1


def test_a_compressed_picture_is_read_as_it_is(opened, device):
    picture = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8), (0, 0), 5)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    # Some cameras fill up with zeros.
    device.paint = lambda *_: jpeg + bytes(64)
    frame = opened(width=128, height=96).read(1.0)
    assert np.abs(frame.pixels.astype(int) - picture).mean() < 2


def test_what_is_not_compressed_is_taken_where_it_is_fast_enough(opened, device):
    device.formats = {"MJPG": {(64, 48): [30.0]}, "YUYV": {(64, 48): [10.0, 30.0]}}
    opened()
    assert device.form == ("YUYV", 64, 48)


@pytest.mark.parametrize(
    ("rates", "taken"), [(([10.0], [30.0]), "MJPG"), (([10.0], [5.0]), "YUYV"), (([], []), "YUYV")]
)
def test_else_the_first_that_is_fast_enough_and_else_the_fastest(opened, device, rates, taken):
    device.formats = {"YUYV": {(64, 48): rates[0]}, "MJPG": {(64, 48): rates[1]}}
    opened()
    assert device.form[0] == taken


def test_the_pixel_format_that_is_named_is_taken(opened, device):
    opened(pixel_format=PixelFormat.MJPG)
    assert device.form[0] == "MJPG"


def test_the_frame_rate_and_the_mains_are_told(opened, device):
    opened(fps=15.0, mains_hz=60)
    assert device.rate == pytest.approx(15.0)
    assert device.controls == {v4l2_kernel.POWER_LINE_FREQUENCY: 2}


def test_a_camera_that_cannot_be_told_of_mains_or_rate_gives_frames_all_the_same(opened, device):
    device.refuse = {fake_v4l2.S_CTRL: errno.EINVAL, fake_v4l2.S_PARM: errno.ENOTTY}
    assert opened(mains_hz=50).read(1.0) is not None


def test_a_size_that_is_not_offered_is_told_with_those_that_are(opened):
    with pytest.raises(HardwareError, match="no pictures of 640x480") as refusal:
        opened(width=640, height=480)
    assert "YUYV 64x48; MJPG 64x48, 128x96" in refusal.value.what
    assert "camera.width" in refusal.value.remedy


@pytest.mark.parametrize(("size", "fits"), [((64, 48), True), ((66, 48), False), ((96, 64), True), ((320, 48), False)])
def test_sizes_may_be_a_span(opened, device, size, fits):
    device.formats, device.span = {"YUYV": {}}, (32, 256, 32, 16, 128, 16)
    if fits:
        assert opened(width=size[0], height=size[1]).read(1.0).width == size[0]
    else:
        with pytest.raises(HardwareError, match="YUYV 32x16 to 256x128"):
            opened(width=size[0], height=size[1])


def test_a_driver_that_lists_no_sizes_is_asked_by_setting_one(opened, device):
    device.lists_sizes = False
    camera = opened(width=96, height=64)
    assert camera.read(1.0).width == 96
    camera.close()
    device.adjust = (64, 48, "YUYV")
    with pytest.raises(HardwareError, match="gives YUYV of 64x48 where YUYV of 96x64 was asked for"):
        opened(width=96, height=64)


def test_a_pixel_format_that_is_not_offered_is_told_with_those_that_are(opened, device):
    with pytest.raises(HardwareError, match="no pictures as NV12; it gives YUYV, MJPG"):
        opened(pixel_format=PixelFormat.NV12)
    device.formats = {"H264": {(64, 48): [30.0]}}
    with pytest.raises(HardwareError, match="it gives H264"):
        opened()


def test_a_camera_is_found_by_its_name_and_by_a_link(opened, kernel, device):
    kernel.devices["/dev/video4"] = Device("Another")
    kernel.links["/dev/v4l/by-id/usb-model-video-index0"] = "/dev/video0"
    for name in ("Model Camera", "/dev/v4l/by-id/usb-model-video-index0"):
        camera = opened(name)
        assert device.streaming
        camera.close()


def test_without_a_name_the_only_usb_camera_is_taken(opened, kernel, device):
    kernel.devices["/dev/video4"] = Device("bcm2835-isp", "platform:bcm2835-isp")
    opened(None)
    assert device.streaming
    kernel.devices["/dev/video6"] = Device("Another")
    with pytest.raises(HardwareError, match="more than one camera: /dev/video0") as refusal:
        opened(None)
    assert "/dev/video6 (Another)" in refusal.value.what
    assert "by-id" in refusal.value.remedy


def test_two_cameras_of_a_name_are_told_apart_by_path_alone(opened, kernel):
    kernel.devices["/dev/video4"] = Device()
    with pytest.raises(HardwareError, match="more than one camera 'Model Camera'"):
        opened("Model Camera")


def test_a_file_for_metadata_is_no_camera(opened):
    with pytest.raises(HardwareError, match="gives no pictures") as refusal:
        opened("/dev/video1")
    assert "/dev/video0 (Model Camera)" in refusal.value.remedy


def test_a_missing_camera_is_told_with_those_that_are_there(opened, kernel):
    with pytest.raises(HardwareError, match="no camera 'Other'; there: /dev/video0") as refusal:
        opened("Other")
    assert refusal.value.__cause__ is None
    with pytest.raises(HardwareError, match="camera /dev/video9 is not there: No such file"):
        opened("/dev/video9")
    kernel.devices.clear()
    with pytest.raises(HardwareError, match="no camera; there: none"):
        opened(None)


@pytest.mark.parametrize("name", ["/dev/video0", "Model Camera", None])
def test_a_denied_camera_is_a_permission_error(opened, device, name):
    device.on_open = errno.EACCES
    with pytest.raises(HardwareError, match="may not be used by this user") as refusal:
        opened(name)
    assert isinstance(refusal.value.__cause__, PermissionError)
    assert "group video" in refusal.value.remedy


@pytest.mark.parametrize("call", [fake_v4l2.S_FMT, fake_v4l2.REQBUFS, fake_v4l2.STREAMON])
def test_a_busy_camera_is_told_with_who_has_it(opened, device, monkeypatch, call):
    device.refuse = {call: errno.EBUSY}
    monkeypatch.setattr(device_files, "holders", lambda paths: ["motion (812)"] if paths == ("/dev/video0",) else [])
    with pytest.raises(HardwareError, match=r"in use by motion \(812\)") as refusal:
        opened()
    assert refusal.value.remedy == "end the other program"
    assert not isinstance(refusal.value.__cause__, PermissionError)
    assert device.opened == 0


def test_a_second_camera_on_the_same_device_is_refused(opened):
    opened()
    with pytest.raises(HardwareError, match="in use"):
        opened()


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOTTY, "is no camera"), (errno.ENODEV, "is not there"), (errno.EIO, "dmesg")]
)
def test_other_refusals_are_told_in_words(opened, device, number, words):
    device.refuse = {fake_v4l2.QUERYCAP: number}
    with pytest.raises(HardwareError) as refusal:
        opened()
    assert words in str(refusal.value)


def test_a_file_that_is_no_device_is_no_camera(tmp_path):
    (tmp_path / "video0").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(HardwareError, match="is no camera: Inappropriate ioctl"):
        V4l2Camera(str(tmp_path / "video0")).open()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
