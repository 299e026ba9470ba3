"""Linear light and its encodings. All arrays float32, BGR; 1 is diffuse white."""

from __future__ import annotations

import cv2
import numpy as np

_ENCODED = np.arange(256, dtype=np.float64) / 255
_LINEAR = np.where(_ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4).astype(np.float32)
LUMINANCE = np.array([0.0722, 0.7152, 0.2126], np.float32)
"""Of linear BGR (ITU-R BT.709)."""


def linear(picture: np.ndarray) -> np.ndarray:
    """sRGB uint8 to linear light 0..1 (IEC 61966-2-1)."""
    return np.asarray(cv2.LUT(picture, _LINEAR))


def scaled(light: np.ndarray, gains: np.ndarray | float) -> np.ndarray:
    """Linear light times a gain, or one for each of B, G, R; several times faster than broadcasting."""
    blue, green, red = np.broadcast_to(np.asarray(gains, np.float64), 3)
    return np.asarray(cv2.multiply(light, (float(blue), float(green), float(red), 0.0)))


def encoded(light: np.ndarray) -> np.ndarray:
    """Linear light to sRGB uint8, clipped."""
    light = np.clip(light, 0, 1)
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return np.asarray((curve * 255 + 0.5).astype(np.uint8))


def white_of(kelvin: float) -> np.ndarray:
    """The colour of a daylight or black-body white as linear sRGB, (3,) BGR with luminance 1.

    CIE daylight locus above 4000 K; below it, the cubic fit of the Planckian locus by Kim et al. (2002).
    """
    t = 1e3 / kelvin
    if kelvin >= 4000:
        x = (
            -4.6070 * t**3 + 2.9678 * t**2 + 0.09911 * t + 0.244063
            if kelvin <= 7000
            else -2.0064 * t**3 + 1.9018 * t**2 + 0.24748 * t + 0.237040
        )
        y = -3.0 * x**2 + 2.87 * x - 0.275
    else:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    to_bgr = np.array([[0.0557, -0.2040, 1.0570], [-0.9689, 1.8758, 0.0415], [3.2406, -1.5372, -0.4986]])
    return np.asarray(np.maximum(to_bgr @ xyz, 0.02).astype(np.float32))


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after JPEG with 4:2:0 chroma."""
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
