"""A broker set up as docs/broker.md says, with the ports and paths of a test."""

from __future__ import annotations

import datetime
import ipaddress
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.link.embedded import free_port
from edge.link.options import LinkOptions, TlsOptions

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 15.0


def make_certificates(folder: Path, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts" / "make-fleet-certificates"), "--out", str(folder), *options],
        capture_output=True,
        text=True,
        check=check,
    )


def wait_for_port(port: int, failed: Callable[[], str | None] = lambda: None) -> None:
    """Until something listens. failed: why nothing ever will, once it is known."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if (why := failed()) is not None or time.monotonic() > deadline:
                pytest.fail(why or f"nothing listens on port {port} after {PATIENCE} s")
            time.sleep(0.02)
        else:
            return


class Fleet:
    """The shipped configuration and access list, over certificates that the shipped script made."""

    def __init__(self, folder: Path, mosquitto: str) -> None:
        self.folder = folder
        self.certificates = folder / "certificates"
        self._mosquitto = mosquitto
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port("127.0.0.1")
        self.websockets_port = free_port("127.0.0.1")

    def make(self, **roles: tuple[str, ...]) -> None:
        options = [option for role, names in roles.items() for name in names for option in (f"--{role}", name)]
        make_certificates(self.certificates, "--broker", "localhost", "--broker", "127.0.0.1", *options)

    def start(self, *, revoked: str | None = None) -> None:
        """As Debian starts it: a main file that includes the shipped one."""
        text = (ROOT / "config" / "mosquitto" / "livegate.conf").read_text()
        # The websockets listener is the last thing in the file.
        head, mark, tail = text.partition("#listener 8884\n")
        assert mark
        text = head + (mark + tail).replace("#", "")
        for written, here in (
            ("acl_file /etc/mosquitto/livegate/acl\n", f"acl_file {ROOT / 'config' / 'mosquitto' / 'acl'}\n"),
            ("listener 8883\n", f"listener {self.port} 127.0.0.1\n"),
            ("listener 8884\n", f"listener {self.websockets_port} 127.0.0.1\n"),
        ):
            assert text.count(written) == 1
            text = text.replace(written, here)
        if revoked is not None:
            assert text.count("#crlfile ") == 1
            text = text.replace("#crlfile ", "crlfile ")
            self._revoke(revoked)
        text = text.replace("/etc/mosquitto/livegate/", f"{self.certificates}/")
        included = self.folder / "conf.d"
        included.mkdir(exist_ok=True)
        (included / "livegate.conf").write_text(text)
        # Started by root it becomes another user, who cannot read the test's files.
        main = f"user root\npersistence true\npersistence_location {self.folder}/\ninclude_dir {included}\n"
        (self.folder / "mosquitto.conf").write_text(main)
        log = self.folder / "mosquitto.log"
        with log.open("ab") as written_to:
            self._process = subprocess.Popen(
                [self._mosquitto, "-c", str(self.folder / "mosquitto.conf")], stdout=written_to, stderr=written_to
            )
        for port in (self.port, self.websockets_port):
            wait_for_port(port, lambda: log.read_text() if self._process and self._process.poll() is not None else None)

    def reload(self) -> None:
        """As systemctl reload does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def options(self, stem: str | None, *, websockets: bool = False) -> LinkOptions:
        """stem: of the files of a certificate and its key; None: without."""
        tls = TlsOptions(self.certificates / "ca.crt")
        if stem is not None:
            tls = replace(tls, certificate=self.certificates / f"{stem}.crt", key=self.certificates / f"{stem}.key")
        port = self.websockets_port if websockets else self.port
        return LinkOptions("127.0.0.1", port, tls, websocket_path="/mqtt" if websockets else None)

    def issue(self, name: str, days: tuple[int, int] = (-1, 1), *, foreign: bool = False, broker: bool = False) -> str:
        """What the script does not make: odd names and odd times, or signed by another authority of the same name.

        The stem of the files of certificate and key.
        """
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if broker else ExtendedKeyUsageOID.CLIENT_AUTH
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        key, certificate = ec.generate_private_key(ec.SECP256R1()), self._authority()[1]
        now = datetime.datetime.now(datetime.UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(address, critical=False)
            .sign(ec.generate_private_key(ec.SECP256R1()) if foreign else self._authority()[0], hashes.SHA256())
        )
        stem = f"odd-{os.urandom(4).hex()}"
        (self.certificates / f"{stem}.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        (self.certificates / f"{stem}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return stem

    def _authority(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = serialization.load_pem_private_key((self.certificates / "ca.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key, x509.load_pem_x509_certificate((self.certificates / "ca.crt").read_bytes())

    def _revoke(self, name: str) -> None:
        key, authority = self._authority()
        withdrawn = x509.load_pem_x509_certificate((self.certificates / f"{name}.crt").read_bytes())
        now = datetime.datetime.now(datetime.UTC)
        revoked = x509.RevokedCertificateBuilder().serial_number(withdrawn.serial_number).revocation_date(now).build()
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(authority.subject)
            .last_update(now - datetime.timedelta(days=1))
            .next_update(now + datetime.timedelta(days=1))
            .add_revoked_certificate(revoked)
            .sign(key, hashes.SHA256())
        )
        (self.certificates / "ca.crl").write_bytes(crl.public_bytes(serialization.Encoding.PEM))
