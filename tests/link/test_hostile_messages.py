"""A running link under the corpus of tests/fuzz, retained, repeated and expired commands, and floods."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Iterator

import pytest

from edge.contracts.config import DesiredConfig
from edge.contracts.device import CommandReply
from edge.contracts.enums import CommandErrorCode
from edge.link.client import publish_properties
from edge.link.commands import COMMANDS
from edge.link.link import MAX_INCOMING
from edge.link.options import LinkOptions
from edge.link.payloads import CommandRefused
from tests.fuzz import hostile

STORED = {
    file.relative_to(hostile.CORPUS).as_posix(): file.read_bytes()
    for file in sorted(hostile.CORPUS.rglob("*"))
    if file.is_file()
}
# Beyond these the broker has enough, whatever the terminal would say.
LARGE = {name: content for name, content in hostile.large().items() if len(content) < 250_000}
NUMBERS = itertools.count()


@pytest.fixture
def broker(embedded):
    return LinkOptions(embedded.host, embedded.port)


def ping() -> tuple[str, bytes]:
    number = f"ping-{next(NUMBERS):08}"
    return number, json.dumps({"id": number, "expiresAt": hostile.NOW + 10}).encode()


def batches(messages: dict[str, bytes], size: int) -> Iterator[dict[str, bytes]]:
    names = list(messages)
    for start in range(0, len(names), size):
        yield {name: messages[name] for name in names[start : start + size]}


class Sender:
    """Commands to one terminal."""

    def __init__(self, client, seen, topics, until) -> None:
        self._client, self.seen, self._topics, self._until = client, seen, topics, until

    async def ask(self, verb: str, *payloads: bytes) -> list[CommandReply]:
        """All at once; the answers in the same order."""
        wanted = [f"{self._topics.reply_root()}controller-1/n{next(NUMBERS)}" for _ in payloads]
        sent = [
            self._client.publish(
                self._topics.command(verb), payload, qos=1, properties=publish_properties(response_topic=topic)
            )
            for payload, topic in zip(payloads, wanted, strict=True)
        ]
        await asyncio.gather(*sent)
        await self._until(lambda: set(wanted) <= {m.topic.value for _, m in self.seen}, "all answers")
        answers = {m.topic.value: m.payload for _, m in self.seen}
        assert len(answers) == len(self.seen)
        self.seen.clear()
        return [CommandReply.model_validate_json(answers[topic]) for topic in wanted]

    async def is_answered(self) -> bool:
        number, payload = ping()
        (reply,) = await self.ask("ping", payload)
        return reply.status == "ok" and reply.transaction == number


@pytest.fixture
def attacked(broker, start_terminal, observe, topics, until):
    """An async context manager: a terminal whose clock stands at the corpus', and somebody who may write to it."""

    @contextlib.asynccontextmanager
    async def start():
        async with (
            start_terminal(broker, wall_clock=lambda: hostile.NOW) as terminal,
            observe(broker, "_reply/#") as (client, seen),
        ):
            yield terminal, Sender(client, seen, topics, until), client

    return start


