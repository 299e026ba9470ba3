"""A person in a place, as light: what stands before a camera, and what an attacker's picture was taken of.

Scenes are (rows, columns, 3) float32, linear BGR, 1 is diffuse white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from light import linear, scaled, white_of
from portraits import Portrait, read

STUDIO_SOURCES = frozenset({"us_congress118"})
"""Sources whose own backdrop is one and the same for all people, and would name them."""


@dataclass(frozen=True)
class Pose:
    """Where a face is: middle and width of its box in pixels of the scene; roll in degrees."""

    x: float
    y: float
    width: float
    roll: float


def place_of(portrait: Portrait, pose: Pose) -> np.ndarray:
    """(2, 3) matrix from the portrait's pixels to the scene's."""
    left, top, width, height = portrait.box
    cx, cy = left + width / 2, top + height / 2
    matrix = cv2.getRotationMatrix2D((cx, cy), pose.roll, pose.width / width)
    matrix[:, 2] += (pose.x - cx, pose.y - cy)
    return np.asarray(matrix)


def box_of(portrait: Portrait, pose: Pose) -> tuple[float, float, float, float]:
    """The face box in the scene: it stays upright as a detector's."""
    height = pose.width * portrait.box[3] / portrait.box[2]
    return pose.x - pose.width / 2, pose.y - height / 2, pose.width, height


def lowest(portrait: Portrait, face: float) -> float:
    """How far below the scene's upper edge the face's middle may lie, for hair that the portrait cuts off."""
    left, top, width, height = portrait.box
    crown = portrait.matte()[0, int(max(left, 0)) : int(left + width)]
    if crown.mean() < 0.2 * 255:
        return float("inf")
    return max((top + height / 2) / width, 0.62) * face


def person_in_place(
    portrait: Portrait, backgrounds: Sequence[Path], rng: np.random.Generator, size: tuple[int, int], pose: Pose
) -> np.ndarray:
    """The portrait's person, relit, before a background.

    size: columns, rows. The background is a picture of a place, a room made of plain shapes, or the portrait's own
    backdrop (rarely that of a studio).
    """
    matrix = place_of(portrait, pose)
    picture, matte = portrait.picture(), portrait.matte()
    # Beyond the portrait's borders its backdrop is only guessed.
    shown = matrix[0, 0] ** 2 * picture.shape[0] * picture.shape[1] / (size[0] * size[1])
    own_share = 0.08 if portrait.source in STUDIO_SOURCES else float(np.clip(1.4 * shown - 0.3, 0.05, 0.7))
    draw = rng.random()
    if draw < own_share:
        place = _own_backdrop(picture, matte, matrix, size)
    elif draw < own_share + (1 - own_share) * 0.65:
        place = photographed_place(backgrounds, rng, size)
    else:
        place = plain_room(rng, size)
    person, alpha = _person(picture, matte, matrix, size, portrait.box)
    return _composed(person, alpha, place, rng, pose, own=draw < own_share)


def _composed(
    person: np.ndarray, alpha: np.ndarray, place: np.ndarray, rng: np.random.Generator, pose: Pose, *, own: bool
) -> np.ndarray:
    columns, rows = person.shape[1], person.shape[0]
    # Light of the room on both; light of a lamp or window from a side on the person alone.
    room = room_white(rng)
    place_gain = 1.0 if own else float(np.exp(rng.normal(0.0, 0.45)))
    if not own and rng.random() < 0.15:
        place_gain *= rng.uniform(2.0, 5.0)  # before a window
    small = -(-columns // 8), -(-rows // 8)
    small_place = scaled(cv2.resize(place, small, interpolation=cv2.INTER_AREA), place_gain)
    small_alpha = cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)
    tint = np.ones(3)
    if not own:
        mean = small_place.mean((0, 1)) + 0.05
        tint = (mean / mean.mean()) ** rng.uniform(0.0, 0.35)
    # The place's light creeps around the outline and scatters in hair and lens.
    wrap = np.clip(small_alpha - cv2.GaussianBlur(small_alpha, (0, 0), 0.012 * pose.width), 0, 1)[..., None]
    wrap = wrap * np.float32(rng.uniform(0.1, 0.6))
    around = cv2.GaussianBlur(small_place, (0, 0), 0.05 * pose.width)
    factor = scaled(_shading(rng, small, pose), tint * room) * (1 - wrap)
    added = scaled(around * wrap, room)
    size = columns, rows
    person = cv2.multiply(person, cv2.resize(factor, size, interpolation=cv2.INTER_LINEAR))
    person = cv2.add(person, cv2.resize(added, size, interpolation=cv2.INTER_LINEAR))
    place = scaled(place, place_gain * room)
    return np.asarray(cv2.blendLinear(person, place, alpha, 1 - alpha), np.float32)


