"""How much may wait in an outbox, and for how long by a clock that is set now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

DAY: Final = 86400.0
MAX_ROWS: Final = 2000
MAX_BYTES: Final = 16 * 1024 * 1024
MAX_AGE: Final = 7 * DAY
# Less is drift, which matters to no bound of days: moving the rows is written to disk.
STEP_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """At any of them no new session starts. rows: decisions. bytes: of their payloads. age: seconds of the oldest."""

    rows: int = MAX_ROWS
    bytes: int = MAX_BYTES
    age: float = MAX_AGE

    def reached(self, rows: int, bytes_: int, age: float | None) -> str | None:
        """Which one, in the same words while it lasts; None: none. age: of the oldest, None where nothing waits."""
        if rows >= self.rows:
            return f"the outbox is full: {self.rows} decisions or more wait"
        if bytes_ >= self.bytes:
            return f"the outbox is full: the decisions that wait have {self.bytes / 2**20:g} MiB or more"
        if age is not None and age >= self.age:
            return f"the outbox is full: a decision has waited for {self.age / DAY:g} days or more"
        return None


@dataclass(slots=True)
class SteadyClock:
    """Unix time that does not jump when the wall clock is set, until ``follow``.

    A board without a clock of its own starts in the past and is set when the network comes: what was stored before
    has not waited for years then.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    _offset: float = field(init=False)

    def __post_init__(self) -> None:
        self._offset = self.wall() - self.monotonic()

    def now(self) -> float:
        """Seconds."""
        return self.monotonic() + self._offset

    def since(self, at: float) -> float:
        """The monotonic clock when this one showed ``at``."""
        return at - self._offset

    def step(self) -> float:
        """By how many seconds the wall clock was set since then; 0 for less than ``STEP_SECONDS``."""
        step = self.wall() - self.now()
        return step if abs(step) >= STEP_SECONDS else 0.0

    def follow(self, step: float) -> None:
        """Jump too, once what is dated by this clock was moved."""
        self._offset += step
