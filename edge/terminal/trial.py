"""Whether a configuration on trial works. Pure: times are arguments, in monotonic seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """Seconds. within: from the start until the terminal has to be well. steady: how long it has to stay so."""

    within: float = 120.0
    steady: float = 10.0


class Verdict(Enum):
    """Of a trial so far."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"


class Trial:
    """One trial, from one start. After a verdict other than OPEN it is over."""

    def __init__(self, limits: TrialLimits, now: float) -> None:
        self._limits = limits
        self._began = now
        self._well_since: float | None = None

    def look(self, trouble: str | None, now: float) -> Verdict:
        """trouble: what is not well now. Who became well in time may show that it lasts after the time."""
        if trouble is not None:
            self._well_since = None
            return Verdict.FAILED if now - self._began >= self._limits.within else Verdict.OPEN
        if self._well_since is None:
            self._well_since = now
        return Verdict.PASSED if now - self._well_since >= self._limits.steady else Verdict.OPEN
