"""Why there is no connection, in words for the person who must do something about it."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Final

import aiomqtt
from paho.mqtt.client import WebsocketConnectionError
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import LinkError
from edge.link.causes import BrokerError, Cause
from edge.link.client import FIRST_ERROR, ClosedBeforeAnswerError
from edge.link.options import LinkOptions

# By X509_V_ERR_* of OpenSSL's x509_vfy.h.
_CERTIFICATE: Final[dict[int, tuple[str, str]]] = {
    9: ("is not valid yet by this device's clock", "wait until the clock is synchronised, or set it"),
    10: ("has expired by this device's clock", "renew the broker's certificate, or set the clock"),
    62: ("is not for {host!r}", "set link.host to a name in the certificate, or have it issued for this name"),
    64: ("is not for {host!r}", "set link.host to an address in the certificate, or have it issued for this one"),
}
_NOT_YET_VALID: Final = 9

_REFUSALS: Final[dict[int, tuple[Cause, str, str]]] = {
    0x84: (Cause.REFUSED, "does not speak MQTT 5", "use a broker with MQTT 5, such as mosquitto 2"),
    0x85: (
        Cause.CREDENTIALS,
        "refuses the client id {identifier!r}",
        "correct the device id or the broker's list of clients",
    ),
    0x86: (
        Cause.CREDENTIALS,
        "refuses the user name or password",
        "correct link.username and link.password_file",
    ),
    0x87: (
        Cause.CREDENTIALS,
        "does not authorise {identifier!r}",
        "correct the credentials, or the broker's access list",
    ),
    0x88: (Cause.BUSY, "says that it is not available", "see the broker's log"),
    0x89: (Cause.BUSY, "says that it is busy", "nothing: it is tried again"),
    0x8A: (Cause.CREDENTIALS, "has banned {identifier!r}", "see the broker's configuration"),
    0x8B: (Cause.ENDED, "is shutting down", "nothing: it is tried again"),
    # paho says it too, of a broker that left its pings unanswered.
    0x8D: (Cause.NETWORK, "and this client did not hear each other for the keepalive", "check the way between them"),
    0x8E: (
        Cause.TAKEN_OVER,
        "gave the connection to another client that calls itself {identifier!r}",
        "give each terminal its own device id; two that share one throw each other out",
    ),
    0x95: (Cause.REFUSED, "finds a packet too large", "raise the broker's packet limit"),
    0x97: (Cause.BUSY, "says that a quota is exceeded", "see the broker's configuration"),
    0x9F: (Cause.BUSY, "says that connections come too fast", "nothing: it is tried again"),
}


def explain(error: Exception, options: LinkOptions, identifier: str) -> LinkError:
    """What an exception of connecting or of a lost connection means. Equal causes give equal texts."""
    if isinstance(error, LinkError):
        return error
    cause = error.__cause__ or error.__context__
    for found in (error, cause):
        if isinstance(found, aiomqtt.MqttCodeError):
            return _coded(found.rc, options, identifier)
    if isinstance(cause, ssl.SSLError):
        return _tls(cause, options)
    if isinstance(cause, WebsocketConnectionError):
        return BrokerError(
            f"{options.address} does not speak websockets",
            remedy="correct link.port and link.websocket_path, or set link.transport to tcp",
            cause=Cause.REFUSED,
        )
    if isinstance(cause, OSError):
        return _network(cause, options)
    if isinstance(error, ClosedBeforeAnswerError):
        return BrokerError(
            f"the broker at {options.address} took the connection and closed it without an answer",
            remedy="check that this port is for MQTT with this transport and TLS setting, that the broker speaks"
            " MQTT 5, and that it accepts this client's certificate",
            cause=Cause.NETWORK,
        )
    return BrokerError(
        f"the broker at {options.address} does not answer",
        remedy="check that it runs and that nothing blocks the way",
        cause=Cause.NETWORK,
    )


def _coded(rc: int | ReasonCode | None, options: LinkOptions, identifier: str) -> LinkError:
    broker = f"the broker at {options.address}"
    value = rc.value if isinstance(rc, ReasonCode) else 0
    if value in _REFUSALS:
        cause, what, remedy = _REFUSALS[value]
        return BrokerError(f"{broker} {what.format(identifier=identifier)}", remedy=remedy, cause=cause)
    if value > FIRST_ERROR:
        return BrokerError(
            f"{broker} refuses: {rc} (0x{value:02x})", remedy="see the broker's log", cause=Cause.REFUSED
        )
    # mosquitto 2.0 hangs up without a word when another client takes the id.
    return BrokerError(
        f"{broker} ended the connection",
        remedy=f"see its log; if this repeats, another client may be calling itself {identifier!r} too",
        cause=Cause.ENDED,
    )


def _tls(error: ssl.SSLError, options: LinkOptions) -> LinkError:
    broker = f"the broker at {options.address}"
    if isinstance(error, ssl.SSLCertVerificationError):
        what, remedy = _CERTIFICATE.get(
            error.verify_code,
            (f"is not trusted: {error.verify_message}", "set link.tls.ca to the authority that issued it"),
        )
        early = error.verify_code == _NOT_YET_VALID
        return BrokerError(
            f"the certificate of {broker} {what.format(host=options.host)}",
            remedy=remedy,
            cause=Cause.CERTIFICATE_NOT_YET_VALID if early else Cause.TLS,
        )
    reason = error.reason or str(error)
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
        return BrokerError(
            f"{broker} does not speak TLS at this port",
            remedy="correct link.port, or remove link.tls",
            cause=Cause.TLS,
        )
    # DECRYPT_ERROR: it is signed by an authority of the right name with another key.
    if "ALERT" in reason and any(said in reason for said in ("CERTIFICATE", "UNKNOWN_CA", "DECRYPT_ERROR")):
        return BrokerError(
            f"{broker} does not accept this client's certificate: {reason.lower().replace('_', ' ')}",
            remedy="set link.tls.certificate and link.tls.key to a valid pair that its authority issued",
            cause=Cause.TLS,
        )
    # A connection that breaks in the midst of the handshake is here too.
    return BrokerError(
        f"TLS with {broker} fails: {reason}",
        remedy="check link.tls and the broker's TLS settings",
        cause=Cause.NETWORK,
    )


def _network(error: OSError, options: LinkOptions) -> LinkError:
    what, remedy = _network_words(error, options)
    return BrokerError(what, remedy=remedy, cause=Cause.NETWORK)


def _network_words(error: OSError, options: LinkOptions) -> tuple[str, str]:
    if isinstance(error, socket.gaierror):
        return (
            f"the name {options.host!r} of the broker is not known here",
            "correct link.host, or the device's name service",
        )
    if isinstance(error, ConnectionRefusedError):
        return (
            f"nothing listens at {options.address}",
            "start the broker, or correct link.host and link.port",
        )
    if isinstance(error, TimeoutError):
        return (f"{options.address} does not answer", "check that it runs and that nothing blocks the way")
    if error.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}:
        return (f"no way to {options.address}: {error.strerror}", "check this device's network")
    return (
        f"the connection to {options.address} broke: {error.strerror or error}",
        "check that this port is for MQTT with this TLS setting, and see the broker's log",
    )
