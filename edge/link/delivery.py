"""Decisions out of the outbox, in the order of storing, each until somebody has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from edge.errors import LinkError
from edge.link.client import ACCEPTED, NO_MATCHING_SUBSCRIBERS, Client
from edge.link.outbox import Outbox
from edge.link.sending import Refusals

log = logging.getLogger(__name__)

REDELIVERY_SECONDS: Final = 30.0


class Delivery:
    """Everything is for the event loop's thread."""

    def __init__(
        self,
        outbox: Outbox,
        topic: str,
        refusals: Refusals,
        *,
        on_outbox: Callable[[], None],
        on_damage: Callable[[str], None],
        redelivery_seconds: float = REDELIVERY_SECONDS,
    ) -> None:
        """on_outbox: called after the outbox was used. on_damage: told of a damaged file that was set aside.

        redelivery_seconds: how long a decision that nobody subscribed to, or that the broker refused, waits before it
        is offered again on the same connection.
        """
        self._outbox = outbox
        self._topic = topic
        self._refusals = refusals
        self._on_outbox = on_outbox
        self._on_damage = on_damage
        self._redelivery_seconds = redelivery_seconds
        self._stored = asyncio.Event()

    def wake(self) -> None:
        """Something was stored, or could not be: look at the outbox."""
        self._stored.set()

    def tell_damage(self) -> None:
        for path in self._outbox.take_set_aside():
            message = f"the outbox was damaged; it is kept as {path.name} and a new one was begun"
            log.error("%s", message)
            self._on_damage(message)

    async def run(self, client: Client, leaving: asyncio.Event) -> None:
        """Deliver what waits and what comes; once ``leaving`` is set, what waits. Raises aiomqtt.MqttError."""
        while True:
            self._stored.clear()
            waits = await self._deliver_waiting(client)
            self._on_outbox()
            if leaving.is_set():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._redelivery_seconds if waits else None):
                    await self._stored.wait()

    async def _deliver_waiting(self, client: Client) -> bool:
        """True when a decision stays behind."""
        while True:
            try:
                if self._outbox.trouble is not None:
                    await asyncio.to_thread(self._outbox.probe)
                row = await asyncio.to_thread(self._outbox.oldest)
                self.tell_damage()
                if row is None:
                    return False
                reason = await client.publish_acknowledged(self._topic, row.payload)
                self._note(reason)
                if reason != ACCEPTED:
                    return True
                await asyncio.to_thread(self._outbox.remove, row.id)
            except LinkError as error:
                log.warning("%s", error)
                return True

    def _note(self, reason: int) -> None:
        if reason == NO_MATCHING_SUBSCRIBERS and self._refusals.begins("decision", reason):
            log.warning("nobody is subscribed to %s; decisions are kept", self._topic)
        self._refusals.note("decision", self._topic, reason)
