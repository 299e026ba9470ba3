"""MQTT on the wire: what was sent to a broker, cut into packets, so that each is judged by its topic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PUBLISH: Final = 3
_NAMES: Final = {
    1: "CONNECT",
    3: "PUBLISH",
    4: "PUBACK",
    8: "SUBSCRIBE",
    10: "UNSUBSCRIBE",
    12: "PINGREQ",
    14: "DISCONNECT",
}


@dataclass(frozen=True, slots=True)
class Packet:
    """topic: of a PUBLISH; else the kind's name. content: all of it."""

    topic: str
    qos: int
    retain: bool
    content: bytes


def packets(stream: bytes) -> Iterator[Packet]:
    """Of MQTT 5 (2.1). What is cut off at the end, or is no packet, comes as one without a topic."""
    at = 0
    while at < len(stream):
        size, begin = _length(stream, at + 1)
        end = begin + size
        if begin == 0 or end > len(stream):
            yield Packet("", 0, False, stream[at:])
            return
        kind, flags = stream[at] >> 4, stream[at] & 0x0F
        topic = _NAMES.get(kind, f"packet {kind}")
        if kind == PUBLISH:
            name = int.from_bytes(stream[begin : begin + 2], "big")
            topic = stream[begin + 2 : begin + 2 + name].decode("utf-8", "replace")
        yield Packet(topic, flags >> 1 & 3, bool(flags & 1), stream[at:end])
        at = end


def _length(stream: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer (1.5.5), and where it ends; 0, 0 where it does not."""
    value = 0
    for count, byte in enumerate(stream[at : at + 4]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1
    return 0, 0
