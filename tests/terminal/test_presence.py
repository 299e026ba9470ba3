"""Who has come is told once, and only while a session could begin."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise

import pytest

from edge.config.presence import FaceLook, GpioButton, Presence
from edge.config.quality import QualityLimits
from edge.contracts.enums import TerminalState
from edge.errors import HardwareError
from edge.terminal import presence as presence_module
from edge.terminal.presence import PresenceTeller, face_limits

PATIENCE = 10
BUTTON = GpioButton(driver="gpio", line=17)


class Bench:
    """A teller whose seconds pass as it sleeps; ``at`` holds what happens at which of them."""

    def __init__(self, presence, *, shares=None, line=None, open_button=None, events=(), until=60.0):
        self.now, self.told, self.faults, self.looks, self.ended = 0.0, [], [], [], []
        self.failed = 0
        self.sayable = True
        self._events = sorted(events, key=lambda event: event[0])
        self._shares, self._until = shares or (lambda now: None), until
        self.done = asyncio.Event()
        self.teller = PresenceTeller(
            presence,
            QualityLimits(),
            look=self.look,
            end_looks=self.end_looks,
            tell=self.tell,
            on_fault=self.faults.append,
            on_camera=self.on_camera,
            open_button=open_button or (lambda _: line),
            monotonic=lambda: self.now,
            sleep=self.sleep,
        )

    async def look(self):
        self.looks.append(self.now)
        share = self._shares(self.now)
        if isinstance(share, Exception):
            raise share
        return share

    async def end_looks(self):
        self.ended.append(self.now)

    def on_camera(self):
        self.failed += 1

    def tell(self, source):
        if self.sayable:
            self.told.append((round(self.now, 2), source))
        return self.sayable

    async def sleep(self, seconds):
        self.pass_by(seconds)
        await asyncio.sleep(0)

    def pass_by(self, seconds):
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self.now, act = self._events.pop(0)
            act()
        self.now = until
        if self.now >= self._until:
            self.done.set()

    async def run(self, *, ready=True):
        if ready:
            self.teller.state_changed(TerminalState.READY)
        running = asyncio.create_task(self.teller.run())
        async with asyncio.timeout(PATIENCE):
            await self.done.wait()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return self


FACE = Presence(face=FaceLook())


def between(*spans):
    """A face that is there in these spans of seconds."""
    return lambda now: 0.4 if any(begin <= now < end for begin, end in spans) else None


def test_a_face_is_told_once_however_long_it_stays():
    bench = asyncio.run(with_bench(FACE, shares=between((10, 50))))
    assert bench.told == [(10.5, "face")]
    assert len(bench.looks) == pytest.approx(4 * 60, abs=4)


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody tells when it comes true
            await asyncio.sleep(0)


async def with_bench(presence, **how):
    return await Bench(presence, **how).run()


def test_a_face_too_far_away_is_nobody():
    assert asyncio.run(with_bench(FACE, shares=lambda now: 0.09)).told == []
    nearer = Presence(face=FaceLook(min_share=0.5))
    assert asyncio.run(with_bench(nearer, shares=lambda now: 0.4)).told == []


@pytest.mark.parametrize("state", [s for s in TerminalState if s is not TerminalState.READY])
def test_nobody_is_looked_for_in_any_state_but_ready(state):
    async def scenario():
        bench = Bench(FACE, shares=between((0, 60)), until=20.0)
        bench.teller.state_changed(state)
        running = asyncio.create_task(bench.teller.run())
        for _ in range(20):
            await asyncio.sleep(0)
        assert bench.looks == []
        # A session's camera is the session's to close.
        assert bool(bench.ended) is (state is not TerminalState.BUSY)
        bench.teller.state_changed(TerminalState.READY)
        async with asyncio.timeout(PATIENCE):
            await bench.done.wait()
        running.cancel()
        assert len(bench.told) == 1

    asyncio.run(scenario())


def test_after_a_session_whoever_stays_is_told_of_anew():
    async def scenario():
        bench = Bench(FACE, shares=between((0, 100)), until=40.0)
        bench._events = [(10.0, lambda: bench.teller.state_changed(TerminalState.BUSY))]
        bench.teller.state_changed(TerminalState.READY)
        running = asyncio.create_task(bench.teller.run())
        await until(lambda: bench.teller._state is TerminalState.BUSY)
        for _ in range(20):
            await asyncio.sleep(0)
        looked = len(bench.looks)
        bench.now = 20.0
        bench.teller.state_changed(TerminalState.READY)
        async with asyncio.timeout(PATIENCE):
            await bench.done.wait()
        running.cancel()
        assert [source for _, source in bench.told] == ["face", "face"]
        first, second = (when for when, _ in bench.told)
        assert first == 0.5
        assert 25.0 <= second <= 25.5
        assert looked < len(bench.looks)

    asyncio.run(scenario())


def test_what_could_not_be_said_is_said_while_the_face_stays():
    async def scenario():
        bench = Bench(FACE, shares=between((0, 60)), until=30.0)
        bench.sayable = False

        def connect():
            bench.sayable = True

        bench._events = [(12.0, connect)]
        await bench.run()
        ((when, source),) = bench.told
        assert source == "face"
        assert 12.0 <= when <= 16.0

    asyncio.run(scenario())


def test_a_camera_that_fails_is_left_alone_for_longer_and_longer():
    bench = asyncio.run(with_bench(FACE, shares=lambda now: HardwareError("gone", remedy="look"), until=100.0))
    gaps = [round(later - earlier) for earlier, later in pairwise(bench.looks)]
    assert gaps[:4] == [5, 10, 20, 40]
    assert bench.failed == len(bench.looks)
    assert bench.told == []


class Contact:
    """A contact that is pressed as ``pressed`` says; its edges are told where ``tells``."""

    def __init__(self, bench_of, pressed, *, tells=False):
        self._bench_of, self._pressed, self._tells = bench_of, pressed, tells
        self.closed = 0
        self.heard = None

    def level(self):
        return self._pressed(self._bench_of().now)

    def on_edge(self, heard):
        self.heard = heard
        return self._tells

    def close(self):
        self.closed += 1


def pressed_bench(pressed, presence=None, **how):
    async def scenario():
        benches = []
        line = Contact(lambda: benches[0], pressed)
        benches.append(Bench(presence or Presence(button=BUTTON), line=line, until=30.0, **how))
        await benches[0].run()
        assert line.closed == 1
        return benches[0]

    return asyncio.run(scenario())


def test_a_button_is_told_when_it_has_kept_still():
    bench = pressed_bench(lambda now: 10.0 <= now < 10.2)
    ((when, source),) = bench.told
    assert source == "button"
    assert 10.03 <= when <= 10.1


def test_a_bounce_is_no_press_and_a_button_held_is_one():
    assert pressed_bench(lambda now: 10.0 <= now < 10.02).told == []
    assert len(pressed_bench(lambda now: now >= 10.0).told) == 1


def test_a_button_that_is_hammered_is_told_of_at_the_rate_that_is_allowed():
    bench = pressed_bench(lambda now: now % 0.2 < 0.1, Presence(button=BUTTON, least_seconds=10.0))
    times = [when for when, _ in bench.told]
    assert len(times) == 3
    assert all(later - earlier >= 9.99 for earlier, later in pairwise(times))


def test_face_and_button_share_the_rate():
    both = Presence(button=BUTTON, face=FaceLook(), least_seconds=20.0)
    bench = pressed_bench(lambda now: 15.0 <= now < 16.0, both, shares=between((10, 60)))
    assert [source for _, source in bench.told] == ["face"]


def test_a_button_that_tells_its_edges_is_read_only_when_it_does(monkeypatch):
    async def scenario():
        down, reads, benches = [False], [], []

        def pressed(now):
            reads.append(now)
            return down[0]

        line = Contact(lambda: benches[0], pressed, tells=True)
        bench = Bench(Presence(button=BUTTON), line=line)
        benches.append(bench)
        bench.teller.state_changed(TerminalState.READY)
        running = asyncio.create_task(bench.teller.run())
        await until(lambda: line.heard is not None and reads)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(reads) == 1
        down[0] = True
        line.heard()
        await until(lambda: bench.told)
        running.cancel()
        assert len(reads) <= 8

    asyncio.run(scenario())


def test_a_button_that_is_not_there_is_a_fault_once_and_is_tried_again():
    tries = []

    def open_button(_):
        tries.append(len(tries))
        raise HardwareError("no GPIO chip", remedy="connect one")

    async def scenario():
        bench = Bench(Presence(button=BUTTON), open_button=open_button, until=600.0)
        await bench.run()
        assert len(bench.faults) == 1
        assert "no GPIO chip" in bench.faults[0]
        assert len(tries) >= 6

    asyncio.run(scenario())


@pytest.mark.parametrize("looks", [1.0, 4.0, 10.0])
def test_one_look_that_misses_a_face_never_breaks_its_hold(looks):
    assert face_limits(FaceLook(looks_per_second=looks), QualityLimits()).blink > 2 / looks


def test_a_simulated_button_is_opened_without_hardware():
    from edge.config.presence import SimulatedButton  # noqa: PLC0415 - beside its namesake of the simulation

    line = presence_module.open_line(SimulatedButton(driver="simulated", every_seconds=30.0))
    assert line.level() is False
