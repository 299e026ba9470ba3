"""How a command that drives lights ends when others end it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a lost connection, raise KeyboardInterrupt, so that lights are put back as after Ctrl-C.

    For the main thread. What nohup has the process ignore stays ignored.
    """
    before = {
        number: signal.signal(number, _interrupt)
        for number in _NUMBERS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
