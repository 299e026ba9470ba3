"""The simulated terminal behind its ports, and the loop from our light back to our camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind, LightBand, Prompt, Spectrum
from edge.errors import HardwareError
from edge.frames.frame import BayerOrder
from edge.frames.linear import row_levels
from edge.hardware.ports import Pattern
from edge.simulation.lamps import Dome, infrared
from edge.simulation.signals import Commanded, Steady
from edge.simulation.terminal import Pacer, SimulatedTerminal
from tests.hardware.contracts.ambient import AmbientSensorContract
from tests.hardware.contracts.camera import CameraContract
from tests.hardware.contracts.lights import BacklightContract, IlluminatorContract
from tests.hardware.contracts.screen import ScreenContract
from tests.simulation.stages import Surface, stage


def terminal(**scene):
    return SimulatedTerminal([lambda: stage(**scene)])


class TestSimulatedCamera(CameraContract):
    @pytest.fixture
    def camera(self):
        return terminal().camera


class TestSimulatedBacklight(BacklightContract):
    @pytest.fixture(params=[True, False])
    def backlight(self, request):
        return terminal(display=request.param).backlight


class TestSimulatedIlluminator(IlluminatorContract):
    @pytest.fixture(params=[True, False])
    def illuminator(self, request):
        return terminal(illuminator=Commanded(0.0) if request.param else None).illuminator


class TestSimulatedScreen(ScreenContract):
    @pytest.fixture(params=[True, False])
    def screen(self, request):
        return terminal(display=request.param).screen


class TestSimulatedLuxSensor(AmbientSensorContract):
    @pytest.fixture(params=[250.0, None])
    def sensor(self, request):
        return terminal(measured_lux=request.param).ambient


def level(frame):
    """Linear level of a frame, from the fixed curve, 0..1."""
    encoded = frame.pixels.mean(axis=(0, 1))[1] / 255
    return ((encoded + 0.055) / 1.055) ** 2.4


def read(unit, count):
    frames = [unit.camera.read(1.0) for _ in range(count)]
    assert None not in frames
    return frames


def settled(unit, frames=60):
    """Frames until automatic exposure has found its level; then held."""
    read(unit, frames)
    unit.camera.lock(0.01)
    return read(unit, 6)[-1]


def test_frames_say_simulated_and_when_their_rows_saw_light():
    unit = terminal()
    with unit.camera:
        first, second = read(unit, 2)
    assert first.capture is CaptureKind.SIMULATED
    assert second.exposure.start > first.exposure.start
    last_row_ends = second.exposure.start + second.exposure.duration + 120 * second.exposure.line_time
    assert second.captured_at == pytest.approx(last_row_ends)


def test_frames_carry_raw_values_unless_the_camera_gives_none():
    with_raw, without = terminal(), terminal(raw=False)
    with with_raw.camera, without.camera:
        (ours,), (plain,) = read(with_raw, 1), read(without, 1)
    assert plain.raw is None
    assert (ours.raw.order, ours.raw.black, ours.raw.white) == (BayerOrder.BGGR, 64, 1023)
    assert ours.raw.values.shape == ours.pixels.shape[:2]
    assert (ours.pixels == plain.pixels).all()


@pytest.mark.parametrize("window", [(0, 120, 0, 160), (31, 90, 43, 120)])
def test_raw_values_and_picture_tell_the_same_light(window):
    unit = terminal(lux=300.0)
    with unit.camera:
        frame = settled(unit)
    from_raw, from_picture = (row_levels(seen, *window).levels for seen in (frame, replace(frame, raw=None)))
    # A step of eight bits at this level is 0.003, and half of the picture's green is interpolated.
    assert from_picture.mean() == pytest.approx(from_raw.mean(), abs=0.0015)
    assert from_picture == pytest.approx(from_raw, abs=0.005)


def test_raw_values_of_a_grey_card_follow_the_exposure_in_proportion():
    unit = terminal(lux=10.0, display=False)
    with unit.camera:
        frames = read(unit, 60)
    exposed = np.array([frame.exposure.duration * frame.exposure.gain for frame in frames])
    levels = np.array([row_levels(frame, 0, 120, 0, 160).levels.mean() for frame in frames])
    assert exposed.max() > 4 * exposed.min()
    assert levels.max() < 0.5
    assert levels / exposed == pytest.approx(np.full(60, levels[-1] / exposed[-1]), rel=0.01)


def test_a_grey_card_in_white_light_is_grey_in_the_picture_from_the_first_frame_on():
    unit = terminal(lux=200.0, display=False)
    with unit.camera:
        frames = read(unit, 40)
    for frame in (frames[0], frames[-1]):
        blue, green, red = frame.pixels[40:80, 50:110].reshape(-1, 3).mean(axis=0)
        assert blue == pytest.approx(green, rel=0.01)
        assert red == pytest.approx(green, rel=0.01)


def test_frames_arrive_some_frames_after_they_were_taken_and_the_clock_follows():
    unit = terminal(fps=25.0, latency=3)
    with unit.camera:
        frame = read(unit, 5)[-1]
    late = unit.clock.now() - frame.captured_at
    assert 1.5 / 25 < late < 3 / 25


def test_our_light_comes_back_by_as_much_as_it_adds_to_the_surroundings():
    unit = terminal(lux=100.0)
    with unit.camera:
        unit.backlight.set_level(1.0, 0.0)
        unit.screen.show_pattern(Pattern.FULL, 0.0)
        lit = level(settled(unit))
        unit.backlight.set_level(0.0, unit.clock.now())
        dark = level(read(unit, 8)[-1])
    # A 7-inch display of 300 cd/m2 gives about 15.5 lx at half a metre.
    assert lit / dark - 1 == pytest.approx(0.155, abs=0.01)


def test_a_command_shows_only_in_frames_exposed_after_it():
    unit = terminal(lux=20.0, latency=3)
    with unit.camera:
        unit.backlight.set_level(0.0, 0.0)
        before = level(settled(unit))
        commanded = unit.clock.now()
        interval = unit.backlight.set_level(1.0, commanded)
        frames = read(unit, 8)
    for frame in frames:
        ended = frame.captured_at <= commanded
        began = frame.exposure.start >= interval.settled_at
        assert not ended or level(frame) == pytest.approx(before, rel=0.02)
        assert not began or level(frame) > 1.3 * before
    assert any(frame.captured_at <= commanded for frame in frames)


def test_a_change_in_the_middle_of_a_frame_splits_its_rows():
    unit = terminal(lux=20.0, line_time=2e-4)
    with unit.camera:
        unit.backlight.set_level(0.0, 0.0)
        settled(unit)
        unit.backlight.set_level(1.0, unit.clock.now())
        rows = [frame.pixels[:, :, 1].mean(axis=1) for frame in read(unit, 6)]
    steps = [row[-10:].mean() - row[:10].mean() for row in rows]
    assert max(steps) > 10
    assert abs(steps[0]) < 3
    assert abs(steps[-1]) < 3


def test_flicker_that_the_exposure_does_not_divide_beats():
    def scatter(lux, mains):
        unit = SimulatedTerminal([lambda: stage(lux=lux, flicker=0.5, mains=mains)])
        with unit.camera:
            read(unit, 60)
            unit.camera.lock(None)
            levels = [level(frame) for frame in read(unit, 40)[6:]]
        return np.std(levels) / np.mean(levels)

    assert scatter(300.0, 50.0) < 0.01
    assert scatter(700.0, None) > 0.03


def test_the_halves_of_the_screen_add_up_to_the_whole():
    unit = terminal(lux=5.0)
    seen = {}
    with unit.camera:
        unit.backlight.set_level(1.0, 0.0)
        unit.screen.show_pattern(Pattern.FULL, 0.0)
        settled(unit)
        for pattern in (Pattern.FULL, Pattern.LEFT, Pattern.RIGHT, Pattern.BLACK):
            unit.screen.show_pattern(pattern, unit.clock.now())
            seen[pattern] = np.mean([level(frame) for frame in read(unit, 16)[8:]])
    halves = seen[Pattern.LEFT] + seen[Pattern.RIGHT] - 2 * seen[Pattern.BLACK]
    assert halves == pytest.approx(seen[Pattern.FULL] - seen[Pattern.BLACK], rel=0.03)


def test_people_read_the_prompts_unless_there_is_no_screen():
    for display, heard in ((True, [(Prompt.HOLD_STILL, 0.0)]), (False, [])):
        surface = Surface()
        unit = SimulatedTerminal([lambda surface=surface, display=display: stage(surface=surface, display=display)])
        with unit.camera:
            unit.screen.show_prompt(Prompt.HOLD_STILL)
        assert surface.heard == heard


def test_each_opening_plays_the_next_scene_and_then_the_first_again():
    unit = SimulatedTerminal([lambda: stage(lux=20.0), lambda: stage(lux=20.0, display=False)])
    shown = []
    for _ in range(3):
        with unit.camera:
            shown.append(unit.backlight.available)
    assert shown == [True, False, True]


def test_the_same_seed_plays_the_same_scene():
    def play():
        unit = terminal()
        with unit.camera:
            return read(unit, 4)[-1].pixels

    assert (play() == play()).all()


def test_frames_tell_their_exposure_as_libcamera_does_in_whole_microseconds_of_time():
    unit = terminal(lux=3000)
    with unit.camera:
        *_, last = read(unit, 40)
    microseconds = last.exposure.duration * 1e6
    assert microseconds == pytest.approx(round(microseconds), abs=1e-6)
    assert 100 < microseconds < 10_000
    assert last.exposure.gain == pytest.approx(1.0)
    # The rows after the first are read one after the other, and the frame is whole when the last one was.
    rows = 120 * last.exposure.line_time
    assert last.captured_at == pytest.approx(last.exposure.start + last.exposure.duration + rows, abs=2e-6)


@pytest.mark.parametrize("spectrum", [Spectrum.NOIR, Spectrum.IR_PASS])
def test_a_grey_wall_in_infrared_is_grey_to_a_camera_that_sees_it(spectrum):
    def scene():
        plain = stage(lux=0.0)
        lamps = [Dome(0.5, infrared(), Steady(), above=0.0), *plain.lamps[1:]]
        return replace(plain, lamps=lamps, sensor=replace(plain.sensor, spectrum=spectrum))

    unit = SimulatedTerminal([scene])
    unit.backlight.set_level(0.0, 0.0)
    with unit.camera:
        *_, last = read(unit, 120)
    blue, green, red = last.pixels.mean(axis=(0, 1))
    assert (blue / green, red / green) == (pytest.approx(1, abs=0.03), pytest.approx(1, abs=0.03))


class RealTime:
    """A real clock on which everything takes no time but sleeping, and what ``busy`` adds to each look at it."""

    def __init__(self, busy=0.0):
        self.seconds, self.busy, self.slept = 100.0, busy, []

    def now(self):
        self.seconds += self.busy
        return self.seconds

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds


def paced(real, frames):
    unit = SimulatedTerminal([stage], wait=Pacer(real.now, real.sleep))
    with unit.camera:
        read(unit, frames)
    return unit


def test_in_real_time_a_frame_comes_when_a_camera_would_give_it_however_long_it_takes_to_draw():
    at_once, drawn = RealTime(), RealTime(busy=0.02)
    for real in (at_once, drawn):
        unit = paced(real, 31)
        # The first frame comes when it is there; the others a thirtieth of a second after each other.
        assert real.seconds - 100.0 - real.busy == pytest.approx(1.0, abs=0.021)
        assert unit.clock.now() == pytest.approx(33 / 30)
    assert max(drawn.slept) == pytest.approx(1 / 30 - 0.02)


def test_a_machine_too_slow_for_real_time_lags_and_does_not_hurry_later():
    real = RealTime(busy=0.1)
    paced(real, 10)
    assert real.slept == []
    real.busy = 0.0
    paced(real, 10)
    assert sum(real.slept) == pytest.approx(9 / 30)


def test_a_frame_that_does_not_come_in_time_is_waited_for_in_real_time_too():
    real = RealTime()
    unit = SimulatedTerminal([lambda: stage(latency=30)], wait=Pacer(real.now, real.sleep))
    with unit.camera:
        for _ in range(2):
            assert unit.camera.read(0.4) is None
        assert unit.camera.read(0.4) is not None
    assert real.seconds - 100.0 == pytest.approx(1.0 - 0.4)


def test_a_camera_that_gives_nothing_in_time_gives_none():
    unit = terminal(latency=30)
    with unit.camera:
        assert unit.camera.read(0.1) is None
        assert unit.clock.now() == pytest.approx(0.1)
        assert unit.camera.read(1.0) is not None
        assert unit.clock.now() == pytest.approx(1.0)


def test_a_lock_needs_an_open_camera_and_unlocking_does_not():
    unit = terminal()
    with pytest.raises(HardwareError, match="not open"):
        unit.camera.lock(None)
    unit.camera.unlock()


def test_the_infrared_lamp_goes_off_when_it_is_closed():
    lamp = Commanded(0.0)
    unit = terminal(illuminator=lamp)
    assert unit.illuminator.band is LightBand.INFRARED
    unit.illuminator.set_output(1.0, 1.0)
    unit.illuminator.close()
    assert lamp.level(np.array([5.0]))[0] == pytest.approx(0.0, abs=1e-9)


def test_a_terminal_without_a_scene_is_refused():
    with pytest.raises(ValueError, match="scene"):
        SimulatedTerminal([])
