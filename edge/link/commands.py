"""Commands as they come off the wire, judged before anything is done. Pure: the time is given."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import Any, Final

from edge.contracts.base import CommandBase
from edge.contracts.device import CommandError, CommandReply, Diagnostics, Identify, Ping, Restart, SelfTest
from edge.contracts.enums import CommandErrorCode
from edge.contracts.session import SessionCancel, SessionStart
from edge.contracts.topics import ID_PATTERN, Topics
from edge.errors import LinkError
from edge.link.payloads import CommandRefused, Inbound, read_model, read_object, refuse

log = logging.getLogger(__name__)

MAX_COMMAND_BYTES: Final = CommandBase.max_bytes
MAX_LIFETIME_SECONDS: Final = 3600.0
MAX_REPLY_TOPIC_BYTES: Final = 256
MAX_CORRELATION_BYTES: Final = 256

Command = SessionStart | SessionCancel | Ping | Identify | SelfTest | Restart | Diagnostics
COMMANDS: Final[dict[str, type[Command]]] = {
    "session.start": SessionStart,
    "session.cancel": SessionCancel,
    "ping": Ping,
    "identify": Identify,
    "selftest": SelfTest,
    "restart": Restart,
    "diagnostics": Diagnostics,
}

# What a command with a reference image may have.
MAX_BY_VERB: Final = {"session.start": SessionStart.max_bytes}
REFERENCES: Final = ("verifyImage", "verifyTemplate")

_VERB: Final = re.compile(r"[a-z]{1,16}(?:\.[a-z]{1,16}){0,2}")
_COMMAND_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_REQUESTER: Final = re.compile(ID_PATTERN)
_LEVEL: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where an answer goes."""

    topic: str
    correlation: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command to carry out, once its id is remembered."""

    verb: str
    command: Command
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer to send, and nothing else to do. ``reply_to`` None: the topic is no place to answer for."""

    reply: CommandReply
    reply_to: ReplyTo | None


def ok_reply(transaction: str, data: dict[str, Any] | None = None) -> CommandReply:
    """Raises CommandRefused where ``data`` cannot be sent: too large, or no JSON."""
    try:
        reply = CommandReply(status="ok", transaction=transaction, data=data)
        reply.to_json()
    except (LinkError, ValueError) as error:
        log.error("a reply cannot be sent: %s", error)
        refuse(CommandErrorCode.INTERNAL, "the answer cannot be sent; the terminal's log says more")
    return reply


def error_reply(code: CommandErrorCode, message: str, transaction: str | None = None) -> CommandReply:
    return CommandReply(status="error", transaction=transaction, error=CommandError(code=code, message=message))


def read_command(inbound: Inbound, topics: Topics, now: float) -> Accepted | Refused:
    """Any bytes to a typed command or a typed refusal; never raises on what was received.

    now: Unix time in seconds by the terminal's clock. Checked in this order: topic, Response Topic, retain
    flag, size, verb, JSON, schema version, fields, expiry. Whether the id was used before, the outbox says.
    """
    verb = inbound.topic.removeprefix(topics.command(""))
    if not inbound.topic.startswith(topics.command("")) or not _VERB.fullmatch(verb):
        return Refused(
            error_reply(CommandErrorCode.UNKNOWN_COMMAND, "no verb is spelt like this; see docs/mqtt.md"),
            None,
        )
    reply_to = _reply_to(inbound, topics, verb)
    if isinstance(reply_to, Refused):
        return reply_to
    transaction: str | None = None
    try:
        document = _document(inbound, verb)
        stated = document.get("id")
        transaction = stated if isinstance(stated, str) and _COMMAND_ID.fullmatch(stated) else None
        command = _command(document, inbound.payload, verb)
        _check_time(command.expires_at, now)
    except CommandRefused as refused:
        return Refused(error_reply(refused.code, refused.message, transaction), reply_to)
    return Accepted(verb, command, reply_to)


def _reply_to(inbound: Inbound, topics: Topics, verb: str) -> ReplyTo | Refused:
    own = ReplyTo(topics.response(verb), (inbound.correlation or b"")[:MAX_CORRELATION_BYTES] or None)
    wanted = inbound.response_topic
    if wanted is None:
        return own
    root = topics.reply_root()
    levels = wanted.removeprefix(root).split("/")
    # Elsewhere, a command could make the terminal write to topics that its sender may not.
    if (
        len(wanted) <= MAX_REPLY_TOPIC_BYTES
        and wanted.startswith(root)
        and len(levels) > 1
        and _REQUESTER.fullmatch(levels[0])
        and all(_LEVEL.fullmatch(level) for level in levels[1:])
    ):
        return ReplyTo(wanted, own.correlation)
    message = f"the Response Topic must be {root}<requester>/<token>; answered here instead"
    return Refused(error_reply(CommandErrorCode.MALFORMED, message), own)


def _document(inbound: Inbound, verb: str) -> dict[str, Any]:
    if inbound.retain:
        refuse(
            CommandErrorCode.RETAINED,
            "commands are never retained: clear the topic with an empty retained one, then publish without",
        )
    _check_size(inbound, MAX_BY_VERB.get(verb, MAX_COMMAND_BYTES))
    if inbound.correlation is not None and len(inbound.correlation) > MAX_CORRELATION_BYTES:
        refuse(CommandErrorCode.TOO_LARGE, f"Correlation Data has at most {MAX_CORRELATION_BYTES} bytes")
    if verb not in COMMANDS:
        refuse(CommandErrorCode.UNKNOWN_COMMAND, f"known are {', '.join(COMMANDS)}")
    if not any(field.encode() in inbound.payload for field in REFERENCES):
        _check_size(inbound, MAX_COMMAND_BYTES)
    document = read_object(inbound.payload)
    if not any(document.get(field) is not None for field in REFERENCES):
        _check_size(inbound, MAX_COMMAND_BYTES)
    elif inbound.qos > 0:
        refuse(
            CommandErrorCode.MALFORMED,
            "a reference comes at QoS 0 alone: a broker may store what comes at another; seal it anew and publish so",
        )
    return document


def _check_size(inbound: Inbound, most: int) -> None:
    if len(inbound.payload) > most:
        refuse(CommandErrorCode.TOO_LARGE, f"{len(inbound.payload)} bytes; a command like this has at most {most}")


def _command(document: dict[str, Any], payload: bytes, verb: str) -> Command:
    return read_model(COMMANDS[verb], document, payload)


def _check_time(expires_at: float, now: float) -> None:
    ahead = expires_at - now
    if ahead <= 0:
        refuse(
            CommandErrorCode.EXPIRED,
            f"expired {-ahead:.1f} s ago by the terminal's clock; send a new one, and compare the clocks",
        )
    if ahead > MAX_LIFETIME_SECONDS:
        refuse(
            CommandErrorCode.EXPIRED,
            f"expiresAt lies {ahead:.0f} s ahead of the terminal's clock, and may {MAX_LIFETIME_SECONDS:.0f} s;"
            " shorten it, and compare the clocks",
        )
