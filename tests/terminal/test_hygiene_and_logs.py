"""What keeps frames out of dumps and logs, also where the system does not help."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import io
import logging
import mmap
import os
import re
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import structlog

from edge.errors import HardwareError
from edge.terminal import hygiene, inference, logs
from edge.terminal.hygiene import give_back_free_memory, give_back_pages_of_files, keep_memory_private
from edge.terminal.inference import InferenceThread


def test_a_system_that_refuses_to_close_the_memory_is_told_and_ends_nothing(monkeypatch, caplog):
    class Refusing:
        def prctl(self, *_):
            ctypes.set_errno(1)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Refusing())
    keep_memory_private()
    assert "other processes" in caplog.text


def resident():
    """Bytes of this process (proc_pid_statm(5))."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_what_is_free_between_what_is_in_use_goes_back_to_the_system():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = (ctypes.c_void_p,)
    # Too small to be mapped each on its own; the last keeps the others from being the end of the heap.
    blocks = [libc.malloc(64 * 1024) for _ in range(256)]
    for block in blocks:
        ctypes.memset(block, 1, 64 * 1024)
    *freed, last = blocks
    for block in freed:
        libc.free(block)
    before = resident()
    give_back_free_memory()
    assert before - resident() > 8 * 1024 * 1024
    libc.free(last)


HEAPS = """
import ctypes, threading
from edge.terminal.hygiene import keep_heap_small

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
libc.malloc.restype = ctypes.c_void_p
{first}
worker = threading.Thread(target=libc.malloc, args=(4096,))
worker.start()
worker.join()
told = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, told)
libc.fclose(told)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library is not glibc")
@pytest.mark.parametrize(("first", "heaps"), [("", 2), ("keep_heap_small()", 1)])
def test_threads_share_one_heap(first, heaps):
    program = HEAPS.format(first=first)
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.count("<heap nr=") == heaps


LARGE = """
import ctypes
from edge.terminal.hygiene import keep_heap_small
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = (ctypes.c_void_p,)
{first}
libc.free(libc.malloc(4 << 20))
kept = libc.malloc(1 << 20)
heap = next(line for line in open("/proc/self/maps") if "[heap]" in line).split()[0]
low, high = (int(end, 16) for end in heap.split("-"))
print(low <= kept < high)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
@pytest.mark.parametrize(("first", "in_heap"), [("", "True"), ("keep_heap_small()", "False")])
def test_a_frame_lies_outside_the_heap_also_after_a_larger_one_was_freed(first, in_heap):
    program = LARGE.format(first=first)
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == in_heap


LIBRARIES = """
import re
from pathlib import Path
import cv2, numpy
from edge.terminal.hygiene import give_back_pages_of_files

def resident_of_files():
    return int(re.search(r"RssFile:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = resident_of_files()
give_back_pages_of_files()
print(before, resident_of_files(), cv2.blur(numpy.full((64, 64), 7, numpy.uint8), (5, 5)).sum() == 7 * 64 * 64)
"""


def test_libraries_are_given_back_and_work_on():
    said = subprocess.run([sys.executable, "-c", LIBRARIES], capture_output=True, text=True, check=True).stdout
    before, after, right = said.split()
    assert int(after) < int(before) / 2
    assert right == "True"


