"""A second witness beside strace: which files of a file system a process closed after writing, as the kernel tells it.

fanotify(7) by ctypes. It sees opens and writes of all processes, not what is written through a mapping; each file is
told when it is closed, also by a process that was killed.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from pathlib import Path
from typing import Final, Self

# linux/fanotify.h
_CLASS_NOTIF: Final = 0x0
_CLOEXEC: Final = 0x1
_UNLIMITED_QUEUE: Final = 0x10
_MARK_ADD: Final = 0x1
_MARK_FILESYSTEM: Final = 0x100
_MODIFY: Final = 0x2
_CLOSE_WRITE: Final = 0x8
_OVERFLOW: Final = 0x4000
_EVENT: Final = struct.Struct("=IBBHQii")
_AT_FDCWD: Final = -100


class NoFanotifyError(Exception):
    """The kernel does not offer it, or not to this user."""


class Witness:
    """A context manager. folder: whose file system is watched. Raises NoFanotifyError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Paths by process.
        self.written: dict[int, set[str]] = {}
        self.lost = False

    def __enter__(self) -> Self:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "fanotify_init"):
            raise NoFanotifyError("the C library has no fanotify")
        self._group = libc.fanotify_init(
            _CLASS_NOTIF | _CLOEXEC | _UNLIMITED_QUEUE, os.O_RDONLY | os.O_LARGEFILE | os.O_CLOEXEC
        )
        if self._group < 0:
            raise NoFanotifyError(f"fanotify_init: {os.strerror(ctypes.get_errno())}")
        mask = ctypes.c_uint64(_MODIFY | _CLOSE_WRITE)
        if (
            libc.fanotify_mark(self._group, _MARK_ADD | _MARK_FILESYSTEM, mask, _AT_FDCWD, os.fsencode(self._folder))
            < 0
        ):
            reason = os.strerror(ctypes.get_errno())
            os.close(self._group)
            raise NoFanotifyError(f"fanotify_mark of a whole file system: {reason}")
        self._end, self._ended = os.pipe2(os.O_CLOEXEC)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ended)
        self._reader.join()
        for descriptor in (self._group, self._end):
            os.close(descriptor)

    def _read(self) -> None:
        import select  # noqa: PLC0415

        poll = select.poll()
        poll.register(self._group, select.POLLIN)
        poll.register(self._end, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._group in ready:
                self._take(os.read(self._group, 64 * 1024))
            elif self._end in ready:
                return

    def _take(self, events: bytes) -> None:
        at = 0
        while at < len(events):
            size, _, _, _, mask, descriptor, pid = _EVENT.unpack_from(events, at)
            at += size
            if mask & _OVERFLOW:
                self.lost = True
            if descriptor >= 0:
                path = os.readlink(f"/proc/self/fd/{descriptor}")
                os.close(descriptor)
                self.written.setdefault(pid, set()).add(path)
