"""What is beside a face: the room, far behind a head, or the rest of a sheet on which the face is printed.

The display's light falls off with the square of the distance. Beside a person's head it reaches a wall or nothing; a
sheet goes on beside the face, and answers the display there as the face does, against the light of the surroundings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.vision.face_patch import CELLS, Grid, Patch
from edge.vision.least_squares import drift, solved
from edge.vision.light_response import SPARE

REACH: Final = 1.8
"""Of the grid that is looked at, in sizes of the face."""

# Half widths of the face from its middle: away from ears and short hair, and on a sheet that is held up.
_BESIDE: Final = (1.35, 1.75)
_ON_FACE: Final = 0.6
# Half heights, up and down.
_HIGH: Final = 0.5
# Deviations that the display's light on the face must be off nothing.
_SHOWS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Side:
    """share: of what the display adds on the face, against the light of the surroundings, that it adds here."""

    share: float
    deviation: float


def beside_face(patches: Sequence[Patch], lit: Grid, times: Grid, movement: Grid) -> tuple[Side, Side] | None:
    """Left and right of the face, as the camera sees; None where the display's light is not on the face for certain.

    patches: of one FaceGrid with REACH. lit: (frames, CELLS, lights) as in ``light_response``; frames that saw the
    light change do not count. times: (frames,) seconds. movement: (frames, movements) of the face.
    """
    whole = np.isfinite(lit).all(axis=(1, 2))
    design = np.column_stack([lit.sum(axis=2).mean(axis=1), drift(times), movement])[whole]
    if len(design) - design.shape[1] < SPARE or np.ptp(design[:, 0]) <= 0:
        return None
    levels = np.stack([patch.levels for patch in patches])[whole].astype(np.float64)
    face, left, right = (_answer(levels[:, place].mean(axis=1), design) for place in _places())
    if face is None or left is None or right is None or face.share < _SHOWS * face.deviation:
        return None
    return _against(left, face), _against(right, face)


def _places() -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """(CELLS, CELLS) each: on the face, left of it, right of it."""
    y, x = (np.mgrid[0:CELLS, 0:CELLS] - (CELLS - 1) / 2) / (CELLS / 2) * REACH
    high = np.abs(y) <= _HIGH
    near, far = _BESIDE
    return high & (np.abs(x) <= _ON_FACE), high & (x <= -near) & (x >= -far), high & (x >= near) & (x <= far)


def _answer(levels: Grid, design: Grid) -> Side | None:
    """What the lights add to what the surroundings give."""
    fit = solved(design, levels)
    added, ambient = fit.found[:2].tolist()
    if ambient <= 0:
        return None
    variance = float(fit.left @ fit.left) / fit.spare * float(fit.covariance[0, 0])
    return Side(added / ambient, math.sqrt(variance) / ambient)


def _against(side: Side, face: Side) -> Side:
    share = side.share / face.share
    return Side(share, float(np.hypot(side.deviation, share * face.deviation) / face.share))
