"""What a terminal makes of what the fleet wants, start by start, without a broker."""

from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.loader import load_bytes
from edge.config.pushed import PUSHABLE
from edge.contracts.config import DesiredConfig
from edge.contracts.enums import CommandErrorCode, ConfigStatus, Service
from edge.errors import ConfigError
from edge.link.desired import read_desired
from edge.link.payloads import CommandRefused, Inbound
from edge.terminal import desired_keeper, desired_record
from edge.terminal.desired_keeper import DesiredKeeper
from edge.terminal.desired_record import DESIRED_FILE
from edge.terminal.trial import TrialLimits

DEBUG = {"log": {"level": "debug"}}
GERMAN = {"guidance": {"language": "de"}}
STRICT = {"policy": {"max_attempts": 1}}
POLICY = "{preset: kiosk}"


@pytest.fixture
def site(tmp_path):
    (tmp_path / "state").mkdir()

    def load(policy=POLICY):
        text = f"camera: {{driver: replay, sources: [a]}}\npolicy: {policy}\nstate_directory: state\n"
        return load_bytes(text.encode(), tmp_path / "livegate.yaml")

    return load


@pytest.fixture
def start(site):
    """The keeper of a new start."""

    def begin(policy=POLICY, **options):
        return DesiredKeeper(site(policy), **options)

    return begin


def wish(rev, pushed=None, **fields):
    return DesiredConfig(rev=rev, settings=pushed or {}, **fields)


def tried(keeper, trouble=lambda: None, step=5.0):
    """The trial to its end, on a clock that each look moves on."""
    times = itertools.count(1000.0, step)
    limits = TrialLimits(within=120, steady=10)
    watching = keeper.tried_out(trouble, limits=limits, look_seconds=0, monotonic=lambda: next(times))
    return asyncio.run(watching)


def pushed_and_good(start, pushed, rev=1):
    start().hear(wish(rev, pushed))
    keeper = start()
    assert tried(keeper)
    return keeper


def said(keeper):
    reported = keeper.reported()
    return reported.status, reported.rev, reported.desired_rev


def test_a_terminal_to_which_nothing_was_pushed_says_so_and_keeps_no_file(start, site, tmp_path):
    keeper = start()
    assert said(keeper) == (ConfigStatus.NONE, None, None)
    assert keeper.reported().config == site().sha256
    assert not tried(keeper)
    assert not (tmp_path / "state" / DESIRED_FILE).exists()


def test_what_is_pushed_takes_effect_with_the_next_start_and_is_applied_once_that_was_well(start, site):
    keeper = start()
    keeper.hear(wish(1, GERMAN))
    assert said(keeper) == (ConfigStatus.PENDING, None, 1)
    assert keeper.wants_restart
    assert keeper.loaded == site()
    with pytest.raises(CommandRefused) as refused:
        keeper.admit_session()
    assert refused.value.code is CommandErrorCode.BUSY
    keeper = start()
    assert said(keeper) == (ConfigStatus.PENDING, 1, 1)
    assert keeper.loaded.settings.guidance.language == "de"
    assert keeper.reported().settings == GERMAN
    keeper.admit_session()
    assert tried(keeper)
    assert said(keeper) == (ConfigStatus.APPLIED, 1, 1)
    assert keeper.reported().config == keeper.loaded.sha256 != site().sha256
    assert said(start()) == (ConfigStatus.APPLIED, 1, 1)
    assert not keeper.take_news()


def test_the_same_one_again_changes_nothing_and_writes_nothing(start, monkeypatch):
    keeper = pushed_and_good(start, DEBUG)
    monkeypatch.setattr(desired_record, "write_atomically", lambda *_: pytest.fail("written again"))
    keeper.hear(wish(1, DEBUG))
    assert said(keeper) == (ConfigStatus.APPLIED, 1, 1)
    assert not keeper.wants_restart
    assert not keeper.take_news()


