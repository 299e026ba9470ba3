"""Whether the light of a face follows the code that was played, or any other one just as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_FEWEST: Final = 4


def rank_of_code(played: Sequence[float], steps: NDArray[np.intp], levels: Values, nuisance: Values) -> float:
    """Share of all orders of the played steps that the levels follow as well as the played one, or better.

    It is never 0: the floor of the test is one of all orders. played: brightness shown in each step. steps: (samples,)
    in which of them each sample was taken. levels: (samples,) light of the face. nuisance: (samples, n) what else
    changes them, as a drift does; codes and levels are compared, by correlation, by what it does not explain.
    Raises ValueError for fewer than four steps, and for a step without a sample.
    """
    if len(played) < _FEWEST or set(steps.tolist()) != set(range(len(played))):
        raise ValueError(f"a code of {len(played)} steps is not told by samples of {len(set(steps.tolist()))}")
    largest = np.maximum(np.abs(nuisance).max(axis=0), 1e-12)
    basis, _ = np.linalg.qr(np.column_stack([np.ones(len(levels)), nuisance / largest]))

    def shape(values: Values) -> Values:
        free = values - (values @ basis) @ basis.T
        return np.asarray(free / np.maximum(np.linalg.norm(free, axis=-1, keepdims=True), 1e-12))

    seen = shape(levels)
    agreement = shape(_orders(tuple(sorted(Counter(played).items())))[:, steps]) @ seen
    own = float(shape(np.asarray(played, np.float64)[steps]) @ seen)
    # One of the codes is the played one; rounding must not lose it.
    return float((agreement >= own - 1e-9).mean())


@cache
def _orders(counts: tuple[tuple[float, int], ...]) -> NDArray[np.float64]:
    """(orders, steps), each once."""
    length = sum(count for _, count in counts)
    orders = [np.full(length, np.nan)]
    for value, count in counts:
        longer = []
        for order in orders:
            free = np.flatnonzero(np.isnan(order))
            for places in combinations(free.tolist(), count):
                filled = order.copy()
                filled[list(places)] = value
                longer.append(filled)
        orders = longer
    return np.array(orders)
