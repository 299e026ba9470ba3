"""The optics of screens and prints against geometry and brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from artefacts import Panel, Screening, Sheet
from camera import draw_camera


@pytest.fixture
def camera():
    """A sharp camera that gathers light on the whole of each pixel."""
    drawn = draw_camera(np.random.default_rng(0))
    return replace(drawn, blur=0.05, motion=(0.0, 0.0), aperture=1.0)


def sheet(scale: float, columns: int = 256, rows: int = 32, **how: float):
    return Sheet(
        columns, rows, columns / 2, rows / 2, scale, **({"turn": 0, "tilt": 0, "roll": 0, "distance": 40} | how)
    )


def peak(row: np.ndarray) -> float:
    """Cycles per sample of the strongest sine."""
    spectrum = np.abs(np.fft.rfft((row - row.mean()) * np.hanning(row.size)))
    return float(np.argmax(spectrum) / row.size)


@pytest.mark.parametrize("cycles", [0.9, 1.07, 1.93])
def test_moire_has_the_difference_of_screen_and_sensor_frequency(camera, cycles: float):
    """A grid of f cycles to a pixel, sampled once a pixel, is seen at its distance from the nearest whole number."""
    factor = Panel(pitch=10 * cycles, layout="stripe", fill=0.6).factor(
        sheet(10.0), replace(camera, aperture=0.4), np.ones((32, 256), int)
    )
    assert peak(factor[16]) == pytest.approx(abs(cycles - round(cycles)), abs=1 / 256)


def test_a_display_is_what_the_average_over_each_pixel_of_its_stripes_is(camera):
    """Independent: the green stripes drawn 3,000 times finer than a camera pixel and averaged over the pixels."""
    panel = Panel(pitch=6.3, layout="stripe", fill=0.9)
    view = sheet(10.0, columns=128)
    factor = panel.factor(view, camera, np.ones((32, 128), int))
    fine = 3000
    u = (np.arange(128 * fine) / fine - 0.5 + 0.5 / fine - 64) / 10.0
    place = (u * 6.3 + 1 / 3) % 1.0
    stripe = 0.9 / 3
    lit = (np.minimum(place, 1 - place) < stripe / 2) / stripe
    expected = lit.reshape(128, fine).mean(axis=1)
    column = factor.mean(axis=0)
    # The first three sines of the stripes; the rest is below what a pixel passes.
    assert np.corrcoef(column, expected)[0, 1] > 0.99
    assert column.std() == pytest.approx(expected.std(), rel=0.06)


def test_a_fine_display_far_away_is_smooth(camera):
    far = Panel(pitch=160.0, layout="stripe").factor(sheet(12.0), replace(camera, blur=0.6), np.ones((32, 256), int))
    assert far is None


def test_a_halftone_is_seen_at_its_ruling_and_angle(camera):
    """Black ink at 45 degrees, two pixels and a half to a line: the strongest sine lies on the diagonal."""
    view = sheet(25.0, columns=128, rows=128)
    grey = np.full((128, 128, 3), 0.5, np.float32)
    factor = Screening(10.0).factor(view, camera, np.ones((128, 128), int), grey)
    spectrum = np.abs(np.fft.fft2((factor - factor.mean()) * np.outer(np.hanning(128), np.hanning(128))))
    black = spectrum[round(128 * 0.4 * np.sqrt(0.5)), round(128 * 0.4 * np.sqrt(0.5))]
    magenta = spectrum[round(128 * 0.4 * np.sin(np.radians(75))), round(128 * 0.4 * np.cos(np.radians(75)))]
    assert min(black, magenta) > 20 * np.median(spectrum)
    assert factor.mean() == pytest.approx(1.0, abs=0.02)


def test_paper_white_has_no_dots(camera):
    white = np.ones((32, 256, 3), np.float32)
    factor = Screening(10.0).factor(sheet(25.0), camera, np.ones((32, 256), int), white)
    assert np.abs(factor - 1).max() < 1e-3


def test_frequencies_on_a_turned_sheet_are_the_slope_of_where_it_is_seen():
    view = sheet(8.0, rows=256, turn=25, tilt=-15, roll=7)
    u, v = view.where
    fx, fy = view.frequency(3.0, 5.0)
    phase = 3.0 * u.astype(float) + 5.0 * v
    assert fx == pytest.approx((phase[128, 132] - phase[128, 124]) / 8, rel=1e-3)
    assert fy == pytest.approx((phase[132, 128] - phase[124, 128]) / 8, rel=1e-3)


def test_a_sheet_seen_straight_keeps_its_size_and_a_turned_one_is_narrower():
    straight = sheet(8.0).box(-5, -6, 5, 6)
    assert straight == pytest.approx((128 - 40, 16 - 48, 80, 96))
    turned = sheet(8.0, turn=40, distance=400).box(-5, -6, 5, 6)
    assert turned[2] == pytest.approx(80 * np.cos(np.radians(40)), rel=0.01)


def test_the_share_of_a_pixel_inside_an_edge_is_exact():
    cover = sheet(10.0).inside(-1.003, -9, 9, 9)
    # The edge lies at pixel 128 - 10.03 = 117.97: pixel 118 reaches from 117.5 to 118.5.
    assert cover[16, 118] == pytest.approx(0.53, abs=0.01)
    assert cover[16, 117] == pytest.approx(0.0, abs=0.01)
    assert cover[16, 119] == 1.0
