"""The light level, measured on a simulated surface in place of a face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import EvidenceOutcome, LightLevel, LivenessOperationMode, Spectrum
from edge.contracts.session import SessionStart
from edge.errors import HardwareError
from edge.liveness.evidence import FaceBox
from edge.liveness.policy import tighten
from edge.session.light_step import LightStep
from edge.session.runner import Devices, SessionRunner
from edge.simulation.illuminants import TUNGSTEN, blackbody
from edge.simulation.lamps import Dome, white
from edge.simulation.optics import Pose
from edge.simulation.signals import Commanded, Mains, Steady
from edge.simulation.terminal import SimulatedTerminal
from tests.session.scripted import ScriptedVision
from tests.simulation.stages import Surface, stage


class Face(ScriptedVision):
    """Finds a face as wide as one at half a metre in the middle of each picture."""

    def see(self, frame, *, judge=True):
        evidence = super().see(frame, judge=judge)
        return replace(evidence, box=FaceBox(60.5, 30, 39, 60), lit_settled=frame.light.settled)


def measure(unit, *, lux=None, direct=True, settle=60, limit=300, each=lambda unit, number: None):
    """The answer of one step, and the times at which the backlight was told to change."""
    told = []
    dim = unit.backlight.set_level

    def noted(level, now):
        told.append((now, level))
        return dim(level, now)

    unit.backlight.set_level = noted
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        for _ in range(settle):
            unit.camera.read(1.0)
        step = LightStep(unit.camera, unit.backlight, unit.clock.now(), lux=lux, direct=direct)
        for number in range(limit):
            each(unit, number)
            frame = unit.camera.read(1.0)
            answer = step.saw(frame, Face().see(frame), unit.clock.now())
            if answer is not None:
                step.end(unit.clock.now())
                return answer, told
    raise AssertionError("no answer")


def terminal(**scene):
    return SimulatedTerminal([lambda: stage(**scene)])


@pytest.mark.parametrize(
    ("lux", "level"),
    [(20, LightLevel.DIM), (150, LightLevel.DIM), (1200, LightLevel.BRIGHT), (20000, LightLevel.BRIGHT)],
)
def test_our_light_shows_in_single_frames_or_it_is_bright(lux, level):
    answer, _ = measure(terminal(lux=lux))
    assert answer.level is level
    assert answer.outcome is EvidenceOutcome.INSUFFICIENT


@pytest.mark.parametrize("lux", [20, 60, 200, 600])
def test_the_contrast_is_our_light_over_that_of_the_surroundings(lux):
    answer, _ = measure(terminal(lux=lux))
    # The display gives 15.5 lx at half a metre, and a screen of guidance 85 % of that.
    assert answer.margin == pytest.approx(0.85 * 15.5 / lux, rel=0.08, abs=0.003)
    assert f"{answer.margin:.1%}" in answer.reason


def test_flicker_that_the_exposure_divides_does_not_matter():
    answer, _ = measure(terminal(lux=150, flicker=0.4))
    assert answer.level is LightLevel.DIM


def test_flicker_that_it_cannot_divide_voids_the_answer():
    answer, _ = measure(terminal(lux=1500, flicker=0.4))
    assert answer.level is None
    assert "flicker" in answer.reason


def test_unknown_mains_are_trusted_where_nothing_flickers():
    answer, _ = measure(terminal(lux=150, mains=None))
    assert answer.level is LightLevel.DIM


def test_lux_is_named_as_a_second_opinion():
    assert "150 lx agrees" in measure(terminal(lux=150), lux=150)[0].reason
    assert "3000 lx disagrees" in measure(terminal(lux=150), lux=3000)[0].reason


def test_a_face_that_does_not_answer_in_dim_light_is_vetoed():
    # What shines by itself, as a screen does, adds light that is not the room's.
    unit = terminal(lux=1500, mains=None)
    answer, _ = measure(unit, lux=40)
    assert answer.outcome is EvidenceOutcome.VETO
    assert answer.level is LightLevel.DIM


def test_no_face_is_vetoed_by_a_lux_that_was_not_measured():
    answer, _ = measure(terminal(lux=1500, mains=None), lux=40, direct=False)
    assert answer.outcome is not EvidenceOutcome.VETO
    assert "40 lx disagrees" in answer.reason


def test_a_display_that_is_not_quick_is_made_bright_and_nothing_is_measured_by_it():
    unit = terminal(lux=120)
    told = []

    class Slow:
        available, quick = True, False

        def level(self):
            return unit.backlight.level()

        def set_level(self, level, now):
            told.append(level)
            return unit.backlight.set_level(level, now)

        def restore(self, now):
            unit.backlight.restore(now)

    devices = Devices(unit.camera, Slow(), unit.illuminator, unit.screen, unit.ambient)
    attempt = session(unit, devices=devices)
    assert told == [1.0]
    assert attempt.light_level is LightLevel.NOT_MEASURED
    assert "changes too slowly" in attempt.light_reason


def test_no_second_has_more_than_three_flashes_and_none_is_shorter_than_a_fifth_of_a_second():
    for fps in (10.0, 30.0, 60.0):
        _, told = measure(terminal(lux=80, fps=fps))
        changes = [when for (when, level), (_, before) in zip(told[1:], told, strict=False) if level != before]
        assert len(changes) == 4
        assert np.diff(changes).min() > 0.2


def test_it_ends_bright_and_with_the_exposure_free():
    unit = terminal(lux=150)
    freed = []
    unlock = unit.camera.unlock
    unit.camera.unlock = lambda: (freed.append(True), unlock())
    _, told = measure(unit)
    assert freed == [True]
    assert told[-1][1] == 1.0


@pytest.mark.parametrize("latency", [1, 3, 6])
def test_the_pipeline_may_be_as_long_as_it_likes(latency):
    answer, _ = measure(terminal(lux=100, latency=latency))
    assert answer.margin == pytest.approx(0.85 * 15.5 / 100, rel=0.1)


def test_a_camera_that_does_not_hold_its_exposure_is_not_believed():
    unit = terminal(lux=150)
    unit.camera.lock = lambda *_: None

    def room_light_changes(unit, number):
        unit.backlight.set_level(1.0 if number % 8 < 4 else 0.2, unit.clock.now())

    answer, _ = measure(unit, each=room_light_changes)
    assert answer.level is None
    assert "hold" in answer.reason or "told apart" in answer.reason


def test_a_slowly_brightening_room_is_not_taken_for_our_light():
    rising = Commanded(0.2)
    rising.command(1.0, 0.0, constant=20.0)

    def scene():
        plain = stage(lux=150)
        return replace(plain, lamps=[Dome(800.0, white(), rising, above=0.0), *plain.lamps[1:]])

    answer, _ = measure(SimulatedTerminal([scene]))
    ambient = 800 * float(rising.level(np.array([4.0]))[0])
    assert answer.margin == pytest.approx(0.85 * 15.5 / ambient, rel=0.25)


def session(unit, mode=LivenessOperationMode.PASSIVE, vision=None, devices=None, floor=PRESETS[Preset.KIOSK]):
    devices = devices or Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient)
    runner = SessionRunner(devices, vision or Face(), lambda: unit.clock)
    request = SessionStart(id="12345678", expires_at=1.0, liveness_operation_mode=mode)
    return runner.run("0" * 32, tighten(floor, request), mode).attempts[-1]


def test_a_session_in_a_dim_room_is_judged_passively_and_says_why():
    unit = terminal(lux=120)
    attempt = session(unit)
    assert attempt.light_level is LightLevel.DIM
    assert "answers the display with" in attempt.light_reason
    assert attempt.result is not None


def test_a_passive_session_in_a_bright_room_ends_as_not_supported():
    attempt = session(terminal(lux=2000))
    assert attempt.light_level is LightLevel.BRIGHT
    assert attempt.error.code.value == "EnvironmentNotSupported"


def test_without_a_display_lux_decides():
    attempt = session(terminal(lux=120, display=False, measured_lux=120))
    assert attempt.light_level is LightLevel.DIM
    assert "no light of the terminal's own" in attempt.light_reason


@pytest.mark.parametrize("fault", [HardwareError("gone", remedy="look"), RuntimeError("a fault"), None])
def test_whatever_ends_a_session_the_exposure_is_free_and_the_backlight_as_it_was(fault):
    unit = terminal(lux=120)
    before = unit.backlight.level()
    locked = []
    lock, unlock = unit.camera.lock, unit.camera.unlock
    unit.camera.lock = lambda period, longer: (locked.append(True), lock(period, longer))
    unit.camera.unlock = lambda: (locked.clear(), unlock())
    vision = Face()
    see = vision.see

    def faulty(frame, *, judge=True):
        if locked and fault is not None:
            raise fault
        return see(frame, judge=judge)

    vision.see = faulty
    session(unit, vision=vision)
    assert not locked
    assert unit.backlight.level() == before


def test_a_backlight_that_fails_at_once_leaves_the_exposure_free():
    unit = terminal(lux=120)
    held = []
    lock, unlock = unit.camera.lock, unit.camera.unlock
    unit.camera.lock = lambda period, longer: (held.append(True), lock(period, longer))
    unit.camera.unlock = lambda: (held.clear(), unlock())

    def broken(level, now):
        raise HardwareError("the backlight is gone", remedy="look")

    unit.backlight.set_level = broken
    with unit.camera, pytest.raises(HardwareError):
        LightStep(unit.camera, unit.backlight, 0.0, lux=None)
    assert not held


def test_a_covered_lens_is_not_a_dim_room():
    answer, _ = measure(SimulatedTerminal([lambda: stage(lux=0.0, surface=Surface(albedo=0.0))]))
    assert answer.level is None or answer.level is LightLevel.BRIGHT


def test_in_the_dark_the_display_alone_lights_the_face():
    answer, _ = measure(terminal(lux=0.0))
    assert answer.level is LightLevel.DIM


@pytest.mark.parametrize("at_level", [2, 4, 5])
def test_an_exposure_that_changes_on_the_way_voids_the_answer(at_level):
    unit = terminal(lux=120)
    changes = []
    dim = unit.backlight.set_level

    def counted(level, now):
        changes.append(level)
        return dim(level, now)

    unit.backlight.set_level = counted

    def unlocked_late(unit, number):
        # One change brings the light up before the step, one more begins each of its levels.
        if len(changes) == at_level + 1:
            unit.camera.unlock()

    answer, _ = measure(unit, each=unlocked_late)
    assert answer.level is None
    assert "hold" in answer.reason


def test_frames_exposed_during_a_measurement_that_was_broken_off_are_not_judged():
    unit = terminal(lux=120, latency=6)
    vision = Face()
    unsettled = []
    see = vision.see

    def another_face_in_the_dark(frame, *, judge=True):
        evidence = see(frame, judge=judge)
        if unit.backlight.level() == 0.0:
            vision.track = 2
        if vision.track == 2 and not frame.light.settled:
            unsettled.append(frame.sequence)
        return replace(evidence, track=vision.track)

    vision.track = 1
    vision.see = another_face_in_the_dark
    session(unit, vision=vision)
    assert len(unsettled) >= 3


class FaceInTheDark(Face):
    """Loses the face in black pictures, as networks do, and gives one that comes back another number."""

    def __init__(self):
        super().__init__()
        self.track = 0
        self.seen = False

    def see(self, frame, *, judge=True):
        before, self.seen = self.seen, frame.pixels[30:90, 60:100].mean() > 15
        evidence = super().see(frame, judge=judge and self.seen)
        if not self.seen:
            return replace(evidence, faces=0, box=None, track=0)
        self.track += not before
        return replace(evidence, track=self.track)


@pytest.mark.parametrize("lux", [0.0, 0.2, 1.0])
def test_in_a_dark_room_a_face_is_measured_though_it_vanishes_with_the_display(lux):
    vision = FaceInTheDark()
    attempt = session(terminal(lux=lux), vision=vision)
    assert attempt.light_level is LightLevel.DIM
    assert "answers the display" in attempt.light_reason
    assert attempt.result is not None
    assert vision.track == 1


@pytest.mark.parametrize("lux", [0.5, 2.0, 20.0])
def test_camera_noise_in_a_dark_room_is_not_taken_for_flicker(lux):
    answer, _ = measure(terminal(lux=lux, mains=None))
    assert answer.level is LightLevel.DIM


# Lamps whose beat with the frames swings as the display does: frames a second, then as Mains has them.
@pytest.mark.parametrize(
    ("fps", "frequency", "modulation", "phase"),
    [(24.0, 48.89, 0.036, 6.09), (25.0, 36.56, 0.027, 0.5), (30.0, 60.84, 0.038, 1.81)],
)
def test_a_beat_in_step_with_the_display_is_not_taken_for_an_answer(fps, frequency, modulation, phase):
    def scene():
        plain = stage(lux=1000, fps=fps, mains=None)
        return replace(
            plain, lamps=[Dome(1000.0, white(), Mains(frequency, modulation, phase), above=0.0), *plain.lamps[1:]]
        )

    answer, _ = measure(SimulatedTerminal([scene]))
    assert answer.level is not LightLevel.DIM


@pytest.mark.parametrize("fps", [10.0, 120.0, 200.0])
def test_a_camera_may_be_slow_or_fast(fps):
    answer, _ = measure(terminal(lux=80, fps=fps))
    assert answer.margin == pytest.approx(0.85 * 15.5 / 80, rel=0.1)


def test_where_the_camera_is_too_slow_lux_decides_and_the_session_goes_on():
    attempt = session(terminal(lux=120, fps=5.0, measured_lux=120))
    assert attempt.light_level is LightLevel.DIM
    assert "too slow" in attempt.light_reason
    assert attempt.result is not None


def test_infrared_of_the_room_that_lux_does_not_count_makes_no_screen_of_a_face():
    # As much infrared as a tungsten lamp of 10 lx gives, which a camera without a filter sees many times over.
    def scene():
        plain = stage(lux=10, measured_lux=10)
        warm = Dome(10.0, blackbody(TUNGSTEN), Steady(), above=0.0)
        return replace(plain, lamps=[warm, *plain.lamps[1:]], sensor=replace(plain.sensor, spectrum=Spectrum.NOIR))

    unit = SimulatedTerminal([scene])
    assert unit.camera.traits.spectrum is Spectrum.NOIR
    attempt = session(unit)
    assert attempt.light_level is LightLevel.DIM
    assert attempt.result.liveness_decision.value != "spoofface"


@pytest.mark.parametrize("speed", [-0.05, 0.05, 0.1])
def test_a_person_who_comes_nearer_or_leaves_meanwhile_is_measured_at_the_distance_between(speed):
    class Walking(Surface):
        def layers(self, now):
            where = Pose(position=np.array([0.0, 0.0, 0.5 - speed * (now - 2.5)]))
            return [replace(self.layer, pose=where)]

    standing, _ = measure(terminal(lux=60))
    walking, _ = measure(terminal(lux=60, surface=Walking()))
    assert walking.level is LightLevel.DIM
    # 1.5 s of walking about the middle: inverse square of a tenth of the distance on either side.
    assert walking.margin == pytest.approx(standing.margin, rel=0.2)


@pytest.mark.parametrize("line_time", [5e-6, 100e-6, 200e-6])
def test_rows_that_a_change_falls_into_do_not_count(line_time):
    answer, _ = measure(terminal(lux=80, line_time=line_time))
    assert answer.margin == pytest.approx(0.85 * 15.5 / 80, rel=0.05)


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0, 120.0])
def test_however_often_the_face_changes_no_second_has_more_than_three_flashes(fps):
    unit = terminal(lux=120, fps=fps, latency=1)
    vision = Face()
    see, changes, dim = vision.see, [(0.0, 1.0)], unit.backlight.set_level

    def switched(to, until):
        return [
            when
            for (when, level), (_, before) in zip(changes[1:], changes, strict=False)
            if before != level == to and when < until
        ]

    def somebody_else_after_each_flash(frame, *, judge=True):
        return replace(see(frame, judge=judge), track=1 + len(switched(1.0, until=frame.captured_at)))

    def noted(level, now):
        changes.append((now, level))
        return dim(level, now)

    vision.see = somebody_else_after_each_flash
    unit.backlight.set_level = noted
    hasty = {"positioning_frames": 1, "positioning_seconds": 0.0}
    session(unit, vision=vision, floor=PRESETS[Preset.KIOSK].model_copy(update=hasty))
    went_dark = np.array(switched(0.0, until=np.inf))
    assert len(went_dark) > 2
    assert max(((went_dark >= when) & (went_dark < when + 1.0)).sum() for when in went_dark) <= 3
