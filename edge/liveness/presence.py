"""Whether somebody has come: by a face between sessions, or by a button. Reads no clock, sees no picture.

Times are seconds of one monotonic clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What a look, or a contact's level, has changed."""

    ARRIVED = "arrived"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class FaceLimits:
    """share: width of a face against the frame's shorter side from which it is near enough.

    hold: seconds for which it must be there. again_after: seconds without one, or since the end of a session, after
    which the next is somebody new. blink: seconds from one face to the next that do not break ``hold``, more than lie
    between two looks.
    """

    share: float
    hold: float = 0.3
    again_after: float = 5.0
    blink: float = 0.625


class FacePresence:
    """Is told what each look at the camera has shown, and says when somebody has come and when they have gone.

    After ``ARRIVED`` comes ``GONE``, and between two arrivals lie ``again_after`` seconds without a face, or a session
    and ``again_after`` seconds since its end.
    """

    def __init__(self, limits: FaceLimits) -> None:
        self._limits = limits
        self._near_since: float | None = None
        self._near_at = -math.inf
        self._present = False
        self._not_before = -math.inf

    def saw(self, now: float, share: float | None) -> Change | None:
        """share: of the largest face in the picture; None: there is none."""
        limits = self._limits
        if share is None or share < limits.share:
            return self._saw_nobody(now)
        if self._near_since is None or now - self._near_at > limits.blink:
            self._near_since = now
        self._near_at = now
        if self._present or now < self._not_before or now - self._near_since < limits.hold:
            return None
        self._present = True
        return Change.ARRIVED

    def _saw_nobody(self, now: float) -> Change | None:
        if not self._present or now - self._near_at < self._limits.again_after:
            return None
        self._present = False
        return Change.GONE

    def session_ended(self, now: float) -> None:
        """Whoever is there counts as somebody new, some time from now."""
        self._present = False
        self._near_since = None
        self._not_before = now + self._limits.again_after

    def refused(self) -> None:
        """The arrival that was told could not be announced: it is told again while the face stays."""
        self._present = False


class Rate:
    """At most one in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = -math.inf

    def admits(self, now: float) -> bool:
        """Whether one may come now; a yes is counted."""
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
