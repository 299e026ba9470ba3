"""From a PAD network's output to one number that networks share: the log-odds of a live face."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.inference.manifest import Manifest, Meaning

LOGIT_LIMIT = 16.0
"""Log-odds are cut here: float32 probabilities saturate, and one network must not drown the others."""


def live_logit(manifest: Manifest, outputs: Sequence[NDArray[np.float32]]) -> float:
    """Log-odds of live against all other classes, within ±LOGIT_LIMIT; higher speaks for live.

    outputs: of ``LoadedModel.run`` for a model of stage ``pad``. Not calibrated: ``manifest.pad.margin`` takes the
    threshold away. Raises ValueError for a model of another stage and for an
    output that is not a number.
    """
    if manifest.pad is None:
        raise ValueError(f"{manifest.id} is no PAD network")
    # Plain floats: for a handful of numbers they are ten times as fast as arrays.
    values: list[float] = outputs[0].ravel().tolist()
    if not all(map(math.isfinite, values)):
        raise ValueError(f"{manifest.id} gave {values}")
    logit = _log_odds(manifest.outputs[0].meaning, manifest.pad.live_index or 0, values)
    return max(-LOGIT_LIMIT, min(-logit if manifest.pad.low_is_live else logit, LOGIT_LIMIT))


def _log_odds(meaning: Meaning, index: int, values: list[float]) -> float:
    if meaning is Meaning.LOGIT:
        return values[0]
    if meaning is Meaning.PROBABILITY:
        return _log_ratio(values[0], 1.0 - values[0])
    live, others = values[index], values[:index] + values[index + 1 :]
    if meaning is Meaning.PROBABILITIES:
        return _log_ratio(live, sum(others))
    highest = max(others)
    return live - highest - math.log(sum(math.exp(other - highest) for other in others))


def _log_ratio(live: float, rest: float) -> float:
    tiny = math.exp(-LOGIT_LIMIT - 1)
    return math.log(max(live, tiny)) - math.log(max(rest, tiny))
