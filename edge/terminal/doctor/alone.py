"""Camera and lights for the doctor alone: not while the terminal's service has them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from edge.config.settings import Settings
from edge.contracts.doctor import Check
from edge.contracts.enums import CaptureKind
from edge.terminal.assembly import capture_kind
from edge.terminal.doctor.checking import UNREAD, guarded, skipped
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.daemon import daemon_pid


def undisturbed(name: str, context: Context, look: Callable[[Context, Settings], Iterable[Check]]) -> Iterator[Check]:
    """What ``look`` finds while nobody else has camera and lights; else one check of that name says why it did not."""
    settings = context.settings
    if settings is None:
        yield skipped(name, UNREAD)
        return
    with sole_use(context, settings) as taken:
        if taken is not None:
            yield skipped(name, taken)
            return
        yield from guarded(name, partial(look, context, settings))


@contextmanager
def sole_use(context: Context, settings: Settings) -> Iterator[str | None]:
    """None, or why camera and lights may not be used now.

    A daemon that starts meanwhile is kept out, as one is by another daemon: it would find the lamp's line taken, and
    its guard knows nothing of the flashes here. A state folder that is missing is not made. What is recorded or
    simulated is nobody else's.
    """
    if capture_kind(settings.camera) is not CaptureKind.LIVE:
        yield None
        return
    try:
        handle = os.open(settings.state_directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        # Another user's, or none there: the system's list of locks tells all the same.
        yield _in_use(daemon_pid(context))
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            reason = None
        except BlockingIOError:
            reason = _in_use(daemon_pid(context) or 0)
        yield reason
    finally:
        os.close(handle)


def _in_use(pid: int | None) -> str | None:
    if pid is None:
        return None
    who = f" (process {pid})" if pid else ""
    return f"not looked at: the terminal's service runs{who} and has camera and lights; stop the service first"
