"""The doctor's look at lights, on simulated terminals that are well and on broken ones."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from edge.config.loader import load
from edge.contracts.doctor import Verdict
from edge.contracts.enums import Spectrum
from edge.errors import HardwareError
from edge.hardware.light_guard import LampCaps
from edge.hardware.null import NullBacklight, NullScreen
from edge.hardware.replay import ReplayCamera
from edge.session.clock import FrameClock
from edge.terminal.assembly import unlit
from edge.terminal.doctor.context import Context, Roots
from edge.terminal.doctor.lights import look
from edge.terminal.doctor.opened import Opened, terminal
from tests.hardware import fake_sysfs
from tests.session.safe_terminal import most_flashes
from tests.terminal.doctor import terminals
from tests.terminal.doctor.terminals import LAMP, Terminal

NOIR = {"spectrum": "noir"}


def with_lamp(**more):
    """And a display, to which a lamp is compared."""
    return Terminal(**{"camera": NOIR, "illuminator": LAMP} | more)


def lamp_alone(**more):
    return with_lamp(display=None, **more)


def backlight_alone(**more):
    return Terminal(**more).broken(screen=lambda _: NullScreen())


def screen_alone(**more):
    return Terminal(**more).broken(backlight=lambda _: NullBacklight())


def figure(check, pattern):
    """The number in the pattern's group, of what was seen or of what to do."""
    return float(re.search(pattern, f"{check.seen}\n{check.remedy}", re.MULTILINE).group(1))


def only(checks, verdict):
    return {name for name, check in checks.items() if check.verdict is verdict}


def test_a_terminal_that_is_well_has_nothing_but_good_checks():
    terminal = with_lamp()
    found = terminal.examine()
    assert only(found, Verdict.OK) == set(found)
    assert {"backlight_answer", "screen_halves", "illuminator_steps", "timestamps", "spectrum", "flicker"} <= set(found)
    assert terminal.put_back
    # Of 0.1 to 0.15 of its light a display at half a metre gives this sheet at 150 lx; latency is three frames.
    assert 5 < figure(found["backlight_answer"], r"^([\d.]+)%") < 20
    assert figure(found["illuminator_answer"], r"shows in frame (\d)") == 3
    assert figure(found["illuminator_steps"], r"gives (\d+)%$") == pytest.approx(50, abs=3)


def test_no_more_than_three_flashes_are_shown_in_any_second():
    terminal = Terminal(illuminator={"band": "white", "intensity": 20})
    display = terminal.stage.display
    found = terminal.examine()
    assert found["illuminator_answer"].verdict is Verdict.OK
    times = np.arange(0.0, terminal.unit.clock.now() + 1, 0.002)
    left, right, lamp = (signal.level(times) for signal in (display.left, display.right, terminal.stage.illuminator))
    assert 1 <= max(most_flashes(times, half, lamp) for half in (left, right)) <= 3


def test_a_dead_lamp_is_not_answered():
    found = lamp_alone().broken(illuminator=terminals.DeadLamp).examine()
    assert found["illuminator_answer"].verdict is Verdict.FAIL
    assert "does not answer" in found["illuminator_answer"].seen
    assert "power" in found["illuminator_answer"].remedy
    assert found["flicker"].verdict is Verdict.OK


def test_a_lamp_that_stays_on_is_told():
    found = lamp_alone().broken(illuminator=terminals.StuckLamp).examine()
    assert found["illuminator_off"].verdict is Verdict.FAIL
    assert "power away" in found["illuminator_off"].remedy


def test_a_lamp_that_shines_while_it_is_off_is_told():
    found = lamp_alone().broken(illuminator=terminals.UpsideDownLamp).examine()
    assert found["illuminator_answer"].verdict is Verdict.FAIL
    assert "wrong way round" in found["illuminator_answer"].remedy


def test_a_lamp_on_a_line_has_no_steps_and_one_that_is_not_even_is_warned_of():
    assert "on or off" in lamp_alone().broken(illuminator=terminals.SwitchedOnly).examine()["illuminator_steps"].seen
    steep = lamp_alone().broken(illuminator=terminals.SteepLamp).examine()["illuminator_steps"]
    assert steep.verdict is Verdict.WARN
    assert figure(steep, r"gives (\d+)%$") == pytest.approx(25, abs=3)


def test_a_backlight_wired_to_nothing_is_not_answered():
    found = backlight_alone().broken(backlight=terminals.LooseBacklight).examine()
    assert found["backlight_answer"].verdict is Verdict.FAIL
    assert "white sheet half a metre" in found["backlight_answer"].remedy
    assert found["timestamps"].verdict is Verdict.SKIPPED