@pytest.mark.parametrize(("rev", "told"), [(6, "below 7"), (7, "other content")])
def test_an_old_revision_and_one_with_other_content_are_refused_until_the_known_one_comes_again(start, rev, told):
    keeper = pushed_and_good(start, DEBUG, rev=7)
    for _ in range(2):
        keeper.hear(wish(rev, GERMAN, service=Service.PAUSED))
    assert said(keeper) == (ConfigStatus.REJECTED, 7, 7)
    (problem,) = keeper.reported().problems
    assert (problem.path, keeper.service) == ("rev", Service.ACTIVE)
    assert told in problem.message
    ((kind, message),) = keeper.take_news()
    assert kind == "configRejected"
    assert told in message
    keeper.hear(wish(7, DEBUG))
    assert said(keeper) == (ConfigStatus.APPLIED, 7, 7)


def test_one_that_cannot_be_read_changes_nothing_and_is_told(start):
    keeper = pushed_and_good(start, DEBUG)
    keeper.hear(CommandRefused(CommandErrorCode.MALFORMED, "not JSON"))
    assert said(keeper) == (ConfigStatus.REJECTED, 1, 1)
    assert [problem.message for problem in keeper.reported().problems] == ["not JSON"]


def test_one_with_mistakes_changes_nothing_but_the_service(start):
    keeper = pushed_and_good(start, DEBUG)
    bad = wish(2, {"camera": {}, "log": {"level": "loud"}}, service=Service.QUARANTINED, reason="smoke")
    keeper.hear(bad)
    assert said(keeper) == (ConfigStatus.REJECTED, 1, 2)
    assert [problem.path for problem in keeper.reported().problems] == ["camera", "log.level"]
    assert (keeper.reported().service, keeper.reported().reason) == (Service.QUARANTINED, "smoke")
    assert not keeper.wants_restart
    assert [kind for kind, _ in keeper.take_news()] == ["configRejected"]
    # Each connection brings it again.
    keeper.hear(bad)
    assert not keeper.take_news()
    after = start()
    assert said(after) == (ConfigStatus.REJECTED, 1, 2)
    assert after.service is Service.QUARANTINED


def test_a_language_without_prompts_is_a_mistake(start):
    keeper = start()
    keeper.hear(wish(1, {"guidance": {"language": "tlh"}}))
    assert [problem.path for problem in keeper.reported().problems] == ["guidance.language"]


def test_what_was_rejected_is_judged_again_when_the_sites_file_has_changed(start):
    keeper = start("{modes: [Passive]}")
    only_active = wish(1, {"policy": {"modes": ["PassiveActive"]}})
    keeper.hear(only_active)
    assert said(keeper) == (ConfigStatus.REJECTED, None, 1)
    keeper = start("{}")
    keeper.hear(only_active)
    assert said(keeper) == (ConfigStatus.PENDING, None, 1)


def test_a_service_needs_no_start_and_outlasts_them(start):
    keeper = pushed_and_good(start, DEBUG)
    for rev, service, code in (
        (2, Service.PAUSED, CommandErrorCode.PAUSED),
        (3, Service.QUARANTINED, CommandErrorCode.QUARANTINED),
    ):
        keeper.hear(wish(rev, DEBUG, service=service))
        assert not keeper.wants_restart
        assert said(keeper) == (ConfigStatus.APPLIED, rev, rev)
        for one in (keeper, start()):
            with pytest.raises(CommandRefused) as refused:
                one.admit_session()
            assert refused.value.code is code
    keeper.hear(wish(4, DEBUG))
    keeper.admit_session()
    start().admit_session()


def test_what_is_never_well_is_taken_back_and_not_tried_again(start, site):
    pushed_and_good(start, DEBUG)
    start().hear(wish(2, GERMAN))
    keeper = start()
    assert tried(keeper, lambda: "no font for de")
    assert keeper.wants_restart
    keeper = start()
    assert said(keeper) == (ConfigStatus.ROLLED_BACK, 1, 2)
    assert keeper.reported().settings == DEBUG
    assert keeper.loaded.settings.guidance.language == site().settings.guidance.language
    assert "no font for de" in keeper.reported().problems[0].message
    ((kind, message),) = keeper.take_news()
    assert kind == "rollback"
    assert "rev 2" in message
    keeper.hear(wish(2, GERMAN))
    assert said(keeper) == (ConfigStatus.ROLLED_BACK, 1, 2)
    assert not keeper.wants_restart
    assert not start().take_news()
    keeper.hear(wish(3, GERMAN))
    assert said(keeper) == (ConfigStatus.PENDING, 1, 3)


