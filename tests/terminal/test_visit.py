"""How long somebody waited is told once, of the presence that a session answered."""

from __future__ import annotations

import uuid

import pytest

from edge.terminal import visit as visit_module
from edge.terminal.visit import ANSWER_SECONDS, VisitTimes

PRESENCE = uuid.UUID(int=7)


@pytest.fixture
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(visit_module.log, "info", lambda event, **fields: lines.append(fields))
    return lines


def come(at=100.0):
    times = VisitTimes()
    times.announced("face", PRESENCE, at)
    return times


@pytest.mark.parametrize("correlation", [None, PRESENCE])
def test_each_step_counts_from_the_presence(logged, correlation):
    times = come()
    times.started(correlation, 100.02)
    times.prompted(100.03)
    times.prompted(104.0)
    times.decided(103.0)
    times.decided(108.0)
    times.delivered(103.01)
    times.delivered(109.0)
    assert logged == [
        {
            "source": "face",
            "presence": str(PRESENCE),
            "session": 0.02,
            "prompt": 0.03,
            "decision": 3.0,
            "published": 3.01,
        }
    ]


def test_a_session_for_another_reason_is_no_answer(logged):
    times = come()
    times.started(uuid.UUID(int=8), 100.02)
    times.decided(103.0)
    times.delivered(103.01)
    assert logged == []


def test_a_session_much_later_is_no_answer(logged):
    times = come()
    times.started(None, 100.0 + ANSWER_SECONDS + 1)
    times.decided(140.0)
    times.delivered(140.1)
    assert logged == []


def test_nothing_is_told_before_the_decision_nor_without_a_presence(logged):
    nobody = VisitTimes()
    nobody.started(None, 1.0)
    nobody.prompted(2.0)
    nobody.decided(3.0)
    nobody.delivered(4.0)
    times = come()
    times.delivered(100.1)
    times.started(None, 100.2)
    times.delivered(100.3)
    assert logged == []
