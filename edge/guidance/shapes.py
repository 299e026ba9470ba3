"""What a page is made of.

Lengths are in units of the screen's shorter side; x goes right and y down from the upper left corner, as the person
sees it. Strokes have round ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Colour:
    """sRGB, 0..255."""

    red: int
    green: int
    blue: int

    @property
    def rgb(self) -> tuple[int, int, int]:
        """As drawing libraries take it."""
        return self.red, self.green, self.blue

    @property
    def luminance(self) -> float:
        """Relative to white, 0..1 (WCAG 2.2, relative luminance)."""
        linear = (self._linear(part) for part in (self.red, self.green, self.blue))
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def contrast(self, other: Colour) -> float:
        """1..21 (WCAG 2.2, contrast ratio)."""
        low, high = sorted((self.luminance, other.luminance))
        return (high + 0.05) / (low + 0.05)

    @staticmethod
    def _linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else math.pow((share + 0.055) / 1.055, 2.4)


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Filled without a ``stroke``. start, end: degrees from the right, clockwise; less than a turn is an arc."""

    centre: Point
    half_width: float
    half_height: float
    colour: Colour
    stroke: float | None = None
    start: float = 0.0
    end: float = 360.0


@dataclass(frozen=True, slots=True)
class Line:
    """Straight from point to point."""

    points: tuple[Point, ...]
    colour: Colour
    stroke: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """Filled."""

    points: tuple[Point, ...]
    colour: Colour


@dataclass(frozen=True, slots=True)
class Box:
    """left, top: of its upper left corner."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Field:
    """A filled box, whose edges are those of whole pixels."""

    box: Box
    colour: Colour


Shape = Ellipse | Line | Polygon | Field


@dataclass(frozen=True, slots=True)
class Caption:
    """Words in the middle of a box, as large as they fit, from ``largest`` down: the em of the type.

    right_to_left: how they are written.
    """

    text: str
    box: Box
    colour: Colour
    largest: float
    right_to_left: bool = False
