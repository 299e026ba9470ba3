"""A mosquitto of one's own: TLS on loopback, and killed and started again on the same port."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST: Final = "127.0.0.1"
PATIENCE: Final = 15.0
DAYS: Final = datetime.timedelta(days=2)


class NoBrokerError(Exception):
    """mosquitto is not installed, or does not start."""


def program() -> str:
    """Raises NoBrokerError."""
    # Debian keeps daemons where only root's search path leads.
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NoBrokerError("mosquitto is not installed: apt install mosquitto")
    return found


def issue_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """PEM files of an authority, and of a broker's certificate and key for loopback, as an operator would make them."""
    now = datetime.datetime.now(datetime.UTC)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAYS)
            .not_valid_after(now + DAYS)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    files = (folder / "ca.pem", folder / "broker.pem", folder / "broker.key")
    files[0].write_bytes(
        certificate(authority_name, authority_key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    broker_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    files[1].write_bytes(certificate(broker_name, key.public_key(), names))
    files[2].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


class Broker:
    """Its files are below ``folder``, its log among them."""

    def __init__(self, folder: Path, lines: Sequence[str] = ()) -> None:
        """lines: of its configuration, beside TLS and persistence. Raises NoBrokerError."""
        self._program = program()
        self._folder = folder
        folder.mkdir(parents=True)
        self.ca, certificate, key = issue_certificates(folder)
        with socket.create_server((HOST, 0)) as probe:
            self.port = int(probe.getsockname()[1])
        config = [
            # Started by root it becomes another user, who cannot read these files.
            "user root",
            f"listener {self.port} {HOST}",
            f"certfile {certificate}",
            f"keyfile {key}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {folder}/",
            "log_timestamp_format %s",
            *lines,
        ]
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(config) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns at once. Raises NoBrokerError when the one before has just ended by itself."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._config)], stdout=log, stderr=log)

    def wait(self) -> None:
        """Until it listens. Raises NoBrokerError."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError:
                if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                    raise NoBrokerError((self._folder / "mosquitto.log").read_text()[-2000:]) from None
                time.sleep(0.01)
            else:
                return

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """In good order. May be repeated."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None
