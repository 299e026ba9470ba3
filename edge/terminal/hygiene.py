"""Keeps frames out of core dumps and away from other processes of the same user, and memory small."""

from __future__ import annotations

import ctypes
import logging
import os
import resource
from collections.abc import Callable
from functools import cache

log = logging.getLogger(__name__)

PR_SET_DUMPABLE = 4  # linux/prctl.h
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


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    # Once: each CDLL brings classes of its own.
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim
