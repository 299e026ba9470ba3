"""The drawing in and beside the oval that says a prompt without words.

An arrow points where the person is to turn, as the person sees the screen, whatever way the language is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edge.contracts.enums import Prompt
from edge.guidance.palette import ASKING, BAD, BETTER, FEATURE, GOOD, INK, SKIN, TRACK, WHITE
from edge.guidance.shapes import Colour, Ellipse, Line, Point, Polygon, Shape
from edge.liveness.plans import Direction

# Of strokes, in half heights of the oval.
_FINE = 0.035
_BOLD = 0.085
_HEAVY = 0.13


@dataclass(frozen=True, slots=True)
class Oval:
    """Where the face goes. ``beside``: from its edge to the screen's, left and right."""

    centre: Point
    half_width: float
    half_height: float
    beside: float

    def at(self, across: float, down: float) -> Point:
        """-1..1 from edge to edge, each way."""
        return self.centre[0] + across * self.half_width, self.centre[1] + down * self.half_height

    def disc(self, across: float, down: float, radius: float, colour: Colour, stroke: float | None = None) -> Ellipse:
        """A circle; ``radius`` and ``stroke`` in half heights."""
        size = radius * self.half_height
        return Ellipse(self.at(across, down), size, size, colour, None if stroke is None else stroke * self.half_height)

    def line(self, *points: Point, colour: Colour, stroke: float = _BOLD) -> Line:
        """Through points as ``at`` takes them; ``stroke`` in half heights."""
        return Line(tuple(self.at(*point) for point in points), colour, stroke * self.half_height)

    def arc(
        self, across: float, down: float, radius: float, turn: tuple[float, float], colour: Colour, stroke: float
    ) -> Ellipse:
        """Part of a circle, between two angles in degrees from the right, clockwise."""
        size = radius * self.half_height
        return Ellipse(self.at(across, down), size, size, colour, stroke * self.half_height, turn[0], turn[1])


Icon = Callable[[Oval], tuple[Shape, ...]]


def icon(prompt: Prompt | None, oval: Oval) -> tuple[Shape, ...]:
    """What is drawn over the oval; nobody is asked for anything by None."""
    return () if prompt is None else ICONS[prompt](oval)


def tone(prompt: Prompt | None) -> Colour:
    """Of the oval's ring."""
    if prompt in _BETTER:
        return BETTER
    return _TONES.get(prompt, ASKING) if prompt is not None else ASKING


def arrow(tip: Point, towards: Point, length: float, colour: Colour) -> tuple[Shape, ...]:
    """``towards``: across and down, of any length."""
    size = math.hypot(*towards)
    across, down = towards[0] / size, towards[1] / size

    def back(along: float, aside: float) -> Point:
        return tip[0] - length * (along * across + aside * down), tip[1] - length * (along * down - aside * across)

    stroke = 0.17 * length
    shaft = Line((back(0.05, 0), back(1, 0)), colour, stroke)
    return shaft, Line((back(0.42, 0.42), tip, back(0.42, -0.42)), colour, stroke)


def _face(
    oval: Oval, scale: float = 0.72, towards: Point = (0.0, 0.0), features: Colour = FEATURE
) -> tuple[Shape, ...]:
    """A head, of which ``towards`` is where it looks."""
    narrow = 1 - 0.15 * abs(towards[0])

    def at(across: float, down: float) -> Point:
        return scale * (across * narrow + 0.34 * towards[0]), scale * (down + 0.24 * towards[1])

    centre = oval.centre
    eyes = tuple(oval.disc(*at(side * 0.4, -0.18), 0.095 * scale, features) for side in (-1, 1))
    nose = oval.line(at(0, -0.1), at(0.1 * (towards[0] or 1), 0.2), at(-0.02, 0.22), colour=features, stroke=_FINE)
    mouth = oval.line(
        at(-0.24, 0.44), at(-0.09, 0.5), at(0.09, 0.5), at(0.24, 0.44), colour=features, stroke=0.05 * scale
    )
    return Ellipse(centre, scale * oval.half_width, scale * oval.half_height, SKIN), *eyes, nose, mouth


def _turning(direction: Direction) -> Icon:
    across = direction.value.count("right") - direction.value.count("left")
    down = direction.value.count("down") - direction.value.count("up")

    def draw(oval: Oval) -> tuple[Shape, ...]:
        length = min(0.64 * oval.beside, 0.95 * oval.half_height)
        sides = (across,) if across else (-1, 1)
        shapes = _face(oval, 0.86, (across, down), INK)
        for side in sides:
            middle = oval.centre[0] + side * (oval.half_width + 0.5 * oval.beside), oval.centre[1]
            reach = length / 2 / math.hypot(across, down)
            shapes += arrow((middle[0] + across * reach, middle[1] + down * reach), (across, down), length, ASKING)
        return shapes

    return draw


