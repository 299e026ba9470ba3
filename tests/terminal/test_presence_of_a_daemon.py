"""From somebody who has come to the decision, over the embedded broker."""

from __future__ import annotations

import asyncio

import pytest

from edge.contracts.device import DeviceEvent
from edge.contracts.enums import CaptureKind, TerminalState
from edge.link.requester import Requester, Verification
from edge.terminal import visit as visit_module
from tests.session.scripted import ScriptedVision
from tests.terminal.test_daemon import (
    PATIENCE,
    TOPICS,
    Endless,
    Plugged,
    broker,
    configuration,
    heard_until,
    is_state,
    keys,
    loaded,
    quick_watch,
    running,
    session,
    told,
    until,
    with_module,
)

__all__ = ["broker", "loaded"]

FACE = "presence: {face: {looks_per_second: 10, hold_seconds: 0.1, again_after_seconds: 1}, least_seconds: 1}"
BUTTON = "presence: {button: {driver: simulated, every_seconds: 0.5}, least_seconds: 1}"


def is_presence(content):
    return isinstance(content, DeviceEvent) and content.kind == "presence"


def somebody():
    vision = ScriptedVision()
    vision.share = 0.4
    return vision


def nobody():
    vision = ScriptedVision()
    vision.share = None
    return vision


class Lens(Plugged):
    """A live camera of which it is known whether it is open."""

    def __init__(self):
        super().__init__()
        self.opened_times, self.closed_times = 0, 0

    def open(self):
        super().open()
        self.opened_times += 1

    def close(self):
        super().close()
        self.closed_times += 1


@pytest.mark.parametrize("source", ["face", "button"])
def test_somebody_who_comes_is_announced_and_the_session_that_answers_is_timed(tmp_path, broker, monkeypatch, source):
    times = []
    monkeypatch.setattr(visit_module.log, "info", lambda event, **fields: times.append(fields))
    own = configuration(tmp_path, broker.port, more=FACE if source == "face" else BUTTON)

    async def scenario():
        vision = nobody()
        async with (
            running(own, monkeypatch, vision=vision),
            told(broker) as messages,
            Requester(broker, TOPICS, keys=keys(own)) as requester,
        ):
            vision.share = 0.4
            event = (await until(messages, is_presence))[-1]
            assert event.source == source
            started = await requester.start(device_correlation_id=event.id)
            (heard,) = [one async for one in requester.decisions(started, within=PATIENCE)]
            assert heard.verification is Verification.VERIFIED
            assert str(heard.decision.device_correlation_id) == event.id
            await until(messages, is_state(TerminalState.READY))
        (visit,) = times[:1]
        assert visit["source"] == source
        assert visit["presence"] == event.id
        assert 0 <= visit["session"] <= visit["prompt"] <= visit["decision"] <= visit["published"]

    asyncio.run(scenario())


def test_the_session_takes_the_camera_that_the_looks_have_opened(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch)
    own, camera = with_module(tmp_path, broker.port, more=FACE), Lens()

    async def scenario():
        vision = nobody()
        async with (
            running(own, monkeypatch, camera=camera, vision=vision),
            told(broker) as messages,
            Requester(broker, TOPICS, keys=keys(own)) as requester,
        ):
            vision.share = 0.4
            await until(messages, is_presence)
            opened = camera.opened_times
            assert opened == camera.closed_times + 1
            _, (heard,) = await session(requester)
            assert heard.decision.capture is CaptureKind.LIVE
            # The session has closed it; at most the next look has opened it anew.
            assert opened <= camera.opened_times <= opened + 1
            assert camera.closed_times == opened
        assert camera.opened_times == camera.closed_times

    asyncio.run(scenario())


def test_without_presence_the_camera_is_closed_between_sessions(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch)
    own, camera = with_module(tmp_path, broker.port), Lens()

    async def scenario():
        async with running(own, monkeypatch, camera=camera, vision=somebody()):
            await camera.seen()
            assert camera.opened_times == 1
            async with Requester(broker, TOPICS, keys=keys(own)) as requester:
                await session(requester)
            await heard_until(broker, is_state(TerminalState.READY))
            assert camera.opened_times == camera.closed_times == 2

    asyncio.run(scenario())


def test_a_camera_that_is_lost_while_nobody_is_there_makes_it_degraded_and_its_return_ready(
    tmp_path, broker, monkeypatch
):
    quick_watch(monkeypatch)
    own, camera = with_module(tmp_path, broker.port, more=FACE), Lens()

    async def scenario():
        vision = nobody()
        async with running(own, monkeypatch, camera=camera, vision=vision), told(broker) as messages:
            camera.plugged = False
            said = await until(messages, is_state(TerminalState.DEGRADED))
            camera.plugged = True
            said += await until(messages, is_state(TerminalState.READY))
            assert [one.kind for one in said if isinstance(one, DeviceEvent)] == ["fault", "recovered"]

    asyncio.run(scenario())


def test_without_a_connection_nobody_is_announced_now_or_later(tmp_path, broker, monkeypatch):
    own = configuration(tmp_path, broker.port, more=BUTTON)

    async def scenario():
        async with running(own, monkeypatch, camera=Endless()) as daemon:
            published = []
            monkeypatch.setattr(daemon._link, "publish_event", published.append)
            monkeypatch.setattr(type(daemon._link), "connected", property(lambda _: False))
            assert daemon._tell_presence("button") is False
            assert published == []

    asyncio.run(scenario())


def test_a_look_that_hangs_starves_the_watchdog(tmp_path, broker, monkeypatch):
    own = configuration(tmp_path, broker.port)

    async def scenario():
        async with running(own, monkeypatch) as daemon:
            now = 1000.0
            daemon._presence.looking_since = now
            assert daemon.makes_progress(now + 1)
            assert not daemon.makes_progress(now + 61)

    asyncio.run(scenario())
