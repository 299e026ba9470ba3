"""Whether the light of a face follows the code that was played, or any other one just as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray


def rank_of_code(played: Sequence[float], times: Sequence[float], levels: Sequence[float]) -> float:
    """Share of all orders of the played steps that the levels follow as well as the played one, or better.

    It is never 0: the floor of the test is one of all orders. played: brightness shown in each step. times: seconds, of
    each step. levels: light of the face in each. What drifts evenly is taken out of codes and levels before they are
    compared, by correlation. Raises ValueError for fewer than four steps.
    """
    if len(played) < 4 or not len(played) == len(times) == len(levels):
        raise ValueError(
            f"{len(played)} steps, {len(times)} times and {len(levels)} levels are no code of four or more"
        )
    counts = Counter(played)
    codes = _orders(tuple(sorted(counts.items())))
    drift = np.column_stack([np.ones(len(times)), times])
    basis, _ = np.linalg.qr(drift)

    def shape(values: NDArray[np.float64]) -> NDArray[np.float64]:
        free = values - (values @ basis) @ basis.T
        return np.asarray(free / np.maximum(np.linalg.norm(free, axis=-1, keepdims=True), 1e-12))

    seen = shape(np.asarray(levels, np.float64))
    agreement = shape(codes) @ seen
    own = float(shape(np.asarray(played, np.float64)) @ seen)
    # One of the codes is the played one; rounding must not lose it.
    return float((agreement >= own - 1e-9).sum()) / len(codes)


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
