"""Least squares, with what is uncertain about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_TUKEY: Final = 4.685


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """found: (unknowns, …) for values (equations, …). covariance: (unknowns, unknowns) for errors of variance 1.
    left: of the shape of the values, what is not explained. spare: equations more than unknowns.
    """

    found: Values = field(repr=False)
    covariance: Values = field(repr=False)
    left: Values = field(repr=False)
    spare: int


def solved(design: Values, values: Values) -> Solution:
    """design: (equations, unknowns), of any scale and rank."""
    scale = np.maximum(np.abs(design).max(axis=0), 1e-12)
    scaled = design / scale
    inverse = np.linalg.pinv(scaled.T @ scaled)
    found = inverse @ scaled.T @ values
    return Solution(
        (found.T / scale).T, inverse / np.outer(scale, scale), values - scaled @ found, len(design) - design.shape[1]
    )


def drift(times: Values) -> Values:
    """(frames, 3) what changes slowly in time: a constant and a parabola. times: (frames,) not all the same."""
    when = (times - times.mean()) / max(float(np.ptp(times)), 1e-9)
    return np.column_stack([np.ones_like(when), when, when**2])


def biweight(off: Values, scale: float) -> Values:
    """(n,) Tukey's weights of what is off by so much where errors have the deviation ``scale``.

    95 % as good as least squares where nothing is wrong (Huber, Robust Statistics, 1981).
    """
    return np.asarray(np.maximum(1 - (off / (_TUKEY * scale)) ** 2, 0.0) ** 2)
