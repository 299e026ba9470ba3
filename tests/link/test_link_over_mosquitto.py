import asyncio
import datetime
import ipaddress
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.contracts.device import CommandReply
from edge.contracts.enums import CommandErrorCode, TerminalState
from edge.link.backoff import FullJitter
from edge.link.options import LinkOptions, TlsOptions


def decisions(seen) -> list[bytes]:
    return [message.payload for suffix, message in seen if suffix == "decision"]


def states(seen) -> list[str]:
    return [json.loads(message.payload)["state"] for suffix, message in seen if suffix == "state"]


def test_a_decision_that_nobody_subscribed_to_waits_and_is_offered_again(
    mosquitto, run, until, start_terminal, observe, make_decision, caplog
):
    async def scenario():
        broker = mosquitto.start()
        async with start_terminal(broker) as terminal:
            sealed = terminal.identity.seal(make_decision(terminal.identity))
            terminal.link.publish_decision(sealed)
            await until(lambda: "nobody is subscribed" in caplog.text, "the broker's 0x10")
            assert len(terminal.outbox) == 1
            async with observe(broker) as (_, seen):
                await until(lambda: decisions(seen), "the decision")
                assert decisions(seen) == [sealed]
                await until(lambda: len(terminal.outbox) == 0, "an empty outbox")

    run(scenario())
    assert caplog.text.count("nobody is subscribed") == 1


def test_waiting_for_a_subscriber_is_no_busy_loop(mosquitto, run, until, start_terminal, make_decision, monkeypatch):
    async def scenario():
        broker = mosquitto.start()
        async with start_terminal(broker, redelivery_seconds=3600.0) as terminal:
            offered = 0
            oldest = terminal.outbox.oldest

            def counted(*after):
                nonlocal offered
                offered += 1
                return oldest(*after)

            monkeypatch.setattr(terminal.outbox, "oldest", counted)
            for expected in (1, 2):
                terminal.link.publish_decision(terminal.identity.seal(make_decision(terminal.identity)))
                await until(lambda expected=expected: offered == expected, "an offer")
            for _ in range(3):
                terminal.link.publish_state(terminal.state(TerminalState.BUSY))
                await until(lambda: not terminal.link._queue.waiting, "the broker's answer")
            assert offered == 2
            assert len(terminal.outbox) == 2

    run(scenario())


def test_a_decision_survives_a_broker_that_is_killed(mosquitto, run, until, start_terminal, observe, make_decision):
    async def scenario():
        broker = mosquitto.start()
        async with start_terminal(broker) as terminal:
            mosquitto.end(signal.SIGKILL)
            await until(lambda: terminal.link.trouble, "the loss")
            sealed = [terminal.identity.seal(make_decision(terminal.identity)) for _ in range(3)]
            for payload in sealed:
                terminal.link.publish_decision(payload)
            await until(lambda: len(terminal.outbox) == 3, "three stored decisions")
            mosquitto.start()
            async with observe(broker) as (_, seen):
                await until(lambda: len(decisions(seen)) >= 3, "the decisions")
                await until(lambda: len(terminal.outbox) == 0, "an empty outbox")
                assert decisions(seen) == sealed
                # The new broker kept nothing: the terminal has announced itself again.
                await until(lambda: "ready" in states(seen), "the state")

    run(scenario())


def test_decisions_of_an_earlier_boot_are_delivered_by_the_next(
    mosquitto, run, until, start_terminal, observe, make_decision
):
    async def scenario():
        broker = mosquitto.start()
        async with start_terminal(broker) as terminal:
            sealed = terminal.identity.seal(make_decision(terminal.identity))
            terminal.link.publish_decision(sealed)
        async with observe(broker) as (_, seen), start_terminal(broker):
            await until(lambda: decisions(seen), "the decision")
            assert decisions(seen) == [sealed]

    run(scenario())


PROCESS = """
import asyncio, sys
from pathlib import Path
from edge.contracts.device import Info, State
from edge.contracts.topics import Topics
from edge.link.identity import Identity
from edge.link.link import Link
from edge.link.options import LinkOptions
from edge.link.outbox import Outbox

port, prefix, device, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
identity = Identity.open(folder, device)
state = State(state="ready", boot_count=identity.boot_count)
info = Info(device=device, site="hq", software="0", python="3", machine="m", runtime="none", capture="simulated",
            modes=(), policy="test", models={}, config="c" * 64, public_key=identity.public_jwk())
link = Link(LinkOptions("127.0.0.1", port), Topics(prefix, "hq", device), Outbox(folder / "outbox.db"),
            state=state, info=info)
async def handle(command):
    return None
asyncio.run(link.run(handle))
"""


