import json
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.contracts.device import CommandReply
from edge.contracts.enums import CommandErrorCode, EvidenceKind, LivenessOperationMode
from edge.contracts.session import SessionCancel, SessionStart, sealed_characters
from edge.contracts.topics import Topics
from edge.contracts.verification import MAX_IMAGE_BYTES
from edge.link.commands import (
    MAX_COMMAND_BYTES,
    MAX_LIFETIME_SECONDS,
    Accepted,
    Refused,
    ReplyTo,
    ok_reply,
    read_command,
)
from edge.link.payloads import CommandRefused, Inbound

TOPICS = Topics("livegate", "hq", "gate-1")
NOW = 1_700_000_000.0
START = {
    "schemaVersion": "1.0",
    "id": "command-0001",
    "expiresAt": NOW + 10,
    "livenessOperationMode": "PassiveActive",
    "nonce": "Zm9yIG9uZSBkb29yIG9ubHk",
    "numberOfClientAttemptsAllowed": 2,
    "requiredEvidence": ["pad"],
    "deviceCorrelationId": "8a1c1f5e-2f0c-4bb0-9df4-1c1b6ad1f2aa",
}
CANCEL = {"schemaVersion": "1.0", "id": "command-0002", "expiresAt": NOW + 10, "sessionId": "a" * 32}


def read(document: object, *, verb: str = "session.start", now: float = NOW, **rest) -> Accepted | Refused:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_command(Inbound(TOPICS.command(verb), payload, **rest), TOPICS, now)


def code(verdict: Accepted | Refused) -> CommandErrorCode | None:
    assert isinstance(verdict, Refused)
    assert verdict.reply.status == "error"
    return verdict.reply.error.code


def test_a_start_is_read_with_all_its_fields():
    verdict = read(START)
    assert isinstance(verdict, Accepted)
    assert verdict.verb == "session.start"
    assert verdict.command == SessionStart(
        id="command-0001",
        expires_at=NOW + 10,
        liveness_operation_mode=LivenessOperationMode.PASSIVE_ACTIVE,
        nonce="Zm9yIG9uZSBkb29yIG9ubHk",
        number_of_client_attempts_allowed=2,
        required_evidence=(EvidenceKind.PAD,),
        device_correlation_id=UUID("8a1c1f5e-2f0c-4bb0-9df4-1c1b6ad1f2aa"),
    )


def test_a_cancel_is_read():
    verdict = read(CANCEL, verb="session.cancel")
    assert isinstance(verdict, Accepted)
    assert isinstance(verdict.command, SessionCancel)


def test_a_nonce_stays_in_no_store_of_the_parser():
    first, second = read(START), read(START)
    assert first.command.nonce == second.command.nonce
    assert first.command.nonce is not second.command.nonce


def test_without_a_response_topic_the_answer_goes_to_res():
    assert read(START).reply_to == ReplyTo("livegate/v1/hq/gate-1/res/session.start", None)


def test_response_topic_and_correlation_are_taken_over():
    wanted = "livegate/v1/_reply/controller-1/abc_DEF-9.x"
    verdict = read(START, response_topic=wanted, correlation=b"\x00\xff")
    assert verdict.reply_to == ReplyTo(wanted, b"\x00\xff")


@pytest.mark.parametrize(
    "wanted",
    [
        "livegate/v1/hq/gate-2/cmd/session.start",
        "livegate/v1/_reply/",
        "livegate/v1/_reply/controller-1",
        "livegate/v1/_reply/controller-1/",
        "livegate/v1/_reply//token",
        "livegate/v1/_reply/controller-1/#",
        "livegate/v1/_reply/+/token",
        "livegate/v1/_reply/Controller/token",
        "livegate/v1/_reply/../hq/state",
        "livegate/v1/_reply/controller-1/a\x00b",
        "livegate/v1/_reply/controller-1/" + "x" * 300,
        "other/v1/_reply/controller-1/token",
        "$SYS/broker",
        "",
    ],
)
def test_a_response_topic_elsewhere_is_refused_and_not_written_to(wanted):
    verdict = read(START, response_topic=wanted, correlation=b"c")
    assert code(verdict) is CommandErrorCode.MALFORMED
    assert verdict.reply_to == ReplyTo("livegate/v1/hq/gate-1/res/session.start", b"c")


def test_a_retained_command_is_refused():
    assert code(read(START, retain=True)) is CommandErrorCode.RETAINED


@pytest.mark.parametrize(
    ("verb", "most"), [("session.start", SessionStart.max_bytes), ("session.cancel", MAX_COMMAND_BYTES)]
)
def test_an_oversize_command_is_refused_unread(verb, most):
    assert code(read(b"{" + b" " * most, verb=verb)) is CommandErrorCode.TOO_LARGE


def test_what_brings_no_reference_is_no_larger_than_other_commands():
    padded = json.dumps(START).encode() + b" " * MAX_COMMAND_BYTES
    assert code(read(padded)) is CommandErrorCode.TOO_LARGE
    assert code(read(padded, qos=0)) is CommandErrorCode.TOO_LARGE


