"""systemd's notification protocol (sd_notify(3)): a datagram of lines to the socket that the unit names."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)

# The event loop waits for this where systemd does not read.
SEND_SECONDS = 1.0


def notify(*lines: str) -> None:
    """Sends ``READY=1``, ``WATCHDOG=1``, ``STATUS=…``; does nothing outside a unit of Type=notify.

    Never raises: a manager that cannot be told is logged.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(SEND_SECONDS)
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall("\n".join(lines).encode())
    except OSError as error:
        log.warning("systemd could not be told %s: %s", lines[0], error)


def watchdog_period() -> float | None:
    """Seconds between two signs of life: half of what the unit allows; None where it asks for none."""
    pid, microseconds = os.environ.get("WATCHDOG_PID"), os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or (pid is not None and pid != str(os.getpid())):
        return None
    return int(microseconds) / 2e6 or None
