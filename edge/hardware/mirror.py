"""A camera's picture as the person before it may see it: mirrored, grey and small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch
from edge.frames.frame import ColourOrder, Frame
from edge.guidance.patterns import GUIDANCE_LIT

# Of what is kept, in pixels: enough to find one's place, too little for a likeness.
ROWS: Final = 96
COLUMNS: Final = 72
# Of a white page's light: GUIDANCE_LIT give or take 5 %, less a little for edges that are drawn in between.
_LEAST_LIT: Final = GUIDANCE_LIT - 0.045
_MOST_LIT: Final = GUIDANCE_LIT + 0.045
# Shares of the pixels below what is taken for dark and for bright, and the least between these: noise is no picture.
_ENDS: Final = (0.02, 0.98)
_LEAST_BETWEEN: Final = 48


@dataclass(frozen=True, slots=True)
class Tones:
    """Linear light, of white, of the darkest and the brightest part of a mirror. Whatever the camera sees, a page gives
    the light of guidance with a black picture and with a white one, and so with all between them.
    """

    darkest: float
    brightest: float

    @property
    def codes(self) -> NDArray[np.uint8]:
        """(256,) sRGB of shares 0..255 of the way from darkest to brightest."""
        linear = np.linspace(self.darkest, self.brightest, 256)
        curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        return np.asarray(np.round(255 * curve), np.uint8)


def tones(halves: tuple[float, float], share: float) -> Tones:
    """What a page leaves room for. halves: light of its left and right half, of white, with a white mirror. share: of
    each half, that is mirror.
    """
    darkest = 1 - (min(halves) - _LEAST_LIT) / share
    brightest = 1 - (max(halves) - _MOST_LIT) / share
    # A page that leaves none gets one even grey.
    brightest = min(max(brightest, 0.0), 1.0)
    return Tones(min(max(darkest, 0.0), brightest), brightest)


def light(picture: NDArray[np.uint8]) -> float:
    """Mean linear light of sRGB pixels of any shape (h, w, channels), of white."""
    codes = np.arange(256) / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    flat = np.ascontiguousarray(picture).reshape(len(picture), -1)
    return float(cv2.calcHist([flat], [0], None, [256], [0, 256]).ravel() @ linear / flat.size)


class Mirror:
    """Keeps one picture, until ``forget`` overwrites it. Nothing of it is ever copied elsewhere."""

    def __init__(self) -> None:
        self._scratch = Scratch()
        self._colour = self._scratch.take("colour", (ROWS, COLUMNS, 3), np.uint8)
        self._grey = self._scratch.take("grey", (ROWS, COLUMNS), np.uint8)
        self.picture = self._scratch.take("picture", (ROWS, COLUMNS), np.uint8)

    def saw(self, frame: Frame) -> NDArray[np.uint8]:
        """``picture``: (ROWS, COLUMNS) uint8, from 0 dark to 255 bright whatever the exposure: the frame's middle,
        at its full height where it is wide.
        """
        height = min(frame.height, frame.width * ROWS // COLUMNS)
        width = max(1, height * COLUMNS // ROWS)
        top, left = (frame.height - height) // 2, (frame.width - width) // 2
        cut = frame.pixels[top : top + height, left : left + width]
        cv2.resize(cut, (COLUMNS, ROWS), dst=self._colour, interpolation=cv2.INTER_AREA)
        to_grey = cv2.COLOR_BGR2GRAY if frame.colour is ColourOrder.BGR else cv2.COLOR_RGB2GRAY
        cv2.cvtColor(self._colour, to_grey, dst=self._grey)
        cv2.LUT(self._grey, self._shown_as(), dst=self.picture)
        cv2.flip(self.picture, 1, dst=self.picture)
        return self.picture

    def _shown_as(self) -> NDArray[np.uint8]:
        """(256,) share of each grey of this picture."""
        counts = cv2.calcHist([self._grey], [0], None, [256], [0, 256]).ravel().cumsum()
        dark, bright = (int(np.searchsorted(counts, share * counts[-1])) for share in _ENDS)
        between = max(bright - dark, _LEAST_BETWEEN)
        lowest = (dark + bright - between) / 2
        return np.clip((np.arange(256) - lowest) * 255 / between, 0, 255).astype(np.uint8)

    def forget(self) -> None:
        """May be repeated."""
        self._scratch.wipe()
