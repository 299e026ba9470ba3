"""The daemon in place of itself: same process id, same command line, everything read and opened anew."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

from edge.terminal.notify import notify


def start_again() -> NoReturn:
    """Call it when all is closed. Works under systemd and in a shell alike; signals are back to their defaults.

    Raises OSError where the interpreter is not there any more.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # The next process has a whole watchdog period to come up.
    notify("WATCHDOG=1")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell, and nothing but itself


def bury_what_was_left() -> None:
    """Children of the process before `start_again`, which end with it. Call it before any child is begun."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
