"""The link over a broker that is reached through something which fails in chosen ways."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import aiomqtt
import pytest

from edge.contracts.device import CommandReply, DeviceEvent
from edge.link.answering import Deferred
from edge.link.client import Client
from edge.link.link import _Line
from edge.link.options import LinkOptions

PUBACK, SUBACK = 4, 9


def command(identifier: str) -> bytes:
    return json.dumps({"schemaVersion": "1.0", "id": identifier, "expiresAt": time.time() + 20}).encode()


@dataclass
class Relay:
    """Passes bytes between a terminal and its broker. ``stalled``: neither way, and keeps both connections open.
    ``swallow``: types of packets that do not reach the terminal.
    """

    broker: LinkOptions
    stalled: bool = False
    swallow: set[int] = field(default_factory=set)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self.broker.host, self.broker.port)
        self.writers += [writer, up_writer]

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, down: bool) -> None:
            with contextlib.suppress(OSError):
                while chunk := await source.read(65536):
                    if self.stalled or (down and chunk[0] >> 4 in self.swallow):
                        continue
                    sink.write(chunk)
            # What stalls passes on no end either.
            if not self.stalled:
                sink.close()

        await asyncio.gather(pass_on(reader, up_writer, False), pass_on(up_reader, writer, True))


@pytest.fixture
def relayed(embedded):
    """An async context manager: (relay, options of a broker behind it, options of the broker itself)."""

    @contextlib.asynccontextmanager
    async def begin(**options: object) -> AsyncIterator[tuple[Relay, LinkOptions, LinkOptions]]:
        broker = LinkOptions(embedded.host, embedded.port)
        relay = Relay(broker)
        server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
        try:
            yield relay, replace(broker, port=server.sockets[0].getsockname()[1], **options), broker
        finally:
            server.close()
            relay.cut()
            await server.wait_closed()

    return begin


def events(seen) -> list[str]:
    return [json.loads(message.payload)["message"] for suffix, message in seen if suffix == "event"]


def states(seen) -> list[str]:
    return [json.loads(message.payload)["state"] for suffix, message in seen if suffix == "state"]


def replies(seen, suffix: str) -> list[CommandReply]:
    return [CommandReply.model_validate_json(message.payload) for topic, message in seen if topic == suffix]


def test_an_event_whose_puback_never_comes_is_kept_and_sent_again_in_order(
    relayed, run, until, start_terminal, observe
):
    async def scenario():
        async with (
            relayed() as (relay, options, broker),
            observe(broker) as (_, seen),
            start_terminal(options, answer_seconds=0.5) as terminal,
        ):
            await until(lambda: any(suffix == "info" for suffix, _ in seen), "the announcement")
            relay.swallow = {PUBACK}
            for n in range(3):
                terminal.link.publish_event(DeviceEvent(kind="presence", message=str(n), at=1.0))
            trouble = await until(lambda: terminal.link.trouble, "the time-out")
            assert "does not answer" in trouble.what
            relay.swallow = set()
            await until(lambda: "2" in events(seen), "the last event")
            told = events(seen)
            assert list(dict.fromkeys(told)) == ["0", "1", "2"]
            assert told.count("0") >= 2

    run(scenario())


def test_a_connection_that_stalls_is_given_up_after_the_keepalive_with_words(relayed, run, until, start_terminal):
    async def scenario():
        async with relayed(keepalive=1) as (relay, options, _), start_terminal(options) as terminal:
            relay.stalled = True
            trouble = await until(lambda: terminal.link.trouble, "the keepalive")
            assert "did not hear each other for the keepalive" in trouble.what
            assert "refuses" not in trouble.what
            relay.stalled = False
            await until(lambda: terminal.link.connections >= 2, "the next connection")

    run(scenario())


def test_a_broker_that_drops_each_connection_is_told_twice_and_counted(relayed, run, until, start_terminal, caplog):
    caplog.set_level(logging.INFO, "edge.link")

    async def scenario():
        async with relayed() as (relay, options, _), start_terminal(options) as terminal:
            for n in range(1, 6):
                await until(lambda n=n: terminal.link.connections == n and terminal.link.connected, "a connection")
                relay.cut()
                await until(lambda: not terminal.link.connected, "its end")

    run(scenario())
    told = [record.message.split(":")[0].split(" to ")[0] for record in caplog.records]
    assert told == ["connected", "no connection", "connected", "connections come and go, told no more until one holds"]


@pytest.mark.parametrize("published_meanwhile", [False, True])
def test_what_is_retained_comes_once_on_each_connection_and_before_the_farewell(
    relayed, run, until, start_terminal, observe, published_meanwhile
):
    async def scenario():
        async with relayed() as (relay, options, broker), observe(broker) as (_, seen):

            def heard(suffix):
                return sum(s == suffix for s, _ in seen)

            async with start_terminal(options, spread_seconds=3600.0) as terminal:
                await until(lambda: heard("info") == 1, "the first announcement, which is not spread")
                relay.cut()
                await until(lambda: terminal.link.connections == 2 and terminal.link.connected, "the link again")
                if published_meanwhile:
                    _, info = terminal.link._retained["info"]
                    terminal.link.publish_info(info)
                    await until(lambda: heard("info") == 2, "the info")
                await terminal.link.stop()
            await until(lambda: states(seen)[-1] == "disconnected", "the farewell")
            assert heard("info") == 2
            assert seen[-1][0] == "state"

    run(scenario())


def test_a_terminal_that_stops_over_a_stalled_connection_ends_and_keeps_its_decision(
    relayed, run, until, start_terminal, make_decision, monkeypatch
):
    monkeypatch.setattr("edge.link.link.FAREWELL_SECONDS", 0.1)

    async def scenario():
        async with relayed() as (relay, options, _), start_terminal(options) as terminal:
            relay.stalled = True
            terminal.link.publish_decision(terminal.identity.seal(make_decision(terminal.identity)))
            await terminal.link.stop()
            assert terminal.running.done()
            assert len(terminal.outbox) == 1

    run(scenario())


def test_a_terminal_that_stops_while_it_announces_itself_sends_what_waits_and_says_goodbye(
    relayed, run, until, start_terminal, observe
):
    async def scenario():
        async with relayed() as (relay, options, broker), observe(broker) as (_, seen):
            relay.swallow = {SUBACK}
            async with start_terminal(options, wait=False) as terminal:
                terminal.link.publish_event(DeviceEvent(kind="presence", message="somebody", at=1.0))
                await until(lambda: terminal.link._line, "the broker's CONNACK")
                await terminal.link.stop()
                assert terminal.link.connections == 0
            await until(lambda: "disconnected" in states(seen), "the farewell")
            assert events(seen) == ["somebody"]
            assert states(seen) == ["disconnected"]

    run(scenario())


def test_a_stop_while_a_broken_connection_is_still_being_closed_ends(relayed, run, until, start_terminal, monkeypatch):
    async def scenario():
        closing, closed = asyncio.Event(), asyncio.Event()
        leave = Client.leave

        async def slow(client, **how):
            closing.set()
            await closed.wait()
            await leave(client, **how)

        monkeypatch.setattr(Client, "leave", slow)
        async with relayed() as (relay, options, _), start_terminal(options) as terminal:
            relay.cut()
            await until(closing.is_set, "the closing")
            stopping = asyncio.create_task(terminal.link.stop())
            await asyncio.sleep(0)
            assert not terminal.link.connected
            closed.set()
            await asyncio.wait_for(stopping, 5)
            assert "ended the connection" in terminal.link.trouble.what

    run(scenario())


@pytest.mark.parametrize("deferred", [False, True], ids=["a command", "a later answer"])
def test_a_terminal_that_stops_while_it_carries_out_a_command_says_goodbye_last(
    relayed, run, until, start_terminal, observe, topics, deferred
):
    async def scenario():
        begun = asyncio.Event()

        async def endless(_=None):
            begun.set()
            await asyncio.Event().wait()

        async with relayed() as (_, options, broker), observe(broker) as (client, seen):
            async with start_terminal(options) as terminal:
                terminal.answer = lambda _: Deferred(endless) if deferred else endless()
                await client.publish(topics.command("ping"), command("command-0001"), qos=1)
                await until(begun.is_set, "the command")
                await terminal.link.stop()
            await until(lambda: "disconnected" in states(seen), "the farewell")
            assert seen[-1][0] == "state"
            assert not replies(seen, "res/ping")
            assert "lost" not in states(seen)

    run(scenario())


def test_a_fault_in_taking_a_desired_configuration_ends_no_connection(
    embedded, run, until, start_terminal, observe, topics, caplog
):
    async def scenario():
        broker = LinkOptions(embedded.host, embedded.port)
        heard = []

        async def fails(desired):
            heard.append(desired)
            raise ZeroDivisionError

        async with start_terminal(broker) as terminal, observe(broker) as (client, seen):
            terminal.link._on_desired = fails
            await client.publish(topics.config_desired, b'{"schemaVersion": "1.0", "rev": 1}', qos=1)
            await until(lambda: heard, "the desired configuration")
            await client.publish(topics.command("ping"), command("command-0001"), qos=1)
            await until(lambda: replies(seen, "res/ping"), "the reply")
            assert terminal.link.connections == 1

    run(scenario())
    assert "could not be taken" in caplog.text


def test_nothing_more_begins_on_a_connection_that_is_breaking():
    begun = []

    async def fails():
        raise aiomqtt.MqttError("gone")

    async def never():
        begun.append("begun")

    async def scenario():
        async with asyncio.TaskGroup() as tasks:
            line = _Line(None, tasks)
            assert line.begin(fails(), "fails") is not None
            try:
                await asyncio.sleep(60)
            finally:
                assert line.begin(never(), "farewell") is None

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        asyncio.run(scenario())
    assert begun == []
