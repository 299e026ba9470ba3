"""A face's light on a grid that goes with the face, so that pictures of one face can be held against each other.

The grid is laid over the landmarks of a first frame and follows later ones by a similarity transform.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch, Shelf
from edge.frames.frame import Frame
from edge.frames.linear import LightPicture, light_picture
from edge.vision.crops import similarity
from edge.vision.landmarks import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LIP_LOWER,
    LIP_UPPER,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
)

CELLS: Final = 32
"""Of the grid, each way."""

Grid = NDArray[np.float64]
Points = NDArray[np.float32]

# The mesh's outline of the face, from the middle of the forehead on.
_OUTLINE: Final = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
# What blinks and what speaks: half axes of ellipses in distances between the eyes, and in widths of the mouth.
_EYE: Final = (0.36, 0.24)
_MOUTH: Final = (0.62, 0.35)
# Towards the outline a surface turns away from the camera, and what lies behind it shows: so much of the grid is left
# out along it.
_RIM: Final = 0.045
# Where somebody cuts along a face, what lies behind the paper passes for such a rim: twice as much.
_WIDE_RIM: Final = 0.095
# Spread of the weights that smooth the landmarks' depth, cells. Wider ones flatten the nose.
_SMOOTHING: Final = 1.3
# Masks are drawn so many times larger than the grid.
_FINE: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """One frame on the grid. ``repr`` shows no values.

    levels: (CELLS, CELLS) float32 linear light, 0..1 of full scale. clipped: of the same shape, share of what is at
    the end of the scale. rows: (CELLS,) row of the frame in the middle of each row of the grid.
    """

    levels: NDArray[np.float32] = field(repr=False)
    clipped: NDArray[np.float32] = field(repr=False)
    rows: Grid = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A head of the landmarks' shape under the grid; all in units of the frame's pixels.

    x, y: (CELLS, CELLS) pixels of the first frame. depth: larger is farther, about 0 at the head's middle. normals:
    (CELLS, CELLS, 3) unit vectors towards the camera's side, x to the right, y down. still: (CELLS, CELLS) bool, inside
    the outline without eyes and mouth. skin: the same without the rim. inner: skin without a rim twice as wide.
    """

    x: Grid = field(repr=False)
    y: Grid = field(repr=False)
    depth: Grid = field(repr=False)
    normals: Grid = field(repr=False)
    still: NDArray[np.bool_] = field(repr=False)
    skin: NDArray[np.bool_] = field(repr=False)
    inner: NDArray[np.bool_] = field(repr=False)
    width: float


