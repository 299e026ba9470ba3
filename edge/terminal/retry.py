"""How long what is missing is left alone before it is tried again."""

from __future__ import annotations

from typing import Final

# From the first failure to the next try, doubled with each up to the second.
RETRY_SECONDS: Final = (5.0, 300.0)


class Pauses:
    """Seconds from one try to the next, doubled each time."""

    def __init__(self, first: float = RETRY_SECONDS[0], longest: float = RETRY_SECONDS[1]) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def next(self) -> float:
        pause, self._next = self._next, min(2 * self._next, self._longest)
        return pause

    def restart(self) -> None:
        """It worked."""
        self._next = self._first
