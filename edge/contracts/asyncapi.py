"""AsyncAPI 3.0 of a terminal's topics: who sends what where, with which QoS, how large, and how it is answered.

Specification: https://www.asyncapi.com/docs/reference/specification/v3.0.0, MQTT bindings 0.2.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from edge.contracts.base import MAX_PACKET_BYTES, SCHEMA_VERSION
from edge.contracts.schema import MESSAGES
from edge.contracts.topics import ID_PATTERN, PREFIX_PATTERN, Topics

VERSION: Final = "3.0.0"
_BINDING: Final = "0.2.0"
_TOPICS: Final = Topics("{prefix}", "{site}", "{device}")
_KEEP_ALIVE_SECONDS: Final = 30
# As in edge.link: commands that wait longer in a broker are nobody's wish any more.
_COMMAND_EXPIRY_SECONDS: Final = 30
_CORRELATION_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of topic. ``message``: a name of ``schema.MESSAGES``. ``action``: of the terminal."""

    name: str
    address: str
    message: str
    action: Literal["send", "receive"]
    qos: Literal[0, 1]
    retain: bool
    summary: str


def _up(
    name: str, address: str, summary: str, *, message: str = "", qos: Literal[0, 1] = 1, retain: bool = False
) -> Topic:
    return Topic(name, address, message or name, "send", qos, retain, summary)


def _command(verb: str, summary: str) -> Topic:
    return Topic(f"cmd.{verb}", _TOPICS.command(verb), f"cmd.{verb}", "receive", 1, False, summary)


TOPICS: Final[tuple[Topic, ...]] = (
    _up("state", _TOPICS.state, "What the terminal does; the will says that it is lost", retain=True),
    _up("info", _TOPICS.info, "Versions, modes, policy, hashes of models and configuration", retain=True),
    _up("health", _TOPICS.health, "How camera, board, outbox and clock do", retain=True),
    Topic(
        "config.desired",
        _TOPICS.config_desired,
        "config.desired",
        "receive",
        1,
        True,
        "What the fleet wants of the terminal; an empty retained message clears it",
    ),
    _up("config.reported", _TOPICS.config_reported, "What became of it, and what is in effect", retain=True),
    _up("decision", _TOPICS.decision, "One for each attempt, signed, at least once"),
    _up("session.event", _TOPICS.session_event("{session}"), "Phases, prompts, progress and the last seconds", qos=0),
    _up("session.image", _TOPICS.session_image("{session}"), "One picture, sealed, where one was asked for", qos=0),
    _up("event", _TOPICS.event, "Faults, recoveries and the like"),
    _command("session.start", "Begin a session"),
    _command("session.cancel", "End a running session"),
    _command("ping", "Ask for the state, answered at once"),
    _command("identify", "Show which terminal this is, for somebody who stands before several"),
    _command("selftest", "Try camera, networks and outbox"),
    _command("restart", "End in good order and start again"),
    _command("diagnostics", "What the doctor finds, without switching a light"),
    _up("res", _TOPICS.response("{verb}"), "The answer to a command without a Response Topic", message="reply"),
    _up("reply", f"{_TOPICS.reply_root()}{{requester}}/{{token}}", "The answer to a command at its Response Topic"),
)
# What a decision's jws holds; it is no message of its own.
_CONTENTS: Final = ("decision.signed",)


def document(examples: Mapping[str, bytes], *, schemas_at: str) -> dict[str, Any]:
    """The AsyncAPI document. Payloads are references to ``<schemas_at>/<message>.json``.

    examples: JSON by name of message, or of message and a word after a dot (``reply.error``).
    """
    return {
        "asyncapi": VERSION,
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {
            "mqtts": _server("secure-mqtt", "8883", "MQTT 5 over TLS"),
            "wss": _server("wss", "443", "MQTT 5 in a secure WebSocket, subprotocol mqtt") | {"pathname": "/mqtt"},
        },
        "channels": {topic.name: _channel(topic) for topic in TOPICS} | {"responseTopic": _response_topic()},
        "operations": {_operation_id(topic): _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {
                name: _message(name, examples, schemas_at) for name in dict.fromkeys(topic.message for topic in TOPICS)
            },
            "parameters": _parameters(),
            "schemas": {name: {"$ref": f"{schemas_at}/{name}.json"} for name in _CONTENTS},
            "securitySchemes": {
                "certificate": {
                    "type": "X509",
                    "description": "Of the client; its common name is the client id, so a terminal's device id",
                },
                "password": {
                    "type": "userPassword",
                    "description": "User name and password, where the site's broker asks for them",
                },
            },
        },
    }


def _info() -> dict[str, Any]:
    return {
        "title": "Livegate terminal",
        "version": SCHEMA_VERSION,
        "description": (
            "Everything that a face liveness terminal sends and receives over MQTT 5, from its point of view. "
            "What a terminal says may gain fields without a new version: ignore those you do not know. "
            "What it is told is refused where it does not know a field. "
            f"No packet has more than {MAX_PACKET_BYTES} bytes, but a session.start with a reference where the site "
            "takes one; each message names its own limit. "
            "What the fields mean, and the rule by which a controller may open a door, are in mqtt.md."
        ),
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "tags": [{"name": "liveness"}, {"name": "mqtt5"}],
    }


