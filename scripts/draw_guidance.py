"""Draws docs/pictures/guidance.png: what the person sees of each prompt and pattern, and prompts in each language.

Needs the extra ``screen`` and a font with Chinese characters, of the system or as --font zh=FILE.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import Prompt
from edge.guidance.page import NO_STANDING, Guidance, Page, Standing, pattern_page
from edge.guidance.texts import LANGUAGES
from edge.hardware.lettering import Lettering
from edge.hardware.painting import paint
from edge.hardware.sdl import library
from edge.liveness.plans import Chip

OUT: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "guidance.png"
SCREEN: Final = (800, 480)
TALL: Final = (480, 800)
COLUMNS: Final = 6
WIDTH: Final = 224
GAP: Final = 6
PAPER: Final = 96
COLOURS: Final = 32
FIRST: Final = "en"
# One row of each other language.
SAMPLES: Final = (
    Prompt.LOOK_AT_CAMERA,
    Prompt.COME_CLOSER,
    Prompt.TOO_BRIGHT,
    Prompt.TURN_LEFT,
    Prompt.SCREEN_WILL_FLASH,
    Prompt.ACCEPTED,
)
STANDINGS: Final[Mapping[Prompt, Standing]] = {
    Prompt.HOLD_STILL: Standing(progress=0.25, countdown=9),
    Prompt.WORKING: Standing(progress=0.75),
}

_Pixels = NDArray[np.uint8]


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
    guidance, lettering = Guidance(FIRST), Lettering(Guidance(FIRST), fonts.get(FIRST))
    pictures = [
        drawn(guidance.page(prompt, SCREEN, STANDINGS.get(prompt, NO_STANDING) if prompt else NO_STANDING), lettering)
        for prompt in (None, *Prompt)
    ]
    pictures += [drawn(pattern_page(chip, SCREEN), lettering) for chip in Chip]
    for first in range(0, len(pictures), COLUMNS):
        yield row(pictures[first : first + COLUMNS])
    for language in (each for each in LANGUAGES if each != FIRST):
        guidance = Guidance(language)
        lettering = Lettering(guidance, fonts.get(language))
        yield row([drawn(guidance.page(prompt, SCREEN), lettering) for prompt in SAMPLES])
    guidance, lettering = Guidance(FIRST), Lettering(Guidance(FIRST), fonts.get(FIRST))
    yield row([drawn(guidance.page(prompt, TALL), lettering, TALL) for prompt in SAMPLES])


def drawn(page: Page, lettering: Lettering, pixels: tuple[int, int] = SCREEN) -> _Pixels:
    """(height, width, 3) RGB, of a cell's width."""
    sdl = library()
    surface = sdl.image.frombytes(paint(page, pixels).tobytes(), pixels, "RGB")
    for caption in page.captions:
        lettering.draw(caption, surface)
    full = np.frombuffer(sdl.image.tobytes(surface, "RGB"), np.uint8).reshape(pixels[1], pixels[0], 3)
    height = round(WIDTH * pixels[1] / pixels[0])
    return np.asarray(cv2.resize(full, (WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def row(pictures: list[_Pixels]) -> _Pixels:
    """Side by side, on grey."""
    height = len(pictures[0])
    canvas = np.full((height + GAP, COLUMNS * (WIDTH + GAP) + GAP, 3), PAPER, np.uint8)
    for number, picture in enumerate(pictures):
        left = GAP + number * (WIDTH + GAP)
        canvas[GAP:, left : left + WIDTH] = picture
    return canvas


def reduced(picture: _Pixels) -> _Pixels:
    """Each channel in COLOURS steps, white and black kept."""
    steps = COLOURS - 1
    return np.asarray(np.round(np.round(picture / 255 * steps) * 255 / steps), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
