"""How to reach the broker."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from edge.contracts.base import MAX_PACKET_BYTES
from edge.errors import LinkError


class RefusalSocket(ssl.SSLSocket):
    """What paho does not do: close a socket whose handshake failed, and keep why the broker refused later.

    alert: the broker's. With TLS 1.3 one about the client's certificate comes when the handshake is over for us.
    """

    alert: ssl.SSLError | None = None

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except ssl.SSLError as error:
            if "_ALERT_" in (error.reason or ""):
                self.alert = error
            raise


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """PEM files. ``ca`` None: the system's authorities. Certificate and key: this client's, or neither."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Read anew for each connection, so that renewed files count. Raises LinkError naming the file."""
        for file in (self.ca, self.certificate, self.key):
            if file is not None:
                read_file(file)
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        except (ssl.SSLError, OSError) as error:
            raise LinkError(
                f"{self.ca} is not a file of CA certificates: {error}", remedy="set link.tls.ca to a PEM file"
            ) from None
        context.sslsocket_class = RefusalSocket
        # Python 3.13 turned this on: a site's own authority made without key identifiers would lock its terminals
        # out with the next operating system. What is checked of a certificate is the same on all versions.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate is not None:
            try:
                context.load_cert_chain(str(self.certificate), str(self.key) if self.key else None)
            except (ssl.SSLError, OSError) as error:
                raise LinkError(
                    f"{self.certificate} and {self.key} are not a certificate and its key: {error}",
                    remedy="set link.tls.certificate and link.tls.key to PEM files that belong together",
                ) from None
        return context


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """One broker. ``tls`` None: in the clear. ``keepalive``: seconds. ``websocket_path`` None: no websockets.

    max_packet_bytes: what the broker may send at once; it is told so.
    trusts_every_qos: the broker delivers at the subscription's QoS, so how a message was published cannot be told.
    """

    host: str = "localhost"
    port: int = 1883
    tls: TlsOptions | None = None
    username: str | None = None
    password_file: Path | None = None
    keepalive: int = 30
    websocket_path: str | None = None
    max_packet_bytes: int = MAX_PACKET_BYTES
    trusts_every_qos: bool = False

    @property
    def address(self) -> str:
        """For messages to people."""
        scheme = "mqtt" if self.websocket_path is None else "ws"
        return f"{scheme}{'s' if self.tls else ''}://{self.host}:{self.port}{self.websocket_path or ''}"

    def password(self) -> str | None:
        """The first line of the password file. Raises LinkError."""
        if self.password_file is None:
            return None
        lines = read_file(self.password_file).decode(errors="replace").splitlines()
        return lines[0] if lines else ""


def read_file(path: Path) -> bytes:
    """Its bytes, or a LinkError that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise LinkError(f"cannot read {path}: {error.strerror}", remedy="correct the path or its permissions") from None
