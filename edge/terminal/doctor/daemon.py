"""Whether a daemon runs on the configured state folder. Asked without touching its lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edge.terminal.doctor.context import Context, Roots


def daemon_pid(context: Context) -> int | None:
    """Process number of the daemon that holds the state folder; None where none does, or where that cannot be seen.

    By the kernel's list of locks: to try the lock would keep a daemon out that starts at that moment.
    """
    settings = context.settings
    if settings is None:
        return None
    try:
        folder = settings.state_directory.stat()
        locks = (context.roots.proc / "locks").read_text()
    except OSError:
        return None
    for process, device, inode in _whole_file_locks(locks):
        if inode != folder.st_ino:
            continue
        # File systems with volumes show another device number here than there.
        if device == (os.major(folder.st_dev), os.minor(folder.st_dev)) or _is_ours(context.roots.proc, process):
            return process
    return None


def family(roots: Roots, pid: int) -> list[int]:
    """The process and its children, such as the one that captures."""
    found = [pid]
    for status in sorted(roots.proc.glob("[0-9]*/stat")):
        try:
            # The command's name is in brackets, and may hold any sign.
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid:
            found.append(int(status.parent.name))
    return found


def _whole_file_locks(text: str) -> Iterator[tuple[int, tuple[int, int], int]]:
    """Process, device and inode of those made by flock(2), as proc_locks(5) describes the lines."""
    for line in text.splitlines():
        fields = line.split()
        if "FLOCK" not in fields or "->" in fields or len(fields) < 6:
            continue
        try:
            major, minor, inode = fields[5].split(":")
            yield int(fields[4]), (int(major, 16), int(minor, 16)), int(inode)
        except ValueError:
            continue


def _is_ours(proc: Path, process: int) -> bool:
    try:
        return b"livegate" in (proc / str(process) / "cmdline").read_bytes()
    except OSError:
        return False
