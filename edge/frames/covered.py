"""Memory for pictures: outside core dumps, used again, and overwritten when a session is over."""

from __future__ import annotations

import math
import mmap
import weakref
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Kind = TypeVar("_Kind", bound=np.generic)


class CoveredBuffers:
    """Buffers outside core dumps, used again once nobody refers to the array that was last handed out over them.

    There are as many as frames were held at once. Slices and reshapes refer to that array, so they keep it too.
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
            buffer = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            buffer.madvise(mmap.MADV_DONTDUMP)
        copy = np.ndarray(shape, kind, buffer=buffer)
        self._lent.append((buffer, weakref.ref(copy)))
        return copy

    def wipe(self) -> None:
        """Overwrites them all, also those that are lent."""
        for buffer, _ in self._lent:
            np.frombuffer(buffer, np.uint8).fill(0)
