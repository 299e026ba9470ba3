"""The sensor against photon statistics and its own curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind, Spectrum
from edge.frames.frame import BayerOrder, ColourOrder, Frame, Mosaic, Tone
from edge.frames.linear import row_levels
from edge.simulation.illuminants import blackbody
from edge.simulation.optics import INFRARED, Pinhole
from edge.simulation.sensor import (
    BLUE_ANSWER,
    ELECTRONS_PER_LUX_SECOND,
    INFRARED_PER_LUX,
    RED_ANSWER,
    WHITE_GAINS,
    Sensor,
    SensorModel,
)

CAMERA = Pinhole(160, 120, 130.0)
EVEN = {"shading": False, "nonuniformity": 0.0, "blur": 0.0}


def sensor(**model):
    return Sensor(SensorModel(**{**EVEN, **model}), CAMERA, np.random.default_rng(5))


def grey(lux, infrared=0.0):
    light = np.full((120, 160, 4), lux, np.float32)
    light[:, :, INFRARED] = infrared
    return light


# Where the pixels of a colour are, rows and columns from the top left, and what they make of white light.
COLOURS = {"blue": (0, 0, BLUE_ANSWER), "green": (0, 1, 1.0), "other green": (1, 0, 1.0), "red": (1, 1, RED_ANSWER)}


def pixels_of(colour, mosaic):
    row, column, _ = COLOURS[colour]
    return mosaic[row::2, column::2]


def electrons(raw, model, gain=1.0):
    return (raw.astype(float) - model.black) * model.full_well / (model.white - model.black) / gain


@pytest.mark.parametrize("colour", COLOURS)
def test_noise_variance_grows_with_the_mean_by_one_electron_each(colour):
    ours = sensor(bits=16, black=1024)
    means, variances = [], []
    for lux in (20, 50, 100, 200, 400, 600, 800):
        # Four frames, for as many pixels of one colour as one frame has of all.
        frames = [pixels_of(colour, ours.expose(grey(lux), 0.01, 1.0)) for _ in range(4)]
        counted = electrons(np.stack(frames), ours.model)
        means.append(counted.mean())
        variances.append(counted.var())
    slope, floor = np.polyfit(means, variances, 1)
    assert slope == pytest.approx(1.0, abs=0.03)
    assert floor == pytest.approx(ours.model.read_noise**2, abs=60)


def test_the_dark_has_the_read_noise():
    ours = sensor(bits=16, black=1024)
    assert electrons(ours.expose(grey(0), 0.01, 4.0), ours.model, 4.0).std() == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("colour", COLOURS)
def test_the_signal_is_linear_in_exposure_and_light_until_it_clips(colour):
    ours = sensor(bits=16, black=1024)
    *_, answer = COLOURS[colour]
    for lux, seconds in ((50, 0.01), (100, 0.01), (100, 0.02)):
        mean = electrons(pixels_of(colour, ours.expose(grey(lux), seconds, 1.0)), ours.model).mean()
        assert mean == pytest.approx(lux * seconds * ELECTRONS_PER_LUX_SECOND * answer, rel=5e-3)
    assert ours.expose(grey(5000), 0.02, 1.0).min() == ours.model.white


def test_gain_multiplies_what_was_counted():
    ours = sensor()
    one, four = (ours.expose(grey(30), 0.01, gain).mean() - ours.model.black for gain in (1.0, 4.0))
    assert four == pytest.approx(4 * one, rel=0.01)


@pytest.mark.parametrize(
    ("spectrum", "visible", "share"),
    [(Spectrum.IR_CUT, True, 0.002), (Spectrum.NOIR, True, 1.0), (Spectrum.IR_PASS, False, 1.0)],
)
def test_the_filter_says_which_light_counts(spectrum, visible, share):
    ours = sensor(spectrum=spectrum, bits=16, black=1024)
    from_visible = electrons(ours.expose(grey(50), 0.01, 1.0), ours.model)
    from_infrared = electrons(ours.expose(grey(0, 0.5), 0.01, 1.0), ours.model)
    for colour, (*_, answer) in COLOURS.items():
        expected = 50 * 0.01 * ELECTRONS_PER_LUX_SECOND * visible * answer
        assert pixels_of(colour, from_visible).mean() == pytest.approx(expected, abs=1.0)
        # Infrared is the same to every colour.
        expected = 0.5 * INFRARED_PER_LUX * 0.01 * ELECTRONS_PER_LUX_SECOND * share
        assert pixels_of(colour, from_infrared).mean() == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize(
    ("kelvin", "red", "blue"),
    [
        (2821.0, 0.7707, 0.3245),
        (3578.0, 0.6038, 0.4516),
        (4485.0, 0.5113, 0.5368),
        (5753.0, 0.4274, 0.6246),
        (7433.0, 0.3723, 0.6881),
    ],
)
def test_pixels_answer_to_lights_as_the_calibrated_camera_does(kelvin, red, blue):
    # Other entries of the same calibration as the answers to white light, which are all that the sensor knows of it.
    ours = sensor(bits=16, black=1024)
    light = grey(0)
    light[:, :, :INFRARED] = 100 * blackbody(kelvin, infrared=False)[:INFRARED]
    counted = electrons(ours.expose(light, 0.02, 1.0), ours.model)
    green = pixels_of("green", counted).mean()
    assert pixels_of("red", counted).mean() / green == pytest.approx(red, rel=0.06)
    # Three narrow bands have no green light for the blue filter, which a real one lets through.
    assert pixels_of("blue", counted).mean() / green == pytest.approx(blue, rel=0.22)


@pytest.mark.parametrize("lux", [20, 200, 600])
def test_a_grey_card_in_white_light_is_grey_under_the_gains_of_white_light(lux):
    ours = sensor()
    blue, green, red = ours.develop(ours.expose(grey(lux), 0.01, 1.0), WHITE_GAINS).reshape(-1, 3).mean(axis=0)
    assert blue == pytest.approx(green, abs=0.5)
    assert red == pytest.approx(green, abs=0.5)


def test_red_and_blue_of_the_picture_are_noisier_for_their_fewer_electrons():
    ours = sensor()
    raw = ours.expose(grey(150), 0.01, 1.0)
    picture = ours.develop(raw, WHITE_GAINS)
    # Where each is measured and not interpolated.
    blue, green, red = (pixels_of(name, picture)[:, :, at].std() for at, name in enumerate(("blue", "green", "red")))
    # The same grey from fewer electrons: of photon noise alone, by the root of how many fewer. Reading and
    # rounding to eight bits add to each.
    assert blue / green == pytest.approx(BLUE_ANSWER**-0.5, rel=0.08)
    assert red / green == pytest.approx(RED_ANSWER**-0.5, rel=0.08)


def test_raw_values_tell_levels_apart_that_the_picture_shows_as_bands():
    ours = sensor()
    raw = np.repeat(np.arange(500, 620, dtype=np.uint16)[:, None], 160, axis=1)
    picture = ours.develop(raw, WHITE_GAINS)
    mosaic = Mosaic(raw, BayerOrder.BGGR, ours.model.black, ours.model.white)
    frame = Frame(picture, ColourOrder.BGR, 0, 0.0, CaptureKind.SIMULATED, tone=Tone.SRGB, raw=mosaic)
    # The edges of a picture are interpolated from fewer neighbours.
    from_raw, from_picture = (row_levels(seen, 2, 118, 2, 158).levels for seen in (frame, replace(frame, raw=None)))
    assert from_raw == pytest.approx((np.arange(502, 618) - 64) / (1023 - 64), abs=1e-6)
    assert from_picture == pytest.approx(from_raw, abs=0.005)
    steps = np.diff(from_picture)
    assert (steps == 0).sum() > (steps > 0).sum()


def test_what_fills_a_green_pixel_and_not_a_red_one_is_white_in_the_picture():
    ours = sensor()
    raw = ours.expose(grey(1200), 0.01, 1.0)
    assert pixels_of("green", raw).min() == ours.model.white
    assert pixels_of("red", raw).max() < ours.model.white
    assert ours.develop(raw, WHITE_GAINS).min() == 255


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
    for colour in COLOURS:
        both = np.corrcoef(pixels_of(colour, one).ravel(), pixels_of(colour, two).ravel())
        assert abs(both[0, 1]) < 0.05
