"""Waits after failed attempts: of an id by itself, and of the device for seconds."""

from __future__ import annotations

import json
import stat
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contracts.enums import CommandErrorCode, ErrorCode, LightLevel, LivenessDecision, SessionStatus
from edge.contracts.session import (
    Assurance,
    AttemptError,
    AttemptReport,
    ColorTarget,
    LivenessResult,
    SessionStart,
    Targets,
)
from edge.contracts.verification import FaceRectangle, VerifyResult
from edge.link.payloads import CommandRefused
from edge.terminal.back_off import MAX_IDS, BackOff, Limits, restored
from edge.terminal.failures import FAILURES_FILE, Failures

LIMITS = Limits()
NOBODY = None
NAMES = st.sampled_from([NOBODY, "a", "b", "c"])
# Seconds from one attempt to the next, and whether it failed.
ATTEMPTS = st.lists(st.tuples(NAMES, st.floats(0, 2000), st.booleans()), max_size=60)
# The same with a clock that anybody may set at any time.
JUMPS = st.lists(st.tuples(NAMES, st.floats(-1e9, 1e9), st.booleans()), max_size=60)


def after(back_off, attempts, now=0.0):
    for who, seconds, failed in attempts:
        now += seconds
        (back_off.failed if failed else back_off.succeeded)(who, now)
    return now


@given(JUMPS, NAMES)
def test_the_device_as_a_whole_never_waits_longer_than_its_limit(attempts, who):
    back_off = BackOff(LIMITS)
    now = after(back_off, attempts)
    assert back_off.remaining("somebody else", now) <= LIMITS.device_longest
    assert back_off.remaining(NOBODY, now) <= LIMITS.device_longest
    assert back_off.remaining("somebody else", now + LIMITS.device_longest) == 0


@given(JUMPS, NAMES, st.floats(-1e9, 1e9))
def test_an_id_never_waits_longer_than_its_limit_however_the_clock_is_set(attempts, who, jump):
    back_off = BackOff(LIMITS)
    now = after(back_off, attempts) + jump
    assert back_off.remaining(who, now) <= LIMITS.longest + 1e-3
    assert back_off.remaining(who, now + LIMITS.longest + 1e-3) == 0


@given(ATTEMPTS)
def test_a_success_lets_this_id_and_the_device_go_on_at_once(attempts):
    back_off = BackOff(LIMITS)
    now = after(back_off, attempts)
    back_off.succeeded("a", now)
    assert back_off.remaining("a", now) == 0


@given(ATTEMPTS, st.floats(-1e6, 1e6))
def test_a_restart_keeps_what_is_left_of_a_wait(attempts, away):
    before = BackOff(LIMITS)
    now = after(before, attempts)
    left = before.remaining("a", now)
    again = restored(LIMITS, before.records, before.latest, now + away)
    # A clock that is behind after the start takes nothing off a wait, and adds nothing to it.
    of_the_id = max(before.records["a"].until - now, 0.0) if "a" in before.records else 0.0
    assert again.remaining("a", now + away) == pytest.approx(max(of_the_id - max(away, 0.0), 0.0), abs=1e-6)
    assert left >= of_the_id


def test_the_fifth_failure_within_the_window_waits_and_each_further_one_twice_as_long():
    back_off, now, waits = BackOff(LIMITS), 0.0, []
    for _ in range(11):
        now += 10
        back_off.failed("a", now)
        waits.append(back_off.remaining("a", now))
        now += waits[-1]
    # Those of the device alone come before.
    assert waits[:4] == [0, 0, 2, 4]
    assert waits[4:] == [60, 120, 240, 480, 900, 900, 900]


def test_failures_far_apart_count_alone_and_after_a_long_peace_nothing_is_remembered():
    back_off = BackOff(LIMITS)
    for attempt in range(20):
        back_off.failed("a", attempt * 300.0)
    # Four within any window of 900 s, five at its ends.
    apart = BackOff(LIMITS)
    for attempt in range(20):
        apart.failed("a", attempt * 301.0)
        assert apart.remaining("a", attempt * 301.0 + 8) == 0
    assert apart.records["a"].waits == 0
    assert apart.remaining("a", 1e6) == 0
    assert apart.records == {}


