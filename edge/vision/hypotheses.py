"""What foretells a ratio of two lights best: a plane, a bent sheet, a screen, or a head.

The cells of a face are divided into blocks, so wide that noise in one says little of the next. Each hypothesis is
fitted to all blocks but one and foretells that one, over all blocks in turn. What counts is how probable it held what
was left out, less a penalty for each parameter that it chooses freely.

How much of a head's shape there is, no hypothesis chooses: it has a normal prior, and what is foretold is averaged over
that. Otherwise a head that finds none of it in the other blocks would foretell a sheet as well as a sheet does.

Hypotheses are linear about a fit, with normal errors, so that all of this has a closed form (Bishop, Pattern
Recognition and Machine Learning, 2006, 2.3 and 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.vision.face_patch import CELLS, Grid

BLOCK: Final = 4
"""Cells of a block, each way."""

_FIRST_ORDER: Final = 3
# Mean and deviation of how much of a head's shape is there: what heads have, and what bending and gloss lend to sheets.
OF_A_HEAD: Final = (0.75, 0.25)
LENT: Final = (0.0, 0.1)
# Natural logarithm for each free parameter, half of Akaike's: to foretell what was left out costs the rest by itself.
_PENALTY: Final = 0.5
# Precision of what is free, where parameters are of order 1.
_FREE: Final = 1e-9
_NONE: Final[Grid] = np.zeros(0)


class Hypothesis(StrEnum):
    """plane: the logarithm of the ratio is of first order over the face. cylinder: of second order, with as little of a
    head's shape as bent sheets have. screen: of second order is not the ratio but our light, which owes nothing to the
    face's colours. head: as the cylinder, with a head's shape.
    """

    PLANE = "plane"
    CYLINDER = "cylinder"
    SCREEN = "screen"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Scores:
    """Natural logarithms of how probable each hypothesis held what was left out, less its penalty. Only differences
    tell anything.
    """

    plane: float
    cylinder: float
    screen: float
    head: float

    @property
    def best(self) -> Hypothesis:
        """Whose score is the highest."""
        return max(Hypothesis, key=lambda each: float(getattr(self, each.value)))

    @property
    def odds(self) -> float:
        """Natural logarithm of the odds of a head against the best other."""
        return self.head - max(self.plane, self.cylinder, self.screen)

    def times(self, share: float) -> Scores:
        """Of noise whose variance is 1 / ``share`` times what it was taken for."""
        return Scores(self.plane * share, self.cylinder * share, self.screen * share, self.head * share)

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.plane + other.plane, self.cylinder + other.cylinder, self.screen + other.screen, self.head + other.head
        )


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """room: of our light against that of the surroundings. halves: of a display's two halves; None as in ``Relief``."""

    room: Scores
    halves: Scores | None

    @property
    def together(self) -> Scores:
        """Of both ratios."""
        return self.room if self.halves is None else self.room + self.halves

    @property
    def best(self) -> Hypothesis:
        """A head only where it is the best of both ratios together, and of the one against the room as well."""
        return min((self.room, self.together), key=lambda scores: scores.odds).best

    @property
    def odds(self) -> float:
        """Natural logarithm of the odds of a head against the best other, the lesser of both; above 0 for a head."""
        return min(self.room.odds, self.together.odds)


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A light in n cells, linear in what a surface is, all against each cell's deviation. ``repr`` shows no values.

    seen: (n,) the light. about: (n,) what the columns leave of ``seen`` to where they are linear about. sheet: (n, 6)
    what adds to the logarithm of a ratio 1, x, y, and the second order. beside: (n, k) what any surface may have
    besides. head: (n,) what a whole head's shape adds. itself: (n, 6) a light of the same orders, without any colours.
    inflation: how many times their deviations errors are.
    """

    seen: Grid = field(repr=False)
    about: Grid = field(repr=False)
    sheet: Grid = field(repr=False)
    beside: Grid = field(repr=False)
    head: Grid = field(repr=False)
    itself: Grid = field(repr=False)
    inflation: float


def scores_of(light: Linear, cells: NDArray[np.bool_]) -> Scores:
    """cells: (CELLS, CELLS), of which n are True: where the light is, in order of rows."""
    flat = np.column_stack([light.sheet[:, :_FIRST_ORDER], light.beside])
    plane = left_out(light, cells, flat)
    bent = left_out(light, cells, np.column_stack([light.sheet, light.beside]), light.head[:, None])
    screen = left_out(replace(light, about=np.zeros_like(light.about)), cells, light.itself)
    lent, of_a_head = (bent.average(*np.array(prior)[:, None]) for prior in (LENT, OF_A_HEAD))
    return Scores(plane.average(), lent, screen.average(), of_a_head)


def _blocks(cells: NDArray[np.bool_]) -> Grid:
    """(blocks, n) 1.0 for the cells that are each block's, else 0.0."""
    row, column = np.nonzero(cells)
    number = row // BLOCK * CELLS + column // BLOCK
    return np.asarray(np.unique(number)[:, None] == number, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """How probable a light less shares of k shapes is, block by block after all others, as a logarithm, less a penalty.

    It is ``constant - (1, -shares) @ squares @ (1, -shares) / 2``, squares: (1 + k, 1 + k).
    """

    constant: float
    squares: Grid = field(repr=False)

    def average(self, mean: Grid = _NONE, deviation: Grid = _NONE) -> float:
        """Of the probability, over normal priors of the shares: (k,) each."""
        product, power = self.squares[0, 1:], self.squares[1:, 1:]
        left = self.squares[0, 0] - 2 * mean @ product + mean @ power @ mean
        # Shares in their own deviations; what lies in their prior beyond its mean is integrated out (Bishop, 2.115).
        further = deviation * (product - power @ mean)
        spread = np.eye(len(mean)) + deviation[:, None] * power * deviation
        gained = further @ np.linalg.solve(spread, further)
        return float(self.constant - 0.5 * (left - gained + np.linalg.slogdet(spread)[1]))


def left_out(light: Linear, cells: NDArray[np.bool_], free: Grid, shapes: Grid | None = None) -> LeftOut:
    """Of a hypothesis that chooses freely how much there is of (n, j) ``free``. shapes: (n, k), which have priors."""
    blocks = _blocks(cells)
    values = (light.seen - light.about)[:, None]
    every = np.column_stack([free, values] if shapes is None else [free, values, shapes])
    pairs = (every[:, :, None] * every[:, None, :]).reshape(len(every), -1)
    products = (blocks @ pairs / light.inflation**2).reshape(len(blocks), every.shape[1], every.shape[1])
    whole = products.sum(axis=0)
    count = free.shape[1]
    determinant, left = _fitted(whole, count)
    determinants, lefts = _fitted(whole - products, count)
    constant = -0.5 * float((determinant - determinants).sum()) - _PENALTY * count
    return LeftOut(constant, (left - lefts).sum(axis=0))


def _fitted(products: Grid, count: int) -> tuple[Grid, Grid]:
    """Logarithm of the determinant of what is known of the first ``count`` columns, and the squares and products that
    the other columns leave when these are fitted to them.
    """
    known = products[..., :count, :count] + _FREE * np.eye(count)
    across = products[..., :count, count:]
    left = products[..., count:, count:] - np.swapaxes(across, -1, -2) @ np.linalg.solve(known, across)
    return np.linalg.slogdet(known)[1], left
