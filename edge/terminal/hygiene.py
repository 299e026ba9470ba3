"""Keeps frames out of core dumps and away from other processes of the same user, and memory small."""

from __future__ import annotations

import ctypes
import logging
import os
import resource
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

PR_SET_DUMPABLE = 4  # linux/prctl.h
MADV_DONTNEED = 4  # asm-generic/mman-common.h
SMAPS = Path("/proc/self/smaps")
# malloc.h of glibc.
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
# Frames, and what is reckoned of them, are larger.
MAPPED_BYTES = 256 * 1024


def keep_memory_private() -> None:
    """No core file, not dumpable, not traceable by the user's other processes. What the system refuses is logged."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        reason = os.strerror(ctypes.get_errno())
        log.error("other processes of this user may read this one's memory: prctl was refused: %s", reason)


def keep_heap_small(*, large_outside: bool = True) -> None:
    """One heap for all threads, if called before they start, and no large buffers in it. Does nothing where the C
    library is not glibc.

    Otherwise each thread has a heap of its own, of whose end nothing is given back, and buffers of up to 32 MiB come
    to lie in it: glibc maps a large one by itself, but takes the size of each that is freed for the new limit
    (mallopt(3)).

    large_outside: False leaves large buffers in the heap. Each that lies outside has its pages made anew, which costs
    vision a twentieth of its time and a simulator that draws in the same process two fifths.
    """
    options = getattr(ctypes.CDLL(None), "mallopt", None)
    if options is not None:
        options(M_ARENA_MAX, 1)
        if large_outside:
            options(M_MMAP_THRESHOLD, MAPPED_BYTES)


def give_back_free_memory() -> None:
    """To the system: the pages that the C library holds between those in use. Does nothing where it is not glibc.

    glibc gives back by itself only what lies at the end of its heap, so what a session freed stays with the process,
    and each that happens to lay out its buffers otherwise adds to it (malloc_trim(3)).
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


def give_back_pages_of_files() -> None:
    """To the system: what is resident of libraries, as far as nothing of it was changed. What is used again comes back
    from the system's copy of the file, and from the disk only where the system needed that memory otherwise. Does
    nothing where the system does not tell what is resident.

    A start goes through much of a library that no session needs, and the kernel maps what lies around each page that is
    touched, up to 64 KiB (``should_fault_around`` in Linux' mm/memory.c).
    """
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    try:
        smaps = SMAPS.read_text("utf-8", "replace")
    except OSError as error:
        log.info("pages of files stay: %s", error)
        return
    for start, end in _unchanged(smaps):
        libc.madvise(start, end - start, MADV_DONTNEED)


def _unchanged(smaps: str) -> Iterator[tuple[int, int]]:
    """Addresses of mappings of loaded libraries that are not to be written to, and of which no page was.

    MADV_DONTNEED would undo what was written: where a library was adapted to its address, its data would point nowhere.
    Another thread may be loading one meanwhile. Until its last part is mapped, the writable one, the parts before may
    still lie where others come to lie. Nothing here unloads a library.
    """
    library, writable = "", False
    mapping = (0, 0)
    waiting: list[tuple[int, int]] = []
    for line in smaps.splitlines():
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            low, _, high = name.partition("-")
            mapping = int(low, 16), int(high, 16)
            # Permissions, offset, device, inode, path (proc_pid_maps(5)).
            permissions, *_, path = (*rest.split(maxsplit=4), "")[:5]
            if path != library:
                library, waiting = path, []
            writable = "w" in permissions
            if writable and "p" in permissions and path.startswith("/"):
                yield from waiting
                waiting = []
        elif name == "Anonymous:" and not writable and rest.split() == ["0", "kB"]:
            waiting.append(mapping)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    # Once: each CDLL brings classes of its own.
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim
