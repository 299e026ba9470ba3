"""The driver of camera modules, over a stand-in for Picamera2; the real one is scripts/check-picamera2."""

from __future__ import annotations

import os
import sys
from functools import partial

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import HardwareError
from edge.frames.frame import BayerOrder, ColourOrder
from edge.hardware import device_files, picamera2_camera
from edge.hardware.picamera2_camera import Picamera2Camera
from tests.hardware.contracts.camera import CameraContract, read_frames
from tests.hardware.fake_picamera2 import World, colour_space

SIZE = {"width": 64, "height": 48}


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setattr(picamera2_camera, "DEVICES", ("/dev/no-such-camera*",))
    world = World()
    world.install(monkeypatch)
    return world


@pytest.fixture
def opened(world):
    """Opens a camera; closed afterwards."""
    cameras = []

    def make(**options):
        camera = Picamera2Camera(**{**SIZE, **options})
        cameras.append(camera)
        camera.open()
        return camera

    yield make
    for camera in cameras:
        camera.close()
    assert world.out == 0


class TestCameraModule(CameraContract):
    @pytest.fixture
    def camera(self, world):
        yield Picamera2Camera(**SIZE)
        assert world.out == 0


class TestCameraModuleWithRawValues(CameraContract):
    @pytest.fixture
    def camera(self, world):
        return Picamera2Camera(**SIZE, raw=True)


class TestCameraWithoutExposureMetadata(CameraContract):
    @pytest.fixture
    def camera(self, world):
        world.controls = {}
        world.without = {"ExposureTime", "AnalogueGain", "DigitalGain", "ColourGains", "FrameDuration", "Lux"}
        return Picamera2Camera(**SIZE, exposure_metadata=False)


def test_making_one_imports_no_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    camera = Picamera2Camera(3, spectrum=Spectrum.NOIR, focal=0.9, mains_hz=60.0)
    assert (camera.traits.capture, camera.traits.spectrum) == (CaptureKind.LIVE, Spectrum.NOIR)
    assert (camera.traits.focal, camera.traits.mains_hz) == (0.9, 60.0)
    with pytest.raises(HardwareError, match="Picamera2 cannot be loaded") as refusal:
        camera.open()
    assert "system-site-packages" in refusal.value.remedy


def test_it_is_configured_once_with_few_buffers(opened, world):
    camera = opened(fps=25.0)
    read_frames(camera, 3)
    (asked,) = world.configured
    assert asked["buffer_count"] <= 4
    assert asked["main"] == {"size": (64, 48), "format": "RGB888"}
    assert asked["raw"] is None
    assert asked["controls"]["FrameDurationLimits"] == (40_000, 40_000)


@pytest.mark.parametrize(("mains", "period"), [(50.0, 10_000), (60.0, 8333)])
def test_automatic_exposure_is_told_of_the_mains(opened, world, mains, period):
    opened(mains_hz=mains)
    assert (world.configured[0]["controls"]["AeFlickerMode"], world.configured[0]["controls"]["AeFlickerPeriod"]) == (
        1,
        period,
    )


def test_a_camera_without_flicker_control_is_not_told_of_the_mains(opened, world):
    del world.controls["AeFlickerMode"]
    opened(mains_hz=50.0)
    assert "AeFlickerPeriod" not in world.configured[0]["controls"]


def test_a_frame_tells_what_the_metadata_tell(opened, world):
    frame = opened(line_time=20e-6).read(1.0)
    assert frame.colour is ColourOrder.BGR
    assert frame.exposure.duration == pytest.approx(0.012)
    assert frame.exposure.gain == pytest.approx(2.0)
    # The stamp is the end of the first row's exposure; the last of 48 rows ends 48 line times later.
    assert frame.exposure.start + frame.exposure.duration == pytest.approx(1000.0)
    assert frame.captured_at == pytest.approx(1000.0 + 48 * 20e-6)
    assert (frame.lux, frame.colour_gains) == (120.0, (2.5, 1.5))
    assert frame.tone is None


def test_an_unknown_line_time_is_at_most_what_the_shortest_frame_leaves(opened):
    assert opened().read(1.0).exposure.line_time == pytest.approx(0.010 / 48)


