"""The doctor's report for a command: no secrets, bounded, and without what the daemon holds."""

from __future__ import annotations

import asyncio
import json

import pytest

from edge.contracts.doctor import DoctorReport, Verdict
from edge.terminal.doctor import answer as answers
from edge.terminal.doctor.answer import LEFT_OUT, MOST_BYTES, answer, ask, bounded
from edge.terminal.doctor.checking import fail, ok, skipped, warn
from edge.terminal.doctor.registry import AREAS


def report(*checks):
    return DoctorReport(software="0", at=1.0, verdict=Verdict.FAIL, checks=checks)


def test_what_is_too_long_is_cut_and_what_is_well_is_left_out_first():
    long = "x" * 5000
    many = [make(f"area.check_{chr(97 + n % 26)}", long, long) for n in range(40) for make in (fail, warn)]
    well = [ok("area.well", long) for _ in range(40)] + [skipped("area.none", long) for _ in range(40)]
    found = bounded(report(*well, *many), str)
    assert len(found.to_json()) <= MOST_BYTES
    assert {check.verdict for check in found.checks} <= {Verdict.FAIL, Verdict.WARN}
    assert sum(check.verdict is Verdict.FAIL for check in found.checks) > 0
    assert max(len(check.seen) for check in found.checks) <= 1001


def test_a_report_that_fits_is_left_as_it_is():
    given = report(ok("area.well", "all is well"), fail("area.bad", "it is not", "mend it"))
    assert bounded(given, str) == given


def test_letters_that_take_many_bytes_fit_too():
    found = bounded(report(*(fail("area.bad", "€" * 1000, "€" * 1000) for _ in range(50))), str)
    assert len(found.to_json()) <= MOST_BYTES


def test_secrets_are_taken_out_of_what_was_seen_and_of_remedies(context, tmp_path, monkeypatch):
    (tmp_path / "hidden-password").write_text("planted-password\n")
    checks = (fail("area.bad", "connecting as planted-user", "give planted-password"),)
    monkeypatch.setattr(answers, "run", lambda *_: report(*checks))
    given = context(link={"username": "planted-user", "password_file": "hidden-password"})
    told = json.dumps(answer(given))
    assert "planted" not in told
    assert "connecting as ****" in told


def test_what_the_daemon_holds_is_not_looked_at(context, monkeypatch):
    asked = []
    monkeypatch.setattr(answers, "run", lambda _, areas: asked.append(set(areas)) or report())
    answer(context())
    assert asked == [set(AREAS) - LEFT_OUT]
    assert {"camera", "lights"} <= LEFT_OUT


def test_a_child_answers(site, monkeypatch):
    # Nothing that takes long.
    monkeypatch.setattr(answers, "_command", lambda config: [*_real(config)[:2], "-c", CHILD, str(config)])
    told = asyncio.run(ask(site()))
    assert {check["name"].partition(".")[0] for check in told["checks"]} == {"python"}
    assert DoctorReport.model_validate_json(json.dumps(told)).device == "terminal-1"


_real = answers._command
CHILD = """
from edge.terminal.doctor import answer
answer.LEFT_OUT = frozenset(answer.AREAS) - {"python"}
answer.main()
"""


@pytest.mark.parametrize("code", ["print('no report')", "print('[]')", "", "raise SystemExit(3)"])
def test_a_child_that_says_nothing_that_counts_is_told(site, monkeypatch, code):
    monkeypatch.setattr(answers, "_command", lambda config: [*_real(config)[:2], "-c", code])
    with pytest.raises(ValueError):  # noqa: PT011 - of json or of ours
        asyncio.run(ask(site()))


def test_a_child_that_takes_too_long_is_ended(site, monkeypatch, tmp_path):
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    monkeypatch.setattr(answers, "_command", lambda config: [*_real(config)[:2], "-c", code])
    with pytest.raises(TimeoutError):
        asyncio.run(ask(site(), seconds=1.0))
    pid = (tmp_path / "pid").read_text()
    with pytest.raises(ProcessLookupError):
        answers.os.kill(int(pid), 0)
