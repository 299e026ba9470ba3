"""What the demo says when a terminal keeps it waiting."""

from __future__ import annotations

import asyncio

import pytest

from edge.contracts.enums import TerminalState
from edge.errors import LinkError
from edge.evaluation import demo
from edge.link.embedded import EmbeddedBroker
from edge.link.options import LinkOptions

pytest.importorskip("iotcore", reason="the embedded broker is in the extra 'demo'")


def test_a_state_that_never_comes_is_named(monkeypatch):
    monkeypatch.setattr(demo, "START_SECONDS", 0.1)
    with EmbeddedBroker() as broker, pytest.raises(LinkError, match="disconnected"):
        asyncio.run(demo._wait_for(LinkOptions(broker.host, broker.port), TerminalState.DISCONNECTED))
