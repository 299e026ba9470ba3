"""Small unsteady movements of bodies and hands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.simulation.optics import Vector

WAVES: Final = 12


class Waves:
    """Noise of a band of frequencies as a sum of waves: the same at the same time."""

    def __init__(self, rng: np.random.Generator, deviations: Sequence[float], hertz: tuple[float, float]) -> None:
        size = (len(deviations), WAVES)
        self._rate = 2 * np.pi * np.exp(rng.uniform(math.log(hertz[0]), math.log(hertz[1]), size))
        self._phase = rng.uniform(0, 2 * np.pi, size)
        # Slow movements are larger: amplitude falls as the root of the frequency. The squares add up to the variance.
        amplitude = self._rate**-0.5
        self._amplitude = amplitude * (
            np.array(deviations)[:, None] * np.sqrt(2.0 / (amplitude**2).sum(axis=1, keepdims=True))
        )

    def at(self, now: float) -> Vector:
        return np.asarray((self._amplitude * np.sin(self._rate * now + self._phase)).sum(axis=1), np.float64)
