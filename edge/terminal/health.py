"""How the terminal does: read where it can be read, put together, and told when it is time.

What stands in ``/proc`` and ``/sys`` is read on another thread, one to two times a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from edge.contracts.device import Health, OutboxHealth
from edge.session.watched_camera import Sight
from edge.terminal.doctor import board
from edge.terminal.doctor.clock import kernel_clock_synchronised, set_by_timesyncd
from edge.terminal.doctor.context import Command, Roots, run_command
from edge.terminal.doctor.daemon import family

log = structlog.get_logger(__name__)

PERIOD_SECONDS: Final = 60.0
# Of the period, either way.
JITTER: Final = 0.2
# News that come one after the other are told together.
LEAST_SECONDS: Final = 10.0

Wait = Callable[[asyncio.Event, float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class BoardReadings:
    """None for what this board does not tell."""

    clock_synchronised: bool | None = None
    temperature: float | None = None
    throttling: tuple[str, ...] | None = None
    rss: int | None = None
    disk_free: int | None = None


class BoardReader:
    """For one thread at a time. roots, command, kernel_clock: made-up ones in tests."""

    def __init__(
        self,
        state_folder: Path,
        *,
        roots: Roots | None = None,
        command: Command = run_command,
        kernel_clock: Callable[[], bool | None] = kernel_clock_synchronised,
        pid: int | None = None,
    ) -> None:
        self._folder = state_folder
        self._roots = roots or Roots()
        self._command = command
        self._kernel_clock = kernel_clock
        self._pid = os.getpid() if pid is None else pid
        self._power_told = True

    def read(self) -> BoardReadings:
        """Never raises."""
        roots = self._roots
        return BoardReadings(
            clock_synchronised=set_by_timesyncd(roots) or self._kernel_clock(),
            temperature=board.processor_temperature(roots),
            throttling=self._throttling(),
            rss=board.resident_bytes(roots, self._pid, family(roots, self._pid)[1:]),
            disk_free=self._disk_free(),
        )

    def _throttling(self) -> tuple[str, ...] | None:
        # A program that was not there, or did not answer, is not started again and again.
        if not self._power_told:
            return None
        try:
            bits = board.power(self._roots, self._command)
        except TimeoutError:
            bits = None
        self._power_told = bits is not None
        return None if bits is None else tuple(board.power_told(bits))

    def _disk_free(self) -> int | None:
        try:
            found = os.statvfs(self._folder)
        except OSError:
            return None
        return found.f_bavail * found.f_frsize


@dataclass(frozen=True, slots=True)
class Counts:
    """Since the daemon started."""

    sessions: int = 0
    decisions: int = 0
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """wall: Unix seconds. monotonic: seconds of the clock that ``Sight`` is told in. uptime: of the daemon."""

    wall: float
    monotonic: float
    uptime: float


def assembled(
    moment: Moment, boot_count: int, sight: Sight | None, readings: BoardReadings, outbox: OutboxHealth, counts: Counts
) -> Health:
    """sight: of the camera; None before the first start of its parts."""
    frame_at = None if sight is None else sight.frame_at
    rate = None if sight is None else sight.frames_per_second
    return Health(
        at=moment.wall,
        boot_count=boot_count,
        uptime_seconds=round(max(moment.uptime, 0.0), 1),
        clock_synchronised=readings.clock_synchronised,
        frame_age_seconds=None if frame_at is None else round(max(moment.monotonic - frame_at, 0.0), 1),
        frames_per_second=None if rate is None else round(rate, 1),
        temperature_celsius=readings.temperature,
        throttling=readings.throttling,
        rss_bytes=readings.rss,
        disk_free_bytes=readings.disk_free,
        sessions=counts.sessions,
        decisions=counts.decisions,
        connections=counts.connections,
        outbox=outbox,
    )


async def _wait(news: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()


class HealthTeller:
    """Tells it every minute or so, and soon after ``news``; for the event loop's thread."""

    def __init__(
        self,
        read: Callable[[], Health],
        publish: Callable[[Health], None],
        *,
        random: Callable[[], float],
        wait: Wait = _wait,
    ) -> None:
        """read: called on another thread. random: uniform in 0..1, so that the terminals of a fleet do not speak at
        once. wait: until an event is set, for so many seconds at most.
        """
        self._read = read
        self._publish = publish
        self._random = random
        self._wait = wait
        self._news = asyncio.Event()
        self._never = asyncio.Event()

    def news(self) -> None:
        """Something has changed that somebody may be waiting to hear."""
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled. A reading that fails is logged, and the next is tried."""
        while True:
            self._news.clear()
            try:
                self._publish(await asyncio.to_thread(self._read))
            except Exception:
                log.exception("health cannot be told")
            await self._wait(self._never, LEAST_SECONDS)
            await self._wait(self._news, self._period() - LEAST_SECONDS)

    def _period(self) -> float:
        return PERIOD_SECONDS * (1.0 + JITTER * (2.0 * self._random() - 1.0))
