"""When a light changed, by the frames' time stamps and down to their rows, against when it was commanded. Pure.

The rows of a frame are exposed one after the other, so those that were being exposed while the light changed have seen
a part of it: where they are, and how large their part is, tells the moment. The light is taken to begin after a delay
and then to go to its end exponentially, as backlights, panels and light-emitting diodes do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.terminal.doctor.frame_series import Levels, Seen
from edge.terminal.doctor.light_answer import TAIL, Epoch

# Parts of a picture's height that are fitted, each the mean of its rows, where the light shows by so much of the most.
_BANDS: Final = 48
_SHOWS: Final = 0.25
_MOST_CLIPPED: Final = 0.3
# Seconds that are searched, and time constants to begin with.
_FIRST, _LAST = -0.4, 0.6
_STEP: Final = 4e-3
_CONSTANTS: Final = (3e-4, 3e-3, 12e-3, 40e-3)
_LEAST_CONSTANT, _MOST_CONSTANT = 5e-5, 0.15
_ROUNDS: Final = 4
_NEWTON: Final = 6
# Seconds around the change in which rows tell something of it, and of the step of a derivative.
_AROUND: Final = 0.1
_SMALL: Final = 1e-4
# Straddling parts of rows, all in all, below which nothing is told; shares of light between which a row straddles.
_ENOUGH: Final = 12
_PARTLY: Final = (0.03, 0.97)
_SINGULAR: Final = 1e12
# Seconds, by which parts of rows of some height, and lights that are not quite exponential, are off at least.
_MODEL: Final = 1e-4
# Time constants after which 2 % of a change are left.
_SETTLING: Final = 4.0


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a light changes.

    delay: seconds from command to where it begins, by the frames' time stamps: what the light takes, and what the
    stamps are off. settled: until 2 % of the change are left. delay_off, settled_off: three standard deviations of
    each.
    exposure: seconds. samples: parts of frames that were exposed while it changed.
    """

    delay: float
    delay_off: float
    settled: float
    settled_off: float
    exposure: float
    samples: int


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Parts of frames, one after the other.

    begins: seconds from the command to the begin of its exposure. exposures: seconds. shares: of the light that it saw,
    0 before and 1 after the change. weights: how much the light is there over all. change: number of it.
    """

    begins: Levels = field(repr=False)
    exposures: Levels = field(repr=False)
    shares: Levels = field(repr=False)
    weights: Levels = field(repr=False)
    change: Levels = field(repr=False)
    rising: Levels = field(repr=False)

    def of(self, chosen: NDArray[np.bool_] | slice) -> _Rows:
        return _Rows(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def find_edge(epochs: Sequence[Epoch]) -> Edge | None:
    """epochs: dark and lit ones in turns, of frames whose exposure is held.

    None where frames do not say when they were exposed, where the light does not make their rows brighter, and where
    no row was exposed during a change.
    """
    rows = _rows(epochs)
    if rows is None:
        return None
    delay, constant = _searched(rows)
    near = rows.of(np.abs(rows.begins + rows.exposures / 2 - delay) < rows.exposures / 2 + _AROUND)
    delay, constant = _refined(near, delay, constant)
    share = _share(near, delay, constant)
    samples = int(((share > _PARTLY[0]) & (share < _PARTLY[1])).sum())
    if samples < _ENOUGH:
        return None
    off = _deviations(near, delay, constant)
    if off is None:
        return None
    exposure = float(rows.exposures.mean())
    return Edge(delay, off[0], delay + _SETTLING * constant, off[1], exposure, samples)


def _rows(epochs: Sequence[Epoch]) -> _Rows | None:
    dark, lit = (_mean(epochs, lit=lit) for lit in (False, True))
    if dark is None or lit is None:
        return None
    added = lit - dark
    chosen = added > _SHOWS * added.max()
    if added.max() <= 0 or not chosen.any():
        return None
    found: list[tuple[Levels, ...]] = []
    for number, epoch in enumerate(epochs[1:]):
        for frame in epoch.frames:
            exposure = frame.exposure
            if exposure is None:
                return None
            share = ((_bands(frame) - dark) / np.where(chosen, added, 1.0))[chosen]
            begins = exposure.start - epoch.change.commanded_at + _middles(frame)[chosen] * exposure.line_time
            same = np.ones_like(share)
            found.append(
                (
                    begins,
                    exposure.duration * same,
                    share if epoch.lit else 1 - share,
                    (added / added.max())[chosen],
                    number * same,
                    float(epoch.lit) * same,
                )
            )
    return _Rows(*(np.concatenate(values) for values in zip(*found, strict=True))) if found else None


def _mean(epochs: Sequence[Epoch], *, lit: bool) -> Levels | None:
    frames = [frame for epoch in epochs if epoch.lit is lit for frame in epoch.frames[-TAIL:]]
    if not frames or any(frame.exposure is None or frame.clipped > _MOST_CLIPPED for frame in frames):
        return None
    return np.asarray(np.mean([_bands(frame) for frame in frames], axis=0), np.float64)


def _edges(frame: Seen) -> NDArray[np.intp]:
    return np.linspace(0, len(frame.rows), min(_BANDS, len(frame.rows)) + 1).astype(np.intp)


def _bands(frame: Seen) -> Levels:
    edges = _edges(frame)
    sums = np.add.reduceat(frame.rows, edges[:-1])
    return np.asarray(sums / np.diff(edges) * frame.scale, np.float64)


def _middles(frame: Seen) -> Levels:
    edges = _edges(frame)
    return np.asarray((edges[:-1] + edges[1:] - 1) / 2, np.float64)


def _share(rows: _Rows, delay: float, constant: float) -> Levels:
    """Of the light, that each sees."""
    begins = rows.begins - delay
    return np.asarray((_given(begins + rows.exposures, constant) - _given(begins, constant)) / rows.exposures)


def _given(seconds: Levels, constant: float) -> Levels:
    """Integral of a light that begins at 0."""
    after = np.maximum(seconds, 0.0)
    return np.asarray(after + constant * np.expm1(-after / constant), np.float64)


def _cost(rows: _Rows, delay: float, constant: float) -> float:
    return float((((_share(rows, delay, constant) - rows.shares) * rows.weights) ** 2).sum())


def _searched(rows: _Rows) -> tuple[float, float]:
    few = rows.of(slice(None, None, max(1, len(rows.begins) // 2000)))
    return min(
        ((delay, constant) for delay in np.arange(_FIRST, _LAST, _STEP).tolist() for constant in _CONSTANTS),
        key=lambda at: _cost(few, *at),
    )


def _refined(rows: _Rows, delay: float, constant: float) -> tuple[float, float]:
    """On finer grids first: where rows are exposed shortly, the cost has no useful slope from afar. Then by Newton's
    steps (Gauss-Newton), along the valley in which a later begin makes up for a shorter constant.
    """
    step, factor = _STEP, 4.0
    for _ in range(_ROUNDS):
        delay, constant = min(_around(delay, constant, step, factor), key=lambda at: _cost(rows, *at))
        step, factor = step / 2.5, math.sqrt(factor)
    for _ in range(_NEWTON):
        left, slopes = _linear(rows, delay, constant)
        later, longer = np.linalg.lstsq(slopes, left, rcond=1e-9)[0].tolist()
        steps = [
            (delay + part * later, min(max(constant + part * longer, _LEAST_CONSTANT), _MOST_CONSTANT))
            for part in (1.0, 0.5, 0.2, 0.0)
        ]
        delay, constant = min(steps, key=lambda at: _cost(rows, *at))
    return delay, constant


def _linear(rows: _Rows, delay: float, constant: float) -> tuple[Levels, Levels]:
    """What is left of the shares, and (rows, 2) how they change with delay and constant; both weighted."""
    left = (rows.shares - _share(rows, delay, constant)) * rows.weights
    step = min(_SMALL, constant / 2)
    slopes = np.stack(
        [
            (_share(rows, delay + _SMALL, constant) - _share(rows, delay - _SMALL, constant)) / (2 * _SMALL),
            (_share(rows, delay, constant + step) - _share(rows, delay, constant - step)) / (2 * step),
        ],
        axis=1,
    )
    return left, slopes * rows.weights[:, None]


def _around(delay: float, constant: float, step: float, factor: float) -> Iterator[tuple[float, float]]:
    for aside in np.linspace(-1.5, 1.5, 7).tolist():
        for power in (-1.0, -0.5, 0.0, 0.5, 1.0):
            yield delay + aside * step, min(max(constant * factor**power, _LEAST_CONSTANT), _MOST_CONSTANT)


def _deviations(rows: _Rows, delay: float, constant: float) -> tuple[float, float] | None:
    """Three of delay and of when it has settled, by what the fit leaves, by how much single changes differ, and by how
    much on differs from off. None where it is not told.
    """
    left, slopes = _linear(rows, delay, constant)
    told = slopes.T @ slopes
    if np.linalg.cond(told) > _SINGULAR or told[0, 0] <= 0:
        return None
    inverse = np.linalg.inv(told)
    scatter = float((left**2).sum() / max(len(left) - 2, 1))
    # What the rows of one change have in common, as how late its command was, adds up: White's estimate, clustered.
    numbers = np.unique(rows.change)
    each = np.stack([left[rows.change == number] @ slopes[rows.change == number] for number in numbers]) @ inverse
    rising = np.array([rows.rising[rows.change == number][0] for number in numbers], np.bool_)
    found = []
    for asked in (np.array([1.0, 0.0]), np.array([1.0, _SETTLING])):
        of_fit = scatter * float(asked @ inverse @ asked)
        of_changes = float(((each @ asked) ** 2).sum()) * len(numbers) / max(len(numbers) - 1, 1)
        ways = float((each[rising] @ asked).sum() - (each[~rising] @ asked).sum())
        found.append(3 * math.sqrt(max(of_fit, of_changes) + ways**2) + _MODEL)
    return found[0], found[1]
