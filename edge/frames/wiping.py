"""Overwrites what is in memory: pictures and templates that somebody else made."""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# CPython keeps bytes of up to one byte once for all.
_SHARED: Final = 1
# Of the caller's variable, of this function's, and of the call to ``getrefcount``.
_OWN: Final = 3
# Where a bytes object has its content: behind everything but the zero at its end (bytesobject.h).
_CONTENT: Final = sys.getsizeof(b"") - 1


def overwrite(content: bytearray | memoryview | mmap.mmap | NDArray[Any]) -> None:
    """Blackens it in place, whoever refers to it. Raises ValueError where it may not be written to."""
    if isinstance(content, np.ndarray):
        content.fill(0)
    elif len(content):
        np.frombuffer(content, np.uint8).fill(0)


def overwrite_bytes(content: bytes) -> bool:
    """Blackens a ``bytes`` object behind Python's back: for what a library hands over as such and nobody else holds.

    False, and nothing is done, where somebody else does: more than one reference to it is seen, besides those of the
    call. That is no proof: a constant of a program, an interned or cached one, or a view of it in C may be shared with
    somebody who counts on it, and would change under them; a hash that was taken of it before stays what it was. So it
    is for bytes that were made a moment ago, and held in one variable, and for nothing else. What the library copied on
    the way to them is not reached. Needs CPython; elsewhere nothing is done.
    """
    if sys.implementation.name != "cpython" or len(content) <= _SHARED or sys.getrefcount(content) > _OWN:
        return False
    ctypes.memset(id(content) + _CONTENT, 0, len(content))
    return True
