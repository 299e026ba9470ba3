"""From settings to the broker, without what only sessions need."""

from __future__ import annotations

from typing import Final

from edge.config.settings import Link, Transport
from edge.config.verification import Verification
from edge.contracts.base import MAX_PACKET_BYTES
from edge.contracts.session import sealed_characters
from edge.link.options import LinkOptions, TlsOptions
from edge.link.waiting import DAY, Limits

NO_VERIFICATION: Final = Verification()
# The rest of the command, its topic and its properties.
ROOM_BESIDE_IMAGE: Final = 32 * 1024


def link_options(link: Link, verification: Verification = NO_VERIFICATION) -> LinkOptions:
    """The broker, as the link wants it. verification: decides how much a command may bring."""
    tls = None
    if link.tls is not None:
        tls = TlsOptions(link.tls.ca, link.tls.certificate, link.tls.key.path if link.tls.key else None)
    return LinkOptions(
        host=link.host,
        port=link.broker_port,
        tls=tls,
        username=link.username,
        password_file=link.password_file.path if link.password_file else None,
        keepalive=link.keepalive_seconds,
        websocket_path=link.websocket_path if link.transport is Transport.WEBSOCKETS else None,
        max_packet_bytes=max_packet_bytes(verification),
        trusts_every_qos=verification.any_qos,
    )


def max_packet_bytes(verification: Verification) -> int:
    """Of a packet that the broker may send: with the largest reference image that the site takes, sealed, in base64."""
    if not verification.allowed:
        return MAX_PACKET_BYTES
    return max(MAX_PACKET_BYTES, sealed_characters(verification.max_image_bytes) + ROOM_BESIDE_IMAGE)


def outbox_limits(link: Link) -> Limits:
    """What may wait for the broker, as the outbox wants it."""
    return Limits(rows=link.outbox.rows, bytes=link.outbox.mebibytes * 2**20, age=link.outbox.days * DAY)
