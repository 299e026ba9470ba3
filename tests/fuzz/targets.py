"""What is fuzzed: for each reader a strategy and what must hold of everything that it draws."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from aiomqtt.message import Message
from hypothesis import strategies as st
from hypothesis import target
from hypothesis.strategies import DrawFn, SearchStrategy
from jsonschema import Draft202012Validator

from edge.contracts.config import ReportedConfig
from edge.contracts.enums import ConfigStatus, Service
from edge.contracts.jws import (
    EnrolledKey,
    EnrolledKeys,
    SignatureError,
    public_jwk,
    read_decision,
    read_public_keys,
    read_unverified,
    thumbprint,
    verify,
)
from edge.contracts.schema import schemas
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.commands import COMMANDS, MAX_COMMAND_BYTES, MAX_LIFETIME_SECONDS, Accepted, read_command
from edge.link.desired import read_desired
from edge.link.options import LinkOptions
from edge.link.payloads import CommandRefused, Inbound
from edge.link.requester import Requester, Verification, _read_reply, hear
from tests.fuzz import hostile
from tests.fuzz.from_schema import from_schema

TOPICS: Final = Topics("livegate", "hq", "gate-1")
NOW: Final = hostile.NOW
KEYS: Final = EnrolledKeys([EnrolledKey(thumbprint(hostile.KEY), hostile.KEY, "gate-1")])
SCHEMAS: Final = schemas()
VALID: Final = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}
CORPUS: Final = sorted(hostile.small().values())
LARGE: Final = sorted(hostile.large().values())
SIGNED: Final = json.dumps(hostile.DECISION).encode()
TOKEN: Final = hostile._signed(SIGNED)
EXPIRES: Final = st.floats(NOW - 10, NOW + MAX_LIFETIME_SECONDS + 10)
SUFFIXES: Final = {
    "state": "state",
    "info": "info",
    "health": "health",
    "event": "event",
    "session.event": f"session/{'5' * 32}/event",
    "decision": "decision",
}


@dataclass(frozen=True)
class Raw:
    """JSON, or nearly, that no Python value gives."""

    text: str


RAW: Final = [
    "NaN", "-Infinity", "1e400", "-1e400", "9" * 400, "-0", "-0.0", "01", "+1", "0x1", "1e-400", "9223372036854775808",
    "1.0", "True", '"\\ud800"', '"\\u0000"', "'x'", '"\t"', "", ",", "}", "[" * 300, '{"a":1,"a":2}',
    "/**/1", '"\\x41"',
]  # fmt: skip
ODD: Final[SearchStrategy[Any]] = (
    st.sampled_from(RAW).map(Raw)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63, -(2**63), 10**30])
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["", "\u0430", "\uff41", "../..", "#", "+", "\x00", "\u202e", "\U0001f600" * 100, "x" * 20_000])
    | st.lists(st.integers() | st.text(max_size=3), max_size=5)
    | st.dictionaries(st.text(max_size=8), st.integers(), max_size=3)
)


def written(value: Any) -> str:
    """JSON; a list of pairs in ``Members`` may name a field twice."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(name)}:{written(inner)}" for name, inner in value) + "}"
    if isinstance(value, dict):
        return written(Members(value.items()))
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


class Members(list[tuple[str, Any]]):
    """An object's, in order."""


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key of it."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


@st.composite
def damaged(draw: DrawFn, documents: SearchStrategy[Any]) -> bytes:
    """A valid document with a few fields of a wrong value, missing, new or there twice; seldom as it was."""
    document = copy.deepcopy(draw(documents))
    for _ in range(draw(st.integers(0, 3))):
        places = _places(document)
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["value", "value", "missing", "new", "renamed"]))
        if how == "value":
            container[key] = draw(ODD)
        elif how == "missing":
            del container[key]
        elif isinstance(container, dict):
            named = draw(st.text(max_size=12) | st.sampled_from(["__proto__", "schema_version", "expires_at", "ID"]))
            container[named] = draw(ODD) if how == "new" else container.pop(key)
    if isinstance(document, dict) and draw(st.integers(0, 9)) == 0 and document:
        twice = draw(st.sampled_from(sorted(document)))
        return written(Members([*document.items(), (twice, draw(ODD))])).encode("utf-8", "surrogatepass")
    return written(document).encode("utf-8", "surrogatepass")


@st.composite
def bent(draw: DrawFn, contents: SearchStrategy[bytes]) -> bytes:
    """Some bytes changed, cut out or put in."""
    content = bytearray(draw(contents))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 3)))
        content[at:end] = draw(st.binary(max_size=4))
    return bytes(content)


# Of ``session.start``: what these ask of one another no schema says (``SessionStart``, tests/link/test_commands.py).
TOGETHER = frozenset(
    {
        *("verifyImage", "verifyTemplate", "verifyConfidenceThreshold", "returnVerifyImageHash"),
        *("enableSessionImage", "sessionImageKey"),
    }
)