def test_a_display_that_takes_longer_than_it_says_is_told_by_how_much():
    found = backlight_alone().broken(backlight=terminals.LateBacklight).examine()
    settling = found["backlight_settling"]
    assert settling.verdict is Verdict.WARN
    # 0.12 s late, and a hundredth of its light later than the model's own settling.
    assert figure(settling, r"^(\d+) ms") == pytest.approx(140, abs=5)
    assert figure(settling, r"add ([\d.]+) to lights\.backlight\.settle_seconds") == pytest.approx(0.115, abs=0.01)
    assert found["backlight_answer"].verdict is Verdict.OK


def test_exchanged_halves_are_told():
    halves = screen_alone().broken(screen=terminals.MirroredScreen).examine()["screen_halves"]
    assert halves.verdict is Verdict.FAIL
    assert "exchanged" in halves.seen


def test_halves_on_a_far_wall_cannot_be_told_apart():
    found = screen_alone(surroundings={"wall": {"distance": 3, "reflectance": 0.3}}).examine()
    assert found["screen_halves"].verdict is Verdict.WARN
    assert "white sheet half a metre" in found["screen_halves"].remedy
    assert found["timestamps"].verdict is Verdict.SKIPPED


@pytest.mark.parametrize("seconds", [-0.03, -0.0015, 0.0, 0.004, 0.012])
def test_time_stamps_that_are_off_are_found_within_what_is_said_to_be_uncertain(seconds):
    stamps = lamp_alone().broken(camera=lambda inner: terminals.Stamped(inner, seconds)).examine()["timestamps"]
    delay, off = figure(stamps, r"change ([+-][\d.]+) ms"), figure(stamps, r"give or take ([\d.]+) ms")
    assert abs(delay - seconds * 1e3) <= off
    assert off < 0.3
    # The lamp's own 2.7 ms do not count, and one exposure of 2.3 ms covers what is left.
    assert stamps.verdict is (Verdict.OK if -0.002 < seconds < 0.0045 else Verdict.FAIL)


@pytest.mark.parametrize(
    ("real", "configured", "verdict"),
    [
        (Spectrum.IR_CUT, Spectrum.IR_CUT, Verdict.OK),
        (Spectrum.IR_CUT, Spectrum.NOIR, Verdict.FAIL),
        (Spectrum.NOIR, Spectrum.IR_CUT, Verdict.FAIL),
        (Spectrum.NOIR, Spectrum.IR_PASS, Verdict.FAIL),
        (Spectrum.IR_PASS, Spectrum.IR_PASS, Verdict.OK),
        (Spectrum.IR_PASS, Spectrum.NOIR, Verdict.WARN),
    ],
)
def test_the_spectrum_is_told_by_what_shows(real, configured, verdict):
    terminal = Terminal(
        camera={"spectrum": real.value},
        illuminator=LAMP,
        surroundings={"ambient": {"lux": 150, "light": "tungsten"}},
    )
    found = terminal.broken(camera=lambda inner: terminals.Configured(inner, configured)).examine()
    assert found["spectrum"].verdict is verdict, found["spectrum"]


def test_without_an_infrared_lamp_the_spectrum_is_not_told():
    check = Terminal(display=None).examine()["spectrum"]
    assert check.verdict is Verdict.SKIPPED
    assert "infrared lamp" in check.seen


def test_a_camera_that_holds_and_tells_nothing_still_shows_whether_lights_answer():
    found = with_lamp().broken(camera=terminals.Plain).examine()
    for name in ("backlight_answer", "screen_answer", "screen_halves", "illuminator_answer", "spectrum"):
        assert found[name].verdict is Verdict.OK, found[name]
    for name in ("flicker", "backlight_settling", "timestamps", "illuminator_off"):
        assert found[name].verdict is Verdict.SKIPPED, found[name]


def test_a_dead_lamp_before_a_camera_that_holds_nothing_is_not_answered():
    found = lamp_alone().broken(camera=terminals.Plain, illuminator=terminals.DeadLamp).examine()
    assert found["illuminator_answer"].verdict is Verdict.FAIL


def test_a_duty_is_kept_and_one_too_small_to_measure_is_said_to_be():
    short = lamp_alone(caps=LampCaps(0.5, 0.06)).examine()
    assert short["illuminator_answer"].verdict is Verdict.OK
    assert "illuminator_steps" not in short
    shorter = lamp_alone(caps=LampCaps(0.5, 0.01)).examine()
    assert shorter["illuminator_answer"].verdict is Verdict.SKIPPED