def test_without_an_earlier_one_the_way_back_leads_to_the_sites_file(start, site):
    start().hear(wish(1, GERMAN))
    assert tried(start(), lambda: "unwell")
    keeper = start()
    assert said(keeper) == (ConfigStatus.ROLLED_BACK, None, 1)
    assert keeper.loaded == site()


def test_what_ends_the_process_three_times_is_taken_back_at_the_fourth_start(start):
    start().hear(wish(1, GERMAN))
    for _ in range(3):
        assert start().loaded.settings.guidance.language == "de"
    keeper = start()
    assert said(keeper) == (ConfigStatus.ROLLED_BACK, None, 1)
    assert [kind for kind, _ in keeper.take_news()] == ["rollback"]


def test_a_start_that_was_ended_in_order_is_not_in_vain(start):
    start().hear(wish(1, GERMAN))
    for _ in range(5):
        start().ended_in_order()
    assert tried(start())


def test_a_newer_wish_takes_the_place_of_a_trial(start):
    pushed_and_good(start, DEBUG)
    start().hear(wish(2, GERMAN))
    keeper = start()
    keeper.hear(wish(3, STRICT))
    assert keeper.wants_restart
    assert not tried(keeper)
    keeper.ended_in_order()
    keeper = start()
    assert tried(keeper)
    assert said(keeper) == (ConfigStatus.APPLIED, 3, 3)
    assert keeper.reported().settings == STRICT


def test_a_looser_policy_has_no_effect_and_is_named(start, site):
    keeper = start("{preset: kiosk, max_attempts: 2}")
    keeper.hear(wish(1, {"policy": {"max_attempts": 3}}))
    assert said(keeper) == (ConfigStatus.APPLIED, 1, 1)
    assert [problem.path for problem in keeper.reported().problems] == ["policy.max_attempts"]
    assert keeper.reported().settings == {"policy": {"max_attempts": 2}}
    assert keeper.loaded.sha256 == site("{preset: kiosk, max_attempts: 2}").sha256


def test_what_has_no_effect_is_told_by_the_sites_file_of_now(start):
    pushed_and_good(start, {"policy": {"max_attempts": 2}})
    assert not start().reported().problems
    assert [problem.path for problem in start("{max_attempts: 1}").reported().problems] == ["policy.max_attempts"]


def test_a_sites_file_that_does_not_take_what_says_how_strict_to_be_runs_no_session(start):
    wanted = {"policy": {"modes": ["PassiveActive"]}}
    pushed_and_good(start, wanted)
    keeper = start("{modes: [Passive]}")
    assert "rev 1" in keeper.trouble
    assert said(keeper) == (ConfigStatus.REJECTED, None, 1)
    assert [kind for kind, _ in keeper.take_news()] == ["configRejected"]
    keeper.hear(wish(2, {"log": {"level": "loud"}}))
    assert [problem.path for problem in keeper.reported().problems] == ["log.level"]
    # With a file that takes it, it is in effect again; else the fleet has to want something else.
    assert said(start()) == (ConfigStatus.REJECTED, 1, 2)
    keeper.hear(wish(3))
    assert keeper.wants_restart
    assert start("{modes: [Passive]}").trouble is None


def test_a_sites_file_that_does_not_take_a_language_runs_sessions_without_it(start, monkeypatch):
    pushed_and_good(start, GERMAN)

    def no_german(language):
        if language == "de":
            raise ConfigError("no prompts in de", remedy="name another language")

    monkeypatch.setattr(desired_keeper, "texts", no_german)
    keeper = start()
    assert keeper.trouble is None
    assert said(keeper) == (ConfigStatus.REJECTED, None, 1)
    keeper.admit_session()


