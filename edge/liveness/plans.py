"""Challenge plans, drawn from the session's seed: nobody can film the answer before the question is asked."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, TypeVar

from edge.contracts.enums import ChallengeKind, Prompt

# Two changes make one flash; so far apart, no second holds more than three flashes (WCAG 2.3.1), nor do 1.1 s. A step
# lasts until the first frame after it: of 0.2 s at 25 and 30 frames a second, of which none that comes a little early
# may cost another one.
CHIP_SECONDS = 0.19
# Nobody sees infrared flash, so its steps may be as short as an exposure can be told apart in; three frames of 25 a
# second, four of 30.
INFRARED_CHIP_SECONDS = 0.12
INFRARED_CHIPS_OF_EACH = 8

SALT_BYTES = 16

AMPLITUDES_DEGREES = tuple(range(12, 23))
HOLDS_SECONDS = (0.3, 0.35, 0.4)

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


# Of a weak light the whole screen tells most, against none; a half tells half as much. One of each leaves enough orders
# for a rank of one in a thousand, and shows the face in the light of the halves where these are strong enough to tell.
CHIPS = MappingProxyType({Chip.BLACK: 5, Chip.FULL: 5, Chip.LEFT: 1, Chip.RIGHT: 1})


@dataclass(frozen=True, slots=True)
class LightPlan:
    """A code of screen patterns, each shown for ``chip_seconds``. Each half of the screen is lit in half of them.

    salt: of ``sha256_of``. ``repr`` shows neither it nor the code, of any plan.
    """

    kind: ClassVar = ChallengeKind.LIGHT

    plan_id: str
    chips: tuple[Chip, ...] = field(repr=False)
    chip_seconds: float
    salt: bytes = field(default=b"", repr=False)

    @property
    def steps(self) -> tuple[str, ...]:
        """As they are hashed."""
        return self.chips

    @property
    def seconds(self) -> float:
        """Length of the whole code."""
        return len(self.chips) * self.chip_seconds


@dataclass(frozen=True, slots=True)
class InfraredPlan:
    """A code of an infrared lamp, on in as many chips as off, each of ``chip_seconds``."""

    kind: ClassVar = ChallengeKind.INFRARED

    plan_id: str
    chips: tuple[bool, ...] = field(repr=False)
    chip_seconds: float
    salt: bytes = field(default=b"", repr=False)

    @property
    def steps(self) -> tuple[bool, ...]:
        """As they are hashed."""
        return self.chips

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

    kind: ClassVar = ChallengeKind.MOTION

    plan_id: str
    movements: tuple[Movement, ...] = field(repr=False)
    salt: bytes = field(default=b"", repr=False)

    @property
    def steps(self) -> tuple[tuple[str, float, float], ...]:
        """As they are hashed."""
        return tuple((each.direction, each.degrees, each.hold_seconds) for each in self.movements)

    @property
    def hold_seconds(self) -> float:
        """All holds together; getting there is the person's time."""
        return sum(movement.hold_seconds for movement in self.movements)


Plan = LightPlan | InfraredPlan | MotionPlan


def sha256_of(plan: Plan) -> str:
    """SHA-256 hex over the plan as one line of JSON with sorted keys: what may be kept of it, and proves it later.

    There are few orders of a code, so without the salt its hash would tell it. Raises ValueError for a plan without.
    """
    if len(plan.salt) < SALT_BYTES:
        raise ValueError(f"a plan is hashed with {SALT_BYTES} bytes of salt or more, not {len(plan.salt)}")
    told = {"kind": plan.kind, "planId": plan.plan_id, "salt": plan.salt.hex(), "steps": plan.steps}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def draw_light_plan(seed: bytes, attempt: int) -> LightPlan:
    """The light code of an attempt; all 33,264 orders of the twelve chips are equally likely."""
    stream = _Stream(seed, f"light {attempt}")
    plan_id = stream.identifier()
    chips = stream.shuffled([chip for chip, count in CHIPS.items() for _ in range(count)])
    return LightPlan(plan_id, tuple(chips), CHIP_SECONDS, stream.salt())


def draw_infrared_plan(seed: bytes, number: int) -> InfraredPlan:
    """One of a session's infrared codes; all 12,870 orders of its sixteen chips are equally likely.

    number: of the attempt where each has one code, else of the light measurement before it.
    """
    stream = _Stream(seed, f"infrared {number}")
    plan_id = stream.identifier()
    chips = stream.shuffled([lit for lit in (False, True) for _ in range(INFRARED_CHIPS_OF_EACH)])
    return InfraredPlan(plan_id, tuple(chips), INFRARED_CHIP_SECONDS, stream.salt())


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
        salt=stream.salt(),
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

    def salt(self) -> bytes:
        return self.take(SALT_BYTES)

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