class FaceGrid:
    """The grid over one face."""

    def __init__(self, landmarks: Points, reach: float = 1.0) -> None:
        """landmarks: (468, 3), of the first frame. reach: how much wider and higher than these the grid is."""
        self._first = landmarks.astype(np.float64)
        low, high = self._first[:, :2].min(axis=0), self._first[:, :2].max(axis=0)
        size = np.maximum(high - low, 1.0) * reach
        self._corner: Grid = (low + high - size) / 2
        self._cell: Grid = size / CELLS

    def cut(self, frame: Frame, landmarks: Points) -> Patch | None:
        """The face in a frame; None where it is not wholly in the picture, or the frame gives no linear values.

        landmarks: (468, 3), of this frame.
        """
        return cut_all([self], frame, landmarks)[0]

    def laid(self, frame: Frame, landmarks: Points) -> _Laid | None:
        """Where it lies in a frame; None where that is not wholly in the picture."""
        found = similarity(self._first[:, :2], landmarks[:, :2].astype(np.float64))
        turned, moved = found[:, :2], found[:, 2]
        matrix = turned * self._cell
        corner = turned @ self._corner + moved
        ends = corner + np.array([[0, 0], [CELLS, 0], [0, CELLS], [CELLS, CELLS]]) @ matrix.T
        size = np.array([frame.width, frame.height])
        if (ends < 0).any() or (ends > size).any():
            return None
        margin = 2 * float(self._cell.max())
        left, top = np.maximum(ends.min(axis=0) - margin, 0.0)
        right, bottom = np.minimum(ends.max(axis=0) + margin, size)
        halves = int(top // 2), int(bottom // 2), int(left // 2), int(right // 2)
        return _Laid(matrix, corner, *halves)

    def surface(self) -> Surface:
        """The shape that the first landmarks give the face. On a photograph they give it a head's as well."""
        places = np.arange(CELLS) + 0.5
        x, y = np.meshgrid(self._corner[0] + places * self._cell[0], self._corner[1] + places * self._cell[1])
        depth, slope_x, slope_y = _smoothed(self._first, x, y, _SMOOTHING * float(self._cell.mean()))
        normals = np.stack([slope_x, slope_y, -np.ones_like(depth)], axis=-1)
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        skin = self._mask(_RIM)
        width = float(np.ptp(self._first[:, 0]))
        return Surface(x, y, depth, normals, self._mask(0), skin, skin & self._mask(_WIDE_RIM), width)

    def _mask(self, rim: float) -> NDArray[np.bool_]:
        points = (self._first[:, :2] - self._corner) / self._cell * _FINE
        side = CELLS * _FINE
        mask = np.zeros((side, side), np.uint8)
        cv2.fillPoly(mask, [np.rint(points[list(_OUTLINE)]).astype(np.int32)], (1,))
        if rim:
            across = 2 * round(rim * side) + 1
            mask = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))).astype(np.uint8)
        right = points[[RIGHT_EYE_OUTER, RIGHT_EYE_INNER]].mean(axis=0)
        left = points[[LEFT_EYE_OUTER, LEFT_EYE_INNER]].mean(axis=0)
        apart = float(np.linalg.norm(left - right))
        for eye in (right, left):
            _leave_out(mask, eye, np.multiply(_EYE, apart))
        corners = points[[MOUTH_RIGHT, MOUTH_LEFT]]
        middle = points[[MOUTH_RIGHT, MOUTH_LEFT, LIP_UPPER, LIP_LOWER]].mean(axis=0)
        _leave_out(mask, middle, np.multiply(_MOUTH, float(np.linalg.norm(corners[1] - corners[0]))))
        shares = cv2.resize(mask.astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
        return np.asarray(shares > 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A grid in a frame. Cell (i, j) has its middle at corner + matrix (i + 1/2, j + 1/2), pixels of the frame. top and
    the others: of the window around it, in pixels of the half-size picture.
    """

    matrix: Grid = field(repr=False)
    corner: Grid = field(repr=False)
    top: int
    bottom: int
    left: int
    right: int

    def of(self, picture: LightPicture, top: int, left: int, scratch: Scratch, kept: Shelf) -> Patch:
        """top, left: where the picture begins."""
        window = slice(self.top - top, self.bottom - top), slice(self.left - left, self.right - left)
        # Pixel k of the half-size picture has its middle at 2 k + 1 of the frame.
        begin = np.array([2 * self.left, 2 * self.top])
        middle = (self.corner + self.matrix @ (0.5, 0.5) - begin - 1.0) / 2
        onto_grid = np.column_stack([self.matrix / 2, middle])
        # An even number of pixels has no middle one, and would shift the picture.
        across = 2 * round((math.sqrt(abs(float(np.linalg.det(self.matrix)))) / 2 - 1) / 2) + 1
        places = np.arange(CELLS) + 0.5
        return Patch(
            _on_grid(picture.levels[window], onto_grid, across, scratch, kept),
            _on_grid(picture.clipped[window], onto_grid, across, scratch, kept),
            self.corner[1] + self.matrix[1, 0] * CELLS / 2 + self.matrix[1, 1] * places,
        )


def cut_all(
    grids: Sequence[FaceGrid],
    frame: Frame,
    landmarks: Points,
    scratch: Scratch | None = None,
    kept: Shelf | None = None,
) -> list[Patch | None]:
    """What each grid cuts of the frame, out of one linear picture; as ``FaceGrid.cut`` has it.

    scratch: for what is made on the way. kept: where the patches lie. None: memory of their own.
    """
    scratch, kept = scratch or Scratch(), kept or Shelf()
    laid = [grid.laid(frame, landmarks) for grid in grids]
    inside = [each for each in laid if each is not None]
    if not inside:
        return [None] * len(grids)
    top, left = min(each.top for each in inside), min(each.left for each in inside)
    bottom, right = max(each.bottom for each in inside), max(each.right for each in inside)
    picture = light_picture(frame, 2 * top, 2 * bottom, 2 * left, 2 * right, scratch)
    if picture is None:
        return [None] * len(grids)
    return [None if each is None else each.of(picture, top, left, scratch, kept) for each in laid]


def _on_grid(
    picture: NDArray[np.float32], matrix: Grid, across: int, scratch: Scratch, kept: Shelf
) -> NDArray[np.float32]:
    """matrix: (2, 3), from cells to pixels. across: of a cell, pixels, over which is averaged."""
    if not picture.any():
        return np.zeros((CELLS, CELLS), np.float32)
    even = picture
    if across > 1:
        even = scratch.take("even", picture.shape, np.float32)
        cv2.blur(picture, (across, across), dst=even)
    levels = kept.take((CELLS, CELLS), np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(even, matrix, (CELLS, CELLS), dst=levels, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return levels


def _leave_out(mask: NDArray[np.uint8], middle: Grid, half_axes: Grid) -> None:
    centre, axes = tuple(np.rint(middle).astype(int).tolist()), tuple(np.rint(half_axes).astype(int).tolist())
    cv2.ellipse(mask, centre, axes, 0, 0, 360, (0,), -1)


def _smoothed(landmarks: Grid, x: Grid, y: Grid, spread: float) -> tuple[Grid, Grid, Grid]:
    """Depth and its slopes along x and y at each place: of the plane that fits the landmarks around it best."""
    right = landmarks[None, :, 0] - x.reshape(-1, 1)
    down = landmarks[None, :, 1] - y.reshape(-1, 1)
    weights = np.exp(-(right**2 + down**2) / (2 * spread**2)) + 1e-9
    design = np.stack([np.ones_like(right), right, down], axis=-1)
    weighted = design * weights[:, :, None]
    normal = np.einsum("cpi,cpj->cij", weighted, design) + 1e-6 * np.eye(3)
    fitted = np.linalg.solve(normal, np.einsum("cpi,p->ci", weighted, landmarks[:, 2])[..., None])[..., 0]
    depth, slope_x, slope_y = (fitted[:, part].reshape(x.shape) for part in range(3))
    return depth, slope_x, slope_y
