"""What becomes of what the fleet wants: revisions, trials and the way back, without a clock or a daemon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.contracts.config import ConfigProblem, DesiredConfig
from edge.contracts.enums import ConfigStatus, Service
from edge.terminal.desired import (
    MOST_STARTS,
    Overlay,
    Receipt,
    Record,
    adopted,
    begun,
    committed,
    ended_in_order,
    receipt,
    rejected,
    rolled_back,
    taken,
    to_be_tried,
)
from edge.terminal.desired_record import DESIRED_FILE, read_record, write_record
from edge.terminal.trial import Trial, TrialLimits, Verdict

NIGHT = Overlay(rev=4, settings={"log": {"level": "debug"}})
DAY = Overlay(rev=3, settings={})


def desired(rev=4, **fields):
    return DesiredConfig(rev=rev, **fields)


def known(wish=None, **fields):
    return taken(Record(), wish or desired(**fields))


def on_trial(good=None):
    return begun(to_be_tried(known().model_copy(update={"good": good}), NIGHT, ()))


def test_revisions_rise_and_the_same_one_says_the_same():
    record = known(rev=4, settings={"log": {"level": "debug"}})
    assert receipt(Record(), desired(rev=1)) is Receipt.NEW
    assert receipt(record, desired(rev=5)) is Receipt.NEW
    assert receipt(record, desired(rev=3)) is Receipt.OLD
    assert receipt(record, desired(rev=4, settings={"log": {"level": "debug"}})) is Receipt.REPEATED
    assert receipt(record, desired(rev=4, settings={"log": {"level": "info"}})) is Receipt.OTHER_CONTENT
    assert receipt(record, desired(rev=4, service=Service.PAUSED)) is Receipt.OTHER_CONTENT


def test_a_service_counts_also_where_the_settings_are_rejected():
    record = rejected(known(service=Service.QUARANTINED, reason="smoke"), (ConfigProblem(path="camera", message="no"),))
    assert (record.service, record.reason, record.status) == (Service.QUARANTINED, "smoke", ConfigStatus.REJECTED)


def test_a_reason_ends_with_what_it_was_the_reason_of():
    assert taken(known(service=Service.PAUSED, reason="works"), desired(rev=5, reason="done")).reason is None


def test_what_passed_its_trial_is_the_good_one():
    record = committed(on_trial(good=DAY))
    assert (record.status, record.good, record.trial, record.starts) == (ConfigStatus.APPLIED, NIGHT, None, 0)


def test_what_failed_its_trial_gives_way_to_the_good_one_and_its_revision_stays_known():
    record = rolled_back(on_trial(good=DAY), "no frame")
    assert (record.status, record.good, record.trial) == (ConfigStatus.ROLLED_BACK, DAY, None)
    assert record.problems == (ConfigProblem(path="", message="no frame"),)
    assert "rev 4" in record.untold
    assert receipt(record, desired(rev=4)) is Receipt.REPEATED


def test_a_trial_ends_after_three_starts_in_vain():
    record = to_be_tried(known(), NIGHT, ())
    for _ in range(MOST_STARTS):
        record = begun(record)
        assert record.trial is NIGHT
    record = begun(record)
    assert (record.trial, record.status) == (None, ConfigStatus.ROLLED_BACK)
    assert begun(record) == record


def test_a_start_that_somebody_ended_is_not_counted():
    record = on_trial()
    for _ in range(10):
        record = begun(ended_in_order(record))
    assert record.starts == 1


def test_a_trial_of_an_older_revision_does_not_speak_for_the_newest():
    problems = (ConfigProblem(path="log.level", message="no"),)
    record = rejected(taken(on_trial(), desired(rev=5)), problems)
    for after in (committed(record), rolled_back(record, "no frame")):
        assert (after.status, after.problems, after.trial) == (ConfigStatus.REJECTED, problems, None)
    assert committed(record).good == NIGHT


def test_the_same_settings_under_a_new_revision_go_on_with_the_trial_they_have():
    again = Overlay(rev=5, settings=NIGHT.settings)
    trying = adopted(taken(on_trial(), desired(rev=5)), again, (), trying=True)
    assert (trying.trial, trying.starts, trying.status) == (again, 1, ConfigStatus.PENDING)
    done = adopted(taken(committed(on_trial()), desired(rev=5)), again, (), trying=False)
    assert (done.good, done.trial, done.status) == (again, None, ConfigStatus.APPLIED)


def test_who_is_well_in_time_and_stays_so_passes():
    trial = Trial(TrialLimits(within=120, steady=10), now=1000.0)
    assert trial.look("not open", 1000.0) is Verdict.OPEN
    assert trial.look(None, 1050.0) is Verdict.OPEN
    assert trial.look(None, 1059.9) is Verdict.OPEN
    assert trial.look(None, 1060.0) is Verdict.PASSED


def test_who_is_well_for_a_moment_only_begins_anew():
    trial = Trial(TrialLimits(within=120, steady=10), now=0.0)
    assert trial.look(None, 5.0) is Verdict.OPEN
    assert trial.look("no connection", 14.0) is Verdict.OPEN
    assert trial.look(None, 16.0) is Verdict.OPEN
    assert trial.look(None, 25.0) is Verdict.OPEN
    assert trial.look(None, 26.0) is Verdict.PASSED


def test_who_is_not_well_when_the_time_is_over_fails():
    trial = Trial(TrialLimits(within=120, steady=10), now=0.0)
    assert trial.look("no frame", 119.9) is Verdict.OPEN
    assert trial.look("no frame", 120.0) is Verdict.FAILED


def test_who_became_well_in_time_may_show_that_it_lasts():
    trial = Trial(TrialLimits(within=120, steady=10), now=0.0)
    assert trial.look(None, 119.0) is Verdict.OPEN
    assert trial.look(None, 125.0) is Verdict.OPEN
    assert trial.look("no connection", 128.0) is Verdict.FAILED


@given(st.lists(st.tuples(st.floats(0, 50), st.booleans()), max_size=50))
def test_every_trial_comes_to_an_end(looks):
    trial, now, verdict = Trial(TrialLimits(), 0.0), 0.0, Verdict.OPEN
    for step, well in [*looks, (120.0, looks[-1][1] if looks else True), (10.0, looks[-1][1] if looks else True)]:
        now += step
        verdict = trial.look(None if well else "unwell", now)
        if verdict is not Verdict.OPEN:
            break
    assert verdict is not Verdict.OPEN


def test_a_record_comes_back_as_it_was_kept(tmp_path):
    record = rolled_back(on_trial(good=DAY), "no frame")
    assert read_record(tmp_path) == Record()
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    assert (tmp_path / DESIRED_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b"\xff", None], ids=repr)
def test_of_a_damaged_record_it_is_not_known_that_sessions_are_wanted(tmp_path, damage):
    write_record(tmp_path, known(service=Service.QUARANTINED))
    path = tmp_path / DESIRED_FILE
    path.write_bytes(path.read_bytes().replace(b"quarantined", b"active") if damage is None else damage)
    record = read_record(tmp_path)
    assert record.service is Service.PAUSED
    assert "damaged" in record.reason
    assert receipt(record, desired(rev=1)) is Receipt.NEW


def test_a_record_of_a_newer_version_is_read_as_far_as_it_is_known(tmp_path):
    class Newer(Record):
        more: int = 1

    write_record(tmp_path, Newer(**known(service=Service.QUARANTINED).model_dump()))
    assert read_record(tmp_path).service is Service.QUARANTINED


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: what a start begins with is the good one or a trial that is counted."""

    @initialize()
    def nothing(self):
        self.record, self.ever_good = Record(), [None]

    @rule(step=st.integers(1, 3), fits=st.booleans())
    def wish(self, step, fits):
        rev = (self.record.rev or 0) + step
        record = taken(self.record, desired(rev=rev))
        overlay = Overlay(rev=rev, settings={"log": {"level": "debug"}})
        no = (ConfigProblem(path="x", message="no"),)
        self.record = to_be_tried(record, overlay, ()) if fits else rejected(record, no)

    @rule()
    def start(self):
        self.record = begun(self.record)

    @rule()
    def end(self):
        self.record = ended_in_order(self.record)

    @rule()
    def passed(self):
        self.record = committed(self.record)
        self.ever_good.append(self.record.good)

    @rule()
    def failed(self):
        self.record = rolled_back(self.record, "unwell")

    @invariant()
    def only_what_passed_is_good(self):
        assert self.record.good in self.ever_good

    @invariant()
    def no_trial_starts_for_ever(self):
        assert 0 <= self.record.starts <= MOST_STARTS
        assert self.record.trial is not None or self.record.starts == 0

    @invariant()
    def a_pending_one_is_on_trial(self):
        if self.record.status is ConfigStatus.PENDING:
            assert self.record.trial.rev == self.record.rev


TestAnyOrder = AnyOrder.TestCase
