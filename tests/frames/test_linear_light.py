"""Linear light out of the pixels of a frame."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.frames.frame import ColourOrder, Frame, Tone
from edge.frames.linear import row_levels


def frame(green: np.ndarray, *, tone: Tone | None = Tone.SRGB, colour: ColourOrder = ColourOrder.RGB) -> Frame:
    pixels = np.full((*green.shape, 3), 200, np.uint8)
    pixels[:, :, 1] = green
    return Frame(pixels, colour, 0, 0.0, CaptureKind.SIMULATED, tone=tone)


def encoded(light: np.ndarray) -> np.ndarray:
    """sRGB by its definition, IEC 61966-2-1, in eight bits."""
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(curve * 255).astype(np.uint8)


@pytest.mark.parametrize("colour", list(ColourOrder))
def test_rows_have_the_light_that_was_encoded(colour):
    light = np.linspace(0.01, 0.9, 40)
    green = np.repeat(encoded(light)[:, None], 16, axis=1)
    rows = row_levels(frame(green, colour=colour), 0, 40, 0, 16)
    # Half a step of eight bits is at most 2.4 / 1.055 / 510 of the light near full scale.
    assert rows.levels == pytest.approx(light, abs=0.005)
    assert rows.clipped == 0.0


def test_a_mean_is_taken_of_light_and_not_of_its_encoding():
    green = encoded(np.tile([0.0, 0.8], (4, 8)))
    assert row_levels(frame(green), 0, 4, 0, 16).levels == pytest.approx(0.4, abs=0.005)


def test_only_the_window_counts():
    light = np.full((20, 20), 0.9)
    light[5:10, 4:12] = 0.2
    rows = row_levels(frame(encoded(light)), 5, 10, 4, 12)
    assert rows.levels.shape == (5,)
    assert rows.levels == pytest.approx(0.2, abs=0.005)


def test_pixels_at_the_end_of_the_scale_are_counted():
    green = np.full((8, 8), 120, np.uint8)
    green[:2] = 255
    assert row_levels(frame(green), 0, 8, 0, 8).clipped == 0.25


def test_an_unknown_curve_gives_no_light():
    assert row_levels(frame(np.full((8, 8), 120, np.uint8), tone=None), 0, 8, 0, 8) is None
