"""What another process holds in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

_PIECE = 1 << 24


def times_found(pid: int, needles: Sequence[bytes]) -> list[int]:
    """How often each of ``needles``, of one length, lies in memory that the process may write to (proc_pid_mem(5))."""
    found = [0] * len(needles)
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            edges, flags, *_ = line.split()
            if flags.startswith("rw"):
                start, end = (int(edge, 16) for edge in edges.split("-"))
                found = [*map(sum, zip(found, _in(memory, start, end, needles), strict=True))]
    return found


def _in(memory: IO[bytes], start: int, end: int, needles: Sequence[bytes]) -> list[int]:
    found, kept = [0] * len(needles), b""
    while start < end:
        memory.seek(start)
        piece = memory.read(min(_PIECE, end - start))
        if not piece:
            break
        start += len(piece)
        piece = kept + piece
        found = [count + piece.count(needle) for count, needle in zip(found, needles, strict=True)]
        kept = piece[1 - len(needles[0]) :]
    return found
