"""The way to the broker, over loopback, against brokers that do as they are told."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.contracts.doctor import Verdict
from edge.terminal.doctor import broker

ACCEPTED = 0x00


class OneBroker:
    """Listens on loopback, answers each CONNECT with one reason code, and remembers what it was sent."""

    def __init__(self, reason, *, tls=None, silent=False):
        self._reason, self._tls, self._silent = reason, tls, silent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.packets = []
        self._held = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._silent:
                self._held.append(connection)
                continue
            with contextlib.suppress(OSError):
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self._answer(connection)
            connection.close()

    def _answer(self, connection):
        connection.settimeout(5)
        packet = connection.recv(4096)
        if not packet:
            return
        self.packets.append(packet)
        connection.sendall(bytes((0x20, 3, 0, self._reason, 0)))
        while packet:
            packet = connection.recv(4096)
            self.packets.append(packet)

    def close(self):
        self._listener.close()
        for connection in self._held:
            connection.close()


@pytest.fixture
def serve():
    with contextlib.ExitStack() as stack:

        def start(reason=ACCEPTED, **how):
            found = OneBroker(reason, **how)
            stack.callback(found.close)
            return found

        yield start


def client_id(connect):
    """Of an MQTT 5 CONNECT (3.1.3): after header, protocol name, level, flags, keep-alive and properties."""
    at = 2 + 10
    at += 1 + connect[at]
    length = int.from_bytes(connect[at : at + 2], "big")
    return connect[at + 2 : at + 2 + length].decode()


class Authority:
    """Makes certificates for loopback."""

    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / "ca.pem"
        now = datetime.now(UTC)
        self._certificate = self._sign("authority", self._key, now - timedelta(days=9), now + timedelta(days=3650))
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, name, key, begins, ends):
        own = name == "authority"
        names = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(names)
            .issuer_name(names if own else self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=own, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
        )
        return builder.sign(self._key, hashes.SHA256())

    def issue(self, name, *, begins, ends):
        """Certificate and key files, valid between these many days from now."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        certificate = self._sign(name, key, now + timedelta(days=begins), now + timedelta(days=ends))
        certificate_file, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        key_file.chmod(0o600)
        return certificate_file, key_file


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def look(context):
    def run(port, *, host="127.0.0.1", wall=time.time, **link):
        checks = broker.checks(context(wall=wall, link={"host": host, "port": port} | link))
        return {check.name.partition(".")[2]: check for check in checks}

    return run


def secured(authority, *, begins=-1, ends=300):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*authority.issue("broker", begins=begins, ends=ends))
    return server


def test_a_broker_that_accepts_is_well_and_never_meets_the_device_s_own_name(serve, look):
    found = serve()
    checks = look(found.port)
    assert {check.verdict for check in checks.values()} == {Verdict.OK, Verdict.SKIPPED}, checks
    assert client_id(found.packets[0]) == "terminal-1-doctor"
    # DISCONNECT is the only packet besides: nothing was published or subscribed to.
    assert {packet[0] for packet in found.packets[1:] if packet} <= {0xE0}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (0x86, "user name or password"),
        (0x87, "does not authorise"),
        (0x84, "does not speak MQTT 5"),
        (0x88, "available"),
    ],
)
def test_a_refusal_is_told_by_its_reason(serve, look, reason, words):
    check = look(serve(reason).port)["session"]
    assert check.verdict is Verdict.FAIL
    assert words in check.seen


def test_a_broker_that_takes_known_names_alone_is_no_failure(serve, look):
    check = look(serve(0x85).port)["session"]
    assert check.verdict is Verdict.SKIPPED
    assert "terminal-1" in check.seen


def test_nothing_listens_and_what_follows_is_not_reached(look):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    checks = look(port)
    assert checks["connection"].verdict is Verdict.FAIL
    assert "nothing listens" in checks["connection"].seen
    assert (checks["tls"].verdict, checks["session"].verdict) == (Verdict.SKIPPED, Verdict.SKIPPED)


