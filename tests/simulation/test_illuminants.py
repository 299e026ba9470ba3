"""Colours of lights, held against Wien's approximation and the definitions that they follow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import constants

from edge.simulation.illuminants import DAYLIGHT, NEUTRAL_WHITE, SUNLIGHT, TUNGSTEN, blackbody
from edge.simulation.optics import BLUE, GREEN, INFRARED, RED

ALL = [TUNGSTEN, NEUTRAL_WHITE, SUNLIGHT, DAYLIGHT]


def test_daylight_is_what_the_bands_call_white():
    assert blackbody(DAYLIGHT)[:INFRARED] == pytest.approx(np.ones(3))


@pytest.mark.parametrize("kelvin", ALL)
def test_a_lux_of_any_light_is_one_lux(kelvin):
    blue, green, red, _ = blackbody(kelvin)
    assert 0.0722 * blue + 0.7152 * green + 0.2126 * red == pytest.approx(1)


@pytest.mark.parametrize("kelvin", [TUNGSTEN, NEUTRAL_WHITE])
def test_warm_light_is_redder_by_as_much_as_wien_s_law_says(kelvin):
    spectrum = blackbody(kelvin)
    second_constant = 1.4388e-2
    expected = second_constant * (1 / 460e-9 - 1 / 610e-9) * (1 / kelvin - 1 / DAYLIGHT)
    assert math.log(spectrum[RED] / spectrum[BLUE]) == pytest.approx(expected, rel=0.05)
    assert spectrum[RED] > spectrum[GREEN] > spectrum[BLUE]


def test_the_hotter_a_lamp_the_less_infrared_comes_with_a_lux():
    shares = [float(blackbody(kelvin)[INFRARED]) for kelvin in ALL]
    assert shares == sorted(shares, reverse=True)


# V(lambda) of CIE 1924, every 10 nm from 400 on.
LUMINOSITY = (
    *(
        0.0004,
        0.0012,
        0.004,
        0.0116,
        0.023,
        0.038,
        0.060,
        0.091,
        0.139,
        0.208,
        0.323,
        0.503,
        0.710,
        0.862,
        0.954,
        0.995,
    ),
    *(0.995, 0.952, 0.870, 0.757, 0.631, 0.503, 0.381, 0.265, 0.175, 0.107, 0.061, 0.032, 0.017, 0.0082, 0.0041),
)


@pytest.mark.parametrize("kelvin", [TUNGSTEN, DAYLIGHT])
def test_the_infrared_is_its_share_of_a_black_body_by_the_body_s_luminous_efficacy(kelvin):
    wavelength = np.arange(400, 701, 10) * 1e-9
    radiance = 2 * constants.h * constants.c**2 / wavelength**5
    radiance /= np.expm1(constants.h * constants.c / (wavelength * constants.k * kelvin))
    total = constants.sigma * kelvin**4 / np.pi
    efficacy = 683 * float(radiance @ LUMINOSITY) * 10e-9 / total
    share = radiated_below(950e-9, kelvin) - radiated_below(780e-9, kelvin)
    assert float(blackbody(kelvin)[INFRARED]) == pytest.approx(share / efficacy, rel=0.02)


def radiated_below(wavelength, kelvin):
    """Share of a black body's radiation at shorter wavelengths: the series of Planck's integral."""
    x = constants.h * constants.c / (wavelength * constants.k * kelvin)
    terms = (math.exp(-n * x) / n * (x**3 + 3 * x**2 / n + 6 * x / n**2 + 6 / n**3) for n in range(1, 50))
    return 15 / math.pi**4 * sum(terms)


def test_phosphors_give_no_infrared():
    assert blackbody(NEUTRAL_WHITE, infrared=False)[INFRARED] == 0