def test_one_who_fails_makes_nobody_else_wait_for_more_than_seconds():
    back_off, now = BackOff(LIMITS), 0.0
    for _ in range(100):
        now += 1
        back_off.failed("a", now)
    assert back_off.remaining("a", now) == 900
    assert back_off.remaining("b", now) == 8
    assert back_off.remaining("b", now + 8) == 0


def test_the_device_waits_two_four_and_eight_seconds():
    back_off, waits = BackOff(LIMITS), []
    for attempt in range(7):
        back_off.failed(NOBODY, attempt * 100.0)
        waits.append(back_off.remaining(NOBODY, attempt * 100.0))
    assert waits == [0, 0, 2, 4, 8, 8, 8]


def test_ids_that_are_remembered_are_bounded_and_those_that_wait_are_kept():
    back_off = BackOff(LIMITS)
    for _ in range(5):
        back_off.failed("waits", 0.0)
    for number in range(2 * MAX_IDS):
        back_off.failed(f"{number}", 1.0)
    assert len(back_off.records) == MAX_IDS
    assert back_off.remaining("waits", 20.0) == 40


class Clocks:
    def __init__(self, wall=1_800_000_000.0):
        self.wall, self.monotonic = wall, 50.0

    def pass_by(self, seconds):
        self.wall += seconds
        self.monotonic += seconds

    def failures(self, folder, limits=LIMITS):
        return Failures(folder, limits, wall_clock=lambda: self.wall, monotonic=lambda: self.monotonic)


def request(user=None, device=None):
    return SessionStart(id="a" * 16, expires_at=1.0, user_correlation_id=user, device_correlation_id=device)


def attempt(decision=None, code=None):
    result = None
    if decision is not None:
        target = ColorTarget(face_rectangle=FaceRectangle(top=0, left=0, width=1, height=1))
        result = LivenessResult(liveness_decision=decision, targets=Targets(color=target), digest="0" * 64)
    return AttemptReport(
        attempt_id=1,
        attempt_status=SessionStatus.SUCCEEDED if result else SessionStatus.FAILED,
        result=result,
        error=None if code is None else AttemptError(code=code, message="so it is"),
        light_level=LightLevel.DIM,
        light_reason="dim",
        assurance=Assurance(confirmed=(), frames_judged=0, temporal=True),
        duration_seconds=1.0,
    )


def compared(decision, *, identical):
    """With a reference."""
    verified = VerifyResult(match_confidence=0.5, is_identical=identical, reason="so it is", pictures=1)
    plain = attempt(decision)
    return plain.model_copy(update={"result": plain.result.model_copy(update={"verify_result": verified})})


SPOOF = attempt(LivenessDecision.SPOOFFACE)


def refused(failures, who):
    with pytest.raises(CommandRefused) as refusal:
        failures.check(who)
    assert refusal.value.code is CommandErrorCode.BACKING_OFF
    return refusal.value.message


def test_a_wait_is_told_in_seconds_and_outlives_a_restart(tmp_path):
    clocks = Clocks()
    failures = clocks.failures(tmp_path)
    for _ in range(5):
        failures.note(request("visitor 7"), SPOOF)
    assert refused(failures, request("visitor 7")).endswith("try again in 60 s")
    clocks.pass_by(20)
    again = clocks.failures(tmp_path)
    assert "correlation id failed: try again in 40 s" in refused(again, request("visitor 7"))
    again.check(request("visitor 8"))
    again.check(request())
    clocks.pass_by(40)
    again.check(request("visitor 7"))


def test_no_id_is_written_in_clear_and_two_terminals_hash_it_differently(tmp_path):
    device = UUID(int=77)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        failures = Clocks().failures(tmp_path / name)
        failures.note(request("visitor 7"), SPOOF)
        failures.note(request(device=device), SPOOF)
    files = [tmp_path / name / FAILURES_FILE for name in ("one", "two")]
    for file in files:
        assert "visitor" not in file.read_text()
        assert str(device) not in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    one, two = (json.loads(file.read_text())["ids"] for file in files)
    assert len(one) == len(two) == 2
    assert not one.keys() & two.keys()