def room_white(rng: np.random.Generator) -> np.ndarray:
    """(3,) the colour of a room's light, partly compensated as by any camera."""
    return white_of(float(np.clip(np.exp(rng.normal(np.log(4600), 0.25)), 2500, 9000))) ** 0.6


def _shading(rng: np.random.Generator, size: tuple[int, int], pose: Pose) -> np.ndarray:
    """(rows, columns, 3) factor of one lamp on a head taken for an ellipsoid, and of the ambient light."""
    x = ((np.arange(size[0], dtype=np.float32) + 0.5) * 8 - pose.x) / (0.62 * pose.width)
    y = ((np.arange(size[1], dtype=np.float32) + 0.5) * 8 - pose.y) / (0.95 * pose.width)
    nx, ny = np.broadcast_arrays(np.tanh(x)[None], np.tanh(y)[:, None] * 0.7)
    nz = np.sqrt(np.maximum(1 - 0.8 * (nx**2 + ny**2), 0.1))
    side, height = rng.normal(0, 0.8), rng.normal(-0.35, 0.35)
    lamp = np.array([side, height, rng.uniform(0.3, 1.0)])
    lamp /= np.linalg.norm(lamp)
    facing = np.maximum(nx * lamp[0] + ny * lamp[1] + nz * lamp[2], 0)
    strength = rng.beta(1.5, 2.5) * 1.6
    colour = white_of(float(np.clip(np.exp(rng.normal(np.log(5000), 0.3)), 2500, 9500))) ** 0.5
    lit = 1.0 + strength * (facing[..., None] * 1.8 * colour - 0.6)
    return np.asarray(np.maximum(lit, 0.12), np.float32)


