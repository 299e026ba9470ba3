"""Memory for pictures: outside core dumps, swap and other processes, used again, and overwritten after a session."""

from __future__ import annotations

import ctypes
import logging
import math
import mmap
import os
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.frames.wiping import overwrite

log = logging.getLogger(__name__)

_Kind = TypeVar("_Kind", bound=np.generic)

_BLOCK: Final = 1 << 16
_ALIGNED: Final = 64
MLOCK_ONFAULT: Final = 1  # linux/mman.h
MADV_WIPEONFORK: Final = 18  # asm-generic/mman-common.h; Python has no name for it


def covered_memory(size: int) -> mmap.mmap:
    """Memory of this process alone, of whole pages that hold ``size`` bytes: see ``cover``. A process that it forks
    finds it black.
    """
    buffer = mmap.mmap(-1, -(-max(size, 1) // mmap.PAGESIZE) * mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    buffer.madvise(MADV_WIPEONFORK)
    cover(buffer)
    return buffer


def cover(buffer: mmap.mmap) -> None:
    """Leaves it out of core dumps and, as far as the system lets this process lock memory, out of swap.

    Pages are locked once something is written to them: what is never used takes no memory (mlock2(2)). What the system
    refuses is logged once in each process.
    """
    buffer.madvise(mmap.MADV_DONTDUMP)
    lock = _mlock2()
    begin = np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]
    if lock is None or lock(begin, len(buffer), MLOCK_ONFAULT) == 0:
        return
    _tell_unlocked(os.strerror(ctypes.get_errno()))


@cache
def _mlock2() -> Callable[[int, int, int], int] | None:
    """None where the C library has none; then swap is for the system's settings to keep away."""
    lock = getattr(ctypes.CDLL(None, use_errno=True), "mlock2", None)
    if lock is None:
        _tell_unlocked("the C library has no mlock2")
        return None
    lock.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    locked: Callable[[int, int, int], int] = lock
    return locked


@cache
def _tell_unlocked(reason: str) -> None:
    log.warning("pictures may reach the swap, if there is one: memory cannot be locked: %s", reason)


class CoveredBuffers:
    """Covered buffers, each used again once nobody refers to the array that was last handed out over it.

    There are as many as arrays were held at once. Slices and reshapes refer to that array, so they keep it too.
    """

    def __init__(self) -> None:
        self._lent: list[tuple[mmap.mmap, weakref.ref[NDArray[Any]]]] = []

    def take(self, shape: tuple[int, ...], kind: type[_Kind]) -> NDArray[_Kind]:
        """An array of whatever its memory held last, until nobody refers to it."""
        size = math.prod(shape) * np.dtype(kind).itemsize
        for index, (buffer, user) in enumerate(self._lent):
            if user() is None and len(buffer) >= size:
                del self._lent[index]
                break
        else:
            buffer = covered_memory(size)
        copy = np.ndarray(shape, kind, buffer=buffer)
        self._lent.append((buffer, weakref.ref(copy)))
        return copy

    def wipe(self) -> None:
        """Overwrites them all, also those that are lent."""
        for buffer, _ in self._lent:
            overwrite(buffer)


class Shelf:
    """Covered memory for many small arrays that are all kept until they are wiped together."""

    def __init__(self) -> None:
        self._blocks: list[mmap.mmap] = []
        self._used = 0

    def take(self, shape: tuple[int, ...], kind: type[_Kind]) -> NDArray[_Kind]:
        """A black array, that nothing else is put into."""
        size = -(-math.prod(shape) * np.dtype(kind).itemsize // _ALIGNED) * _ALIGNED
        if not self._blocks or self._used + size > len(self._blocks[-1]):
            self._blocks.append(covered_memory(max(size, _BLOCK)))
            self._used = 0
        array = np.ndarray(shape, kind, buffer=self._blocks[-1], offset=self._used)
        self._used += size
        return array

    def wipe(self) -> None:
        """Overwrites all of it, also what somebody still refers to, and lets the memory go."""
        for block in self._blocks:
            overwrite(block)
        self._blocks = []


class Scratch:
    """Covered buffers by name, for what is made anew from each frame. Belongs to one thread."""

    def __init__(self) -> None:
        self._buffers: dict[str, mmap.mmap] = {}

    def take(self, name: str, shape: tuple[int, ...], kind: type[_Kind]) -> NDArray[_Kind]:
        """An array over the memory of this name, with what that held last. Whatever was taken under the name before is
        overwritten through it.
        """
        size = math.prod(shape) * np.dtype(kind).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < size:
            if buffer is not None:
                overwrite(buffer)
            buffer = self._buffers[name] = covered_memory(size)
        return np.ndarray(shape, kind, buffer=buffer)

    def wipe(self) -> None:
        """Overwrites all of it, also what somebody still refers to."""
        for buffer in self._buffers.values():
            overwrite(buffer)