@pytest.mark.parametrize("key", ["ExposureTime", "AnalogueGain", "DigitalGain", "SensorTimestamp"])
def test_a_frame_whose_metadata_lack_a_key_has_no_exposure(opened, world, key):
    world.without = {key}
    assert opened().read(1.0).exposure is None


def test_requests_are_released_when_reading_them_fails(opened, world):
    camera = opened()
    world.on_array = RuntimeError("failed to find buffer")
    for _ in range(10):
        with pytest.raises(HardwareError, match="is lost: failed to find buffer"):
            camera.read(1.0)
    assert world.out == 0
    assert world.taken == 10


def test_stale_frames_are_passed_over(opened, world):
    step = 33_333_000
    world.stamps = [10**12 + number * step for number in (0, 0, 1, 1, 0, 2, *range(3, 9))]
    frames = read_frames(opened(), 3)
    times = [frame.captured_at for frame in frames]
    assert np.diff(times) == pytest.approx([step * 1e-9] * 2)
    assert [frame.sequence for frame in frames] == [0, 1, 2]


def test_frames_that_never_came_are_left_out_of_the_count(opened, world):
    world.stamps = [10**12 + number * 33_333_000 for number in (0, 1, 4, 5)]
    assert [frame.sequence for frame in read_frames(opened(), 4)] == [0, 1, 4, 5]


def test_without_a_frame_in_time_there_is_none_and_the_wait_goes_on(opened, world):
    world.frames = 1
    camera = opened()
    assert camera.read(0.0) is not None
    assert camera.read(0.0) is None
    assert camera.read(0.0) is None
    world.frames = 2
    assert camera.read(0.0).sequence == 1


def held(camera, world, period=None, longer=1.0):
    read_frames(camera, 1)
    camera.lock(period, longer)
    return world.set[-1]


def test_a_lock_holds_what_was_found(opened, world):
    assert held(opened(), world) == {
        "AeEnable": False,
        "ExposureTime": 12_000,
        "AnalogueGain": 2.0,
        "AwbEnable": False,
        "ColourGains": (2.5, 1.5),
    }


@pytest.mark.parametrize(
    ("found", "period", "longer", "exposure", "gain"),
    [
        # 12 ms are one ripple of 10 ms, and gain makes up for the rest.
        (12_000, 1 / 100, 1.0, 10_000, 2.4),
        (12_000, 1 / 120, 1.0, 8333, 2.88),
        # Twice as long is 24 ms, of which 20 are whole ripples.
        (12_000, 1 / 100, 2.0, 20_000, 2.4),
        # At 30 frames a second there are no 36 ms, but 32.3: three ripples.
        (12_000, 1 / 100, 3.0, 30_000, 2 * 32.333 / 30),
        (12_000, None, 2.0, 24_000, 2.0),
        # Half a ripple and more is a whole one, less stays.
        (6_000, 1 / 100, 1.0, 10_000, 1.2),
        (4_000, 1 / 100, 1.0, 4_000, 2.0),
    ],
)
def test_a_held_exposure_is_whole_ripples_within_the_frame(opened, world, found, period, longer, exposure, gain):
    world.found = (found, 2.0, (2.5, 1.5))
    controls = held(opened(), world, period, longer)
    assert controls["ExposureTime"] == pytest.approx(exposure, abs=1)
    assert controls["AnalogueGain"] == pytest.approx(gain, rel=1e-3)


def test_the_gain_stays_within_what_the_camera_can_give(opened, world):
    world.controls["AnalogueGain"] = (1.0, 2.1, 1.0)
    assert held(opened(), world, 1 / 100)["AnalogueGain"] == 2.1


def test_without_colour_gains_white_balance_stays_as_it_is(opened, world):
    world.without = {"ColourGains"}
    assert "AwbEnable" not in held(opened(), world)


def test_a_lock_of_a_locked_camera_starts_from_what_it_found_by_itself(opened, world):
    camera = opened()
    held(camera, world, None, 2.0)
    read_frames(camera, 20)
    camera.lock(None, 2.0)
    assert world.set[-1]["ExposureTime"] == 24_000


def test_what_was_held_is_not_taken_for_found_just_after_unlocking(opened, world):
    camera = opened()
    held(camera, world, None, 2.0)
    read_frames(camera, 20)
    camera.unlock()
    read_frames(camera, 2)
    camera.lock(None)
    assert world.set[-1]["ExposureTime"] == 12_000


