"""Desired configuration and service over the embedded broker, with a daemon that starts itself again as `run` does."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import uuid
from dataclasses import replace

import aiomqtt
import pytest

from edge.config.loader import load_bytes
from edge.contracts.enums import CommandErrorCode, ErrorCode
from edge.contracts.topics import Topics
from edge.errors import HardwareError
from edge.hardware.null import NullScreen
from edge.link.embedded import EmbeddedBroker
from edge.link.options import LinkOptions
from edge.link.requester import Requester, TerminalRefusedError
from edge.session.clock import FrameClock
from edge.session.runner import SessionRunner
from edge.terminal import daemon as daemon_module
from edge.terminal.assembly import Workbench, unlit
from edge.terminal.daemon import Daemon
from edge.terminal.desired_keeper import DesiredKeeper
from edge.terminal.frame_watch import WatchLimits
from edge.terminal.last_good import Rejection
from edge.terminal.trial import TrialLimits
from tests.session.scripted import ScriptedCamera, ScriptedVision, frames

pytest.importorskip("iotcore", reason="the embedded broker is in the extra 'demo'")

PATIENCE = 20
PATIENT = TrialLimits(within=PATIENCE, steady=0.0)
# What is not well for so long is taken back.
QUICK = TrialLimits(within=0.2, steady=0.0)


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as embedded:
        yield LinkOptions(embedded.host, embedded.port)


@pytest.fixture
def topics():
    """Nobody else's: what is retained for one test is nothing to the next."""
    return Topics("livegate", "default", f"gate-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def camera():
    return "{driver: replay, sources: [face.png]}"


@pytest.fixture
def loaded(tmp_path, broker, topics, camera):
    text = f"""
device: {{id: {topics.device}}}
camera: {camera}
policy: {{preset: kiosk}}
link: {{host: 127.0.0.1, port: {broker.port}}}
state_directory: state
"""
    return load_bytes(text.encode(), tmp_path / "livegate.yaml")


class Sittings(ScriptedCamera):
    """A face for as long as somebody asks; with ``waiting`` none, on a clock that stands still. ``broken``: it
    cannot be opened.
    """

    def __init__(self):
        super().__init__([])
        self.waiting = False
        self.broken = False

    def open(self):
        if self.broken:
            raise HardwareError("no camera number 0", remedy="check its cable")
        self.script = iter([None] * 10_000_000 if self.waiting else frames(100_000))


class Terminal:
    """What `livegate run` does, in this process. ``refused``: languages that its screen has no font for."""

    def __init__(self, loaded, rejection=None):
        self.loaded, self.rejection = loaded, rejection
        self.camera = Sittings()
        self.refused = ()
        self.starts = 0
        self.stop = asyncio.Event()

    def open_workbench(self, settings):
        if settings.guidance.language in self.refused:
            raise HardwareError(f"no font for {settings.guidance.language}", remedy="install one")
        devices = replace(unlit(self.camera), screen=NullScreen())
        return Workbench(SessionRunner(devices, ScriptedVision(), FrameClock), {"net": "0" * 64}, "scripted 1.0")

    async def run(self):
        while True:
            self.starts += 1
            self.daemon = Daemon(self.loaded, self.rejection)
            if not await self.daemon.run(self.stop):
                return


class Fleet:
    """An operator's client: everything that the terminal says, in order, and the latest of each topic."""

    def __init__(self, client, topics):
        self.client, self.topics = client, topics
        self.heard = []

    async def push(self, rev, settings=None, **fields):
        await self.push_bytes(json.dumps({"rev": rev, "settings": settings or {}, **fields}).encode())

    async def push_bytes(self, payload):
        await self.client.publish(self.topics.config_desired, payload, qos=1, retain=True)

    async def hear(self):
        async with asyncio.timeout(PATIENCE):
            async for message in self.client.messages:
                topic = message.topic.value.removeprefix(self.topics.state.removesuffix("state"))
                if topic != "config/desired":
                    self.heard.append((topic, json.loads(message.payload)))
                    return self.heard[-1]
        raise AssertionError("the subscription ended")

    async def until(self, suffix, **wanted):
        """The next message of the topic with these values."""
        while True:
            topic, content = await self.hear()
            if topic == suffix and wanted.items() <= content.items():
                return content

    async def settled(self, **wanted):
        """The latest message of ``config/reported``, once that and the latest state have these values between them."""
        while True:
            latest = dict(self.heard)
            if wanted.items() <= {**latest.get("config/reported", {}), **latest["state"]}.items():
                return latest["config/reported"]
            await self.hear()

    def events(self):
        return [content["kind"] for topic, content in self.heard if topic == "event"]


@contextlib.asynccontextmanager
async def fleet_of(broker, topics):
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(topics.state.removesuffix("state") + "#", qos=1)
        yield Fleet(client, topics)


@contextlib.asynccontextmanager
async def serving(terminal, monkeypatch, limits=PATIENT):
    quick = functools.partialmethod(DesiredKeeper.tried_out, limits=limits, look_seconds=0.02)
    with monkeypatch.context() as patch:
        patch.setattr(DesiredKeeper, "tried_out", quick)
        patch.setattr(daemon_module, "open_workbench", terminal.open_workbench)
        terminal.stop = asyncio.Event()
        running = asyncio.create_task(terminal.run())
        try:
            yield terminal
        finally:
            terminal.stop.set()
            async with asyncio.timeout(PATIENCE):
                await running


@pytest.fixture
def scenario(loaded, broker, topics, monkeypatch):
    """Runs a test's own part with a terminal that is ready, and its fleet."""

    def run(part, *, limits=PATIENT, rejection=None, first="ready"):
        async def whole():
            terminal = Terminal(loaded, rejection)
            async with fleet_of(broker, topics) as fleet:
                async with serving(terminal, monkeypatch, limits):
                    await fleet.until("state", state=first)
                    await part(terminal, fleet)
                await fleet.until("state", state="disconnected")

        asyncio.run(whole())

    return run


async def decided(broker, topics):
    async with Requester(broker, topics) as requester:
        started = await requester.start()
        (heard,) = [one async for one in requester.decisions(started, within=PATIENCE)]
    return heard.decision


async def refusal(broker, topics):
    async with Requester(broker, topics) as requester:
        with pytest.raises(TerminalRefusedError) as refused:
            await requester.start()
    return refused.value.code


def test_a_pushed_configuration_is_applied_by_a_new_start_and_decisions_sign_it(scenario, loaded, broker, topics):
    async def part(terminal, fleet):
        await fleet.push(1, {"policy": {"judged_frames": 3}, "guidance": {"language": "de"}})
        await fleet.until("config/reported", status="pending", desiredRev=1)
        applied = await fleet.settled(status="applied", rev=1, state="ready", bootCount=2)
        assert applied["config"] != loaded.sha256
        assert applied["settings"] == {"policy": {"judged_frames": 8}, "guidance": {"language": "de"}}
        assert [problem["path"] for problem in applied["problems"]] == ["policy.judged_frames"]
        decision = await decided(broker, topics)
        assert decision.provenance.config == applied["config"]
        assert (decision.boot_count, terminal.starts) == (2, 2)
        assert [c["config"] for t, c in fleet.heard if t == "info"][-1] == applied["config"]
        states = [content["state"] for topic, content in fleet.heard if topic == "state"]
        assert "disconnected" in states
        assert "lost" not in states

    scenario(part)


def test_who_stops_it_while_it_ends_to_start_again_stops_it(scenario):
    stopped = []

    async def part(terminal, fleet):
        wind_up, winding_up = terminal.daemon._wind_up, asyncio.Event()

        async def stopped_meanwhile():
            terminal.stop.set()
            await wind_up()
            winding_up.set()

        terminal.daemon._wind_up = stopped_meanwhile
        await fleet.push(1, {"log": {"level": "debug"}})
        async with asyncio.timeout(PATIENCE):
            await winding_up.wait()
        stopped.append(terminal)

    scenario(part)
    assert [terminal.starts for terminal in stopped] == [1]


def test_a_retained_one_that_is_in_effect_changes_nothing_at_the_next_connection(
    scenario, loaded, broker, topics, monkeypatch
):
    async def part(terminal, fleet):
        await fleet.push(1, {"log": {"level": "debug"}})
        await fleet.until("config/reported", status="applied", rev=1)

    scenario(part)

    async def again(terminal, fleet):
        await fleet.settled(status="applied", rev=1, state="ready")
        await decided(broker, topics)
        assert terminal.starts == 1

    scenario(again)


def test_one_with_mistakes_is_rejected_with_all_of_them_and_nothing_restarts(scenario, broker, topics):
    async def part(terminal, fleet):
        await fleet.push(1, {"camera": {"driver": "replay"}, "log": {"level": "loud"}})
        rejected = await fleet.until("config/reported", status="rejected", desiredRev=1)
        assert [problem["path"] for problem in rejected["problems"]] == ["camera", "log.level"]
        await decided(broker, topics)
        assert terminal.starts == 1
        assert fleet.events() == ["configRejected"]

    scenario(part)


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"rev": 0}', b'{"rev": 1, "colour": 1}', b"x" * 70_000])
def test_one_that_cannot_be_read_is_rejected_and_nothing_changes(scenario, broker, topics, payload):
    async def part(terminal, fleet):
        await fleet.push_bytes(payload)
        rejected = await fleet.until("config/reported", status="rejected")
        assert rejected["problems"][0]["path"] == ""
        assert "desiredRev" not in rejected
        await decided(broker, topics)

    scenario(part)


