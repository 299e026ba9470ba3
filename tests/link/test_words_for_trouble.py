import errno
import socket
import ssl

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import LinkError
from edge.link.causes import Cause, cause_of
from edge.link.options import LinkOptions, TlsOptions
from edge.link.trouble import explain

OPTIONS = LinkOptions("broker.example", 8883, TlsOptions())


def because(cause: BaseException) -> Exception:
    """As aiomqtt raises it: the cause hidden, and still there."""
    try:
        try:
            raise cause
        except type(cause) as hidden:
            raise aiomqtt.MqttError(str(hidden)) from None
    except aiomqtt.MqttError as error:
        return error


@pytest.mark.parametrize(
    ("packet", "code", "words"),
    [
        (PacketTypes.CONNACK, 0x84, "does not speak MQTT 5"),
        (PacketTypes.CONNACK, 0x85, "refuses the client id 'gate-1'"),
        (PacketTypes.CONNACK, 0x86, "user name or password"),
        (PacketTypes.CONNACK, 0x87, "does not authorise 'gate-1'"),
        (PacketTypes.CONNACK, 0x8A, "has banned 'gate-1'"),
        (PacketTypes.DISCONNECT, 0x8D, "did not hear each other for the keepalive"),
        (PacketTypes.DISCONNECT, 0x8E, "another client that calls itself 'gate-1'"),
        (PacketTypes.DISCONNECT, 0x8B, "is shutting down"),
        (PacketTypes.CONNACK, 0x9C, "0x9c"),
        (PacketTypes.DISCONNECT, 0x80, "ended the connection"),
        (PacketTypes.DISCONNECT, 0x00, "ended the connection"),
    ],
)
def test_a_reason_code_has_words(packet, code, words):
    refused = aiomqtt.MqttCodeError(ReasonCode(packet, identifier=code))
    lost = aiomqtt.MqttError("Disconnected during message iteration")
    lost.__cause__ = refused
    for error in (refused, lost):
        told = explain(error, OPTIONS, "gate-1")
        assert words in told.what
        assert "mqtts://broker.example:8883" in told.what
        assert told.remedy


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "nothing listens"),
        (socket.gaierror(-2, "Name or service not known"), "the name 'broker.example'"),
        (TimeoutError("timed out"), "does not answer"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no way to"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no way to"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "broke: Connection reset"),
        (OSError(errno.EIO, "Input/output error"), "broke: Input/output error"),
    ],
)
def test_a_network_failure_has_words(cause, words):
    assert words in explain(because(cause), OPTIONS, "gate-1").what


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("WRONG_VERSION_NUMBER", "does not speak TLS at this port"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "does not accept this client's certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "does not accept this client's certificate"),
        ("TLSV1_ALERT_DECRYPT_ERROR", "does not accept this client's certificate"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLS with"),
    ],
)
def test_a_tls_failure_has_words(reason, words):
    cause = ssl.SSLError(1, f"[SSL: {reason}]")
    cause.reason = reason
    assert words in explain(because(cause), OPTIONS, "gate-1").what


def test_anything_else_still_names_the_broker():
    told = explain(aiomqtt.MqttError("Operation timed out"), OPTIONS, "gate-1")
    assert "mqtts://broker.example:8883 does not answer" in told.what


def test_equal_causes_have_equal_texts_so_that_they_are_told_once():
    first, second = (str(explain(because(ConnectionRefusedError(111, "x")), OPTIONS, "gate-1")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("packet", "code", "cause"),
    [
        (PacketTypes.CONNACK, 0x86, Cause.CREDENTIALS),
        (PacketTypes.CONNACK, 0x87, Cause.CREDENTIALS),
        (PacketTypes.CONNACK, 0x89, Cause.BUSY),
        (PacketTypes.CONNACK, 0x9C, Cause.REFUSED),
        (PacketTypes.DISCONNECT, 0x80, Cause.ENDED),
        (PacketTypes.DISCONNECT, 0x8D, Cause.NETWORK),
        (PacketTypes.DISCONNECT, 0x8E, Cause.TAKEN_OVER),
    ],
)
def test_a_reason_code_has_a_cause(packet, code, cause):
    told = explain(aiomqtt.MqttCodeError(ReasonCode(packet, identifier=code)), OPTIONS, "gate-1")
    assert cause_of(told) is cause


@pytest.mark.parametrize(
    ("verify_code", "cause"), [(9, Cause.CERTIFICATE_NOT_YET_VALID), (10, Cause.TLS), (20, Cause.TLS)]
)
def test_a_certificate_that_is_not_valid_yet_is_another_cause_than_one_that_is_wrong(verify_code, cause):
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_code, refused.verify_message = verify_code, "certificate verify failed"
    assert cause_of(explain(because(refused), OPTIONS, "gate-1")) is cause


def test_files_of_this_device_are_a_cause_of_their_own_and_the_network_is_the_rest():
    assert cause_of(LinkError("no such file", remedy="make it")) is Cause.OWN_FILES
    broken = ssl.SSLError(8, "EOF occurred in violation of protocol")
    broken.reason = "UNEXPECTED_EOF_WHILE_READING"
    for cause in (ConnectionRefusedError(111, "refused"), broken):
        assert cause_of(explain(because(cause), OPTIONS, "gate-1")) is Cause.NETWORK