def _server(protocol: str, port: str, description: str) -> dict[str, Any]:
    return {
        "host": "{broker}:{port}",
        "protocol": protocol,
        "protocolVersion": "5.0",
        "description": description,
        "variables": {
            "broker": {"default": "localhost", "description": "The site's broker"},
            "port": {"default": port},
        },
        "security": [
            {"$ref": "#/components/securitySchemes/certificate"},
            {"$ref": "#/components/securitySchemes/password"},
        ],
        "bindings": {
            "mqtt": {
                "cleanSession": True,
                "keepAlive": _KEEP_ALIVE_SECONDS,
                "maximumPacketSize": MAX_PACKET_BYTES,
                "lastWill": {
                    "topic": _TOPICS.state,
                    "qos": 1,
                    "retain": True,
                    "message": '{"schemaVersion":"1.0","state":"lost","bootCount":…}',
                },
                "bindingVersion": _BINDING,
            }
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    names = [name for name in _parameters() if f"{{{name}}}" in topic.address]
    return {
        "address": topic.address,
        "title": topic.name,
        "summary": topic.summary,
        "messages": {topic.message: {"$ref": f"#/components/messages/{topic.message}"}},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in names},
    }


def _response_topic() -> dict[str, Any]:
    return {
        "address": None,
        "title": "the command's Response Topic",
        "summary": f"Below {_TOPICS.reply_root()}<requester>/; elsewhere is refused",
        "messages": {"reply": {"$ref": "#/components/messages/reply"}},
    }


def _operation_id(topic: Topic) -> str:
    return topic.action + "".join(part.capitalize() for part in topic.name.split("."))


def _operation(topic: Topic) -> dict[str, Any]:
    is_command = topic.name.startswith("cmd.")
    binding: dict[str, Any] = {"qos": topic.qos, "retain": topic.retain, "bindingVersion": _BINDING}
    if is_command:
        binding["messageExpiryInterval"] = {"type": "integer", "minimum": 1, "maximum": _COMMAND_EXPIRY_SECONDS}
    operation: dict[str, Any] = {
        "action": topic.action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "title": topic.name,
        "summary": topic.summary,
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.message}"}],
        "bindings": {"mqtt": binding},
    }
    if is_command:
        operation["reply"] = {
            "address": {
                "location": "$message.header#/responseTopic",
                "description": "The MQTT 5 property Response Topic; without it the answer goes to res/<verb>",
            },
            "channel": {"$ref": "#/channels/responseTopic"},
            "messages": [{"$ref": "#/channels/responseTopic/messages/reply"}],
        }
    return operation


def _message(name: str, examples: Mapping[str, bytes], schemas_at: str) -> dict[str, Any]:
    model = MESSAGES[name]
    limit = size_limit(name)
    message: dict[str, Any] = {
        "name": name,
        "title": model.__name__,
        "contentType": "application/json",
        "description": f"At most {limit} bytes.",
        "payload": {"$ref": f"{schemas_at}/{name}.json"},
        "x-maximum-bytes": limit,
    }
    correlation = {"type": "string", "maxLength": _CORRELATION_BYTES}
    if name.startswith("cmd."):
        message["correlationId"] = {
            "location": "$message.payload#/id",
            "description": "The reply's transaction. Correlation Data, where given, comes back unread as well",
        }
        message["bindings"] = {
            "mqtt": {
                "responseTopic": {"type": "string", "maxLength": 256, "pattern": _reply_pattern()},
                "correlationData": correlation,
                "bindingVersion": _BINDING,
            }
        }
    elif name == "reply":
        message["correlationId"] = {
            "location": "$message.payload#/transaction",
            "description": "id of the command, where it could be read",
        }
        message["bindings"] = {"mqtt": {"correlationData": correlation, "bindingVersion": _BINDING}}
    found = [
        {"name": known, "payload": json.loads(content)}
        for known, content in examples.items()
        if known == name or (known.startswith(f"{name}.") and known not in MESSAGES)
    ]
    if found:
        message["examples"] = found
    return message


def size_limit(name: str) -> int:
    """Bytes of the JSON of a message of ``schema.MESSAGES``."""
    return int(getattr(MESSAGES[name], "max_bytes", MAX_PACKET_BYTES))


def _reply_pattern() -> str:
    return "/v1/_reply/" + ID_PATTERN.strip("^$") + "(?:/[A-Za-z0-9_.-]{1,64})+$"


def _parameters() -> dict[str, Any]:
    verbs = [topic.name.removeprefix("cmd.") for topic in TOPICS if topic.name.startswith("cmd.")]
    return {
        "prefix": {"default": "livegate", "description": f"Of all terminals of a fleet: {PREFIX_PATTERN}"},
        "site": {"description": f"{ID_PATTERN}", "examples": ["hq"]},
        "device": {"description": f"Client id too: {ID_PATTERN}", "examples": ["gate-1"]},
        "session": {"description": "As the reply to session.start named it: 32 digits of a to f and 0 to 9"},
        "verb": {"description": "Of the command that is answered", "enum": verbs},
        "requester": {"description": f"Whoever asks: {ID_PATTERN}", "examples": ["controller-1"]},
        "token": {"description": "One or more levels of the requester's own: ^[A-Za-z0-9_.-]{1,64}$"},
    }
