"""What the terminal's own light adds to a face, cell by cell, from frames under different light.

Every cell of the grid is fitted on its own by least squares over the frames: the light of the surroundings, what each
of the terminal's lights adds, a drift, and the cell's share in how the face moves. Movement is found from the picture
itself to the first order: how it shifts, turns, grows, and nods or shakes with its depth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.face_patch import CELLS, Grid, Patch, Surface
from edge.vision.least_squares import drift, solved

# Against the noise of the slopes that movement is found by, cells.
_SLOPE_BLUR: Final = 0.6
_DARKEST: Final = 1e-3
# Times the median of what the fit leaves of a frame.
_RESTLESS: Final = 2.0
SPARE: Final = 6
"""Frames that a fit must have more than unknowns."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A frame on the grid. ``repr`` shows no values.

    time: seconds. lit: (CELLS, lights) how much of each light lit each row of the grid, 0..1; NaN where that changed
    while the row was exposed.
    """

    patch: Patch
    time: float
    lit: Grid = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class LightResponse:
    """Linear light by its origin. ``repr`` shows no values.

    ambient: (CELLS, CELLS) of the surroundings. ours: (CELLS, CELLS, lights) that each light adds when it is fully on.
    covariance: (CELLS, CELLS, lights, lights) of ``ours``, by what the fit leaves. ambient_deviation: (CELLS, CELLS) of
    ``ambient``, likewise. known: (CELLS, CELLS) bool, fitted,
    and never at the end of the scale. levels: (samples,) light of the whole face, against that of the surroundings.
    movement: (samples, movements) how far the face had moved, in no unit. steady: (samples, CELLS, CELLS) the frames
    without that. lit, times: of the samples. restless: (samples,) bool, which were left out since they
    did not fit.
    """

    ambient: Grid = field(repr=False)
    ours: Grid = field(repr=False)
    covariance: Grid = field(repr=False)
    ambient_deviation: Grid = field(repr=False)
    known: NDArray[np.bool_] = field(repr=False)
    levels: Grid = field(repr=False)
    movement: Grid = field(repr=False)
    steady: Grid = field(repr=False)
    lit: Grid = field(repr=False)
    times: Grid = field(repr=False)
    restless: NDArray[np.bool_] = field(repr=False)

    def contrast(self, surface: Surface) -> float:
        """What all lights add, against the light of the surroundings, over the face."""
        face = self.known & surface.still
        return float(self.ours[face].sum() / self.ambient[face].sum())

    def all_lights(self) -> tuple[Grid, Grid]:
        """(CELLS, CELLS) that all lights add together, and its deviation."""
        return self.ours.sum(axis=2), np.sqrt(np.maximum(self.covariance.sum(axis=(2, 3)), 0.0))

    def difference(self) -> tuple[Grid, Grid]:
        """(CELLS, CELLS) first light less second, and its deviation: infinite in rows that never saw them apart.

        Raises ValueError where there is one light.
        """
        if self.ours.shape[2] != 2:
            raise ValueError(f"a difference is of two lights, not of {self.ours.shape[2]}")
        signs = np.array([1.0, -1.0])
        variance = np.einsum("rcij,i,j->rc", self.covariance, signs, signs)
        apart = np.abs(np.nan_to_num(self.lit @ signs)[~self.restless]).sum(axis=0) > 0
        return self.ours @ signs, np.where(apart[:, None], np.sqrt(np.maximum(variance, 0.0)), np.inf)

    def deviation_of(self, weights: Grid, signs: Grid) -> float:
        """Of a weighted sum over the cells of ``ours @ signs``, by how it scatters from frame to frame.

        What cells have in common, as what is left of a movement, adds up in such a sum, and so does what neighbouring
        frames have. Infinite where too few frames tell. weights: (CELLS, CELLS). signs: (lights,).
        """
        whole = np.isfinite(self.lit).all(axis=(1, 2)) & ~self.restless
        moved = self.movement - self.movement.mean(axis=0)
        design = np.column_stack([self.lit.mean(axis=1), drift(self.times), moved])[whole]
        if len(design) - design.shape[1] < SPARE:
            return math.inf
        fit = solved(design, np.einsum("frc,rc->f", self.steady[whole], weights))
        left, lights = fit.left, len(signs)
        # Below nothing by rounding, where no whole frame saw the lights apart.
        share = max(0.0, float(signs @ fit.covariance[:lights, :lights] @ signs))
        variance = float(left @ left) / fit.spare * share
        alike = max(0.0, float(left[1:] @ left[:-1]) / max(float(left @ left), 1e-30))
        # So many fewer frames are independent (first-order autoregression).
        return math.sqrt(variance * (1 + alike) / (1 - min(alike, 0.9)))


def light_response(samples: Sequence[Sample], surface: Surface) -> LightResponse | None:
    """None where the frames are too few for what is to be found, or no light changed in them.

    samples: in order of time, of one grid. surface: under that grid.
    """
    times = np.array([sample.time for sample in samples])
    if np.ptp(times) <= 0:
        return None
    values = np.stack([sample.patch.levels for sample in samples]).astype(np.float64)
    lit = np.stack([sample.lit for sample in samples])
    clipped = np.stack([sample.patch.clipped for sample in samples]).max(axis=0) > 0
    movement = _Movement(values.mean(axis=0), surface)
    # A head in our light looks like one that nods or turns. All lights as one, which many frames show: one light alone
    # was on for a moment, and a movement of that moment would pass for it.
    together = lit.sum(axis=2, keepdims=True)
    at_rest = _fit(values, together, times, None)
    amounts = movement.amounts(values - np.nan_to_num(together * at_rest.ours[None, ..., 0]))
    steady = values - movement.of(amounts)
    fitted = _fit(steady, lit, times, amounts)
    if not fitted.known.any():
        return None
    restless = fitted.off > _RESTLESS * float(np.nanmedian(fitted.off))
    if restless.any():
        # A blink moves the landmarks, and so the grid, by more than the first order tells.
        fitted = _fit(steady, np.where(restless[:, None, None], np.nan, lit), times, amounts)
    known = fitted.known & ~clipped & (fitted.ambient > 0)
    face = known & surface.still
    if not face.any():
        return None
    levels = steady[:, face].sum(axis=1) / fitted.ambient[face].sum()
    return LightResponse(
        fitted.ambient,
        fitted.ours,
        fitted.covariance,
        fitted.ambient_deviation,
        known,
        levels,
        amounts,
        steady,
        lit,
        times,
        restless,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """off: (frames,) how much of each the fit leaves; NaN where none of it was used."""

    off: Grid = field(repr=False)
    ambient: Grid = field(repr=False)
    ours: Grid = field(repr=False)
    covariance: Grid = field(repr=False)
    ambient_deviation: Grid = field(repr=False)
    known: NDArray[np.bool_] = field(repr=False)


def _fit(values: Grid, lit: Grid, times: Grid, amounts: Grid | None) -> _Fit:
    """amounts: (frames, movements) of movement, in which each cell has a share of its own."""
    nuisance = drift(times)
    if amounts is not None:
        nuisance = np.column_stack([nuisance, amounts - amounts.mean(axis=0)])
    lights = lit.shape[2]
    shape = (CELLS, CELLS)
    squares, counts = np.zeros(len(values)), np.zeros(len(values))
    fit = _Fit(
        np.full(len(values), np.nan),
        np.zeros(shape),
        np.zeros((*shape, lights)),
        np.zeros((*shape, lights, lights)),
        np.zeros(shape),
        np.zeros(shape, np.bool_),
    )
    for row in range(CELLS):
        usable = np.isfinite(lit[:, row]).all(axis=1)
        design = np.column_stack([lit[usable, row], nuisance[usable]])
        if len(design) - design.shape[1] < SPARE or np.ptp(design[:, :lights], axis=0).min() <= 0:
            continue
        cells = solved(design, values[usable, row])
        squares[usable] += (cells.left**2).sum(axis=1)
        counts[usable] += cells.left.shape[1]
        variance = (cells.left**2).sum(axis=0) / cells.spare
        fit.ours[row] = cells.found[:lights].T
        fit.ambient[row] = cells.found[lights]
        fit.covariance[row] = variance[:, None, None] * cells.covariance[:lights, :lights]
        fit.ambient_deviation[row] = np.sqrt(variance * cells.covariance[lights, lights])
        fit.known[row] = True
    np.divide(squares, counts, out=fit.off, where=counts > 0)
    np.sqrt(fit.off, out=fit.off)
    return fit


def shifts(picture: Grid) -> Grid:
    """(4, CELLS, CELLS) what a picture gains that is shifted right and down, grows, and turns, by a cell each."""
    down, right = np.gradient(cv2.GaussianBlur(picture, (0, 0), _SLOPE_BLUR))
    y, x = _places()
    return np.stack([right, down, right * x + down * y, down * x - right * y])


def _places() -> Grid:
    """(2, CELLS, CELLS) how far down and right each cell is from the middle, in widths of the grid."""
    return np.asarray((np.mgrid[0:CELLS, 0:CELLS] - (CELLS - 1) / 2) / CELLS)


class _Movement:
    """What small movements of the face add to its picture, found where nothing blinks or speaks."""

    def __init__(self, mean: Grid, surface: Surface) -> None:
        """mean: (CELLS, CELLS) of all frames."""
        y, x = _places()
        right, down, grown, turned = shifts(mean)
        still = surface.still
        depth = surface.depth - surface.depth[still].mean()
        depth /= max(float(depth[still].std()), 1e-9)
        across, upright = surface.normals[..., 0], surface.normals[..., 1]
        movements = (right, down, grown, turned, right * depth, down * depth)
        # Changes of light that are smooth over the face or over a head are not to pass for movement.
        lights = (mean, mean * x, mean * y, mean * across, mean * upright)
        self._patterns = np.stack(movements)
        self._still = still
        self._weights = 1 / np.sqrt(np.maximum(mean, _DARKEST))
        self._design = (np.stack([*movements, *lights]) * self._weights)[:, still].T

    def amounts(self, values: Grid) -> Grid:
        """(frames, movements) in (frames, CELLS, CELLS), against their mean."""
        change = ((values - values.mean(axis=0)) * self._weights)[:, self._still].T
        found = np.linalg.lstsq(self._design, change, rcond=None)[0].T
        return np.asarray(found[:, : len(self._patterns)])

    def of(self, amounts: Grid) -> Grid:
        """(frames, CELLS, CELLS) what they add."""
        return np.asarray(np.einsum("fm,mrc->frc", amounts, self._patterns))
