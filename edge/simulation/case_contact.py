"""The contact of a case that is opened by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


class SimulatedCaseContact:
    """Implements edge.hardware.ports.InputLine: active while closed, open for ``open_for`` seconds at the end of each
    ``every``.
    """

    def __init__(self, every: float, open_for: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """every, open_for: seconds. clock: monotonic seconds."""
        self._every, self._open_for, self._clock = every, open_for, clock
        self._made_at = clock()

    def level(self) -> bool:
        """Whether the case is closed at this moment."""
        return (self._clock() - self._made_at) % self._every < self._every - self._open_for

    def on_edge(self, heard: Callable[[], None] | None) -> bool:
        """It tells no changes."""
        return False

    def close(self) -> None:
        """Nobody opens it any more."""
        self._every, self._open_for = 1.0, 0.0
