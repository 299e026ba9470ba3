"""Health, commands beside sessions, and waits after failures, of a daemon at work over the embedded broker."""

from __future__ import annotations

import asyncio
import re
import secrets
import time

import aiomqtt
import pytest

from edge.contracts.device import Health, Identify, Ping, Restart, SelfTest, State
from edge.contracts.enums import CommandErrorCode, TerminalState
from edge.link.requester import Requester, TerminalRefusedError
from edge.session.clock import FrameClock
from tests.session.scripted import ScriptedVision
from tests.terminal import test_daemon as given
from tests.terminal.test_daemon import PATIENCE, TOPICS, Endless, configuration, heard_until, is_state, running, session

broker = given.broker
loaded = given.loaded
VERSION = aiomqtt.ProtocolVersion.V5


def command(kind, **fields):
    return kind(id=secrets.token_urlsafe(12), expires_at=time.time() + 30, **fields)


async def ask(requester, verb, kind, **fields):
    return (await requester._ask(verb, command(kind, **fields), 30.0)).data


def test_health_is_told_at_the_start_and_soon_after_a_session(loaded, broker, monkeypatch):
    monkeypatch.setattr("edge.terminal.health.LEAST_SECONDS", 0.01)

    async def scenario():
        async with running(loaded, monkeypatch), Requester(broker, TOPICS) as requester:
            first = await told_health(broker, lambda health: True)
            assert (first.boot_count, first.sessions, first.decisions) == (1, 0, 0)
            assert first.rss_bytes > 1024 * 1024
            assert first.disk_free_bytes > 0
            await session(requester)
            # One that was begun before may be read between the decision and the session's end.
            after = await told_health(broker, lambda health: health.decisions == 1 and health.frames_per_second)
            assert (after.sessions, after.connections) == (1, 1)
            assert after.frame_age_seconds >= 0
            assert after.frames_per_second > 0
            assert after.uptime_seconds >= first.uptime_seconds

    asyncio.run(scenario())


async def told_health(broker, wanted):
    """Retained, so of before as well."""
    async with asyncio.timeout(PATIENCE), aiomqtt.Client(broker.host, broker.port, protocol=VERSION) as client:
        await client.subscribe(TOPICS.health, qos=1)
        async for message in client.messages:
            health = Health.model_validate_json(message.payload, strict=True)
            if wanted(health):
                return health
    raise AssertionError("the subscription ended")


def test_ping_is_answered_while_a_session_runs_and_a_self_test_is_not(loaded, broker, monkeypatch):
    async def scenario():
        async with running(loaded, monkeypatch, camera=Endless([None] * 10_000_000)):
            monkeypatch.setattr(FrameClock, "waited", lambda self, seconds: None)
            async with Requester(broker, TOPICS) as requester:
                assert (await ask(requester, "ping", Ping))["state"] == "ready"
                started = await requester.start()
                told = await ask(requester, "ping", Ping)
                assert (told["state"], told["bootCount"]) == ("busy", 1)
                for verb, kind in (("selftest", SelfTest), ("identify", Identify)):
                    with pytest.raises(TerminalRefusedError) as refused:
                        await ask(requester, verb, kind)
                    assert refused.value.code is CommandErrorCode.BUSY
                await requester.cancel(started.session_id)

    asyncio.run(scenario())


def test_a_self_test_over_mqtt(loaded, broker, monkeypatch):
    async def scenario():
        async with running(loaded, monkeypatch), Requester(broker, TOPICS) as requester:
            told = await ask(requester, "selftest", SelfTest)
            assert told["verdict"] == "ok"
            assert {check["name"]: check["verdict"] for check in told["checks"]}["selftest.outbox"] == "ok"
            await heard_until(broker, is_state(TerminalState.READY))

    asyncio.run(scenario())


def test_somebody_who_fails_waits_and_nobody_else(tmp_path, broker, monkeypatch):
    lenient = configuration(tmp_path, broker.port, more="back_off: {failures: 2, device_longest_seconds: 0}")
    # Of an attack's pictures.
    vision = ScriptedVision(margin=-3.0)

    async def scenario():
        async with running(lenient, monkeypatch, vision=vision), Requester(broker, TOPICS) as requester:
            await session(requester, user_correlation_id="visitor 7", attempts=2)
            with pytest.raises(TerminalRefusedError) as refused:
                await requester.start(user_correlation_id="visitor 7")
            assert refused.value.code is CommandErrorCode.BACKING_OFF
            assert "try again in" in refused.value.remedy
            await heard_until(broker, is_state(TerminalState.READY))
            vision.margin = 3.0
            await session(requester, user_correlation_id="visitor 8")
            await session(requester)
        async with running(lenient, monkeypatch, vision=vision), Requester(broker, TOPICS) as requester:
            with pytest.raises(TerminalRefusedError) as refused:
                await requester.start(user_correlation_id="visitor 7")
            assert refused.value.code is CommandErrorCode.BACKING_OFF

    asyncio.run(scenario())


def test_failures_in_a_row_make_the_device_wait_for_seconds(tmp_path, broker, monkeypatch):
    # So that the third waits for the longest, whatever this machine is busy with.
    strict = configuration(tmp_path, broker.port, more="back_off: {device_failures: 1}")

    async def scenario():
        async with (
            running(strict, monkeypatch, vision=ScriptedVision(margin=-3.0)),
            Requester(broker, TOPICS) as requester,
        ):
            await session(requester, attempts=3)
            with pytest.raises(TerminalRefusedError) as refused:
                await requester.start(user_correlation_id="somebody else")
            assert refused.value.code is CommandErrorCode.BACKING_OFF
            assert re.search(r"whoever made them: try again in [1-8] s$", refused.value.remedy)

    asyncio.run(scenario())


def test_restart_is_answered_and_ends_it_in_good_order(loaded, broker, monkeypatch):

    async def scenario():
        async with running(loaded, monkeypatch) as daemon:
            async with Requester(broker, TOPICS) as requester:
                assert await ask(requester, "restart", Restart) == {"bootCount": 1}
            await heard_until(broker, is_state(TerminalState.DISCONNECTED))
            assert daemon._again.is_set()

    asyncio.run(scenario())


def test_a_restart_that_arrives_again_after_it_is_refused(loaded, broker, monkeypatch):
    once = command(Restart)

    async def scenario():
        async with running(loaded, monkeypatch), Requester(broker, TOPICS) as requester:
            await requester._ask("restart", once, 30.0)
            await heard_until(broker, is_state(TerminalState.DISCONNECTED))
        async with running(loaded, monkeypatch) as daemon, Requester(broker, TOPICS) as requester:
            with pytest.raises(TerminalRefusedError) as refused:
                await requester._ask("restart", once, 30.0)
            assert refused.value.code is CommandErrorCode.REPEATED
            assert not daemon._again.is_set()

    asyncio.run(scenario())


def test_a_reading_of_health_that_fails_ends_nothing(loaded, broker, monkeypatch):
    class Unreadable:
        def read(self):
            raise OSError("cannot be read")

    async def scenario():
        async with running(loaded, monkeypatch) as daemon, Requester(broker, TOPICS) as requester:
            daemon._board = Unreadable()
            await session(requester)
            seen = await heard_until(broker, is_state(TerminalState.READY))
            assert isinstance(seen[-1].content, State)

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))