def test_a_killed_terminal_is_lost_by_its_will(mosquitto, run, until, observe, topics, tmp_path):
    async def scenario():
        broker = mosquitto.start()
        async with observe(broker) as (_, seen):
            process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                [sys.executable, "-c", PROCESS, str(broker.port), topics.prefix, topics.device, str(tmp_path / "s")]
            )
            try:
                await until(lambda: "ready" in states(seen), "the announcement")
            finally:
                process.kill()
                process.wait()
            await until(lambda: "lost" in states(seen), "the will")
            will = [m for s, m in seen if s == "state"][-1]
            assert json.loads(will.payload) == {"schemaVersion": "1.0", "state": "lost", "bootCount": 1}
        async with observe(broker) as (_, seen):
            await until(lambda: states(seen), "the retained will")
            assert states(seen) == ["lost"]

    run(scenario())


def test_a_retained_command_is_refused_fresh_and_stored(mosquitto, run, until, start_terminal, observe, topics):
    payload = json.dumps({"id": "command-0001", "expiresAt": time.time() + 60}).encode()

    def refusals(seen) -> list:
        return [CommandReply.model_validate_json(m.payload).error.code for s, m in seen if s == "res/session.start"]

    async def scenario():
        broker = mosquitto.start()
        async with observe(broker) as (client, seen):
            async with start_terminal(broker) as terminal:
                await client.publish(topics.command("session.start"), payload, qos=1, retain=True)
                await until(lambda: len(refusals(seen)) == 1, "the refusal")
                assert terminal.commands == []
            async with start_terminal(broker) as terminal:
                await until(lambda: len(refusals(seen)) == 2, "the refusal of the stored one")
                assert terminal.commands == []
            assert set(refusals(seen)) == {CommandErrorCode.RETAINED}

    run(scenario())


def test_an_unacknowledged_decision_is_sent_again_with_the_same_identity(
    mosquitto, run, until, start_terminal, observe, make_decision
):
    """The broker has it, the acknowledgement is lost on the way, the connection breaks."""

    async def scenario():
        broker = mosquitto.start()
        deaf = True
        writers: list[asyncio.StreamWriter] = []

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            to_broker = await asyncio.open_connection("127.0.0.1", broker.port)
            writers.extend((writer, to_broker[1]))

            async def pass_on(source, sink, sees_acknowledgements) -> None:
                while chunk := await source.read(65536):
                    if sees_acknowledgements and deaf and chunk[0] >> 4 == 4 and cut.is_set():
                        break
                    sink.write(chunk)
                sink.close()
                writer.close()

            await asyncio.gather(
                pass_on(reader, to_broker[1], False),
                pass_on(to_broker[0], writer, True),
                return_exceptions=True,
            )

        cut = asyncio.Event()
        proxy = await asyncio.start_server(relay, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        async with observe(broker) as (_, seen), start_terminal(replace(broker, port=port)) as terminal:
            await until(lambda: not terminal.link._queue.waiting, "the announcement")
            cut.set()
            sealed = terminal.identity.seal(make_decision(terminal.identity))
            terminal.link.publish_decision(sealed)
            await until(lambda: decisions(seen), "the decision")
            await until(lambda: terminal.link.trouble, "the loss")
            assert len(terminal.outbox) == 1
            deaf = False
            await until(lambda: len(terminal.outbox) == 0, "an empty outbox")
            await until(lambda: len(decisions(seen)) >= 2, "the repetition")
            assert set(decisions(seen)) == {sealed}
            await terminal.link.stop()
        proxy.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*(w.wait_closed() for w in writers), return_exceptions=True)
        await proxy.wait_closed()

    run(scenario())


def test_losing_the_connection_to_a_client_of_the_same_id_is_hinted_at(mosquitto, run, until, start_terminal, topics):
    async def scenario():
        broker = mosquitto.start()
        slow = FullJitter(lambda: 1.0, base=3600.0, cap=3600.0)
        async with start_terminal(broker, backoff=slow) as terminal:
            async with aiomqtt.Client(
                "127.0.0.1", broker.port, identifier=topics.device, protocol=aiomqtt.ProtocolVersion.V5
            ):
                trouble = await until(lambda: terminal.link.trouble, "the trouble")
            # mosquitto 2.0 hangs up without the reason code that says so.
            assert f"another client may be calling itself '{topics.device}'" in trouble.remedy

    run(scenario())