def test_a_terminal_that_does_not_become_ready_goes_back_by_itself(scenario, loaded, broker, topics):
    async def part(terminal, fleet):
        terminal.refused = ("de",)
        await fleet.push(1, {"guidance": {"language": "de"}})
        await fleet.until("state", state="degraded")
        event = await fleet.until("event", kind="rollback")
        assert "no font for de" in event["message"]
        wanted = {"status": "rolledBack", "desiredRev": 1, "config": loaded.sha256, "settings": {}}
        back = await fleet.settled(**wanted, state="ready", bootCount=3)
        assert "rev" not in back
        # The retained message has come again meanwhile; it is not tried again.
        await decided(broker, topics)
        assert terminal.starts == 3

    scenario(part, limits=QUICK)


@pytest.mark.parametrize("camera", ["{driver: picamera2}"])
@pytest.mark.parametrize("broken", [True, False])
def test_a_watched_camera_has_to_give_a_frame_before_a_configuration_has_shown_that_it_works(
    scenario, monkeypatch, broken
):
    quick = WatchLimits(every=None, first_retry=0.05, longest_retry=0.05)
    monkeypatch.setattr(daemon_module, "watch_limits", lambda _: quick)

    async def part(terminal, fleet):
        terminal.camera.broken = broken
        await fleet.push(1, {"log": {"level": "debug"}})
        if broken:
            event = await fleet.until("event", kind="rollback")
            assert "no camera number 0" in event["message"]
            await fleet.settled(status="rolledBack")
        else:
            await fleet.settled(status="applied", rev=1, state="ready")

    scenario(part, limits=QUICK if broken else PATIENT)


