"""The same link within HTTP, against mosquitto's websockets."""

import asyncio
import json
from dataclasses import replace

import aiomqtt
import click
import pytest
from click.testing import CliRunner

from edge.cli.broker import Broker, broker_options
from edge.config.settings import Link
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.client import connected
from edge.link.embedded import free_port
from edge.link.options import LinkOptions, TlsOptions
from edge.terminal.link_settings import link_options
from tests.link.fleet import wait_for_port


@pytest.fixture
def websockets(mosquitto):
    """How a broker's websockets are reached. mosquitto 2.0.11 does not start with websockets alone."""
    port = free_port("127.0.0.1")
    options = mosquitto.start("allow_anonymous true", f"listener {port} 127.0.0.1", "protocol websockets")
    # The broker opens it after the other.
    wait_for_port(port)
    return replace(options, port=port, websocket_path="/mqtt")


def decisions(seen) -> list[bytes]:
    return [message.payload for suffix, message in seen if suffix == "decision"]


def states(seen) -> list[str]:
    return [json.loads(message.payload)["state"] for suffix, message in seen if suffix == "state"]


def plain(options: LinkOptions, port: int) -> LinkOptions:
    return replace(options, port=port, websocket_path=None)


def test_decisions_and_commands_go_by_websockets(
    mosquitto, websockets, run, until, start_terminal, observe, make_decision, topics
):
    async def scenario():
        async with (
            observe(plain(websockets, mosquitto.port)) as (client, seen),
            start_terminal(websockets) as terminal,
        ):
            sealed = [terminal.identity.seal(make_decision(terminal.identity)) for _ in range(3)]
            for payload in sealed:
                terminal.link.publish_decision(payload)
            await until(lambda: len(terminal.outbox) == 0, "an empty outbox")
            await until(lambda: len(decisions(seen)) == 3, "the decisions")
            assert decisions(seen) == sealed
            # Longer than what one frame's first length byte can say, and than one reading of the socket.
            await client.publish(topics.command("ping"), b"x" * 15_000, qos=1)
            await until(lambda: any(suffix == "res/ping" for suffix, _ in seen), "the refusal")
            await terminal.link.stop()
            await until(lambda: states(seen)[-1:] == ["disconnected"], "the farewell")

    run(scenario())


def test_a_broken_end_by_websockets_publishes_the_will(mosquitto, websockets, run, until, observe, topics):
    will = aiomqtt.Will(topics.state, b'{"state": "lost"}', qos=1)

    async def scenario():
        async with observe(plain(websockets, mosquitto.port)) as (_, seen):
            with pytest.raises(ZeroDivisionError):
                async with connected(websockets, topics.device, will=will):
                    raise ZeroDivisionError
            await until(lambda: states(seen) == ["lost"], "the will")
            async with connected(websockets, topics.device, will=will):
                pass
            async with connected(websockets, topics.device) as client:
                await client.publish_acknowledged(topics.state, b'{"state": "ready"}')
            await until(lambda: "ready" in states(seen), "what was sent after a farewell")
            assert states(seen) == ["lost", "ready"]

    run(scenario())


def test_a_killed_broker_is_noticed_by_websockets_and_found_again(
    mosquitto, websockets, run, until, start_terminal, observe, make_decision
):
    async def scenario():
        async with start_terminal(websockets) as terminal:
            mosquitto.end()
            await until(lambda: terminal.link.trouble, "the loss")
            sealed = terminal.identity.seal(make_decision(terminal.identity))
            terminal.link.publish_decision(sealed)
            mosquitto.start("allow_anonymous true", f"listener {websockets.port} 127.0.0.1", "protocol websockets")
            async with observe(plain(websockets, mosquitto.port)) as (_, seen):
                await until(lambda: decisions(seen), "the decision")
                assert decisions(seen) == [sealed]

    run(scenario())


def trouble_of(run, until, start_terminal, options: LinkOptions) -> LinkError:
    async def scenario():
        async with start_terminal(options, wait=False, answer_seconds=0.5) as terminal:
            return await until(lambda: terminal.link.trouble, "the trouble")

    return run(scenario())


def test_websockets_to_a_port_of_mqtt_are_told(mosquitto, run, until, start_terminal):
    told = trouble_of(run, until, start_terminal, replace(mosquitto.start(), websocket_path="/mqtt"))
    assert f"ws://127.0.0.1:{mosquitto.port}/mqtt does not speak websockets" in told.what
    assert "link.transport" in told.remedy


def test_mqtt_to_a_port_of_websockets_is_told(websockets, run, until, start_terminal):
    told = trouble_of(run, until, start_terminal, replace(websockets, websocket_path=None))
    assert "mqtt://" in told.what
    assert "transport" in told.remedy


def test_a_web_server_without_mqtt_is_told(run, until, start_terminal):
    async def scenario():
        async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(web, "127.0.0.1", 0)
        options = LinkOptions("127.0.0.1", server.sockets[0].getsockname()[1], websocket_path="/chat")
        async with start_terminal(options, wait=False, answer_seconds=0.5) as terminal:
            trouble = await until(lambda: terminal.link.trouble, "the trouble")
            assert "/chat does not speak websockets" in trouble.what
        server.close()
        await server.wait_closed()

    run(scenario())


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "mqtt://localhost:1883"),
        ({"tls": {}}, "mqtts://localhost:8883"),
        ({"transport": "websockets"}, "ws://localhost:80/mqtt"),
        ({"transport": "websockets", "tls": {}, "websocket_path": "/"}, "wss://localhost:443/"),
        ({"transport": "websockets", "port": 8884}, "ws://localhost:8884/mqtt"),
        # Without the transport, the path counts for nothing.
        ({"websocket_path": "/x"}, "mqtt://localhost:1883"),
    ],
)
def test_settings_lead_to_an_address(settings, address):
    assert link_options(Link.model_validate(settings)).address == address


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--websocket-path", "/mqtt"], 0, "ws://localhost:80/mqtt"),
        (["--websocket-path", "/mqtt", "--ca", "ca.crt", "--port", "8884"], 0, "wss://localhost:8884/mqtt"),
        (["--ca", "ca.crt"], 0, "mqtts://localhost:8883"),
        (["--websocket-path", "mqtt"], 2, "begins with /"),
    ],
)
def test_commands_take_a_path_of_websockets(options, code, told):
    @click.command()
    @broker_options
    def show(broker: Broker) -> None:
        click.echo(broker.options.address)

    shown = CliRunner().invoke(show, options)
    assert shown.exit_code == code
    assert told in shown.output


def test_replies_are_asked_for_under_the_name_that_the_broker_knows(tmp_path):
    def named(**options) -> str:
        return Broker(LinkOptions(**options), Topics("livegate", "hq", "gate-1"), None).requester()

    assert named() == "livegate-cli"
    assert named(username="anna") == "anna"
    # It could not stand in a topic.
    assert named(username="Anna/+") == "livegate-cli"
    rubbish = tmp_path / "rubbish.crt"
    rubbish.write_text("rubbish")
    with pytest.raises(LinkError, match=r"rubbish\.crt is not a certificate"):
        named(tls=TlsOptions(None, rubbish, rubbish))
