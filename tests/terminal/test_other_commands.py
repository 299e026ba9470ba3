"""Ping, identify, selftest, restart and diagnostics, and what makes them say no."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from edge.contracts.device import CommandReply, Diagnostics, Identify, Ping, Restart, SelfTest, State
from edge.contracts.doctor import Check, Verdict
from edge.contracts.enums import CaptureKind, CommandErrorCode, LightBand, TerminalState
from edge.contracts.session import SessionCancel
from edge.errors import HardwareError
from edge.hardware.null import NullBacklight, NullIlluminator, NullScreen
from edge.hardware.ports import CameraTraits, LightInterval
from edge.link.answering import Deferred
from edge.link.outbox import Outbox
from edge.link.payloads import CommandRefused
from edge.session.clock import FrameClock
from edge.session.runner import SessionRunner
from edge.terminal.assembly import Workbench, unlit
from edge.terminal.commands import Commands, Site
from edge.terminal.inference import InferenceThread
from edge.terminal.self_test import Interrupted, self_test
from tests.session.scripted import ScriptedCamera, ScriptedVision, frames

COMMON = {"id": "a" * 16, "expires_at": 1.0}
READY = State(state=TerminalState.READY, boot_count=7)


class LiveCamera(ScriptedCamera):
    traits = CameraTraits("scripted", CaptureKind.LIVE, exposure_metadata=False)


class Screen(NullScreen):
    available = True

    def __init__(self, trouble=None):
        self.shown, self.trouble = [], trouble

    def show_name(self, name):
        if self.trouble is not None:
            raise self.trouble
        self.shown.append(name)

    def show_prompt(self, prompt):
        self.shown.append(prompt)


class Backlight(NullBacklight):
    available = True

    def __init__(self, level=0.4):
        self.found, self.set, self.restored = level, [], 0

    def level(self):
        return self.found

    def set_level(self, level, now):
        self.set.append(level)
        return LightInterval(now, now)

    def restore(self, now):
        self.restored += 1


class Lamp(NullIlluminator):
    available = True

    def __init__(self, output=0.0):
        super().__init__(LightBand.INFRARED)
        self.given = output

    def output(self):
        return self.given


class Terminal:
    """Not stopping, no session, everything open."""

    def __init__(self, workbench, state=READY):
        self.workbench, self.told, self.wanted = workbench, state, False
        self.restarts, self.screens = 0, 0

    def state(self):
        return self.told

    def opened(self):
        return self.workbench

    def session_wanted(self):
        return self.wanted

    def screen_wanted(self):
        self.screens += 1

    def restart(self):
        self.restarts += 1


def bench(camera=None, networks=None, **devices):
    runner = SessionRunner(replace(unlit(camera or LiveCamera(frames(1000))), **devices), ScriptedVision(), FrameClock)
    return Workbench(runner, {}, "scripted 1.0", networks=networks)


class Naps:
    """Sleeping that lasts until the test ends it."""

    def __init__(self):
        self.asked, self.over = [], asyncio.Event()

    async def __call__(self, seconds):
        self.asked.append(seconds)
        await self.over.wait()


def scenario(tmp_path, play, workbench, *, opened=True, watched=True, state=READY, **options):
    """Plays it with the commands of a terminal whose inference thread has the workbench."""

    async def run():
        inference, naps = InferenceThread(), Naps()
        await inference.open(lambda: workbench)
        terminal = Terminal(workbench if opened else None, state)
        site = Site(device="gate-1", config=tmp_path / "livegate.yaml", watched=watched)
        with closing(Outbox(tmp_path / "outbox.sqlite")) as outbox:
            commands = Commands(site, terminal, inference, outbox, sleep=naps, **options)
            try:
                async with asyncio.timeout(20):
                    await play(commands, terminal, naps)
            finally:
                commands.session_begins()
                await asyncio.to_thread(inference.close)

    asyncio.run(run())


async def answered(commands, command):
    outcome = commands.handle(command)
    return await outcome.work() if isinstance(outcome, Deferred) else outcome


async def refusal(commands, command):
    with pytest.raises(CommandRefused) as refused:
        await answered(commands, command)
    return refused.value


def test_ping_is_answered_at_once_with_the_state(tmp_path):
    async def play(commands, terminal, _):
        told = commands.handle(Ping(**COMMON))
        assert {**told, "uptimeSeconds": 0} == {"state": "ready", "bootCount": 7, "uptimeSeconds": 0}
        assert 0 <= told["uptimeSeconds"] < 10
        terminal.told = State(state=TerminalState.DEGRADED, boot_count=7, reason="no camera")
        terminal.wanted = True
        assert commands.handle(Ping(**COMMON))["reason"] == "no camera"

    scenario(tmp_path, play, bench())


def test_identify_shows_the_name_at_full_brightness_for_as_long_as_was_asked(tmp_path):
    screen, backlight = Screen(), Backlight()

    async def play(commands, terminal, naps):
        assert await answered(commands, Identify(**COMMON, seconds=15.0)) == {"device": "gate-1", "seconds": 15.0}
        assert (screen.shown, backlight.set, backlight.restored) == (["gate-1"], [1.0], 0)
        assert terminal.screens == 1
        await asyncio.sleep(0)
        assert naps.asked == [15.0]
        naps.over.set()
        await commands._identity
        assert (screen.shown, backlight.restored) == (["gate-1", None], 1)

    scenario(tmp_path, play, bench(screen=screen, backlight=backlight))


def test_asked_again_it_shows_the_name_for_longer_and_changes_no_light(tmp_path):
    screen, backlight = Screen(), Backlight()

    async def play(commands, _, naps):
        for _ in range(20):
            await answered(commands, Identify(**COMMON))
            await asyncio.sleep(0)
        assert backlight.set == [1.0]
        naps.over.set()
        await commands._identity
        assert (screen.shown.count(None), backlight.restored) == (1, 1)

    scenario(tmp_path, play, bench(screen=screen, backlight=backlight))


def test_names_that_come_and_go_quickly_never_flash(tmp_path, monkeypatch):
    screen, backlight = Screen(), Backlight(level=0.1)

    async def play(commands, _, naps):
        naps.over.set()
        monkeypatch.setattr("edge.session.runner.RealClock.now", lambda _: 50.0)
        for _ in range(20):
            await answered(commands, Identify(**COMMON))
            await commands._identity
        # Three flashes are six changes, each of these makes two.
        assert backlight.set == [1.0] * 3
        assert backlight.restored == 3
        assert screen.shown == ["gate-1", None] * 20

    scenario(tmp_path, play, bench(screen=screen, backlight=backlight))


def test_a_session_takes_the_screen_and_the_name_is_not_taken_off_for_it(tmp_path):
    screen = Screen()

    async def play(commands, terminal, naps):
        await answered(commands, Identify(**COMMON))
        await asyncio.sleep(0)
        terminal.wanted = True
        commands.session_begins()
        naps.over.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert screen.shown == ["gate-1"]
        for command in (Identify(**COMMON), SelfTest(**COMMON), Diagnostics(**COMMON)):
            assert (await refusal(commands, command)).code is CommandErrorCode.BUSY

    scenario(tmp_path, play, bench(screen=screen))


def test_without_a_screen_identify_says_so(tmp_path):
    async def play(commands, *_):
        refused = await refusal(commands, Identify(**COMMON))
        assert (refused.code, "no screen" in refused.message) == (CommandErrorCode.UNSUPPORTED, True)

    scenario(tmp_path, play, bench())


def test_a_screen_that_is_lost_is_told(tmp_path):
    async def play(commands, *_):
        refused = await refusal(commands, Identify(**COMMON))
        assert (refused.code, "gone" in refused.message) == (CommandErrorCode.DEGRADED, True)

    scenario(tmp_path, play, bench(screen=Screen(HardwareError("the display is gone", remedy="look"))))


@pytest.mark.parametrize(
    ("state", "code"),
    [(TerminalState.INIT, CommandErrorCode.BUSY), (TerminalState.DEGRADED, CommandErrorCode.DEGRADED)],
)
def test_what_needs_models_and_devices_is_refused_while_they_are_not_open(tmp_path, state, code):
    async def play(commands, *_):
        for command in (Identify(**COMMON), SelfTest(**COMMON)):
            assert (await refusal(commands, command)).code is code

    reason = "no camera" if state is TerminalState.DEGRADED else None
    scenario(tmp_path, play, bench(), opened=False, state=State(state=state, boot_count=1, reason=reason))


class Network:
    def __init__(self, name, outputs):
        shape = SimpleNamespace(shape=(1, 4, 4, 3))
        self.manifest, self.outputs, self.seen = SimpleNamespace(id=name, input=shape), outputs, []

    def run(self, picture):
        assert picture.shape == (4, 4, 3)
        assert picture.dtype == np.uint8
        self.seen.append(picture)
        if isinstance(self.outputs, Exception):
            raise self.outputs
        return self.outputs


def networks(**outputs):
    good = (np.zeros(3, np.float32),)
    made = {name: Network(name, outputs.get(name, good)) for name in ("detector", "landmarks", "pad", "embedding")}
    return SimpleNamespace(
        detector=made["detector"], landmarks=made["landmarks"], pad=(made["pad"],), embedding=made["embedding"]
    )


def verdicts(told):
    return {check["name"].removeprefix("selftest."): check["verdict"] for check in told["checks"]}


def test_a_self_test_tries_everything_and_changes_nothing(tmp_path):
    screen, backlight, lamp = Screen(), Backlight(), Lamp()

    async def play(commands, *_):
        told = await answered(commands, SelfTest(**COMMON))
        assert told["verdict"] == "ok"
        assert verdicts(told) == dict.fromkeys(
            ("camera", "networks", "outbox", "backlight", "illuminator", "screen"), "ok"
        )
        assert "at 40%" in json.dumps(told)
        assert (screen.shown, backlight.set, lamp.given) == ([], [], 0.0)
        assert len(commands._outbox) == 0
        for check in told["checks"]:
            Check.model_validate(check)

    workbench = bench(networks=networks(), screen=screen, backlight=backlight, illuminator=lamp)
    scenario(tmp_path, play, workbench)


def test_what_a_terminal_has_not_is_skipped(tmp_path):
    async def play(commands, *_):
        told = await answered(commands, SelfTest(**COMMON))
        assert verdicts(told) == {
            "camera": "skipped",
            "networks": "skipped",
            "outbox": "ok",
            "backlight": "skipped",
            "illuminator": "skipped",
            "screen": "skipped",
        }

    scenario(tmp_path, play, bench(), watched=False)


@pytest.mark.parametrize(
    ("broken", "name", "words"),
    [
        ({"camera": LiveCamera([], HardwareError("the camera is gone", remedy="look"))}, "camera", "gone"),
        ({"networks": networks(pad=(np.array([1.0, np.nan]),))}, "networks", "pad gives no numbers"),
        ({"networks": networks(landmarks=ValueError("pixels 1 2 3"))}, "networks", "ValueError"),
        ({"illuminator": Lamp(0.5)}, "illuminator", "lit at 50%"),
    ],
)
def test_what_fails_is_told_and_the_rest_is_tried_all_the_same(tmp_path, broken, name, words):
    async def play(commands, *_):
        told = await answered(commands, SelfTest(**COMMON))
        assert told["verdict"] == "fail"
        (failed,) = [check for check in told["checks"] if check["verdict"] == "fail"]
        assert failed["name"] == f"selftest.{name}"
        assert words in failed["seen"]
        assert "pixels" not in failed["seen"]
        assert len(told["checks"]) == 6

    scenario(tmp_path, play, bench(**broken))


def test_an_outbox_that_stores_nothing_is_told(tmp_path):
    class Full:
        def probe(self):
            raise HardwareError("the disk is full", remedy="make room")

    made = list(self_test(bench(), Full(), watched=False, unwanted=lambda: False))
    (failed,) = [check for check in made if check.verdict is Verdict.FAIL]
    assert (failed.name, failed.remedy) == ("selftest.outbox", "make room")


class Hanging(LiveCamera):
    def __init__(self):
        super().__init__([])
        self.opened, self.let_go = threading.Event(), threading.Event()

    def open(self):
        self.opened.set()
        assert self.let_go.wait(20)

    def read(self, timeout):
        return None


def test_a_session_that_is_wanted_ends_a_self_test(tmp_path):
    camera = Hanging()

    async def play(commands, terminal, _):
        told = asyncio.create_task(refusal(commands, SelfTest(**COMMON)))
        assert await asyncio.to_thread(camera.opened.wait, 20)
        assert (await refusal(commands, SelfTest(**COMMON))).message == "a self-test is under way"
        terminal.wanted = True
        camera.let_go.set()
        refused = await told
        assert (refused.code, "a session came first" in refused.message) == (CommandErrorCode.BUSY, True)

    scenario(tmp_path, play, bench(camera))


def test_a_self_test_that_hangs_is_answered_in_time_with_where_it_hangs(tmp_path):
    camera = Hanging()

    async def play(commands, *_):
        told = await answered(commands, SelfTest(**COMMON))
        assert verdicts(told) == {"end": "fail"}
        assert "waits at the camera" in told["checks"][0]["seen"]
        assert (await refusal(commands, SelfTest(**COMMON))).code is CommandErrorCode.BUSY
        camera.let_go.set()

    scenario(tmp_path, play, bench(camera), self_test_seconds=0.05)


def test_nothing_more_is_tried_once_a_session_is_wanted(tmp_path):
    tried = networks()
    with closing(Outbox(tmp_path / "outbox.sqlite")) as outbox, pytest.raises(Interrupted):
        list(self_test(bench(networks=tried), outbox, watched=True, unwanted=lambda: True))
    assert tried.detector.seen == []


def test_restart_is_answered_and_then_carried_out(tmp_path):
    async def play(commands, terminal, _):
        terminal.wanted = True
        assert commands.handle(Restart(**COMMON)) == {"bootCount": 7}
        assert terminal.restarts == 1

    scenario(tmp_path, play, bench())


def test_diagnostics_is_the_doctors_report_one_at_a_time(tmp_path):
    async def play(commands, *_):
        asked, over = [], asyncio.Event()

        async def diagnosed(config):
            asked.append(config)
            await over.wait()
            return {"verdict": "ok"}

        commands._diagnosed = diagnosed
        first = asyncio.create_task(answered(commands, Diagnostics(**COMMON)))
        await asyncio.sleep(0)
        assert (await refusal(commands, Diagnostics(**COMMON))).code is CommandErrorCode.BUSY
        over.set()
        assert await first == {"verdict": "ok"}
        assert await answered(commands, Diagnostics(**COMMON)) == {"verdict": "ok"}
        assert asked == [tmp_path / "livegate.yaml"] * 2

    scenario(tmp_path, play, bench())


@pytest.mark.parametrize("error", [TimeoutError(), OSError("no process"), ValueError("no words")])
def test_a_doctor_that_fails_is_told_and_may_be_asked_again(tmp_path, error):
    async def diagnosed(_):
        raise error

    async def play(commands, *_):
        for _ in range(2):
            assert (await refusal(commands, Diagnostics(**COMMON))).code is CommandErrorCode.INTERNAL

    scenario(tmp_path, play, bench(), diagnosed=diagnosed)


def test_commands_of_sessions_are_not_for_it(tmp_path):
    async def play(commands, *_):
        command = SessionCancel(**COMMON, session_id="0" * 32)
        assert (await refusal(commands, command)).code is CommandErrorCode.UNKNOWN_COMMAND

    scenario(tmp_path, play, bench())


def test_what_is_answered_fits_into_a_reply(tmp_path):
    async def play(commands, *_):
        for command in (Ping(**COMMON), Identify(**COMMON), SelfTest(**COMMON)):
            data = await answered(commands, command)
            assert json.loads(CommandReply(status="ok", data=data).to_json())["data"] == data

    scenario(tmp_path, play, bench(screen=Screen(), networks=networks()))
