"""Recaptures of a picture: what a camera sees of a print or a screen that shows it.

The cues come out of the geometry: the print is a halftone of inks on paper and the screen a grid of
red, green and blue stripes, each laid out finer than the camera's pixels and then averaged down to them
through a perspective view. Moire is what remains, and is not painted on.

All pictures are (height, width, 3) uint8, BGR, sRGB-encoded.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Linear = NDArray[np.float32]

PAPER_WHITE = 0.82
INK_BLACK = 0.035
SCREEN_BLACK = 0.004
# Clustered-dot screen angles of offset printing for cyan, magenta, yellow and black, degrees.
SCREEN_ANGLES = (15.0, 75.0, 0.0, 45.0)
# How much of blue, green and red light each full ink lets through (approximate process inks).
INK_TRANSMITTANCE = np.array(
    [[0.72, 0.42, 0.06], [0.32, 0.10, 0.66], [0.08, 0.70, 0.78], [0.04, 0.04, 0.04]], dtype=np.float32
)


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A modest 8-bit colour camera.

    width, height: pixels of the frame.
    blur: standard deviation of the lens' point spread, pixels.
    full_well: electrons at white; sets the shot noise.
    read_noise: electrons.
    jpeg_quality: of the compression in the camera, 0..100.
    """

    width: int = 640
    height: int = 480
    blur: float = 0.6
    full_well: float = 6000.0
    read_noise: float = 12.0
    jpeg_quality: int = 92


def to_linear(picture: Picture) -> Linear:
    """sRGB to linear light 0..1 (IEC 61966-2-1)."""
    encoded = np.arange(256, dtype=np.float32) / 255
    table = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return table.astype(np.float32)[picture]


def to_srgb(light: Linear) -> Picture:
    """Linear light 0..1 to sRGB, clipped."""
    light = np.clip(light, 0.0, 1.0)
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


def expose(light: Linear, camera: CameraModel, rng: np.random.Generator) -> Picture:
    """Lens blur, shot and read noise, 8 bits and JPEG of linear light at the camera's size."""
    if camera.blur > 0:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), camera.blur), dtype=np.float32)
    electrons = np.clip(light, 0, None) * camera.full_well
    noise = rng.standard_normal(electrons.shape, dtype=np.float32)
    noisy = electrons + noise * np.sqrt(electrons + camera.read_noise**2)
    picture = to_srgb((noisy / camera.full_well).astype(np.float32))
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg_quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)


