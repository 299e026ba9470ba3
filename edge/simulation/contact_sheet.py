"""Pictures of scenes side by side in one, each with its title."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.hardware.ports import Pattern
from edge.simulation.clip import film, write_picture
from edge.simulation.terminal import Stage

# Of OpenCV's own fonts; those of its versions up to 4 know ASCII alone.
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE: Final = 0.4
# Pixels: from one line of a caption to the next, and around pictures and captions.
_LINE: Final = 15
_GAP: Final = 6
_WHITE: Final = 255
_INK: Final = (40, 40, 40)
# Of a JPEG file, 0 to 100.
_QUALITY: Final = 90

_Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Captioned:
    """A picture, (h, w, 3) uint8 BGR, and what stands below it."""

    pixels: _Pixels
    caption: str


def look(stage: Stage, seconds: float) -> _Pixels:
    """(h, w, 3) uint8 BGR: what the stage's camera sees after so many seconds with the display full of white."""
    *_, last = film(stage, seconds, backlight=1.0, code=(Pattern.FULL,))
    return last.pixels


def contact_sheet(pictures: Sequence[Captioned], *, columns: int, width: int) -> _Pixels:
    """(h, w, 3) uint8 BGR: the pictures row by row, each ``width`` pixels wide, on white.

    All cells have the height that the tallest picture and the longest caption need. Letters outside ASCII lose their
    marks, or are written as question marks. Raises ValueError where there is no picture.
    """
    if not pictures:
        raise ValueError("a contact sheet needs a picture")
    scaled = [_scaled(picture.pixels, width) for picture in pictures]
    captions = [_lines(picture.caption, width) for picture in pictures]
    height = max(len(pixels) for pixels in scaled)
    below = max(len(lines) for lines in captions) * _LINE
    cells = []
    for pixels, lines in zip(scaled, captions, strict=True):
        cell = np.full((height + below + 2 * _GAP, width + _GAP, 3), _WHITE, np.uint8)
        cell[: len(pixels), :width] = pixels
        for number, line in enumerate(lines, 1):
            place = (0, len(pixels) + number * _LINE)
            cv2.putText(cell, line, place, _FONT, _FONT_SCALE, _INK, lineType=cv2.LINE_AA)
        cells.append(cell)
    columns = min(columns, len(cells))
    cells += [np.full_like(cells[0], _WHITE)] * (-len(cells) % columns)
    rows = [np.hstack(cells[begin : begin + columns]) for begin in range(0, len(cells), columns)]
    return np.pad(np.vstack(rows), ((_GAP, 0), (_GAP, 0), (0, 0)), constant_values=_WHITE)


def check_kind(out: Path) -> None:
    """Raises InputError where ``out`` is of a kind that a contact sheet is not written as."""
    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise InputError(f"{out} is of no kind that can be written", remedy="name a .jpg or a .png")


def write_sheet(pixels: _Pixels, out: Path) -> None:
    """Writes (h, w, 3) uint8 BGR as ``.jpg`` or ``.png``. Raises InputError: another kind, or cannot be written."""
    check_kind(out)
    write_picture(out, pixels, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))


def _scaled(pixels: _Pixels, width: int) -> _Pixels:
    size = (width, max(1, round(pixels.shape[0] * width / pixels.shape[1])))
    how = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def _lines(caption: str, width: int) -> list[str]:
    """In ASCII, broken between words; a word that is too wide stays whole."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", caption) if not unicodedata.combining(letter))
    lines: list[str] = []
    for word in plain.encode("ascii", "replace").decode().split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and cv2.getTextSize(longer, _FONT, _FONT_SCALE, 1)[0][0] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
