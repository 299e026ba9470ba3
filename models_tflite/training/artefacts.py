"""Presentation attack instruments: flat things that show a picture, as light at the sensor's pixels.

A `Sheet` says where the camera sees each point of the thing (centimetres on it). The grid of a display and the screens
of a print are finer than a pixel: they are given as Fourier series in those centimetres, each sine is weighted by what
the lens and the pixel leave of it (`Camera.transfer`) and evaluated at the pixel centres. Sampling at those points,
and the Bayer mosaic after it, then make moire by themselves, at the frequency that the geometry says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from camera import Camera

COARSE = 8
LEAST_CONTRAST = 0.004
"""Of a sine that is worth its time; below one 8-bit step."""
SCREEN_ANGLES = (15.0, 75.0, 0.0, 45.0)
"""Of cyan, magenta, yellow and black in offset printing, degrees (DIN 16547 practice)."""
INKS = np.array([[0.72, 0.42, 0.06], [0.32, 0.10, 0.66], [0.08, 0.70, 0.78], [0.04, 0.04, 0.04]], np.float32)
"""Blue, green and red light that full cyan, magenta, yellow and black ink lets through (approximate process inks)."""


@dataclass(frozen=True)
class Sheet:
    """A plane seen by a pinhole camera. Its origin is the face's middle; u to the right, v down, centimetres.

    x, y: where the origin is seen, sensor pixels. scale: sensor pixels to a centimetre there. turn, tilt, roll: degrees
    about the vertical, the horizontal and the line of sight. distance: of the camera, centimetres. bend: curvature
    across u, 1/cm; it shortens what turns away.
    """

    columns: int
    rows: int
    x: float
    y: float
    scale: float
    turn: float
    tilt: float
    roll: float
    distance: float
    bend: float = 0.0

    @cached_property
    def matrix(self) -> np.ndarray:
        """(3, 3) from (u, v, 1) to homogeneous sensor pixels."""
        turn, tilt, roll = np.radians([self.turn, self.tilt, self.roll])
        about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
        about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
        about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        turned = about_z @ about_x @ about_y
        focal = self.scale * self.distance
        axes = np.column_stack([turned[:, 0], turned[:, 1], [0, 0, self.distance]])
        lens = np.array([[focal, 0, self.x], [0, focal, self.y], [0, 0, 1]])
        return np.asarray(lens @ axes)

    @cached_property
    def where(self) -> tuple[np.ndarray, np.ndarray]:
        """u and v at each sensor pixel, (rows, columns) float32."""
        inverse = np.linalg.inv(self.matrix)
        inverse = (inverse / inverse[2, 2]).astype(np.float32)
        x = np.arange(self.columns, dtype=np.float32)[None]
        y = np.arange(self.rows, dtype=np.float32)[:, None]
        over = 1 / np.maximum(inverse[2, 0] * x + (inverse[2, 1] * y + inverse[2, 2]), 1e-3)
        u = (inverse[0, 0] * x + (inverse[0, 1] * y + inverse[0, 2])) * over
        v = (inverse[1, 0] * x + (inverse[1, 1] * y + inverse[1, 2])) * over
        if self.bend:
            u = u * (1 + (self.bend * u) ** 2 / 6)  # arc length over chord
        return np.asarray(u, np.float32), np.asarray(v, np.float32)

    @cached_property
    def coarse(self) -> Sheet:
        """The same sheet on an eighth of the pixels, for what is smooth."""
        k = COARSE
        return replace(
            self,
            columns=-(-self.columns // k),
            rows=-(-self.rows // k),
            x=self.x / k,
            y=self.y / k,
            scale=self.scale / k,
        )

    def fine(self, smooth: np.ndarray) -> np.ndarray:
        """Values on the coarse sheet at each sensor pixel."""
        k = COARSE
        size = self.coarse.columns * k, self.coarse.rows * k
        return np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR)[: self.rows, : self.columns])

    def frequency(self, fu: float, fv: float) -> tuple[float, float]:
        """Cycles per sensor pixel along x and y, at the origin, of a sine of fu, fv cycles to a centimetre."""
        inverse = np.linalg.inv(self.matrix)
        point = inverse @ np.array([self.x, self.y, 1.0])
        slope = (inverse[:2, :2] - np.outer(point[:2] / point[2], inverse[2, :2])) / point[2]
        fx, fy = np.array([fu, fv]) @ slope
        return float(fx), float(fy)

    def seen(self, picture: np.ndarray, per_centimetre: float, origin: tuple[float, float]) -> np.ndarray:
        """The picture on the sheet, mirrored beyond its borders; origin is its pixel at the sheet's."""
        shrink = self.scale / per_centimetre
        if shrink < 0.9:
            picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
            origin = origin[0] * shrink, origin[1] * shrink
            per_centimetre *= shrink
        u, v = self.where
        x, y = (
            u * np.float32(per_centimetre) + np.float32(origin[0]),
            v * np.float32(per_centimetre) + np.float32(origin[1]),
        )
        return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))

    def inside(self, left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> np.ndarray:
        """Share 0..1 of each pixel that lies in a rounded rectangle, centimetres."""
        u, v = self.where
        du = np.abs(u - np.float32((left + right) / 2)) - np.float32((right - left) / 2 - corner)
        dv = np.abs(v - np.float32((top + bottom) / 2)) - np.float32((bottom - top) / 2 - corner)
        if corner:
            out = np.hypot(np.maximum(du, 0), np.maximum(dv, 0)) + np.minimum(np.maximum(du, dv), 0) - corner
        else:
            out = np.maximum(du, dv)
        return np.clip(0.5 - out * np.float32(self.scale), 0, 1)

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        """Upright box, sensor pixels, of a rectangle on the sheet: its middle and its mean sides, as a detector's."""
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]).T
        seen = self.matrix @ np.vstack([corners, np.ones(4)])
        (x, y) = seen[:2] / seen[2]
        width = (np.hypot(x[1] - x[0], y[1] - y[0]) + np.hypot(x[2] - x[3], y[2] - y[3])) / 2
        height = (np.hypot(x[3] - x[0], y[3] - y[0]) + np.hypot(x[2] - x[1], y[2] - y[1])) / 2
        return float(x.mean() - width / 2), float(y.mean() - height / 2), float(width), float(height)


