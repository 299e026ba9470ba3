"""Hypotheses by what they foretell of cells that were left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from edge.vision.face_patch import CELLS
from edge.vision.hypotheses import BLOCK, Hypotheses, Hypothesis, Linear, Scores, left_out

INFLATION = 1.5


@pytest.fixture
def cells():
    """Six blocks, one of them with a hole."""
    chosen = np.zeros((CELLS, CELLS), np.bool_)
    chosen[8 : 8 + 2 * BLOCK, 4 : 4 + 3 * BLOCK] = True
    chosen[9, 5:7] = False
    return chosen


@pytest.fixture
def light(cells):
    rng = np.random.default_rng(2)
    row, column = np.nonzero(cells)
    sheet = np.column_stack([np.ones(len(row)), column / CELLS, row / CELLS]) * 3
    head = rng.standard_normal(len(row))
    seen = sheet @ [1.0, -2.0, 0.5] + 0.6 * head + rng.standard_normal(len(row))
    nothing = np.zeros((len(row), 0))
    return Linear(seen, 0.3 * np.ones(len(row)), sheet, nothing, head, sheet, INFLATION)


def foretold(light, cells, share):
    """Logarithm of the probability of each block after all others, by scipy, summed."""
    row, column = np.nonzero(cells)
    number = row // BLOCK * CELLS + column // BLOCK
    values, columns = light.seen - light.about - share * light.head, light.sheet
    total = 0.0
    for block in np.unique(number):
        out = number == block
        known = np.linalg.inv(columns[~out].T @ columns[~out] / INFLATION**2)
        mean = known @ columns[~out].T @ values[~out] / INFLATION**2
        spread = columns[out] @ known @ columns[out].T + INFLATION**2 * np.eye(out.sum())
        total += multivariate_normal(columns[out] @ mean, spread).logpdf(values[out])
    return total


def test_a_share_that_is_given_is_foretold_as_by_normal_distributions(light, cells):
    found = left_out(light, cells, light.sheet, light.head[:, None])
    scores = [found.average(np.array([share]), np.array([0.0])) for share in (0.0, 0.75, 2.0)]
    wanted = [foretold(light, cells, share) for share in (0.0, 0.75, 2.0)]
    assert np.diff(scores) == pytest.approx(np.diff(wanted), rel=1e-6)


def test_a_free_parameter_more_is_foretold_and_costs_its_penalty(light, cells):
    fewer = Linear(light.seen, light.about, light.sheet[:, :2], light.beside, light.head, light.itself, INFLATION)
    scores = [left_out(each, cells, each.sheet).average() for each in (light, fewer)]
    assert scores[0] - scores[1] == pytest.approx(foretold(light, cells, 0) - foretold(fewer, cells, 0) - 0.5, rel=1e-6)


def test_an_unknown_share_is_averaged_over_its_prior(light, cells):
    found = left_out(light, cells, light.sheet, light.head[:, None])
    usual = foretold(light, cells, 0.75)
    prior = norm(0.75, 0.25)
    mean, _ = quad(lambda share: np.exp(foretold(light, cells, share) - usual) * prior.pdf(share), -1.0, 2.5)
    averaged = found.average(np.array([0.75]), np.array([0.25]))
    assert averaged - found.average(np.array([0.75]), np.array([0.0])) == pytest.approx(np.log(mean), rel=1e-6)


def test_two_shapes_are_averaged_one_after_the_other_or_at_once(light, cells):
    other = np.random.default_rng(4).standard_normal(len(light.seen))
    found = left_out(light, cells, light.sheet, np.column_stack([light.head, other]))
    means, deviations = np.array([0.75, 0.2]), np.array([0.25, 0.5])
    given = lambda share: found.average(np.array([0.75, share]), np.array([0.25, 0.0]))  # noqa: E731
    prior = norm(0.2, 0.5)
    mean, _ = quad(lambda share: np.exp(given(share) - given(0.2)) * prior.pdf(share), -3.0, 3.0)
    assert found.average(means, deviations) - given(0.2) == pytest.approx(np.log(mean), rel=1e-6)


def test_noise_without_end_tells_nothing(light, cells):
    endless = Linear(light.seen, light.about, light.sheet, light.beside, light.head, light.itself, np.inf)
    found = left_out(endless, cells, light.sheet, light.head[:, None])
    head, sheet = (found.average(np.array([mean]), np.array([0.1])) for mean in (0.75, 0.0))
    assert head == sheet


def test_a_head_is_best_only_where_it_is_so_against_the_room_and_with_the_halves():
    head = Scores(plane=-20.0, cylinder=-5.0, screen=-20.0, head=0.0)
    sheet = Scores(plane=-9.0, cylinder=0.0, screen=-20.0, head=-8.0)
    assert Hypotheses(head, None).best is Hypothesis.HEAD
    assert Hypotheses(head, None).odds == 5.0
    # Together -5 and -8.
    assert Hypotheses(head, sheet).best is Hypothesis.CYLINDER
    assert Hypotheses(head, sheet).odds == -3.0
    # Not by the halves alone.
    assert Hypotheses(sheet, Scores(-90.0, -90.0, -90.0, 0.0)).best is Hypothesis.CYLINDER
    assert Hypotheses(sheet, Scores(-90.0, -90.0, -90.0, 0.0)).odds == -8.0
