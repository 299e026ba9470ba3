"""Notices that somebody has come, by a button or by a face between sessions, and says so, never faster than it may."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from edge.config import presence as config
from edge.config.quality import QualityLimits
from edge.contracts.device import PresenceSource
from edge.contracts.enums import TerminalState
from edge.errors import LivegateError
from edge.hardware.debounce import Debounce
from edge.hardware.ports import InputLine
from edge.liveness.presence import Change, FaceLimits, FacePresence, Rate
from edge.terminal.retry import Pauses

log = structlog.get_logger(__name__)

BUTTON_KEY: Final = "presence.button"
# How often a contact is read: while it bounces, and one that tells no changes. A press lasts for 100 ms and more.
BOUNCE_SECONDS: Final = 0.01
POLL_SECONDS: Final = 0.02
# A line that tells changes is read all the same, to hear of one that is lost.
ASK_SECONDS: Final = 60.0
# A look that misses the face does not end a visit that has just begun.
MISSED_LOOKS: Final = 2.5


class PresenceTeller:
    """For the event loop's thread.

    look: what a look at the camera shows, as SessionRunner.look; end_looks: closes the camera after looks.
    tell: somebody has come; False: that could not be said.
    on_fault: a button that cannot be read, once for each reason. on_camera: a look has failed.
    open_button: the configured one. Raises LivegateError.
    """

    def __init__(
        self,
        presence: config.Presence,
        quality: QualityLimits,
        *,
        look: Callable[[], Awaitable[float | None]],
        end_looks: Callable[[], Awaitable[None]],
        tell: Callable[[PresenceSource], bool],
        on_fault: Callable[[str], None],
        on_camera: Callable[[], None] = lambda: None,
        open_button: Callable[[config.Button], InputLine] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._button, self._face = presence.button, presence.face
        self._rate = Rate(presence.least_seconds)
        self._faces = None if self._face is None else FacePresence(face_limits(self._face, quality))
        self._look, self._end_looks = look, end_looks
        self._tell, self._on_fault, self._on_camera = tell, on_fault, on_camera
        self._open_button = open_button or open_line
        self._monotonic = monotonic
        self._sleep = sleep
        self._state = TerminalState.INIT
        self._news = asyncio.Event()
        self.looking_since: float | None = None

    def state_changed(self, state: TerminalState) -> None:
        """What the terminal says of itself from now on. In ``ready`` alone somebody can come."""
        if self._state is TerminalState.BUSY and self._faces is not None:
            self._faces.session_ended(self._monotonic())
        self._state = state
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self._button is not None:
                tasks.create_task(self._mind_button(self._button), name="presence-button")
            if self._face is not None and self._faces is not None:
                tasks.create_task(self._mind_face(self._face, self._faces), name="presence-face")

    def _announce(self, source: PresenceSource) -> bool:
        """Whether it was said."""
        if self._state is not TerminalState.READY or not self._rate.admits(self._monotonic()):
            return False
        return self._tell(source)

    async def _mind_button(self, button: config.Button) -> None:
        told, pauses = "", Pauses()
        while True:
            try:
                line = await asyncio.to_thread(self._open_button, button)
                try:
                    told = ""
                    pauses.restart()
                    await self._follow(line, Debounce(button.debounce_seconds))
                finally:
                    line.close()
            except LivegateError as error:
                if str(error) != told:
                    told = str(error)
                    log.error("the button cannot be read", error=told)
                    self._on_fault(f"the button cannot be read: {told}")
            await self._sleep(pauses.next())

    async def _follow(self, line: InputLine, contact: Debounce) -> None:
        """Raises LivegateError when the line is lost."""
        loop, edge = asyncio.get_running_loop(), asyncio.Event()

        def heard() -> None:
            # The loop may be gone already.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(edge.set)

        tells_changes = line.on_edge(heard)
        while True:
            edge.clear()
            if contact.read(self._monotonic(), line.level()) and contact.level:
                self._announce("button")
            if not tells_changes:
                await self._sleep(POLL_SECONDS)
            elif not contact.settled:
                await self._sleep(BOUNCE_SECONDS)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ASK_SECONDS):
                        await edge.wait()

    async def _mind_face(self, face: config.FaceLook, faces: FacePresence) -> None:
        every, failing, pauses = 1.0 / face.looks_per_second, False, Pauses()
        while True:
            if self._state is not TerminalState.READY:
                await self._wait_until_ready()
                continue
            began = self._monotonic()
            try:
                share = await self._look_once()
            except Exception as error:
                if not failing:
                    # The terminal's own look at its camera says what of it a state or an event should say.
                    told = str(error) if isinstance(error, LivegateError) else type(error).__name__
                    log.warning("nobody can be noticed by the camera", error=told)
                failing = True
                self._on_camera()
                await self._sleep(pauses.next())
                continue
            failing, now = False, self._monotonic()
            pauses.restart()
            if faces.saw(now, share) is Change.ARRIVED and not self._announce("face"):
                faces.refused()
            await self._sleep(max(every - (now - began), 0.0))

    async def _look_once(self) -> float | None:
        self.looking_since = self._monotonic()
        try:
            return await self._look()
        finally:
            self.looking_since = None

    async def _wait_until_ready(self) -> None:
        self._news.clear()
        if self._state is not TerminalState.BUSY:
            # A session has taken the camera, and closes it.
            await self._end_looks()
        if self._state is not TerminalState.READY:
            await self._news.wait()


def face_limits(face: config.FaceLook, quality: QualityLimits) -> FaceLimits:
    """When a face is near enough, and for how long it must be there."""
    return FaceLimits(
        share=max(face.min_share or 0.0, quality.min_face_share),
        hold=face.hold_seconds,
        again_after=face.again_after_seconds,
        blink=MISSED_LOOKS / face.looks_per_second,
    )


def open_line(button: config.Button) -> InputLine:
    """Raises HardwareError."""
    if isinstance(button, config.SimulatedButton):
        # A board with a real button never loads it.
        from edge.simulation.button import SimulatedButton  # noqa: PLC0415

        return SimulatedButton(button.every_seconds)
    # A terminal without one never loads it.
    from edge.hardware.gpio_input import GpioInput  # noqa: PLC0415

    return GpioInput(button.chip, button.line, active_low=button.active_low, key=BUTTON_KEY)
