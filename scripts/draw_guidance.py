"""Draws docs/pictures/guidance.png: all that the person may see, in every language, as the driver shows it.

Needs the extra ``screen`` and a font with Chinese characters, of the system or as --font zh=FILE.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import CaptureKind, Prompt
from edge.frames.frame import ColourOrder, Frame
from edge.guidance.page import NO_STANDING, Guidance, Standing
from edge.guidance.texts import LANGUAGES
from edge.hardware.ports import Pattern
from edge.hardware.pygame_screen import PygameScreen, ScreenOptions
from edge.hardware.sdl import library

OUT: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "guidance.png"
SCREEN: Final = (800, 480)
TALL: Final = (480, 800)
COLUMNS: Final = 9
WIDTH: Final = 208
GAP: Final = 6
PAPER: Final = 96
COLOURS: Final = 32
FIRST: Final = "en"
# Beside the prompts of each language.
STANDING: Final = Standing(progress=0.25, countdown=9)
STANDINGS: Final = (
    Standing(progress=0.0),
    Standing(progress=0.5),
    Standing(progress=1.0),
    Standing(progress=0.3, countdown=10),
    Standing(progress=0.3, countdown=1),
)
PLACED: Final = (
    Prompt.LOOK_AT_CAMERA,
    Prompt.COME_CLOSER,
    Prompt.CENTRE_FACE,
    Prompt.TOO_BRIGHT,
    Prompt.HOLD_STILL,
)
UPRIGHT: Final = (
    Prompt.LOOK_AT_CAMERA,
    Prompt.COME_CLOSER,
    Prompt.TOO_BRIGHT,
    Prompt.TURN_LEFT,
    Prompt.SCREEN_WILL_FLASH,
    Prompt.ACCEPTED,
    Prompt.TRY_AGAIN,
)

_Pixels = NDArray[np.uint8]


class Drawing:
    """A screen that shows to nobody."""

    def __init__(self, language: str, font: Path | None, size: tuple[int, int] = SCREEN) -> None:
        options = ScreenOptions(video="dummy", window=size, font=font, mirror=True)
        self._screen = PygameScreen(options, Guidance(language))
        self._sdl = library()

    def page(self, prompt: Prompt | None, standing: Standing = NO_STANDING, *, person: Frame | None = None) -> _Pixels:
        """(height, width, 3) RGB, of a cell's width."""
        self._screen.show_prompt(prompt)
        self._screen.show_standing(standing)
        self._screen.show_preview(person)
        return self._shown()

    def pattern(self, pattern: Pattern) -> _Pixels:
        """(height, width, 3) RGB, of a cell's width."""
        self._screen.show_pattern(pattern, 0.0)
        return self._shown()

    def close(self) -> None:
        """One screen at a time."""
        self._screen.close()

    def _shown(self) -> _Pixels:
        surface = self._sdl.display.get_surface()
        width, height = surface.get_size()
        full = np.frombuffer(self._sdl.image.tobytes(surface, "RGB"), np.uint8).reshape(height, width, 3)
        size = WIDTH, round(WIDTH * height / width)
        return np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--font", action="append", default=[], metavar="LANGUAGE=FILE")
    fonts = dict(each.split("=", 1) for each in parser.parse_args().font)
    rows = list(sheet({language: Path(file) for language, file in fonts.items()}))
    # Few colours are enough for flat ones, and keep the file small.
    picture = reduced(np.vstack(rows))
    cv2.imwrite(str(OUT), picture[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return 0


def sheet(fonts: Mapping[str, Path]) -> Iterator[_Pixels]:
    """Rows of (height, width, 3) RGB."""
    somebody = person()
    for language in (FIRST, *(each for each in LANGUAGES if each != FIRST)):
        with contextlib.closing(Drawing(language, fonts.get(language))) as drawing:
            pictures = [drawing.page(prompt) for prompt in Prompt]
            pictures.append(drawing.page(Prompt.HOLD_STILL, STANDING))
            pictures.append(drawing.page(Prompt.COME_CLOSER, STANDING, person=somebody))
        yield from grid(pictures)
    with contextlib.closing(Drawing(FIRST, fonts.get(FIRST))) as drawing:
        pictures = [drawing.page(None)]
        pictures += [drawing.page(Prompt.LOOK_AT_CAMERA, standing) for standing in STANDINGS]
        pictures += [drawing.page(prompt, person=somebody) for prompt in PLACED]
        patterns = [each for each in Pattern if each is not Pattern.GUIDANCE]
        pictures += [drawing.pattern(pattern) for pattern in patterns]
    yield from grid(pictures)
    with contextlib.closing(Drawing(FIRST, fonts.get(FIRST), TALL)) as drawing:
        pictures = [drawing.page(prompt) for prompt in UPRIGHT]
        pictures.append(drawing.page(Prompt.HOLD_STILL, STANDING))
        pictures.append(drawing.page(Prompt.COME_CLOSER, STANDING, person=somebody))
    yield from grid(pictures)


def person() -> Frame:
    """Somebody drawn: no camera, and nobody's likeness. Stands a little to the left of the picture's middle."""
    pixels = np.empty((480, 640, 3), np.uint8)
    pixels[:] = np.linspace(150, 95, 640)[None, :, None]
    skin, hair, dark = (150, 175, 205), (45, 50, 60), (40, 45, 60)

    def ellipse(x: int, y: int, across: int, down: int, colour: tuple[int, int, int], *, turn: int = 360) -> None:
        cv2.ellipse(pixels, (x, y), (across, down), 0.0, 0.0 if turn == 360 else 180.0, 360.0, colour, -1, cv2.LINE_AA)

    ellipse(300, 500, 165, 130, (110, 80, 60))
    ellipse(300, 355, 42, 70, (135, 155, 185))
    ellipse(300, 215, 105, 130, hair)
    ellipse(300, 235, 88, 118, skin)
    ellipse(300, 160, 92, 62, hair, turn=180)
    for side in (-1, 1):
        ellipse(300 + side * 36, 222, 12, 7, dark)
        cv2.line(pixels, (300 + side * 20, 196), (300 + side * 54, 198), hair, 6, cv2.LINE_AA)
    cv2.polylines(pixels, [np.array([(300, 225), (290, 268), (306, 270)], np.int32)], False, (110, 135, 170), 5)
    ellipse(300, 305, 34, 9, (95, 100, 165))
    # Light from one side, as in a room.
    shade = np.linspace(1.08, 0.75, 640)[None, :, None]
    soft = cv2.GaussianBlur(pixels, (9, 9), 0)
    return Frame(np.clip(soft * shade, 0, 255).astype(np.uint8), ColourOrder.BGR, 0, 0.0, CaptureKind.SIMULATED)


def grid(pictures: list[_Pixels]) -> Iterator[_Pixels]:
    """Rows of so many columns, on grey."""
    for first in range(0, len(pictures), COLUMNS):
        height = len(pictures[first])
        canvas = np.full((height + GAP, COLUMNS * (WIDTH + GAP) + GAP, 3), PAPER, np.uint8)
        for number, picture in enumerate(pictures[first : first + COLUMNS]):
            left = GAP + number * (WIDTH + GAP)
            canvas[GAP:, left : left + WIDTH] = picture
        yield canvas


def reduced(picture: _Pixels) -> _Pixels:
    """Each channel in COLOURS steps, white and black kept."""
    steps = COLOURS - 1
    return np.asarray(np.round(np.round(picture / 255 * steps) * 255 / steps), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
