"""When a contact's level counts. Pure: the time is given."""

from __future__ import annotations

import math


class Debounce:
    """``level``: the contact's, once it has kept still for ``seconds``; False at first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = False
        self._since = -math.inf
        self.level = False

    @property
    def settled(self) -> bool:
        """Whether the level that was read last is the one that counts: no further reading is due."""
        return self._last == self.level

    def read(self, now: float, level: bool) -> bool:
        """Whether ``self.level`` has changed. now: monotonic seconds."""
        if level != self._last:
            self._last, self._since = level, now
        if self.settled or now - self._since < self._seconds:
            return False
        self.level = level
        return True