@pytest.mark.parametrize("field", ["verifyImage", "verifyTemplate"])
def test_a_reference_is_taken_at_qos_0_alone(field):
    start = START | {field: "A" * 2000}
    verdict = read(start)
    assert code(verdict) is CommandErrorCode.MALFORMED
    assert "QoS 0" in verdict.reply.error.message
    assert isinstance(read(start, qos=0), Accepted)


def test_a_reference_image_of_six_megabytes_is_read():
    image = "A" * sealed_characters(MAX_IMAGE_BYTES)
    assert isinstance(read(START | {"verifyImage": image}, qos=0), Accepted)
    assert code(read(START | {"verifyImage": image + "A"}, qos=0)) is CommandErrorCode.MALFORMED


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"verifyImage": "A" * 99, "verifyTemplate": "A" * 99}, "send one of them"),
        ({"verifyConfidenceThreshold": 0.7}, "verifyConfidenceThreshold"),
        ({"returnVerifyImageHash": True}, "returnVerifyImageHash"),
        ({"enableSessionImage": True}, "sessionImageKey"),
        ({"sessionImageKey": "A" * 43}, "enableSessionImage"),
        ({"enableSessionImage": True, "sessionImageKey": "A" * 42}, "sessionImageKey"),
        ({"enableSessionImage": True, "sessionImageKey": "A" * 44}, "sessionImageKey"),
        ({"verifyImage": "A" * 63}, "verifyImage"),
        ({"verifyImage": "A+" * 60}, "verifyImage"),
    ],
)
def test_what_does_not_belong_together_is_named(more, told):
    verdict = read(START | more, qos=0)
    assert code(verdict) is CommandErrorCode.MALFORMED
    assert told in verdict.reply.error.message


def test_oversize_correlation_data_is_refused_and_not_sent_back_whole():
    verdict = read(START, correlation=b"x" * 5000)
    assert code(verdict) is CommandErrorCode.TOO_LARGE
    assert len(verdict.reply_to.correlation) == 256


@pytest.mark.parametrize("verb", ["session.begin", "pong", "a.b.c"])
def test_an_unknown_verb_is_answered_with_the_known_ones(verb):
    verdict = read(START, verb=verb)
    assert code(verdict) is CommandErrorCode.UNKNOWN_COMMAND
    assert "session.start" in verdict.reply.error.message


@pytest.mark.parametrize("verb", ["", "Session.start", "a" * 200, "..", "session.start/x", "sessiön"])
def test_a_topic_that_holds_no_verb_is_not_answered(verb):
    verdict = read(START, verb=verb)
    assert isinstance(verdict, Refused)
    assert verdict.reply_to is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"[]",
        b"null",
        b"3",
        b'"text"',
        b"{",
        b"[" * 10_000,
        b'{"id": ' + b"9" * 5000 + b"}",
        b'{"expiresAt": NaN}',
        b'{"expiresAt": -Infinity}',
    ],
)
def test_what_is_no_json_object_is_malformed(payload):
    assert code(read(payload)) is CommandErrorCode.MALFORMED


def test_a_field_given_twice_is_refused():
    payload = json.dumps(START).encode()[:-1] + b', "nonce": "another-nonce-entirely"}'
    assert code(read(payload)) is CommandErrorCode.MALFORMED


@pytest.mark.parametrize("version", ["2.0", "1.1", 1, None, ["1.0"], "x" * 500])
def test_another_schema_version_is_named(version):
    verdict = read(START | {"schemaVersion": version})
    assert code(verdict) is CommandErrorCode.UNSUPPORTED_SCHEMA
    assert len(verdict.reply.error.message) < 200


def test_all_wrong_fields_are_named_at_once():
    verdict = read(
        START
        | {
            "nonce": "short",
            "numberOfClientAttemptsAllowed": 9,
            "colour": "red",
            "expiresAt": "soon",
            "id": "command-77",
        }
    )
    assert code(verdict) is CommandErrorCode.MALFORMED
    for field in ("nonce", "numberOfClientAttemptsAllowed", "colour", "expiresAt"):
        assert field in verdict.reply.error.message
    assert verdict.reply.transaction == "command-77"


def test_a_flood_of_unknown_fields_does_not_make_a_flood_of_words():
    verdict = read(START | {f"field{n}{'x' * 200}": n for n in range(40)})
    assert code(verdict) is CommandErrorCode.MALFORMED
    assert "more" in verdict.reply.error.message
    assert len(verdict.reply.error.message) < 3000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expiresAt", str(NOW + 10)),
        ("expiresAt", True),
        ("numberOfClientAttemptsAllowed", 2.5),
        ("numberOfClientAttemptsAllowed", "2"),
        ("numberOfClientAttemptsAllowed", True),
        ("nonce", 1234567890123456),
        ("livenessOperationMode", "passive"),
        ("deviceCorrelationId", "x"),
        ("requiredEvidence", "pad"),
        ("id", "no spaces here"),
        ("nonce", "with/slashes/in/it/0000"),
    ],
)
def test_nothing_is_guessed_from_a_wrong_type_or_form(field, value):
    verdict = read(START | {field: value})
    assert code(verdict) is CommandErrorCode.MALFORMED
    assert field in verdict.reply.error.message


