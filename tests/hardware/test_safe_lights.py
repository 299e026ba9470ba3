"""The guard before the lights, against drivers that record what reached them."""

from __future__ import annotations

import atexit
import contextlib
import gc
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contracts.enums import LightBand
from edge.errors import HardwareError
from edge.guidance.page import Standing
from edge.hardware.light_guard import DUTY_SECONDS, STALL_SECONDS, LampCaps, UnsafeLight
from edge.hardware.null import NullBacklight, NullIlluminator, NullScreen
from edge.hardware.ports import LightInterval, Pattern
from edge.hardware.safe_lights import SafeLights
from edge.liveness.plans import draw_light_plan
from tests.hardware.contracts.lights import BacklightContract, IlluminatorContract
from tests.hardware.contracts.screen import ScreenContract
from tests.session.safe_terminal import most_flashes

REST = 0.6
SHARES = {
    Pattern.GUIDANCE: (0.85, 0.85),
    Pattern.FULL: (1.0, 1.0),
    Pattern.LEFT: (1.0, 0.0),
    Pattern.RIGHT: (0.0, 1.0),
    Pattern.BLACK: (0.0, 0.0),
}


class Lights:
    """Backlight, screen and lamp that keep what was done to them, as (seconds, left half, right half, lamp)."""

    def __init__(self, band=LightBand.INFRARED):
        self.available = True
        self.band = band
        self.geometry = None
        self.seen = [(0.0, 0.85 * REST, 0.85 * REST, 0.0)]
        self.backlight_level, self.pattern, self.lamp = REST, Pattern.GUIDANCE, 0.0
        self.faults: list[Exception] = []

    def _note(self, now):
        left, right = SHARES[self.pattern]
        self.seen.append((now, self.backlight_level * left, self.backlight_level * right, self.lamp))
        return LightInterval(now, now)

    def _maybe_fail(self):
        if self.faults:
            raise self.faults.pop()

    def level(self):
        return self.backlight_level

    def set_level(self, level, now):
        self._maybe_fail()
        self.backlight_level = level
        return self._note(now)

    def restore(self, now):
        self.backlight_level = REST
        self._note(now)

    def show_prompt(self, prompt): ...

    def show_standing(self, standing): ...

    def show_preview(self, frame): ...

    def show_name(self, name): ...

    def show_pattern(self, pattern, now):
        self._maybe_fail()
        self.pattern = pattern
        return self._note(now)

    def set_output(self, output, now):
        self.lamp = output
        return self._note(now)

    def output(self):
        return self.lamp

    def close(self): ...

    @property
    def at_rest(self):
        return (self.backlight_level, self.pattern, self.lamp) == (REST, Pattern.GUIDANCE, 0.0)

    def most_flashes(self):
        times, left, right, lamp = np.array(self.seen).T
        others = lamp if self.band is LightBand.WHITE else np.zeros_like(lamp)
        return max(most_flashes(times, half, others) for half in (left, right))


def safe(lights, caps=None):
    return SafeLights(lights, lights, lights, caps or LampCaps())


class TestGuardedBacklight(BacklightContract):
    @pytest.fixture(params=[Lights, NullBacklight])
    def backlight(self, request):
        return SafeLights(request.param(), NullScreen(), NullIlluminator(), LampCaps()).backlight


class TestGuardedIlluminator(IlluminatorContract):
    @pytest.fixture(params=[Lights, NullIlluminator])
    def illuminator(self, request):
        return SafeLights(NullBacklight(), NullScreen(), request.param(), LampCaps()).illuminator


class TestGuardedScreen(ScreenContract):
    @pytest.fixture(params=[Lights, NullScreen])
    def screen(self, request):
        return SafeLights(NullBacklight(), request.param(), NullIlluminator(), LampCaps()).screen


def test_progress_and_the_person_on_the_screen_are_no_change_of_light():
    shown = [Pattern.BLACK, Pattern.FULL, Pattern.BLACK, Pattern.FULL, Pattern.BLACK]
    plain, busy = safe(Lights()), safe(Lights())
    for number, pattern in enumerate(shown):
        for lights in (plain, busy):
            lights.screen.show_pattern(pattern, number * 0.2)
        for step in range(10):
            busy.screen.show_standing(Standing(step / 10, step))
            busy.screen.show_preview(None)
    changes = [[half.times for half in lights._guard._halves] for lights in (plain, busy)]
    assert changes[0] == changes[1]
    assert changes[0][0]


