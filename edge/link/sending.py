"""What waits to be published while there is a connection, and what waits for the next one."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from paho.mqtt.properties import Properties

from edge.link.client import FIRST_ERROR, Client

log = logging.getLogger(__name__)

MAX_WAITING: Final = 500


@dataclass(frozen=True, slots=True, eq=False)
class Publication:
    """``lasting``: waits for the next connection when this one ends, and is sent again when no PUBACK came."""

    kind: str
    topic: str
    payload: bytes = field(repr=False)
    qos: int
    retain: bool = False
    lasting: bool = False
    properties: Properties | None = None


class Refusals:
    """A publication that the broker refuses is logged when the refusing begins, not each time."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def begins(self, kind: str, reason: int) -> bool:
        """Whether this PUBACK's reason code is news."""
        return self._last.get(kind) != reason

    def note(self, kind: str, topic: str, reason: int) -> None:
        if reason >= FIRST_ERROR and self.begins(kind, reason):
            log.warning("the broker does not take %s on %s: 0x%02x; see its access list", kind, topic, reason)
        self._last[kind] = reason


class SendQueue:
    """Publications in order, 500 at most."""

    def __init__(self, refusals: Refusals) -> None:
        self.waiting: deque[Publication] = deque()
        self._refusals = refusals
        self._work = asyncio.Event()

    def put(self, publication: Publication) -> None:
        """If too many wait, the oldest goes, logged: of what is neither lasting nor retained, then of what lasts."""
        if len(self.waiting) >= MAX_WAITING:
            dropped = next((p for p in self.waiting if not p.lasting and not p.retain), None)
            dropped = dropped or next((p for p in self.waiting if p.lasting), self.waiting[0])
            self.waiting.remove(dropped)
            log.warning("too many messages wait for the broker; the oldest was dropped (%s)", dropped.kind)
        self.waiting.append(publication)
        self._work.set()

    def keep_what_lasts(self) -> None:
        """The connection ended."""
        self.waiting = deque(p for p in self.waiting if p.lasting)

    def wake(self) -> None:
        self._work.set()

    async def pump(self, client: Client, leaving: asyncio.Event) -> None:
        """Send what waits and what comes; once ``leaving`` is set, what waits and no more. Raises aiomqtt.MqttError."""
        while True:
            self._work.clear()
            while self.waiting:
                publication = self.waiting[0]
                await self.send(client, publication)
                if self.waiting and self.waiting[0] is publication:
                    self.waiting.popleft()
            if leaving.is_set():
                return
            await self._work.wait()

    async def send(self, client: Client, publication: Publication) -> None:
        """At once, past what waits; at QoS 1 until its PUBACK. Raises aiomqtt.MqttError."""
        if publication.qos == 0:
            await client.publish(publication.topic, publication.payload, properties=publication.properties)
            return
        reason = await client.publish_acknowledged(
            publication.topic, publication.payload, retain=publication.retain, properties=publication.properties
        )
        self._refusals.note(publication.kind, publication.topic, reason)