def password_file(folder: Path, user: str, password: str) -> Path:
    path = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(path), user, password], check=True, capture_output=True)
    return path


def test_a_wrong_password_is_told_once_and_the_link_stays_up(mosquitto, run, until, start_terminal, tmp_path, caplog):
    async def scenario():
        passwords = password_file(tmp_path, "gate", "right")
        broker = mosquitto.start("allow_anonymous false", f"password_file {passwords}")
        given = tmp_path / "password"
        given.write_text("wrong\n")
        options = replace(broker, username="gate", password_file=given)
        async with start_terminal(options, wait=False) as terminal:
            trouble = await until(lambda: terminal.link.trouble, "the refusal")
            # mosquitto does not say which of the two is wrong.
            assert "does not authorise" in trouble.what or "user name or password" in trouble.what
            given.write_text("right\n")
            await until(lambda: terminal.link.connected, "the connection with the corrected file")

    run(scenario())
    assert caplog.text.count("no connection") == 1


def test_a_missing_password_file_is_named(mosquitto, run, until, start_terminal, tmp_path):
    async def scenario():
        options = replace(mosquitto.start(), username="gate", password_file=tmp_path / "nowhere")
        async with start_terminal(options, wait=False) as terminal:
            trouble = await until(lambda: terminal.link.trouble, "the trouble")
            assert "nowhere" in trouble.what

    run(scenario())


def test_a_decision_that_the_access_list_forbids_is_kept(
    mosquitto, run, until, start_terminal, make_decision, topics, tmp_path, caplog
):
    async def scenario():
        acl = tmp_path / "acl"
        acl.write_text(f"topic write {topics.state}\ntopic write {topics.info}\ntopic read {topics.command('+')}\n")
        broker = mosquitto.start("allow_anonymous true", f"acl_file {acl}")
        async with start_terminal(broker) as terminal:
            terminal.link.publish_decision(terminal.identity.seal(make_decision(terminal.identity)))
            await until(lambda: "0x87" in caplog.text, "the refusal")
            assert len(terminal.outbox) == 1
            assert terminal.link.connected

    run(scenario())
    assert caplog.text.count("does not take decision") == 1


