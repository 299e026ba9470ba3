"""A projector's picture on a sheet or a head: light of the room that has a face's colours, on a white surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from edge.contracts.enums import Prompt
from edge.simulation.face_texture import FacePhoto, ThinPlate
from edge.simulation.head import Head
from edge.simulation.lighting import stretched
from edge.simulation.optics import BANDS, INFRARED, Layer, Map, Pose, Subject, Vector
from edge.simulation.sampling import sampled
from edge.simulation.sheet import Sheet

# Pixels of the longer side of the projected picture, and at most so many texels each way of what it falls on.
_PICTURE: Final = 768
_TEXELS: Final = 512
# What a black pixel lets through, as a share of white (a contrast of 1:1000).
_BLACK: Final = 0.001
# How far the picture reaches beyond a head on every side, as a share of the head's size.
_MARGIN: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """A projector's light.

    lens, target: (3,) world metres. lux: white light on a surface that faces the lens at the target. picture: (h, w, 3)
    linear BGR 0..1, in the projector's own plane. left, top, side: of the picture in that plane, and of one pixel, as
    tangents of the angle from the axis.
    """

    lens: Vector
    target: Vector
    lux: float
    picture: Map
    left: float
    top: float
    side: float

    def onto(self, layer: Layer, texels: int) -> Map:
        """(texels, texels, 4) irradiance: inverse square, cosine and the shape's own shadows are in it; no infrared."""
        size = (texels, texels)
        points = layer.pose.to_world(stretched(layer.shape.points, size)).astype(np.float64)
        normals = layer.pose.turned(stretched(np.ascontiguousarray(layer.shape.normals), size))
        away = self.lens - points
        squared = (away * away).sum(axis=-1)
        towards = away / np.sqrt(squared)[..., None]
        cosine = np.clip((towards * normals).sum(axis=-1), 0, 1)
        grid = layer.pose.to_world(layer.shape.points) - self.lens.astype(np.float32)
        local = -grid / np.linalg.norm(grid, axis=-1, keepdims=True) @ layer.pose.rotation.astype(np.float32)
        free = stretched(layer.shape.sees(np.asarray(local, np.float32)), size)
        reach = float(((self.target - self.lens) ** 2).sum())
        level = self.lux * reach / squared * cosine * free
        plane = in_plane(points, self.lens, self.target)
        column, row = ((plane[..., axis] - edge) / self.side for axis, edge in ((0, self.left), (1, self.top)))
        shown = sampled(self.picture, column.astype(np.float32), row.astype(np.float32), outside=0.0)
        height, width = self.picture.shape[:2]
        inside = (column > 0) & (row > 0) & (column < width - 1) & (row < height - 1)
        light = np.zeros((*size, BANDS), np.float32)
        light[..., :INFRARED] = (_BLACK + (1 - _BLACK) * shown) * (level * inside)[..., None]
        return light


class Projected:
    """Implements ``edge.simulation.optics.Subject``: something white, and the picture that a projector throws on it."""

    def __init__(self, held: Subject, beam: Beam, texels: int) -> None:
        """held: of one reflectance. texels: each way, at which the picture is drawn on it, 512 at most."""
        self._held = held
        self._beam = beam
        self._texels = min(texels, _TEXELS)
        self._last: tuple[Layer, Layer] | None = None

    def layers(self, now: float) -> Sequence[Layer]:
        return [self._lit(layer) for layer in self._held.layers(now)]

    def told(self, prompt: Prompt | None, now: float) -> None:
        self._held.told(prompt, now)

    def _lit(self, layer: Layer) -> Layer:
        # The picture stays where the projector throws it, whatever moves there.
        if self._last is None or self._last[0] is not layer:
            material = layer.material
            emission = self._beam.onto(layer, self._texels) * material.albedo.mean(axis=(0, 1))
            self._last = layer, replace(layer, material=replace(material, emission=emission))
        return self._last[1]


def beam_onto_sheet(picture: Map, sheet: Sheet, pose: Pose, lens: Vector, lux: float) -> Beam:
    """The whole of a picture on the whole of a flat sheet as long as that has this pose.

    picture: (h, w, 3) linear BGR 0..1.
    """
    half_width, half_height = sheet.width / 2, sheet.height / 2
    corners = np.array([[x, y, 0.0] for y in (-half_height, half_height) for x in (-half_width, half_width)])
    plane = in_plane(corners @ pose.rotation.T + pose.position, lens, pose.position)
    left, top, side, size = _frame(plane, 0.0)
    rows, columns = picture.shape[:2]
    source = np.array([[x, y] for y in (-0.5, rows - 0.5) for x in (-0.5, columns - 0.5)], np.float32)
    target = ((plane - (left, top)) / side).astype(np.float32)
    keystone = cv2.getPerspectiveTransform(source, target)
    warped = cv2.warpPerspective(picture, keystone, size, flags=cv2.INTER_AREA)
    return Beam(lens, pose.position, lux, np.asarray(warped, np.float32), left, top, side)


def beam_onto_head(picture: Map, photo: FacePhoto, head: Head, pose: Pose, lens: Vector, lux: float) -> Beam:
    """A photograph on a head as long as that has this pose: eyes on eyes, and so on with nose, mouth and chin.

    picture: (h, w, 3) linear BGR 0..1, of the photo. lux: on a surface that faces the lens, at the face.
    """
    middle = pose.rotation @ head.face + pose.position
    left, top, side, size = _frame(
        in_plane(head.relief.points.reshape(-1, 3) @ pose.rotation.T + pose.position, lens, middle), _MARGIN
    )
    names = [name for name in head.points if name in photo.points]
    placed = np.stack([head.points[name] for name in names]) @ pose.rotation.T + pose.position
    warp = ThinPlate(in_plane(placed, lens, middle), np.stack([photo.points[name] for name in names]))
    across = np.stack(np.meshgrid(left + side * np.arange(size[0]), top + side * np.arange(size[1])), axis=-1)
    places = warp(across).astype(np.float32)
    shown = sampled(picture, places[..., 0], places[..., 1])
    return Beam(lens, middle, lux, shown, left, top, side)


def in_plane(points: Vector, lens: Vector, target: Vector) -> Vector:
    """(..., 2) tangents right and down of the axis from the lens to the target, of (..., 3) world points before it."""
    axis = (target - lens) / np.linalg.norm(target - lens)
    right = np.cross([0.0, 1.0, 0.0], axis)
    right = right / np.linalg.norm(right)
    away = points - lens
    depth = np.maximum(away @ axis, 1e-6)
    return np.stack((away @ right / depth, away @ np.cross(axis, right) / depth), axis=-1)


def _frame(plane: Vector, margin: float) -> tuple[float, float, float, tuple[int, int]]:
    """Left and top of a picture around (n, 2) places, the side of its pixels, and how many it has across and down."""
    low, high = plane.min(axis=0), plane.max(axis=0)
    span = float((high - low).max())
    low, high = low - margin * span, high + margin * span
    side = float((high - low).max()) / _PICTURE
    columns, rows = np.ceil((high - low) / side).astype(int) + 1
    return float(low[0]), float(low[1]), side, (int(columns), int(rows))
