from __future__ import annotations

import mmap
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.frames.wiping import overwrite, overwrite_bytes


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.bool_, np.complex64])
def test_an_array_is_black_for_all_who_refer_to_it(kind):
    array = np.ones((4, 6, 3), kind)
    part = array[1:3, ::2]
    overwrite(part)
    assert not part.any()
    assert array[0].all()
    overwrite(array)
    assert not array.any()


@given(st.binary(max_size=50))
def test_any_memory_that_may_be_written_to_is_overwritten(content):
    kept, viewed = bytearray(content), bytearray(content)
    overwrite(kept)
    overwrite(memoryview(viewed))
    assert kept == viewed == bytes(len(content))


def test_mapped_memory_is_overwritten():
    with mmap.mmap(-1, 100) as mapped:
        mapped[:] = b"x" * 100
        overwrite(mapped)
        assert mapped[:] == bytes(100)


def test_what_may_not_be_written_to_is_refused():
    array = np.ones(3)
    array.flags.writeable = False
    for content in (memoryview(b"constant"), array):
        with pytest.raises(ValueError, match=r"read-only|not be written"):
            overwrite(content)


@given(st.binary(min_size=2, max_size=200))
def test_bytes_that_one_variable_holds_are_overwritten_to_the_end_and_no_further(content):
    around = [content + b"<", content + b">"]
    made = bytes(bytearray(content))
    assert overwrite_bytes(made)
    assert made == bytes(len(content))
    assert around == [content + b"<", content + b">"]


def test_bytes_that_somebody_else_holds_stay():
    made = os.urandom(20)
    kept, holder = bytes(bytearray(made)), [made]
    assert not overwrite_bytes(made)
    assert holder == [kept]


@pytest.mark.parametrize("length", [0, 1])
def test_bytes_that_python_shares_stay(length):
    made = bytes(bytearray(b"x" * length))
    assert not overwrite_bytes(made)
    assert made == b"x" * length


def test_another_python_is_left_alone(monkeypatch):
    monkeypatch.setattr("edge.frames.wiping.sys.implementation", type("Other", (), {"name": "pypy"}))
    made = os.urandom(8)
    assert not overwrite_bytes(made)