def apart(document: dict[str, Any]) -> dict[str, Any]:
    """Without them."""
    return {name: value for name, value in document.items() if name not in TOGETHER}


@cache
def _documents(name: str) -> SearchStrategy[Any]:
    return from_schema(SCHEMAS[name])


@cache
def payloads(name: str) -> SearchStrategy[bytes]:
    """For the message ``name``. Commands are about to expire or have."""
    documents = _documents(name)
    if name.startswith("cmd."):
        documents = st.builds(lambda document, at: document | {"expiresAt": at}, documents, EXPIRES)
    return (
        damaged(documents)
        | bent(documents.map(lambda document: written(document).encode()))
        | bent(st.sampled_from(CORPUS))
        | st.sampled_from(CORPUS)
        | st.binary(max_size=200)
    )


VERBS: Final = st.sampled_from([*COMMANDS, *COMMANDS, "reboot", "x.y.z"])


@st.composite
def commands(draw: DrawFn) -> Inbound:
    verb = draw(VERBS)
    known = verb if verb in COMMANDS else "ping"
    payload = draw(payloads(f"cmd.{known}"))
    root = TOPICS.reply_root()
    wanted = draw(st.none() | st.just(f"{root}controller-1/token") | st.text(max_size=30).map(root.__add__))
    odd = st.text(max_size=20).map(TOPICS.command("").__add__)
    topic = draw(odd) if _seldom(draw) else TOPICS.command(verb)
    payload = draw(st.sampled_from(LARGE)) if _seldom(draw) else payload
    return Inbound(topic, payload, _seldom(draw), wanted, draw(st.none() | st.binary(max_size=300)))


def _seldom(draw: DrawFn) -> bool:
    return draw(st.integers(0, 7)) == 7


def judge_command(inbound: Inbound) -> bool:
    verdict = read_command(inbound, TOPICS, NOW)
    if isinstance(verdict, Accepted):
        # An independent reader of the published schema would have let it pass as well.
        assert not inbound.retain
        assert len(inbound.payload) <= MAX_COMMAND_BYTES
        VALID[f"cmd.{verdict.verb}"].validate(json.loads(inbound.payload))
        assert NOW < verdict.command.expires_at <= NOW + MAX_LIFETIME_SECONDS
        return True
    assert verdict.reply.error is not None
    message = verdict.reply.error.message
    assert message
    assert message.isprintable()
    sent = verdict.reply.to_json()
    target(float(len(sent)), label="bytes of a refusal")
    assert len(sent) <= MAX_COMMAND_BYTES
    if verdict.reply_to is not None:
        assert verdict.reply_to.topic.startswith((TOPICS.response(""), TOPICS.reply_root()))
        assert not set("+#\x00") & set(verdict.reply_to.topic)
    return False


def judge_valid_command(inbound: Inbound) -> bool:
    """What the published schema lets pass, in time, is a command."""
    assert isinstance(read_command(inbound, TOPICS, NOW), Accepted), inbound.payload
    return True


@st.composite
def valid_commands(draw: DrawFn) -> Inbound:
    verb = draw(st.sampled_from(list(COMMANDS)))
    document = apart(draw(_documents(f"cmd.{verb}"))) | {"expiresAt": NOW + draw(st.floats(0.5, 3600))}
    return Inbound(TOPICS.command(verb), json.dumps(document).encode())


def judge_desired(payload: bytes) -> bool:
    try:
        desired = read_desired(Inbound(TOPICS.config_desired, payload))
    except CommandRefused as refused:
        assert refused.message
        assert refused.message.isprintable()
        target(float(len(refused.message)), label="length of a refusal")
        assert len(refused.message) < 8192
        return False
    if desired is None:
        assert not payload
        return False
    VALID["config.desired"].validate(json.loads(payload))
    # What is pushed comes back in what is reported, so it must be sayable, and the same.
    reported = ReportedConfig(
        status=ConfigStatus.APPLIED, service=Service.ACTIVE, config="c" * 64, settings=desired.settings
    )
    assert json.loads(reported.to_json())["settings"] == desired.settings
    return True


@st.composite
def heard(draw: DrawFn) -> tuple[str, bytes]:
    name = draw(st.sampled_from(list(SUFFIXES)))
    other = draw(st.sampled_from([name, name, name, "config.desired", "reply"]))
    suffix = draw(st.just(SUFFIXES[name]) | st.just(SUFFIXES[name]) | st.text(max_size=20))
    return f"{TOPICS.base}/{suffix}", draw(payloads(other))


def judge_heard(message: tuple[str, bytes]) -> bool:
    topic, payload = message
    found = hear(topic, payload, keys=KEYS)
    assert found.payload == payload
    if topic.endswith("/decision"):
        # Nothing here was signed.
        assert found.content.verification is Verification.REFUSED
        assert not found.content.accepts()
        return False
    assert (found.content is None) is bool(found.problem)
    return found.content is not None