@dataclass(frozen=True)
class Authority:
    """A certificate authority of one test, writing PEM files. Without key identifiers, as many a site's own."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, folder: Path, name: str = "ca") -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = _builder(subject, subject, key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        authority = cls(folder, name, key, certificate.sign(key, hashes.SHA256()))
        _write(folder / f"{name}.crt", authority.certificate)
        return authority

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.crt"

    def issue(self, name: str, *names: x509.GeneralName, days: tuple[int, int] = (-1, 10)) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self.certificate.subject, key.public_key(), days)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        files = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        _write(files[0], builder.sign(self.key, hashes.SHA256()))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


def _builder(subject, issuer, public_key, days=(-1, 10)) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
    )


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


LOOPBACK = (x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost"))


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "tls"
    folder.mkdir()
    return Authority.make(folder)


def tls_lines(authority: Authority, certificate: Path, key: Path, *, clients: bool = True) -> tuple[str, ...]:
    return (
        f"cafile {authority.file}",
        f"certfile {certificate}",
        f"keyfile {key}",
        f"require_certificate {'true' if clients else 'false'}",
        f"use_identity_as_username {'true' if clients else 'false'}",
        *(() if clients else ("allow_anonymous true",)),
    )


def test_a_terminal_with_its_certificate_is_let_in_and_delivers(
    mosquitto, run, until, start_terminal, observe, make_decision, authority, topics
):
    async def scenario():
        broker = mosquitto.start(*tls_lines(authority, *authority.issue("broker", *LOOPBACK)))
        terminal_tls = TlsOptions(authority.file, *authority.issue(topics.device))
        reader_tls = TlsOptions(authority.file, *authority.issue("reader"))
        async with (
            observe(replace(broker, tls=reader_tls)) as (_, seen),
            start_terminal(replace(broker, tls=terminal_tls)) as terminal,
        ):
            sealed = terminal.identity.seal(make_decision(terminal.identity))
            terminal.link.publish_decision(sealed)
            await until(lambda: decisions(seen) == [sealed], "the decision")
            await until(lambda: len(terminal.outbox) == 0, "an empty outbox")

    run(scenario())


def trouble_of(run, until, start_terminal, options: LinkOptions) -> str:
    async def scenario():
        async with start_terminal(options, wait=False) as terminal:
            return str(await until(lambda: terminal.link.trouble, "the trouble"))

    return run(scenario())


@pytest.mark.parametrize(
    ("days", "names", "words"),
    [
        ((-10, -1), LOOPBACK, "has expired by this device's clock"),
        ((5, 10), LOOPBACK, "is not valid yet by this device's clock"),
        ((-1, 10), (x509.DNSName("elsewhere.example"),), "is not for '127.0.0.1'"),
    ],
)
def test_a_wrong_broker_certificate_is_told_apart(mosquitto, run, until, start_terminal, authority, days, names, words):
    broker = mosquitto.start(*tls_lines(authority, *authority.issue("broker", *names, days=days), clients=False))
    assert words in trouble_of(run, until, start_terminal, replace(broker, tls=TlsOptions(authority.file)))


def test_a_broker_of_another_authority_is_not_trusted(mosquitto, run, until, start_terminal, authority):
    broker = mosquitto.start(*tls_lines(authority, *authority.issue("broker", *LOOPBACK), clients=False))
    other = Authority.make(authority.folder, "other")
    told = trouble_of(run, until, start_terminal, replace(broker, tls=TlsOptions(other.file)))
    assert "is not trusted" in told
    assert "link.tls.ca" in told


@pytest.mark.parametrize("presented", ["none", "of another authority"])
def test_a_broker_that_wants_another_client_certificate_is_told(
    mosquitto, run, until, start_terminal, authority, presented
):
    broker = mosquitto.start(*tls_lines(authority, *authority.issue("broker", *LOOPBACK)))
    tls = TlsOptions(authority.file)
    if presented != "none":
        tls = TlsOptions(authority.file, *Authority.make(authority.folder, "other").issue("stranger"))
    told = trouble_of(run, until, start_terminal, replace(broker, tls=tls))
    assert "client's certificate" in told


def test_plain_text_to_a_tls_port_is_told(mosquitto, run, until, start_terminal, authority):
    broker = mosquitto.start(*tls_lines(authority, *authority.issue("broker", *LOOPBACK)))
    assert "TLS setting" in trouble_of(run, until, start_terminal, broker)


def test_tls_to_a_plain_port_is_told(mosquitto, run, until, start_terminal, authority):
    broker = mosquitto.start()
    told = trouble_of(run, until, start_terminal, replace(broker, tls=TlsOptions(authority.file)))
    assert "TLS setting" in told or "does not speak TLS" in told


def test_files_that_are_no_certificates_are_named(mosquitto, run, until, start_terminal, authority, tmp_path):
    broker = mosquitto.start()
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    certificate, key = authority.issue("one")
    _, foreign_key = authority.issue("two")
    for tls, words in (
        (TlsOptions(tmp_path / "absent.pem"), "absent.pem"),
        (TlsOptions(rubbish), "rubbish.pem"),
        (TlsOptions(authority.file, rubbish, key), "rubbish.pem"),
        (TlsOptions(authority.file, certificate, foreign_key), "two.key"),
    ):
        assert words in trouble_of(run, until, start_terminal, replace(broker, tls=tls))


def test_an_unknown_broker_name_is_told(run, until, start_terminal):
    told = trouble_of(run, until, start_terminal, LinkOptions("no-such-broker.invalid"))
    assert "is not known here" in told


def test_a_broker_that_never_answers_is_told_and_left(run, until, start_terminal):
    async def scenario():
        held: list[asyncio.StreamWriter] = []

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)
            while await reader.read(65536):
                pass
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        options = LinkOptions("127.0.0.1", server.sockets[0].getsockname()[1])
        async with start_terminal(options, wait=False, answer_seconds=0.2) as terminal:
            trouble = await until(lambda: terminal.link.trouble, "the trouble")
            assert "does not answer" in trouble.what
            # Each try lets go of its socket.
            await until(lambda: len(held) >= 3, "more tries")
            await until(lambda: all(w.is_closing() for w in held[:2]), "closed sockets")
        server.close()
        await server.wait_closed()

    run(scenario())


def test_something_that_is_no_broker_is_told(run, until, start_terminal):
    async def scenario():
        async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(web, "127.0.0.1", 0)
        options = LinkOptions("127.0.0.1", server.sockets[0].getsockname()[1])
        async with start_terminal(options, wait=False, answer_seconds=0.5) as terminal:
            trouble = await until(lambda: terminal.link.trouble, "the trouble")
            assert f"{options.port}" in trouble.what
        server.close()
        await server.wait_closed()

    run(scenario())
