"""When to try the broker again: full jitter, so that a thousand terminals do not come back at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SLOW_FACTOR: Final = 16.0


@dataclass(slots=True)
class FullJitter:
    """A delay drawn evenly from 0 to a ceiling that doubles with each failure.

    random: draws from 0 to 1. base, cap: seconds. stable_after: only a connection that held this many seconds
    brings the ceiling back down; a broker that accepts and drops at once is not hammered. By default longer than the
    cap: another client of the same id, which waits for the cap at most, takes the id before that, and not every broker
    says who took it.
    Method: "Exponential Backoff And Jitter", AWS Architecture Blog.
    """

    random: Callable[[], float]
    base: float = 1.0
    cap: float = 60.0
    stable_after: float = 90.0
    _failures: int = field(default=0, init=False)

    def delay(self, connected_for: float | None, *, slow: bool = False) -> float:
        """Seconds to wait. ``connected_for``: seconds that the connection held; None when none came about.

        slow: what trying again soon would not mend, or would make worse. The ceiling begins 16 times as high, no less
        than half of it is waited, and that the connection held brings nothing down: two clients of one id that throw
        each other out hold long enough once their delays are long.
        """
        if not slow and connected_for is not None and connected_for >= self.stable_after:
            self._failures = 0
        base = self.base * (SLOW_FACTOR if slow else 1.0)
        ceiling = min(self.cap, base * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return ceiling * (0.5 + self.random() / 2 if slow else self.random())
