"""Colours of common lights, and the infrared that comes with them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.simulation.lamps import white
from edge.simulation.optics import INFRARED, Map

# Kelvin: CIE standard illuminant A; daylight about illuminant D65, which is what the bands call white; direct sunlight
# at middle elevations; the usual neutral white of LED and fluorescent lamps.
TUNGSTEN: Final = 2856.0
DAYLIGHT: Final = 6504.0
SUNLIGHT: Final = 5600.0
NEUTRAL_WHITE: Final = 4000.0

# nm: middles of the bands blue, green and red.
_MIDDLES: Final = np.array([460.0, 540.0, 610.0])
# Shares of the bands in luminance (ITU-R BT.709).
_LUMINANCE: Final = np.array([0.0722, 0.7152, 0.2126])
# nm: what an image sensor without a filter sees beyond the visible counts as the band around 850 nm.
_INFRARED: Final = np.arange(780.0, 951.0)
_VISIBLE: Final = np.arange(380.0, 781.0)


def blackbody(kelvin: float, *, infrared: bool = True) -> Map:
    """(4,) spectrum, for each lux, of an incandescent light or of one that has its colour.

    infrared: False for lamps whose phosphors give visible light only (LED, fluorescent). What the air takes from
    daylight around 940 nm is not considered.
    """
    colour = _planck(_MIDDLES, kelvin) / _planck(_MIDDLES, DAYLIGHT)
    spectrum = white(_infrared_per_lux(kelvin) if infrared else 0.0)
    spectrum[:INFRARED] = colour / (colour @ _LUMINANCE)
    return spectrum


def _infrared_per_lux(kelvin: float) -> float:
    """W/m2 from 780 to 950 nm that come with each lux."""
    lux = 683.0 * float((_planck(_VISIBLE, kelvin) * _luminosity(_VISIBLE)).sum())
    return float(_planck(_INFRARED, kelvin).sum()) / lux


def _planck(wavelength: NDArray[np.float64], kelvin: float) -> NDArray[np.float64]:
    """Planck's law, relative. wavelength: nm."""
    return np.asarray(wavelength**-5 / np.expm1(1.438777e7 / (wavelength * kelvin)), np.float64)


def _luminosity(wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
    """V(lambda) of CIE 1931 as two lobes (Wyman, Sloan and Shirley, J Comput Graph Tech 2(2):1, 2013)."""
    return _lobe(wavelength, 0.821, 568.8, 46.9, 40.5) + _lobe(wavelength, 0.286, 530.9, 16.3, 31.1)


def _lobe(
    wavelength: NDArray[np.float64], height: float, middle: float, below: float, above: float
) -> NDArray[np.float64]:
    width = np.where(wavelength < middle, below, above)
    return np.asarray(height * np.exp(-0.5 * ((wavelength - middle) / width) ** 2), np.float64)
