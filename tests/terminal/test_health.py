"""What health is made of, and when it is told."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace

import pytest

from edge.contracts.device import OutboxHealth
from edge.session.watched_camera import Sight
from edge.terminal.doctor.context import Finished, Roots
from edge.terminal.health import (
    BoardReader,
    BoardReadings,
    Counts,
    HealthTeller,
    Moment,
    assembled,
)

MOMENT = Moment(wall=1_800_000_000.0, monotonic=500.0, uptime=420.04)
EMPTY = OutboxHealth(waiting=0, waiting_bytes=0, full=False)
THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"


@pytest.fixture
def roots(tmp_path):
    names = ("sys", "proc", "dev", "run", "etc", "usr")
    return Roots(**{name: tmp_path / "root" / name for name in names})


def written(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class Programs:
    def __init__(self, answer=None):
        self.answer, self.asked = answer, []

    def __call__(self, arguments, seconds):
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def reader(folder, roots, command=None, kernel_clock=lambda: None, pid=20):
    return BoardReader(folder, roots=roots, command=command or Programs(), kernel_clock=kernel_clock, pid=pid)


def process(roots, pid, parent, *, pss=None, rss=100, anonymous=30):
    written(roots.proc / f"{pid}/stat", f"{pid} (livegate) S {parent} 1 1")
    written(roots.proc / f"{pid}/status", f"VmRSS:\t{rss} kB\nRssAnon:\t{anonymous} kB\n")
    if pss is not None:
        written(roots.proc / f"{pid}/smaps_rollup", f"55-7f ---p 0 00:00 0 [rollup]\nRss: {rss} kB\nPss: {pss} kB\n")


def test_what_a_board_does_not_tell_is_left_out(tmp_path, roots):
    readings = reader(tmp_path / "missing", roots).read()
    assert readings == BoardReadings()
    health = assembled(MOMENT, 3, None, readings, EMPTY, Counts())
    required = {"at", "bootCount", "uptimeSeconds", "sessions", "decisions", "connections", "outbox"}
    assert set(json.loads(health.to_json())) == {"schemaVersion", *required}


def test_a_board_is_read(tmp_path, roots):
    written(roots.sys / "class/thermal/thermal_zone0/type", "battery\n")
    written(roots.sys / "class/thermal/thermal_zone0/temp", "70000\n")
    written(roots.sys / "class/thermal/thermal_zone1/type", "cpu-thermal\n")
    written(roots.sys / "class/thermal/thermal_zone1/temp", "48312\n")
    written(roots.sys / THROTTLED, "50005\n")
    process(roots, 20, 1, pss=80)
    process(roots, 21, 20, pss=40)
    process(roots, 22, 1, pss=1000)
    readings = reader(tmp_path, roots, kernel_clock=lambda: True).read()
    assert readings.temperature == 48.312
    assert readings.throttling == (
        "now: the voltage is too low",
        "now: the processor is throttled",
    )
    assert readings.rss == 120 * 1024
    assert readings.clock_synchronised is True
    free = os.statvfs(tmp_path)
    assert readings.disk_free == pytest.approx(free.f_bavail * free.f_frsize, rel=0.1)


def test_the_past_is_told_once(tmp_path, roots):
    written(roots.sys / THROTTLED, "50000")
    assert reader(tmp_path, roots).read().throttling == (
        "since the start: the voltage is too low",
        "since the start: the processor is throttled",
    )
    written(roots.sys / THROTTLED, "0")
    assert reader(tmp_path, roots).read().throttling == ()


def test_of_a_capture_process_that_keeps_its_memory_to_itself_only_its_own_pages_count(tmp_path, roots):
    process(roots, 20, 1, pss=80, rss=100)
    process(roots, 21, 20, rss=90, anonymous=25)
    assert reader(tmp_path, roots).read().rss == 125 * 1024


@pytest.mark.parametrize("answer", [None, Finished(1, "", "no"), TimeoutError("hangs")])
def test_a_program_that_does_not_answer_is_not_asked_again(tmp_path, roots, answer):
    programs = Programs(answer)
    reading = reader(tmp_path, roots, programs)
    assert [reading.read().throttling for _ in range(3)] == [None] * 3
    assert programs.asked == [["vcgencmd", "get_throttled"]]


def test_the_program_is_asked_each_time_while_it_answers(tmp_path, roots):
    programs = Programs(Finished(0, "throttled=0x50000\n", ""))
    reading = reader(tmp_path, roots, programs)
    assert len({reading.read().throttling for _ in range(3)}) == 1
    assert len(programs.asked) == 3


@pytest.mark.parametrize(("kernel", "timesyncd", "told"), [(False, True, True), (False, False, False), (None, 0, None)])
def test_the_clock_is_synchronised_by_either_word(tmp_path, roots, kernel, timesyncd, told):
    if timesyncd:
        written(roots.run / "systemd/timesync/synchronized", "")
    assert reader(tmp_path, roots, kernel_clock=lambda: kernel).read().clock_synchronised is told


def test_the_real_board_can_be_read(tmp_path):
    readings = BoardReader(tmp_path).read()
    assert readings.rss is not None
    assert 1024 * 1024 < readings.rss < 1024**4


def test_frames_are_as_old_as_the_camera_says():
    sight = Sight(frame_at=487.66, frames_per_second=14.9311)
    health = assembled(MOMENT, 3, sight, BoardReadings(), EMPTY, Counts(5, 7, 2))
    assert (health.frame_age_seconds, health.frames_per_second) == (12.3, 14.9)
    assert (health.sessions, health.decisions, health.connections) == (5, 7, 2)
    assert (health.at, health.boot_count, health.uptime_seconds) == (MOMENT.wall, 3, 420.0)
    assert assembled(MOMENT, 3, Sight(), BoardReadings(), EMPTY, Counts()).frame_age_seconds is None
    assert assembled(replace(MOMENT, monotonic=1.0), 3, sight, BoardReadings(), EMPTY, Counts()).frame_age_seconds == 0


class Teller:
    """A teller whose waits are seen, and end by themselves, or by news where ``news_in`` names them."""

    def __init__(self, *, random=0.5, faults=0, until=6):
        self.waits, self.told, self.news_in = [], 0, set()
        self.faults, self.until = faults, until
        self.teller = HealthTeller(self.read, self.publish, random=lambda: random, wait=self.wait)

    def read(self):
        if self.faults:
            self.faults -= 1
            raise OSError("cannot be read")
        return assembled(MOMENT, 1, None, BoardReadings(), EMPTY, Counts())

    def publish(self, health):
        assert health.at == MOMENT.wall
        self.told += 1

    async def wait(self, event, seconds):
        self.waits.append((round(seconds, 6), event.is_set()))
        if len(self.waits) in self.news_in:
            self.teller.news()
        if len(self.waits) == self.until:
            raise asyncio.CancelledError

    def run(self):
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(self.teller.run())
        return self.waits


@pytest.mark.parametrize(("random", "period"), [(0.0, 48.0), (0.5, 60.0), (1.0, 72.0)])
def test_it_is_told_at_once_and_then_every_minute_with_a_jitter(random, period):
    teller = Teller(random=random)
    assert teller.run() == [(10.0, False), (period - 10.0, False)] * 3
    assert teller.told == 3


def test_news_are_told_at_once_but_not_within_seconds_of_the_last_time():
    teller = Teller(until=4)
    # While it keeps still, so that the longer wait ends at once.
    teller.news_in = {1}
    assert teller.run() == [(10.0, False), (50.0, True), (10.0, False), (50.0, False)]


def test_a_reading_that_fails_does_not_end_the_telling():
    teller = Teller(faults=2)
    teller.run()
    assert teller.told == 1
