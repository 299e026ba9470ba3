import asyncio
import json
import logging

import pytest

from edge.contracts.enums import CommandErrorCode
from edge.link.answering import MAX_DEFERRED, Answering, Deferred
from edge.link.outbox import Outbox
from edge.link.payloads import CommandRefused, Inbound

NOW = 1_700_000_000.0


@pytest.fixture
def answering(tmp_path, topics):
    """Answering with a handler, the replies that it sent as (topic, reply)."""
    outbox = Outbox(tmp_path / "outbox.db")

    def make(handler):
        sent = []
        told = Answering(
            topics,
            outbox,
            handler,
            lambda to, reply: sent.append((to.topic, reply)),
            wall_clock=lambda: NOW,
            on_outbox=lambda: None,
        )
        return told, sent

    yield make
    outbox.close()


def inbound(topics, n: int, verb: str = "ping") -> Inbound:
    payload = {"schemaVersion": "1.0", "id": f"command-{n:04}", "expiresAt": NOW + 10}
    return Inbound(topics.command(verb), json.dumps(payload).encode())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_an_answer_may_come_later_while_the_next_command_is_answered_at_once(answering, run, topics):
    async def scenario():
        ready = asyncio.Event()

        async def later():
            await ready.wait()
            return {"passed": True}

        async def handle(command):
            return Deferred(later) if command.id == "command-0001" else {"now": 1}

        told, sent = answering(handle)
        async with told:
            await told.hear(inbound(topics, 1, "selftest"))
            await told.hear(inbound(topics, 2))
            assert [(topic, reply.transaction) for topic, reply in sent] == [(topics.response("ping"), "command-0002")]
            ready.set()
            await settle()
            assert [reply.transaction for _, reply in sent] == ["command-0002", "command-0001"]
            topic, reply = sent[-1]
            assert (topic, reply.status, reply.data) == (topics.response("selftest"), "ok", {"passed": True})

    run(scenario())


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (CommandRefused(CommandErrorCode.BUSY, "a session is running"), CommandErrorCode.BUSY),
        (ZeroDivisionError(), CommandErrorCode.INTERNAL),
    ],
)
def test_a_later_no_is_the_error_reply(answering, run, topics, raised, code):
    async def scenario():
        async def later():
            raise raised

        async def handle(_):
            return Deferred(later)

        told, sent = answering(handle)
        async with told:
            await told.hear(inbound(topics, 1))
            await settle()
            ((_, reply),) = sent
            assert (reply.status, reply.transaction, reply.error.code) == ("error", "command-0001", code)

    run(scenario())


@pytest.mark.parametrize("deferred", [False, True], ids=["now", "later"])
def test_what_cancels_itself_inside_a_handler_is_a_fault_and_leaves_no_deaf_terminal(answering, run, topics, deferred):
    async def scenario():
        async def cancelled(_=None):
            raise asyncio.CancelledError

        async def handle(_):
            return Deferred(cancelled) if deferred else await cancelled()

        told, sent = answering(handle)
        async with told:
            await told.hear(inbound(topics, 1))
            await settle()
            assert [reply.error.code for _, reply in sent] == [CommandErrorCode.INTERNAL]

    run(scenario())


def test_a_connection_that_ends_cancels_what_is_deferred_and_answers_nobody(answering, run, topics, caplog):
    async def scenario():
        ended = []

        async def later():
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        async def handle(_):
            return Deferred(later)

        told, sent = answering(handle)
        async with told:
            await told.hear(inbound(topics, 1, "selftest"))
            await settle()
        assert (ended, sent) == ([True], [])

    run(scenario())
    assert "selftest is not answered: the connection ended first" in caplog.text


def test_too_many_later_answers_are_busy_and_begin_no_work(answering, run, topics, caplog):
    caplog.set_level(logging.INFO, "edge.link")

    async def scenario():
        begun = 0
        ready = asyncio.Event()

        async def later():
            nonlocal begun
            begun += 1
            await ready.wait()

        async def handle(_):
            return Deferred(later)

        told, sent = answering(handle)
        async with told:
            for n in range(MAX_DEFERRED + 1):
                await told.hear(inbound(topics, n))
            await settle()
            assert begun == MAX_DEFERRED
            assert [reply.error.code for _, reply in sent] == [CommandErrorCode.BUSY]
            ready.set()
            await settle()
            assert len(sent) == MAX_DEFERRED + 1
            await told.hear(inbound(topics, 99))
            await settle()
            assert sent[-1][1].status == "ok"

    run(scenario())
