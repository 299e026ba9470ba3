"""Options of every command that talks to a broker."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from edge.cli.options import matching
from edge.config.loader import load
from edge.config.settings import WEBSOCKET_PATH_PATTERN, default_port
from edge.contracts.jws import EnrolledKeys
from edge.contracts.topics import ID_PATTERN, PREFIX_PATTERN, Topics
from edge.errors import LinkError
from edge.link.enrolled import read_enrolled
from edge.link.options import LinkOptions, TlsOptions, read_file
from edge.terminal.assembly import topics
from edge.terminal.link_settings import link_options

F = TypeVar("F", bound=Callable[..., Any])

IDENTIFIER = matching(ID_PATTERN, "1 to 63 lower-case letters, digits and inner hyphens")
PREFIX = matching(PREFIX_PATTERN, "letters, digits, _ and -, in parts joined by /")


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to connect, which terminal is meant, and the keys enrolled for it."""

    options: LinkOptions
    topics: Topics
    keys: EnrolledKeys | None

    def requester(self) -> str:
        """Whom replies are addressed to: the name by which the broker knows this client, where it can stand in a topic.

        Raises LinkError for a certificate that cannot be read.
        """
        options = self.options
        name = options.username
        if options.tls is not None and options.tls.certificate is not None:
            name = common_name(options.tls.certificate) or name
        return name if name is not None and re.fullmatch(ID_PATTERN, name) else "livegate-cli"


def common_name(certificate: Path) -> str | None:
    """Of a PEM certificate's subject; None without one. Raises LinkError."""
    from cryptography import x509  # noqa: PLC0415 - only those with a certificate wait for it

    try:
        subject = x509.load_pem_x509_certificate(read_file(certificate)).subject
    except ValueError as error:
        raise LinkError(f"{certificate} is not a certificate: {error}", remedy="give a PEM file by --cert") from None
    names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else None


def broker_options(command: F) -> F:
    """--config, or --host and what goes with it; the command gets them as ``broker``."""

    @click.option("--config", type=click.Path(path_type=Path), help="Take broker and device from a terminal's file.")
    @click.option("--host", default="localhost", show_default=True)
    @click.option(
        "--port", type=click.IntRange(1, 65535), help="Default: 1883, with TLS 8883; by websockets 80 and 443."
    )
    @click.option("--ca", type=click.Path(path_type=Path), help="TLS: certificates that sign the broker's.")
    @click.option("--cert", type=click.Path(path_type=Path), help="TLS: certificate of this client.")
    @click.option("--cert-key", type=click.Path(path_type=Path), help="TLS: its key.")
    @click.option(
        "--websocket-path",
        metavar="PATH",
        callback=matching(WEBSOCKET_PATH_PATTERN, "a path that begins with /"),
        help="By websockets, at this path, such as /mqtt.",
    )
    @click.option("--username")
    @click.option("--password-file", type=click.Path(path_type=Path))
    @click.option("--prefix", callback=PREFIX, default="livegate", show_default=True)
    @click.option("--site", callback=IDENTIFIER, default="default", show_default=True)
    @click.option("--device", callback=IDENTIFIER, default="terminal-1", show_default=True)
    @click.option(
        "--key",
        "--keys",
        "key_files",
        type=click.Path(path_type=Path),
        multiple=True,
        help="Enrolled public keys: JWK, JWK Set, PEM, or a folder of such files; repeat for several.",
    )
    @functools.wraps(command)
    def with_broker(
        *args: Any,
        config: Path | None,
        host: str,
        port: int | None,
        ca: Path | None,
        cert: Path | None,
        cert_key: Path | None,
        websocket_path: str | None,
        username: str | None,
        password_file: Path | None,
        prefix: str,
        site: str,
        device: str,
        key_files: tuple[Path, ...],
        **kwargs: Any,
    ) -> Any:
        keys = read_enrolled(key_files) if key_files else None
        if config is not None:
            settings = load(config).settings
            broker = Broker(link_options(settings.link), topics(settings.device), keys)
        else:
            if (cert is None) != (cert_key is None):
                raise click.UsageError("--cert and --cert-key go together")
            tls = TlsOptions(ca, cert, cert_key) if ca or cert else None
            port = port or default_port(tls=tls is not None, websockets=websocket_path is not None)
            options = LinkOptions(host, port, tls, username, password_file, websocket_path=websocket_path)
            broker = Broker(options, Topics(prefix, site, device), keys)
        return command(*args, broker=broker, **kwargs)

    return with_broker  # type: ignore[return-value]