def photograph(picture: Picture, camera: CameraModel, rng: np.random.Generator) -> Picture:
    """The picture as the camera would have taken it: its middle, cut to the camera's shape, with its noise."""
    scale = max(camera.width / picture.shape[1], camera.height / picture.shape[0])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = np.asarray(cv2.resize(to_linear(picture), size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    top, left = (size[1] - camera.height) // 2, (size[0] - camera.width) // 2
    return expose(small[top : top + camera.height, left : left + camera.width], camera, rng)


def print_surface(picture: Picture, *, cells: int = 220) -> Linear:
    """Reflectance of a halftone print, eight samples to a halftone cell.

    cells: halftone cells across the width; 220 across a hand-held 10 cm print is a 56 lines/cm screen.
    """
    samples = 8
    width = cells * samples
    height = round(width * picture.shape[0] / picture.shape[1])
    light = cv2.resize(to_linear(picture), (width, height), interpolation=cv2.INTER_AREA)
    cmy = 1.0 - np.clip(light[:, :, ::-1], 0, 1) ** (1 / 2.2)
    black = cmy.min(axis=2, keepdims=True) * 0.7
    coverage = np.concatenate([np.clip((cmy - black) / np.maximum(1 - black, 1e-3), 0, 1), black], axis=2)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    surface = np.full((height, width, 3), PAPER_WHITE, dtype=np.float32)
    for ink, angle in enumerate(SCREEN_ANGLES):
        cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        across = (columns * cosine + rows * sine) * (2 * np.pi / samples)
        along = (rows * cosine - columns * sine) * (2 * np.pi / samples)
        threshold = 0.5 + 0.25 * (np.cos(across) + np.cos(along))
        # Dots grow while printing; a soft edge keeps their coverage from being a staircase.
        covered = np.clip((coverage[:, :, ink] - threshold) * 8 + 0.5, 0, 1)[:, :, None]
        surface *= 1 - covered * (1 - INK_TRANSMITTANCE[ink])
    return np.maximum(surface, INK_BLACK)


def screen_surface(picture: Picture, *, columns: int = 360) -> Linear:
    """Light of a screen showing the picture: six samples to a pixel, stripes of red, green and blue with black between.

    columns: pixels across the shown picture.
    """
    samples = 6
    height = round(columns * picture.shape[0] / picture.shape[1])
    shown = cv2.resize(to_linear(picture), (columns, height), interpolation=cv2.INTER_AREA)
    mask = np.zeros((samples, samples, 3), dtype=np.float32)
    for stripe, channel in enumerate((2, 1, 0)):
        mask[: samples - 1, stripe * 2 : stripe * 2 + 2, channel] = 1.0
        mask[:, stripe * 2 + 1, channel] *= 0.6
    mask /= mask.mean(axis=(0, 1))
    light = np.repeat(np.repeat(shown, samples, axis=0), samples, axis=1)
    colour_temperature = np.array([1.12, 1.0, 0.90], dtype=np.float32)
    grid = np.tile(mask, (height, columns, 1))
    return (light * grid * colour_temperature + SCREEN_BLACK).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Holding:
    """How the artefact is held.

    share: width of the artefact relative to the frame; above 1 its edges are out of sight.
    turn, tilt, roll: degrees.
    shift: of the middle, as shares of the frame.
    """

    share: float = 0.8
    turn: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)


def view(surface: Linear, holding: Holding, camera: CameraModel, surroundings: Linear) -> Linear:
    """The flat surface in perspective before the surroundings, averaged over each camera pixel.

    surroundings: (height, width, 3) linear, the camera's size.
    """
    over = 3  # samples to a camera pixel and axis, beside the blur that stands for the rest of its area
    width, height = camera.width * over, camera.height * over
    rows, columns = surface.shape[:2]
    aspect = rows / columns
    corners = np.array([[-1, -aspect], [1, -aspect], [1, aspect], [-1, aspect]], dtype=np.float64) / 2
    turn, tilt, roll = np.radians([holding.turn, holding.tilt, holding.roll])
    solid = np.column_stack([corners, np.zeros(4)])
    about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    placed = solid @ (about_z @ about_x @ about_y).T
    distance = 2.0  # of the eye, in widths of the artefact
    projected = placed[:, :2] * (distance / (distance + placed[:, 2:3]))
    middle = np.array([(0.5 + holding.shift[0]) * width, (0.5 + holding.shift[1]) * height])
    target = (projected * holding.share * width + middle).astype(np.float32)
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    # A surface sample smaller than a grid sample would alias against our grid, not the camera's.
    ratio = columns / max(holding.share * width, 1.0)
    sampled = cv2.GaussianBlur(surface, (0, 0), ratio / 2) if ratio > 1 else surface
    seen = cv2.warpPerspective(sampled, matrix, (width, height), flags=cv2.INTER_LINEAR)
    inside = cv2.warpPerspective(np.ones((rows, columns), np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR)
    size = (camera.width, camera.height)
    seen = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(inside, size, interpolation=cv2.INTER_AREA)[:, :, None]
    return np.asarray(seen + surroundings * (1 - inside), dtype=np.float32)


def room(camera: CameraModel, rng: np.random.Generator) -> Linear:
    """An unremarkable wall, brighter towards one side."""
    tone = rng.uniform(0.08, 0.3) * rng.uniform(0.9, 1.1, 3)
    slope = np.linspace(1 - rng.uniform(0, 0.4), 1, camera.width, dtype=np.float32)
    wall = np.broadcast_to(slope[None, :, None] * tone, (camera.height, camera.width, 3))
    return np.ascontiguousarray(wall, dtype=np.float32)


def recapture_print(
    picture: Picture, camera: CameraModel, rng: np.random.Generator, holding: Holding | None = None
) -> Picture:
    """A matte print, lit from one side, held in front of the camera."""
    holding = holding or Holding(0.75, rng.uniform(-15, 15), rng.uniform(-10, 10), rng.uniform(-5, 5))
    surface = print_surface(picture)
    lamp = np.linspace(rng.uniform(0.6, 0.9), 1.0, surface.shape[1], dtype=np.float32)[None, :, None]
    return expose(view(surface * lamp, holding, camera, room(camera, rng)), camera, rng)


def recapture_screen(
    picture: Picture, camera: CameraModel, rng: np.random.Generator, holding: Holding | None = None
) -> Picture:
    """A screen showing the picture, with a dark bezel and the room's veil on its glass."""
    holding = holding or Holding(0.75, rng.uniform(-12, 12), rng.uniform(-8, 8), rng.uniform(-4, 4))
    surface = screen_surface(picture)
    border = surface.shape[1] // 20
    bezel = cv2.copyMakeBorder(surface, border, border, border, border, cv2.BORDER_CONSTANT, value=(0.01,) * 3)
    veil = np.float32(rng.uniform(0.005, 0.03))
    return expose(view(bezel * 0.9 + veil, holding, camera, room(camera, rng)), camera, rng)