@st.composite
def conversations(draw: DrawFn) -> list[tuple[str, bytes]]:
    topics = {
        "state": TOPICS.state,
        "session.event": TOPICS.session_event("5" * 32),
        "decision": TOPICS.decision,
        "reply": "reply",
    }
    names = draw(st.lists(st.sampled_from(list(topics)), min_size=1, max_size=4))
    return [(topics[name], draw(payloads(name))) for name in names]


def judge_conversation(messages: list[tuple[str, bytes]]) -> bool:
    requester = Requester(LinkOptions(), TOPICS, keys=KEYS)
    for topic, payload in messages:
        before = requester.state
        requester._take(Message(requester._reply_topic if topic == "reply" else topic, payload, 1, False, 1, None))
        assert topic == TOPICS.state or requester.state is before
    assert not any(decision.accepts() for decision in requester._decisions)
    return requester.state is not None or bool(requester._progress)


def judge_reply(payload: bytes) -> bool:
    try:
        reply = _read_reply(payload)
    except LinkError as refused:
        assert refused.remedy
        return False
    assert reply.status in {"ok", "error"}
    return True


@st.composite
def tokens(draw: DrawFn) -> str:
    """A token with another header, segment or letter."""
    head, body, signature = TOKEN.split(".")
    usual = {"alg": "EdDSA", "kid": thumbprint(hostile.KEY), "typ": "livegate-decision+json"}
    members = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "zip", "x"])
    odd = st.dictionaries(members, ODD, max_size=3).map(lambda more: hostile.b64(_text(usual | more)))
    segments = st.text("ABab01-_=+/. \n", max_size=90) | st.binary(max_size=70).map(hostile.b64)
    parts = [draw(st.just(part) | other) for part, other in ((head, odd), (body, segments), (signature, segments))]
    token = ".".join(parts) + draw(st.sampled_from(["", "", "", ".", "=", "\n", ".x"]))
    return draw(st.just(token) | bent(st.just(token.encode())).map(lambda content: content.decode("latin-1")))


def _text(value: Any) -> bytes:
    return written(value).encode("utf-8", "surrogatepass")


def judge_token(token: str) -> bool:
    good = False
    for read in (
        lambda: verify(token, KEYS),
        lambda: read_decision(json.dumps({"decision": hostile.DECISION, "jws": token}).encode(), KEYS),
        lambda: read_unverified(json.dumps({"decision": {}, "jws": token}).encode()),
    ):
        try:
            found = read()
        except SignatureError as refused:
            assert refused.remedy
            continue
        if isinstance(found, bytes):
            # Only what the key signed, and only as it was written.
            assert found == SIGNED
            assert token == TOKEN
            good = True
    return good


@st.composite
def signed_contents(draw: DrawFn) -> bytes:
    """A decision that the enrolled key signed all the same: the terminal itself is hostile, or newer."""
    content = draw(damaged(st.just(hostile.DECISION)) | bent(st.just(SIGNED)) | payloads("decision.signed"))
    try:
        readable = content if isinstance(json.loads(content.decode()), dict) else b"{}"
    except (ValueError, RecursionError):
        readable = b"{}"
    return b'{"decision":' + readable + b',"jws":"' + hostile._signed(content).encode() + b'"}'


def judge_signed(payload: bytes) -> bool:
    try:
        decision = read_decision(payload, KEYS)
    except SignatureError as refused:
        assert refused.remedy
        return False
    assert decision.device == "gate-1"
    assert math.isfinite(decision.issued_at)
    assert decision.seq >= 1
    return True


@st.composite
def key_files(draw: DrawFn) -> bytes:
    jwk = public_jwk(hostile.KEY, "gate-1")
    pem = hostile.KEY.as_pem(private=False)
    whole = damaged(st.sampled_from([jwk, {"keys": [jwk, dict(jwk)]}])) | bent(st.just(pem))
    return draw(whole | bent(st.just(json.dumps(jwk).encode())) | st.sampled_from(CORPUS))


def judge_keys(content: bytes) -> bool:
    try:
        keys = read_public_keys(content, "keys.json")
    except SignatureError as refused:
        assert "keys.json" in str(refused)
        return False
    for kid, enrolled in keys.items():
        assert kid == enrolled.kid == thumbprint(enrolled.key)
        assert enrolled.key.curve_name == "Ed25519"
        assert not enrolled.key.is_private
    return True


@dataclass(frozen=True)
class Target:
    """One reader. ``judge`` raises where something does not hold, and tells whether the input was accepted."""

    inputs: SearchStrategy[Any]
    judge: Callable[[Any], bool]


TARGETS: Final[dict[str, Target]] = {
    "commands": Target(commands(), judge_command),
    "valid commands": Target(valid_commands(), judge_valid_command),
    "desired configuration": Target(payloads("config.desired"), judge_desired),
    "listening": Target(heard(), judge_heard),
    "a requester's connection": Target(conversations(), judge_conversation),
    "replies": Target(payloads("reply"), judge_reply),
    "tokens": Target(tokens(), judge_token),
    "signed decisions": Target(signed_contents(), judge_signed),
    "key files": Target(key_files(), judge_keys),
}
