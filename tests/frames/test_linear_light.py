"""Linear light out of the pixels of a frame."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.frames.frame import BayerOrder, ColourOrder, Frame, Mosaic, Tone
from edge.frames.linear import row_levels


def frame(green: np.ndarray, *, tone: Tone | None = Tone.SRGB, colour: ColourOrder = ColourOrder.RGB) -> Frame:
    pixels = np.full((*green.shape, 3), 200, np.uint8)
    pixels[:, :, 1] = green
    return Frame(pixels, colour, 0, 0.0, CaptureKind.SIMULATED, tone=tone)


def encoded(light: np.ndarray) -> np.ndarray:
    """sRGB by its definition, IEC 61966-2-1, in eight bits."""
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(curve * 255).astype(np.uint8)


BLACK, WHITE = 64, 1023
CELLS = {
    BayerOrder.BGGR: (("b", "g"), ("g", "r")),
    BayerOrder.RGGB: (("r", "g"), ("g", "b")),
    BayerOrder.GRBG: (("g", "r"), ("b", "g")),
    BayerOrder.GBRG: (("g", "b"), ("r", "g")),
}


def mosaic(green: np.ndarray, order: BayerOrder = BayerOrder.BGGR, *, others: float = 1.0) -> Mosaic:
    """Ten bits of what is light on green pixels, 0..1, with ``others`` on the red and blue ones."""
    light = np.array(green, np.float64)
    for row, colours in enumerate(CELLS[order]):
        for column, colour in enumerate(colours):
            if colour != "g":
                light[row::2, column::2] = others
    return Mosaic(np.round(BLACK + light * (WHITE - BLACK)).astype(np.uint16), order, BLACK, WHITE)


def raw_frame(light: np.ndarray, order: BayerOrder = BayerOrder.BGGR, **how) -> Frame:
    """A frame whose pixels are white and whose mosaic has the light on its green pixels alone."""
    pixels = np.full((*light.shape, 3), 255, np.uint8)
    return Frame(pixels, ColourOrder.RGB, 0, 0.0, CaptureKind.SIMULATED, raw=mosaic(light, order, **how))


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


@pytest.mark.parametrize("order", list(BayerOrder))
@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 1), (1, 0), (1, 1), (4, 7)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 2), (5, 3), (8, 9)])
def test_green_pixels_are_found_wherever_a_window_of_the_mosaic_begins(order, top, left, rows, columns):
    light = np.full((16, 18), 0.5)
    light[top : top + rows, left : left + columns] = np.linspace(0.1, 0.4, rows)[:, None]
    found = row_levels(raw_frame(light, order), top, top + rows, left, left + columns)
    assert found.levels.dtype == np.float32
    # Half a step of ten bits.
    assert found.levels == pytest.approx(np.linspace(0.1, 0.4, rows), abs=0.6 / (WHITE - BLACK))
    assert found.clipped == 0.0


@pytest.mark.parametrize("tone", [None, Tone.SRGB])
def test_raw_values_count_whatever_the_pixels_are(tone):
    plain = raw_frame(np.full((8, 8), 0.25))
    seen = Frame(plain.pixels, plain.colour, 0, 0.0, CaptureKind.SIMULATED, tone=tone, raw=plain.raw)
    assert row_levels(seen, 0, 8, 0, 8).levels == pytest.approx(0.25, abs=0.001)


def test_raw_and_encoded_levels_of_one_scene_differ_by_no_more_than_their_steps():
    light = np.random.default_rng(4).uniform(0.02, 0.9, (24, 1)) * np.ones((24, 32))
    without = frame(encoded(light))
    carried = Frame(
        without.pixels, ColourOrder.RGB, 0, 0.0, CaptureKind.SIMULATED, tone=Tone.SRGB, raw=mosaic(light, others=0.5)
    )
    for window in ((0, 24, 0, 32), (3, 20, 5, 22)):
        ours, theirs = row_levels(carried, *window), row_levels(without, *window)
        assert ours.levels == pytest.approx(theirs.levels, abs=0.005 + 0.6 / (WHITE - BLACK))
        assert ours.clipped == theirs.clipped == 0.0


def test_raw_values_tell_apart_what_eight_bits_show_as_bands():
    light = np.linspace(0.5, 0.6, 80)[:, None] * np.ones((80, 8))
    from_raw = row_levels(raw_frame(light), 0, 80, 0, 8).levels
    from_pixels = row_levels(frame(encoded(light)), 0, 80, 0, 8).levels
    # 0.1 of full scale is 96 steps of ten bits; sRGB goes from code 187.5 to 203.4 over it.
    assert len(np.unique(from_raw)) == 80
    assert len(np.unique(from_pixels)) == 16


def test_green_pixels_of_the_mosaic_at_its_white_are_counted():
    light = np.full((8, 8), 0.4)
    light[:2] = 1.0
    # Red and blue are clipped everywhere, and count for nothing.
    assert row_levels(raw_frame(light, others=1.0), 0, 8, 0, 8).clipped == 0.25
    assert row_levels(raw_frame(light, others=1.0), 1, 4, 1, 6).clipped == pytest.approx(1 / 3, abs=0.1)


def test_noise_below_black_is_not_cut_off():
    values = np.full((6, 6), BLACK, np.uint16)
    values[:, ::3] = BLACK - 6
    dark = Frame(
        np.zeros((6, 6, 3), np.uint8),
        ColourOrder.RGB,
        0,
        0.0,
        CaptureKind.SIMULATED,
        raw=Mosaic(values, BayerOrder.BGGR, BLACK, WHITE),
    )
    assert row_levels(dark, 0, 6, 0, 6).levels == pytest.approx(-2 / (WHITE - BLACK), rel=1e-6)


@pytest.mark.parametrize("window", [(0, 8, 3, 4), (2, 2, 0, 8), (0, 8, 5, 4)])
def test_a_window_in_which_a_row_may_have_no_green_pixel_is_a_programmers_error(window):
    for seen in (raw_frame(np.full((8, 8), 0.4)), frame(np.full((8, 8), 120, np.uint8))):
        with pytest.raises(ValueError, match="2 x 1"):
            row_levels(seen, *window)