def _person(
    picture: np.ndarray,
    matte: np.ndarray,
    matrix: np.ndarray,
    size: tuple[int, int],
    box: tuple[float, float, float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Linear colours (rows, columns, 3) and cover (rows, columns) 0..1 of the person in the scene.

    What the portrait cuts off (shoulders, hair above the edge) goes on beyond its borders.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    matrix = matrix.copy()
    if scale < 0.85:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matte = cv2.resize(matte, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= scale
        box = (box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale)
        scale = 1.0
    blue, green, red = cv2.split(_without_spill(picture, matte))
    layers = cv2.merge([blue, green, red, matte])
    crown = _crown(layers, box)
    layers = np.vstack([crown, layers])
    matrix[:, 2] -= matrix[:, :2] @ np.array([0.0, crown.shape[0]])
    # How far the scene reaches beyond what the portrait has.
    corners = cv2.invertAffineTransform(matrix) @ np.array(
        [[0, size[0], 0, size[0]], [0, 0, size[1], size[1]], [1, 1, 1, 1]], float
    )
    left = max(int(-corners[0].min()) + 2, 1)
    right = max(int(corners[0].max()) + 2 - layers.shape[1], 1)
    deep = max(int(corners[1].max()) + 2 - layers.shape[0], 1)
    sides = [_shoulder(layers[:, column], wide, 0.12 * box[2]) for column, wide in ((0, left), (-1, right))]
    layers = np.hstack([sides[0][:, ::-1], layers, sides[1]])
    layers = np.vstack([layers, _trunk(layers, deep, box[2])])
    matrix[:, 2] -= matrix[:, :2] @ np.array([float(left), 0.0])
    seen = cv2.warpAffine(layers, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.multiply(cv2.extractChannel(seen, 3), 1 / 255, dtype=cv2.CV_32F)
    return linear(cv2.cvtColor(seen, cv2.COLOR_BGRA2BGR)), np.asarray(cover)


def _without_spill(picture: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The picture with the person's own colours along the outline instead of the old backdrop's.

    After Forte, "Approximate fast foreground colour estimation", ICIP 2021: colours of the inside, blurred outwards.
    """
    inside = cv2.erode(matte, np.ones((3, 3), np.uint8)).astype(np.float32) * np.float32(1 / 255)
    weight = cv2.blur(inside, (15, 15)) + 1e-3
    colours = cv2.blur(picture.astype(np.float32) * inside[..., None], (15, 15)) / weight[..., None]
    cover = (inside**2)[..., None]
    return np.asarray(np.clip(picture * cover + colours * (1 - cover), 0, 255).astype(np.uint8))


def _crown(layers: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Rows above the picture where hair that it cuts off closes to a dome; the first row is empty."""
    height = max(int(0.35 * box[2]), 3)
    width = layers.shape[1]
    if layers[0, :, 3].max() < 128:
        return np.zeros((2, width, 4), np.uint8)
    cx = box[0] + box[2] / 2
    up = (np.arange(height, 0, -1, dtype=np.float32) - 0.5) / height
    narrow = np.sqrt(1 - up**2)[:, None]
    x = (np.arange(width, dtype=np.float32) - cx)[None] / narrow + cx
    y = np.minimum(up * height * 0.5, layers.shape[0] - 1)[:, None]
    crown = cv2.remap(layers, x, np.broadcast_to(y, x.shape).copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    crown[0] = 0
    return np.asarray(crown)


def _trunk(layers: np.ndarray, deep: int, face: float) -> np.ndarray:
    """(deep, columns, 4) below the picture: the last rows' cover and mean colours, the cloth's texture mirrored on."""
    last = layers[-4:].mean(0, keepdims=True).astype(np.float32)
    sharp = cv2.GaussianBlur(last, (0, 0), sigmaX=0.03 * face, sigmaY=0.1)
    soft = cv2.GaussianBlur(last, (0, 0), sigmaX=0.2 * face, sigmaY=0.1)
    down = np.arange(deep)
    trunk = sharp + (soft - sharp) * np.minimum(down / (0.35 * face), 1).astype(np.float32)[:, None, None]
    period = max(min(int(0.4 * face), layers.shape[0] // 2), 2)
    cloth = layers[-period:].astype(np.float32)
    cloth -= cv2.GaussianBlur(cloth, (0, 0), 0.06 * face)
    # Forth and back through the last rows.
    turn = down % (2 * period)
    trunk += cloth[np.where(turn < period, period - 1 - turn, turn - period)]
    trunk[..., 3] = last[..., 3]
    return np.asarray(np.clip(trunk, 0, 255).astype(np.uint8))


def _shoulder(edge: np.ndarray, wide: int, smooth: float) -> np.ndarray:
    """(rows, wide, 4) beyond a side: the edge's column, falling as a shoulder falls, its colours without detail."""
    cover = edge[:, 3:].astype(np.float32) / 255 + 0.01
    colours = cv2.GaussianBlur(
        np.ascontiguousarray(edge[:, None, :3] * cover[..., None]), (0, 0), sigmaX=0.1, sigmaY=smooth
    )
    weight = cv2.GaussianBlur(cover, (0, 0), sigmaX=0.1, sigmaY=smooth)
    soft = np.dstack([colours / weight.reshape(-1, 1, 1), edge[:, None, 3:]])
    strip = np.hstack([edge[:, None].astype(np.float32), soft])
    rows = np.arange(edge.shape[0], dtype=np.float32)[:, None]
    out = np.arange(wide, dtype=np.float32)[None]
    y = np.maximum(rows - 0.5 * out - 0.012 * out**2, 0)
    x = np.broadcast_to(np.minimum(out / (2 * smooth), 1), y.shape).copy()
    return np.asarray(cv2.remap(strip, x, y, cv2.INTER_LINEAR).astype(np.uint8))


def _own_backdrop(picture: np.ndarray, matte: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The portrait's backdrop with the person taken out, mirrored beyond the borders."""
    small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).astype(np.float32)
    free = (
        1 - cv2.resize(matte, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    )
    free = (cv2.erode(free, np.ones((5, 5), np.uint8)) > 0.9).astype(np.float32)
    filled = np.full_like(small, small.reshape(-1, 3).mean(0))
    for sigma in (24.0, 8.0, 3.0):
        weight = cv2.GaussianBlur(free, (0, 0), sigma)[..., None]
        blurred = cv2.GaussianBlur(small * free[..., None], (0, 0), sigma) / np.maximum(weight, 1e-4)
        trust = np.clip(weight * 12, 0, 1)
        filled = filled + (blurred - filled) * trust
    hidden = cv2.dilate(matte, np.ones((9, 9), np.uint8)).astype(np.float32)[..., None] / 255
    filled = cv2.resize(filled, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    plate = np.clip(picture + (filled - picture) * hidden, 0, 255).astype(np.uint8)
    seen = cv2.warpAffine(plate, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return linear(seen)


def photographed_place(backgrounds: Sequence[Path], rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """One of the background pictures, cut, mirrored, and out of focus by some amount."""
    picture = read(backgrounds[int(rng.integers(len(backgrounds)))])
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    rows, columns = picture.shape[:2]
    share = rng.uniform(0.6, 1.0)
    cut_height = share * min(rows, columns * size[1] / size[0])
    cut_width = cut_height * size[0] / size[1]
    top, left = rng.uniform(0, rows - cut_height), rng.uniform(0, columns - cut_width)
    cut = picture[int(top) : int(top + cut_height), int(left) : int(left + cut_width)]
    sigma = rng.gamma(1.2, 1.2) / 640 * cut.shape[1]
    if sigma > 0.3:
        cut = cv2.GaussianBlur(cut, (0, 0), sigma)
    return linear(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC))


def plain_room(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A wall with a few sharp-edged things on it: doors, frames, shelves, curtains, lamps, in focus or not."""
    columns, rows = size
    tone = np.exp(rng.normal(np.log(0.35), 0.6)) * np.exp(rng.normal(0, 0.12, 3))
    wall = np.empty((rows, columns, 3), np.float32)
    wall[:] = np.clip(tone, 0.02, 0.85)
    for _ in range(int(rng.integers(0, 9))):
        w, h = (int(rng.uniform(0.04, 0.5) * n) for n in (columns, rows))
        x, y = int(rng.uniform(-0.1, 1.0) * columns), int(rng.uniform(-0.1, 1.0) * rows)
        colour = np.clip(np.exp(rng.normal(np.log(0.2), 0.9)) * np.exp(rng.normal(0, 0.35, 3)), 0.01, 0.9)
        if rng.random() < 0.12:
            colour = rng.uniform(1.5, 5.0) * white_of(float(rng.uniform(3000, 8000)))  # window, lamp
        cv2.rectangle(wall, (x, y), (x + w, y + h), [float(v) for v in colour], -1, cv2.LINE_AA)
        if rng.random() < 0.5:
            cv2.rectangle(wall, (x, y), (x + w, y + h), [float(v * 0.4) for v in colour], int(rng.integers(1, 6)))
    if rng.random() < 0.3:  # curtain, panels, slats
        period = rng.uniform(0.02, 0.15) * columns
        folds = np.sin(np.arange(columns, dtype=np.float32) * (2 * np.pi / period) + rng.uniform(0, 6)) * rng.uniform(
            0.05, 0.4
        )
        wall *= (
            (1 + folds)[None, :, None]
            if rng.random() < 0.7
            else (1 + folds[: rows if rows < columns else columns])[:1, None, None]
        )
    grain = cv2.resize(rng.standard_normal((rows // 6, columns // 6), np.float32), size, interpolation=cv2.INTER_CUBIC)
    slope = np.linspace(-1, 1, columns, dtype=np.float32)[None] * rng.normal(0, 0.25)
    slope = slope + np.linspace(-1, 1, rows, dtype=np.float32)[:, None] * rng.normal(0, 0.25)
    wall *= np.maximum(1 + slope + rng.uniform(0, 0.05) * grain, 0.1)[..., None]
    sigma = rng.gamma(1.0, 1.2) * max(size) / 640
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), sigma) if sigma > 0.4 else wall)
