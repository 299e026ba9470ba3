"""Looks at the camera between sessions, listens to how it does in them, and goes up the ladder of remedies."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable

import structlog

from edge.errors import LivegateError
from edge.session.watched_camera import Sight
from edge.terminal.frame_watch import FrameWatch
from edge.terminal.reboot import Rebooter

log = structlog.get_logger(__name__)

# How often a running session's frames are asked for their age.
SESSION_SECONDS = 1.0


class CameraMinder:
    """For the event loop's thread.

    sight: of the camera. probe: opens it, waits for a frame and closes it again; False where a session was wanted
    before that. Raises LivegateError where no frame comes. session_wanted: whether one runs or waits for the camera.
    on_change: called when ``trouble`` or ``seen`` has changed.
    """

    def __init__(
        self,
        watch: FrameWatch,
        *,
        sight: Callable[[], Sight],
        probe: Callable[[], Awaitable[bool]],
        session_wanted: Callable[[], bool],
        on_change: Callable[[], None],
        rebooter: Rebooter | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch = watch
        self._sight = sight
        self._probe = probe
        self._session_wanted = session_wanted
        self._on_change = on_change
        self._rebooter = rebooter
        self._monotonic = monotonic
        self._heard_at = -math.inf
        self._reboot: str | None = None
        self._told: tuple[str | None, bool] = (None, False)
        self._news = asyncio.Event()
        self.probing_since: float | None = None

    @property
    def trouble(self) -> str | None:
        """Why no session can run, and what became of a reboot that was wanted; None while the camera works."""
        trouble = self._watch.trouble
        return trouble if trouble is None or self._reboot is None else f"{trouble}; {self._reboot}"

    @property
    def seen(self) -> bool:
        """Whether the camera has ever given a frame."""
        return self._watch.seen

    def session_changed(self) -> None:
        """One began or ended."""
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._news.wait()
            self._news.clear()

    async def look(self) -> None:
        """Takes in what is known by now, and probes the camera where that is due."""
        self._hear()
        if self._probe_due():
            await self._try_camera()
        self._tell()

    def _pause(self) -> float | None:
        if self._session_wanted():
            return SESSION_SECONDS
        due = self._watch.look_at()
        return None if due is None else max(due - self._monotonic(), 0.0)

    def _probe_due(self) -> bool:
        due = self._watch.look_at()
        return not self._session_wanted() and due is not None and self._monotonic() >= due

    def _hear(self) -> None:
        """What a session's own reading of the camera has shown since the last time."""
        sight, now = self._sight(), self._monotonic()
        if sight.trouble is not None:
            # Told once by whoever met it; a session that goes on, or the next one, may still get frames.
            if self._watch.trouble is None:
                self._watch.failed(sight.trouble, now)
            return
        if sight.frame_at is not None and sight.frame_at > self._heard_at:
            self._heard_at = sight.frame_at
            self._recovered(sight.frame_at)
        age = sight.age(now)
        if age is not None:
            self._watch.aged(age, now)

    async def _try_camera(self) -> None:
        self.probing_since = self._monotonic()
        try:
            seen = await self._probe()
        except Exception as error:
            kind = type(error).__name__
            reason = str(error) if isinstance(error, LivegateError) else f"the camera's driver failed: {kind}"
            now = self._monotonic()
            self._watch.failed(reason, now)
            log.debug("the camera gives no frame", reason=reason)
            if self._rebooter is not None and self._watch.wants_reboot(now):
                self._reboot = self._rebooter.ask(reason)
        else:
            if seen:
                self._recovered(self._monotonic())
        finally:
            self.probing_since = None
            # What it has shown is known by now.
            self._heard_at = max(self._heard_at, self._sight().frame_at or -math.inf)

    def _recovered(self, now: float) -> None:
        self._watch.saw(now)
        self._reboot = None
        if self._rebooter is not None:
            self._rebooter.withdraw()

    def _tell(self) -> None:
        now_known = (self.trouble, self.seen)
        if now_known != self._told:
            self._told = now_known
            self._on_change()