@pytest.mark.parametrize("field", ["id", "expiresAt"])
def test_a_missing_field_is_named(field):
    verdict = read({name: value for name, value in START.items() if name != field})
    assert code(verdict) is CommandErrorCode.MALFORMED
    assert field in verdict.reply.error.message


@pytest.mark.parametrize("expires_at", [NOW, NOW - 0.001, NOW - 1e6, 1e-9])
def test_an_expired_command_is_refused(expires_at):
    verdict = read(START | {"expiresAt": expires_at})
    assert code(verdict) is CommandErrorCode.EXPIRED
    assert verdict.reply.transaction == "command-0001"


@pytest.mark.parametrize("ahead", [MAX_LIFETIME_SECONDS + 1, 1e300])
def test_a_command_that_would_hold_for_ever_is_refused_with_a_word_on_clocks(ahead):
    verdict = read(START | {"expiresAt": NOW + ahead})
    assert code(verdict) is CommandErrorCode.EXPIRED
    assert "clock" in verdict.reply.error.message


def test_a_board_without_a_clock_refuses_everything_and_says_why():
    verdict = read(START, now=12.5)
    assert code(verdict) is CommandErrorCode.EXPIRED
    assert "terminal's clock" in verdict.reply.error.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=4,
)


def judged(inbound: Inbound) -> None:
    """Whatever comes in, one of the two comes out, and it can be sent."""
    verdict = read_command(inbound, TOPICS, NOW)
    if isinstance(verdict, Accepted):
        assert NOW < verdict.command.expires_at <= NOW + MAX_LIFETIME_SECONDS
        return
    assert verdict.reply.error is not None
    assert verdict.reply.error.message
    sent = verdict.reply.to_json()
    assert CommandReply.model_validate_json(sent) == verdict.reply
    assert len(sent) < MAX_COMMAND_BYTES
    if verdict.reply_to is not None:
        assert verdict.reply_to.topic.startswith(("livegate/v1/hq/gate-1/res/", "livegate/v1/_reply/"))
        assert not set("+#\x00") & set(verdict.reply_to.topic)


@settings(max_examples=500, deadline=None)
@given(
    payload=st.binary(max_size=200),
    verb=st.text(max_size=30) | st.sampled_from(["session.start", "session.cancel"]),
    response_topic=st.none() | st.text(max_size=40) | st.text(max_size=20).map(TOPICS.reply_root().__add__),
    correlation=st.none() | st.binary(max_size=300),
    retain=st.booleans(),
)
@example(b'{"id": "\\ud800aaaaaaaa"}', "session.start", None, None, False)
@example(b'{"expiresAt": 1e999, "id": "aaaaaaaa"}', "session.start", None, None, False)
def test_no_bytes_raise(payload, verb, response_topic, correlation, retain):
    judged(Inbound(TOPICS.command(verb), payload, retain, response_topic, correlation))


@settings(max_examples=200, deadline=None)
@given(
    document=st.dictionaries(st.sampled_from([*START, *CANCEL, "x", "\ud800", "schemaVersion"]), json_values),
    verb=st.sampled_from(["session.start", "session.cancel"]),
    base=st.sampled_from([START, CANCEL, {}]),
)
def test_no_json_raises(document, verb, base):
    judged(Inbound(TOPICS.command(verb), json.dumps(base | document).encode()))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damaged_command_raises(data):
    payload = bytearray(json.dumps(START).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    judged(Inbound(TOPICS.command("session.start"), bytes(payload)))


@pytest.mark.parametrize(
    "data", [{"x": "y" * 200_000}, {"x": "\ud800"}, {"x": object()}], ids=["large", "surrogate", "no JSON"]
)
def test_an_answer_that_cannot_be_sent_is_a_fault_that_can(data):
    with pytest.raises(CommandRefused) as refused:
        ok_reply("command-0001", data)
    assert refused.value.code is CommandErrorCode.INTERNAL
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("field", ["schema_version", "expires_at", "number_of_client_attempts_allowed"])
def test_a_field_has_the_name_of_the_wire_and_no_other(field):
    assert code(read(START | {field: "1.0"})) is CommandErrorCode.MALFORMED


def test_what_is_repeated_in_an_answer_and_a_log_cannot_steer_a_terminal():
    verdict = read(START | {"deviceCorrelationId": "\x1b[2J\r\nERROR"})
    assert code(verdict) is CommandErrorCode.MALFORMED
    assert verdict.reply.error.message.isprintable()