def test_flicker_that_exposure_does_not_divide_is_warned_of_with_its_beat():
    lamps = {"ambient": {"lux": 400, "light": "led", "flicker": 0.4}}
    bare = Terminal(camera={"anti_flicker_hz": None}, surroundings=lamps, display=None).examine()["flicker"]
    assert bare.verdict is Verdict.WARN
    assert figure(bare, r"beat of ([\d.]+) Hz") == pytest.approx(10, abs=0.5)
    assert "camera.mains_hz" in bare.remedy
    minded = Terminal(surroundings={"ambient": {"lux": 100, "light": "led", "flicker": 0.4}}, display=None)
    assert minded.examine()["flicker"].verdict is Verdict.OK


def test_in_the_sun_a_display_that_does_not_show_is_no_fault_of_its_own():
    sun = {"ambient": {"lux": 45_000, "light": "daylight"}, "wall": {"distance": 2, "reflectance": 0.3}}
    check = screen_alone(surroundings=sun).examine()["screen_answer"]
    assert check.verdict is Verdict.WARN
    assert "out of the sun" in check.remedy


def test_a_terminal_without_lights_has_nothing_to_measure():
    found = Terminal(display=None, lux_sensor=False).examine()
    for name in ("backlight", "screen", "illuminator", "ambient", "timestamps", "spectrum"):
        assert found[name].verdict is Verdict.SKIPPED


def test_a_part_that_cannot_be_opened_fails_and_the_others_are_measured():
    terminal = lamp_alone()
    opened = terminal.opened
    opened.trouble["backlight"] = HardwareError("no backlight", remedy="load its driver")
    found = {check.name.removeprefix("lights."): check for check in look(opened)}
    assert (found["backlight"].verdict, found["backlight"].remedy) == (Verdict.FAIL, "load its driver")
    assert "backlight_answer" not in found
    assert found["illuminator_answer"].verdict is Verdict.OK


def test_each_real_part_is_opened_for_itself(tmp_path):
    fake_sysfs.backlight(tmp_path / "sys", brightness=51)
    lamp = {"band": "infrared", "radiant_intensity": 0.5, "closest_approach": 0.3, "retinal_risk": "exempt"}
    file = tmp_path / "site.yaml"
    lights = {
        "backlight": {"driver": "sysfs", "runtime_directory": "run"},
        "illuminator": {"driver": "led", "name": "ir", "lamp": lamp | {"max_output": 0.8}},
        "ambient": {"driver": "iio"},
    }
    file.write_text(json.dumps({"camera": {"driver": "picamera2"}, "lights": lights}))
    camera = Terminal().devices.camera
    context = Context(config=file, loaded=load(file), roots=Roots(sys=tmp_path / "sys"), open_camera=lambda _: camera)
    opened = terminal(context, context.settings)
    assert set(opened.trouble) == {"illuminator", "ambient"}
    assert opened.devices.caps == LampCaps(0.8, 1.0)
    found = {check.name.removeprefix("lights."): check for check in look(opened)}
    assert "255 levels" in found["backlight"].seen
    assert "20% now" in found["backlight"].seen
    # A node that drives nothing the camera could see.
    assert found["backlight_answer"].verdict is Verdict.FAIL
    assert fake_sysfs.value(tmp_path / "sys/class/backlight/10-0045/brightness") == "51"
    assert (found["illuminator"].verdict, found["ambient"].verdict) == (Verdict.FAIL, Verdict.FAIL)
    assert found["screen"].verdict is Verdict.SKIPPED


def test_a_recording_answers_no_light(tmp_path):
    picture = tmp_path / "face.png"
    picture.write_bytes(b"")
    opened = Opened(unlit(ReplayCamera(picture)), FrameClock())
    assert {check.verdict for check in look(opened)} == {Verdict.SKIPPED}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), HardwareError("lost", remedy="look"), ValueError("a fault")])
@pytest.mark.parametrize("nth", [75, 260, 640])
def test_every_light_is_put_back_wherever_it_breaks_off(nth, error):
    terminal = with_lamp().broken(camera=lambda inner: terminals.Ending(inner, error, nth))
    if isinstance(error, HardwareError):
        assert only(terminal.examine(), Verdict.FAIL)
    else:
        with pytest.raises(type(error)):
            terminal.examine()
    assert terminal.put_back


def test_a_reader_who_stops_early_leaves_no_light_on():
    terminal = with_lamp()
    checks = look(terminal.opened)
    for check in checks:
        assert terminal.put_back
        if check.name == "lights.screen_answer":
            break
    checks.close()
    assert terminal.put_back


def test_a_camera_that_goes_silent_fails_what_waits_for_it_and_no_light_stays_on():
    terminal = lamp_alone().broken(camera=lambda inner: terminals.Mute(inner, 130))
    found = terminal.examine()
    assert "no frame" in found["illuminator_answer"].seen or "switched off" in found["illuminator_answer"].seen
    assert found["illuminator_answer"].verdict is Verdict.FAIL
    assert terminal.put_back