def test_a_session_that_runs_is_ended_before_a_new_configuration_is_applied(scenario, broker, topics, monkeypatch):
    async def part(terminal, fleet):
        monkeypatch.setattr(FrameClock, "waited", lambda self, seconds: None)
        terminal.camera.waiting = True
        async with Requester(broker, topics) as requester:
            started = await requester.start()
            await fleet.until("state", state="busy")
            await fleet.push(1, {"log": {"level": "debug"}})
            await fleet.until("config/reported", status="pending")
            assert await refusal(broker, topics) is CommandErrorCode.BUSY
            assert terminal.starts == 1
            await requester.cancel(started.session_id)
            (heard,) = [one async for one in requester.decisions(started, within=PATIENCE)]
            assert heard.decision.boot_count == 1
        terminal.camera.waiting = False
        await fleet.settled(status="applied", rev=1, state="ready", bootCount=2)

    scenario(part)


@pytest.mark.parametrize(
    ("service", "code"), [("paused", CommandErrorCode.PAUSED), ("quarantined", CommandErrorCode.QUARANTINED)]
)
def test_a_service_that_is_not_active_takes_no_session_until_it_is_again_also_after_a_start(
    scenario, broker, topics, service, code
):
    async def pause(terminal, fleet):
        await fleet.push(1, service=service, reason="fire drill")
        reported = await fleet.settled(service=service, status="applied", state=service)
        assert reported["reason"] == dict(fleet.heard)["state"]["reason"] == "fire drill"
        assert await refusal(broker, topics) is code
        assert terminal.starts == 1

    async def resume(terminal, fleet):
        assert await refusal(broker, topics) is code
        assert {c["state"] for t, c in fleet.heard if t == "state" and c["bootCount"] == 2} == {service}
        await fleet.push(2)
        await fleet.until("state", state="ready")
        await decided(broker, topics)

    scenario(pause)
    scenario(resume, first=service)


