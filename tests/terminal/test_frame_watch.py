"""The watch over the camera: told of frames and failures by made-up times, and the ration of reboots."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.terminal.frame_watch import DAY, PLAUSIBLE_SINCE, FrameWatch, RebootLimits, WatchLimits, held_back
from edge.terminal.reboot import PATH_UNIT, RECORD_FILE, Rebooter, reboot_unit_enabled

LIMITS = WatchLimits(every=300.0, reboot_after=900.0)
MORNING = PLAUSIBLE_SINCE + 100 * DAY


def test_the_camera_is_looked_at_when_the_daemon_starts_and_then_on_schedule():
    watch = FrameWatch(LIMITS, now=50.0)
    assert watch.look_at() == 50.0
    assert not watch.seen
    watch.saw(51.0)
    assert (watch.seen, watch.trouble, watch.look_at()) == (True, None, 351.0)


def test_without_a_schedule_a_working_camera_is_left_alone():
    watch = FrameWatch(WatchLimits(every=None), now=0.0)
    watch.saw(1.0)
    assert watch.look_at() is None
    watch.failed("unplugged", 2.0)
    assert watch.look_at() == 4.0


def test_tries_come_less_and_less_often_while_nothing_helps():
    watch, now, waits = FrameWatch(LIMITS, now=0.0), 0.0, []
    for _ in range(8):
        watch.failed("unplugged", now)
        waits.append(watch.look_at() - now)
        now = watch.look_at()
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_an_old_frame_is_trouble_only_beyond_the_limit_and_has_it_tried_soon():
    watch = FrameWatch(LIMITS, now=0.0)
    watch.saw(0.0)
    watch.aged(5.0, 5.0)
    assert watch.trouble is None
    watch.aged(5.1, 5.1)
    assert "no frame" in watch.trouble
    assert watch.look_at() == 7.1
    watch.aged(6.1, 6.1)
    assert watch.look_at() == 7.1


def test_a_reboot_is_wanted_only_after_all_the_time_that_was_given_to_other_remedies():
    watch = FrameWatch(LIMITS, now=0.0)
    watch.failed("unplugged", 10.0)
    watch.failed("unplugged", 909.0)
    assert not watch.wants_reboot(909.0)
    assert watch.wants_reboot(910.0)
    watch.saw(911.0)
    watch.failed("unplugged", 912.0)
    assert not watch.wants_reboot(1000.0)


@pytest.mark.parametrize(
    ("past", "now", "uptime", "because"),
    [
        ([], MORNING, 1799.0, "started"),
        ([], 1000.0, 9999.0, "clock"),
        ([MORNING + 1], MORNING, 9999.0, "clock"),
        ([MORNING - 7200, MORNING - 3600], MORNING, 9999.0, "2 of 2"),
        ([MORNING - 600], MORNING, 9999.0, PATH_UNIT),
    ],
)
def test_a_reboot_is_held_back_with_the_reason(past, now, uptime, because):
    assert because in held_back(past, now, uptime, RebootLimits())


def test_a_reboot_is_free_again_a_day_later():
    past = [MORNING - DAY, MORNING - 3600]
    assert held_back(past, MORNING, 9999.0, RebootLimits()) is None


def rebooter(folder, now, uptime=9999.0):
    return Rebooter(folder, RebootLimits(), request=folder / "request", wall_clock=lambda: now, uptime=lambda: uptime)


def test_a_reboot_is_counted_on_disk_before_it_is_asked_for(tmp_path):
    assert rebooter(tmp_path, MORNING).ask("unplugged") == "a reboot is asked for"
    assert (tmp_path / "request").read_text() == "unplugged"
    assert (tmp_path / RECORD_FILE).stat().st_mode & 0o777 == 0o600
    # Another start of the daemon knows of it.
    assert rebooter(tmp_path, MORNING + 3600).ask("unplugged") == "a reboot is asked for"
    assert "2 of 2" in rebooter(tmp_path, MORNING + 7200).ask("unplugged")


def test_a_request_is_withdrawn_when_frames_come(tmp_path):
    asker = rebooter(tmp_path, MORNING)
    asker.withdraw()
    asker.ask("unplugged")
    asker.withdraw()
    assert not (tmp_path / "request").exists()
    # It was asked for all the same, and counts.
    assert "no reboot" in rebooter(tmp_path, MORNING + 60).ask("unplugged")


def test_a_reboot_that_cannot_be_counted_is_not_asked_for(tmp_path):
    (tmp_path / RECORD_FILE).mkdir()
    assert "cannot be used" in rebooter(tmp_path, MORNING).ask("unplugged")
    assert not (tmp_path / "request").exists()


@pytest.mark.parametrize("content", ["", "{}", '["soon"]', "[true]", "[1"])
def test_a_damaged_record_allows_no_reboot(tmp_path, content):
    (tmp_path / RECORD_FILE).write_text(content)
    assert "delete it" in rebooter(tmp_path, MORNING).ask("unplugged")
    assert not (tmp_path / "request").exists()


def test_the_path_unit_counts_as_enabled_by_its_link(tmp_path):
    assert not reboot_unit_enabled(tmp_path)
    wants = tmp_path / "multi-user.target.wants"
    wants.mkdir()
    assert not reboot_unit_enabled(tmp_path)
    (wants / PATH_UNIT).symlink_to("/usr/lib/systemd/system/" + PATH_UNIT)
    assert reboot_unit_enabled(tmp_path)


@st.composite
def weeks(draw):
    """Spans in which the camera gives frames or does not, in turn, and sessions that meet it at odd moments."""
    spans = draw(st.lists(st.floats(1.0, 0.25 * DAY), min_size=1, max_size=10))
    sessions = draw(st.lists(st.floats(0.0, sum(spans)), max_size=20))
    return draw(st.booleans()), spans, sorted(sessions)


class World:
    """A board whose camera works in some spans; a look takes no time, a reboot ``boot`` seconds and all memory."""

    def __init__(self, works_first, spans, limits):
        self.limits = limits
        self.edges, self.now = [], 0.0
        working = works_first
        for span in spans:
            self.edges.append((self.now, working))
            self.now += span
            working = not working
        self.end, self.now, self.booted = self.now, 0.0, 0.0
        self.looks, self.reboots = [], []

    def works(self):
        return next(working for start, working in reversed(self.edges) if start <= self.now)

    def meet(self, watch):
        if self.works():
            watch.saw(self.now)
            assert watch.trouble is None
        else:
            watch.failed("unplugged", self.now)
            assert watch.trouble is not None

    def run(self, sessions, ration):
        watch = FrameWatch(self.limits, self.now)
        while True:
            due = watch.look_at()
            if sessions and (due is None or sessions[0] < due):
                self.now = max(self.now, sessions.pop(0))
                if watch.trouble is None:
                    self.meet(watch)
                continue
            if due is None or due >= self.end:
                return watch
            self.now = max(self.now, due)
            self.looks.append(self.now)
            self.meet(watch)
            wall = MORNING + self.now
            if watch.wants_reboot(self.now) and not held_back(self.reboots, wall, self.now - self.booted, ration):
                self.reboots.append(wall)
                self.booted = self.now = self.now + 30.0
                watch = FrameWatch(self.limits, self.now)


@settings(deadline=None)
@given(weeks(), st.integers(1, 4), st.sampled_from([300.0, 1800.0]), st.sampled_from([None, 60.0, 300.0]))
def test_whatever_the_camera_does_tries_and_reboots_are_bounded_and_frames_make_it_ready(week, per_day, apart, every):
    works_first, spans, sessions = week
    limits, ration = WatchLimits(every=every, reboot_after=120.0), RebootLimits(per_day, apart)
    world = World(works_first, spans, limits)
    watch = world.run(sessions, ration)
    for index, reboot in enumerate(world.reboots):
        assert sum(reboot <= other < reboot + DAY for other in world.reboots) <= per_day
        if index:
            assert reboot - world.reboots[index - 1] >= apart
    # Never a busy loop: two looks are at least the first pause apart.
    gaps = [after - before for before, after in zip(world.looks, world.looks[1:], strict=False)]
    assert all(gap >= limits.first_retry - 1e-6 for gap in gaps)
    assert len(world.looks) <= 40 + world.end / limits.first_retry
    # In trouble it always looks again, and within the longest pause.
    if watch.trouble is not None:
        assert watch.look_at() <= world.now + limits.longest_retry
        world.edges.append((watch.look_at(), True))
        world.now = watch.look_at()
        world.meet(watch)
    assert watch.trouble is None
    assert watch.look_at() is None or math.isfinite(watch.look_at())
