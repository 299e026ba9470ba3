"""A button that is pressed by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PRESS_SECONDS: Final = 0.2


class SimulatedButton:
    """Implements edge.hardware.ports.InputLine: held down for ``press`` seconds at the end of each ``every``."""

    def __init__(
        self, every: float, *, press: float = PRESS_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """every, press: seconds. clock: monotonic seconds."""
        self._every, self._press, self._clock = every, press, clock
        self._made_at = clock()

    def level(self) -> bool:
        """Whether it is held down at this moment."""
        return (self._clock() - self._made_at) % self._every >= self._every - self._press

    def on_edge(self, heard: Callable[[], None] | None) -> bool:
        """It tells no changes."""
        return False

    def close(self) -> None:
        """It is pressed by nobody any more."""
        self._every, self._press = 1.0, 0.0
