"""What docs/asyncapi.json says of QoS, retention and expiry, against what a link and a requester publish."""

import contextlib
import json
import re
import time
from pathlib import Path

import pytest
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.contracts.base import MAX_PACKET_BYTES
from edge.contracts.config import ReportedConfig
from edge.contracts.device import DeviceEvent, Health, OutboxHealth
from edge.contracts.enums import ConfigStatus, Service, TerminalState
from edge.contracts.session import SealedImage, SessionProgress
from edge.link.client import publish_properties
from edge.link.requester import Requester

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
SESSION = "5" * 32


@pytest.fixture
def broker(mosquitto):
    # The embedded broker sends everything with the subscription's QoS.
    return mosquitto.start()


def operations(action: str) -> dict[str, tuple[str, dict]]:
    """Address and MQTT binding by channel."""
    found = {}
    for operation in DOCUMENT["operations"].values():
        if operation["action"] == action:
            channel = operation["channel"]["$ref"].removeprefix("#/channels/")
            found[channel] = DOCUMENT["channels"][channel]["address"], operation["bindings"]["mqtt"]
    return found


def pattern(address: str, topics) -> str:
    known = {"prefix": topics.prefix, "site": topics.site, "device": topics.device}
    parts = re.split(r"\{(\w+)\}", address)
    return "".join(
        re.escape(known.get(part, part)) if i % 2 == 0 or part in known else "[^/]+" for i, part in enumerate(parts)
    )


def channels_of(topic: str, action: str, topics) -> list[str]:
    return [name for name, (address, _) in operations(action).items() if re.fullmatch(pattern(address, topics), topic)]


@contextlib.asynccontextmanager
async def watched(observe, broker, topics):
    """As published: with the QoS and the retain flag of the publisher."""
    async with observe(broker, "nothing") as (client, seen):
        await client.subscribe(f"{topics.prefix}/v1/#", options=SubscribeOptions(qos=2, retainAsPublished=True))
        yield client, seen


def test_a_client_takes_packets_of_the_size_that_the_document_names():
    (size,) = {server["bindings"]["mqtt"]["maximumPacketSize"] for server in DOCUMENT["servers"].values()}
    assert size == MAX_PACKET_BYTES


def test_what_a_terminal_sends_is_as_the_document_says(
    broker, run, until, start_terminal, observe, topics, make_decision
):
    async def scenario():
        async with watched(observe, broker, topics) as (client, seen), start_terminal(broker) as terminal:
            link = terminal.link
            link.publish_state(terminal.state(TerminalState.BUSY))
            link.publish_health(
                Health(
                    at=1.0,
                    boot_count=1,
                    uptime_seconds=1.0,
                    sessions=0,
                    decisions=0,
                    connections=1,
                    outbox=OutboxHealth(waiting=0, waiting_bytes=0, full=False),
                )
            )
            link.publish_reported(ReportedConfig(status=ConfigStatus.NONE, service=Service.ACTIVE, config="c" * 64))
            link.publish_progress(SessionProgress(session_id=SESSION, attempt_id=1, state="passive"))
            link.publish_image(
                SealedImage(
                    session_id=SESSION, attempt_id=1, session_image_id="6" * 32, suite="x", key="k", sealed="A" * 99
                )
            )
            link.publish_event(DeviceEvent(kind="fault", message="dust", at=1.0))
            link.publish_decision(terminal.identity.seal(make_decision(terminal.identity)))
            for n, wanted in enumerate((None, f"{topics.reply_root()}controller-1/token")):
                await client.publish(
                    topics.command("ping"),
                    json.dumps({"id": f"command-000{n}", "expiresAt": time.time() + 20}).encode(),
                    qos=1,
                    properties=publish_properties(response_topic=wanted),
                )
            wanted = set(operations("send"))
            await until(
                lambda: wanted <= {c for _, m in seen for c in channels_of(m.topic.value, "send", topics)},
                "a message of every kind",
            )
        for _, message in seen:
            topic = message.topic.value
            if topic.startswith(topics.command("")):
                continue
            (channel,) = channels_of(topic, "send", topics)
            binding = operations("send")[channel][1]
            assert (message.qos, message.retain) == (binding["qos"], binding["retain"]), topic
            limit = DOCUMENT["components"]["messages"][next(iter(DOCUMENT["channels"][channel]["messages"]))][
                "x-maximum-bytes"
            ]
            assert len(message.payload) <= limit

    run(scenario())


def test_what_a_requester_sends_is_as_the_document_says(broker, run, until, start_terminal, observe, topics):
    async def scenario():
        async with (
            watched(observe, broker, topics) as (_, seen),
            start_terminal(broker),
            Requester(broker, topics, name="controller-1") as requester,
        ):
            session = await requester.start(lifetime=300.0)
            await requester.cancel(session.session_id)
            commands = await until(
                lambda: found if len(found := [m for _, m in seen if "/cmd/" in m.topic.value]) == 2 else None, "both"
            )
            for message in commands:
                (channel,) = channels_of(message.topic.value, "receive", topics)
                binding = operations("receive")[channel][1]
                assert (message.qos, message.retain) == (binding["qos"], binding["retain"])
                expiry = binding["messageExpiryInterval"]
                assert expiry["minimum"] <= message.properties.MessageExpiryInterval <= expiry["maximum"]
                (name,) = DOCUMENT["channels"][channel]["messages"]
                properties = DOCUMENT["components"]["messages"][name]["bindings"]["mqtt"]
                assert re.search(properties["responseTopic"]["pattern"], message.properties.ResponseTopic)
                assert len(message.properties.CorrelationData) <= properties["correlationData"]["maxLength"]

    run(scenario())
