"""From settings to the broker, without what only sessions need."""

from __future__ import annotations

from edge.config.settings import Link, Transport
from edge.link.options import LinkOptions, TlsOptions
from edge.link.waiting import DAY, Limits


def link_options(link: Link) -> LinkOptions:
    """The broker, as the link wants it."""
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
    )


def outbox_limits(link: Link) -> Limits:
    """What may wait for the broker, as the outbox wants it."""
    return Limits(rows=link.outbox.rows, bytes=link.outbox.mebibytes * 2**20, age=link.outbox.days * DAY)
