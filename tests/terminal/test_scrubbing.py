"""Whatever is logged, and however: no picture, no landmarks and no template come out."""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import logging
import pkgutil
import re
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import edge
from edge.contracts.enums import CaptureKind
from edge.frames.frame import ColourOrder, Frame
from edge.terminal import logs
from edge.terminal.scrubbing import MOST_NUMBERS, scrubbed, scrubbed_text

NUMBER = re.compile(r"(?<![\w.:-])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.:])")
# What nobody's log entry has by chance.
PIXEL = 77


@contextmanager
def logged(*, as_json):
    """The text that is logged meanwhile."""
    written = io.StringIO()
    root = logging.getLogger()
    before, stderr = (root.handlers[:], root.level), sys.stderr
    sys.stderr = written
    try:
        logs.configure("info", as_json=as_json)
        yield written
    finally:
        sys.stderr = stderr
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        structlog.reset_defaults()


pixels = arrays.arrays(
    st.sampled_from([np.uint8, np.int16, np.float32, np.float64, np.bool_]),
    arrays.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=20).filter(lambda shape: np.prod(shape) > 30),
)
secrets = st.one_of(
    pixels,
    pixels.map(np.ndarray.tolist),
    pixels.map(lambda array: tuple(array.ravel().tolist())),
    pixels.map(lambda array: memoryview(np.ascontiguousarray(array))),
    pixels.map(np.ndarray.tobytes),
    st.binary(min_size=50, max_size=400).map(bytearray),
)
nested = st.recursive(
    secrets,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.tuples(inner, st.integers()),
        st.dictionaries(st.text("abc", min_size=1), inner, min_size=1, max_size=3),
    ),
    max_leaves=3,
)


class OddError(Exception):
    """One that carries whatever it is given, as those of libraries do."""


def fail(secret):
    raise OddError(secret)


def fail_over(secret):
    try:
        fail(secret)
    except OddError as cause:
        raise ValueError(f"cannot use {secret!r}") from cause


def entries(secret, as_json):
    """Each way to log it, and what came out of it."""
    ours, foreign = structlog.get_logger("a"), logging.getLogger("b")
    ways = {
        "field": lambda: ours.info("seen", what=secret, more={"of": [secret]}),
        "text": lambda: ours.info(f"seen {secret}"),
        "argument": lambda: foreign.warning("seen %s and %r", secret, secret),
        "message": lambda: foreign.warning(secret),
        "extra": lambda: foreign.warning("seen", extra={"what": secret}),
        "bound": lambda: ours.bind(what=secret).info("seen"),
        "exception": lambda: ours.exception("seen"),
        "foreign exception": lambda: foreign.exception("seen"),
    }
    for way, log in ways.items():
        with logged(as_json=as_json) as written:
            try:
                fail_over(secret)
            except ValueError:
                log()
        yield way, written.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
@settings(deadline=None, max_examples=60)
@given(secret=nested)
def test_few_numbers_come_out_whatever_is_logged(as_json, secret):
    for way, text in entries(secret, as_json):
        without_lines = re.sub(r"line \d+", "", text)
        assert "seen" in text or way == "message", text
        assert len(NUMBER.findall(without_lines)) <= 3 * MOST_NUMBERS, (way, text)
        assert text.count("\\x") <= MOST_NUMBERS, (way, text)
        if as_json:
            json.loads(text)


@pytest.mark.parametrize("as_json", [True, False])
def test_no_pixel_of_a_frame_comes_out(as_json):
    frame = Frame(np.full((48, 64, 3), PIXEL, np.uint8), ColourOrder.RGB, 1, 0.5, CaptureKind.LIVE)
    for secret in (frame, frame.pixels, [frame], {"frame": frame.pixels[0]}):
        for way, text in entries(secret, as_json):
            assert not re.search(rf"\b{PIXEL}\b\D{{1,6}}\b{PIXEL}\b", text), (way, text)


@pytest.mark.parametrize(
    "told",
    [
        "light measured: 0.35 of 12 frames, 4.5 lx",
        "session 0f3a9b7c5d1e4f6a ended after 12.5 s",
        "a face from (102, 80) to (310, 288)",
        "sha256 " + "0123456789abcdef" * 4,
        "2026-11-26T23:41:07.123456Z",
        'File "a.py", line 12, in f\n    return 1 + 2\n           ~~^~~',
    ],
)
def test_what_people_need_to_read_stays(told):
    assert scrubbed_text(told) == told
    assert scrubbed({"told": [told, 3, None, True]}) == {"told": [told, 3, None, True]}


def test_of_an_array_the_shape_is_told():
    assert scrubbed([np.zeros((4, 5), np.float32), b"abc"]) == ["<ndarray (4, 5) float32>", "<bytes 3>"]
    assert scrubbed({"points": [(1.0, 2.0)] * 468}) == {"points": "<list of 468>"}
    assert scrubbed(np.float32(0.5)) == 0.5


def all_dataclasses():
    for module in pkgutil.walk_packages(edge.__path__, "edge."):
        # What needs libraries of a workstation or a board is no part of a session.
        if module.name.startswith(("edge.__main__", "edge.inference.convert", "edge.simulation", "edge.evaluation")):
            continue
        for found in vars(importlib.import_module(module.name)).values():
            if dataclasses.is_dataclass(found) and isinstance(found, type) and found.__module__ == module.name:
                yield found


def meant_by(found, field):
    """The field's type, with its module's names for types resolved."""
    try:
        return str(eval(field.type, vars(sys.modules[found.__module__]), {}))
    except NameError:
        # Imported for type checkers alone: none of these is an array.
        return field.type


def test_no_dataclass_shows_the_arrays_that_it_holds():
    seen, shown = 0, set()
    for found in all_dataclasses():
        for field in dataclasses.fields(found):
            if re.search("ndarray|bytes|bytearray|memoryview", meant_by(found, field)):
                seen += 1
                if field.repr:
                    shown.add(f"{found.__module__}.{found.__qualname__}.{field.name}")
    assert seen > 20
    assert sorted(shown) == []
