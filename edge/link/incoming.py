"""Messages that wait to be read: many small ones, or few large ones."""

from __future__ import annotations

import asyncio

from aiomqtt import Message


class IncomingQueue(asyncio.Queue[Message]):
    """Full at ``maxsize`` messages, or as soon as they have ``most_bytes``; what is full discards what comes.

    So a flood of the largest messages takes no more than these bytes and one message.
    """

    def __init__(self, maxsize: int = 0, *, most_bytes: int) -> None:
        super().__init__(maxsize)
        self._most_bytes = most_bytes
        self._bytes = 0

    def full(self) -> bool:
        return super().full() or self._bytes >= self._most_bytes

    def _put(self, item: Message) -> None:
        self._bytes += _size(item)
        super()._put(item)

    def _get(self) -> Message:
        item = super()._get()
        self._bytes -= _size(item)
        return item


def _size(message: Message) -> int:
    return len(bytes(message.payload))