COMMANDS = st.one_of(
    st.tuples(st.just("pattern"), st.sampled_from(Pattern)),
    st.tuples(st.just("level"), st.floats(0, 1)),
    st.tuples(st.just("lamp"), st.floats(0, 1)),
    st.tuples(st.sampled_from(["put back", "restore", "frame", "fault"]), st.none()),
)


@settings(max_examples=300, deadline=None)
@given(
    commands=st.lists(st.tuples(st.floats(0.0, 0.3), COMMANDS), max_size=60),
    band=st.sampled_from(LightBand),
)
def test_whatever_is_commanded_there_is_no_fourth_flash_and_put_back_is_put_back(commands, band):
    lights = Lights(band)
    guard, now = safe(lights), 0.0
    for passed, (what, value) in commands:
        now += passed
        with contextlib.suppress(HardwareError):
            match what:
                case "pattern":
                    guard.screen.show_pattern(value, now)
                case "level":
                    guard.backlight.set_level(value, now)
                case "lamp":
                    guard.illuminator.set_output(value, now)
                case "put back":
                    guard.put_back(now)
                case "restore":
                    guard.backlight.restore(now)
                case "frame":
                    guard.renew(now)
                case "fault":
                    lights.faults = [HardwareError("gone", remedy="look")]
    lights.faults = []
    guard.put_back(now)
    assert lights.most_flashes() <= 3
    assert lights.at_rest