def test_what_was_changed_of_a_library_stays_also_where_it_is_not_to_be_written_to_any_more(tmp_path):
    """As a loader leaves those parts that it adapts."""
    file = tmp_path / "library"
    file.write_bytes(b"." * 3 * mmap.PAGESIZE)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with file.open("rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    mapped[0] = ord("!")
    address = np.frombuffer(mapped, np.uint8).ctypes.data
    assert libc.mprotect(address, 2 * mmap.PAGESIZE, mmap.PROT_READ) == 0
    give_back_pages_of_files()
    assert mapped[:2] == b"!."


CODE, DATA = (0x1000, 0x2000), (0x3000, 0x1000)
OWN = "fe:00 12 /usr/lib/a name.so"


@pytest.mark.parametrize(
    ("mappings", "given_back"),
    [
        ([("1000-3000 r-xp", OWN, 0), ("3000-4000 r--p", OWN, 0), ("4000-5000 rw-p", OWN, 4)], [CODE, DATA]),
        ([("1000-3000 r-xp", OWN, 0), ("3000-4000 r--p", OWN, 4), ("4000-5000 rw-p", OWN, 4)], [CODE]),
        # One that is being loaded, before another.
        ([("1000-3000 r-xp", OWN, 0), ("4000-5000 rw-p", "fe:00 13 /usr/lib/another.so", 4)], []),
        (
            [
                ("1000-3000 r--s", "00:01 12 /memfd:frames (deleted)", 0),
                ("4000-5000 rw-s", "00:01 12 /memfd:frames (deleted)", 0),
            ],
            [],
        ),
        ([("1000-3000 r--p", "00:00 0 ", 0), ("3000-4000 rw-p", "00:00 0 ", 4)], []),
        ([("1000-3000 r-xp", "00:00 0 [vdso]", 0)], []),
    ],
)
def test_only_what_can_be_read_again_is_given_back(monkeypatch, tmp_path, mappings, given_back):
    given = []

    class Advice:
        def __call__(self, start, size, advice):
            given.append((start, size))
            assert advice == hygiene.MADV_DONTNEED

    class Library:
        def __init__(self, *_):
            self.madvise = Advice()

    monkeypatch.setattr(ctypes, "CDLL", Library)
    monkeypatch.setattr(hygiene, "SMAPS", tmp_path / "smaps")
    entries = [
        f"{where} 00000000 {what}\nSize: 8 kB\nRss: 8 kB\nAnonymous: {anonymous} kB\nVmFlags: rd ex \n"
        for where, what, anonymous in mappings
    ]
    hygiene.SMAPS.write_text("".join(entries), "utf-8")
    give_back_pages_of_files()
    assert given == given_back


def test_a_system_that_does_not_tell_what_is_resident_keeps_it(monkeypatch, tmp_path):
    monkeypatch.setattr(hygiene, "SMAPS", tmp_path / "nothing")
    give_back_pages_of_files()


@pytest.mark.parametrize("error", [None, HardwareError("gone", remedy="look")])
def test_it_is_given_back_after_each_session_however_that_ended(monkeypatch, error):
    told = []

    class Workbench:
        def run(self, *_, **__):
            told.append("session")
            if error is not None:
                raise error

        @property
        def runner(self):
            return self

        def close(self):
            told.append("closed")

    async def one_session():
        thread = InferenceThread()
        await thread.open(Workbench)
        with contextlib.suppress(HardwareError):
            await thread.run("1", None, None, cancelled=None, on_progress=None, on_attempt=None)
        thread.close()

    monkeypatch.setattr(inference, "give_back_free_memory", lambda: told.append("given back"))
    asyncio.run(one_session())
    assert told == ["session", "given back", "closed"]


def test_nothing_of_a_session_outlives_it_by_referring_to_itself():
    class Attempt:
        def __init__(self):
            self.itself = self

    class Workbench:
        def run(self, *_, **__):
            self.seen = weakref.ref(Attempt())

        @property
        def runner(self):
            return self

        def close(self): ...

    async def one_session():
        thread = InferenceThread()
        workbench = await thread.open(Workbench)
        await thread.run("1", None, None, cancelled=None, on_progress=None, on_attempt=None)
        left = workbench.seen()
        thread.close()
        return left

    # It may come by itself at any moment.
    gc.disable()
    try:
        assert asyncio.run(one_session()) is None
    finally:
        gc.enable()


def test_another_c_library_keeps_what_it_has(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    hygiene._malloc_trim.cache_clear()
    try:
        hygiene.keep_heap_small()
        give_back_free_memory()
    finally:
        hygiene._malloc_trim.cache_clear()


@pytest.mark.parametrize("as_json", [True, False])
def test_an_array_is_logged_by_its_type(monkeypatch, as_json):
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.configure("info", as_json=as_json)
        structlog.get_logger("a").info("seen", pixels=np.full((2, 2), 77), number=5)
    finally:
        root.handlers[:], root.level = before
        structlog.reset_defaults()
    assert "ndarray" in written.getvalue()
    # The time of the entry may hold the digits of one pixel, and not those of two with what an array puts between.
    assert not re.search(r"77[\s,]+77", written.getvalue())
    assert "5" in written.getvalue()
