"""The configured lights, and what a daemon that was killed has left of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys as interpreter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli.lights import lights as lights_command
from edge.config.loader import load_bytes
from edge.config.problems import ConfigProblems
from edge.contracts.enums import LightBand
from edge.errors import ConfigError, HardwareError
from edge.frames.lamp import PointGeometry
from edge.hardware.camera_ambient import CameraLux, EstimatedLux
from edge.hardware.left_over import LEFT_OVER_FILE
from edge.hardware.light_guard import UnsafeLight
from edge.hardware.null import NullAmbientSensor, NullScreen
from edge.hardware.ports import Pattern
from edge.hardware.safe_lights import SafeLights
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.session.clock import FrameClock
from edge.terminal import lights as terminal_lights
from edge.terminal.assembly import lamp_caps, lit, open_hardware, open_workbench, unlit
from edge.terminal.lights import open_lights, restore_lights
from edge.terminal.safety_report import safety_report
from tests.extras import missing
from tests.hardware.fake_ddcutil import FakeDdcutil
from tests.hardware.fake_sysfs import PwmChip, backlight, led, sensor, value
from tests.session.scripted import ScriptedCamera

NOW = 3.0
LAMP = {
    "band": "infrared",
    "radiant_intensity": 0.5,
    "closest_approach": 0.2,
    "retinal_risk": "exempt",
    "max_output": 0.8,
    "max_on_share": 0.5,
}
LED = {"driver": "led", "name": "ir", "lamp": LAMP}


@pytest.fixture
def sys(tmp_path):
    return tmp_path / "sys"


@pytest.fixture
def site(tmp_path):
    def make(**lights):
        if "backlight" in lights:
            lights["backlight"] = {"driver": "sysfs", "runtime_directory": "run"} | lights["backlight"]
        document = {"camera": {"driver": "replay", "sources": ["a.png"]}, "lights": lights}
        file = tmp_path / "site.yaml"
        file.write_text(json.dumps(document))
        return file

    return make


@pytest.fixture
def settings(site):
    def make(**lights):
        file = site(**lights)
        return load_bytes(file.read_bytes(), file).settings

    return make


def test_nothing_configured_opens_nothing(settings, sys):
    assert not any(light.available for light in open_lights(settings().lights, sys=sys))


def test_backlight_sensor_and_led_are_opened_as_configured(settings, sys):
    dimmed, lamp = backlight(sys, "10-0045"), led(sys, brightness=9)
    backlight(sys, "11-0045")
    sensor(sys, in_illuminance_input=77)
    opened = open_lights(
        settings(
            backlight={"name": "10-0045", "settle_seconds": 0.1},
            illuminator=LED | {"place": {"right": 0.03, "down": -0.01}},
            ambient={"driver": "iio"},
        ).lights,
        sys=sys,
    )
    assert opened.backlight.set_level(1.0, NOW).settled_at == pytest.approx(NOW + 0.1)
    assert value(dimmed / "brightness") == "255"
    assert value(lamp / "brightness") == "0"
    assert opened.illuminator.band is LightBand.INFRARED
    assert opened.illuminator.geometry == PointGeometry(0.03, -0.01)
    assert opened.ambient.lux() == 77


@pytest.mark.parametrize("stated", [{"bus": 3}, {"display": 1}, {}])
def test_a_monitor_is_opened_as_configured_and_put_back_after_a_kill(settings, tmp_path, monkeypatch, stated):
    monitor = FakeDdcutil(tmp_path / "monitor")
    monkeypatch.setenv("PATH", str(tmp_path / "monitor"), prepend=os.pathsep)
    lights = settings(backlight={"driver": "ddcutil", "settle_seconds": 0.5} | stated).lights
    left = open_lights(lights).backlight
    assert left.set_level(1.0, NOW).settled_at == NOW + 0.5
    assert left.wait(20)
    assert "backlight: the monitor on /dev/i2c-3 is as it was found" in restore_lights(lights)
    assert monitor.value == 40
    assert "backlight: nothing was left to restore" in restore_lights(lights)


def test_a_monitor_is_named_in_one_way(settings):
    with pytest.raises(ConfigProblems, match="leave one of both out"):
        settings(backlight={"driver": "ddcutil", "bus": 3, "display": 1})


@pytest.mark.parametrize(
    ("ambient", "kind"),
    [
        (None, CameraLux),
        ({"driver": "estimate", "constant": 9.0}, EstimatedLux),
        ({"driver": "none"}, NullAmbientSensor),
    ],
)
def test_lux_is_told_by_the_camera_unless_it_is_configured_otherwise(settings, ambient, kind):
    lights = settings(**({} if ambient is None else {"ambient": ambient})).lights
    camera = ScriptedCamera([])
    camera.traits = replace(camera.traits, exposure_metadata=True)
    assert type(lit(camera, lights).ambient) is kind


def test_a_camera_that_cannot_tell_lux_is_refused_before_a_light_is_opened(settings, monkeypatch):
    monkeypatch.setattr("edge.terminal.assembly.open_lights", lambda _: pytest.fail("lights were opened"))
    with pytest.raises(HardwareError, match="does not say how it exposes"):
        lit(ScriptedCamera([]), settings(ambient={"driver": "estimate"}).lights)


def test_a_pwm_is_opened_as_configured(settings, sys, monkeypatch):
    chip = PwmChip(monkeypatch, sys)
    lamp = open_lights(
        settings(
            illuminator={"driver": "pwm", "chip": "pwmchip0", "channel": 1, "frequency": 1000, "lamp": LAMP}
        ).lights,
        sys=sys,
    ).illuminator
    lamp.set_output(0.5, NOW)
    assert chip.channel(1) == {"period": "1000000", "duty_cycle": "500000", "enable": "1"}
    assert lamp.geometry is None


@pytest.mark.skipif(missing("gpiozero"), reason="gpiozero is in the extras 'gpio' and 'dev'")
def test_a_line_is_opened_as_configured(settings, monkeypatch):
    from gpiozero.pins.mock import MockFactory  # noqa: PLC0415 - in an extra

    factory, labels = MockFactory(), []
    monkeypatch.setattr(terminal_lights, "line_factory", lambda label: labels.append(label) or factory)
    lamp = {key: LAMP[key] for key in LAMP if key != "max_output"}
    stated = {"driver": "gpio", "chip": "pinctrl-rp1", "line": 18, "lamp": lamp}
    illuminator = open_lights(settings(illuminator=stated).lights).illuminator
    illuminator.set_output(1.0, NOW)
    assert factory.pin("GPIO18").state
    assert labels == ["pinctrl-rp1"]


@pytest.mark.skipif(missing("gpiozero"), reason="gpiozero is in the extras 'gpio' and 'dev'")
def test_a_line_that_cannot_be_had_lets_go_of_its_chip(settings, monkeypatch):
    from gpiozero.pins.mock import MockFactory  # noqa: PLC0415 - in an extra

    closed = []
    monkeypatch.setattr(MockFactory, "close", lambda _: closed.append(True))
    monkeypatch.setattr(terminal_lights, "line_factory", lambda _: MockFactory())
    lamp = {key: LAMP[key] for key in LAMP if key != "max_output"}
    lights = settings(illuminator={"driver": "gpio", "line": 27, "lamp": lamp}).lights
    monkeypatch.setattr(MockFactory, "pin", lambda *_: 1 / 0)
    with pytest.raises(HardwareError, match="GPIO line 27 cannot be driven"):
        open_lights(lights)
    assert closed == [True]


def test_a_workbench_that_cannot_be_opened_gives_the_lights_back(settings, sys, monkeypatch):
    lamp = led(sys)
    stated = settings(illuminator=LED)
    opened = open_lights(stated.lights, sys=sys)
    devices = replace(unlit(ScriptedCamera([])), illuminator=opened.illuminator)
    monkeypatch.setattr("edge.terminal.assembly.open_hardware", lambda *_: (devices, FrameClock))
    opened.illuminator.set_output(0.5, NOW)
    models = stated.models.model_copy(update={"calibration": Path("there-is-none.yaml")})
    with pytest.raises(ConfigError, match="there-is-none"):
        open_workbench(
            stated.model_copy(update={"models": models}), ModelBundle.load(default_models_dir(), verify=False)
        )
    assert value(lamp / "brightness") == "0"
    with pytest.raises(HardwareError, match="is closed"):
        opened.illuminator.set_output(0.5, NOW)


def test_a_live_camera_gets_them_with_the_lamps_caps(settings, sys, monkeypatch):
    backlight(sys)
    led(sys)
    monkeypatch.setattr("edge.terminal.assembly.open_lights", lambda lights: open_lights(lights, sys=sys))
    lights = settings(backlight={}, illuminator=LED).lights
    devices = lit(ScriptedCamera([]), lights)
    assert devices.backlight.available
    assert devices.illuminator.available
    assert not devices.screen.available
    assert (devices.caps.output, devices.caps.share) == (0.8, 0.5)
    guarded = SafeLights(devices.backlight, devices.screen, devices.illuminator, devices.caps)
    with pytest.raises(UnsafeLight, match=r"beyond this lamp's 0\.8"):
        guarded.illuminator.set_output(0.9, NOW)


def test_a_session_that_is_broken_off_leaves_every_light_as_it_was(settings, sys):
    dimmed, lamp = backlight(sys, bl_power=0), led(sys)
    opened = open_lights(settings(backlight={}, illuminator=LED).lights, sys=sys)
    guarded = SafeLights(
        opened.backlight, NullScreen(), opened.illuminator, lamp_caps(settings(illuminator=LED).lights)
    )

    def session():
        with guarded.minded(None):
            guarded.backlight.set_level(0.0, NOW)
            guarded.illuminator.set_output(0.8, NOW)
            guarded.screen.show_pattern(Pattern.FULL, NOW)
            assert (value(dimmed / "brightness"), value(lamp / "brightness")) == ("0", "204")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session()
    assert (value(dimmed / "brightness"), value(lamp / "brightness")) == ("120", "0")


def test_a_recording_answers_no_light_and_touches_none(settings):
    # Nothing of the configured is there, so opening it would fail.
    devices, make_clock = open_hardware(settings(backlight={"name": "absent"}, illuminator=LED), None)
    assert not devices.backlight.available
    assert not devices.illuminator.available
    assert make_clock is FrameClock


def test_the_safety_of_a_real_lamp_is_reckoned(settings):
    [lamp] = safety_report(settings(illuminator=LED)).lamps
    assert lamp.origin == "lights.illuminator.lamp"
    assert lamp.lines[0].figure == pytest.approx(0.5 / 0.2**2)


KILLED = """
import sys, time
from pathlib import Path
from edge.hardware.sysfs_backlight import SysfsBacklight
light = SysfsBacklight(settle_seconds=0.0, runtime=Path(sys.argv[2]), root=Path(sys.argv[1]) / "class/backlight")
light.set_level(0.0, 0.0)
print("dark", flush=True)
time.sleep(600)
"""


def test_after_kill_9_the_command_puts_backlight_and_lamp_back(site, sys, tmp_path, monkeypatch):
    dimmed, lamp = backlight(sys), led(sys)
    left_over = tmp_path / "run" / LEFT_OVER_FILE
    path = os.pathsep.join([str(Path(__file__).parents[2]), *interpreter.path])
    command = [interpreter.executable, "-c", KILLED, str(sys), str(left_over.parent)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "dark\n"
        process.kill()
    (lamp / "brightness").write_text("255\n")
    assert value(dimmed / "brightness") == "0"
    assert left_over.exists()
    file = site(backlight={}, illuminator=LED)
    monkeypatch.setattr("edge.cli.lights.restore_lights", lambda lights: restore_lights(lights, sys=sys))
    for told in ("10-0045 is as it was found", "nothing was left to restore"):
        done = CliRunner().invoke(
            lights_command, ["restore", "--config", str(file)], standalone_mode=False, catch_exceptions=False
        )
        assert done.output == f"backlight: {told}\nilluminator: off\n"
    assert (value(dimmed / "brightness"), value(lamp / "brightness")) == ("120", "0")
    assert not left_over.exists()


def test_the_next_start_brings_the_backlight_back(settings, sys):
    dimmed = backlight(sys)
    lights = settings(backlight={}).lights
    open_lights(lights, sys=sys).backlight.set_level(0.0, NOW)
    open_lights(lights, sys=sys)
    assert value(dimmed / "brightness") == "120"


def test_a_left_over_of_a_display_that_is_gone_keeps_no_other_from_opening(settings, sys, tmp_path):
    backlight(sys, "11-0045")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LEFT_OVER_FILE).write_text('{"node": "10-0045", "brightness": 1, "power": null}')
    assert open_lights(settings(backlight={}).lights, sys=sys).backlight.available
    with pytest.raises(HardwareError, match="10-0045"):
        restore_lights(settings(backlight={}).lights, sys=sys)


def test_a_lamp_is_switched_off_though_the_backlight_cannot_be_restored(settings, sys, tmp_path):
    lamp = led(sys, brightness=255)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LEFT_OVER_FILE).write_text('{"node": "10-0045", "brightness": 1, "power": null}')
    with pytest.raises(HardwareError, match="10-0045"):
        restore_lights(settings(backlight={}, illuminator=LED).lights, sys=sys)
    assert value(lamp / "brightness") == "0"


def test_with_nothing_configured_there_is_nothing_to_restore(settings, sys):
    assert restore_lights(settings().lights, sys=sys) == [
        "backlight: none is configured",
        "illuminator: none is configured",
    ]
    unkept = settings(backlight={"runtime_directory": None}).lights
    assert restore_lights(unkept, sys=sys)[0] == "backlight: no level is kept"


@pytest.mark.parametrize(
    ("lights", "path", "message"),
    [
        ({"backlight": {"driver": "ddc"}}, "lights.backlight.driver", "none, simulated and sysfs"),
        ({"backlight": {"driver": "sysfs", "name": "../x"}}, "lights.backlight.name", "as the kernel gives it"),
        ({"backlight": {"driver": "sysfs", "settle_seconds": -1}}, "lights.backlight.settle_seconds", "from 0 to 1"),
        ({"illuminator": {"driver": "led", "name": "ir"}}, "lights.illuminator.lamp", "is missing"),
        ({"illuminator": {"driver": "led", "lamp": LAMP}}, "lights.illuminator.name", "is missing"),
        ({"illuminator": LED | {"lamp": None}}, "lights.illuminator.lamp", "must be a section"),
        ({"illuminator": LED | {"name": "a/b"}}, "lights.illuminator.name", "as the kernel gives it"),
        ({"illuminator": LED | {"line": 3}}, "lights.illuminator.line", "unknown key"),
        ({"illuminator": LED | {"place": {"right": 1}}}, "lights.illuminator.place.down", "is missing"),
        ({"illuminator": {"driver": "gpio", "line": 28, "lamp": LAMP}}, "lights.illuminator.line", "from 0 to 27"),
        ({"illuminator": {"driver": "gpio", "line": 3, "lamp": LAMP}}, "lights.illuminator.lamp", "on or off"),
        ({"illuminator": {"driver": "pwm", "frequency": 50, "lamp": LAMP}}, "lights.illuminator.frequency", "1000"),
        ({"ambient": {"driver": "iio", "name": ""}}, "lights.ambient.name", "as the kernel gives it"),
    ],
)
def test_mistakes_are_told_with_their_place(lights, path, message):
    document = {"camera": {"driver": "replay", "sources": ["a.png"]}, "lights": lights}
    with pytest.raises(ConfigProblems) as refusal:
        load_bytes(json.dumps(document).encode(), Path("site.yaml"))
    assert [problem.path for problem in refusal.value.problems if message in problem.message] == [path]


def test_a_real_lamp_beyond_the_limits_is_refused():
    lamp = LAMP | {"radiant_intensity": 9}
    document = {"camera": {"driver": "replay", "sources": ["a.png"]}, "lights": {"illuminator": LED | {"lamp": lamp}}}
    with pytest.raises(ConfigProblems, match=r"225 W/m2, 2\.25 times the limit of 100"):
        load_bytes(json.dumps(document).encode(), Path("site.yaml"))
