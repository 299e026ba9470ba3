"""What a process's memory holds, and in what kind of memory it lies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.proof.files import RING
from tests.proof.marks import Marks

_HEAD: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-][ps]) [0-9a-f]+ \S+ \d+ *(.*)")
# Memory of devices, and what the kernel lends: not the process's, or not to be read.
_FOREIGN: Final = ("[vvar", "[vsyscall]", "[vdso]")
_PIECE: Final = 16 << 20


class Where(StrEnum):
    """COVERED: left out of core dumps (MADV_DONTDUMP), as all buffers for pictures are that Livegate makes, or the
    ring itself.
    """

    COVERED = "covered buffers"
    HEAP = "heap"
    STACK = "stack"
    MAPPED = "large blocks of the C library"
    FILE = "data of a library"


@dataclass(frozen=True, slots=True)
class Region:
    """A mapping. flags: of VmFlags, as ``Documentation/filesystems/proc.rst`` names them."""

    start: int
    end: int
    access: str
    name: str
    flags: frozenset[str]

    @property
    def size(self) -> int:
        return self.end - self.start

    @property
    def readable(self) -> bool:
        return self.access[0] == "r" and not self.name.startswith(_FOREIGN) and not self.flags & {"io", "pf"}

    @property
    def where(self) -> Where:
        if "dd" in self.flags or f"/memfd:{RING}" in self.name:
            return Where.COVERED
        if self.name == "[heap]":
            return Where.HEAP
        if self.name.startswith("[stack"):
            return Where.STACK
        return Where.FILE if self.name and not self.name.startswith("[anon") else Where.MAPPED


def regions(smaps: Iterable[str]) -> Iterator[Region]:
    """lines: of /proc/PID/smaps."""
    head: re.Match[str] | None = None
    for line in smaps:
        if match := _HEAD.match(line):
            head = match
        elif line.startswith("VmFlags:") and head is not None:
            low, high, access, name = head.groups()
            yield Region(int(low, 16), int(high, 16), access, name.strip(), frozenset(line.split()[1:]))


@dataclass(slots=True)
class Scan:
    """size: bytes that were read. pieces: of rows, by kind of memory and by what they are of. unread: mappings that
    could not be read.
    """

    size: int = 0
    covered_size: int = 0
    pieces: Counter[tuple[Where, str]] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)

    def of(self, where: Where) -> int:
        return sum(count for (kind, _), count in self.pieces.items() if kind is where)


def scan(pid: int, marks: Marks, kinds: Collection[Where] = tuple(Where)) -> Scan:
    """All readable memory of these kinds, private and shared; of libraries only what can be written to. Raises
    PermissionError for anybody but root.
    """
    result = Scan()
    process = Path("/proc") / str(pid)
    with (process / "smaps").open(encoding="utf-8", errors="replace") as smaps:
        found = [region for region in regions(smaps) if region.readable and region.where in kinds]
    with (process / "mem").open("rb", buffering=0) as memory:
        for region in found:
            # A library's code and constants are on disk.
            if region.where is Where.FILE and "w" not in region.access:
                continue
            for start in range(region.start, region.end, _PIECE):
                try:
                    memory.seek(start)
                    # So far over the end that no piece is cut in two.
                    content = memory.read(min(_PIECE + 64, region.end - start))
                except OSError as error:
                    result.unread.append(f"{region.name or 'no name'} ({region.size} bytes): {error.strerror}")
                    break
                result.size += len(content)
                result.covered_size += len(content) * (region.where is Where.COVERED)
                for seen in marks.find(content):
                    result.pieces[region.where, seen.name] += seen.count
    return result
