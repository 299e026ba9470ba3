"""Inks on paper against what they must do together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.simulation import inks
from edge.simulation.inks import INK_BLACK, PAPER_WHITE, Ink
from edge.simulation.optics import BLUE, GREEN, INFRARED, RED

part = st.floats(0.0, 1.0)


def printed(blue, green, red, black=0.0):
    light = np.full((1, 1, 3), (blue, green, red), np.float32)
    return inks.transmitted(inks.separation(light, black=black), passes=2)[0, 0]


@given(part, part, part, part)
def test_coverage_is_a_share_and_a_print_gives_back_no_more_than_its_paper(blue, green, red, black):
    coverage = inks.separation(np.full((1, 1, 3), (blue, green, red), np.float32), black=black)
    assert 0 <= coverage.min() <= coverage.max() <= 1
    for passes in (1, 2):
        light = inks.transmitted(coverage, passes=passes)
        assert 0 <= light.min() <= light.max() <= 1


@pytest.mark.parametrize("black", [0.0, 0.7])
@pytest.mark.parametrize("skin", [(0.42, 0.52, 0.75), (0.1, 0.14, 0.26), (0.03, 0.045, 0.08)])
def test_skin_is_printed_as_it_looks(skin, black):
    # The darkest a print can be stands for black.
    floor = INK_BLACK / PAPER_WHITE
    assert printed(*skin, black=black)[:INFRARED] == pytest.approx(floor + (1 - floor) * np.array(skin), abs=0.005)


def test_a_colour_that_the_inks_cannot_print_is_printed_duller():
    blue, green, _, _ = printed(0.0, 1.0, 0.0)
    assert blue > 0.05
    assert green < 0.9


def test_dyes_let_infrared_pass_and_carbon_does_not():
    assert printed(0, 0, 0)[INFRARED] > 0.8
    assert printed(0, 0, 0, black=1.0)[INFRARED] < 0.2


def test_more_black_ink_is_less_coloured_ink():
    grey = np.full((1, 1, 3), 0.2, np.float32)
    mixed, carbon = inks.separation(grey, black=0.0)[0, 0], inks.separation(grey, black=1.0)[0, 0]
    assert mixed[Ink.BLACK] == 0
    assert carbon[Ink.BLACK] > 0.3
    assert (carbon[: Ink.BLACK] < mixed[: Ink.BLACK]).all()


def test_the_mean_of_dots_that_overlap_by_chance_is_the_mean_of_the_halftone():
    rng = np.random.default_rng(1)
    coverage = np.array([0.3, 0.5, 0.2, 0.4], np.float32)
    covered = rng.random((200_000, 4)) < coverage
    dots = np.where(covered[..., None], inks.TRANSMITTANCE, 1).prod(axis=1).mean(axis=0)
    assert inks.transmitted(coverage[None, None], passes=2)[0, 0] == pytest.approx(dots, abs=0.005)


def test_solid_ink_passed_once_and_once_again_is_ink_passed_twice():
    solid = np.eye(4, dtype=np.float32)[None]
    once, twice = (inks.transmitted(solid, passes=passes) for passes in (1, 2))
    assert once**2 == pytest.approx(twice, rel=1e-5)
    for ink, band in ((Ink.CYAN, RED), (Ink.MAGENTA, GREEN), (Ink.YELLOW, BLUE)):
        assert twice[0, ink].argmin() == band


@given(st.floats(0.3, 0.95), st.floats(0.6, 0.99))
def test_sheets_laid_on_each_other_become_the_pile(pile, opacity):
    reflectance, transmittance = inks.single_sheet(pile, opacity)
    assert reflectance + transmittance < 1
    stack = 0.0
    for _ in range(300):
        stack = reflectance + transmittance**2 * stack / (1 - reflectance * stack)
    assert stack == pytest.approx(pile, rel=1e-4)
