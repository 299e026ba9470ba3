"""What keeps pictures in memory alone, from made-up trees."""

from __future__ import annotations

import pytest

from edge.contracts.doctor import Verdict
from edge.terminal.doctor import hygiene
from edge.terminal.landlock import LandlockUnavailableError
from tests.terminal.doctor.conftest import written


def test_a_kernel_with_landlock_is_well_and_one_without_is_told_why(unread):
    def missing():
        raise LandlockUnavailableError("the kernel has none")

    assert hygiene.landlock(unread, lambda: 4).verdict is Verdict.OK
    check = hygiene.landlock(unread, missing)
    assert check.verdict is Verdict.WARN
    assert "the kernel has none" in check.seen


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [("65536", Verdict.WARN), ("8388608", Verdict.OK), ("134217728", Verdict.OK), ("unlimited", Verdict.OK)],
)
def test_what_a_running_daemon_may_lock_is_looked_at(unread, roots, monkeypatch, limit, verdict):
    monkeypatch.setattr(hygiene, "daemon_pid", lambda _: 77)
    lines = f"Max processes             62   62   processes\nMax locked memory         {limit}   {limit}   bytes\n"
    written(roots.proc / "77/limits", lines)
    assert hygiene.locked_memory(unread).verdict is verdict


def test_without_a_daemon_or_a_line_nothing_is_said(unread, roots, monkeypatch):
    assert hygiene.locked_memory(unread).verdict is Verdict.SKIPPED
    monkeypatch.setattr(hygiene, "daemon_pid", lambda _: 77)
    written(roots.proc / "77/limits", "Max processes 62 62 processes\n")
    assert hygiene.locked_memory(unread).verdict is Verdict.SKIPPED
