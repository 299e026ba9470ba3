"""Lux by the camera's frames, over frames made by hand and over simulated scenes, whose light is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import HardwareError
from edge.frames.frame import BayerOrder, ColourOrder, Exposure, Frame, LightState, Mosaic, Tone
from edge.hardware.camera_ambient import OLDEST, RETURNED, CameraLux, EstimatedLux
from edge.hardware.ports import CameraTraits
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from tests.hardware.contracts.ambient import AmbientSensorContract

# As docs/hardware.md states it, of scenes without a lamp, a screen or a window in the picture.
FACTOR = 3.0
TRAITS = CameraTraits("camera", CaptureKind.LIVE, exposure_metadata=True, sensitivity=0.5)


def frame(number=0, level=0.2, *, lux=None, **more):
    """64 x 48 of an even raw level, exposed for 10 ms at a gain of 2."""
    values = np.full((48, 64), round(64 + level * (1023 - 64)), np.uint16)
    made = Frame(
        np.zeros((48, 64, 3), np.uint8),
        ColourOrder.BGR,
        number,
        100 + number / 10,
        CaptureKind.LIVE,
        exposure=Exposure(100 + number / 10 - 0.01, 0.01, 20e-6, 2.0),
        raw=Mosaic(values, BayerOrder.BGGR, 64, 1023),
        lux=lux,
    )
    return replace(made, **more)


class TestCameraLux(AmbientSensorContract):
    @pytest.fixture
    def sensor(self):
        sensor = CameraLux()
        sensor.saw(frame(lux=120.0))
        return sensor


class TestCameraThatTellsNoLux(AmbientSensorContract):
    @pytest.fixture
    def sensor(self):
        return CameraLux()


class TestEstimatedLux(AmbientSensorContract):
    @pytest.fixture
    def sensor(self):
        sensor = EstimatedLux(TRAITS)
        sensor.saw(frame())
        return sensor


def test_the_newest_frame_counts():
    sensor = CameraLux()
    assert not sensor.available
    for number, lux in enumerate([120.0, 130.0, None]):
        sensor.saw(frame(number, lux=lux))
    assert sensor.lux() == 130.0
    assert sensor.available


def test_a_value_is_forgotten_after_some_seconds_of_frames():
    sensor = CameraLux()
    sensor.saw(frame(lux=120.0))
    sensor.saw(frame(round(10 * OLDEST)))
    assert sensor.lux() == 120.0
    sensor.saw(frame(round(10 * OLDEST) + 1))
    assert sensor.lux() is None


@pytest.mark.parametrize("first", [frame(0), replace(frame(90), captured_at=5.0)])
def test_nothing_is_kept_from_another_opening_of_the_camera(first):
    sensor = CameraLux()
    sensor.saw(frame(50, lux=120.0))
    sensor.saw(first)
    assert sensor.lux() is None


@pytest.mark.parametrize(
    ("light", "counts"),
    [
        (LightState(), True),
        (LightState(display=1.0), True),
        (LightState(display=0.0), False),
        (LightState(settled=False), False),
        (LightState(infrared=1.0), False),
        (LightState(white=0.5), False),
    ],
)
def test_frames_in_other_light_than_the_surroundings_and_the_guidance_do_not_count(light, counts):
    sensor = CameraLux()
    sensor.saw(frame(0, lux=120.0))
    sensor.saw(frame(1, lux=500.0, light=light))
    assert sensor.lux() == (500.0 if counts else 120.0)


def estimated(*frames, **more):
    sensor = EstimatedLux(TRAITS, **more)
    for one in frames:
        sensor.saw(one)
    return sensor.lux()


def test_lux_goes_with_level_and_against_exposure_and_gain():
    assert abs(RETURNED - 0.157) < 0.001
    assert estimated(frame(level=0.2)) == pytest.approx(0.2 / (0.5 * RETURNED * 0.02), rel=0.01)
    assert estimated(frame(level=0.2), constant=10.0) == pytest.approx(10 * 0.2 / 0.02, rel=0.01)
    shorter = replace(frame(), exposure=Exposure(0.0, 0.001, 20e-6, 1.0))
    assert estimated(shorter) == pytest.approx(20 * estimated(frame()))
    assert estimated(frame(level=-0.01)) == 0.0


def test_a_picture_on_a_known_curve_serves_where_there_are_no_raw_values():
    # sRGB's 124 is 0.2 of full scale.
    pixels = np.full((48, 64, 3), 124, np.uint8)
    plain = replace(frame(), raw=None, pixels=pixels, tone=Tone.SRGB)
    assert estimated(plain) == pytest.approx(estimated(frame(level=0.2)), rel=0.01)


@pytest.mark.parametrize(
    "blind",
    [
        replace(frame(), raw=None),
        replace(frame(), exposure=None),
        frame(level=1.0),
        replace(frame(), raw=None, pixels=np.full((48, 64, 3), 255, np.uint8), tone=Tone.SRGB),
    ],
)
def test_a_frame_that_cannot_tell_tells_nothing(blind):
    assert estimated(blind) is None


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        (replace(TRAITS, exposure_metadata=False), "does not say how it exposes"),
        (replace(TRAITS, spectrum=Spectrum.NOIR), "sees infrared"),
        (replace(TRAITS, spectrum=Spectrum.IR_PASS), "sees infrared"),
        (replace(TRAITS, sensitivity=None), "how sensitive"),
    ],
)
def test_a_camera_that_cannot_serve_is_refused(traits, words):
    with pytest.raises(HardwareError, match=words) as refusal:
        EstimatedLux(traits)
    assert "lights.ambient" in refusal.value.remedy


def test_a_constant_serves_where_the_sensitivity_is_not_known():
    sensor = EstimatedLux(replace(TRAITS, sensitivity=None), 10.0)
    sensor.saw(frame())
    assert sensor.lux() == pytest.approx(100.0, rel=0.01)


def of_scene(lux, light="led", **more):
    scene = {"title": "t", "terminal": {"camera": {"width": 160, "height": 120}}, **more}
    made = Scene.model_validate(scene | {"surroundings": {"ambient": {"lux": lux, "light": light, "above": 0.0}}})
    unit = SimulatedTerminal([lambda: build(made, None)])
    sensor = EstimatedLux(unit.camera.traits)
    with unit.camera:
        for _ in range(40):
            sensor.saw(unit.camera.read(1.0))
    return sensor.lux()


PERSON = [{"kind": "person"}]


@pytest.mark.parametrize("subjects", [[], PERSON], ids=["nobody", "a person"])
@pytest.mark.parametrize(
    ("lux", "light"), [(50, "led"), (200, "tungsten"), (500, "led"), (2000, "daylight"), (20_000, "daylight")]
)
def test_of_a_scene_that_only_returns_light_it_is_within_the_stated_factor(subjects, lux, light):
    told = of_scene(lux, light, subjects=subjects)
    assert 1 / FACTOR < told / lux < FACTOR


def test_twice_the_light_is_twice_the_lux():
    assert of_scene(800) / of_scene(400) == pytest.approx(2.0, rel=0.1)


def test_in_the_dark_the_display_itself_is_what_is_seen():
    assert 0 < of_scene(0) < 100
