"""What the person sees at one moment, laid out for a screen of any shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edge.contracts.enums import Prompt
from edge.guidance.icons import ENDED, PLACING, Oval, icon, tone
from edge.guidance.palette import ASKING, BLACK, GROUND, INK, TRACK, WHITE
from edge.guidance.patterns import LIT
from edge.guidance.shapes import Box, Caption, Colour, Ellipse, Field, Line, Shape
from edge.guidance.texts import right_to_left, texts
from edge.liveness.plans import Chip

# Em, in shorter sides: 11 mm on a 7-inch display, whose capitals of 8 mm are 27 minutes of arc high from a metre.
LARGEST_TYPE = 0.12
# Read from across a corridor.
NAME_TYPE = 0.3
# Width of a bold letter and height of a line, in ems, at most or nearly so.
_LETTER, _LINE = 0.75, 1.3
MARGIN = 0.05
RING = 0.018
_BADGE = 0.075


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the person has come.

    progress: share of what there is to be done, 0..1; None shows no bar. countdown: whole seconds that are left; None
    shows no figure.
    """

    progress: float | None = None
    countdown: int | None = None

    def __post_init__(self) -> None:
        if self.progress is not None and not 0.0 <= self.progress <= 1.0:
            raise ValueError(f"progress is from 0 to 1, not {self.progress}")
        if self.countdown is not None and not 0 <= self.countdown <= 99:
            raise ValueError(f"a countdown is from 0 to 99 seconds, not {self.countdown}")


NO_STANDING = Standing()


@dataclass(frozen=True, slots=True)
class Page:
    """Shapes in the order of drawing on a ground, and the words on them.

    width, height: the screen's, in its shorter sides; one of them is 1. mirror: where the person sees themselves, if
    anywhere; what is drawn there is not of the page.
    """

    width: float
    height: float
    ground: Colour
    shapes: tuple[Shape, ...]
    captions: tuple[Caption, ...] = ()
    mirror: Oval | None = None


@dataclass(frozen=True, slots=True)
class Guidance:
    """What prompts look like in one language. Raises ConfigError for a language without texts."""

    language: str

    def __post_init__(self) -> None:
        texts(self.language)

    @property
    def words(self) -> Mapping[Prompt, str]:
        """Of every prompt."""
        return texts(self.language)

    @property
    def right_to_left(self) -> bool:
        """How the language is written."""
        return right_to_left(self.language)

    def page(
        self, prompt: Prompt | None, pixels: tuple[int, int], standing: Standing = NO_STANDING, *, mirror: bool = False
    ) -> Page:
        """For a screen of (width, height) pixels. None: nobody is asked for anything.

        mirror: where the prompt helps a person to find their place they see themselves in the oval, and its icon moves
        beside it. A result stands without a bar.
        """
        width, height = _sides(pixels)
        oval, words_box = _places(width, height)
        mirror = mirror and prompt in PLACING
        colour = TRACK if prompt is None else tone(prompt)
        shapes: tuple[Shape, ...] = (
            Ellipse(oval.centre, oval.half_width, oval.half_height, WHITE),
            *icon(prompt, self._beside(oval, width) if mirror else oval),
            Ellipse(oval.centre, oval.half_width, oval.half_height, colour, RING),
        )
        captions: tuple[Caption, ...] = ()
        if prompt is not None:
            captions = (Caption(self.words[prompt], words_box, INK, LARGEST_TYPE, self.right_to_left),)
        if prompt in ENDED:
            standing = NO_STANDING
        if standing.progress is not None:
            shapes += self._bar(standing.progress, width, height)
        if standing.countdown is not None:
            badge, figure = self._badge(standing.countdown, width)
            shapes, captions = (*shapes, *badge), (*captions, figure)
        # What the person's picture takes of a page's light its ground gives back.
        return Page(width, height, WHITE if mirror else GROUND, shapes, captions, oval if mirror else None)

    def _beside(self, oval: Oval, width: float) -> Oval:
        """Where a line of text begins, away from the countdown."""
        half_width = min(0.4 * oval.beside, 0.6 * oval.half_width)
        x = width - oval.beside / 2 if self.right_to_left else oval.beside / 2
        half_height = half_width * oval.half_height / oval.half_width
        return Oval((x, oval.centre[1]), half_width, half_height, oval.beside / 2 - half_width)

    def _bar(self, progress: float, width: float, height: float) -> tuple[Shape, ...]:
        """It fills the way the language is written."""
        level = height - 0.045
        ends = (width - 2 * MARGIN, 2 * MARGIN) if self.right_to_left else (2 * MARGIN, width - 2 * MARGIN)
        begin, end = (ends[0], level), (ends[1], level)
        track = Line((begin, end), TRACK, 0.022)
        if progress == 0:
            return (track,)
        return track, Line((begin, (ends[0] + progress * (ends[1] - ends[0]), level)), ASKING, 0.022)

    def _badge(self, seconds: int, width: float) -> tuple[tuple[Shape, ...], Caption]:
        """In the upper corner where a line of text ends."""
        inset = MARGIN + _BADGE
        x, y = (inset if self.right_to_left else width - inset), inset
        disc = Ellipse((x, y), _BADGE, _BADGE, WHITE)
        rim = Ellipse((x, y), _BADGE, _BADGE, TRACK, 0.012)
        box = Box(x - 0.8 * _BADGE, y - 0.8 * _BADGE, 1.6 * _BADGE, 1.6 * _BADGE)
        return (disc, rim), Caption(str(seconds), box, INK, 1.2 * _BADGE)


