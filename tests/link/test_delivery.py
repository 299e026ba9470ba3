"""A decision that the broker has acknowledged settles before it is removed."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from edge.errors import LinkError
from edge.link.client import ACCEPTED, NO_MATCHING_SUBSCRIBERS
from edge.link.delivery import Delivery
from edge.link.outbox import Outbox
from edge.link.sending import Refusals

SETTLE = 5.0


class Broker:
    """Acknowledges what is published on it."""

    def __init__(self, reason=ACCEPTED):
        self.reason = reason
        self.published = []

    async def publish_acknowledged(self, _topic, payload):
        self.published.append(payload)
        return self.reason


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outbox(tmp_path):
    with closing(Outbox(tmp_path / "outbox.sqlite")) as outbox:
        yield outbox


@pytest.fixture
def delivery(outbox, clock):
    return Delivery(
        outbox,
        "decision",
        Refusals(),
        on_outbox=lambda: None,
        on_damage=lambda _: None,
        settle_seconds=SETTLE,
        monotonic=clock,
    )


async def connection(delivery, broker):
    """One that ends when all was offered."""
    leaving = asyncio.Event()
    leaving.set()
    await delivery.run(broker, leaving)


async def held(delivery, broker, play):
    """One that lasts while ``play`` runs."""
    serving = asyncio.create_task(delivery.run(broker, asyncio.Event()))
    try:
        await play()
    finally:
        serving.cancel()
        await asyncio.wait((serving,))


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nobody tells when it comes true
            await asyncio.sleep(0.001)


def test_what_a_connection_took_and_broke_after_is_published_again(outbox, delivery):
    outbox.add(b"one")
    outbox.add(b"two")
    broker = Broker()
    asyncio.run(connection(delivery, broker))
    assert broker.published == [b"one", b"two"]
    assert len(outbox) == 2
    asyncio.run(connection(delivery, broker))
    assert broker.published == [b"one", b"two"] * 2


def test_what_a_connection_held_for_is_removed_and_comes_once(outbox, delivery, clock):
    outbox.add(b"one")
    broker = Broker()

    async def play():
        await until(lambda: broker.published)
        clock.now += SETTLE - 0.1
        outbox.add(b"two")
        delivery.wake()
        await until(lambda: len(broker.published) == 2)
        assert len(outbox) == 2
        clock.now += 0.2
        delivery.wake()
        await until(lambda: len(outbox) == 1)
        assert outbox.oldest().payload == b"two"
        clock.now += SETTLE
        delivery.wake()
        await until(lambda: not len(outbox))

    asyncio.run(held(delivery, broker, play))
    assert broker.published == [b"one", b"two"]


def test_what_settles_is_delivered_what_nobody_took_is_not(outbox, delivery):
    broker = Broker()

    async def play():
        outbox.add(b"one")
        delivery.wake()
        await until(lambda: broker.published)
        await until(lambda: not delivery.undelivered)
        broker.reason = NO_MATCHING_SUBSCRIBERS
        outbox.add(b"two")
        assert delivery.undelivered == 1
        delivery.wake()
        # Offered again where it was found before the news of it.
        await until(lambda: broker.published[1:])
        assert set(broker.published[1:]) == {b"two"}
        assert delivery.undelivered == 1

    asyncio.run(held(delivery, broker, play))
    assert delivery.undelivered == 2


def test_a_removal_that_fails_is_tried_again_without_haste(outbox, delivery, clock, monkeypatch):
    outbox.add(b"one")
    broker, tried = Broker(), []

    def fail(row):
        tried.append(row)
        raise LinkError("the disk is full", remedy="make room")

    async def play():
        await until(lambda: broker.published)
        monkeypatch.setattr(outbox, "remove", fail)
        clock.now += SETTLE
        delivery.wake()
        await until(lambda: tried)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert len(tried) == 1
        monkeypatch.undo()
        delivery.wake()
        await until(lambda: not len(outbox))

    asyncio.run(held(delivery, broker, play))
    assert broker.published == [b"one"]