def _looking(oval: Oval) -> tuple[Shape, ...]:
    return _face(oval, 0.86, features=INK)


def _straight(oval: Oval) -> tuple[Shape, ...]:
    level = tuple(
        oval.line((side * 0.78, -0.155), (side * 1.0, -0.155), colour=BETTER, stroke=_FINE * 2) for side in (-1, 1)
    )
    plumb = tuple(oval.line((0, end * 0.8), (0, end * 1.0), colour=BETTER, stroke=_FINE * 2) for end in (-1, 1))
    return *_face(oval, 0.72, features=INK), *level, *plumb


def _one_person(oval: Oval) -> tuple[Shape, ...]:
    def person(across: float, colour: Colour, size: float) -> tuple[Shape, ...]:
        head = oval.disc(across, -0.3 * size, 0.24 * size, colour)
        left, top = oval.at(across, 0.44 * size)
        body = Ellipse(
            (left, top), 0.42 * size * oval.half_height, 0.4 * size * oval.half_height, colour, None, 180, 360
        )
        return body, head

    crossed = tuple(
        oval.line((0.26, side * 0.24 - 0.06), (0.74, side * -0.24 - 0.06), colour=BETTER) for side in (-1, 1)
    )
    return *person(0.5, TRACK, 0.85), *crossed, *person(-0.3, INK, 0.95)


def _distance(*, closer: bool) -> Icon:
    def draw(oval: Oval) -> tuple[Shape, ...]:
        shapes = _face(oval, 0.42 if closer else 0.5, features=INK)
        for across, down in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
            out = oval.at(across * 0.62, down * 0.62)
            inner = oval.at(across * 0.4, down * 0.4)
            way = out[0] - inner[0], out[1] - inner[1]
            length = 0.34 * oval.half_height
            tip, towards = (out, way) if closer else (inner, (-way[0], -way[1]))
            shapes += arrow(tip, towards, length, BETTER)
        return shapes

    return draw


def _centre(oval: Oval) -> tuple[Shape, ...]:
    shapes = _face(oval, 0.5, features=INK)
    for across, down in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        shapes += arrow(oval.at(across * 0.6, down * 0.56), (-across, -down), 0.3 * oval.half_height, BETTER)
    return shapes


def _still(oval: Oval) -> tuple[Shape, ...]:
    bars = tuple(oval.line((side * 0.2, -0.2), (side * 0.2, 0.2), colour=ASKING, stroke=_HEAVY) for side in (-1, 1))
    return oval.disc(0, 0, 0.5, WHITE), oval.disc(0, 0, 0.5, ASKING, _FINE * 2), *bars


def _less_movement(oval: Oval) -> tuple[Shape, ...]:
    shapes = _face(oval, 0.56, features=INK)
    for turn in ((148.0, 212.0), (-32.0, 32.0)):
        for radius in (0.54, 0.66):
            shapes += (oval.arc(0, 0, radius, turn, BETTER, _FINE * 1.8),)
    return shapes


def _eyes_free(oval: Oval) -> tuple[Shape, ...]:
    glasses = tuple(
        shape
        for side in (-1, 1)
        for shape in (
            oval.disc(side * 0.32, -0.14, 0.19, BETTER),
            oval.line((side * 0.5, -0.16), (side * 0.78, -0.22), colour=BETTER, stroke=_FINE * 1.6),
        )
    )
    bridge = oval.line((-0.12, -0.17), (0.12, -0.17), colour=BETTER, stroke=_FINE * 1.6)
    return *_face(oval, 0.8, features=INK), *glasses, bridge


def _mouth_free(oval: Oval) -> tuple[Shape, ...]:
    outline = (
        (-0.56, 0.1),
        (-0.28, 0.02),
        (0, -0.02),
        (0.28, 0.02),
        (0.56, 0.1),
        (0.48, 0.46),
        (0.2, 0.68),
        (-0.2, 0.68),
    )
    mask = Polygon(tuple(oval.at(*point) for point in (*outline, (-0.48, 0.46))), BETTER)
    strings = tuple(
        oval.line((side * 0.56, 0.12), (side * 0.76, -0.02), colour=BETTER, stroke=_FINE * 1.6) for side in (-1, 1)
    )
    return *_face(oval, 0.8, features=INK), mask, *strings