def test_a_quarantine_counts_though_its_settings_are_rejected_and_shows_before_a_fault(scenario, broker, topics):
    rejection = Rejection("the site's file cannot be used", "the site's file cannot be used")

    async def part(terminal, fleet):
        await fleet.push(1, {"camera": {}}, service="quarantined")
        await fleet.settled(service="quarantined", status="rejected", state="quarantined")
        assert await refusal(broker, topics) is CommandErrorCode.QUARANTINED
        await fleet.push(2, service="paused")
        await fleet.settled(service="paused", state="degraded")
        assert await refusal(broker, topics) is CommandErrorCode.PAUSED

    scenario(part, rejection=rejection, first="degraded")


@pytest.mark.parametrize("service", ["paused", "quarantined"])
def test_a_session_that_runs_ends_by_itself_when_paused_and_at_once_in_quarantine(
    scenario, broker, topics, monkeypatch, service
):
    async def part(terminal, fleet):
        monkeypatch.setattr(FrameClock, "waited", lambda self, seconds: None)
        terminal.camera.waiting = True
        async with Requester(broker, topics) as requester:
            started = await requester.start()
            await fleet.until("state", state="busy")
            await fleet.push(1, service=service)
            await fleet.until("config/reported", service=service)
            if service == "paused":
                assert terminal.daemon._session is not None
                await requester.cancel(started.session_id)
            (heard,) = [one async for one in requester.decisions(started, within=PATIENCE)]
            assert heard.decision.attempt.error.code is ErrorCode.USER_CANCELED_SESSION
        await fleet.settled(service=service, state=service)

    scenario(part)


def test_a_quarantine_holds_from_the_start_on_before_any_broker_is_reached(scenario, loaded):
    async def part(terminal, fleet):
        await fleet.push(1, service="quarantined")
        await fleet.until("state", state="quarantined")

    scenario(part)

    daemon = Daemon(loaded)
    try:
        # What a broker would hear first, and what holds while there is none.
        assert daemon._published.state == "quarantined"
    finally:
        daemon._outbox.close()
        os.close(daemon._claim)


def test_decisions_that_wait_outlast_a_new_start_and_a_rollback(scenario, broker, topics):
    async def kept_back(client):
        return True

    async def part(terminal, fleet):
        outbox = terminal.daemon._outbox
        terminal.daemon._link._deliver_waiting = kept_back
        async with Requester(broker, topics) as requester:
            await requester.start()
        async with asyncio.timeout(PATIENCE):
            while not len(outbox):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        terminal.refused = ("de",)
        await fleet.push(1, {"guidance": {"language": "de"}})
        # By the next start, which nothing keeps from it.
        decision = await fleet.until("decision")
        assert decision["decision"]["bootCount"] == 1
        await fleet.settled(status="rolledBack", state="ready")

    scenario(part, limits=QUICK)
