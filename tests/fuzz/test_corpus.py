"""Every file of the corpus, on every topic that somebody else may write to."""

import json
from pathlib import Path

import pytest
from aiomqtt.message import Message

from edge.contracts.device import State
from edge.contracts.jws import (
    EnrolledKey,
    EnrolledKeys,
    SignatureError,
    read_decision,
    read_public_keys,
    thumbprint,
    verify,
)
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.commands import COMMANDS, Refused, read_command
from edge.link.desired import read_desired
from edge.link.options import LinkOptions
from edge.link.payloads import CommandRefused, Inbound
from edge.link.requester import Requester, Verification, _read_reply, hear
from tests.fuzz import hostile

TOPICS = Topics("livegate", "hq", "gate-1")
KEYS = EnrolledKeys(
    [
        EnrolledKey(thumbprint(hostile.KEY), hostile.KEY, "gate-1"),
        EnrolledKey(thumbprint(hostile.OTHER_KEY), hostile.OTHER_KEY, "gate-2"),
    ]
)
STORED = {
    file.relative_to(hostile.CORPUS).as_posix(): file.read_bytes()
    for file in sorted(hostile.CORPUS.rglob("*"))
    if file.is_file()
}
ALL = STORED | {f"large/{name}": content for name, content in hostile.large().items()}


def of(folder: str) -> dict[str, bytes]:
    return {name: content for name, content in ALL.items() if name.startswith((f"{folder}/", "any/", "large/"))}


def test_the_corpus_is_what_its_script_makes_and_small():
    assert hostile.small() == STORED
    assert sum(map(len, STORED.values())) < 300 * 1024


@pytest.mark.parametrize("verb", [*COMMANDS, "reboot", "session.begin"])
def test_no_hostile_message_is_a_command(verb):
    for name, content in ALL.items():
        verdict = read_command(Inbound(TOPICS.command(verb), content), TOPICS, hostile.NOW)
        assert isinstance(verdict, Refused), name
        assert verdict.reply.error is not None, name
        assert verdict.reply.error.message.isprintable(), name
        assert verdict.reply_to is not None, name
        assert verdict.reply_to.topic == TOPICS.response(verb), name
        assert len(verdict.reply.to_json()) < 8192, name


def test_what_the_corpus_spoils_was_good():
    for inner, verb in ((hostile.PING, "ping"), (hostile.START, "session.start")):
        good = read_command(Inbound(TOPICS.command(verb), f"{{{inner}}}".encode()), TOPICS, hostile.NOW)
        assert not isinstance(good, Refused)
    assert read_desired(Inbound(TOPICS.config_desired, b'{"rev":1}')) is not None
    content = json.dumps(hostile.DECISION).encode()
    assert read_decision(hostile._message(hostile._signed(content)), KEYS).device == "gate-1"


def test_no_hostile_message_is_a_desired_configuration():
    for name, content in ALL.items():
        if not content:
            assert read_desired(Inbound(TOPICS.config_desired, content)) is None
            continue
        with pytest.raises(CommandRefused) as refused:
            read_desired(Inbound(TOPICS.config_desired, content))
        assert refused.value.message.isprintable(), name
        assert len(refused.value.message) < 4096, name


def test_no_hostile_token_verifies():
    for name, content in STORED.items():
        if name.startswith("jws/"):
            token = content.decode("utf-8", "surrogatepass")
            with pytest.raises(SignatureError) as refused:
                read_decision(hostile._message(token), KEYS)
            assert refused.value.remedy, name


def test_a_token_of_the_second_terminal_verifies_for_itself_alone():
    # The corpus' only token whose signature holds: it is refused for what it says.
    token = STORED["jws/another_device_speaks.jws"].decode()
    assert json.loads(verify(token, KEYS)) == hostile.DECISION


def test_no_hostile_message_is_a_decision():
    for name, content in of("decision").items():
        with pytest.raises(SignatureError):
            read_decision(content, KEYS)
        heard = hear(TOPICS.decision, content, keys=KEYS)
        assert heard.content is not None, name
        assert heard.content.verification is Verification.REFUSED, name
        assert not heard.content.accepts(), name
        assert heard.problem, name


@pytest.mark.parametrize(
    "suffix", ["state", "info", "health", "event", f"session/{'5' * 32}/event", "decision", "x", ""]
)
def test_a_listener_hears_every_hostile_message_and_none_as_what_it_is_not(suffix):
    for name, content in ALL.items():
        heard = hear(f"{TOPICS.base}/{suffix}", content, keys=KEYS)
        assert heard.problem, name
        assert heard.payload == content


def test_no_hostile_message_is_a_reply():
    for name, content in ALL.items():
        with pytest.raises(LinkError) as refused:
            _read_reply(content)
        assert refused.value.remedy, name


@pytest.mark.parametrize(
    "content",
    [content for name, content in STORED.items() if name.startswith(("any/", "jws/"))],
    ids=[name for name in STORED if name.startswith(("any/", "jws/"))],
)
def test_no_hostile_file_holds_a_key(content):
    with pytest.raises(SignatureError):
        read_public_keys(content, "keys.json")


def test_a_requester_keeps_what_it_knew():
    requester = Requester(LinkOptions(), TOPICS, keys=KEYS)

    def take(topic: str, content: bytes) -> None:
        requester._take(Message(topic, content, 1, False, 1, None))

    take(TOPICS.state, b'{"state":"ready","bootCount":3}')
    known = requester.state
    assert isinstance(known, State)
    for content in ALL.values():
        for topic in (TOPICS.state, TOPICS.session_event("5" * 32), TOPICS.decision, requester._reply_topic):
            take(topic, content)
    assert requester.state == known
    assert not requester._progress
    assert {heard.verification for heard in requester._decisions} == {Verification.REFUSED}


def test_topics_with_odd_levels_reach_nothing():
    base = TOPICS.base
    below = ["/", "/cmd", "/cmd/", "/cmd//", "/cmd/ping/", "/cmd/ping/x", "/cmd/#", "/cmd/+", "/cmd/../cmd/ping"]
    below += ["/cmd/PING", "/cmd/p\u0456ng", "/cmd/ping\x00", "/cmd/ping\n", f"/cmd/{'a' * 65_000}", "x/cmd/ping"]
    odd = ["", "/", "//", base, f"/{base}/cmd/ping", "$SYS/broker", "livegate/v1/hq/+/cmd/ping"]
    odd += [base + levels for levels in below]
    good = f"{{{hostile.PING}}}".encode()
    for topic in odd:
        verdict = read_command(Inbound(topic, good), TOPICS, hostile.NOW)
        assert isinstance(verdict, Refused), topic
        assert verdict.reply_to is None, topic
        assert hear(topic, good).content is None, topic


def test_the_corpus_names_are_paths_everywhere():
    assert all(name.isascii() and " " not in name for name in STORED)
    assert all(Path(name).suffix for name in STORED)
