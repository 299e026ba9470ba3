"""What pictures lie in: no core dump, no swap, no forked process has them, and wiping leaves nothing."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from edge.frames import covered
from edge.frames.covered import CoveredBuffers, Scratch, Shelf, covered_memory


def mapping(array):
    """Its lines of proc_pid_smaps(5): name → value."""
    address = array.__array_interface__["data"][0]
    found = {}
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.isalnum() or "_" in name.split(" ")[0]:
            if inside:
                found[name] = value.split()
        elif "-" in line.split(" ")[0]:
            start, end = (int(edge, 16) for edge in line.split(" ")[0].split("-"))
            inside = start <= address < end
    return found


@pytest.fixture(params=[Scratch, CoveredBuffers, Shelf])
def take(request):
    memory = request.param()
    named = () if request.param is not Scratch else ("picture",)
    made = lambda shape, kind=np.uint8: memory.take(*named, shape, kind)  # noqa: E731
    made.wipe = memory.wipe
    return made


def test_it_is_left_out_of_core_dumps_and_of_swap(take):
    flags = mapping(take((40, 50)))["VmFlags"]
    # Not dumped, locked, black in a process that is forked.
    assert {"dd", "lo", "wf"} <= set(flags)


def test_what_nothing_was_written_to_takes_no_memory(take):
    array = take((1000, mmap.PAGESIZE))
    begun = int(mapping(array)["Rss"][0])
    array[500] = 1
    assert int(mapping(array)["Rss"][0]) - begun == mmap.PAGESIZE // 1024


def test_a_forked_process_finds_it_black(take):
    array = take((8, 8))
    array.fill(77)
    child = os.fork()
    if child == 0:
        os._exit(int(array.any()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (array == 77).all()


def test_wiping_blackens_what_somebody_still_refers_to(take):
    array = take((8, 8, 3))
    array.fill(77)
    part = array[2:5].reshape(-1)
    take.wipe()
    assert not part.any()


def test_scratch_of_one_name_is_the_same_memory_again_and_of_another_is_not():
    scratch = Scratch()
    first = scratch.take("crop", (4, 4), np.uint8)
    assert np.shares_memory(first, scratch.take("crop", (2, 2), np.float32))
    assert not np.shares_memory(first, scratch.take("other", (4, 4), np.uint8))


def test_scratch_that_must_grow_leaves_no_picture_behind():
    scratch = Scratch()
    small = scratch.take("crop", (4, 4), np.uint8)
    small.fill(77)
    large = scratch.take("crop", (2, mmap.PAGESIZE), np.uint8)
    assert not np.shares_memory(small, large)
    assert not small.any()


def test_what_is_on_a_shelf_stays_apart_until_all_of_it_is_wiped():
    shelf = Shelf()
    kept = [shelf.take((32, 32), np.float32) for _ in range(50)]
    assert not any(array.any() for array in kept)
    for number, array in enumerate(kept, 1):
        array.fill(number)
    assert [int(array.min()) for array in kept] == [int(array.max()) for array in kept] == [*range(1, 51)]
    assert shelf.take((300, 300), np.uint8).shape == (300, 300)
    shelf.wipe()
    assert not any(array.any() for array in kept)


@pytest.mark.parametrize("size", [0, 1, mmap.PAGESIZE, mmap.PAGESIZE + 1])
def test_it_is_whole_pages(size):
    assert len(covered_memory(size)) == max(1, -(-size // mmap.PAGESIZE)) * mmap.PAGESIZE


@pytest.mark.parametrize("lock", [None, lambda *_: -1])
def test_a_system_that_locks_no_memory_is_told_once_and_ends_nothing(monkeypatch, caplog, lock):
    covered._tell_unlocked.cache_clear()
    covered._mlock2.cache_clear()

    class Library:
        def __init__(self, *_, **__):
            if lock is not None:
                # The attribute takes argument types, as one of ctypes does.
                self.mlock2 = type("Function", (), {"__call__": staticmethod(lock)})()

    monkeypatch.setattr(covered.ctypes, "CDLL", Library)
    monkeypatch.setattr(covered.ctypes, "get_errno", lambda: 12)
    try:
        for _ in range(2):
            covered_memory(1)[0] = 1
    finally:
        covered._mlock2.cache_clear()
        covered._tell_unlocked.cache_clear()
    assert len(caplog.records) == 1
    assert "swap" in caplog.text
