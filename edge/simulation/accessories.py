"""What people wear on their heads: glasses, a beard, a cap or a scarf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

import cv2
import numpy as np

from edge.contracts.enums import Prompt
from edge.simulation.face_texture import HAIR_INFRARED, SIZE, Skin, at_texels
from edge.simulation.hair import blurred, grown
from edge.simulation.head import Head, KeyPoint, below_jaw
from edge.simulation.optics import BANDS, Layer, Map, Material, Pose, Subject, Vector, turn
from edge.simulation.sheet import Sheet, glint_grid

# Sizes and thicknesses in metres are estimates from wear on sale and pictures of people.
# A full beard: thickness, deviation of its surface, size of its locks; reflectance of dark brown hair.
_BEARD: Final = 0.008
_TUFTS: Final = 0.0012
_TUFT_SIZE: Final = 0.005
_BEARD_COLOUR: Final = (0.030, 0.034, 0.048, HAIR_INFRARED)
# Its upper edge at angles from the front, degrees, in heights from the nose (0) to menton (1).
_BEARD_ANGLES: Final = (0.0, 12.0, 22.0, 45.0, 65.0, 78.0)
_BEARD_EDGE: Final = (0.14, 0.16, 0.30, 0.10, -0.30, -0.90)
# A cap's lower edge at angles from the front, metres from the pupils; its thickness and that of its turned-up rim.
_CAP_ANGLES: Final = (0.0, 40.0, 80.0, 110.0, 180.0)
_CAP_EDGE: Final = (-0.046, -0.043, -0.026, -0.012, 0.020)
_CAP: Final = 0.004
_RIM: Final = 0.004
_RIM_HEIGHT: Final = 0.035
_RIBS: Final = 90
# A scarf's thickness, and the height of its folds.
_SCARF: Final = 0.006
_FOLDS: Final = 0.0015
_FOLD_SIZE: Final = 0.012
# Glasses: half sides of a lens, width of the rims, how far before the nose's root, tilt in degrees, bend.
_LENS: Final = (0.026, 0.020)
_RIM_WIDTH: Final = 0.0028
_BEFORE: Final = 0.005
_TILT: Final = -6.0
_GLASSES_BEND: Final = 0.16
_GLASSES: Final = (0.150, 0.056)
_FRAME: Final = 0.03
# Both surfaces of a lens without a coating reflect 0.04 each. A lens that covers this share of what is behind it and
# mirrors all that falls on that share does the same.
_LENS_MIRRORS: Final = 0.08
_TEXELS: Final = 600


class HeadCover(StrEnum):
    """What is worn on a head."""

    CAP = "cap"
    SCARF = "scarf"


def in_relief(head: Head, rng: np.random.Generator, *, beard: bool, cover: HeadCover | None) -> Head:
    """The head with what of them has a thickness; the same one without. rng: draws tufts and folds."""
    points, shape = head.relief.points, head.relief.radius.shape
    offset = np.zeros(shape, np.float32)
    if beard:
        share = blurred(_beard(points, below_jaw(head), head), _TUFT_SIZE, head)
        offset = np.maximum(offset, share * (_BEARD + _uneven(rng, head, _TUFTS, _TUFT_SIZE)))
    if cover is HeadCover.CAP:
        above = _cap_edge(points) - points[..., 1]
        rim = np.clip((_RIM_HEIGHT - above) / 0.006, 0, 1)
        offset = np.maximum(offset, np.clip(above / 0.003, 0, 1) * (_CAP + _RIM * rim))
    elif cover is HeadCover.SCARF:
        share = np.clip(_outside_face(points, head) / 0.004, 0, 1)
        # It lies over the ears.
        beside = np.abs(points[..., 0]) > 0.8 * np.hypot(points[..., 0], points[..., 2])
        level = (blurred(head.relief.radius, _FOLD_SIZE, head) - head.relief.radius) * beside
        offset = np.maximum(offset, share * (_SCARF + level + _uneven(rng, head, _FOLDS, _FOLD_SIZE)))
    if not offset.any():
        return head
    # All columns meet at the vertex: there they rise alike.
    alone = np.clip(1.5 - head.relief.radius / 0.030, 0, 1) * (points[..., 1] < 0)
    crown = offset[(head.relief.radius > 0.030) & (head.relief.radius < 0.050) & (points[..., 1] < -0.05)]
    offset += alone * (float(crown.mean()) - offset)
    return Head(grown(head.relief, offset.astype(np.float32)), head.points)


def painted(
    skin: Skin,
    head: Head,
    rng: np.random.Generator,
    *,
    beard: bool,
    cover: HeadCover | None,
    glasses: bool,
    cloth: Vector,
) -> Skin:
    """The skin of that head with their colours. cloth: (4,) reflectance of the cover."""
    points = at_texels(head.relief.points)
    layers: list[tuple[Vector, Vector]] = []
    if beard:
        below = at_texels(below_jaw(head).astype(np.float32))
        noise = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE)), (0, 0), 1.0)
        grain = np.asarray(noise / noise.std(), np.float64)
        edge = np.clip(1.6 * cv2.GaussianBlur(_beard(points, below, head), (0, 0), 5) - 0.3 + 0.12 * grain, 0, 1)
        layers.append((edge.astype(np.float64), np.array(_BEARD_COLOUR) * np.exp(0.35 * grain)[..., None]))
    if cover is HeadCover.CAP:
        share = np.clip((_cap_edge(points) - points[..., 1]) / 0.002, 0, 1)
        ribs = 1 + 0.15 * np.cos(_RIBS * np.arctan2(points[..., 0], -points[..., 2]))
        layers.append((share, cloth * ribs[..., None]))
    elif cover is HeadCover.SCARF:
        layers.append((np.clip(_outside_face(points, head) / 0.002, 0, 1), np.broadcast_to(cloth, (SIZE, SIZE, BANDS))))
    if glasses:
        layers.append((_arms(points, head).astype(np.float64), np.full((SIZE, SIZE, BANDS), _FRAME)))
    if not layers:
        return skin
    materials = []
    for material in skin.materials:
        albedo: Vector = cv2.resize(material.albedo, (SIZE, SIZE)).astype(np.float64)
        for share, own in layers:
            albedo = np.asarray(albedo + share[..., None] * (own - albedo), np.float64)
        materials.append(replace(material, albedo=np.asarray(np.clip(albedo, 0.01, 0.9), np.float32)))
    return Skin(tuple(materials))


class Glasses:
    """Implements ``edge.simulation.optics.Subject``: somebody, and the glasses before the eyes: rims, then lenses.

    The lenses let light pass as if they were not there but for what they mirror, and change nothing in size.
    """

    def __init__(self, wearer: Subject, head: Head, distance: float) -> None:
        """head: that the wearer has. distance: metres from the camera at which they are mostly seen."""
        self._wearer = wearer
        self._head = head
        self._middle = head.face + np.array([0.0, 0.004, -_BEFORE])
        self._tilt = turn(0.0, _TILT)
        rims, lenses = _outlines(head)
        width, height = _GLASSES
        roughness = 0.02
        grid = glint_grid(width, roughness, distance, _GLASSES_BEND)
        frame = Material(np.full((2, 2, BANDS), _FRAME, np.float32), f0=0.04, roughness=0.2)
        glass = Material(np.zeros((2, 2, BANDS), np.float32), f0=1.0, roughness=roughness)
        self._worn = (
            (Sheet(width, height, bend=_GLASSES_BEND, outline=rims), frame),
            (Sheet(width, height, bend=_GLASSES_BEND, outline=lenses * np.float32(_LENS_MIRRORS), grid=grid), glass),
        )

    def layers(self, now: float) -> Sequence[Layer]:
        worn = tuple(self._wearer.layers(now))
        heads = [layer.pose for layer in worn if layer.shape is self._head.relief]
        if not heads:
            return worn
        pose = heads[-1]
        at = Pose(pose.rotation @ self._tilt, pose.rotation @ self._middle + pose.position)
        return (*worn, *(Layer(sheet, at, material) for sheet, material in self._worn))

    def told(self, prompt: Prompt | None, now: float) -> None:
        self._wearer.told(prompt, now)


def _angle(points: Map) -> Vector:
    """(h, w) degrees from the front, to either side."""
    return np.asarray(np.degrees(np.abs(np.arctan2(points[..., 0], -points[..., 2]))), np.float64)


def _uneven(rng: np.random.Generator, head: Head, deviation: float, size: float) -> Map:
    noise = blurred(rng.standard_normal(head.relief.radius.shape).astype(np.float32), size / 2, head)
    return np.asarray(noise * (deviation / float(noise.std())), np.float32)


def _beard(points: Map, below: Map | Vector, head: Head) -> Map:
    """(h, w) 1 where a full beard grows: around the lips, along the jaw up to the ears, and a little below it.

    below: (h, w) as ``below_jaw`` has it.
    """
    nose, menton, lips = (head.points[name] for name in (KeyPoint.SUBNASALE, KeyPoint.MENTON, KeyPoint.STOMION))
    angle = _angle(points)
    edge = nose[1] + np.interp(angle, _BEARD_ANGLES, _BEARD_EDGE) * (menton[1] - nose[1])
    half = abs(float(head.points[KeyPoint.MOUTH_LEFT][0]))
    mouth = np.hypot((points[..., 0] - lips[0]) / (0.9 * half), (points[..., 1] - lips[1] - 0.001) / 0.0085)
    grows = (points[..., 1] > edge) & (below < 0.024) & (angle < 82) & (mouth > 1) & (points[..., 2] < 0.02)
    return np.asarray(grows, np.float32)


def _cap_edge(points: Map) -> Vector:
    return np.asarray(np.interp(_angle(points), _CAP_ANGLES, _CAP_EDGE), np.float64)


def _outside_face(points: Map, head: Head) -> Vector:
    """(h, w) about how many metres outside the oval of the face; negative in it."""
    top, bottom = float(head.points[KeyPoint.FOREHEAD][1]), float(head.points[KeyPoint.MENTON][1])
    half_down, middle = (bottom - top) / 2 + 0.004, (top + bottom) / 2
    half_across = 2.05 * abs(float(head.points[KeyPoint.LEFT_EYE][0]))
    away = np.hypot(points[..., 0] / half_across, (points[..., 1] - middle) / half_down)
    outside = (away - 1) * half_across
    return np.asarray(np.where(points[..., 2] < 0.0, outside, np.maximum(outside, 0.01)), np.float64)


def _arms(points: Map, head: Head) -> Map:
    """(h, w) 1 where the arms of glasses lie on the temples."""
    level = head.face[1] - 0.004
    angle = _angle(points)
    return np.asarray((np.abs(points[..., 1] - level) < 0.0025) & (angle > 46) & (angle < 92), np.float32)


def _outlines(head: Head) -> tuple[Map, Map]:
    """(mh, mw) of the glasses' sheet: rims and bridge, and lenses."""
    width, height = _GLASSES
    x, y = np.meshgrid(
        (np.arange(_TEXELS) + 0.5) / _TEXELS * width - width / 2,
        (np.arange(round(_TEXELS * height / width)) + 0.5) / _TEXELS * width - height / 2,
    )
    half = abs(float(head.points[KeyPoint.LEFT_EYE][0] - head.points[KeyPoint.RIGHT_EYE][0])) / 2
    # Lenses sit a little outside the pupils.
    centre = max(half + 0.001, _LENS[0] + 0.008)

    def within(grown_by: float) -> Map:
        across, down = _LENS[0] + grown_by, _LENS[1] + grown_by
        # A rounded rectangle.
        away = (np.abs(np.abs(x) - centre) / across) ** 3.5 + (np.abs(y) / down) ** 3.5
        return np.asarray(np.clip((1 - away ** (1 / 3.5)) * across * _TEXELS / width + 0.5, 0, 1), np.float32)

    lens, whole = within(0.0), within(_RIM_WIDTH)
    bridge = (np.abs(x) < centre - _LENS[0]) & (np.abs(y + 0.005) < _RIM_WIDTH / 2)
    rims = np.maximum(whole - lens, bridge * (1 - whole))
    return rims.astype(np.float32), lens
