"""Everything that a subscriber to ``#`` hears, and what of it the contract does not allow."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self, TypeVar

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic import BaseModel

from edge.contracts.schema import MESSAGES
from edge.contracts.strict_json import read_message
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.client import connected
from edge.link.options import LinkOptions
from tests.proof.marks import Marks
from tests.proof.search import look

T = TypeVar("T")

_SESSION: Final = re.compile(r"session/[0-9a-f]{32}/(event|image)")
# Retained, which a broker may keep on disk, as QoS 1 and 2.
_RETAINED: Final = frozenset(("state", "info", "health", "config.desired", "config.reported", "job"))
# What carries pictures or face templates, sealed: in no broker's store.
IMAGE: Final = "session.image"
_FLEETING: Final = frozenset((IMAGE, "session.event"))


@dataclass(frozen=True, slots=True)
class Message:
    """at: Unix seconds when it was heard."""

    topic: str
    qos: int
    retain: bool
    payload: bytes
    at: float


def kind_of(topic: str, topics: Topics) -> str | None:
    """The name of the message in ``edge.contracts.schema.MESSAGES``; None: the contract has no such topic."""
    if topic.startswith(topics.reply_root()):
        return "reply"
    suffix = topic.removeprefix(f"{topics.base}/")
    if match := _SESSION.fullmatch(suffix):
        return f"session.{match.group(1)}"
    if suffix.startswith("res/"):
        return "reply"
    name = suffix.replace("/", ".")
    return name if suffix != topic and name in MESSAGES else None


def judge(message: Message, topics: Topics, marks: Marks) -> list[str]:
    """What must not be. A sealed session image is a blob, and nothing else that is known."""
    kind = kind_of(message.topic, topics)
    findings = [f"{message.topic}: {finding}" for finding in look(message.payload, marks, sealed=kind == IMAGE)]
    if kind is None:
        return [*findings, f"{message.topic}: no topic of the contract"]
    if message.retain and kind not in _RETAINED:
        findings.append(f"{message.topic}: retained")
    if message.qos > 0 and kind in _FLEETING:
        findings.append(f"{message.topic}: at QoS {message.qos}, which a broker may keep on disk")
    # A retained message is deleted by an empty one.
    if message.payload or not message.retain:
        model: type[BaseModel] = MESSAGES[kind]
        try:
            read_message(model, message.payload, extra="forbid")
        except ValueError as error:
            findings.append(f"{message.topic}: breaks the contract: {error}")
    return findings


class Ear:
    """A subscriber to ``#``, which connects again when the broker comes back. An async context manager."""

    def __init__(self, options: LinkOptions) -> None:
        self._options = options
        self.heard: list[Message] = []
        self._arrived = asyncio.Event()
        self._subscribed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._listen())
        await self._subscribed.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening

    async def until(self, told: Callable[[], T | None], within: float) -> T:
        """Asks ``told`` after each message until it has something to say. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while (something := told()) is None:
                self._arrived.clear()
                await self._arrived.wait()
            return something

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError, LinkError, OSError):
                async with connected(self._options, f"ear-{secrets.token_hex(4)}") as client:
                    # As they were published: with their own QoS, and marked as retained where they are.
                    await client.subscribe("#", options=SubscribeOptions(qos=2, retainAsPublished=True))
                    self._subscribed.set()
                    async for message in client.messages:
                        self.heard.append(
                            Message(
                                message.topic.value, message.qos, message.retain, bytes(message.payload), time.time()
                            )
                        )
                        self._arrived.set()
            await asyncio.sleep(0.05)
