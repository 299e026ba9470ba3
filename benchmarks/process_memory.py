"""What processes hold, as Linux counts it in /proc. A daemon that keeps its memory to itself tells root alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

MIB: Final = 1024 * 1024
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_ENTRY: Final = 8
# Of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst).
_PRESENT: Final = np.uint64(1 << 63)
_FRAME: Final = np.uint64((1 << 55) - 1)


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB of one process.

    rss: all pages in it. pss: those that other processes have too by their share, the benchmark's own among them.
    uss: those that nobody else has. anonymous: without a file, hence not to be had again from disk.
    """

    rss: float
    pss: float
    uss: float
    anonymous: float


def memory(pid: int) -> Memory:
    """Raises FileNotFoundError or ProcessLookupError when there is no such process any more, PermissionError for
    anybody but root where it is not dumpable.
    """
    kib: dict[str, int] = {}
    for line in (_proc(pid) / "smaps_rollup").read_text("ascii").splitlines()[1:]:
        name, _, value = line.partition(":")
        kib[name] = int(value.split()[0])
    return Memory(
        rss=kib["Rss"] / 1024,
        pss=kib["Pss"] / 1024,
        uss=(kib["Private_Clean"] + kib["Private_Dirty"]) / 1024,
        anonymous=kib["Anonymous"] / 1024,
    )


def resident_once(pids: Iterable[int]) -> float:
    """MiB that the processes hold together, each page once, whoever else has it too. Raises as ``memory``."""
    pages = [_frames(pid) for pid in pids]
    return float(np.unique(np.concatenate(pages)).size * PAGE / MIB)


def children(pid: int) -> list[int]:
    """Processes that it started, by whichever of its threads, and that run a program of their own by now: until then
    they borrow its memory (vfork), which would count twice.
    """
    found: list[int] = []
    own = (_proc(pid) / "cmdline").read_bytes()
    for task in (_proc(pid) / "task").iterdir():
        # Threads and children may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            started = (int(child) for child in (task / "children").read_text("ascii").split())
            found += [child for child in started if (_proc(child) / "cmdline").read_bytes() not in {own, b""}]
    return found


@dataclass(frozen=True, slots=True)
class Handles:
    """What else a process holds."""

    files: int
    threads: int
    shared_memory: int


def handles(pid: int) -> Handles:
    """Open file descriptors, threads, and mappings of memory that is made to be shared. Raises as ``memory``."""
    maps = (_proc(pid) / "maps").read_text("utf-8", "replace")
    return Handles(
        files=len(list((_proc(pid) / "fd").iterdir())),
        threads=len(list((_proc(pid) / "task").iterdir())),
        shared_memory=sum("/memfd:" in line or "/dev/shm/" in line for line in maps.splitlines()),  # noqa: S108
    )


def processor_seconds(pid: int) -> float:
    """That the process has run, with threads that have ended; to a hundredth of a second."""
    fields = (_proc(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wake_ups(pid: int) -> int:
    """How often a thread waited and was woken."""
    count = 0
    for task in (_proc(pid) / "task").iterdir():
        # One that has just ended is left out.
        if not (task / "status").exists():
            continue
        for line in (task / "status").read_text("ascii", "replace").splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                count += int(line.split()[1])
    return count


def _proc(pid: int) -> Path:
    return Path("/proc") / str(pid)


def _frames(pid: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Numbers of the physical pages that are mapped and present."""
    parts = [np.empty(0, np.uint64)]
    with (_proc(pid) / "pagemap").open("rb", buffering=0) as pagemap:
        for line in (_proc(pid) / "maps").read_text("utf-8", "replace").splitlines():
            low, _, high = line.split(maxsplit=1)[0].partition("-")
            first, end = int(low, 16) // PAGE, int(high, 16) // PAGE
            if line.endswith(("[vsyscall]", "[vvar]", "[vvar_vclock]", "[vdso]")):
                continue
            pagemap.seek(first * _ENTRY)
            entries = np.frombuffer(pagemap.read((end - first) * _ENTRY), np.uint64)
            parts.append(entries[entries & _PRESENT != 0] & _FRAME)
    frames = np.concatenate(parts)
    # None at all: of a process that has just ended.
    if frames.size and not frames.any():
        raise PermissionError("the kernel tells the numbers of pages to CAP_SYS_ADMIN alone")
    return frames
