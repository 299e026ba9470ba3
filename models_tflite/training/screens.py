"""Presentation attacks with a display: a phone, tablet, laptop or large screen that shows a picture or a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from artefacts import Panel, Sheet
from camera import Camera, Lattice
from light import linear, scaled, white_of
from portraits import Portrait
from presentation import Capture, first_generation, highlight, hold, sheet_of, surroundings
from scene import room_white

SCREENS = ("screen_large", "screen_phone", "screen_tablet", "screen_laptop", "screen_video")


@dataclass(frozen=True)
class Device:
    """Ranges of a display. width: of the lit area, centimetres, held in the given aspects. pitch: pixels to an inch."""

    width: tuple[float, float]
    aspects: tuple[float, ...]
    pitch: tuple[float, float]
    bezel: tuple[float, float]
    corner: tuple[float, float]
    diamond: float
    distance: tuple[float, float]


DEVICES = {
    "screen_phone": Device((6.3, 7.4), (0.46, 0.5, 0.56), (320, 460), (0.2, 0.6), (0.2, 0.9), 0.55, (15, 40)),
    "screen_tablet": Device((14.5, 25.0), (0.75, 0.7, 1.333, 1.6), (150, 270), (0.5, 1.8), (0.3, 1.2), 0.15, (25, 60)),
    "screen_laptop": Device((28.0, 35.0), (1.6, 1.78), (100, 230), (0.5, 1.8), (0.0, 0.5), 0.08, (30, 80)),
    "screen_large": Device((48.0, 120.0), (1.78,), (42, 110), (0.8, 3.0), (0.0, 0.3), 0.08, (50, 180)),
}


def displayed(
    portrait: Portrait,
    backgrounds: Sequence[Path],
    rng: np.random.Generator,
    settled: Capture,
    species: str,
    details: dict[str, float | str],
) -> tuple[np.ndarray, tuple[float, float, float, float], Lattice | None]:
    """Light at the sensor, face box in sensor pixels, and the pixel grid, of a screen before the settled capture."""
    kind = str(rng.choice(list(DEVICES))) if species == "screen_video" else species
    device = DEVICES[kind]
    width, display = float(rng.uniform(*device.width)), float(rng.choice(device.aspects))
    aspect, share = _layout(rng, kind, display, settled.face / settled.camera.width)
    face = (width if aspect >= display else width * aspect / display) * share
    shown = first_generation(
        portrait,
        backgrounds,
        rng,
        aspect=aspect,
        share=share,
        face=settled.face * rng.uniform(0.9, 1.6),
        video=species == "screen_video",
    )
    sheet = sheet_of(rng, settled, face, rng.uniform(*device.distance), lean=8)
    scale = shown.box[2] / face
    origin = shown.box[0] + shown.box[2] / 2, shown.box[1] + shown.box[3] / 2
    rows, columns = shown.picture.shape[:2]
    picture = (-origin[0] / scale, -origin[1] / scale, (columns - origin[0]) / scale, (rows - origin[1]) / scale)
    content = linear(sheet.seen(_rendered(shown.picture, rng), scale, origin))
    if aspect != display:
        shows = sheet.inside(*picture)
        bars = 0.9 if rng.random() < 0.15 else 0.003
        content = cv2.blendLinear(content, np.full_like(content, bars), shows, 1 - shows)
    middle = (picture[0] + picture[2]) / 2, (picture[1] + picture[3]) / 2
    half = width / 2, width / display / 2
    glass = middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]
    bezel, corner = float(rng.uniform(*device.bezel)), float(rng.uniform(*device.corner))
    frame = glass[0] - bezel, glass[1] - bezel, glass[2] + bezel, glass[3] + bezel
    panel = sheet.inside(*glass, corner=corner * 0.5)
    cover = sheet.inside(*frame, corner=corner + 0.3 * bezel)
    behind = surroundings(backgrounds, rng, settled)
    light = _shining(content, panel, rng, sheet, width, settled.camera)
    light = cv2.add(light, sheet.fine(_reflections(behind, rng, sheet.coarse, max(width / 3, face))))
    light = cv2.blendLinear(light, scaled(behind, room_white(rng)), cover, 1 - cover)
    if kind in ("screen_phone", "screen_tablet"):
        hold(light, rng, sheet, frame, face)
    grid = Panel(
        pitch=float(rng.uniform(*device.pitch)) / 2.54,
        layout="diamond" if rng.random() < device.diamond else "stripe",
        fill=float(rng.uniform(0.7, 0.92)),
        upright=kind != "screen_phone" or display < 1,
    )

    def lattice(camera: Camera, colours: np.ndarray) -> np.ndarray | None:
        factor = grid.factor(sheet, camera, colours)
        return None if factor is None else 1 + (factor - 1) * panel

    details |= {"centimetres": face, "pitch": grid.pitch, "layout": grid.layout, "device": kind}
    tall = face * shown.box[3] / shown.box[2]
    return np.asarray(light), sheet.box(-face / 2, -tall / 2, face / 2, tall / 2), lattice


def _layout(rng: np.random.Generator, kind: str, display: float, frame_share: float) -> tuple[float, float]:
    """Aspect of the picture on a display of an aspect, and the share of its width that the face takes.

    The picture fills the display, or stands on it between bars.
    """
    aspect = display if rng.random() < 0.5 else float(rng.choice([0.75, 1.0, 1.333, 1.78]))
    if kind == "screen_large":
        share = float(rng.uniform(0.1, 0.3))
        if rng.random() < 0.75:  # the frame ends within the picture
            return display, min(share, frame_share / 1.1)
        return aspect, share
    if kind == "screen_laptop":
        return aspect, float(rng.uniform(0.16, 0.4))
    return aspect, float(rng.uniform(0.32, 0.62)) if aspect <= 1 else float(rng.uniform(0.2, 0.42))


def _shining(
    content: np.ndarray, panel: np.ndarray, rng: np.random.Generator, sheet: Sheet, width: float, camera: Camera
) -> np.ndarray:
    """The display's own light and the bezel about it."""
    # The display's white against a white sheet in the same room: 80 to 500 nits against 100 to 600 lx / pi.
    brightness = float(np.exp(rng.normal(np.log(1.8), 0.6)))
    black = float(1 / rng.uniform(400, 2000))
    u, v = sheet.coarse.where
    falloff = 1 + np.float32(rng.normal(0, 0.18)) * np.tanh(v / np.float32(width))
    falloff = sheet.fine(falloff * (1 + np.float32(rng.normal(0, 0.08)) * np.tanh(u / np.float32(width))))
    if rng.random() < 0.25:
        falloff = falloff * _banding(rng, camera)
    white = white_of(float(rng.uniform(6000, 9300))) * brightness
    lit = scaled(cv2.addWeighted(content, 1 - black, content, 0, black), white)
    bezel = float(0.85 if rng.random() < 0.12 else rng.uniform(0.006, 0.05))
    return np.asarray(cv2.blendLinear(lit, np.full_like(lit, bezel), panel * falloff, 1 - panel))


