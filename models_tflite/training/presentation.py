"""What an attack is made of besides the artefact: the capture's plan, the attacker's picture, the room, the hands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from artefacts import Sheet
from camera import Camera, draw_camera
from light import jpeg, scaled
from portraits import Portrait
from scene import Pose, box_of, lowest, person_in_place, photographed_place, plain_room

MOST_PIXELS = 480_000
"""Of an attacker's picture."""
FINGER, PALM = 0.85, 4.0
"""Radii, centimetres."""


@dataclass(frozen=True)
class Capture:
    """What is settled before it is known who or what is presented. x, y, face: pixels of the delivered frame."""

    camera: Camera
    x: float
    y: float
    face: float
    roll: float

    @property
    def pose(self) -> Pose:
        """In sensor pixels."""
        k = self.camera.density
        return Pose(self.x * k, self.y * k, self.face * k, self.roll)


@dataclass(frozen=True)
class Shown:
    """A picture an attacker has. box, pose: of the face in it."""

    picture: np.ndarray
    box: tuple[float, float, float, float]
    pose: Pose


def draw_capture(portrait: Portrait, rng: np.random.Generator) -> Capture:
    """A camera, and where the face comes to lie in its frame."""
    camera = draw_camera(rng)
    short = min(camera.width, camera.height)
    # A portrait blown up has less detail than any camera would see.
    most = min(300.0, 0.62 * short, 1.3 * portrait.box[2])
    least = min(max(90.0 if short >= 360 else 64.0, 0.17 * short), most)
    face = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    x = float(np.clip(rng.normal(0.5, 0.12) * camera.width, 0.55 * face, camera.width - 0.55 * face))
    y = float(np.clip(rng.normal(0.52, 0.1) * camera.height, 0.62 * face, camera.height - 0.62 * face))
    y = min(y, lowest(portrait, face))
    return Capture(camera, x, y, face, float(rng.normal(0, 3.5)))


