import asyncio
import json
import logging
import socket
import time
from pathlib import Path

import aiomqtt
import pytest

from edge.contracts.device import CommandReply, DeviceEvent, SelfTest, State
from edge.contracts.enums import CommandErrorCode, TerminalState
from edge.contracts.session import SessionProgress
from edge.link.answering import Deferred
from edge.link.backoff import FullJitter
from edge.link.client import publish_properties
from edge.link.embedded import EmbeddedBroker, free_port
from edge.link.options import LinkOptions
from edge.link.payloads import CommandRefused


@pytest.fixture
def broker(embedded):
    return LinkOptions(embedded.host, embedded.port)


def command(**fields) -> bytes:
    return json.dumps({"schemaVersion": "1.0", "id": "command-0001", "expiresAt": time.time() + 20, **fields}).encode()


def seen_states(seen) -> list[str]:
    return [json.loads(message.payload)["state"] for suffix, message in seen if suffix == "state"]


def replies(seen, suffix="res/session.start") -> list[CommandReply]:
    return [CommandReply.model_validate_json(message.payload) for topic, message in seen if topic == suffix]


def test_a_terminal_announces_itself_and_both_messages_are_retained(
    broker, run, until, start_terminal, observe, topics
):
    async def scenario():
        async with start_terminal(broker):
            async with observe(broker) as (_, seen):
                await until(lambda: {"state", "info"} <= {suffix for suffix, _ in seen}, "state and info")
            async with observe(broker) as (_, seen):
                await until(lambda: {"state", "info"} <= {suffix for suffix, _ in seen}, "what the broker keeps")
            by_suffix = dict(seen)
            assert all(by_suffix[suffix].retain for suffix in ("state", "info"))
            assert json.loads(by_suffix["state"].payload) == {
                "schemaVersion": "1.0",
                "state": "ready",
                "bootCount": 1,
            }
            assert json.loads(by_suffix["info"].payload)["device"] == topics.device

    run(scenario())


def test_a_farewell_says_disconnected_and_the_will_stays_unsaid(broker, run, until, start_terminal, observe):
    async def scenario():
        async with observe(broker) as (_, seen):
            async with start_terminal(broker):
                pass
            await until(lambda: "disconnected" in seen_states(seen), "the farewell")
        async with observe(broker) as (_, seen):
            await until(lambda: seen_states(seen), "the retained state")
            assert seen_states(seen) == ["disconnected"]

    run(scenario())


def test_a_link_that_is_cut_down_is_lost_and_the_will_names_its_boot(
    broker, run, until, start_terminal, observe, caplog
):
    async def scenario():
        async with observe(broker) as (_, seen), start_terminal(broker) as terminal:
            terminal.running.cancel()
            await until(lambda: "lost" in seen_states(seen), "the will")
            lost = [m for s, m in seen if s == "state"][-1]
            assert State.model_validate_json(lost.payload) == State(state=TerminalState.LOST, boot_count=1)
            assert not terminal.link.connected

    run(scenario())
    assert not caplog.records


def test_the_second_boot_counts_two(broker, run, until, start_terminal, observe):
    async def scenario():
        async with start_terminal(broker):
            pass
        async with start_terminal(broker), observe(broker) as (_, seen):
            await until(lambda: seen_states(seen) == ["ready"], "the announcement")
            assert json.loads(dict(seen)["state"].payload)["bootCount"] == 2

    run(scenario())


def test_a_command_is_answered_on_its_response_topic_with_its_correlation(
    broker, run, until, start_terminal, observe, topics
):
    async def scenario():
        async with start_terminal(broker) as terminal, observe(broker) as (client, seen):
            wanted = f"{topics.prefix}/v1/_reply/controller-1/token"
            await client.publish(
                topics.command("session.start"),
                command(),
                qos=1,
                properties=publish_properties(response_topic=wanted, correlation=b"\x01\x02"),
            )
            await until(lambda: wanted in dict(seen), "the reply")
            reply = dict(seen)[wanted]
            assert reply.properties.CorrelationData == b"\x01\x02"
            assert CommandReply.model_validate_json(reply.payload) == CommandReply(
                status="ok", transaction="command-0001", data={"sessionId": "0" * 32}
            )
            assert not reply.retain
            assert [c.id for c in terminal.commands] == ["command-0001"]

    run(scenario())


