"""The daemon over the embedded broker, with scripted frames and the real heart."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import itertools
import json
import os
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.config.loader import load_bytes
from edge.contracts.device import DeviceEvent, Info, State
from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    CaptureKind,
    CommandErrorCode,
    ErrorCode,
    LivenessDecision,
    LivenessOperationMode,
    Prompt,
    SessionStatus,
    TerminalState,
)
from edge.contracts.jws import OKPKey, public_jwk, read_public_keys
from edge.contracts.session import SessionProgress
from edge.contracts.topics import Topics
from edge.errors import HardwareError, LinkError, ModelError
from edge.guidance.texts import texts
from edge.hardware.null import NullIlluminator, NullScreen
from edge.link.embedded import EmbeddedBroker
from edge.link.identity import PUBLIC_KEY_FILE
from edge.link.options import LinkOptions
from edge.link.outbox import Outbox
from edge.link.requester import Requester, TerminalRefusedError, Verification, listen
from edge.link.waiting import Limits
from edge.session.clock import FrameClock
from edge.session.runner import SessionRunner
from edge.terminal import camera_minder
from edge.terminal import daemon as daemon_module
from edge.terminal.assembly import Workbench, unlit
from edge.terminal.daemon import Daemon
from edge.terminal.frame_watch import WatchLimits
from edge.terminal.last_good import LAST_GOOD_FILE, Rejection, Start
from edge.terminal.notify import watchdog_period
from edge.terminal.reboot import Rebooter
from tests.inference.calibrations import calibration_of
from tests.session.scripted import ScriptedCamera, ScriptedVision, frames

pytest.importorskip("iotcore", reason="the embedded broker is in the extra 'demo'")

TOPICS = Topics("livegate", "default", "terminal-1")
PATIENCE = 20


class Endless(ScriptedCamera):
    """Gives frames of a face, or waits like a camera that gives none, until the session is over."""

    def __init__(self, script=None):
        super().__init__([])
        self.wanted = script

    def open(self):
        self.script = iter(self.wanted if self.wanted is not None else frames(100_000))


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as embedded:
        yield LinkOptions(embedded.host, embedded.port)


@pytest.fixture
def loaded(tmp_path, broker):
    return configuration(tmp_path, broker.port)


REPLAY = "{driver: replay, sources: [face.png]}"


def configuration(
    folder: Path,
    port: int,
    policy: str = "{preset: kiosk}",
    more: str = "",
    camera: str = REPLAY,
    requesters: str = "null",
):
    text = f"""
