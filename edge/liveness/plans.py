"""Challenge plans, drawn from the session's seed: nobody can film the answer before the question is asked."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from edge.contracts.enums import Prompt

# Two changes make one flash; 200 ms apart, no second holds more than three flashes (WCAG 2.3.1).
CHIP_SECONDS = 0.2
CHIPS_OF_EACH = 3
# Nobody sees infrared flash, so its steps may be as short as an exposure can be told apart in; three frames of 25 a
# second, four of 30.
INFRARED_CHIP_SECONDS = 0.12
INFRARED_CHIPS_OF_EACH = 8

AMPLITUDES_DEGREES = tuple(range(12, 23))
HOLDS_SECONDS = (0.3, 0.4, 0.5, 0.6)

T = TypeVar("T")


class Chip(StrEnum):
    """What of the screen is lit, in white, during one step of a light code."""

    BLACK = "black"
    LEFT = "left"
    RIGHT = "right"
    FULL = "full"


class Direction(StrEnum):
    """Where the head turns; left and right are the person's own."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    UP_LEFT = "up_left"
    UP_RIGHT = "up_right"
    DOWN_LEFT = "down_left"
    DOWN_RIGHT = "down_right"

    @property
    def prompt(self) -> Prompt:
        """How the person is asked for it."""
        return Prompt(f"turn_{self.value}")


@dataclass(frozen=True, slots=True)
class LightPlan:
    """A code of screen patterns, each shown for ``chip_seconds``.

    Each of the four patterns comes equally often. So each half of the screen is lit in half of the chips, and
    the codes of the two halves are uncorrelated.
    """

    plan_id: str
    chips: tuple[Chip, ...]
    chip_seconds: float

    @property
    def seconds(self) -> float:
        """Length of the whole code."""
        return len(self.chips) * self.chip_seconds


@dataclass(frozen=True, slots=True)
class InfraredPlan:
    """A code of an infrared lamp, on in as many chips as off, each of ``chip_seconds``."""

    plan_id: str
    chips: tuple[bool, ...]
    chip_seconds: float

    @property
    def seconds(self) -> float:
        """Length of the whole code."""
        return len(self.chips) * self.chip_seconds


@dataclass(frozen=True, slots=True)
class Movement:
    """Turn the head by ``degrees`` from looking straight, stay there for ``hold_seconds``, come back."""

    direction: Direction
    degrees: float
    hold_seconds: float


@dataclass(frozen=True, slots=True)
class MotionPlan:
    """Head movements, one after the other."""

    plan_id: str
    movements: tuple[Movement, ...]

    @property
    def hold_seconds(self) -> float:
        """All holds together; getting there is the person's time."""
        return sum(movement.hold_seconds for movement in self.movements)


def draw_light_plan(seed: bytes, attempt: int) -> LightPlan:
    """The light code of an attempt; all 369,600 orders of the twelve chips are equally likely."""
    stream = _Stream(seed, f"light {attempt}")
    plan_id = stream.identifier()
    chips = stream.shuffled([chip for chip in Chip for _ in range(CHIPS_OF_EACH)])
    return LightPlan(plan_id=plan_id, chips=tuple(chips), chip_seconds=CHIP_SECONDS)


def draw_infrared_plan(seed: bytes, number: int) -> InfraredPlan:
    """One of a session's infrared codes; all 12,870 orders of its sixteen chips are equally likely.

    number: of the attempt where each has one code, else of the light measurement before it.
    """
    stream = _Stream(seed, f"infrared {number}")
    plan_id = stream.identifier()
    chips = stream.shuffled([lit for lit in (False, True) for _ in range(INFRARED_CHIPS_OF_EACH)])
    return InfraredPlan(plan_id=plan_id, chips=tuple(chips), chip_seconds=INFRARED_CHIP_SECONDS)


def draw_motion_plan(seed: bytes, attempt: int) -> MotionPlan:
    """The one or two head movements of an attempt, in different directions."""
    stream = _Stream(seed, f"motion {attempt}")
    plan_id = stream.identifier()
    directions = stream.shuffled(list(Direction))[: 1 + stream.below(2)]
    return MotionPlan(
        plan_id=plan_id,
        movements=tuple(
            Movement(direction, float(stream.choice(AMPLITUDES_DEGREES)), stream.choice(HOLDS_SECONDS))
            for direction in directions
        ),
    )


class _Stream:
    """HMAC-SHA256 over a counter and a label (NIST SP 800-108, counter mode)."""

    def __init__(self, seed: bytes, label: str) -> None:
        self._seed = seed
        self._label = label.encode()
        self._counter = 0
        self._bytes = b""

    def take(self, count: int) -> bytes:
        while len(self._bytes) < count:
            self._counter += 1
            block = self._counter.to_bytes(4, "big") + b"livegate " + self._label
            self._bytes += hmac.digest(self._seed, block, hashlib.sha256)
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def identifier(self) -> str:
        return self.take(16).hex()

    def below(self, bound: int) -> int:
        # Rejecting the ragged end keeps every number equally likely; a bare remainder favours the small ones.
        usable = 256 - 256 % bound
        while (byte := self.take(1)[0]) >= usable:
            pass
        return byte % bound

    def choice(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def shuffled(self, items: list[T]) -> list[T]:
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items