def test_a_name_that_nobody_knows_fails(look, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(broker.socket, "getaddrinfo", unknown)
    assert "not known here" in look(1883, host="no.invalid")["name"].seen


def test_a_name_service_that_hangs_is_given_up(look, monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr(broker, "NAME_SECONDS", 0.05)
    monkeypatch.setattr(broker.socket, "getaddrinfo", lambda *_, **__: answer.wait(30))
    check = look(1883, host="slow.invalid")["name"]
    answer.set()
    assert check.verdict is Verdict.FAIL


def test_a_port_that_takes_connections_and_is_silent_is_given_up(serve, look, monkeypatch):
    monkeypatch.setattr(broker, "SECONDS", 0.2)
    check = look(serve(silent=True).port)["session"]
    assert check.verdict is Verdict.FAIL
    assert "does not answer" in check.seen


def test_plain_connections_to_elsewhere_are_a_warning(look, monkeypatch):
    monkeypatch.setattr(broker.socket, "getaddrinfo", lambda *_, **__: [])
    assert look(1883, host="broker.example")["encryption"].verdict is Verdict.WARN


def test_tls_with_the_configured_authority_is_well(serve, look, authority):
    found = serve(tls=secured(authority))
    checks = look(found.port, tls={"ca": str(authority.file)})
    assert checks["tls"].verdict is Verdict.OK
    assert "299 days" in checks["tls"].seen or "300 days" in checks["tls"].seen
    assert checks["session"].verdict is Verdict.OK


def test_a_broker_s_certificate_that_ends_soon_is_a_warning(serve, look, authority):
    checks = look(serve(tls=secured(authority, ends=12)).port, tls={"ca": str(authority.file)})
    assert checks["tls"].verdict is Verdict.WARN
    assert checks["session"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("begins", "ends", "words"), [(2, 300, "not valid yet by this device's clock"), (-20, -2, "has expired")]
)
def test_a_certificate_outside_its_time_is_told_apart(serve, look, authority, begins, ends, words):
    checks = look(serve(tls=secured(authority, begins=begins, ends=ends)).port, tls={"ca": str(authority.file)})
    assert checks["tls"].verdict is Verdict.FAIL
    assert words in checks["tls"].seen
    assert checks["session"].verdict is Verdict.SKIPPED


def test_an_unknown_authority_is_told(serve, look, authority, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    checks = look(serve(tls=secured(authority)).port, tls={"ca": str(Authority(other).file)})
    assert "not trusted" in checks["tls"].seen


def test_a_port_without_tls_is_told(serve, look, authority):
    assert look(serve().port, tls={"ca": str(authority.file)})["tls"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("begins", "ends", "verdict", "words"),
    [
        (-5, 400, Verdict.OK, "holds until"),
        (-5, 20, Verdict.WARN, "holds until"),
        (-9, -1, Verdict.FAIL, "has expired"),
        (3, 90, Verdict.FAIL, "is not valid before"),
    ],
)
def test_the_client_s_certificate_is_watched(serve, look, authority, begins, ends, verdict, words):
    certificate, key = authority.issue("terminal-1", begins=begins, ends=ends)
    now = datetime.now(UTC).timestamp()
    tls = {"ca": str(authority.file), "certificate": str(certificate), "key": str(key)}
    check = look(serve(tls=secured(authority)).port, tls=tls, wall=lambda: now)["client_certificate"]
    assert check.verdict is verdict
    assert words in check.seen


def test_with_a_client_s_certificate_a_refusal_may_be_of_the_doctor_s_name(serve, look, authority):
    certificate, key = authority.issue("terminal-1", begins=-1, ends=300)
    tls = {"ca": str(authority.file), "certificate": str(certificate), "key": str(key)}
    assert look(serve(0x87, tls=secured(authority)).port, tls=tls)["session"].verdict is Verdict.SKIPPED


def test_secret_files_that_everybody_may_read_are_told_without_their_place(serve, look, tmp_path):
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    file.chmod(0o644)
    check = look(serve().port, username="u", password_file="password")["files"]
    assert check.verdict is Verdict.WARN
    assert str(file) not in check.seen + check.remedy
    file.chmod(0o640)
    assert look(serve().port, username="u", password_file="password")["files"].verdict is Verdict.OK


def test_a_missing_password_file_fails(serve, look):
    assert look(serve().port, username="u", password_file="none")["files"].verdict is Verdict.FAIL


def test_without_a_configuration_nothing_is_connected_to(unread):
    assert {check.verdict for check in broker.checks(unread)} == {Verdict.SKIPPED}
