"""Decisions out of the outbox, in the order of storing, each until somebody has it.

A broker that is killed loses what it has acknowledged and neither passed on nor written down. So a decision that was
acknowledged settles: it is removed once the connection has held for a while, and published again if it breaks before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from edge.errors import LinkError
from edge.link.client import ACCEPTED, NO_MATCHING_SUBSCRIBERS, Client
from edge.link.outbox import Outbox
from edge.link.sending import Refusals

log = logging.getLogger(__name__)

REDELIVERY_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 5.0


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
        settle_seconds: float = SETTLE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """on_outbox: called after the outbox was used. on_damage: told of a damaged file that was set aside.

        redelivery_seconds: how long a decision that nobody subscribed to, or that the broker refused, waits before it
        is offered again on the same connection. settle_seconds: how long the connection must hold after the
        acknowledgement before a decision is removed.
        """
        self._outbox = outbox
        self._topic = topic
        self._refusals = refusals
        self._on_outbox = on_outbox
        self._on_damage = on_damage
        self._redelivery_seconds = redelivery_seconds
        self._settle_seconds = settle_seconds
        self._monotonic = monotonic
        self._stored = asyncio.Event()
        # Of this connection: when each was acknowledged, and its row, in the order of both.
        self._settling: deque[tuple[float, int]] = deque()

    @property
    def undelivered(self) -> int:
        """Decisions that the broker has not acknowledged on this connection."""
        return max(0, len(self._outbox) - len(self._settling))

    def wake(self) -> None:
        """Something was stored, or could not be: look at the outbox."""
        self._stored.set()

    def tell_damage(self) -> None:
        for path in self._outbox.take_set_aside():
            message = f"the outbox was damaged; what it was is kept as {path.name}"
            log.error("%s", message)
            self._on_damage(message)

    async def run(self, client: Client, leaving: asyncio.Event) -> None:
        """Deliver what waits and what comes; once ``leaving`` is set, what waits. Raises aiomqtt.MqttError.

        What has not settled by its end stays stored, and is published again on the next connection.
        """
        try:
            while True:
                self._stored.clear()
                waits = await self._deliver_waiting(client)
                self._on_outbox()
                if leaving.is_set():
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause(waits)):
                        await self._stored.wait()
        finally:
            self._settling.clear()

    def _pause(self, waits: bool) -> float | None:
        """Seconds until there is something to do, if nothing is stored meanwhile."""
        if waits:
            return self._redelivery_seconds
        if self._settling:
            return max(0.0, self._settling[0][0] + self._settle_seconds - self._monotonic())
        return None

    async def _remove_settled(self) -> None:
        while self._settling and self._settling[0][0] + self._settle_seconds <= self._monotonic():
            await asyncio.to_thread(self._outbox.remove, self._settling[0][1])
            self._settling.popleft()

    async def _deliver_waiting(self, client: Client) -> bool:
        """True when a decision stays behind that the broker has not taken."""
        while True:
            try:
                if self._outbox.trouble is not None:
                    await asyncio.to_thread(self._outbox.probe)
                await self._remove_settled()
                last = self._settling[-1][1] if self._settling else 0
                row = await asyncio.to_thread(self._outbox.oldest, last)
                self.tell_damage()
                if row is None:
                    return False
                reason = await client.publish_acknowledged(self._topic, row.payload)
                self._note(reason)
                if reason != ACCEPTED:
                    return True
                self._settling.append((self._monotonic(), row.id))
                self._on_outbox()
            except LinkError as error:
                log.warning("%s", error)
                return True

    def _note(self, reason: int) -> None:
        if reason == NO_MATCHING_SUBSCRIBERS and self._refusals.begins("decision", reason):
            log.warning("nobody is subscribed to %s; decisions are kept", self._topic)
        self._refusals.note("decision", self._topic, reason)
