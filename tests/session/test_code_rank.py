"""Whether levels follow a code: a rank among all orders of its steps."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from edge.session.code_rank import rank_of_code

CODE = [0, 1, 1, 2, 0, 1, 2, 1, 0, 1, 2, 1]
TIMES = [0.2 * step for step in range(12)]


def test_whoever_follows_the_code_is_one_of_all_orders():
    # 12! / (3! 6! 3!)
    assert rank_of_code(CODE, TIMES, [5 + 0.01 * step for step in CODE]) == pytest.approx(1 / 18480)


def test_small_codes_by_hand():
    # Of the six orders of two dark and two bright steps, drift aside, this one alone fits its own levels.
    assert rank_of_code([0, 1, 1, 0], [0, 1, 2, 3], [0, 1, 1, 0]) == pytest.approx(1 / 6)
    assert rank_of_code([0, 1, 1, 0], [0, 1, 2, 3], [1, 0, 0, 1]) == pytest.approx(1.0)


def test_an_even_drift_tells_nothing():
    levels = [1 + 0.3 * time + 0.01 * step for step, time in zip(CODE, TIMES, strict=True)]
    assert rank_of_code(CODE, TIMES, levels) == pytest.approx(1 / 18480)


def test_of_a_face_that_does_not_follow_every_rank_is_as_likely():
    rng = np.random.default_rng(4)
    ranks = np.array([rank_of_code(CODE, TIMES, rng.normal(size=12)) for _ in range(400)])
    assert ranks.min() >= 1 / 18480
    # 400 draws of a uniform law: three deviations of the mean, and of the share below a tenth.
    assert ranks.mean() == pytest.approx(0.5, abs=3 * np.sqrt(1 / 12 / 400))
    assert (ranks < 0.1).mean() == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / 400))


def test_it_agrees_with_a_count_over_permutations():
    code, times, levels = [0, 1, 2, 1, 0], [0.0, 0.2, 0.4, 0.7, 0.9], [0.3, 0.9, 1.2, 1.1, 0.4]
    drift = np.column_stack([np.ones(5), times])

    def agreement(order):
        free = [np.asarray(v, float) - drift @ np.linalg.lstsq(drift, np.asarray(v, float))[0] for v in (order, levels)]
        return np.corrcoef(*free)[0, 1]

    orders = set(permutations(code))
    as_well = sum(agreement(order) >= agreement(code) - 1e-9 for order in orders)
    assert rank_of_code(code, times, levels) == pytest.approx(as_well / len(orders))


def test_no_code_is_refused():
    with pytest.raises(ValueError, match="no code of four or more"):
        rank_of_code([0, 1, 0], [0, 1, 2], [0, 1, 0])
