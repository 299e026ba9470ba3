"""Watches the contact of the terminal's case: who can reach what is in it decides what the terminal says.

Who opens it could put another camera in its place, or read what passes between the parts. So nothing that a terminal
says while it is open is to be believed, and it takes no sessions; each opening and closing is told by an event. What
somebody did to it meanwhile it cannot know: whether it may go on afterwards is for the fleet to say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from edge.config import tamper as config
from edge.contracts.device import EventKind
from edge.errors import LivegateError
from edge.hardware.debounce import Debounce
from edge.hardware.gpio_input import GpioInput
from edge.hardware.ports import InputLine
from edge.terminal.retry import Pauses

log = structlog.get_logger(__name__)

KEY: Final = "tamper"
# A case takes longer to open; so few looks cost nothing.
POLL_SECONDS: Final = 0.5
OPEN: Final = "the case is open"


class TamperMinder:
    """For the event loop's thread. tell: an event. on_change: called when ``trouble`` has changed, after the event."""

    def __init__(
        self,
        contact: config.Tamper,
        *,
        tell: Callable[[EventKind, str], None],
        on_change: Callable[[], None],
        open_contact: Callable[[config.Tamper], InputLine | None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """open_contact: the configured one, None for none. Raises LivegateError."""
        self._contact = contact
        self._tell = tell
        self._on_change = on_change
        self._open_contact = open_contact or open_configured
        self._monotonic = monotonic
        self._sleep = sleep
        # Of "it is open".
        self._watch = Debounce(0.0 if isinstance(contact, config.NoContact) else contact.debounce_seconds)
        self._unreadable: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why nothing that the terminal says is to be believed; None while the case is known to be closed, or has no
        contact.
        """
        return OPEN if self._watch.level else self._unreadable

    async def run(self) -> None:
        """Until it is cancelled."""
        if isinstance(self._contact, config.NoContact):
            return
        pauses = Pauses()
        while True:
            try:
                line = await asyncio.to_thread(self._open_contact, self._contact)
                if line is None:
                    return
                try:
                    while True:
                        self._read(line.level())
                        pauses.restart()
                        await self._sleep(POLL_SECONDS)
                finally:
                    line.close()
            except LivegateError as error:
                self._lost(error)
            await self._sleep(pauses.next())

    def _read(self, closed: bool) -> None:
        readable_again = self._unreadable is not None
        self._unreadable = None
        changed = self._watch.read(self._monotonic(), not closed)
        if changed:
            log.error("the case was opened") if self._watch.level else log.warning("the case was closed")
            self._tell("tamper", "the case was opened" if self._watch.level else "the case was closed")
        if readable_again:
            self._tell("recovered", "the contact of the case can be read again")
        if changed or readable_again:
            self._on_change()

    def _lost(self, error: LivegateError) -> None:
        told = f"the contact of the case cannot be read: {error}"
        if told == self._unreadable:
            return
        log.error("whether the case is open cannot be told", error=str(error))
        self._unreadable = told
        self._tell("fault", told)
        self._on_change()


def open_configured(contact: config.Tamper) -> InputLine | None:
    """Active while the case is closed: the line is pulled to the other level, so that a cut wire reads as open.

    Raises HardwareError.
    """
    match contact:
        case config.GpioContact():
            return GpioInput(contact.chip, contact.line, active_low=contact.closed_low, key=KEY)
        case config.SimulatedContact():
            # A board with a real contact never loads it.
            from edge.simulation.case_contact import SimulatedCaseContact  # noqa: PLC0415

            return SimulatedCaseContact(contact.every_seconds, contact.open_seconds)
        case config.NoContact():
            return None
