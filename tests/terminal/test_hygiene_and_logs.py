"""What keeps frames out of dumps and logs, also where the system does not help."""

from __future__ import annotations

import ctypes
import io
import logging
import re
import sys

import numpy as np
import pytest
import structlog

from edge.terminal import logs
from edge.terminal.hygiene import keep_memory_private


def test_a_system_that_refuses_to_close_the_memory_is_told_and_ends_nothing(monkeypatch, caplog):
    class Refusing:
        def prctl(self, *_):
            ctypes.set_errno(1)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Refusing())
    keep_memory_private()
    assert "other processes" in caplog.text


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
