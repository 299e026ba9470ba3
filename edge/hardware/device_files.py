"""Who may use a device file, and who does."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from edge.errors import HardwareError


def refused(patterns: Iterable[str]) -> list[str]:
    """Files that match the absolute ``patterns``, are there, and may not be read and written by this process."""
    return [path for path in _matching(patterns) if not os.access(path, os.R_OK | os.W_OK)]


def holders(patterns: Iterable[str], proc: Path = Path("/proc")) -> list[str]:
    """Other processes that have a matching file open, each as "name (process number)".

    Only root is told of those of other users; then the list is shorter than the truth.
    """
    wanted = set(_matching(patterns))
    found = []
    for folder in sorted(proc.glob("[0-9]*"), key=lambda each: int(each.name)):
        if int(folder.name) != os.getpid() and wanted.intersection(_open_files(folder)):
            with suppress(OSError):
                found.append(f"{(folder / 'comm').read_text().strip()} ({folder.name})")
    return found


def denied(name: str, said: str, listing: str) -> HardwareError:
    """Of a camera that this user may not use; raise it from a PermissionError. listing: command that shows who may."""
    return HardwareError(
        f"{name} may not be used by this user: {said}",
        remedy=f"add the user to the group video and log in anew; `{listing}` shows who may",
    )


def busy(name: str, said: str, patterns: Iterable[str]) -> HardwareError:
    """Of a camera that another program uses, which is named where it can be."""
    patterns = tuple(patterns)
    who = ", ".join(holders(patterns))
    return HardwareError(
        f"{name} is in use{f' by {who}' if who else ''}: {said}",
        remedy="end the other program" if who else f"end the other program: `sudo fuser -v {patterns[0]}` names it",
    )


def _matching(patterns: Iterable[str]) -> list[str]:
    return sorted(path for pattern in patterns for path in glob.glob(pattern))  # noqa: PTH207 - no absolute patterns


def _open_files(process: Path) -> Iterator[str]:
    # A process may end, or be another user's.
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(link.readlink())