device: {{id: {TOPICS.device}, site: {TOPICS.site}}}
camera: {camera}
policy: {policy}
link: {{host: 127.0.0.1, port: {port}, requesters: {requesters}}}
state_directory: state
{more}
"""
    return load_bytes(text.encode(), folder / "livegate.yaml")


@contextlib.asynccontextmanager
async def running(
    loaded,
    monkeypatch,
    *,
    camera=None,
    vision=None,
    error=None,
    reachable=True,
    calibration=None,
    screen=None,
    rejection=None,
):
    """The daemon at work on a scripted workbench, heard by its broker where that is reachable; stopped at the end.

    A command sent before the terminal subscribed is lost: this broker acknowledges it all the same.
    """

    def open_workbench(_):
        if error is not None:
            raise error
        devices = replace(unlit(camera or Endless()), screen=screen or NullScreen())
        runner = SessionRunner(devices, vision or ScriptedVision(), FrameClock)
        return Workbench(runner, {"net": "0" * 64}, "scripted 1.0", calibration)

    monkeypatch.setattr(daemon_module, "open_workbench", open_workbench)
    stop, ready = asyncio.Event(), asyncio.Event()
    daemon = Daemon(loaded, rejection)
    serving = asyncio.create_task(daemon.run(stop, on_ready=ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({serving, waiting}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    try:
        if reachable:
            options = LinkOptions(loaded.settings.link.host, loaded.settings.link.port)
            await heard_until(options, is_state(TerminalState.READY, TerminalState.DEGRADED))
        yield daemon
    finally:
        waiting.cancel()
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await serving


async def heard_until(broker, wanted):
    """Everything heard of the terminal, up to the first message that ``wanted`` takes."""
    messages = listen(broker, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device)
    seen = []
    async with asyncio.timeout(PATIENCE), contextlib.aclosing(messages):
        async for heard in messages:
            seen.append(heard)
            if wanted(heard.content):
                return seen
    raise AssertionError("the subscription ended")


def is_state(*states):
    return lambda content: isinstance(content, State) and content.state in states


def keys(loaded):
    path = loaded.settings.state_directory / PUBLIC_KEY_FILE
    return read_public_keys(path.read_bytes(), str(path))


async def session(requester, **fields):
    started = await requester.start(**fields)
    return started, [heard async for heard in requester.decisions(started, within=PATIENCE)]


def test_a_session_over_mqtt_comes_back_signed_for_its_nonce(loaded, broker, monkeypatch):
    async def scenario():
        async with running(loaded, monkeypatch), Requester(broker, TOPICS, keys=keys(loaded)) as requester:
            started, (heard,) = await session(requester, user_correlation_id="visitor 7")
        assert heard.verification is Verification.VERIFIED
        decision = heard.decision
        assert decision.attempt.result.liveness_decision is LivenessDecision.REALFACE
        assert decision.nonce == started.nonce
        assert decision.user_correlation_id == "visitor 7"
        assert (decision.boot_count, decision.seq, decision.last_attempt) == (1, 1, True)
        assert decision.provenance.config == loaded.sha256
        assert decision.provenance.models == {"net": "0" * 64}
        assert decision.provenance.policy == "kiosk"
        assert decision.attempt.assurance.level is AssuranceLevel.NETWORKS
        assert decision.attempt.assurance.alternative is None
        assert decision.provenance.calibration is None

    asyncio.run(scenario())


def test_a_decision_signs_the_calibration_that_it_was_made_with(loaded, broker, monkeypatch):
    async def scenario():
        calibrated = running(loaded, monkeypatch, calibration=calibration_of())
        async with calibrated, Requester(broker, TOPICS, keys=keys(loaded)) as requester:
            _, (heard,) = await session(requester)
        assert heard.verification is Verification.VERIFIED
        assert heard.decision.provenance.calibration == calibration_of().sha256

    asyncio.run(scenario())


def test_a_screen_elsewhere_hears_each_phase_and_prompt_in_the_sites_language(tmp_path, broker, monkeypatch):
    german = configuration(tmp_path, broker.port, more="guidance: {language: de}")

    async def scenario():
        async with running(german, monkeypatch):
            messages = listen(broker, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device)
            async with asyncio.timeout(PATIENCE), contextlib.aclosing(messages):
                await anext(messages)  # the retained state: the subscription stands
                async with Requester(broker, TOPICS) as requester:
                    started = await requester.start()
                    told = []
                    async for heard in messages:
                        if isinstance(heard.content, SessionProgress):
                            told.append(heard.content)
                            if heard.content.state == "done":
                                break
        assert {progress.session_id for progress in told} == {started.session_id}
        assert told[0].state == "preparing"
        assert told[0].prompt is Prompt.LOOK_AT_CAMERA
        assert told[0].text == texts("de")[Prompt.LOOK_AT_CAMERA]
        assert told[-1].prompt is Prompt.ACCEPTED
        assert [progress.progress for progress in told] == sorted(progress.progress for progress in told)
        assert (told[0].progress, told[-1].progress) == (0.0, 1.0)
        assert {progress.seconds_left for progress in told} == {None}

    asyncio.run(scenario())


class Pages(NullScreen):
    def __init__(self):
        self.shown = []
        self.bare = threading.Event()

    def show_prompt(self, prompt):
        self.shown.append(prompt)
        if prompt is None:
            self.bare.set()


@pytest.mark.parametrize("another", [False, True], ids=["nobody else comes", "the next session comes first"])
def test_the_result_is_taken_off_the_screen_when_it_could_be_read(tmp_path, broker, monkeypatch, another):
    loaded = configuration(tmp_path, broker.port, more="guidance: {result_seconds: 7.5}")
    screen, asked = Pages(), []

    async def scenario():
        reading, read = asyncio.Event(), asyncio.Event()

        async def time_to_read(seconds):
            asked.append((seconds, screen.shown[-1]))
            reading.set()
            await read.wait()

        monkeypatch.setattr(daemon_module, "_time_to_read", time_to_read)
        async with running(loaded, monkeypatch, screen=screen), Requester(broker, TOPICS) as requester:
            await session(requester)
            await reading.wait()
            if another:
                reading.clear()
                await session(requester)
                await reading.wait()
            read.set()
            assert await asyncio.to_thread(screen.bare.wait, PATIENCE)

    asyncio.run(scenario())
    assert asked == [(7.5, Prompt.ACCEPTED)] * (1 + another)
    assert screen.shown.count(None) == 1
    assert screen.shown[-1] is None


def test_a_fault_of_the_terminal_still_gives_the_requester_a_signed_error(loaded, broker, monkeypatch):
    class Faulty(Endless):
        def open(self):
            raise ZeroDivisionError("a fault")

    async def scenario():
        async with running(loaded, monkeypatch, camera=Faulty([])):
            async with Requester(broker, TOPICS, keys=keys(loaded)) as requester:
                _, (heard,) = await session(requester)
            await heard_until(broker, is_state(TerminalState.READY))
        assert heard.verification is Verification.VERIFIED
        assert heard.decision.attempt.error.code is ErrorCode.GENERIC_FAILURE
        assert heard.decision.last_attempt

    asyncio.run(scenario())


def test_every_attempt_has_a_decision_of_its_own(loaded, broker, monkeypatch):
    async def scenario():
        async with (
            running(loaded, monkeypatch, vision=ScriptedVision(margin=-3.0)),
            Requester(broker, TOPICS, keys=keys(loaded)) as requester,
        ):
            _, heard = await session(requester, attempts=3)
        assert [one.decision.attempt.attempt_id for one in heard] == [1, 2, 3]
        assert [one.decision.last_attempt for one in heard] == [False, False, True]
        assert {one.verification for one in heard} == {Verification.VERIFIED}

    asyncio.run(scenario())


def test_a_second_session_is_refused_while_one_runs_and_cancelling_ends_the_first(loaded, broker, monkeypatch):
    async def scenario():
        endless = Endless([None] * 10_000_000)
        async with running(loaded, monkeypatch, camera=endless):
            # With a clock that stands still no time-out ends the session before the test does.
            monkeypatch.setattr(FrameClock, "waited", lambda self, seconds: None)
            async with Requester(broker, TOPICS, keys=keys(loaded)) as requester:
                started = await requester.start()
                await heard_until(broker, is_state(TerminalState.BUSY))
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.start()
                assert refused.value.code is CommandErrorCode.BUSY
                await requester.cancel(started.session_id)
                (heard,) = [one async for one in requester.decisions(started, within=PATIENCE)]
                assert heard.decision.attempt.error.code is ErrorCode.USER_CANCELED_SESSION
                assert heard.decision.attempt.attempt_status is SessionStatus.CANCELED
                # The decision is told before the session is over.
                await heard_until(broker, is_state(TerminalState.READY))
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.cancel(started.session_id)
                assert refused.value.code is CommandErrorCode.UNKNOWN_SESSION

    asyncio.run(scenario())


def test_stopping_during_a_session_cancels_it_and_says_goodbye(loaded, broker, monkeypatch):
    async def scenario():
        async with running(loaded, monkeypatch, camera=Endless([None] * 10_000_000)):
            monkeypatch.setattr(FrameClock, "waited", lambda self, seconds: None)
            async with Requester(broker, TOPICS, keys=keys(loaded)) as requester:
                await requester.start()
        await heard_until(broker, is_state(TerminalState.DISCONNECTED))

    asyncio.run(scenario())


def test_a_request_that_the_policy_forbids_is_refused_and_changes_nothing(tmp_path, broker, monkeypatch):
    only_active = configuration(tmp_path, broker.port, "{modes: [PassiveActive]}")

    async def scenario():
        async with running(only_active, monkeypatch):
            async with Requester(broker, TOPICS) as requester:
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.start()
            assert refused.value.code is CommandErrorCode.POLICY
            await heard_until(broker, is_state(TerminalState.READY))

    asyncio.run(scenario())


def test_an_alternative_is_signed_where_the_policy_allows_it_and_refused_where_not(tmp_path, broker, monkeypatch):
    key = OKPKey.generate_key("Ed25519")
    (tmp_path / "requesters.jwk").write_text(json.dumps(public_jwk(key)))
    own = configuration(tmp_path, broker.port, "{allow_alternatives: [without_flash]}", requesters="requesters.jwk")

    async def scenario():
        async with running(own, monkeypatch):
            async with Requester(broker, TOPICS, keys=keys(own)) as requester:
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.start(
                        alternative=Alternative.WITHOUT_FLASH, mode=LivenessOperationMode.PASSIVE_ACTIVE
                    )
                assert refused.value.code is CommandErrorCode.UNAUTHORIZED
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.start(alternative=Alternative.WITHOUT_MOVEMENT, authorize=key)
                assert refused.value.code is CommandErrorCode.POLICY
                assert "the policy site does not allow the alternative without_movement" in refused.value.remedy
                _, (heard,) = await session(
                    requester,
                    alternative=Alternative.WITHOUT_FLASH,
                    authorize=key,
                    mode=LivenessOperationMode.PASSIVE_ACTIVE,
                )
            (info,) = [
                one.content
                for one in await heard_until(broker, lambda content: isinstance(content, Info))
                if isinstance(one.content, Info)
            ]
        assert info.alternatives == (Alternative.WITHOUT_FLASH,)
        assert heard.verification is Verification.VERIFIED
        assurance = heard.decision.attempt.assurance
        assert (assurance.alternative, assurance.level) == (Alternative.WITHOUT_FLASH, AssuranceLevel.NONE)
        # No sensor tells the light here, and this policy asks to know it.
        assert heard.decision.attempt.error.code is ErrorCode.ENVIRONMENT_NOT_SUPPORTED

    asyncio.run(scenario())


def test_models_that_cannot_be_used_make_it_degraded_and_it_stays_up(loaded, broker, monkeypatch):
    error = ModelError("net.tflite is not the file its manifest describes", remedy="reinstall the models")

    async def scenario():
        async with running(loaded, monkeypatch, error=error):
            heard = await heard_until(broker, is_state(TerminalState.DEGRADED))
            assert "net.tflite" in heard[-1].content.reason
            async with Requester(broker, TOPICS) as requester:
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.start()
            assert refused.value.code is CommandErrorCode.DEGRADED

    asyncio.run(scenario())


def test_info_names_models_policy_and_key(loaded, broker, monkeypatch):
    async def scenario():
        async with running(loaded, monkeypatch):
            heard = await heard_until(broker, lambda content: isinstance(content, Info) and bool(content.models))
        info = heard[-1].content
        assert info.models == {"net": "0" * 64}
        assert info.policy == "kiosk"
        assert info.capture == "replay"
        assert info.public_key["kid"] in keys(loaded)
        assert "d" not in info.public_key

    asyncio.run(scenario())


def test_a_broker_that_is_not_there_keeps_nobody_from_stopping_it(tmp_path, monkeypatch):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        nowhere = configuration(tmp_path, reserved.getsockname()[1])

        async def scenario():
            async with running(nowhere, monkeypatch, reachable=False) as daemon:
                assert daemon is not None

        asyncio.run(scenario())


def test_the_boot_count_rises_with_every_start(loaded, broker, monkeypatch):
    async def scenario():
        counts = []
        for _ in range(2):
            async with running(loaded, monkeypatch):
                heard = await heard_until(broker, is_state(TerminalState.READY))
                counts.append(heard[-1].content.boot_count)
        assert counts[1] == counts[0] + 1

    asyncio.run(scenario())


def test_systemd_is_told_of_readiness_and_stopping(loaded, broker, monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")

        async def scenario():
            async with running(loaded, monkeypatch):
                pass

        asyncio.run(scenario())
        told = [manager.recv(1024).decode() for _ in range(3)]
    assert any(lines.startswith("READY=1") for lines in told[:-1])
    assert "WATCHDOG=1" in told
    assert told[-1] == "STOPPING=1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order(loaded, monkeypatch, number):
    class Signalled:
        settings = loaded.settings

        def __init__(self, *_):
            pass

        async def run(self, stop, on_ready):
            os.kill(os.getpid(), number)
            async with asyncio.timeout(PATIENCE):
                await stop.wait()

    monkeypatch.setattr(daemon_module, "Daemon", Signalled)
    monkeypatch.setattr(daemon_module, "log_to", lambda _: None)
    before = signal.signal(number, signal.SIG_DFL)
    try:
        asyncio.run(daemon_module._serve(Start(loaded)))
    finally:
        signal.signal(number, before)


def test_stopping_gives_lamp_and_display_back_on_the_thread_that_opened_them(loaded, monkeypatch):
    closed = []

    def close(light):
        closed.append((type(light), threading.current_thread().name.partition("_")[0]))

    for light in (NullIlluminator, NullScreen):
        monkeypatch.setattr(light, "close", close)

    async def scenario():
        async with running(loaded, monkeypatch):
            assert closed == []

    asyncio.run(scenario())
    assert closed == [(NullIlluminator, "inference"), (NullScreen, "inference")]


def test_a_request_that_comes_before_the_models_are_loaded_is_refused(loaded, broker, monkeypatch):
    may_open = threading.Event()

    def open_slowly(_):
        may_open.wait(PATIENCE)
        return Workbench(SessionRunner(unlit(Endless()), ScriptedVision(), FrameClock), {}, "scripted 1.0")

    async def scenario():
        monkeypatch.setattr(daemon_module, "open_workbench", open_slowly)
        stop = asyncio.Event()
        serving = asyncio.create_task(Daemon(loaded).run(stop))
        try:
            await heard_until(broker, is_state(TerminalState.INIT))
            async with Requester(broker, TOPICS) as requester:
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.start()
            assert refused.value.code is CommandErrorCode.BUSY
        finally:
            may_open.set()
            stop.set()
            async with asyncio.timeout(PATIENCE):
                await serving

    asyncio.run(scenario())


def test_a_fault_while_loading_makes_it_degraded_and_it_stays_up(loaded, broker, monkeypatch):
    async def scenario():
        async with running(loaded, monkeypatch, error=ZeroDivisionError("a fault")):
            await heard_until(broker, is_state(TerminalState.DEGRADED))

    asyncio.run(scenario())


def test_a_lost_notify_socket_ends_nothing(loaded, broker, monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")

    async def scenario():
        async with running(loaded, monkeypatch):
            async with Requester(broker, TOPICS, keys=keys(loaded)) as requester:
                _, (heard,) = await session(requester)
            assert heard.verification is Verification.VERIFIED

    asyncio.run(scenario())


@pytest.mark.parametrize("microseconds", ["0", "", "soon"])
def test_a_watchdog_without_a_time_is_not_fed(monkeypatch, microseconds):
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    assert watchdog_period() is None


def test_an_outbox_that_empties_makes_a_full_terminal_ready_again(loaded, broker, monkeypatch):
    monkeypatch.setattr(daemon_module, "outbox_limits", lambda _: Limits(rows=1))
    loaded.settings.state_directory.mkdir()
    left_over = Outbox(loaded.settings.state_directory / daemon_module.OUTBOX_FILE)
    left_over.add(b"{}")
    left_over.close()

    async def scenario():
        async with running(loaded, monkeypatch) as daemon:
            await heard_until(broker, is_state(TerminalState.READY))
            assert len(daemon._outbox) == 0

    asyncio.run(scenario())


def test_an_outbox_that_cannot_store_makes_it_degraded_until_it_can(loaded, broker, monkeypatch):
    store = Outbox.add

    def no_room(outbox, payload=b""):
        return outbox._use(lambda db: db.execute("INSERT INTO no_such_table VALUES (1)"))

    async def scenario():
        monkeypatch.setattr(daemon_module, "Link", functools.partial(daemon_module.Link, redelivery_seconds=0.05))
        async with running(loaded, monkeypatch), Requester(broker, TOPICS, keys=keys(loaded)) as requester:
            monkeypatch.setattr(Outbox, "add", no_room)
            monkeypatch.setattr(Outbox, "probe", no_room)
            await requester.start()
            await heard_until(broker, is_state(TerminalState.DEGRADED))
            monkeypatch.undo()
            assert Outbox.add is store
            await heard_until(broker, is_state(TerminalState.READY))

    asyncio.run(scenario())


def test_what_a_fault_carries_with_it_is_not_published(loaded, broker, monkeypatch):
    class Faulty(Endless):
        def open(self):
            raise ValueError("a frame", np.full((2, 2), 77))

    async def scenario():
        async with running(loaded, monkeypatch, camera=Faulty([])):
            messages = listen(broker, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device)
            async with asyncio.timeout(PATIENCE), contextlib.aclosing(messages):
                await anext(messages)
                async with Requester(broker, TOPICS) as requester:
                    await requester.start()
                    async for heard in messages:
                        if isinstance(heard.content, DeviceEvent):
                            break
            assert "ValueError" in heard.content.message
            assert "array" not in heard.content.message
            assert "a frame" not in heard.content.message

    asyncio.run(scenario())


def test_a_session_that_hangs_starves_the_watchdog(loaded, broker, monkeypatch):
    seeing, may_see = threading.Event(), threading.Event()

    class Hanging(ScriptedVision):
        def see(self, frame, *, judge=True):
            seeing.set()
            may_see.wait(PATIENCE)
            return super().see(frame, judge=judge)

    async def scenario():
        async with running(loaded, monkeypatch, vision=Hanging()) as daemon:
            async with Requester(broker, TOPICS, keys=keys(loaded)) as requester:
                started = await requester.start()
                await asyncio.to_thread(seeing.wait, PATIENCE)
                try:
                    now = time.monotonic()
                    assert daemon.makes_progress(now)
                    assert not daemon.makes_progress(now + daemon_module.STALLED_SECONDS + 1)
                finally:
                    may_see.set()
                assert [one async for one in requester.decisions(started, within=PATIENCE)]
            await heard_until(broker, is_state(TerminalState.READY))
            assert daemon.makes_progress(now + daemon_module.STALLED_SECONDS + 1)

    asyncio.run(scenario())


def test_a_state_folder_serves_one_terminal_at_a_time(loaded, monkeypatch, broker):
    async def scenario():
        async with running(loaded, monkeypatch):
            with pytest.raises(LinkError, match="another"):
                Daemon(loaded)

    asyncio.run(scenario())


UNPLUGGED = HardwareError("no camera number 0", remedy="check its cable")


class Plugged(Endless):
    """A camera module whose cable can be pulled and put back; ``hold`` keeps it from opening until it is set."""

    traits = dataclasses.replace(ScriptedCamera.traits, capture=CaptureKind.LIVE)

    def __init__(self, plugged=True, script=None):
        super().__init__(script)
        self.plugged = plugged
        self.openings, self.closings = threading.Semaphore(0), threading.Semaphore(0)
        self.hold = threading.Event()
        self.hold.set()

    async def opened(self, times=1):
        for _ in range(times):
            assert await asyncio.to_thread(self.openings.acquire, timeout=PATIENCE)

    def open(self):
        self.openings.release()
        self.hold.wait(PATIENCE)
        if not self.plugged:
            raise UNPLUGGED
        super().open()

    async def seen(self):
        assert await asyncio.to_thread(self.closings.acquire, timeout=PATIENCE)

    def read(self, timeout):
        if not self.plugged:
            raise UNPLUGGED
        return super().read(timeout)

    def close(self):
        super().close()
        self.closings.release()


@contextlib.asynccontextmanager
async def told(broker):
    """What the terminal says from now on, message by message."""
    messages = listen(broker, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device)
    async with asyncio.timeout(PATIENCE), contextlib.aclosing(messages):
        await anext(messages)  # a retained one: the subscription stands
        yield messages


async def until(messages, wanted):
    seen = []
    async for heard in messages:
        seen.append(heard.content)
        if wanted(heard.content):
            return seen
    raise AssertionError("the subscription ended")


def quick_watch(monkeypatch, **limits):
    limits = {"every": None, "first_retry": 0.05, "longest_retry": 0.05, **limits}
    monkeypatch.setattr(daemon_module, "watch_limits", lambda _: WatchLimits(**limits))


def with_module(folder, port, more=""):
    return configuration(folder, port, camera="{driver: picamera2}", more=more)


def test_a_missing_camera_makes_it_degraded_with_one_fault_and_frames_make_it_ready(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch)
    camera = Plugged(plugged=False)

    async def scenario():
        async with running(with_module(tmp_path, broker.port), monkeypatch, camera=camera) as daemon:
            heard = await heard_until(broker, is_state(TerminalState.DEGRADED))
            assert heard[-1].content.reason == str(UNPLUGGED)
            async with Requester(broker, TOPICS) as requester:
                with pytest.raises(TerminalRefusedError) as refused:
                    await requester.start()
            assert refused.value.code is CommandErrorCode.DEGRADED
            async with told(broker) as messages:
                await camera.opened(4)
                camera.plugged = True
                said = await until(messages, is_state(TerminalState.READY))
            # However often it was tried meanwhile, nothing was said again.
            assert kinds(said) == ["recovered"]
            assert daemon.makes_progress(time.monotonic())

    asyncio.run(scenario())


def test_a_camera_that_is_lost_in_a_session_makes_it_degraded_until_frames_come(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch)
    own, camera = with_module(tmp_path, broker.port), Plugged()

    async def scenario():
        async with running(own, monkeypatch, camera=camera):
            await camera.seen()
            async with told(broker) as messages, Requester(broker, TOPICS, keys=keys(own)) as requester:
                camera.plugged = False
                started = await requester.start()
                (decided,) = [one async for one in requester.decisions(started, within=PATIENCE)]
                assert decided.decision.attempt.error.code is ErrorCode.CAMERA_STARTUP_FAILURE
                said = await until(messages, is_state(TerminalState.DEGRADED))
                camera.plugged = True
                said += await until(messages, is_state(TerminalState.READY))
                assert kinds(said) == ["fault", "recovered"]
                _, (heard,) = await session(requester)
                assert heard.verification is Verification.VERIFIED

    asyncio.run(scenario())


def kinds(said):
    return [content.kind for content in said if isinstance(content, DeviceEvent)]


def test_no_frame_in_a_session_makes_it_degraded_while_it_runs_on(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch, late=0.0)
    monkeypatch.setattr(camera_minder, "SESSION_SECONDS", 0.02)
    monkeypatch.setattr(FrameClock, "waited", lambda self, seconds: None)
    own, camera = with_module(tmp_path, broker.port), Plugged()

    async def scenario():
        async with running(own, monkeypatch, camera=camera) as daemon:
            await camera.seen()
            camera.wanted = [None] * 10_000_000
            async with told(broker) as messages, Requester(broker, TOPICS, keys=keys(own)) as requester:
                started = await requester.start()
                await until(messages, is_state(TerminalState.DEGRADED))
                assert daemon._session is not None
                camera.wanted = None
                await requester.cancel(started.session_id)
                await until(messages, is_state(TerminalState.READY))

    asyncio.run(scenario())


def test_ready_does_not_wait_for_the_camera_and_a_camera_that_hangs_starves_the_watchdog(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch)
    camera = Plugged()
    camera.hold.clear()

    async def scenario():
        async with running(with_module(tmp_path, broker.port), monkeypatch, camera=camera) as daemon:
            try:
                await heard_until(broker, is_state(TerminalState.READY))
                await camera.opened()
                now = time.monotonic()
                assert daemon.makes_progress(now)
                assert not daemon.makes_progress(now + daemon_module.STALLED_SECONDS + 1)
            finally:
                camera.hold.set()

    asyncio.run(scenario())


def test_a_session_does_not_wait_for_a_look_at_the_camera(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch)
    own, camera = with_module(tmp_path, broker.port), Plugged(script=itertools.repeat(None))
    # With a clock that stands still the look does not end by itself.
    monkeypatch.setattr(FrameClock, "waited", lambda self, seconds: None)

    async def scenario():
        async with running(own, monkeypatch, camera=camera) as daemon, Requester(broker, TOPICS) as requester:
            await camera.opened()
            started = await requester.start()
            await camera.opened()
            assert daemon._session.session_id == started.session_id

    asyncio.run(scenario())


def test_a_reboot_is_asked_for_where_the_site_wants_it_and_the_state_says_so(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch, reboot_after=0.0)
    request = tmp_path / "reboot-request"
    wall = 1_800_000_000.0
    monkeypatch.setattr(
        daemon_module,
        "Rebooter",
        functools.partial(Rebooter, request=request, wall_clock=lambda: wall, uptime=lambda: 9999.0),
    )
    own = with_module(tmp_path, broker.port, more="recovery: {reboot: true}")

    async def scenario():
        async with running(own, monkeypatch, camera=Plugged(plugged=False)):
            heard = await heard_until(broker, lambda content: isinstance(content, State) and has_been_asked(content))
            assert "livegate-reboot.path" in heard[-1].content.reason

    def has_been_asked(state):
        return state.state is TerminalState.DEGRADED and "has not come" in state.reason

    asyncio.run(scenario())
    assert request.read_text() == str(UNPLUGGED)


def test_a_part_that_turns_up_after_the_start_makes_it_ready(loaded, broker, monkeypatch):
    monkeypatch.setattr(daemon_module, "RETRY_SECONDS", (0.05, 0.05))
    missing, tries = HardwareError("no display is attached", remedy="attach one"), []

    def open_workbench(_):
        tries.append(time.monotonic())
        if len(tries) < 5:
            raise missing
        return Workbench(SessionRunner(unlit(Endless()), ScriptedVision(), FrameClock), {"net": "0" * 64}, "scripted")

    async def scenario():
        monkeypatch.setattr(daemon_module, "open_workbench", open_workbench)
        stop = asyncio.Event()
        daemon = Daemon(loaded)
        said = []
        monkeypatch.setattr(daemon._link, "publish_event", lambda event: said.append((event.kind, event.message)))
        serving = asyncio.create_task(daemon.run(stop))
        try:
            heard = await heard_until(broker, is_state(TerminalState.READY))
            assert said == [("fault", str(missing)), ("recovered", "models and devices are open")]
            assert len(tries) == 5
            assert heard
            await heard_until(broker, lambda content: isinstance(content, Info) and bool(content.models))
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE):
                await serving

    asyncio.run(scenario())


STANDS_IN = Rejection("the site's file cannot be used: line 3, column 5: camera: missing", None)


def test_a_last_good_configuration_that_stands_in_is_ready_and_an_event_says_so(loaded, broker, monkeypatch):
    async def scenario():
        events = []
        publish = daemon_module.Link.publish_event
        monkeypatch.setattr(daemon_module.Link, "publish_event", lambda link, event: events.append(event))
        async with running(loaded, monkeypatch, rejection=STANDS_IN):
            (said,) = events
            assert (said.kind, said.message) == ("configRejected", STANDS_IN.message)
            heard = await heard_until(broker, lambda content: isinstance(content, Info) and bool(content.models))
            assert heard[-1].content.config_stands_in
            assert heard[-1].content.config == loaded.sha256
            async with Requester(broker, TOPICS, keys=keys(loaded)) as requester:
                _, (decided,) = await session(requester)
            assert decided.decision.provenance.config == loaded.sha256
        assert publish is not daemon_module.Link.publish_event

    asyncio.run(scenario())


def test_a_last_good_configuration_that_may_not_stand_in_lends_its_link_to_say_so(loaded, broker, monkeypatch):
    refused = Rejection("what protects may not be the same: policy", "what protects may not be the same: policy")

    async def scenario():
        async with running(loaded, monkeypatch, rejection=refused, error=AssertionError("not even opened")):
            heard = await heard_until(broker, is_state(TerminalState.DEGRADED))
            assert heard[-1].content.reason == refused.trouble
            async with Requester(broker, TOPICS) as requester:
                with pytest.raises(TerminalRefusedError) as answer:
                    await requester.start()
            assert answer.value.code is CommandErrorCode.DEGRADED

    asyncio.run(scenario())


def remembered(loaded):
    return (loaded.settings.state_directory / LAST_GOOD_FILE).is_file()


def test_a_configuration_is_remembered_once_it_was_ready_but_not_one_that_stands_in(loaded, broker, monkeypatch):
    async def scenario():
        async with running(loaded, monkeypatch, rejection=STANDS_IN):
            pass
        assert not remembered(loaded)
        async with running(loaded, monkeypatch, error=ModelError("no models", remedy="install them")):
            pass
        assert not remembered(loaded)
        async with running(loaded, monkeypatch):
            pass
        assert remembered(loaded)

    asyncio.run(scenario())


def test_a_real_cameras_configuration_is_remembered_only_after_its_first_frame(tmp_path, broker, monkeypatch):
    quick_watch(monkeypatch)
    own, camera = with_module(tmp_path, broker.port), Plugged(plugged=False)

    async def scenario():
        async with running(own, monkeypatch, camera=camera):
            await camera.opened(3)
            assert not remembered(own)
            camera.plugged = True
            await heard_until(broker, is_state(TerminalState.READY))
            await camera.seen()
        assert remembered(own)

    asyncio.run(scenario())
