"""What people before the terminal see, whatever becomes of a session; read off the simulated lamps themselves."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import ErrorCode, LightBand, LivenessOperationMode
from edge.errors import HardwareError
from edge.hardware.light_guard import STALL_SECONDS, LampCaps
from edge.liveness import plans
from edge.liveness.plans import Chip
from edge.session import runner
from edge.session.runner import READ_TIMEOUT
from tests.session.safe_terminal import Fault, Terminal

PLACES = ("read", "pattern", "prompt", "level", "see", "clock", "progress")
FAULTS = st.tuples(
    st.sampled_from(PLACES),
    st.integers(1, 150),
    st.sampled_from([HardwareError("gone", remedy="look"), OSError("a fault"), KeyboardInterrupt()]),
)


class Faulty:
    """A clock that fails once."""

    def __init__(self, clock, fault):
        self.now = fault.of(clock.now)
        self.frame_arrived, self.waited = clock.frame_arrived, clock.waited


def disturb(terminal, place, fault):
    """What ``run`` takes besides."""
    unit = terminal.unit
    match place:
        case "read":
            unit.camera.read = fault.of(unit.camera.read)
        case "pattern":
            unit.screen.show_pattern = fault.of(unit.screen.show_pattern)
        case "prompt":
            unit.screen.show_prompt = fault.of(unit.screen.show_prompt)
        case "level":
            unit.backlight.set_level = fault.of(unit.backlight.set_level)
        case "see":
            terminal.vision.see = fault.of(terminal.vision.see)
        case "clock":
            return {"wrapped": lambda clock: Faulty(clock, fault)}
        case "progress":
            return {"on_progress": fault.of(lambda progress: None)}
    return {}


def seeded(patch, seed):
    patch.setattr(runner.secrets, "token_bytes", lambda count: seed.to_bytes(count, "big"))


def changing_faces(terminal, every):
    """Somebody else stands there after so many frames."""
    see, looked = terminal.vision.see, iter(range(100_000))
    terminal.vision.see = lambda frame, *, judge=True: replace(see(frame, judge=judge), track=1 + next(looked) // every)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    fault=FAULTS,
    seed=st.integers(0, 2**64),
    lux=st.sampled_from([120.0, 2000.0]),
    fps=st.sampled_from([10.0, 24.0, 30.0, 60.0]),
    attempts=st.integers(1, 2),
    every=st.sampled_from([7, 19, 1000]),
)
def test_whatever_breaks_a_session_off_there_is_no_fourth_flash_and_every_light_is_put_back(
    fault, seed, lux, fps, attempts, every
):
    place, nth, error = fault
    terminal = Terminal(lux=lux, fps=fps)
    terminal.floor = PRESETS[Preset.KIOSK].model_copy(update={"positioning_frames": 1, "positioning_seconds": 0.0})
    changing_faces(terminal, every)
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(HardwareError, OSError, KeyboardInterrupt):
        seeded(patch, seed)
        terminal.run(attempts=attempts, **disturb(terminal, place, Fault(error, nth)))
    assert terminal.put_back
    assert terminal.most_flashes() <= 3


def worst_code(patch):
    """Every step of a code is a change of both halves."""
    shuffled = plans._Stream.shuffled

    def alternating(self, items):
        return [Chip.BLACK, Chip.FULL] * 6 if isinstance(items[0], Chip) else shuffled(self, items)

    patch.setattr(plans._Stream, "shuffled", alternating)


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 120.0])
def test_backlight_step_and_the_worst_code_together_have_no_fourth_flash(fps, monkeypatch):
    worst_code(monkeypatch)
    terminal = Terminal(fps=fps)
    terminal.run()
    _, (left, right, _) = terminal.light()
    assert ((left < 0.1) & (right < 0.1)).any()
    # Frames that come late stretch the steps, mostly beyond a sixth change in one second.
    assert 2 <= terminal.most_flashes() <= 3
    assert terminal.put_back


def test_a_code_whose_steps_are_too_short_is_refused_before_any_light_changes(monkeypatch):
    monkeypatch.setattr(plans, "CHIP_SECONDS", 0.15)
    terminal = Terminal()
    shown = []
    show = terminal.unit.screen.show_pattern
    terminal.unit.screen.show_pattern = lambda pattern, now: (shown.append(pattern), show(pattern, now))[1]
    reasons = []
    monkeypatch.setattr(runner._Run, "_light_answered", _noting(runner._Run._light_answered, reasons))
    terminal.run()
    assert shown == []
    [reason] = reasons
    assert "12 steps of 0.15 s can change the light 8 times" in reason
    assert "refused" in reason
    assert terminal.put_back


def _noting(answered, reasons):
    def noted(self, plan_id, answer):
        reasons.append(answer.reason)
        answered(self, plan_id, answer)

    return noted


def lit(terminal):
    """The lamp is switched on with the first picture, through the guard."""
    see = terminal.vision.see

    def switch_on(frame, *, judge=True):
        if terminal.unit.illuminator.output() == 0.0 and not terminal.switched:
            terminal.switched = True
            terminal.runner._lights.illuminator.set_output(1.0, terminal.unit.clock.now())
        return see(frame, judge=judge)

    terminal.switched = False
    terminal.vision.see = switch_on


@settings(max_examples=25, deadline=None, derandomize=True)
@given(after=st.integers(3, 60), lost=st.integers(0, 6), band=st.sampled_from(LightBand))
def test_a_lamp_is_off_soon_after_the_last_frame_and_where_none_comes_late_it_stays_on(after, lost, band):
    terminal = Terminal(lux=120.0, band=band)
    lit(terminal)
    read, frames, silent = terminal.unit.camera.read, [], []

    def stalling(timeout):
        if len(frames) == after and len(silent) < lost:
            silent.append(terminal.unit.clock.now())
            terminal.unit.clock.seconds += timeout
            return None
        frames.append(read(timeout))
        return frames[-1]

    terminal.unit.camera.read = stalling
    report = terminal.run(mode=LivenessOperationMode.PASSIVE)
    times, (_, _, lamp) = terminal.light()
    on = times[lamp > 0.5]
    assert terminal.put_back
    if silent and lost * READ_TIMEOUT > STALL_SECONDS:
        assert on[-1] <= silent[0] + STALL_SECONDS + READ_TIMEOUT
        assert report.attempts[-1].error.code is ErrorCode.GENERIC_FAILURE
        assert "no frame came for 1 s" in report.attempts[-1].error.message
    elif lost * READ_TIMEOUT < STALL_SECONDS:
        assert on[-1] - on[0] == pytest.approx(times[lamp > 0.5].size * 0.002, abs=0.01)
        assert report.attempts[-1].result is not None


@settings(max_examples=15, deadline=None, derandomize=True)
@given(share=st.floats(0.01, 0.05), output=st.floats(0.1, 1.0))
def test_a_lamp_gives_no_more_than_its_caps(share, output):
    terminal = Terminal(lux=120.0, caps=LampCaps(output=0.8, share=share))
    see = terminal.vision.see

    def greedy(frame, *, judge=True):
        with contextlib.suppress(HardwareError):
            terminal.runner._lights.illuminator.set_output(output, terminal.unit.clock.now())
        return see(frame, judge=judge)

    terminal.vision.see = greedy
    terminal.run(mode=LivenessOperationMode.PASSIVE)
    times, (_, _, lamp) = terminal.light()
    frame = 1 / terminal.fps
    assert lamp.max() <= 0.8 + 1e-9
    assert np.trapezoid(lamp, times) <= share * 60 + 2 * frame
    assert (lamp.max() > 0) == (output <= 0.8)
    assert terminal.put_back