def test_unlocking_makes_everything_automatic(opened, world):
    camera = opened()
    held(camera, world)
    camera.unlock()
    assert world.set[-1] == {"AeEnable": True, "AwbEnable": True, "ExposureTime": 0, "AnalogueGain": 0.0}


def test_nothing_is_held_before_a_frame_has_told_of_its_exposure(opened):
    with pytest.raises(HardwareError, match="has not told yet how it exposes"):
        opened().lock(None)


def test_a_camera_that_cannot_be_told_how_to_expose_must_be_configured_so(world):
    del world.controls["ExposureTime"]
    with pytest.raises(HardwareError, match="cannot be told how long to expose") as refusal:
        Picamera2Camera(**SIZE).open()
    assert "exposure_metadata to false" in refusal.value.remedy
    assert world.closed == 1


# Of BT.601: limited black, white, and pure blue and red as they round.
COLOURS = [
    ((16, 128, 128), (0, 0, 0)),
    ((235, 128, 128), (255, 255, 255)),
    ((41, 240, 110), (255, 0, 0)),
    ((82, 90, 240), (0, 0, 255)),
]


def planes(form, luma, first, second, stride):
    """64 x 48 of one colour; what lies behind the rows is 255."""
    memory = np.full((72, stride), 255, np.uint8)
    memory[:48, :64] = luma
    if form in ("NV21", "YVU420"):
        first, second = second, first
    if form.startswith("NV"):
        memory[48:, 0:64:2], memory[48:, 1:64:2] = first, second
    else:
        halves = memory[48:].reshape(48, stride // 2)
        halves[:24, :32], halves[24:, :32] = first, second
    return memory


@pytest.mark.parametrize("form", ["NV12", "NV21", "YUV420", "YVU420"])
@pytest.mark.parametrize(("yuv", "bgr"), COLOURS)
@pytest.mark.parametrize("stride", [64, 96])
def test_a_camera_that_gives_yuv_instead_is_converted(opened, world, form, yuv, bgr, stride):
    world.adjusted = {"main": {"size": (64, 48), "format": form, "stride": stride}}
    world.paint = lambda *_: planes(form, *yuv, stride)
    frame = opened().read(1.0)
    assert frame.pixels.shape == (48, 64, 3)
    assert np.abs(frame.pixels.astype(int) - bgr).max() <= 2
    assert frame.colour is ColourOrder.BGR


@pytest.mark.parametrize(
    ("space", "bgr"),
    # Of Y 100, U 128, V 200: red is Y + 1.402 * 72 (full BT.601), green Y - 0.714 * 72; BT.709 has 1.5748 and 0.468.
    [(colour_space("Rec601", "Full"), (100, 49, 201)), (colour_space("Rec709", "Full"), (100, 66, 213))],
)
def test_the_colour_space_that_the_camera_tells_is_followed(opened, world, space, bgr):
    world.space = space
    world.adjusted = {"main": {"size": (64, 48), "format": "NV12", "stride": 64}}
    world.paint = lambda *_: planes("NV12", 100, 128, 200, 64)
    assert np.abs(opened().read(1.0).pixels[0, 0].astype(int) - bgr).max() <= 1


@pytest.mark.parametrize(("form", "order"), [("XRGB8888", ColourOrder.BGR), ("XBGR8888", ColourOrder.RGB)])
def test_a_fourth_channel_is_left_out(opened, world, form, order):
    world.adjusted = {"main": {"size": (64, 48), "format": form}}
    world.paint = lambda *_: np.full((48, 64, 4), (1, 2, 3, 255), np.uint8)
    frame = opened().read(1.0)
    assert frame.colour is order
    assert frame.pixels[0, 0].tolist() == [1, 2, 3]


def test_an_unknown_format_is_named_and_the_camera_let_go(world):
    world.adjusted = {"main": {"size": (64, 48), "format": "YUYV"}}
    with pytest.raises(HardwareError, match="format YUYV"):
        Picamera2Camera(**SIZE).open()
    assert world.closed == 1


def test_raw_values_come_with_their_order_and_black_level(opened, world):
    frame = opened(raw=True).read(1.0)
    assert world.configured[0]["raw"] == {"format": "SBGGR10", "size": (64, 48)}
    assert frame.raw.order is BayerOrder.BGGR
    # libcamera tells 4096 of 65536, which is 64 of 1024.
    assert (frame.raw.black, frame.raw.white) == (64, 1023)
    assert (frame.raw.values == 64).all()


def test_raw_values_of_sixteen_bits_end_where_the_sensor_does(opened, world):
    world.sensor_format = "GBRG_PISP_COMP1"
    frame = opened(raw=True).read(1.0)
    assert world.configured[0]["raw"]["format"] == "SGBRG16"
    assert (frame.raw.order, frame.raw.black, frame.raw.white) == (BayerOrder.GBRG, 4096, 1023 << 6)


def test_without_a_black_level_there_are_no_raw_values(opened, world):
    world.without = {"SensorBlackLevels"}
    assert opened(raw=True).read(1.0).raw is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "gives no raw values"),
        ({"size": (128, 96), "format": "SBGGR10"}, "128 x 96 raw values, and pictures of 64 x 48"),
        ({"size": (64, 48), "format": "SBGGR10_CSI2P"}, "SBGGR10_CSI2P, which is not known"),
    ],
)
def test_raw_values_that_do_not_fit_the_picture_are_refused(world, raw, words):
    world.adjusted = {"raw": raw}
    with pytest.raises(HardwareError, match=words):
        Picamera2Camera(**SIZE, raw=True).open()


