"""A camera module, and a USB camera, as a site's file names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.config.loader import load_bytes
from edge.config.problems import ConfigProblems
from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import HardwareError
from edge.hardware.picamera2_camera import Picamera2Camera
from edge.hardware.v4l2_camera import V4l2Camera
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.session.clock import RealClock
from edge.terminal.assembly import capture_kind, open_hardware
from edge.terminal.capture import ProcessCamera


def settings_of(driver="picamera2", **camera):
    return load_bytes(json.dumps({"camera": {"driver": driver} | camera}).encode(), Path("/site.yaml")).settings


@pytest.fixture(scope="module")
def networks():
    return ModelBundle.load(default_models_dir(), verify=False)


def test_it_runs_live_in_a_capture_process_and_in_real_time(networks):
    settings = settings_of(spectrum="noir", focal=0.77, mains_hz=50.0, exposure_metadata=False)
    assert capture_kind(settings.camera) is CaptureKind.LIVE
    devices, make_clock = open_hardware(settings, networks)
    assert isinstance(devices.camera, ProcessCamera)
    assert isinstance(make_clock(), RealClock)
    traits = devices.camera.traits
    assert (traits.capture, traits.spectrum) == (CaptureKind.LIVE, Spectrum.NOIR)
    assert (traits.focal, traits.mains_hz, traits.exposure_metadata) == (0.77, 50.0, False)


def test_every_key_reaches_the_driver(networks, monkeypatch):
    given = {}

    def made(number, **options):
        given.update(options, number=number)
        return Picamera2Camera(number, **options)

    monkeypatch.setattr("edge.terminal.assembly.Picamera2Camera", made)
    settings = settings_of(
        number=1, width=640, height=480, frame_rate=25.0, raw=True, line_time_us=19, own_process=False
    )
    camera = open_hardware(settings, networks)[0].camera
    assert isinstance(camera, Picamera2Camera)
    assert given.pop("line_time") == pytest.approx(19e-6)
    assert given == {
        "number": 1,
        "width": 640,
        "height": 480,
        "fps": 25.0,
        "raw": True,
        "exposure_metadata": True,
        "spectrum": Spectrum.IR_CUT,
        "focal": None,
        "mains_hz": None,
    }


def test_a_usb_camera_runs_live_in_a_capture_process_too(networks):
    settings = settings_of("v4l2", device="/dev/v4l/by-id/usb-x-video-index0")
    assert capture_kind(settings.camera) is CaptureKind.LIVE
    devices, make_clock = open_hardware(settings, networks)
    assert isinstance(devices.camera, ProcessCamera)
    assert isinstance(make_clock(), RealClock)
    assert (devices.camera.traits.name, devices.camera.traits.exposure_metadata) == ("v4l2", False)
    with pytest.raises(HardwareError, match="usb-x-video-index0 is not there"):
        devices.camera.open()


@pytest.mark.parametrize("driver", ["picamera2", "v4l2"])
def test_a_live_camera_without_a_backlight_warns_and_recommends_what_to_ask_for(networks, driver):
    with capture_logs() as logs:
        open_hardware(settings_of(driver), networks)
    (warning,) = logs
    assert warning["log_level"] == "warning"
    assert "PassiveActive" in warning["remedy"]


def test_a_recording_is_not_warned_of(networks, tmp_path):
    with capture_logs() as logs:
        open_hardware(settings_of("replay", sources=["a.png"]), networks)
    assert logs == []


def test_every_key_of_a_usb_camera_reaches_the_driver(networks, monkeypatch):
    given = {}

    def made(device, **options):
        given.update(options, device=device)
        return V4l2Camera(device, **options)

    monkeypatch.setattr("edge.terminal.assembly.V4l2Camera", made)
    camera = {
        "device": "HD Pro Webcam C920",
        "width": 640,
        "height": 480,
        "pixel_format": "MJPG",
        "spectrum": "noir",
        "focal": 0.77,
        "mains_hz": 60,
    }
    open_hardware(settings_of("v4l2", **camera, frame_rate=25.0, own_process=False), networks)
    assert given == {**camera, "fps": 25.0}


@pytest.mark.parametrize("wrong", [{"mains_hz": 55}, {"pixel_format": "mjpg"}, {"device": ""}, {"raw": True}])
def test_what_no_usb_camera_can_be_is_a_mistake(wrong):
    with pytest.raises(ConfigProblems):
        settings_of("v4l2", **wrong)


@pytest.mark.parametrize("wrong", [{"width": 641}, {"focal": 0.0}, {"mains_hz": 400}, {"fps": 30}])
def test_what_no_camera_can_be_is_a_mistake(wrong):
    with pytest.raises(ConfigProblems):
        settings_of(**wrong)
