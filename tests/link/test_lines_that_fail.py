"""A line that stalls or half closes, a clock that jumps, and brokers of another protocol."""

import asyncio
import json
import time
from dataclasses import replace

import pytest

from edge.contracts.device import CommandReply
from edge.contracts.enums import CommandErrorCode
from edge.link.options import LinkOptions
from edge.link.requester import Requester
from tests.link.proxy import line


def decisions(seen) -> list[bytes]:
    return [message.payload for suffix, message in seen if suffix == "decision"]


def replies(seen, verb: str) -> list[CommandReply]:
    return [CommandReply.model_validate_json(m.payload) for suffix, m in seen if suffix == f"res/{verb}"]


def test_a_stalled_line_is_noticed_when_an_answer_does_not_come(
    mosquitto, run, until, start_terminal, observe, make_decision
):
    async def scenario():
        broker = mosquitto.start()
        async with (
            observe(broker) as (_, seen),
            line(broker) as (stalling, way),
            start_terminal(way, answer_seconds=0.3) as terminal,
        ):
            stalling.stall()
            sealed = terminal.identity.seal(make_decision(terminal.identity))
            terminal.link.publish_decision(sealed)
            trouble = await until(lambda: terminal.link.trouble, "the loss")
            assert "does not answer" in trouble.what
            # Nor do later tries get through, and none of them hangs.
            await until(lambda: stalling.accepted >= 3, "more tries")
            assert len(terminal.outbox) == 1
            stalling.resume()
            await until(lambda: len(terminal.outbox) == 0, "an empty outbox")
            assert set(decisions(seen)) == {sealed}

    run(scenario())


def test_a_line_that_stalls_while_nothing_is_said_is_noticed_by_the_keep_alive(mosquitto, run, until, start_terminal):
    async def scenario():
        broker = mosquitto.start()
        async with line(broker) as (stalling, way), start_terminal(replace(way, keepalive=1)) as terminal:
            stalling.stall()
            await until(lambda: terminal.link.trouble, "the loss")
            stalling.resume()
            await until(lambda: terminal.link.connected, "the connection")

    run(scenario())


def test_a_line_that_is_closed_by_half_is_given_up(mosquitto, run, until, start_terminal, observe, make_decision):
    async def scenario():
        broker = mosquitto.start()
        async with (
            observe(broker) as (_, seen),
            line(broker) as (closing, way),
            start_terminal(way, answer_seconds=0.5) as terminal,
        ):
            closing.half_close()
            await until(lambda: terminal.link.trouble, "the loss")
            sealed = terminal.identity.seal(make_decision(terminal.identity))
            terminal.link.publish_decision(sealed)
            closing.resume()
            await until(lambda: decisions(seen) == [sealed], "the decision")

    run(scenario())


def test_commands_expire_by_the_terminals_clock_whatever_it_jumps_to(
    mosquitto, run, until, start_terminal, observe, topics
):
    ahead = 0.0

    def ping(number: int) -> bytes:
        return json.dumps({"id": f"command-{number:04}", "expiresAt": time.time() + 60}).encode()

    async def scenario():
        nonlocal ahead
        broker = mosquitto.start()
        async with (
            observe(broker) as (client, seen),
            start_terminal(broker, wall_clock=lambda: time.time() + ahead) as terminal,
        ):
            # As on a board that starts in the past, and is then told the time, and a wrong one.
            jumps = ((-86400.0, CommandErrorCode.EXPIRED), (0.0, None), (3600.0, CommandErrorCode.EXPIRED), (0.0, None))
            for number, (seconds, code) in enumerate(jumps):
                ahead = seconds
                await client.publish(topics.command("ping"), ping(number), qos=1)
                await until(lambda: len(replies(seen, "ping")) == number + 1, "the reply")  # noqa: B023
                error = replies(seen, "ping")[-1].error
                assert (error.code if error else None) == code
            # A jump back does not make an id new that was used.
            await client.publish(topics.command("ping"), ping(1), qos=1)
            await until(lambda: len(replies(seen, "ping")) == 5, "the reply")
            assert replies(seen, "ping")[-1].error.code == CommandErrorCode.REPEATED
            assert terminal.link.connected

    run(scenario())


# MQTT 3.1.1, 3.1.2.2: a server that does not know the protocol level answers 0x01 and closes. Some only close.
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x20\x02\x00\x01", "does not speak MQTT 5"),
        (b"", "that the broker speaks MQTT 5"),
        # Takes it for its own protocol, and so leaves the properties' length out.
        (b"\x20\x02\x00\x00", "MQTT 5"),
    ],
)
@pytest.mark.parametrize("side", ["terminal", "requester"])
def test_a_broker_of_mqtt_3_is_told(run, until, start_terminal, topics, answer, words, side):
    async def scenario():
        async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connect = await reader.readuntil(b"\x00\x04MQTT")
            level = await reader.readexactly(1)
            assert connect[0] == 0x10
            assert level == b"\x05"
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(old, "127.0.0.1", 0)
        options = LinkOptions("127.0.0.1", server.sockets[0].getsockname()[1])
        if side == "terminal":
            async with start_terminal(options, wait=False, answer_seconds=1.0) as terminal:
                told = str(await until(lambda: terminal.link.trouble, "the trouble"))
        else:
            with pytest.raises(Exception, match="MQTT 5") as refused:
                async with Requester(options, topics):
                    pass
            told = str(refused.value)
        server.close()
        await server.wait_closed()
        return told

    assert words in run(scenario())
