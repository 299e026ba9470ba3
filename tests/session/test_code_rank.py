"""Whether levels follow a code: a rank among all orders of its steps."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from edge.session.code_rank import rank_of_code

CODE = [0, 1, 1, 2, 0, 1, 2, 1, 0, 1, 2, 1]
EACH = 3
STEPS = np.repeat(np.arange(12), EACH)
TIMES = np.linspace(-1, 1, len(STEPS))
SHOWN = np.array(CODE, float)[STEPS]


def rank(levels, *more):
    return rank_of_code(CODE, STEPS, levels, np.column_stack([TIMES, *more]))


def test_whoever_follows_the_code_is_one_of_all_orders():
    # 12! / (3! 6! 3!)
    assert rank(5 + 0.01 * SHOWN) == pytest.approx(1 / 18480)


def test_small_codes_by_hand():
    # Of the six orders of two dark and two bright steps, drift aside, this one alone fits its own levels.
    code, steps, drift = [0, 1, 1, 0], np.arange(4), np.array([[-1.5], [-0.5], [0.5], [1.5]])
    assert rank_of_code(code, steps, np.array([0.0, 1, 1, 0]), drift) == pytest.approx(1 / 6)
    assert rank_of_code(code, steps, np.array([1.0, 0, 0, 1]), drift) == pytest.approx(1.0)


def test_what_else_changes_the_light_tells_nothing():
    sway = np.sin(4 * TIMES)
    levels = 1 + 0.3 * TIMES + 0.5 * sway + 0.01 * SHOWN
    assert rank(levels) > 0.01
    assert rank(levels, sway) == pytest.approx(1 / 18480)


def test_of_a_face_that_does_not_follow_every_rank_is_as_likely():
    rng = np.random.default_rng(4)
    ranks = np.array([rank(rng.normal(size=len(STEPS))) for _ in range(300)])
    assert ranks.min() >= 1 / 18480
    # 300 draws of a uniform law: three deviations of the mean, and of the share below a tenth.
    assert ranks.mean() == pytest.approx(0.5, abs=3 * np.sqrt(1 / 12 / 300))
    assert (ranks < 0.1).mean() == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / 300))


def test_it_agrees_with_a_count_over_permutations():
    code, levels = [0, 1, 2, 1, 0], np.array([0.3, 0.9, 1.2, 1.1, 0.4])
    times = np.array([-0.5, -0.3, 0.0, 0.2, 0.6])
    drift = np.column_stack([np.ones(5), times])

    def agreement(order):
        free = [np.asarray(v, float) - drift @ np.linalg.lstsq(drift, np.asarray(v, float))[0] for v in (order, levels)]
        return np.corrcoef(*free)[0, 1]

    orders = set(permutations(code))
    as_well = sum(agreement(order) >= agreement(code) - 1e-9 for order in orders)
    assert rank_of_code(code, np.arange(5), levels, times[:, None]) == pytest.approx(as_well / len(orders))


@pytest.mark.parametrize("code", [[0, 1, 0], CODE])
def test_too_few_steps_and_steps_that_were_not_seen_are_refused(code):
    with pytest.raises(ValueError, match="is not told by samples of 3"):
        rank_of_code(code, np.array([0, 1, 2]), np.zeros(3), np.ones((3, 1)))
