"""What surfaces near each other hide of the light from all round, and what light they give to each other.

A surface is divided into patches. The share of a point's light that comes from a patch's direction is their
configuration factor, cos p cos q A / (pi r^2), with which a fifth of A is added to pi r^2 so that it does not become
endless close by. All patches of a sheet of A4 together are within 1 % of its rectangle from 3.6 cm away (one and a half
times a patch's side), within 7 % at 2 cm and 20 % at 1.5 cm. Whether something stands between is not asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from edge.simulation.optics import Map, Pose, Shape, Sky, Vector
from edge.simulation.sheet import Sheet

# Patches each way of a sheet, and of another shape.
_SHEET: Final = 12
_BODY: Final = 8
_CLOSEST: Final = np.float32(1e-8)
_NOTHING: Final = 1e-15
# Multiplications for which OpenBLAS keeps to one thread: 4 (its GEMM_MULTITHREAD_THRESHOLD) times 65536.
_ONE_THREAD: Final = 4 * 65536


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """Of a surface, row by row.

    rows, columns: how many there are. middles, normals: (n, 3) float64 metres and unit vectors. areas: (n,) square
    metres of what is there. thin: it hides what is behind its back too.
    """

    rows: int
    columns: int
    middles: Vector
    normals: Vector
    areas: Vector
    thin: bool

    def placed(self, pose: Pose) -> Patches:
        turned = pose.rotation.T
        return replace(self, middles=self.middles @ turned + pose.position, normals=self.normals @ turned)

    def means(self, values: Map) -> Map:
        """(n,) or (n, channels) of values (h, w) or (h, w, channels) that span the surface."""
        means = cv2.resize(values, (self.columns, self.rows), interpolation=cv2.INTER_AREA)
        return np.asarray(means.reshape(self.rows * self.columns, *values.shape[2:]), np.float32)


def patches_of(shape: Shape) -> Patches:
    """In the shape's own coordinates."""
    points = shape.points.astype(np.float64)
    # Corners of the grid's cells, and the areas of these with their normals.
    upper_left, upper_right, lower_left, lower_right = (
        points[:-1, :-1],
        points[:-1, 1:],
        points[1:, :-1],
        points[1:, 1:],
    )
    middles = (upper_left + upper_right + lower_left + lower_right) / 4
    # Half of the cross product of its diagonals is a cell's area, times its normal.
    areas = np.cross(lower_right - upper_left, upper_right - lower_left) / 2
    if isinstance(shape, Sheet) and shape.outline is not None:
        rows, columns = areas.shape[:2]
        areas = areas * cv2.resize(shape.outline, (columns, rows), interpolation=cv2.INTER_AREA)[..., None]
    size = np.linalg.norm(areas, axis=2, keepdims=True)
    parts = _SHEET if isinstance(shape, Sheet) else _BODY
    total, normal = _blocks(size, parts), _blocks(areas, parts)
    middle = _blocks(middles * size, parts) / np.maximum(total, _NOTHING)
    length = np.linalg.norm(normal, axis=2, keepdims=True)
    rows, columns = total.shape[:2]
    return Patches(
        rows,
        columns,
        middle.reshape(-1, 3),
        (normal / np.maximum(length, _NOTHING)).reshape(-1, 3),
        length.ravel(),
        isinstance(shape, Sheet),
    )


def _blocks(values: Vector, parts: int) -> Vector:
    """Values (h, w, n) of cells added up to those of so many patches each way at most: (rows, columns, n)."""
    for axis in range(2):
        cells = values.shape[axis]
        begins = np.unique(np.linspace(0, cells, min(parts, cells) + 1).astype(np.intp))[:-1]
        values = np.add.reduceat(values, begins, axis=axis)
    return values


@dataclass(frozen=True, slots=True, eq=False)
class Coupling:
    """Between points and patches.

    given: (points, patches) float32 configuration factors of what the patches' fronts give. hidden: of what they hide.
    down: (points, patches) y of the unit vectors to them.
    """

    given: Map
    hidden: Map
    down: Map

    def hides(self, sky: Sky, normals_down: Map) -> Map:
        """(points,) share 0..1 of what would come from all round. normals_down: (points,) y of their normals."""
        bright = self.hidden
        if sky.above > 0:
            bright = bright * np.maximum(1 - np.float32(1.5 * sky.above) * self.down, 0)
        whole = np.maximum(1 - np.float32(sky.above) * normals_down, np.float32(1e-3))
        return np.asarray(np.minimum(bright.sum(axis=1) / whole, 1), np.float32)


def coupling(points: Vector, normals: Vector, patches: Patches) -> Coupling:
    """points, normals: (n, 3) float64 world metres and unit vectors. patches: in the world."""
    # Products of matrices instead of differences of each pair; about a middle near them, which float32 can resolve.
    origin = patches.middles.mean(axis=0)
    here, there = (points - origin).astype(np.float32), (patches.middles - origin).astype(np.float32)
    facing, back = normals.astype(np.float32), patches.normals.astype(np.float32)
    squared = (here * here).sum(axis=1)[:, None] + (there * there).sum(axis=1) - 2 * product(here, there.T)
    squared = np.maximum(squared, _CLOSEST)
    leaving = np.maximum(product(facing, there.T) - (facing * here).sum(axis=1)[:, None], 0)
    arriving = product(here, back.T) - (there * back).sum(axis=1)
    areas = patches.areas.astype(np.float32)
    leaving *= areas / (squared * (np.float32(math.pi) * squared + areas / 5))
    given = leaving * np.maximum(arriving, 0)
    hidden = leaving * np.abs(arriving) if patches.thin else given
    down = (there[:, 1] - here[:, 1:2]) / np.sqrt(squared)
    return Coupling(given, hidden, down)


def product(one: Map, other: Map) -> Map:
    """Of matrices, some rows at a time: a larger one is divided over threads, which wait for each other longer."""
    rows = max(1, _ONE_THREAD // max(1, other.size))
    return np.concatenate([one[begin : begin + rows] @ other for begin in range(0, len(one), rows)])