def name_page(name: str, pixels: tuple[int, int]) -> Page:
    """Which terminal it is, on a ground that no prompt changes, for a screen of (width, height) pixels. A name needs no
    language.
    """
    width, height = _sides(pixels)
    inner, high = width - 2 * MARGIN, height - 2 * MARGIN

    def size(rows: int) -> float:
        return min(NAME_TYPE, inner / (_LETTER * math.ceil(len(name) / rows)), high / (_LINE * rows))

    # A name is not broken for a little more size.
    rows = next((rows for rows in range(1, 5) if size(rows) >= LARGEST_TYPE), max(range(1, 9), key=size))
    letters = math.ceil(len(name) / rows)
    lines = [name[start : start + letters] for start in range(0, len(name), letters)]
    captions = tuple(
        Caption(line, Box(MARGIN, MARGIN + row * high / len(lines), inner, high / len(lines)), INK, size(rows))
        for row, line in enumerate(lines)
    )
    return Page(width, height, GROUND, (), captions)


def pattern_page(chip: Chip, pixels: tuple[int, int]) -> Page:
    """What a step of a light code lights, on black, for a screen of (width, height) pixels."""
    width, height = _sides(pixels)
    lit = LIT[chip]
    if lit is None:
        return Page(width, height, BLACK, ())
    box = Box(lit.start * width, 0, (lit.end - lit.start) * width, height)
    return Page(width, height, BLACK, (Field(box, WHITE),))


def _sides(pixels: tuple[int, int]) -> tuple[float, float]:
    width, height = pixels
    if width <= 0 or height <= 0:
        raise ValueError(f"a screen has pixels, not {width} x {height}")
    return width / min(pixels), height / min(pixels)


def _places(width: float, height: float) -> tuple[Oval, Box]:
    """The oval above, the words below it."""
    # What is lacking in width is needed in height.
    words = 0.29 + 0.16 * min(max(1.5 - width, 0.0), 0.5) + 0.4 * min(height - 1, 0.4)
    # The bar's place stays free, so that nothing moves when it comes.
    bottom = height - 0.085
    top, room = 0.04, bottom - words - 0.02 - 0.04
    half_height = min(room / 2, 0.34)
    half_width = 0.76 * half_height
    middle = top + room / 2
    oval = Oval((width / 2, middle), half_width, half_height, width / 2 - half_width)
    return oval, Box(MARGIN, bottom - words, width - 2 * MARGIN, words)