def _rendered(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture as the display shows it: saturation and tone of its picture mode."""
    saturation = rng.uniform(0.9, 1.35)
    grey = np.array([0.114, 0.587, 0.299], np.float32)
    matrix = np.eye(3, dtype=np.float32) * np.float32(saturation) + np.float32(1 - saturation) * grey[None]
    table = (np.arange(256, dtype=np.float32) / 255) ** np.float32(np.exp(rng.normal(0.05, 0.12)))
    return np.asarray(cv2.LUT(cv2.transform(picture, matrix), (table * 255 + 0.5).astype(np.uint8)))


def _banding(rng: np.random.Generator, camera: Camera) -> np.ndarray:
    """(rows, 1): a display's pulsed backlight or refresh, read by a rolling shutter row after row."""
    rows = camera.sensor_size[1]
    period = rows * rng.uniform(0.15, 1.5)
    wave = np.sin(np.arange(rows) * (2 * np.pi / period) + rng.uniform(0, 2 * np.pi))
    return (1 + rng.uniform(0.02, 0.14) * np.tanh(2 * wave))[:, None].astype(np.float32)


def _reflections(behind: np.ndarray, rng: np.random.Generator, sheet: Sheet, reach: float) -> np.ndarray:
    """What glass adds: 4 % of what is before it, a diffuse haze, now and then a lamp."""
    small = cv2.resize(behind[:, ::-1], (40, 30), interpolation=cv2.INTER_AREA)
    mirrored = cv2.resize(small, (sheet.columns, sheet.rows), interpolation=cv2.INTER_LINEAR)
    veil = np.float32(rng.uniform(0.005, 0.05)) * mirrored + np.float32(rng.uniform(0.002, 0.03))
    if rng.random() < 0.3:
        veil = veil + highlight(rng, sheet, reach * 0.6, float(rng.gamma(1.5, 0.35)))[..., None]
    return np.asarray(veil, np.float32)