def test_a_sensor_without_colours_has_no_raw_values(world):
    world.sensor_format = "R10"
    with pytest.raises(HardwareError, match="its sensor gives R10"):
        Picamera2Camera(**SIZE, raw=True).open()


def failing(error, behind=None):
    error.__cause__ = behind
    return error


BUSY = partial(failing, RuntimeError("Camera __init__ sequence did not complete."))


def test_a_busy_camera_is_told_with_who_has_it(world, monkeypatch):
    world.on_open = BUSY(RuntimeError("Failed to acquire camera: Device or resource busy"))
    monkeypatch.setattr(device_files, "holders", lambda _: ["rpicam-vid (812)"])
    with pytest.raises(HardwareError, match=r"in use by rpicam-vid \(812\)") as refusal:
        Picamera2Camera(**SIZE).open()
    assert not isinstance(refusal.value.__cause__, PermissionError)
    assert refusal.value.remedy == "end the other program"


def test_a_refused_device_is_a_permission_error(world, monkeypatch):
    world.on_open = IndexError("list index out of range")
    monkeypatch.setattr(device_files, "refused", lambda _: ["/dev/media0"])
    with pytest.raises(HardwareError, match="may not be used by this user") as refusal:
        Picamera2Camera(**SIZE).open()
    assert isinstance(refusal.value.__cause__, PermissionError)
    assert "group video" in refusal.value.remedy


def test_no_camera_is_told_with_what_lists_them(world):
    world.on_open = RuntimeError("No camera number 0 found")
    with pytest.raises(HardwareError, match="No camera number 0 found") as refusal:
        Picamera2Camera(**SIZE).open()
    assert "--list-cameras" in refusal.value.remedy
    assert not isinstance(refusal.value.__cause__, PermissionError)


def test_closing_raises_nothing_where_picamera2_does(opened, world):
    world.on_close = RuntimeError("Could not open any dmaHeap device")
    camera = opened()
    camera.read(1.0)
    camera.close()
    assert world.closed == 1


def test_the_files_of_other_processes_are_found(tmp_path):
    device = tmp_path / "video0"
    device.touch()
    for number, (name, target) in {
        1: ("init", "/dev/null"),
        42: ("motion", device),
        os.getpid(): ("me", device),
    }.items():
        folder = tmp_path / "proc" / str(number) / "fd"
        folder.mkdir(parents=True)
        (folder.parent / "comm").write_text(f"{name}\n")
        (folder / "3").symlink_to(target)
    assert device_files.holders([str(tmp_path / "video*")], tmp_path / "proc") == ["motion (42)"]


def test_a_file_that_may_not_be_used_is_found(tmp_path, monkeypatch):
    for name in ("video0", "video1"):
        (tmp_path / name).touch()
    monkeypatch.setattr(os, "access", lambda path, _: not str(path).endswith("1"))
    assert device_files.refused([str(tmp_path / "video*")]) == [str(tmp_path / "video1")]