def test_without_a_response_topic_the_answer_is_on_res(broker, run, until, start_terminal, observe, topics):
    async def scenario():
        async with start_terminal(broker), observe(broker) as (client, seen):
            await client.publish(topics.command("session.start"), command(), qos=1)
            (reply,) = await until(lambda: replies(seen), "the reply")
            assert reply.status == "ok"

    run(scenario())


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\xff\x00", CommandErrorCode.MALFORMED),
        (b"{}", CommandErrorCode.MALFORMED),
        (b" " * 20_000, CommandErrorCode.TOO_LARGE),
        (command(expiresAt=1.0), CommandErrorCode.EXPIRED),
        (command(schemaVersion="9.0"), CommandErrorCode.UNSUPPORTED_SCHEMA),
    ],
    ids=["no text", "without fields", "too large", "expired", "another schema"],
)
def test_what_cannot_be_a_command_is_answered_and_changes_nothing(
    broker, run, until, start_terminal, observe, topics, payload, code
):
    async def scenario():
        async with start_terminal(broker) as terminal, observe(broker) as (client, seen):
            await client.publish(topics.command("session.start"), payload, qos=1)
            (reply,) = await until(lambda: replies(seen), "the reply")
            assert reply.error.code is code
            assert terminal.commands == []
            assert terminal.link.connected

    run(scenario())


def test_a_repeated_command_is_carried_out_once_even_across_a_restart(
    broker, run, until, start_terminal, observe, topics
):
    async def scenario():
        sent = command()
        async with observe(broker) as (client, seen):
            for _ in range(2):
                async with start_terminal(broker) as terminal:
                    for _ in range(2):
                        before = len(replies(seen))
                        await client.publish(topics.command("session.start"), sent, qos=1)
                        await until(lambda before=before: len(replies(seen)) > before, "the reply")
            statuses = [reply.error and reply.error.code for reply in replies(seen)]
            assert statuses == [None, *[CommandErrorCode.REPEATED] * 3]
            assert terminal.commands == []

    run(scenario())


def test_a_handlers_no_is_the_reply(broker, run, until, start_terminal, observe, topics):
    async def scenario():
        def busy(_):
            raise CommandRefused(CommandErrorCode.BUSY, "a session is running")

        async with start_terminal(broker) as terminal, observe(broker) as (client, seen):
            terminal.answer = busy
            await client.publish(topics.command("session.start"), command(), qos=1)
            (reply,) = await until(lambda: replies(seen), "the reply")
            assert (reply.error.code, reply.error.message) == (CommandErrorCode.BUSY, "a session is running")
            assert terminal.link.refused == {CommandErrorCode.BUSY: 1}

    run(scenario())


def test_a_later_answer_does_not_hold_up_the_next_command(broker, run, until, start_terminal, observe, topics):
    async def scenario():
        ready = asyncio.Event()

        async def later():
            await ready.wait()
            return {"passed": True}

        async with start_terminal(broker) as terminal, observe(broker) as (client, seen):
            terminal.answer = lambda command: Deferred(later) if isinstance(command, SelfTest) else {"at": 1}
            await client.publish(topics.command("selftest"), command(id="command-0001"), qos=1)
            await client.publish(topics.command("ping"), command(id="command-0002"), qos=1)
            await until(lambda: replies(seen, "res/ping"), "the second reply")
            assert not replies(seen, "res/selftest")
            ready.set()
            (reply,) = await until(lambda: replies(seen, "res/selftest"), "the first reply")
            assert (reply.transaction, reply.data) == ("command-0001", {"passed": True})

    run(scenario())


