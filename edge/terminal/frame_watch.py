"""Whether the camera works, when to look at it next, and when only a reboot is left. Reads no clock, opens nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DAY = 86400.0
# 1 January 2026: what runs here was made later. A board without a clock of its own begins years before.
PLAUSIBLE_SINCE = 1767225600.0


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """Seconds.

    every: from one look at a camera that works to the next; None: it is looked at when the daemon starts, and after
        it failed.
    late: age of the last frame, while frames are due, from which on there is no camera.
    first_retry, longest_retry: from a failure to the next look; doubled with each, from the one to the other.
    reboot_after: without any frame, until a reboot is wanted; None: never.
    """

    every: float | None = 300.0
    late: float = 5.0
    first_retry: float = 2.0
    longest_retry: float = 60.0
    reboot_after: float | None = None


class FrameWatch:
    """Is told of frames and failures, in sessions and between them, by times of one monotonic clock."""

    def __init__(self, limits: WatchLimits, now: float) -> None:
        self._limits = limits
        self._failures = 0
        self._bad_since: float | None = None
        self._look_at: float | None = now
        self.trouble: str | None = None
        self.seen = False

    def saw(self, now: float) -> None:
        """A frame came."""
        self.trouble, self._bad_since, self._failures, self.seen = None, None, 0, True
        self._look_at = None if self._limits.every is None else now + self._limits.every

    def failed(self, reason: str, now: float) -> None:
        """The camera could not be opened, was lost, or gave nothing for as long as somebody waited."""
        self._lacking(reason, now)
        # Beyond 32 doublings nothing changes, and a float has an end.
        wait = self._limits.first_retry * 2.0 ** min(self._failures, 32)
        self._look_at = now + min(wait, self._limits.longest_retry)
        self._failures += 1

    def aged(self, age: float, now: float) -> None:
        """The last frame of a camera that is open and being read came ``age`` seconds ago."""
        if age > self._limits.late:
            if self._bad_since is None:
                # As soon as whoever reads it now lets go of it.
                self._look_at = now + self._limits.first_retry
            self._lacking(f"the camera has given no frame for more than {self._limits.late:g} s", now)

    def look_at(self) -> float | None:
        """When to look at the camera next; None: not before something else is heard of it."""
        return self._look_at

    def wants_reboot(self, now: float) -> bool:
        """Whether opening it again has not helped for long enough."""
        after = self._limits.reboot_after
        return after is not None and self._bad_since is not None and now - self._bad_since >= after

    def _lacking(self, reason: str, now: float) -> None:
        self.trouble = reason
        if self._bad_since is None:
            self._bad_since = now


@dataclass(frozen=True, slots=True)
class RebootLimits:
    """per_day: in any 24 hours. apart: seconds since the board was started, and since the last one was asked for."""

    per_day: int = 2
    apart: float = 1800.0


def held_back(past: Sequence[float], now: float, uptime: float, limits: RebootLimits) -> str | None:
    """Why the board must not be rebooted at this moment; None: it may be.

    past: Unix times of the reboots that were asked for, and must be known to all later starts. now: Unix time.
    uptime: seconds since the board was started.
    """
    if uptime < limits.apart:
        return f"the board was started less than {limits.apart:g} s ago"
    if now < PLAUSIBLE_SINCE or any(one > now for one in past):
        return "the clock is not set, and the reboots of a day cannot be counted"
    lately = [one for one in past if now - one < DAY]
    if len(lately) >= limits.per_day:
        return f"{limits.per_day} of {limits.per_day} reboots within 24 hours were asked for"
    if lately and now - max(lately) < limits.apart:
        return "one was asked for and has not come: is livegate-reboot.path enabled?"
    return None
