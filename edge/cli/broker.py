"""Options of every command that talks to a broker."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from edge.cli.options import matching
from edge.config.loader import load
from edge.contracts.jws import EnrolledKeys
from edge.contracts.topics import ID_PATTERN, PREFIX_PATTERN, Topics
from edge.link.enrolled import read_enrolled
from edge.link.options import LinkOptions, TlsOptions
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


def broker_options(command: F) -> F:
    """--config, or --host and what goes with it; the command gets them as ``broker``."""

    @click.option("--config", type=click.Path(path_type=Path), help="Take broker and device from a terminal's file.")
    @click.option("--host", default="localhost", show_default=True)
    @click.option("--port", type=click.IntRange(1, 65535), help="Default: 1883, with --ca 8883.")
    @click.option("--ca", type=click.Path(path_type=Path), help="TLS: certificates that sign the broker's.")
    @click.option("--cert", type=click.Path(path_type=Path), help="TLS: certificate of this client.")
    @click.option("--cert-key", type=click.Path(path_type=Path), help="TLS: its key.")
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
            options = LinkOptions(host, port or (8883 if tls else 1883), tls, username, password_file)
            broker = Broker(options, Topics(prefix, site, device), keys)
        return command(*args, broker=broker, **kwargs)

    return with_broker  # type: ignore[return-value]