def test_a_fault_of_the_terminal_is_answered_and_ends_nothing(
    broker, run, until, start_terminal, observe, topics, caplog
):
    async def scenario():
        async with start_terminal(broker) as terminal, observe(broker) as (client, seen):
            terminal.answer = lambda _: {}["missing"]
            await client.publish(topics.command("session.start"), command(), qos=1)
            (reply,) = await until(lambda: replies(seen), "the reply")
            assert reply.error.code is CommandErrorCode.INTERNAL
            assert "missing" not in reply.error.message
            assert terminal.link.connected

    run(scenario())
    assert "KeyError" in caplog.text


def test_state_changes_and_prompts_arrive_in_order(broker, run, until, start_terminal, observe):
    async def scenario():
        async with observe(broker) as (_, seen), start_terminal(broker) as terminal:
            link = terminal.link
            link.publish_state(terminal.state(TerminalState.BUSY))
            for state in ("positioning", "passive", "done"):
                link.publish_progress(SessionProgress(session_id="a" * 32, attempt_id=1, state=state))
            link.publish_state(terminal.state(TerminalState.READY))
            await until(lambda: seen_states(seen)[-2:] == ["busy", "ready"], "both states")
            told = [json.loads(m.payload)["state"] for s, m in seen if s in ("state", f"session/{'a' * 32}/event")]
            assert told == ["ready", "busy", "positioning", "passive", "done", "ready"]

    run(scenario())


def test_events_wait_for_a_connection_and_prompts_do_not(run, until, start_terminal, observe):
    async def scenario():
        with EmbeddedBroker() as late:
            pass
        options = LinkOptions(late.host, late.port)
        watched = asyncio.Event()
        async with start_terminal(options, wait=False, sleep=lambda _: watched.wait()) as terminal:
            terminal.link.publish_event(DeviceEvent(kind="presence", message="somebody", at=1.0))
            terminal.link.publish_progress(SessionProgress(session_id="a" * 32, attempt_id=1, state="old"))
            await until(lambda: terminal.link.trouble, "the trouble")
            with EmbeddedBroker(late.port):
                async with observe(options) as (_, seen):
                    watched.set()
                    await until(lambda: "event" in dict(seen), "the event")
                    assert json.loads(dict(seen)["event"].payload)["kind"] == "presence"
                    assert not any(suffix.startswith("session/") for suffix, _ in seen)
                await terminal.link.stop()

    run(scenario())


def test_a_free_port_is_none_that_a_waiting_client_could_connect_to_itself_on():
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    taken = [free_port("127.0.0.1") for _ in range(20)]
    assert max(taken) < first_outgoing
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", taken[0]))


def test_without_a_broker_the_link_stays_up_tells_it_once_and_delivers_later(
    run, until, start_terminal, observe, make_decision, caplog
):
    caplog.set_level(logging.INFO, "edge.link")

    async def scenario():
        with EmbeddedBroker() as late:
            pass
        options = LinkOptions(late.host, late.port)
        tries = 0

        async def sleep(seconds: float) -> None:
            nonlocal tries
            tries += 1
            await asyncio.sleep(seconds)

        async with start_terminal(options, wait=False, sleep=sleep) as terminal:
            terminal.link.publish_decision(terminal.identity.seal(make_decision(terminal.identity)))
            await until(lambda: tries >= 4, "four tries")
            assert [r.message for r in caplog.records] == [
                f"no connection: nothing listens at mqtt://127.0.0.1:{late.port}"
                " (start the broker, or correct link.host and link.port)"
            ]
            assert len(terminal.outbox) == 1
            with EmbeddedBroker(late.port):
                await until(lambda: terminal.link.connected, "the connection")
                assert terminal.link.trouble is None
                await until(lambda: len(terminal.outbox) == 0, "the delivery")
                await terminal.link.stop()

    run(scenario())


def test_decisions_leave_in_order_from_any_thread_and_the_outbox_empties(
    broker, run, until, start_terminal, observe, make_decision
):
    async def scenario():
        async with observe(broker) as (_, seen), start_terminal(broker) as terminal:
            sealed = [terminal.identity.seal(make_decision(terminal.identity)) for _ in range(20)]

            def publish_all() -> None:
                for payload in sealed:
                    terminal.link.publish_decision(payload)

            await asyncio.to_thread(publish_all)
            await until(lambda: len(terminal.outbox) == 0, "an empty outbox")
            await until(lambda: sum(s == "decision" for s, _ in seen) == 20, "twenty decisions")
            assert [m.payload for s, m in seen if s == "decision"] == sealed
            assert not any(m.retain for s, m in seen if s == "decision")

    run(scenario())


