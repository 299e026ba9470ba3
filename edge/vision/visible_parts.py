"""Whether eyes and mouth are to be seen in a still picture, or something lies over them.

Landmarks do not tell: the mesh imagines what it does not see. What it puts there is then held against the picture: an
eye goes from white to iris and back, and a mouth is a dark line between lighter skin. docs/verify.md has how often
each errs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Frame
from edge.vision.crops import grey
from edge.vision.landmarks import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LIP_LOWER,
    LIP_UPPER,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    NOSE_TIP,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    Mesh,
    roi_of_mesh,
)

# Of the square that holds the face, pixels.
_SIDE: Final = 128
# Outer corner, inner corner, middle of the upper lid, of the lower.
_EYES: Final = ((RIGHT_EYE_OUTER, RIGHT_EYE_INNER, 159, 145), (LEFT_EYE_OUTER, LEFT_EYE_INNER, 386, 374))
# Skin that is seldom covered along with what is looked for: cheeks, forehead, nose. The lightest counts.
_SKIN: Final = ((50, 280), (151, 69, 299), (NOSE_TIP, 195))
_SKIN_RADIUS: Final = 4
# How far a mouth is looked at above and below where its lips meet, and at how many places across.
_LIPS: Final = 8
_ACROSS: Final = 5


@dataclass(frozen=True, slots=True)
class VisibleParts:
    """How much luma changes against that of light skin: 0 over something plain.

    eyes: from one corner to the other, the mean of both. mouth: down across the lips, the median over its width.
    """

    eyes: float
    mouth: float


def visible_parts(frame: Frame, mesh: Mesh) -> VisibleParts:
    """Of the face with these landmarks, in a frame that is sharp and lit: blur takes both away."""
    image, points = _upright(frame, mesh)
    skin = max(_median(image, points[list(places)]) for places in _SKIN)
    eyes = [
        _change(image, (points[upper, 1] + points[lower, 1]) / 2, *sorted((points[outer, 0], points[inner, 0])))
        for outer, inner, upper, lower in _EYES
    ]
    right, left = sorted((float(points[MOUTH_RIGHT, 0]), float(points[MOUTH_LEFT, 0])))
    above, below = sorted((float(points[LIP_UPPER, 1]), float(points[LIP_LOWER, 1])))
    places = np.linspace(right, left, _ACROSS + 2)[1:-1]
    lips = [_change(image.T, x, above - _LIPS, below + _LIPS) for x in places]
    image.fill(0)
    return VisibleParts(sum(eyes) / len(eyes) / skin, float(np.median(lips)) / skin)


def _upright(frame: Frame, mesh: Mesh) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(_SIDE, _SIDE) luma of the face with its eyes level, and (468, 2) where the landmarks are in it."""
    roi = roi_of_mesh(mesh, 1.0)
    fine = 2 * _SIDE
    step = roi.side / fine
    cosine, sine = step * math.cos(roi.angle), step * math.sin(roi.angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    corner = np.array([roi.x, roi.y]) - turn @ (_SIDE, _SIDE)
    # Pixel centres lie at half units, in the frame as in the square.
    matrix = np.column_stack([turn, corner + turn @ (0.5, 0.5) - 0.5])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(frame.pixels, matrix, (fine, fine), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    luma = grey(np.asarray(cut, np.uint8), frame.colour, np.empty((fine, fine), np.uint8))
    image = cv2.GaussianBlur(cv2.resize(luma, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    cut.fill(0)
    luma.fill(0)
    points = (mesh.points[:, :2] - corner) @ np.linalg.inv(turn).T / 2
    return image.astype(np.float32), points.astype(np.float32)


def _median(image: NDArray[np.float32], points: NDArray[np.float32]) -> float:
    """Around the points; 1 at the least, for the quotient."""
    values = [
        image[_within(y - _SKIN_RADIUS) : _within(y + _SKIN_RADIUS) + 1, _within(x - _SKIN_RADIUS) :][
            :, : 2 * _SKIN_RADIUS + 1
        ].reshape(-1)
        for x, y in points.tolist()
    ]
    return max(float(np.median(np.concatenate(values))), 1.0)


def _change(image: NDArray[np.float32], row: float, start: float, end: float) -> float:
    """Largest less smallest value of a stretch of a row."""
    return float(np.ptp(image[_within(row), _within(start) : _within(end) + 1]))


def _within(place: float) -> int:
    return min(max(int(place), 0), _SIDE - 1)
