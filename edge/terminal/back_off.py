"""Who has to wait after failed attempts: each correlation id by itself, and for seconds the device as a whole.

Pure: time is an argument, in seconds of a clock that goes on over restarts. Where it is set back all the same, what is
remembered moves with it: a wait goes on from where it was last heard of, and never becomes longer than its limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

# An attacker may bring as many ids as the requester lets him have: those whose wait ended first are forgotten.
MAX_IDS: Final = 1000
FIRST_DEVICE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """failures: of one id within ``window`` before it waits ``first`` seconds, doubled with each further one up to
    ``longest``. device_failures: of anybody in a row before the device waits, up to ``device_longest`` seconds.
    """

    failures: int = 5
    window: float = 900.0
    first: float = 60.0
    longest: float = 900.0
    device_failures: int = 3
    device_longest: float = 8.0


@dataclass(frozen=True, slots=True)
class Record:
    """Of one id. failed_at: the latest failures, oldest first. waits: how many it has had. until: end of the last one,
    or the last failure where there was none.
    """

    failed_at: tuple[float, ...] = ()
    waits: int = 0
    until: float = -math.inf

    def moved(self, seconds: float) -> Record:
        """As if all of it had been so much earlier."""
        return replace(self, failed_at=tuple(at - seconds for at in self.failed_at), until=self.until - seconds)


@dataclass(slots=True)
class BackOff:
    """``records`` by id and ``latest``, the latest time heard of, are all that a restart has to keep."""

    limits: Limits
    records: dict[str, Record] = field(default_factory=dict)
    latest: float = -math.inf
    _in_a_row: int = 0
    _device_until: float = -math.inf

    def remaining(self, who: str | None, now: float) -> float:
        """Seconds to wait, 0 for none. None: somebody without an id, whom only the device's own wait concerns."""
        self._hear(now)
        return max(self._device_until - now, self._of(who, now), 0.0)

    def concerns_id(self, who: str | None, now: float) -> bool:
        """Whether it is the id that has to wait longest, rather than the device as a whole."""
        self._hear(now)
        return self._of(who, now) > max(self._device_until - now, 0.0)

    def failed(self, who: str | None, now: float) -> bool:
        """Whether ``records`` has changed."""
        self._hear(now)
        self._in_a_row += 1
        beyond = self._in_a_row - self.limits.device_failures
        if beyond >= 0:
            self._device_until = now + _doubled(FIRST_DEVICE_SECONDS, beyond, self.limits.device_longest)
        if who is None:
            return False
        self.records[who] = self._with_one_more(self.records.pop(who, Record()), now)
        while len(self.records) > MAX_IDS:
            del self.records[min(self.records, key=lambda one: self.records[one].until)]
        return True

    def succeeded(self, who: str | None, now: float) -> bool:
        """Whether ``records`` has changed."""
        self._hear(now)
        self._in_a_row, self._device_until = 0, -math.inf
        return who is not None and self.records.pop(who, None) is not None

    def _of(self, who: str | None, now: float) -> float:
        record = None if who is None else self.records.get(who)
        return 0.0 if record is None else max(record.until - now, 0.0)

    def _with_one_more(self, record: Record, now: float) -> Record:
        limits = self.limits
        if now > record.until + limits.window:
            record = Record()
        recent = tuple(at for at in record.failed_at if now - at <= limits.window)
        failed_at = (*recent, now)[-limits.failures :]
        if record.waits == 0 and len(failed_at) < limits.failures:
            return Record(failed_at, 0, now)
        return Record(failed_at, record.waits + 1, now + _doubled(limits.first, record.waits, limits.longest))

    def _hear(self, now: float) -> None:
        back = self.latest - now
        if back > 0:
            self.records = {who: record.moved(back) for who, record in self.records.items()}
            self._device_until -= back
        elif back < 0:
            longest_ago = now - self.limits.window
            forgotten = [who for who, record in self.records.items() if record.until < longest_ago]
            for who in forgotten:
                del self.records[who]
        self.latest = now


def restored(limits: Limits, records: Mapping[str, Record], latest: float, now: float) -> BackOff:
    """After a restart. Of what was kept no wait is longer than ``limits`` allow, which may be other ones by now."""
    back_off = BackOff(limits, dict(records), latest)
    back_off._hear(now)
    longest = now + limits.longest
    back_off.records = {
        who: replace(record, until=min(record.until, longest)) for who, record in back_off.records.items()
    }
    return back_off


def _doubled(first: float, times: int, longest: float) -> float:
    # No float is large enough for every power of two.
    return min(first * 2.0 ** min(times, 32), longest)
