"""What is beside a face: the room, far behind a head, or the rest of a sheet on which the face is printed.

The display's light falls off with the square of the distance. Beside a person's head it reaches a wall or nothing; a
sheet goes on beside the face, and answers the display there as the face does, against the light of the surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.vision.face_patch import CELLS, Grid, Patch

REACH: Final = 1.8
"""Of the grid that is looked at, in sizes of the face."""

# Half widths of the face from its middle: away from ears and short hair, and on a sheet that is held up.
_BESIDE: Final = (1.35, 1.75)
_ON_FACE: Final = 0.6
# Half heights, up and down.
_HIGH: Final = 0.5
# Frames that a fit must have more than unknowns.
_SPARE: Final = 6
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
    when = (times - times.mean()) / max(float(np.ptp(times)), 1e-9)
    design = np.column_stack([lit.sum(axis=2).mean(axis=1), np.ones_like(when), when, when**2, movement])[whole]
    if len(design) - design.shape[1] < _SPARE or np.ptp(design[:, 0]) <= 0:
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
    scale = np.maximum(np.abs(design).max(axis=0), 1e-12)
    scaled = design / scale
    found, *_ = np.linalg.lstsq(scaled, levels, rcond=None)
    left = levels - scaled @ found
    variance = (left @ left) / (len(levels) - design.shape[1]) * np.linalg.pinv(scaled.T @ scaled)[0, 0]
    ambient = found[1] / scale[1]
    if ambient <= 0:
        return None
    return Side(float(found[0] / scale[0] / ambient), float(np.sqrt(variance) / scale[0] / ambient))


def _against(side: Side, face: Side) -> Side:
    share = side.share / face.share
    return Side(share, float(np.hypot(side.deviation, share * face.deviation) / face.share))