@pytest.mark.parametrize("verb", [*COMMANDS, "reboot"])
def test_every_hostile_message_is_refused_and_the_next_command_served(verb, attacked, run):
    async def scenario():
        async with attacked() as (terminal, sender, _):
            # No more than a link lets wait.
            for some in batches(STORED | LARGE, MAX_INCOMING // 2):
                for name, reply in zip(some, await sender.ask(verb, *some.values()), strict=True):
                    assert reply.error is not None, name
                    assert reply.error.code is not CommandErrorCode.INTERNAL, name
            assert terminal.commands == []
            assert len(terminal.outbox) == 0
            assert await sender.is_answered()
            assert [type(command).__name__ for command in terminal.commands] == ["Ping"]
            assert terminal.link.connected
            assert terminal.link.trouble is None

    run(scenario(), seconds=120)


def test_every_hostile_configuration_is_told_as_refused_and_the_next_one_heard(attacked, run, until, topics):
    async def scenario():
        async with attacked() as (terminal, sender, client):
            sent = {name: content for name, content in (STORED | LARGE).items() if content}
            done = 0
            for some in batches(sent, MAX_INCOMING // 2):
                done += len(some)
                kept = zip(some.values(), itertools.cycle([False, True]))
                await asyncio.gather(*(client.publish(topics.config_desired, c, qos=1, retain=r) for c, r in kept))
                await until(lambda done=done: len(terminal.desired) == done, "the refusals")
            assert all(isinstance(heard, CommandRefused) for heard in terminal.desired)
            await client.publish(topics.config_desired, b'{"rev":7}', qos=1, retain=True)
            await until(lambda: isinstance(terminal.desired[-1], DesiredConfig), "a good one")
            assert terminal.desired[-1].rev == 7
            assert terminal.commands == []
            assert await sender.is_answered()

    run(scenario(), seconds=120)


def test_a_command_that_is_expired_or_repeated_is_refused(attacked, run):
    async def scenario():
        async with attacked() as (terminal, sender, _):
            expired = json.dumps({"id": "command-0001", "expiresAt": hostile.NOW - 0.001}).encode()
            for verb in COMMANDS:
                (reply,) = await sender.ask(verb, expired)
                assert reply.error.code in {CommandErrorCode.EXPIRED, CommandErrorCode.MALFORMED}
            assert terminal.commands == []
            _, payload = ping()
            replies = await sender.ask("ping", payload, payload) + await sender.ask("selftest", payload)
            assert [reply.error and reply.error.code for reply in replies] == [None, *[CommandErrorCode.REPEATED] * 2]
            assert len(terminal.commands) == 1

    run(scenario(), seconds=60)


def test_a_retained_command_waits_for_a_terminal_in_vain(broker, run, until, start_terminal, observe, topics):
    async def scenario():
        async with observe(broker, "hq/+/res/#") as (client, seen):
            for verb in COMMANDS:
                await client.publish(topics.command(verb), ping()[1], qos=1, retain=True)
            async with start_terminal(broker, wall_clock=lambda: hostile.NOW) as terminal:
                await until(lambda: len(seen) == len(COMMANDS), "the answers")
                replies = [CommandReply.model_validate_json(message.payload) for _, message in seen]
                assert {reply.error.code for reply in replies} == {CommandErrorCode.RETAINED}
                assert terminal.commands == []
            for verb in COMMANDS:
                await client.publish(topics.command(verb), b"", qos=1, retain=True)

    run(scenario(), seconds=60)


def test_topics_with_odd_levels_are_answered_nowhere_and_end_nothing(attacked, run, topics):
    async def scenario():
        async with attacked() as (terminal, sender, client):
            for level in ("PING", "p\u0456ng", "..", "a" * 2000, " ", "session..start", "\u202egnip"):
                await client.publish(topics.command(level), ping()[1], qos=1)
            assert await sender.is_answered()
            assert len(terminal.commands) == 1

    run(scenario(), seconds=60)


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 16_000], ids=["nothing", "no fields", "deep"])
def test_a_flood_does_not_end_the_link(attacked, run, topics, content):
    async def scenario():
        async with attacked() as (terminal, sender, client):
            flooded = [topics.command("session.start"), topics.config_desired] * (2 * MAX_INCOMING)
            await asyncio.gather(*(client.publish(topic, content, qos=n // 2 % 2) for n, topic in enumerate(flooded)))
            # What waits is bounded: of the flood something may be lost, and what comes in it, so one asks again.
            there = publish_properties(response_topic=f"{topics.reply_root()}controller-1/after")
            while not sender.seen:
                await client.publish(topics.command("ping"), ping()[1], qos=1, properties=there)
            assert CommandReply.model_validate_json(sender.seen[0][1].payload).status == "ok"
            assert {type(command).__name__ for command in terminal.commands} == {"Ping"}
            assert terminal.link.connected
            assert terminal.link.trouble is None

    run(scenario(), seconds=60)
