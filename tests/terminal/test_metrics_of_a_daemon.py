"""What the daemon itself counts."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request

import pytest

from edge.contracts.enums import ErrorCode, TerminalState
from edge.link.embedded import free_port
from edge.link.requester import Requester, TerminalRefusedError
from tests.extras import skip_module_without
from tests.terminal.test_daemon import (
    TOPICS,
    ScriptedVision,
    broker,
    configuration,
    heard_until,
    is_state,
    keys,
    running,
    session,
)
from tests.terminal.test_metrics import samples

skip_module_without("metrics", "prometheus_client")

__all__ = ["broker"]


def scraped(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return samples(answer.read().decode())


def test_sessions_decisions_and_refusals_are_counted_while_they_happen(tmp_path, broker, monkeypatch):
    port = free_port("127.0.0.1")
    own = configuration(tmp_path, broker.port, more=f"metrics: {{port: {port}}}")

    async def scenario():
        vision = ScriptedVision()
        async with running(own, monkeypatch, vision=vision), Requester(broker, TOPICS, keys=keys(own)) as requester:
            before = await asyncio.to_thread(scraped, port)
            assert before["livegate_state", ("state", "ready")] == 1
            assert before["livegate_link_connected",] == 1
            assert before["livegate_link_connections_total",] == 1
            assert not any(key[0] == "livegate_sessions_total" for key in before)
            await session(requester)
            await heard_until(broker, is_state(TerminalState.READY))
            vision.margin = -3.0
            await session(requester, attempts=2)
            await heard_until(broker, is_state(TerminalState.READY))
            with pytest.raises(TerminalRefusedError):
                await requester.cancel("0" * 32)
            after = await asyncio.to_thread(scraped, port)
        assert after["livegate_sessions_total", ("outcome", "realface")] == 1
        assert after["livegate_sessions_total", ("outcome", "spoofface")] == 1
        assert after["livegate_decisions_total", ("kind", "judged"), ("result", "spoofface")] == 2
        assert after["livegate_command_refusals_total", ("code", "UnknownSession")] == 1
        assert ErrorCode.NO_FACE_DETECTED.value not in str(after)

    asyncio.run(scenario())


def test_nobody_is_answered_where_no_port_is_named(tmp_path, broker, monkeypatch):
    port = free_port("127.0.0.1")
    own = configuration(tmp_path, broker.port)

    async def scenario():
        async with running(own, monkeypatch):
            with pytest.raises(urllib.error.URLError):
                await asyncio.to_thread(scraped, port)

    asyncio.run(scenario())