def _sun(oval: Oval, colour: Colour, radius: float = 0.24) -> tuple[Shape, ...]:
    squeeze = oval.half_height / oval.half_width
    rays = tuple(
        oval.line(
            (squeeze * 1.55 * radius * math.cos(turn), 1.55 * radius * math.sin(turn)),
            (squeeze * 2.1 * radius * math.cos(turn), 2.1 * radius * math.sin(turn)),
            colour=colour,
        )
        for turn in (math.radians(45 * each) for each in range(8))
    )
    return oval.disc(0, 0, radius, colour), *rays


def _too_bright(oval: Oval) -> tuple[Shape, ...]:
    return _sun(oval, BETTER)


def _too_dark(oval: Oval) -> tuple[Shape, ...]:
    return oval.disc(-0.04, 0, 0.42, BETTER), oval.disc(0.26, -0.14, 0.36, WHITE)


def _flash(oval: Oval) -> tuple[Shape, ...]:
    bolt = ((0.2, -0.62), (-0.42, 0.1), (-0.02, 0.1), (-0.2, 0.62), (0.42, -0.12), (0.02, -0.12))
    return (Polygon(tuple(oval.at(*point) for point in bolt), ASKING),)


def _working(oval: Oval) -> tuple[Shape, ...]:
    return tuple(oval.disc(place * 0.42, 0, 0.12, ASKING) for place in (-1, 0, 1))


def _accepted(oval: Oval) -> tuple[Shape, ...]:
    tick = oval.line((-0.36, 0.02), (-0.08, 0.24), (0.4, -0.24), colour=WHITE, stroke=_HEAVY)
    return oval.disc(0, 0, 0.56, GOOD), tick


def _not_accepted(oval: Oval) -> tuple[Shape, ...]:
    strokes = tuple(
        oval.line((-0.28, side * 0.21), (0.28, side * -0.21), colour=WHITE, stroke=_HEAVY) for side in (-1, 1)
    )
    return oval.disc(0, 0, 0.56, BAD), *strokes


def _again(oval: Oval) -> tuple[Shape, ...]:
    radius = 0.42
    ring = oval.arc(0, 0, radius, (-20.0, 270.0), BETTER, _BOLD * 1.15)
    x, y = oval.at(0, -radius)
    size = 0.2 * oval.half_height
    head = Polygon(((x - 0.1 * size, y - size), (x + 1.5 * size, y), (x - 0.1 * size, y + size)), BETTER)
    return ring, head


_BETTER = frozenset(
    {
        Prompt.ONE_PERSON_ONLY,
        Prompt.COME_CLOSER,
        Prompt.MOVE_BACK,
        Prompt.CENTRE_FACE,
        Prompt.TOO_MUCH_MOVEMENT,
        Prompt.LOOK_STRAIGHT,
        Prompt.UNCOVER_EYES,
        Prompt.UNCOVER_MOUTH,
        Prompt.TOO_BRIGHT,
        Prompt.TOO_DARK,
        Prompt.TRY_AGAIN,
    }
)
_TONES = MappingProxyType({Prompt.ACCEPTED: GOOD, Prompt.NOT_ACCEPTED: BAD})
# How an attempt ended.
ENDED = frozenset({Prompt.ACCEPTED, Prompt.NOT_ACCEPTED, Prompt.TRY_AGAIN})
# What a person is told until the face is where it is to be.
PLACING = frozenset({Prompt.LOOK_AT_CAMERA, Prompt.HOLD_STILL, *_BETTER}) - ENDED

ICONS: Mapping[Prompt, Icon] = MappingProxyType(
    {
        Prompt.LOOK_AT_CAMERA: _looking,
        Prompt.ONE_PERSON_ONLY: _one_person,
        Prompt.COME_CLOSER: _distance(closer=True),
        Prompt.MOVE_BACK: _distance(closer=False),
        Prompt.CENTRE_FACE: _centre,
        Prompt.HOLD_STILL: _still,
        Prompt.TOO_MUCH_MOVEMENT: _less_movement,
        Prompt.LOOK_STRAIGHT: _straight,
        Prompt.UNCOVER_EYES: _eyes_free,
        Prompt.UNCOVER_MOUTH: _mouth_free,
        Prompt.TOO_BRIGHT: _too_bright,
        Prompt.TOO_DARK: _too_dark,
        Prompt.SCREEN_WILL_FLASH: _flash,
        **{direction.prompt: _turning(direction) for direction in Direction},
        Prompt.WORKING: _working,
        Prompt.ACCEPTED: _accepted,
        Prompt.NOT_ACCEPTED: _not_accepted,
        Prompt.TRY_AGAIN: _again,
    }
)
