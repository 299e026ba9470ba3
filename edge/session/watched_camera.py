"""A camera that remembers how it did, for whoever has to know between sessions whether it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.errors import LivegateError
from edge.frames.frame import Frame
from edge.hardware.ports import Camera, CameraTraits, EndOfSource


@dataclass(frozen=True, slots=True)
class Sight:
    """What a camera did last; monotonic seconds.

    opened_at: since when it is open; None while it is not, and while it opens. frame_at: when the last frame came.
    trouble: why it could not be opened, or was lost; None again with the next frame.
    frames_per_second: from the first to the last frame of when it was last open for more than one.
    """

    opened_at: float | None = None
    frame_at: float | None = None
    trouble: str | None = None
    frames_per_second: float | None = None

    def age(self, now: float) -> float | None:
        """Seconds since the last frame of a camera that is open, or since it was opened; None while it is not."""
        if self.opened_at is None:
            return None
        return now - max(self.opened_at, self.frame_at if self.frame_at is not None else self.opened_at)


class WatchedCamera(Camera):
    """Another camera, whose ``sight`` any thread may read; everything else is for the thread that runs it."""

    def __init__(self, camera: Camera, clock: Callable[[], float] = time.monotonic) -> None:
        self._camera = camera
        self._clock = clock
        self._handed_over = False
        self.sight = Sight()
        self._first_at = 0.0
        self._frames = 0

    @property
    def traits(self) -> CameraTraits:
        return self._camera.traits

    def hand_over(self) -> None:
        """Whoever opens it next gets it as it is, if it is open: a camera takes a part of a second to open, and some
        frames more to find its exposure.
        """
        self._handed_over = self.sight.opened_at is not None

    def open(self) -> None:
        if self._handed_over:
            self._handed_over = False
            self._frames = 0
            return
        try:
            self._camera.open()
        except Exception as error:
            self._lost(error)
            raise
        self._frames = 0
        self.sight = replace(self.sight, opened_at=self._clock())

    def read(self, timeout: float) -> Frame | None:
        try:
            frame = self._camera.read(timeout)
        except EndOfSource:
            raise
        except Exception as error:
            self._lost(error)
            raise
        if frame is not None:
            now = self._clock()
            self._first_at = now if self._frames == 0 else self._first_at
            self._frames += 1
            self.sight = replace(self.sight, frame_at=now, trouble=None)
        return frame

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        self._camera.lock(flicker_period, longer)

    def unlock(self) -> None:
        self._camera.unlock()

    def close(self) -> None:
        self._handed_over = False
        self.sight = replace(self.sight, opened_at=None, frames_per_second=self._rate())
        self._camera.close()

    def _rate(self) -> float | None:
        seconds = (self.sight.frame_at or 0.0) - self._first_at
        if self._frames > 1 and seconds > 0:
            return (self._frames - 1) / seconds
        return self.sight.frames_per_second

    def _lost(self, error: Exception) -> None:
        # Of a driver's own fault only the kind: what it carries may come from a frame.
        told = str(error) if isinstance(error, LivegateError) else f"the camera's driver failed: {type(error).__name__}"
        self.sight = replace(self.sight, opened_at=None, trouble=told)