def test_what_waits_is_sent_before_the_farewell(broker, run, until, start_terminal, observe, make_decision):
    async def scenario():
        async with observe(broker) as (_, seen):
            async with start_terminal(broker) as terminal:
                for n in range(5):
                    terminal.link.publish_decision(terminal.identity.seal(make_decision(terminal.identity)))
                    terminal.link.publish_event(DeviceEvent(kind="presence", message=str(n), at=1.0))
                await terminal.link.stop()
                assert len(terminal.outbox) == 0
            await until(lambda: "disconnected" in seen_states(seen), "the farewell")
            sent = [suffix for suffix, _ in seen]
            assert sent.count("decision") == sent.count("event") == 5
            assert sent[-1] == "state"

    run(scenario())


def test_a_damaged_outbox_is_told_in_an_event(broker, run, until, start_terminal, observe, tmp_path):
    async def scenario():
        async with start_terminal(broker):
            pass
        (tmp_path / "state" / "outbox.db").write_bytes(b"not a database" * 100)
        async with observe(broker) as (_, seen), start_terminal(broker):
            await until(lambda: "event" in dict(seen), "the event")
            told = json.loads(dict(seen)["event"].payload)
            assert told["kind"] == "fault"
            assert "outbox.db.damaged-1" in told["message"]

    run(scenario())


def test_too_many_waiting_events_drop_the_oldest_and_say_so(run, start_terminal, caplog):
    async def scenario():
        async with start_terminal(LinkOptions("127.0.0.1", 1), wait=False) as terminal:
            for n in range(510):
                terminal.link.publish_event(DeviceEvent(kind="presence", message=str(n), at=1.0))
            waiting = [json.loads(p.payload)["message"] for p in terminal.link._queue.waiting]
            assert waiting == [str(n) for n in range(10, 510)]

    run(scenario())
    assert "the oldest was dropped (event)" in caplog.text


@pytest.mark.parametrize("after_a_try", [False, True])
def test_stop_ends_a_link_that_never_connected(run, until, start_terminal, after_a_try):
    async def scenario():
        async with start_terminal(
            LinkOptions("127.0.0.1", 1), wait=False, backoff=FullJitter(lambda: 1.0, base=3600.0, cap=3600.0)
        ) as terminal:
            if after_a_try:
                await until(lambda: terminal.link.trouble, "the trouble")
            await terminal.link.stop()
            await terminal.link.stop()
            await asyncio.wait_for(terminal.running, 5)

    run(scenario(), seconds=10)


def test_a_link_runs_once(broker, run, start_terminal):
    async def scenario():
        async with start_terminal(broker) as terminal:
            with pytest.raises(RuntimeError, match="once"):
                await terminal.link.run(terminal.handle)

    run(scenario())


def test_a_fault_inside_the_link_is_logged_and_the_link_comes_back(
    broker, run, until, start_terminal, monkeypatch, caplog
):
    async def scenario():
        async with start_terminal(broker) as terminal:
            oldest = terminal.outbox.oldest

            def faulty():
                monkeypatch.setattr(terminal.outbox, "oldest", oldest)
                raise ZeroDivisionError

            monkeypatch.setattr(terminal.outbox, "oldest", faulty)
            terminal.link._delivery.wake()
            await until(lambda: "fault of its own" in caplog.text, "the fault")
            await until(lambda: terminal.link.connected, "the link again")

    run(scenario())


def test_the_embedded_broker_frees_its_port(embedded):
    with EmbeddedBroker() as broker:
        port = broker.port

    async def ask():
        async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5):
            pass

    with pytest.raises(aiomqtt.MqttError, match="refused"):
        asyncio.run(ask())
