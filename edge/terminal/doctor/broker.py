"""The way to the broker, step by step, and the certificates on it.

The MQTT connection is made under the client id ``<device>-doctor``, never under the device's own: a broker ends the
connection of a client when another takes its id, and that may be a terminal at work. Nothing is subscribed to or
published, and there is no will.
"""

from __future__ import annotations

import asyncio
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import aiomqtt
from cryptography import x509

from edge.config.settings import Settings
from edge.contracts.doctor import Check, Verdict
from edge.errors import LinkError
from edge.link.client import connected
from edge.link.options import LinkOptions, read_file
from edge.link.trouble import explain
from edge.terminal.doctor.checking import UNREAD, fail, guarded, ok, one_by_one, skipped, warn
from edge.terminal.doctor.context import Context
from edge.terminal.link_settings import link_options

NAME_SECONDS: Final = 5.0
SECONDS: Final = 5.0
# Of a certificate's end.
SOON_DAYS: Final = 30
# Refusals that may be meant for the doctor's client id alone.
_BY_IDENTIFIER: Final = frozenset({0x85, 0x87})


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    settings = context.settings
    if settings is None:
        yield skipped("broker.connection", UNREAD)
        return
    way = Way(settings, context.wall())
    yield from one_by_one("broker", context, way.encryption, way.files, way.certificates)
    steps = (("name", way.name), ("connection", way.connection), ("tls", way.tls), ("session", way.session))
    stopped: str | None = None
    for thing, step in steps:
        name = f"broker.{thing}"
        if stopped is not None:
            yield skipped(name, f"not reached: {stopped} failed")
            continue
        for check in guarded(name, step):
            yield check
            if check.verdict is Verdict.FAIL:
                stopped = check.name