@settings(max_examples=200)
@given(
    seed=st.binary(min_size=32, max_size=32),
    fps=st.floats(10, 120),
    until=st.floats(0, 4),
    then=st.floats(0.0, 0.5),
)
def test_every_code_can_be_played_and_broken_off_anywhere_and_played_again(seed, fps, until, then):
    lights = Lights()
    guard, now = safe(lights), 0.0
    for attempt in (1, 2):
        begin = guard.admit(1, 0.0, now)
        guard.backlight.set_level(1.0, begin)
        plan = draw_light_plan(seed, attempt)
        due = guard.admit(len(plan.chips), plan.chip_seconds, begin)
        for number, chip in enumerate(plan.chips):
            # As a session does: with the first frame that is not before its time.
            now = due if number == 0 else max(-(-due * fps // 1) / fps, due)
            if now - begin > until and attempt == 1:
                break
            guard.screen.show_pattern(Pattern(chip.value), now)
            due = now + plan.chip_seconds
        now += then
        guard.put_back(now)
    assert lights.at_rest
    assert lights.most_flashes() <= 3


def test_the_change_that_would_be_one_too_many_is_refused_before_it_is_carried_out():
    lights = Lights()
    guard = safe(lights)
    shown = [Pattern.BLACK, Pattern.FULL] * 3
    for number, pattern in enumerate(shown):
        guard.screen.show_pattern(pattern, 0.1 * number)
    with pytest.raises(UnsafeLight, match="more than 3 flashes in a second"):
        guard.screen.show_pattern(Pattern.BLACK, 0.6)
    assert lights.pattern is Pattern.FULL
    guard.screen.show_pattern(Pattern.BLACK, 1.2)


def test_halves_that_take_turns_flash_though_the_display_gives_the_same_light():
    guard = safe(Lights())
    for number in range(6):
        guard.screen.show_pattern((Pattern.LEFT, Pattern.RIGHT)[number % 2], 0.1 * number)
    with pytest.raises(UnsafeLight):
        guard.screen.show_pattern(Pattern.LEFT, 0.6)


def test_a_white_lamp_counts_with_the_display_and_infrared_does_not():
    for band in LightBand:
        guard = safe(Lights(band))
        commands = [lambda now, g=guard, n=n: g.illuminator.set_output(1.0 - n % 2, now) for n in range(4)]
        commands += [lambda now, g=guard, n=n: g.backlight.set_level(float(n % 2), now) for n in range(4)]
        refused = 0
        for number, command in enumerate(commands):
            try:
                command(0.1 * number)
            except UnsafeLight:
                refused += 1
        assert (refused > 0) == (band is LightBand.WHITE)


def test_dimming_little_by_little_is_no_flash():
    guard = safe(Lights())
    for number in range(100):
        guard.backlight.set_level(1 - number / 100, 0.01 * number)


def test_small_swings_about_a_level_add_up_to_a_flash():
    lights = Lights()
    guard = safe(lights)
    refused = 0
    for number in range(12):
        try:
            guard.backlight.set_level((0.66, 0.53)[number % 2], 0.05 * number)
        except UnsafeLight:
            refused += 1
    assert refused > 0
    assert lights.most_flashes() <= 3


def test_a_plan_that_is_too_fast_is_refused_and_one_after_flashes_waits():
    guard = safe(Lights())
    with pytest.raises(UnsafeLight, match="refused"):
        guard.admit(12, 0.1, 0.0)
    for number in range(6):
        guard.backlight.set_level(float(number % 2), 0.1 * number)
    assert guard.admit(12, 0.2, 0.6) == pytest.approx(1.1, abs=0.01)


def test_lights_that_nobody_minds_are_put_back_and_the_caller_hears_of_it():
    lights = Lights()
    guard = safe(lights)
    guard.illuminator.set_output(1.0, 10.0)
    guard.screen.show_pattern(Pattern.LEFT, 10.0)
    guard.tick(10.0 + STALL_SECONDS - 0.01)
    assert lights.lamp == 1.0
    guard.tick(10.0 + STALL_SECONDS)
    assert lights.at_rest
    with pytest.raises(UnsafeLight, match="no frame came for 1 s"):
        guard.renew(11.1)
    with pytest.raises(UnsafeLight, match="no frame came"):
        guard.illuminator.set_output(1.0, 11.1)
    guard.put_back(11.2)
    guard.illuminator.set_output(1.0, 11.3)
    assert lights.lamp == 1.0


@given(gaps=st.lists(st.floats(0.0, STALL_SECONDS - 1e-6), max_size=30))
def test_a_caller_that_makes_progress_keeps_its_lamp(gaps):
    lights, now = Lights(), 5.0
    guard = safe(lights)
    guard.illuminator.set_output(1.0, now)
    for gap in gaps:
        now += gap
        guard.renew(now)
    assert lights.lamp == 1.0


def test_a_bright_backlight_may_wait_for_frames_and_a_dark_one_may_not():
    lights = Lights()
    guard = safe(lights)
    guard.backlight.set_level(1.0, 0.0)
    guard.tick(100.0)
    assert lights.backlight_level == 1.0
    guard.backlight.set_level(0.0, 100.0)
    guard.tick(101.0)
    assert lights.backlight_level == REST


def test_a_driver_that_hangs_keeps_no_lamp_on():
    hanging, dark, release = threading.Event(), threading.Event(), threading.Event()
    lights = Lights()
    show, put = lights.show_pattern, lights.set_output

    def hang(pattern, now):
        if pattern is Pattern.LEFT:
            hanging.set()
            release.wait(30)
        return show(pattern, now)

    def noted(output, now):
        told = put(output, now)
        if output == 0.0 and hanging.is_set():
            dark.set()
        return told

    lights.show_pattern, lights.set_output = hang, noted
    guard = safe(lights)
    # The clock of the timer stands until the driver hangs, and is far on from then.
    with guard.minded(lambda: 100.0 if hanging.is_set() else 1.0):
        guard.illuminator.set_output(1.0, 1.0)
        caller = threading.Thread(target=guard.screen.show_pattern, args=(Pattern.LEFT, 1.0))
        caller.start()
        assert dark.wait(30)
        assert lights.lamp == 0.0
        release.set()
        caller.join()
    assert lights.at_rest


def test_simulated_time_starts_no_thread():
    before = threading.active_count()
    guard = safe(Lights())
    with guard.minded(None):
        assert threading.active_count() == before


def test_the_interpreter_keeps_no_more_to_do_at_its_end_with_each_session():
    guard = safe(Lights())
    with guard.minded(None):
        kept = atexit._ncallbacks()
    for _ in range(3):
        with guard.minded(None):
            assert atexit._ncallbacks() == kept


ENDS_IN_A_SESSION = """
import atexit
from edge.hardware.light_guard import UNCAPPED
from edge.hardware.null import NullBacklight, NullIlluminator, NullScreen
from edge.hardware.safe_lights import SafeLights

class Told(NullBacklight):
    def restore(self, now):
        print("put back", end=", ")

atexit.register(lambda: print("let go"))
guard = SafeLights(Told(), NullScreen(), NullIlluminator(), UNCAPPED)
with guard.minded(None):
    print("first session", end=": ")
session = guard.minded(None)
session.__enter__()
print("second session", end=": ")
"""


def test_an_interpreter_that_ends_in_a_session_puts_the_lights_back_before_devices_are_let_go():
    said = subprocess.run([sys.executable, "-c", ENDS_IN_A_SESSION], capture_output=True, text=True, check=True).stdout
    assert said.startswith("first session: put back, second session: put back, let go\n")


def test_lights_that_are_let_go_are_not_kept_for_the_end_of_the_interpreter():
    guard = safe(Lights())
    with guard.minded(None):
        pass
    gone = weakref.ref(guard)
    del guard
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("error", [HardwareError("gone", remedy="look"), KeyboardInterrupt(), SystemExit()])
def test_however_the_context_is_left_the_lights_are_put_back(error):
    lights = Lights()
    lights.lamp = 1.0
    guard = safe(lights)

    def session():
        with guard.minded(None):
            assert lights.lamp == 0.0
            guard.illuminator.set_output(1.0, 1.0)
            guard.screen.show_pattern(Pattern.BLACK, 1.0)
            guard.backlight.set_level(1.0, 1.0)
            raise error

    with pytest.raises(type(error)):
        session()
    assert lights.at_rest


def test_one_light_that_fails_leaves_no_other_on():
    lights = Lights()
    guard = safe(lights)
    guard.illuminator.set_output(1.0, 1.0)
    guard.backlight.set_level(1.0, 1.0)
    guard.screen.show_pattern(Pattern.BLACK, 1.0)

    def broken(output, now):
        raise OSError("no such device")

    lights.set_output = broken
    guard.put_back(2.0)
    assert (lights.backlight_level, lights.pattern) == (REST, Pattern.GUIDANCE)


@given(
    share=st.floats(0.05, 0.95),
    outputs=st.lists(st.tuples(st.floats(0.01, 9), st.floats(0, 1)), max_size=40),
)
def test_no_minute_has_more_of_the_lamp_than_its_duty(share, outputs):
    lights, now = Lights(), 0.0
    guard = safe(lights, LampCaps(output=0.9, share=share))
    for passed, output in outputs:
        for _ in range(10):
            now += passed / 10
            with contextlib.suppress(UnsafeLight):
                guard.renew(now)
            guard.put_back(now) if guard._guard.tripped else None
        with contextlib.suppress(UnsafeLight):
            guard.illuminator.set_output(output, now)
    lamp = [(when, on) for when, _, _, on in lights.seen]
    assert max(on for _, on in lamp) <= 0.9
    ends = [*(when for when, _ in lamp[1:]), now]
    for begin in (when for when, _ in lamp):
        spent = sum(
            on * max(0.0, min(end, begin + DUTY_SECONDS) - max(when, begin))
            for (when, on), end in zip(lamp, ends, strict=True)
        )
        # It is looked at once a frame, here up to 0.9 s apart.
        assert spent <= share * DUTY_SECONDS + 0.9 + 1e-6


def test_a_clock_that_goes_back_forgives_no_flash():
    guard = safe(Lights())
    for number in range(6):
        guard.screen.show_pattern((Pattern.BLACK, Pattern.FULL)[number % 2], 50 + 0.1 * number)
    with pytest.raises(UnsafeLight):
        guard.screen.show_pattern(Pattern.BLACK, 0.0)
    guard.screen.show_pattern(Pattern.BLACK, 1.2)
