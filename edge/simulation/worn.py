"""Prints cut along a face: with holes for eyes, before somebody's face or worn on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import Prompt
from edge.simulation.face_texture import FacePhoto
from edge.simulation.head import Head, KeyPoint
from edge.simulation.optics import Layer, Map, Material, Pose, Subject, Vector
from edge.simulation.sheet import Sheet

# Texels across the mask of a cut print.
_MASK: Final = 512
# How far outside the opening of the lids an eye hole is cut, as a share of its size.
_HOLE: Final = 1.5
# Metres from the skin between the eyes to the paper, which rests on the nose.
_GAP: Final = 0.02
# Radius of a face at the cheekbones, metres, to which paper is bent that is worn.
WORN_RADIUS: Final = 0.085


def cut_along_face(photo: FacePhoto, width: int, height: int, *, eye_holes: bool) -> Map:
    """(mh, mw) float32 1 where paper is left; the mask spans the photo's upper left ``width`` x ``height`` pixels."""
    scale = _MASK / width
    mask = np.zeros((max(2, round(height * scale)), _MASK), np.uint8)
    _fill(mask, np.vstack([photo.outline, _hairline(photo)]) * scale, 255)
    if eye_holes:
        for lids in photo.lids:
            middle = lids.mean(axis=0)
            _fill(mask, (middle + (lids - middle) * _HOLE) * scale, 0)
    return np.asarray(mask / 255, np.float32)


def _hairline(photo: FacePhoto) -> Vector:
    """(n, 2) half an ellipse from temple to temple over the top of the forehead; (0, 2) where that is not known."""
    forehead = photo.points.get(KeyPoint.FOREHEAD)
    if forehead is None or not len(photo.outline):
        return np.zeros((0, 2))
    across = photo.outline[:, 0]
    first, last = photo.outline[across.argmin()], photo.outline[across.argmax()]
    middle, half = (first + last) / 2, (last - first) / 2
    angle = np.linspace(0, np.pi, 19)[:, None]
    return np.asarray(middle + np.cos(angle) * half + np.sin(angle) * (forehead - middle), np.float64)


def _fill(mask: NDArray[np.uint8], places: Vector, value: int) -> None:
    hull = cv2.convexHull(np.round(places).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, value, lineType=cv2.LINE_AA)


class WornPrint:
    """Implements ``edge.simulation.optics.Subject``: somebody, and a print before the face that goes where it goes."""

    def __init__(
        self, wearer: Subject, head: Head, sheet: Sheet, material: Material, eyes: tuple[float, float]
    ) -> None:
        """eyes: where the middle between the printed eyes is on the sheet, metres right and down from its middle."""
        self._wearer = wearer
        self._sheet = sheet
        self._material = material
        self._relief = head.relief
        self._middle = head.face - np.array([*eyes, _GAP])

    def layers(self, now: float) -> Sequence[Layer]:
        worn = tuple(self._wearer.layers(now))
        heads = [layer.pose for layer in worn if layer.shape is self._relief]
        if not heads:
            return worn
        pose = heads[-1]
        return (
            *worn,
            Layer(self._sheet, Pose(pose.rotation, pose.rotation @ self._middle + pose.position), self._material),
        )

    def told(self, prompt: Prompt | None, now: float) -> None:
        self._wearer.told(prompt, now)
