"""The kernel's clock, asked whether something keeps it right."""

from __future__ import annotations

import ctypes
from typing import Final

from edge.terminal.doctor.context import Roots

# linux/timex.h
TIME_ERROR: Final = 5
STA_UNSYNC: Final = 0x40


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        # More than the rest of the structure takes on any board.
        ("rest", ctypes.c_byte * 512),
    )


def kernel_clock_synchronised() -> bool | None:
    """By adjtimex(2), which only asks when no mode is set; None where the kernel does not answer."""
    asked = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked))
    if state < 0:
        return None
    return state != TIME_ERROR and not asked.status & STA_UNSYNC


def set_by_timesyncd(roots: Roots) -> bool:
    """Whether systemd-timesyncd has set it since the board's start."""
    return (roots.run / "systemd/timesync/synchronized").exists()