class Way:
    """From here to the broker. Each step is taken when the one before it succeeded. now: Unix seconds."""

    def __init__(self, settings: Settings, now: float) -> None:
        self._options: LinkOptions = link_options(settings.link)
        self._identifier = f"{settings.device.id}-doctor"
        self._device = settings.device.id
        self._now = now
        self._addresses: list[tuple[Any, ...]] = []

    def encryption(self, _: Context) -> Check:
        """Whether there is any."""
        name, options = "broker.encryption", self._options
        if options.tls is not None:
            return ok(name, "TLS" if options.tls.certificate is None else "TLS with this client's certificate")
        if options.host in {"localhost", "::1"} or options.host.startswith("127."):
            return ok(name, f"none, and {options.host} is this machine")
        return warn(
            name,
            f"none: user name, password and decisions go to {options.host} in the clear",
            "set link.tls, and let the broker listen with TLS",
        )

    def files(self, _: Context) -> Iterator[Check]:
        """That each can be read, and that secret ones are not for everybody."""
        name, options = "broker.files", self._options
        secret = [("link.password_file", options.password_file)]
        if options.tls is not None:
            options.tls.context()
            secret.append(("link.tls.key", options.tls.key))
        options.password()
        there = [(key, path) for key, path in secret if path is not None]
        if not there and options.tls is None:
            yield skipped(name, "neither TLS nor a password is configured")
            return
        # Where they lie is a secret too.
        open_ones = [key for key, path in there if stat.S_IMODE(path.stat().st_mode) & 0o007]
        if open_ones:
            yield warn(name, f"everybody may read the file of {' and '.join(open_ones)}", "chmod o= that file")
        else:
            yield ok(name, "all can be read, and fit together")

    def certificates(self, _: Context) -> Iterator[Check]:
        """How long those hold that are configured."""
        tls = self._options.tls
        if tls is None:
            return
        if tls.certificate is not None:
            found = x509.load_pem_x509_certificate(read_file(tls.certificate))
            names = [str(each.value) for each in found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
            told = f"of {', '.join(names) or 'nobody by name'}"
            yield self._lasting("broker.client_certificate", f"this client's certificate, {told},", found)
        if tls.ca is not None:
            authorities = x509.load_pem_x509_certificates(read_file(tls.ca))
            last = max(authorities, key=lambda each: each.not_valid_after_utc)
            yield self._lasting("broker.authority", "the authority in link.tls.ca", last)

    def name(self) -> Check:
        """Its addresses."""
        host, port = self._options.host, self._options.port
        try:
            found = _within(NAME_SECONDS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            return self._told("broker.name", error)
        self._addresses = list(found)
        addresses = ", ".join(dict.fromkeys(str(each[4][0]) for each in self._addresses))
        return ok("broker.name", f"{host} is {addresses}" if host != addresses else f"{host} is an address")

    def connection(self) -> Check:
        """Over TCP."""
        name = "broker.connection"
        try:
            with self._connect():
                return ok(name, f"{self._options.host} takes connections at port {self._options.port}")
        except OSError as error:
            return self._told(name, error)

    def tls(self) -> Check:
        """The handshake, and how long the broker's certificate holds."""
        name = "broker.tls"
        if self._options.tls is None:
            return skipped(name, "link.tls is not configured")
        context = self._options.tls.context()
        try:
            with self._connect() as plain, context.wrap_socket(plain, server_hostname=self._options.host) as secured:
                certificate = secured.getpeercert(binary_form=True)
                version = secured.version()
        except OSError as error:
            return self._told(name, error)
        if certificate is None:
            return fail(name, "the broker showed no certificate", "see the broker's TLS settings")
        found = x509.load_der_x509_certificate(certificate)
        return self._lasting(name, f"{version}: trusted; the broker's certificate", found)

    def session(self) -> Check:
        """CONNECT of MQTT 5, and goodbye."""
        name = "broker.session"
        try:
            asyncio.run(self._greet())
        except LinkError as error:
            return fail(name, error.what, error.remedy)
        except (aiomqtt.MqttError, OSError) as error:
            return self._refused(name, error)
        return ok(name, f"the broker accepts {self._identifier!r} with MQTT 5")

    async def _greet(self) -> None:
        async with asyncio.timeout(2 * SECONDS), connected(self._options, self._identifier, answer_seconds=SECONDS):
            pass

    def _refused(self, name: str, error: Exception) -> Check:
        told = explain(error, self._options, self._identifier)
        code = _reason(error)
        certified = self._options.tls is not None and self._options.tls.certificate is not None
        if code == 0x85 or (code in _BY_IDENTIFIER and certified):
            return skipped(
                name,
                f"{told.what}; it may take {self._device!r} alone, which the daemon's log tells",
            )
        return fail(name, told.what, told.remedy)

    def _connect(self) -> socket.socket:
        """To the first address that answers. Raises OSError of the last one."""
        trouble: OSError = TimeoutError()
        for family, kind, protocol, _, address in self._addresses[:4]:
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(SECONDS)
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                trouble = error
            else:
                return connection
        raise trouble

    def _told(self, name: str, error: OSError) -> Check:
        """In the link's own words."""
        wrapped = aiomqtt.MqttError(str(error))
        wrapped.__cause__ = error
        told = explain(wrapped, self._options, self._identifier)
        return fail(name, told.what, told.remedy)

    def _lasting(self, name: str, what: str, certificate: x509.Certificate) -> Check:
        begins, ends = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
        if self._now < begins:
            return fail(
                name,
                f"{what} is not valid before {_day(begins)}; it is {_day(self._now)} here",
                "set the clock, or wait until it is synchronised",
            )
        days = (ends - self._now) / 86400
        if days < 0:
            return fail(name, f"{what} has expired on {_day(ends)}", "renew it, or set the clock")
        seen = f"{what} holds until {_day(ends)} ({days:.0f} days)"
        if days < SOON_DAYS:
            return warn(name, seen, "renew it in time")
        return ok(name, seen)


def _reason(error: Exception) -> int | None:
    """Of a CONNACK."""
    for found in (error, error.__cause__, error.__context__):
        if isinstance(found, aiomqtt.MqttCodeError):
            value = getattr(found.rc, "value", None)
            return value if isinstance(value, int) else None
    return None


def _within(seconds: float, look_up: Callable[[], list[Any]]) -> list[Any]:
    """A look-up that knows no limit itself, given up after some time. Raises TimeoutError, and what it raises."""
    answer: list[list[Any] | OSError] = []

    def work() -> None:
        try:
            answer.append(look_up())
        except OSError as error:
            answer.append(error)

    thread = threading.Thread(target=work, name="doctor-name", daemon=True)
    thread.start()
    thread.join(seconds)
    if not answer:
        raise TimeoutError(f"no answer within {seconds:g} s")
    if isinstance(answer[0], OSError):
        raise answer[0]
    return answer[0]


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
