"""A broker that ends and comes back, with and without its memory."""

import json
import signal

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.contracts.config import ReportedConfig
from edge.contracts.device import Health, OutboxHealth
from edge.contracts.enums import ConfigStatus, Service, TerminalState


def last(seen, suffix: str) -> dict | None:
    payloads = [message.payload for heard, message in seen if heard == suffix]
    return json.loads(payloads[-1]) if payloads else None


HEALTH = Health(
    at=1_700_000_000.0,
    boot_count=1,
    uptime_seconds=1.0,
    sessions=0,
    decisions=0,
    connections=1,
    outbox=OutboxHealth(waiting=0, waiting_bytes=0, full=False),
)
REPORTED = ReportedConfig(status=ConfigStatus.APPLIED, rev=7, service=Service.ACTIVE, config="c" * 64)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_broker_without_memory_hears_everything_retained_again(mosquitto, run, until, start_terminal, observe, how):
    async def scenario():
        broker = mosquitto.start()
        async with start_terminal(broker) as terminal:
            terminal.link.publish_state(terminal.state(TerminalState.PAUSED))
            terminal.link.publish_health(HEALTH)
            terminal.link.publish_reported(REPORTED)
            async with observe(broker) as (_, seen):
                await until(lambda: last(seen, "config/reported"), "what is retained")
            mosquitto.end(how)
            await until(lambda: terminal.link.trouble, "the loss")
            mosquitto.start()
            await until(lambda: terminal.link.connected, "the connection")
            # Once as it comes, and once as the broker keeps it.
            for kept in (False, True):
                async with observe(broker) as (_, seen):
                    for suffix in ("state", "info", "health", "config/reported"):
                        await until(lambda suffix=suffix, seen=seen: last(seen, suffix), suffix)
                    assert all(message.retain for _, message in seen) or not kept
            assert last(seen, "state")["state"] == "paused"
            assert last(seen, "health")["at"] == HEALTH.at
            assert last(seen, "config/reported")["rev"] == 7

    run(scenario())


def subscriber(options, identifier: str) -> aiomqtt.Client:
    """One whose subscriptions and messages wait for it."""
    kept = Properties(PacketTypes.CONNECT)
    kept.SessionExpiryInterval = 3600
    return aiomqtt.Client(
        options.host,
        options.port,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=kept,
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_broker_with_memory_wrote_down_survives_its_end(
    mosquitto, run, until, start_terminal, make_decision, topics, tmp_path, how
):
    """A decision for an archive that was away, and a desired configuration. Killed, it has what it saved at SIGUSR1."""
    memory = tmp_path / "memory"
    memory.mkdir()
    lines = ("allow_anonymous true", "persistence true", f"persistence_location {memory}/", "autosave_interval 0")

    async def scenario():
        broker = mosquitto.start(*lines)
        async with subscriber(broker, "archive") as archive:
            await archive.subscribe(topics.decision, qos=1)
            await archive.publish(topics.config_desired, b'{"rev": 1}', qos=1, retain=True)
        async with start_terminal(broker) as terminal:
            sealed = terminal.identity.seal(make_decision(terminal.identity))
            terminal.link.publish_decision(sealed)
            # Taken, for the broker keeps it for the archive.
            await until(lambda: len(terminal.outbox) == 0, "an empty outbox")
            if how is signal.SIGKILL:
                mosquitto.tell(signal.SIGUSR1)
                await until((memory / "mosquitto.db").exists, "the broker's file")
            mosquitto.end(how)
            mosquitto.start(*lines)
            async with subscriber(broker, "archive") as archive:
                await archive.subscribe(topics.config_desired, qos=1)
                heard = {}
                async for message in archive.messages:
                    heard[message.topic.value] = message.payload
                    if len(heard) == 2:
                        break
                assert heard == {topics.decision: sealed, topics.config_desired: b'{"rev": 1}'}

    run(scenario())
