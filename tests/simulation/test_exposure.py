"""Automatic exposure: it arrives, lags as real ones do, and holds when told."""

from __future__ import annotations

import numpy as np
import pytest

from edge.simulation.exposure import ExposureControl
from edge.simulation.optics import INFRARED, Pinhole
from edge.simulation.sensor import WHITE_GAINS, Sensor, SensorModel

CAMERA = Pinhole(160, 120, 130.0)


class Loop:
    """A control that meters an even grey scene."""

    def __init__(self, latency=3, flicker_period=0.01, longest=0.03):
        self.control = ExposureControl(longest, latency=latency, flicker_period=flicker_period)
        self.sensor = Sensor(SensorModel(), CAMERA, np.random.default_rng(1))

    def frame(self, lux, red=1.0):
        setting = self.control.next()
        light = np.full((120, 160, 4), lux, np.float32)
        light[:, :, 2] *= red
        light[:, :, INFRARED] = 0
        raw = self.sensor.expose(light, setting.duration, setting.gain)
        model = self.sensor.model
        self.control.seen(raw, model.black, model.white, setting)
        middle = raw[30:90, 40:120]
        return setting, (middle[::2, 1::2].mean() - model.black) / (model.white - model.black)


@pytest.mark.parametrize("lux", [5, 30, 200, 3000, 30000])
def test_it_brings_any_room_to_the_same_level_and_stays_there(lux):
    loop = Loop()
    levels = [loop.frame(lux)[1] for _ in range(80)]
    assert np.ptp(levels[-20:]) < 0.02
    assert levels[-1] == pytest.approx(0.16, abs=0.02)


def test_a_change_of_light_is_answered_only_after_the_latency():
    loop = Loop(latency=4)
    for _ in range(80):
        before, _ = loop.frame(100)
    settings = [loop.frame(300)[0] for _ in range(8)]
    products = [setting.duration * setting.gain for setting in settings]
    assert products[:5] == pytest.approx([before.duration * before.gain] * 5, rel=0.03)
    assert products[-1] < 0.8 * products[0]


def test_long_exposures_are_whole_flicker_periods():
    loop = Loop()
    for lux in (10, 60, 140):
        for _ in range(60):
            setting, _ = loop.frame(lux)
        periods = setting.duration / 0.01
        assert periods == pytest.approx(round(periods))
        assert periods >= 1


def test_bright_light_leaves_no_room_for_a_flicker_period():
    loop = Loop()
    for _ in range(60):
        setting, _ = loop.frame(20000)
    assert setting.duration < 0.01


def test_a_lock_holds_through_a_change_of_light_and_unlocking_frees_it():
    loop = Loop()
    for _ in range(60):
        loop.frame(100)
    loop.control.lock(0.01)
    for _ in range(4):
        held, _ = loop.frame(100)
    assert {loop.frame(400)[0] for _ in range(20)} == {held}
    loop.control.unlock()
    for _ in range(40):
        free, _ = loop.frame(400)
    assert free.duration * free.gain < held.duration * held.gain / 2


def test_a_lock_makes_whole_periods_and_keeps_the_brightness():
    loop = Loop(flicker_period=None)
    for _ in range(60):
        before, level = loop.frame(70)
    assert 0.02 < before.duration < 0.03
    loop.control.lock(0.01)
    for _ in range(5):
        held, after = loop.frame(70)
    assert held.duration == pytest.approx(0.02)
    assert after == pytest.approx(level, rel=0.05)


def test_a_lock_may_expose_for_longer_than_the_camera_would_and_again_no_longer():
    loop = Loop(flicker_period=None)
    for _ in range(60):
        before, level = loop.frame(800)
    for _ in range(2):
        loop.control.lock(None, 3.0)
        for _ in range(5):
            held, after = loop.frame(800)
        assert held.duration == pytest.approx(3 * before.duration, rel=0.02)
        assert held.gain == before.gain
        assert after == pytest.approx(3 * level, rel=0.05)
    loop.control.unlock()
    for _ in range(4):
        free, _ = loop.frame(800)
    assert free.duration == pytest.approx(before.duration, rel=0.1)


def test_a_lock_exposes_no_longer_than_the_frame_rate_permits():
    loop = Loop(flicker_period=None, longest=0.03)
    for _ in range(60):
        before, level = loop.frame(100)
    loop.control.lock(None, 4.0)
    for _ in range(5):
        held, after = loop.frame(100)
    assert held.duration == 0.03
    assert after == pytest.approx(level * 0.03 * held.gain / (before.duration * before.gain), rel=0.05)


@pytest.mark.parametrize(("lux", "periods"), [(200, 1), (3000, 0)])
def test_a_lock_lengthens_an_exposure_of_half_a_period_or_more_to_a_whole_one(lux, periods):
    loop = Loop(flicker_period=None)
    for _ in range(60):
        before, level = loop.frame(lux)
    assert before.duration < 0.01
    assert (before.duration > 0.005) == bool(periods)
    loop.control.lock(0.01)
    for _ in range(5):
        held, after = loop.frame(lux)
    assert held.duration == pytest.approx(0.01 if periods else before.duration, rel=0.02)
    assert after == pytest.approx(level * held.duration / before.duration, rel=0.05)


def test_white_balance_takes_a_part_of_a_cast_away_slowly():
    loop = Loop()
    red, _ = WHITE_GAINS
    gains = [loop.frame(100, red=1.5)[0].colour_gains[0] / red for _ in range(90)]
    assert gains[4] > 0.97
    assert 1 / 1.5 < gains[-1] < 0.93


def test_white_balance_begins_with_white_light_and_stays_there_before_a_grey_card():
    loop = Loop()
    gains = np.array([loop.frame(100)[0].colour_gains for _ in range(90)])
    assert tuple(gains[0]) == WHITE_GAINS
    assert gains == pytest.approx(np.broadcast_to(WHITE_GAINS, gains.shape), rel=0.01)


def test_white_balance_comes_back_when_a_cast_is_gone():
    loop = Loop()
    for _ in range(90):
        cast, _ = loop.frame(100, red=1.5)
    for _ in range(90):
        free, _ = loop.frame(100)
    assert cast.colour_gains[0] < 0.93 * WHITE_GAINS[0]
    assert free.colour_gains == pytest.approx(WHITE_GAINS, rel=0.01)


def test_white_balance_believes_no_cast_of_more_than_a_factor_of_four():
    loop = Loop()
    # All red: a grey world would want a gain below a hundredth.
    gains = [loop.frame(100, red=400.0)[0].colour_gains[0] for _ in range(200)]
    assert gains[-1] / WHITE_GAINS[0] == pytest.approx(0.25**0.3, rel=0.02)


def test_metadata_has_libcameras_names_and_units():
    loop = Loop()
    setting, _ = loop.frame(100)
    told = loop.control.metadata(setting)
    assert told["ExposureTime"] == pytest.approx(setting.duration * 1e6, abs=0.5)
    assert told["AnalogueGain"] == setting.gain
    assert told["ColourGains"] == setting.colour_gains