def test_where_nothing_could_show_that_it_works_nothing_is_tried_but_the_service_counts(start):
    pushed_and_good(start, DEBUG)
    start().hear(wish(2, GERMAN))
    for _ in range(5):
        keeper = start(may_try=False)
        assert said(keeper) == (ConfigStatus.PENDING, 1, 2)
        keeper.ended_in_order()
    keeper.hear(wish(3, STRICT, service=Service.PAUSED))
    assert said(keeper) == (ConfigStatus.REJECTED, 1, 3)
    assert keeper.service is Service.PAUSED
    keeper = start()
    keeper.hear(wish(3, STRICT, service=Service.PAUSED))
    assert keeper.wants_restart


def full(*_):
    raise OSError(28, "No space left on device")


def test_what_cannot_be_stored_is_not_tried_but_a_quarantine_counts_and_is_stored_when_it_can_be(start, monkeypatch):
    keeper = start()
    wanted = wish(1, GERMAN, service=Service.QUARANTINED)
    with monkeypatch.context() as patch:
        patch.setattr(desired_record, "write_atomically", full)
        keeper.hear(wanted)
    assert said(keeper) == (ConfigStatus.REJECTED, None, 1)
    assert keeper.service is Service.QUARANTINED
    assert not keeper.wants_restart
    assert start().service is Service.ACTIVE
    keeper.hear(wanted)
    assert keeper.wants_restart
    assert start().service is Service.QUARANTINED


def test_starts_that_cannot_be_counted_try_nothing(start, monkeypatch):
    start().hear(wish(1, GERMAN))
    monkeypatch.setattr(desired_record, "write_atomically", full)
    keeper = start()
    assert said(keeper) == (ConfigStatus.ROLLED_BACK, None, 1)
    assert keeper.loaded.settings.guidance.language == "en"


def test_a_damaged_record_runs_no_session_until_the_broker_has_given_it_anew(start, tmp_path):
    pushed_and_good(start, DEBUG, rev=7)
    (tmp_path / "state" / DESIRED_FILE).write_bytes(b"\x00" * 100)
    keeper = start()
    with pytest.raises(CommandRefused, match="damaged"):
        keeper.admit_session()
    keeper.hear(wish(3))
    keeper.admit_session()


def test_a_long_list_of_mistakes_is_told_in_short(start):
    keeper = start()
    keeper.hear(wish(1, {f"key{number}": {} for number in range(50)}))
    ((_, message),) = keeper.take_news()
    assert "and 40 more" in message
    assert len(keeper.reported().problems) > desired_keeper.MOST_TOLD


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=6), inside, max_size=3),
    max_leaves=6,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "rev": st.integers(-1, 9) | JSON,
        "service": st.sampled_from(Service) | JSON,
        "reason": st.text(max_size=6) | JSON,
        "settings": st.dictionaries(
            st.sampled_from(sorted(PUSHABLE)) | st.text(max_size=6),
            st.dictionaries(st.sampled_from(["level", "language", "modes", "max_attempts", "keepalive_seconds"]), JSON)
            | JSON,
            max_size=3,
        )
        | JSON,
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(FIELDS.map(json.dumps).map(str.encode) | st.binary(max_size=20), max_size=4), st.booleans())
def test_whatever_comes_the_terminal_starts_again_and_says_what_became_of_it(payloads, well):
    with tempfile.TemporaryDirectory() as folder:
        content = b"camera: {driver: replay, sources: [a]}\nstate_directory: .\n"
        site = load_bytes(content, Path(folder) / "livegate.yaml")
        keeper = DesiredKeeper(site)
        for payload in payloads:
            try:
                came = read_desired(Inbound("config/desired", payload))
            except CommandRefused as refused:
                came = refused
            if came is not None:
                keeper.hear(came)
            tried(keeper, lambda: None if well else "unwell", step=60.0)
            assert keeper.reported().to_json()
            if keeper.wants_restart:
                keeper = DesiredKeeper(site)
