"""Linear light out of a frame: row by row, and as a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch
from edge.frames.frame import Frame, Mosaic, Tone

# The inverse of sRGB's curve (IEC 61966-2-1), for each value of eight bits.
_CODES = np.arange(256) / 255
_SRGB: Final = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
_CLIPPED: Final = 254
# Narrower windows have rows without a green pixel of the mosaic.
_NARROWEST: Final = 2


def to_linear(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Linear light 0..1, of the same shape, of values on sRGB's curve."""
    return _SRGB[picture]


@dataclass(frozen=True, slots=True, eq=False)
class RowLevels:
    """levels: (rows,) float32 mean green light of each row, 0..1 of full scale; noise around nothing may be a little
    below 0. clipped: share of the green pixels at the end of the scale.
    """

    levels: NDArray[np.float32] = field(repr=False)
    clipped: float


def row_levels(
    frame: Frame, top: int, bottom: int, left: int, right: int, scratch: Scratch | None = None
) -> RowLevels | None:
    """Of a window, rows ``top`` up to ``bottom`` and columns ``left`` up to ``right``, which lies in the picture.

    From the raw values where the frame carries them, whatever the curve of its pixels; else from the pixels, and None
    where their curve is not known. Green, because it is the least noisy and untouched by white balance. scratch:
    for what is made of the window on the way. Raises ValueError for a window without rows or of less than two columns.
    """
    if bottom <= top or right - left < _NARROWEST:
        raise ValueError(f"a window of {right - left} x {bottom - top} pixels has no level: 2 x 1 is the least")
    if frame.raw is not None:
        return _of_mosaic(frame.raw, top, bottom, left, right)
    if frame.tone is not Tone.SRGB:
        return None
    scratch = scratch or Scratch()
    green = scratch.take("green", (bottom - top, right - left), np.uint8)
    cv2.extractChannel(frame.pixels[top:bottom, left:right], 1, dst=green)
    return RowLevels(_linear(green, scratch).mean(axis=1), float((green >= _CLIPPED).mean()))


def _linear(codes: NDArray[np.uint8], scratch: Scratch) -> NDArray[np.float32]:
    """numpy would make a copy of the codes, eight times as large, to look them up."""
    levels = scratch.take("linear", codes.shape, np.float32)
    cv2.LUT(codes, _SRGB, dst=levels)
    return levels


def _of_mosaic(raw: Mosaic, top: int, bottom: int, left: int, right: int) -> RowLevels:
    means = np.empty(bottom - top)
    clipped = counted = 0
    for offset in range(min(2, bottom - top)):
        row = top + offset
        column = left + (raw.order.first_green + row + left) % 2
        green = raw.values[row:bottom:2, column:right:2]
        means[offset::2] = green.mean(axis=1)
        clipped += int((green >= raw.white).sum())
        counted += green.size
    levels = (means - raw.black) / (raw.white - raw.black)
    return RowLevels(levels.astype(np.float32), clipped / counted)


@dataclass(frozen=True, slots=True, eq=False)
class LightPicture:
    """A window of a frame in linear light, at half its size. ``repr`` shows no values.

    levels: (rows / 2, columns / 2) float32, mean of all colours of each 2 x 2 pixels, 0..1 of full scale; noise around
    nothing may be a little below 0. clipped: float32 of the same shape, share of those values at the end of the scale.
    """

    levels: NDArray[np.float32] = field(repr=False)
    clipped: NDArray[np.float32] = field(repr=False)


def light_picture(
    frame: Frame, top: int, bottom: int, left: int, right: int, scratch: Scratch | None = None
) -> LightPicture | None:
    """Of a window, rows ``top`` up to ``bottom`` and columns ``left`` up to ``right``, which lies in the picture.

    All colours together, because a small difference needs every photon. From the raw values or from the pixels as
    ``row_levels`` takes them, and None where it gives None. scratch: where it lies, until the next is made there.
    Raises ValueError for a window that is empty or cuts a cell of 2 x 2 pixels.
    """
    if any(edge % 2 for edge in (top, bottom, left, right)) or bottom <= top or right <= left:
        raise ValueError(f"a window from {left}, {top} up to {right}, {bottom} cuts a cell of 2 x 2 pixels or is empty")
    scratch = scratch or Scratch()
    if frame.raw is not None:
        values = frame.raw.values[top:bottom, left:right]
        levels = _quartered(values, scratch, "levels")
        levels -= np.float32(frame.raw.black)
        levels /= np.float32(frame.raw.white - frame.raw.black)
        return LightPicture(levels, _shares(values >= frame.raw.white, scratch))
    if frame.tone is not Tone.SRGB:
        return None
    pixels = frame.pixels[top:bottom, left:right]
    mean = scratch.take("mean", pixels.shape[:2], np.float32)
    _linear(pixels, scratch).mean(axis=2, out=mean)
    clipped = _quartered((pixels >= _CLIPPED).mean(axis=2), scratch, "clipped")
    return LightPicture(_quartered(mean, scratch, "levels"), clipped)


def _shares(over: NDArray[np.bool_], scratch: Scratch) -> NDArray[np.float32]:
    """(h, w) → (h / 2, w / 2) how much of 2 x 2. Mostly nothing is, and that is told sooner."""
    if not over.any():
        return np.zeros((over.shape[0] // 2, over.shape[1] // 2), np.float32)
    return _quartered(over, scratch, "clipped")


def _quartered(values: NDArray[Any], scratch: Scratch, name: str) -> NDArray[np.float32]:
    """(h, w) → (h / 2, w / 2) means of 2 x 2. name: of what is made."""
    height, width = values.shape
    rows = scratch.take("rows", (height // 2, width), np.float32)
    rows[:] = values[0::2]
    rows += values[1::2]
    quarters = scratch.take(name, (height // 2, width // 2), np.float32)
    np.add(rows[:, 0::2], rows[:, 1::2], out=quarters)
    quarters /= np.float32(4)
    return quarters
