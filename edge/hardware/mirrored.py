"""A mirrored picture in the oval of a page, on a display that may be turned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge.frames.frame import Frame
from edge.guidance.icons import Oval
from edge.guidance.page import RING
from edge.hardware.mirror import Mirror, light, tones
from edge.hardware.sdl import library

if TYPE_CHECKING:
    import pygame


class MirroredOval:
    """Keeps what it draws, until ``forget`` overwrites it."""

    def __init__(self) -> None:
        self._sdl: Any = library()
        self._mirror = Mirror()
        self._toned = np.zeros_like(self._mirror.picture)
        self._codes = tones((1.0, 1.0), 1.0).codes
        self._patch: pygame.Surface | None = None

    def saw(self, frame: Frame) -> None:
        """What is drawn from now on."""
        self._mirror.saw(frame)

    def suit(self, page: pygame.Surface, oval: Oval) -> None:
        """Its light to that of a finished page, not yet turned, whose oval is white."""
        picture = self._sdl.surfarray.pixels3d(page).swapaxes(0, 1)
        middle = picture.shape[1] // 2
        width, height = page.get_size()
        across, down = _inner(oval, min(width, height))
        share = math.pi * across * down / (width * height)
        self._codes = tones((light(picture[:, :middle]), light(picture[:, middle:])), share).codes

    def draw(self, oval: Oval, pixels: tuple[int, int], rotation: int, on: pygame.Surface) -> None:
        """Inside the oval's ring. pixels: of the page before it is turned by ``rotation`` degrees clockwise."""
        unit = min(pixels)
        inner = _inner(oval, unit)
        x, y = oval.centre[0] * unit, oval.centre[1] * unit
        width, height = pixels
        centre = {0: (x, y), 90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[rotation]
        across, down = inner if rotation in (0, 180) else inner[::-1]
        size = round(2 * across), round(2 * down)
        if self._patch is None or self._patch.get_size() != size:
            self._patch = self._masked(size)
        shown = self._sdl.surfarray.pixels3d(self._patch)
        # Each channel is written where it stands, so that no copy of the person stays behind.
        cv2.LUT(self._mirror.picture, self._codes, dst=self._toned)
        turned = np.rot90(self._toned, -(rotation // 90))
        grey = cv2.resize(turned, size, interpolation=cv2.INTER_LINEAR).T
        for channel in range(3):
            shown[:, :, channel] = grey
        grey[:] = 0
        del shown
        on.blit(self._patch, (round(centre[0] - across), round(centre[1] - down)))

    def forget(self) -> None:
        """May be repeated."""
        self._mirror.forget()
        self._toned[:] = 0
        if self._patch is not None:
            self._patch.fill((0, 0, 0, 0))
            self._patch = None

    def _masked(self, size: tuple[int, int]) -> pygame.Surface:
        """Opaque in the ellipse that fills it, else transparent."""
        patch: pygame.Surface = self._sdl.Surface(size, self._sdl.SRCALPHA, 32)
        mask = np.zeros(size[::-1], np.uint8)
        middle = (size[0] - 1) / 2, (size[1] - 1) / 2
        places = round(middle[0] * 16), round(middle[1] * 16)
        axes = round((size[0] / 2 - 0.5) * 16), round((size[1] / 2 - 0.5) * 16)
        cv2.ellipse(mask, places, axes, 0.0, 0.0, 360.0, 255, cv2.FILLED, cv2.LINE_AA, 4)
        alpha = self._sdl.surfarray.pixels_alpha(patch)
        alpha[:] = mask.T
        del alpha
        return patch


def _inner(oval: Oval, unit: float) -> tuple[float, float]:
    """Half width and half height within the ring, pixels."""
    return (oval.half_width - RING / 2) * unit, (oval.half_height - RING / 2) * unit