def first_generation(
    portrait: Portrait,
    backgrounds: Sequence[Path],
    rng: np.random.Generator,
    *,
    aspect: float,
    share: float,
    face: float,
    video: bool = False,
) -> Shown:
    """The picture an attacker has: a portrait photo, a selfie, a webcam's or video's frame, compressed.

    aspect: width over height. share: of the width that the face takes. face: pixels of its width that are wanted.
    """
    face = float(np.clip(face, 60, 1.2 * portrait.box[2]))
    width = min(face / share, 900.0, (MOST_PIXELS * aspect) ** 0.5)
    face = width * share
    columns, rows = round(width), round(width / aspect)
    y = float(np.clip(rows * rng.normal(0.45, 0.05), 0.75 * face, max(rows - 0.6 * face, 0.75 * face)))
    pose = Pose(
        columns * float(np.clip(rng.normal(0.5, 0.06), 0.7 * share, 1 - 0.7 * share)),
        min(y, lowest(portrait, face)),
        face,
        float(rng.normal(0, 3.0)),
    )
    light = person_in_place(portrait, backgrounds, rng, (columns, rows), pose)
    blur = rng.gamma(1.5, 0.22)
    if blur > 0.3:
        light = cv2.GaussianBlur(light, (0, 0), blur)
    middle = float(light[:: max(rows // 24, 1), :: max(columns // 24, 1)].mean())
    target = float(np.clip(rng.normal(0.5, 0.07), 0.3, 0.68)) ** 2.2
    # Square root, noise, 8 bits; then a table from the square root to the tone curve.
    tone = cv2.sqrt(scaled(light, 255.0**2 * target / max(middle, 1e-4)))
    tone = cv2.add(tone, noise(rng, columns, rows, 255 * float(rng.gamma(1.5, 0.006))), dtype=cv2.CV_8U)
    curve = (np.arange(256) / 255) ** (2 / 2.2)
    curve = curve + rng.uniform(-0.05, 0.25) * (curve - 0.5) * (1 - np.abs(2 * curve - 1))
    picture = cv2.LUT(tone, (np.clip(curve, 0, 1) * 255 + 0.5).astype(np.uint8))
    if video:
        k = rng.uniform(0.4, 0.9)
        small = cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        small = cv2.medianBlur(jpeg(small, int(rng.integers(15, 45))), 3)  # in-loop deblocking smooths too
        picture = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
    else:
        picture = jpeg(picture, int(rng.integers(60, 97)))
    return Shown(picture, box_of(portrait, pose), pose)


def noise(rng: np.random.Generator, columns: int, rows: int, sigma: float) -> np.ndarray:
    """(rows, columns, 3) float32: a piece of one fixed field, which is enough for a first camera."""
    field = _noise_field()
    top, left = (int(rng.integers(field.shape[axis] - length + 1)) for axis, length in ((0, rows), (1, columns)))
    return scaled(np.ascontiguousarray(field[top : top + rows, left : left + columns]), sigma)


@lru_cache(maxsize=1)
def _noise_field() -> np.ndarray:
    white = np.random.default_rng(0).standard_normal((1400, 1400, 3), np.float32)
    return np.asarray(cv2.GaussianBlur(white, (0, 0), 0.6) * np.float32(1.9))


def sheet_of(
    rng: np.random.Generator,
    settled: Capture,
    face_centimetres: float,
    distance: float,
    *,
    lean: float,
    bend: float = 0.0,
) -> Sheet:
    """The artefact where the capture wants the face."""
    pose = settled.pose
    columns, rows = settled.camera.sensor_size
    return Sheet(
        columns,
        rows,
        pose.x,
        pose.y,
        pose.width / face_centimetres,
        turn=float(rng.normal(0, lean)),
        tilt=float(rng.normal(0, lean)),
        roll=float(pose.roll + rng.normal(0, 2.5)),
        distance=distance,
        bend=bend,
    )


def surroundings(backgrounds: Sequence[Path], rng: np.random.Generator, settled: Capture) -> np.ndarray:
    size = settled.camera.sensor_size
    place = photographed_place(backgrounds, rng, size) if rng.random() < 0.6 else plain_room(rng, size)
    return scaled(place, float(np.exp(rng.normal(0.0, 0.5))))


def lamp(rng: np.random.Generator, sheet: Sheet, reach: float) -> np.ndarray:
    """(rows, columns) light of the room along the sheet, about 1."""
    u, v = sheet.where
    angle, fall = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.22)
    slope = np.tanh((u * np.float32(np.cos(angle)) + v * np.float32(np.sin(angle))) / np.float32(reach))
    return 1 + np.float32(fall) * slope


def highlight(rng: np.random.Generator, sheet: Sheet, reach: float, strength: float) -> np.ndarray:
    """(rows, columns) the mirror image of one lamp or window, blurred by the surface."""
    u, v = sheet.where
    cu, cv = rng.normal(0, 0.8 * reach, 2)
    a, b = reach * np.exp(rng.normal(-1.0, 0.6, 2))
    power = 2 if rng.random() < 0.6 else 6  # a lamp, or a window with its corners
    away = (np.abs(u - np.float32(cu)) / np.float32(a)) ** power + (np.abs(v - np.float32(cv)) / np.float32(b)) ** power
    return np.float32(strength) * np.exp(-np.minimum(away, 30))


def hold(
    light: np.ndarray, rng: np.random.Generator, sheet: Sheet, edges: tuple[float, float, float, float], face: float
) -> None:
    """Fingers and thumbs that hold the sheet at its sides or from below, drawn into the light; never over the face.

    face: centimetres of its width.
    """
    left, top, right, bottom = edges
    skin = np.exp(rng.normal(np.log(0.3), 0.45)) * np.array([0.48, 0.7, 1.18]) * np.exp(rng.normal(0, 0.08, 3))
    for side in rng.permutation(3)[: int(rng.integers(0, 3))]:
        if side < 2:
            edge, inward = (left, 1.0) if side == 0 else (right, -1.0)
            base = rng.uniform(0.3, 0.95) * (bottom - top) + top
            count = 1 if rng.random() < 0.6 else 4
            places = [(edge, base + 1.9 * n, inward, rng.normal(0, 0.15)) for n in range(count)]
            room = abs(edge) - 0.55 * face - FINGER
        else:
            base = rng.uniform(0.2, 0.8) * (right - left) + left
            places = [(base + 2.0 * n, bottom, rng.normal(0, 0.2), -1.0) for n in range(int(rng.integers(1, 4)))]
            room = bottom - 0.7 * face - FINGER
        # The hand behind it, larger and darker than its fingers.
        pu, pv, du, dv = places[len(places) // 2]
        hu, hv = pu - 4.5 * du, pv - 4.5 * dv
        for u, v, part in _near(sheet, light, hu, hv, PALM):
            off = np.hypot(u - np.float32(hu), v - np.float32(hv)) / np.float32(PALM)
            beyond = (u - np.float32(pu)) * np.float32(du) + (v - np.float32(pv)) * np.float32(dv)
            cover = np.minimum(1 - off, -beyond / PALM) * np.float32(PALM * sheet.scale)
            _cover(part, skin * 0.7, cover, np.sqrt(np.maximum(1 - off**2 * 0.8, 0.1)))
        for pu, pv, tu, tv in places:
            reach = min(rng.uniform(0.8, 3.0), max(room, 0.2))
            du, dv = np.array([tu, tv], np.float32) / np.float32(np.hypot(tu, tv))
            for u, v, part in _near(sheet, light, pu, pv, 4.0):
                su, sv = u - np.float32(pu), v - np.float32(pv)
                along = np.clip(su * du + sv * dv, -4.0, reach)
                off = np.hypot(su - along * du, sv - along * dv) / np.float32(FINGER)
                cover = (1 - off) * np.float32(FINGER * sheet.scale) + 0.5
                _cover(part, skin, cover, np.sqrt(np.maximum(1 - off**2, 0.05)))


def _cover(part: np.ndarray, colour: np.ndarray, cover: np.ndarray, shade: np.ndarray) -> None:
    """Paint over a part of the light; cover and shade may be on a coarser grid."""
    size = part.shape[1], part.shape[0]
    share = cv2.resize(np.clip(cover, 0, 1), size, interpolation=cv2.INTER_LINEAR)
    tone = scaled(cv2.merge([cv2.resize(shade, size, interpolation=cv2.INTER_LINEAR)] * 3), colour)
    part[:] = cv2.blendLinear(tone, np.ascontiguousarray(part), share, 1 - share)


def _near(
    sheet: Sheet, light: np.ndarray, u: float, v: float, radius: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """u and v (of every other pixel where a centimetre has many) and light about a point of the sheet in the frame."""
    seen = sheet.matrix @ np.array([u, v, 1.0])
    if seen[2] <= 0:
        return
    x, y, reach = seen[0] / seen[2], seen[1] / seen[2], 1.3 * radius * sheet.scale
    rows = slice(int(max(y - reach, 0)), int(max(y + reach, 0)))
    columns = slice(int(max(x - reach, 0)), int(max(x + reach, 0)))
    part = light[rows, columns]
    step = 3 if sheet.scale > 15 else 1
    if part.size and min(part.shape[:2]) > 4:
        yield sheet.where[0][rows, columns][::step, ::step], sheet.where[1][rows, columns][::step, ::step], part
