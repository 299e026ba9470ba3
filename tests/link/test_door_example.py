"""docs/examples/door_controller.py: what opens it, what does not, and how an integrator runs it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.contracts.acceptance import Acceptance, Reason
from edge.contracts.device import DeviceEvent
from edge.contracts.enums import AssuranceLevel, CaptureKind, LivenessDecision, SessionStatus
from edge.contracts.jws import read_public_keys
from edge.contracts.session import ColorTarget, LivenessResult, SessionStart, Targets
from edge.contracts.topics import Topics
from edge.contracts.verification import FaceRectangle
from edge.link.identity import PUBLIC_KEY_FILE, Identity
from edge.link.options import LinkOptions, TlsOptions
from tests.link.test_link_over_mosquitto import LOOPBACK, Authority, tls_lines

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "door_controller.py"
SESSION = "a" * 32
WALL_CLOCK = 1_700_000_000.0


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("door_controller", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["door_controller"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["door_controller"]


@pytest.fixture
def identity(tmp_path):
    return Identity.open(tmp_path / "gate-1", "gate-1")


def keys_of(tmp_path, device="gate-1"):
    path = tmp_path / device / PUBLIC_KEY_FILE
    return read_public_keys(path.read_bytes(), str(path))


@pytest.fixture
def make_real(make_decision):
    """What a door opens on, for a nonce."""

    def make(identity, nonce, *, session_id=SESSION, capture=CaptureKind.LIVE):
        made = make_decision(identity, session_id=session_id, nonce=nonce)
        result = LivenessResult(
            liveness_decision=LivenessDecision.REALFACE,
            targets=Targets(color=ColorTarget(face_rectangle=FaceRectangle(top=1, left=2, width=3, height=4))),
            digest="a" * 64,
        )
        assurance = made.attempt.assurance.model_copy(update={"level": AssuranceLevel.LIGHT})
        changes = {
            "attempt_status": SessionStatus.SUCCEEDED,
            "result": result,
            "error": None,
            "assurance": assurance,
        }
        return made.model_copy(
            update={
                "capture": capture,
                "attempt": made.attempt.model_copy(update=changes),
                "provenance": made.provenance.model_copy(update={"policy": "door"}),
            }
        )

    return make


@pytest.fixture
def door(example, tmp_path, identity):
    made = example.Door(Topics("livegate", "hq", identity.device), keys_of(tmp_path), Acceptance())
    made.state(b'{"state": "ready"}')
    return made


def asked(door, now=0.0):
    """The nonce of a session that the terminal began."""
    command = door.ask(now, WALL_CLOCK)
    reply = {"status": "ok", "data": {"sessionId": SESSION}}
    assert door.reply(command.id.encode(), json.dumps(reply).encode()) == f"session {SESSION}"
    return command.nonce


def test_it_opens_once_on_the_decision_that_it_asked_for(door, identity, make_real):
    payload = identity.seal(make_real(identity, asked(door)))
    assert door.decision(payload, 5.0)
    assert door.decision(payload, 5.1).reason is Reason.REPEATED


def test_it_stays_closed_for_what_is_replayed_late_foreign_simulated_or_without_its_nonce(
    door, identity, make_real, tmp_path
):
    stranger = Identity.open(tmp_path / "gate-2", "gate-2")
    yesterday = identity.seal(make_real(identity, "a-nonce-of-yesterday"))
    nonce = asked(door)
    wanted = [
        (yesterday, 1.0, Reason.NONCE_NOT_OURS),
        (identity.seal(make_real(identity, None)), 1.0, Reason.NO_NONCE),
        (stranger.seal(make_real(stranger, nonce)), 1.0, Reason.SIGNATURE),
        (identity.seal(make_real(identity, nonce, session_id="b" * 32)), 1.0, Reason.OTHER_SESSION),
        (identity.seal(make_real(identity, nonce)), 90.5, Reason.LATE),
        (identity.seal(make_real(identity, nonce, capture=CaptureKind.SIMULATED)), 1.0, Reason.NOT_LIVE),
        (identity.seal(make_real(identity, nonce)), 1.0, Reason.NONCE_USED),
    ]
    assert [door.decision(payload, now).reason for payload, now, _ in wanted] == [reason for _, _, reason in wanted]


def test_one_person_at_a_time_and_the_next_once_that_one_is_decided_or_given_up(door, identity, make_real, example):
    nonce = asked(door)
    assert door.ask(1.0, WALL_CLOCK) is None
    assert door.decision(identity.seal(make_real(identity, nonce)), 2.0)
    unanswered = door.ask(2.0, WALL_CLOCK)
    assert unanswered.nonce != nonce
    assert door.ask(3.0, WALL_CLOCK) is None
    assert door.ask(2.1 + example.COMMAND_SECONDS, WALL_CLOCK) is not None


def test_a_terminal_that_refuses_is_told_and_may_be_asked_again(door):
    command = door.ask(0.0, WALL_CLOCK)
    busy = b'{"status": "error", "error": {"code": "Busy", "message": "a session is running"}}'
    assert "Busy" in door.reply(command.id.encode(), busy)
    assert door.ask(0.1, WALL_CLOCK) is not None


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"[]", b"[" * 50_000, b'{"status": "ok", "data": []}', b'{"state": []}', b'{"kind": {}}']
)
def test_what_breaks_the_contract_neither_opens_nor_ends_it(door, identity, make_real, payload):
    nonce = asked(door)
    assert door.reply(b"\xff", payload) == ""
    assert not door.is_presence(payload)
    assert not door.decision(payload, 1.0)
    door.state(payload)
    assert door.decision(identity.seal(make_real(identity, nonce)), 1.0).reason is Reason.TERMINAL_STATE


@pytest.mark.parametrize("said", ["lost", "degraded", "paused", "quarantined", "disconnected"])
def test_it_stays_closed_while_the_terminal_is_not_at_work_or_unheard(door, identity, make_real, said):
    door.state(json.dumps({"state": said}).encode())
    assert door.decision(identity.seal(make_real(identity, asked(door))), 1.0).reason is Reason.TERMINAL_STATE


def test_after_a_broken_connection_the_terminals_state_must_be_heard_anew(door, identity, make_real):
    nonce = asked(door)
    door.away()
    assert door.decision(identity.seal(make_real(identity, nonce)), 1.0).reason is Reason.TERMINAL_STATE


def arguments(port, topics, tmp_path, *more):
    place = ["--port", str(port), "--prefix", topics.prefix, "--site", topics.site, "--device", topics.device]
    return [sys.executable, str(EXAMPLE), *place, "--keys", str(tmp_path / "state" / PUBLIC_KEY_FILE), *more]


async def line(process, beginning):
    """The next line that begins like this."""
    async with asyncio.timeout(15):
        while said := (await process.stdout.readline()).decode():
            if said.startswith(beginning):
                return said
    pytest.fail(f"it ended without {beginning!r}")


async def command_of(terminal, until, number=1):
    await until(lambda: len(terminal.commands) >= number, "the door's command")
    command = terminal.commands[number - 1]
    assert isinstance(command, SessionStart)
    return command


def test_it_asks_when_somebody_is_there_and_opens_over_mqtt(
    embedded, run, until, start_terminal, topics, tmp_path, make_real
):
    async def scenario():
        async with start_terminal(LinkOptions(embedded.host, embedded.port)) as terminal:
            terminal.answer = lambda _: {"sessionId": SESSION}
            process = await asyncio.create_subprocess_exec(
                *arguments(embedded.port, topics, tmp_path, "--verdicts", "3", "--button"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                await line(process, "connected")
                terminal.link.publish_event(DeviceEvent(kind="presence", message="a face", at=WALL_CLOCK))
                command = await command_of(terminal, until)
                await line(process, f"session {SESSION}")
                replayed = make_real(terminal.identity, "a-nonce-of-yesterday")
                terminal.link.publish_decision(terminal.identity.seal(replayed))
                assert "nonceNotOurs" in await line(process, "closed")
                right = make_real(terminal.identity, command.nonce)
                terminal.link.publish_decision(terminal.identity.seal(right))
                await line(process, "OPEN")
                process.stdin.write(b"\n")
                second = await command_of(terminal, until, 2)
                await line(process, f"session {SESSION}")
                simulated = make_real(terminal.identity, second.nonce, capture=CaptureKind.SIMULATED)
                terminal.link.publish_decision(terminal.identity.seal(simulated))
                assert "notLive" in await line(process, "closed")
                assert await asyncio.wait_for(process.wait(), 15) == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    run(scenario())


def test_decisions_wait_for_a_door_that_was_away_and_do_not_open_for_whom_it_forgot(
    mosquitto, run, until, start_terminal, topics, tmp_path, make_real
):
    options = mosquitto.start()

    async def start(*more):
        return await asyncio.create_subprocess_exec(
            *arguments(options.port, topics, tmp_path, *more),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )

    async def scenario():
        async with start_terminal(options) as terminal:
            terminal.answer = lambda _: {"sessionId": SESSION}
            door = await start()
            await line(door, "connected")
            terminal.link.publish_event(DeviceEvent(kind="presence", message="a face", at=WALL_CLOCK))
            command = await command_of(terminal, until)
            door.kill()
            await door.wait()
            terminal.link.publish_decision(terminal.identity.seal(make_real(terminal.identity, command.nonce)))
            await until(lambda: not len(terminal.outbox), "the broker to take it")
            door = await start("--verdicts", "1")
            assert "nonceNotOurs" in await line(door, "closed")
            assert await asyncio.wait_for(door.wait(), 15) == 0

    run(scenario())


def test_it_opens_over_tls_by_a_certificate_of_its_own(
    mosquitto, run, until, start_terminal, topics, tmp_path, make_real
):
    (tmp_path / "tls").mkdir()
    authority = Authority.make(tmp_path / "tls")
    options = mosquitto.start(*tls_lines(authority, *authority.issue("broker", *LOOPBACK)))
    options = replace(options, tls=TlsOptions(authority.file, *authority.issue(topics.device)))
    certificate, key = authority.issue("door-1")

    async def scenario():
        async with start_terminal(options) as terminal:
            terminal.answer = lambda _: {"sessionId": SESSION}
            tls = ("--ca", str(authority.file), "--cert", str(certificate), "--cert-key", str(key))
            process = await asyncio.create_subprocess_exec(
                *arguments(options.port, topics, tmp_path, *tls, "--verdicts", "1"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                await line(process, "connected")
                terminal.link.publish_event(DeviceEvent(kind="presence", message="a face", at=WALL_CLOCK))
                command = await command_of(terminal, until)
                await line(process, f"session {SESSION}")
                right = make_real(terminal.identity, command.nonce)
                terminal.link.publish_decision(terminal.identity.seal(right))
                await line(process, "OPEN")
                assert await asyncio.wait_for(process.wait(), 15) == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    run(scenario())