def test_without_an_id_only_the_device_waits_and_nothing_is_written(tmp_path):
    clocks = Clocks()
    failures = clocks.failures(tmp_path)
    for _ in range(50):
        failures.note(request(), SPOOF)
    assert "whoever made them: try again in 8 s" in refused(failures, request())
    assert list(tmp_path.iterdir()) == []


def test_the_user_counts_before_the_device_he_uses(tmp_path):
    failures = Clocks().failures(tmp_path)
    device = UUID(int=1)
    for _ in range(5):
        failures.note(request("a", device), SPOOF)
    assert "60 s" in refused(failures, request("a"))
    assert "8 s" in refused(failures, request(device=device))


@pytest.mark.parametrize(
    ("ended", "counts"),
    [
        (SPOOF, True),
        (attempt(LivenessDecision.UNCERTAIN), True),
        (attempt(code=ErrorCode.TIMED_OUT), True),
        (attempt(code=ErrorCode.NO_FACE_DETECTED), True),
        (attempt(code=ErrorCode.USER_CANCELED_SESSION), False),
        (attempt(code=ErrorCode.GENERIC_FAILURE), False),
        (attempt(code=ErrorCode.CAMERA_STARTUP_FAILURE), False),
        (attempt(LivenessDecision.REALFACE), False),
        (compared(LivenessDecision.REALFACE, identical=True), False),
        (compared(LivenessDecision.REALFACE, identical=False), True),
    ],
)
def test_what_counts_is_what_the_person_failed_at(tmp_path, ended, counts):
    failures = Clocks().failures(tmp_path)
    for _ in range(5):
        failures.note(request("a"), ended)
    if counts:
        refused(failures, request("a"))
    else:
        failures.check(request("a"))


def test_a_success_is_kept_too(tmp_path):
    clocks = Clocks()
    failures = clocks.failures(tmp_path)
    for _ in range(4):
        failures.note(request("a"), SPOOF)
    failures.note(request("a"), attempt(LivenessDecision.REALFACE))
    clocks.failures(tmp_path).note(request("a"), SPOOF)
    clocks.failures(tmp_path).check(request("a"))


def test_a_clock_that_is_set_while_it_runs_changes_no_wait(tmp_path):
    clocks = Clocks()
    failures = clocks.failures(tmp_path)
    for _ in range(5):
        failures.note(request("a"), SPOOF)
    clocks.wall += 1e8
    assert "60 s" in refused(failures, request("a"))
    clocks.wall -= 2e8
    assert "60 s" in refused(failures, request("a"))
    # A start with that clock takes up the wait where it was.
    assert "60 s" in refused(clocks.failures(tmp_path), request("a"))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"salt": "00", "latest": 1, "ids": {}}', b"\xff", b"null"])
def test_a_damaged_file_is_begun_anew(tmp_path, content):
    (tmp_path / FAILURES_FILE).write_bytes(content)
    failures = Clocks().failures(tmp_path)
    failures.check(request("a"))
    for _ in range(5):
        failures.note(request("a"), SPOOF)
    refused(Clocks().failures(tmp_path), request("a"))


@pytest.mark.parametrize("number", ["NaN", "Infinity", '"1"', "null", "true"])
def test_a_time_that_is_none_is_not_believed(tmp_path, number):
    record = f'{{"failedAt": [{number}], "waits": 3, "until": {number}}}'
    (tmp_path / FAILURES_FILE).write_text(f'{{"salt": "{"0" * 64}", "latest": 1, "ids": {{"x": {record}}}}}')
    Clocks().failures(tmp_path).check(request("a"))


def test_a_folder_that_cannot_be_written_keeps_nobody_from_being_counted(tmp_path):
    failures = Clocks().failures(tmp_path / "missing")
    for _ in range(5):
        failures.note(request("a"), SPOOF)
    refused(failures, request("a"))


def test_stricter_limits_hold_from_the_next_start(tmp_path):
    clocks = Clocks()
    failures = clocks.failures(tmp_path)
    for _ in range(12):
        failures.note(request("a"), SPOOF)
    assert "900 s" in refused(failures, request("a"))
    assert "30 s" in refused(clocks.failures(tmp_path, Limits(first=10, longest=30)), request("a"))