@dataclass(frozen=True)
class Panel:
    """A display's grid. pitch: pixels to a centimetre. fill: lit share of a pixel's height and its stripe's width."""

    pitch: float
    layout: str  # "stripe" or "diamond"
    fill: float = 0.85
    upright: bool = True

    def factor(self, sheet: Sheet, camera: Camera, colours: np.ndarray) -> np.ndarray | None:
        """(rows, columns) light relative to a smooth screen, None where nothing of the grid is left.

        colours: (rows, columns), that which each pixel of the camera sees: 0 blue, 1 green, 2 red.
        """
        if self.layout == "stripe":
            return self._stripes(sheet, camera, colours)
        return self._diamonds(sheet, camera, colours)

    def _stripes(self, sheet: Sheet, camera: Camera, colours: np.ndarray) -> np.ndarray | None:
        u, v = sheet.where if self.upright else sheet.where[::-1]
        across, along = (1.0, 0.0), (0.0, 1.0)
        if not self.upright:
            across, along = along, across
        factor: np.ndarray | None = None
        for order in (1, 2, 3):
            contrast = 2 * np.sinc(order * self.fill / 3) * _left(sheet, camera, self.pitch * order, across)
            if abs(contrast) < LEAST_CONTRAST:
                continue
            # Blue, green and red stripes lie a third of a pixel apart.
            phase = u * np.float32(2 * np.pi * order * self.pitch)
            phase += (2 * np.pi * order / 3 * np.array([2, 1, 0])).astype(np.float32)[colours]
            wave = np.float32(contrast) * np.cos(phase)
            factor = 1 + wave if factor is None else factor + wave
        for order in (1, 2):
            contrast = 2 * np.sinc(order * self.fill) * _left(sheet, camera, self.pitch * order, along)
            if abs(contrast) < LEAST_CONTRAST:
                continue
            wave = 1 + np.float32(contrast) * np.cos(v * np.float32(2 * np.pi * order * self.pitch))
            factor = wave if factor is None else factor * wave
        return None if factor is None else np.maximum(factor, 0)

    def _diamonds(self, sheet: Sheet, camera: Camera, colours: np.ndarray) -> np.ndarray | None:
        """Pentile: green on every pixel, red and blue on every other, in diagonal rows."""
        u, v = sheet.where
        contrast = 1.1 * _left(sheet, camera, self.pitch, (1, 0))
        coarse = 1.3 * _left(sheet, camera, self.pitch / 2, (1, 1))
        if max(abs(contrast), abs(coarse)) < LEAST_CONTRAST:
            return None
        a, b = u * np.float32(2 * np.pi * self.pitch), v * np.float32(2 * np.pi * self.pitch)
        green = np.float32(contrast / 2) * (np.cos(a) + np.cos(b))
        falling, rising = (np.float32(coarse / 2) * np.cos((a + sign * b) / 2) for sign in (1, -1))
        other = falling + np.where(colours == 2, rising, -rising)
        return np.maximum(1 + np.where(colours == 1, green, other), 0)


@dataclass(frozen=True)
class Screening:
    """A clustered-dot (AM) halftone. ruling: lines to a centimetre; 60 is 150 to an inch."""

    ruling: float

    def factor(self, sheet: Sheet, camera: Camera, colours: np.ndarray, reflectance: np.ndarray) -> np.ndarray | None:
        """(rows, columns) factor on the print's smooth reflectance (rows, columns, 3), for the colour of each pixel.

        The fundamental of a dot of coverage a is taken as 4/pi^2 sin(pi a), exact for the chequerboard at one half.
        """
        u, v = sheet.where
        factor: np.ndarray | None = None
        tau = np.float32(2 * np.pi * self.ruling)
        for ink, angle in enumerate(SCREEN_ANGLES):
            cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            left = [_left(sheet, camera, self.ruling, axis) for axis in ((cosine, sine), (-sine, cosine))]
            if max(abs(value) for value in left) * 0.4 < LEAST_CONTRAST:
                continue
            # Cyan takes red away, magenta green, yellow blue; black what is dark in all three.
            covered = 1 - reflectance[..., 2 - ink] if ink < 3 else 0.6 * (1 - reflectance.min(axis=2))
            depth = np.float32(4 / np.pi**2) * np.sin(np.float32(np.pi) * np.clip(covered, 0, 1))
            wave = np.float32(left[0]) * np.cos(tau * (u * np.float32(cosine) + v * np.float32(sine)))
            wave += np.float32(left[1]) * np.cos(tau * (v * np.float32(cosine) - u * np.float32(sine)))
            dots = 1 - depth * wave * (1 - INKS[ink])[colours]
            factor = dots if factor is None else factor * dots
        return None if factor is None else np.maximum(factor, 0)


def _left(sheet: Sheet, camera: Camera, frequency: float, direction: tuple[float, float]) -> float:
    """Contrast left of a sine of that many cycles to a centimetre in a direction on the sheet."""
    fx, fy = sheet.frequency(frequency * direction[0], frequency * direction[1])
    return camera.transfer(fx, fy)
