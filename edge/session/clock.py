"""Clocks for a session: real time for a camera, the frames' own time for a replay."""

from __future__ import annotations

import time
from typing import Protocol

from edge.frames.frame import Frame


class Clock(Protocol):
    """Monotonic seconds."""

    def now(self) -> float: ...

    def frame_arrived(self, frame: Frame) -> None:
        """A frame was read."""
        ...

    def waited(self, seconds: float) -> None:
        """The camera gave nothing for so long."""
        ...


class RealClock:
    """The system's monotonic clock, the one that live frames are stamped with."""

    def now(self) -> float:
        return time.monotonic()

    def frame_arrived(self, frame: Frame) -> None: ...

    def waited(self, seconds: float) -> None: ...


class FrameClock:
    """Time is what the frames say, so that a replay runs as fast as it can and decides as in real time."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def frame_arrived(self, frame: Frame) -> None:
        self._now = max(self._now, frame.captured_at)

    def waited(self, seconds: float) -> None:
        self._now += seconds
