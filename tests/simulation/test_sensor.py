"""The sensor against photon statistics and its own curve."""

from __future__ import annotations

import numpy as np
import pytest

from edge.simulation.optics import INFRARED, Pinhole
from edge.simulation.sensor import ELECTRONS_PER_LUX_SECOND, INFRARED_PER_LUX, Sensor, SensorModel

CAMERA = Pinhole(160, 120, 130.0)
EVEN = {"shading": False, "nonuniformity": 0.0, "blur": 0.0}


def sensor(**model):
    return Sensor(SensorModel(**{**EVEN, **model}), CAMERA, np.random.default_rng(5))


def grey(lux, infrared=0.0):
    light = np.full((120, 160, 4), lux, np.float32)
    light[:, :, INFRARED] = infrared
    return light


def electrons(raw, model, gain=1.0):
    return (raw.astype(float) - model.black) * model.full_well / (model.white - model.black) / gain


def test_noise_variance_grows_with_the_mean_by_one_electron_each():
    ours = sensor(bits=16, black=1024)
    means, variances = [], []
    for lux in (20, 50, 100, 200, 400):
        counted = electrons(ours.expose(grey(lux), 0.01, 1.0), ours.model)
        means.append(counted.mean())
        variances.append(counted.var())
    slope, floor = np.polyfit(means, variances, 1)
    assert slope == pytest.approx(1.0, abs=0.03)
    assert floor == pytest.approx(ours.model.read_noise**2, abs=60)


def test_the_dark_has_the_read_noise():
    ours = sensor(bits=16, black=1024)
    assert electrons(ours.expose(grey(0), 0.01, 4.0), ours.model, 4.0).std() == pytest.approx(3.0, rel=0.03)


def test_the_signal_is_linear_in_exposure_and_light_until_it_clips():
    ours = sensor(bits=16, black=1024)
    for lux, seconds in ((50, 0.01), (100, 0.01), (100, 0.02)):
        mean = electrons(ours.expose(grey(lux), seconds, 1.0), ours.model).mean()
        assert mean == pytest.approx(lux * seconds * ELECTRONS_PER_LUX_SECOND, rel=2e-3)
    assert ours.expose(grey(5000), 0.02, 1.0).min() == ours.model.white


def test_gain_multiplies_what_was_counted():
    ours = sensor()
    one, four = (ours.expose(grey(30), 0.01, gain).mean() - ours.model.black for gain in (1.0, 4.0))
    assert four == pytest.approx(4 * one, rel=0.01)


@pytest.mark.parametrize(
    ("visible", "infrared", "share"), [(True, False, 0.002), (True, True, 1.0), (False, True, 1.0)]
)
def test_the_filter_says_which_light_counts(visible, infrared, share):
    ours = sensor(sees_visible=visible, sees_infrared=infrared, bits=16, black=1024)
    from_visible = electrons(ours.expose(grey(50), 0.01, 1.0), ours.model).mean()
    from_infrared = electrons(ours.expose(grey(0, 0.5), 0.01, 1.0), ours.model).mean()
    assert from_visible == pytest.approx(50 * 0.01 * ELECTRONS_PER_LUX_SECOND * visible, abs=0.5)
    assert from_infrared == pytest.approx(0.5 * INFRARED_PER_LUX * 0.01 * ELECTRONS_PER_LUX_SECOND * share, abs=0.5)


@pytest.mark.parametrize("colour", [0, 1, 2])
def test_colours_come_out_in_their_own_channel(colour):
    ours = sensor()
    light = grey(0)
    light[:, :, colour] = 300
    seen = ours.develop(ours.expose(light, 0.01, 1.0), (1.0, 1.0)).reshape(-1, 3).mean(axis=0)
    assert seen.argmax() == colour
    assert sorted(seen)[1] < 0.2 * seen.max()


def test_the_picture_is_the_raw_values_on_the_srgb_curve():
    ours = sensor(read_noise=0.0)
    raw = np.full((120, 160), 64 + 205, np.uint16)
    linear = 205 / (1023 - 64)
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert ours.develop(raw, (1.0, 1.0))[60, 80] == pytest.approx(np.full(3, expected), abs=1)


def test_white_balance_gains_act_on_red_and_blue_alone():
    ours = sensor()
    raw = np.full((120, 160), 300, np.uint16)
    blue, green, red = ours.develop(raw, (1.5, 0.7))[60, 80].astype(int)
    assert blue < green < red


def test_corners_are_darker_by_the_fourth_power_of_the_cosine():
    ours = sensor(shading=True, bits=16, black=1024)
    raw = np.mean([electrons(ours.expose(grey(300), 0.01, 1.0), ours.model) for _ in range(40)], axis=0)
    across, down = CAMERA.centre
    cosine = CAMERA.focal / np.sqrt(CAMERA.focal**2 + (across - 4) ** 2 + (down - 4) ** 2)
    assert raw[:8, :8].mean() / raw[56:64, 76:84].mean() == pytest.approx(cosine**4, rel=0.02)


def test_the_same_seed_gives_the_same_noise():
    first, second = (sensor().expose(grey(100), 0.01, 2.0) for _ in range(2))
    assert (first == second).all()


def test_no_two_frames_share_their_noise():
    ours = sensor(bits=16, black=1024)
    one, two = (ours.expose(grey(100), 0.01, 1.0).astype(float) for _ in range(2))
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.03
