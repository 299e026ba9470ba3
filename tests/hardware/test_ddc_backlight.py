"""A monitor's backlight by ddcutil, over a program that speaks like it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from edge.errors import HardwareError
from edge.hardware.ddc_backlight import DdcBacklight, restore_left_over
from edge.hardware.ddcutil import TRIES, Monitor, find_monitor
from edge.hardware.left_over import LEFT_OVER_FILE
from tests.hardware.contracts.lights import NOW, BacklightContract
from tests.hardware.fake_ddcutil import FakeDdcutil

# For programs that are started, on a machine that has other things to do.
PATIENCE = 20.0


@pytest.fixture
def ddcutil(tmp_path):
    return FakeDdcutil(tmp_path / "monitor")


@pytest.fixture
def left_over(tmp_path):
    return tmp_path / "run" / LEFT_OVER_FILE


@pytest.fixture
def made(ddcutil, tmp_path):
    backlights = []

    def make(**more):
        options = {"settle_seconds": 1.0, "runtime": tmp_path / "run"} | more
        backlights.append(DdcBacklight(Monitor(3, program=ddcutil.program), **options))
        return backlights[-1]

    yield make
    for backlight in backlights:
        assert backlight.wait(PATIENCE)


class TestDdcBacklight(BacklightContract):
    @pytest.fixture
    def backlight(self, made):
        return made()


class TestDdcBacklightWithoutFile(BacklightContract):
    @pytest.fixture
    def backlight(self, made):
        return made(runtime=None)


@pytest.mark.needs_device("/dev/i2c-*", "bus to a monitor")
class TestRealMonitor(BacklightContract):
    @pytest.fixture
    def backlight(self, tmp_path):
        try:
            backlight = DdcBacklight(find_monitor(), settle_seconds=1.0, runtime=tmp_path / "run")
        except HardwareError as error:
            pytest.skip(str(error))
        yield backlight
        backlight.restore(NOW)
        assert backlight.wait(PATIENCE)


def test_a_level_is_a_share_of_the_monitors_largest_brightness(made, ddcutil):
    ddcutil.set(most=80)
    backlight = made()
    assert backlight.level() == 0.5
    backlight.set_level(0.25, NOW)
    assert backlight.wait(PATIENCE)
    assert ddcutil.value == 20
    assert "--bus 3 setvcp 10 20 --brief" in ddcutil.calls


def test_it_is_not_quick_and_settles_when_it_was_said_to(made):
    backlight = made(settle_seconds=1.5)
    assert not backlight.quick
    assert backlight.set_level(1.0, NOW).settled_at == NOW + 1.5


def test_no_caller_waits_and_the_newest_command_alone_is_carried_out(made, ddcutil):
    backlight = made()
    ddcutil.set(hang="")
    first = backlight.set_level(1.0, NOW)
    later = [backlight.set_level(level, NOW) for level in (0.2, 0.3, 0.7)]
    assert backlight.level() == pytest.approx(0.7)
    # A command that waits for another one settles later.
    assert first.settled_at == NOW + 1.0
    assert {interval.settled_at for interval in later} == {NOW + 2.0}
    assert not backlight.wait(0.0)
    ddcutil.clear("hang")
    assert backlight.wait(PATIENCE)
    assert ddcutil.written[-1] == 70
    assert set(ddcutil.written) <= {100, 70}


def test_the_level_that_the_monitor_has_at_first_use_comes_back(made, ddcutil, left_over):
    backlight = made()
    ddcutil.set(value=55)
    backlight.set_level(1.0, NOW)
    assert backlight.wait(PATIENCE)
    assert json.loads(left_over.read_text()) == {"bus": 3, "brightness": 55}
    backlight.restore(NOW)
    assert backlight.wait(PATIENCE)
    assert ddcutil.value == 55
    assert not left_over.exists()


def test_what_is_restored_before_it_was_carried_out_is_as_it_was(made, ddcutil, left_over):
    backlight = made()
    ddcutil.set(hang="")
    backlight.set_level(1.0, NOW)
    backlight.restore(NOW)
    assert backlight.level() == 0.4
    ddcutil.clear("hang")
    assert backlight.wait(PATIENCE)
    assert ddcutil.value == 40
    assert not left_over.exists()


def test_a_monitor_that_does_not_answer_now_and_then_is_asked_again(made, ddcutil):
    ddcutil.set(fail=TRIES - 1)
    backlight = made()
    ddcutil.set(fail=TRIES - 1)
    backlight.set_level(1.0, NOW)
    assert backlight.wait(PATIENCE)
    assert ddcutil.value == 100


def test_a_monitor_that_fails_is_told_in_the_log_and_its_level_is_not_known(made, ddcutil, left_over):
    backlight = made()
    ddcutil.set(fail=TRIES)
    with capture_logs() as logs:
        backlight.set_level(1.0, NOW)
        assert backlight.wait(PATIENCE)
    assert "VCP 10 ERR" in logs[0]["error"]
    assert "DDC/CI" in logs[0]["remedy"]
    assert backlight.level() is None
    assert len(ddcutil.calls) == 1 + TRIES
    backlight.set_level(1.0, NOW)
    assert backlight.wait(PATIENCE)
    assert backlight.level() == 1.0
    ddcutil.set(fail=TRIES)
    with capture_logs():
        backlight.restore(NOW)
        assert backlight.wait(PATIENCE)
    # The next start brings it back.
    assert left_over.exists()


def test_a_monitor_that_hangs_is_given_up(ddcutil):
    ddcutil.set(hang="")
    with pytest.raises(HardwareError, match=r"no answer within 0\.05 s"):
        Monitor(3, program=ddcutil.program, patience=0.05).read()


@pytest.mark.parametrize(
    ("said", "words", "remedy"),
    [
        ("Error opening /dev/i2c-3: EACCES(-13): Permission denied", "may not be used by this user", "group i2c"),
        ("No /dev/i2c devices exist.\nddcutil requires module i2c-dev.", "cannot be reached", "module i2c-dev"),
        ("Display not found", "does not do what ddcutil asks: Display not found", "DDC/CI"),
    ],
)
def test_what_ddcutil_says_is_told_with_what_to_do(made, ddcutil, said, words, remedy):
    ddcutil.set(refuse=said)
    with pytest.raises(HardwareError, match=words) as refusal:
        made()
    assert remedy in refusal.value.remedy
    assert isinstance(refusal.value.__cause__, PermissionError) == ("EACCES" in said)
    for_good = "not found" not in said
    assert len(ddcutil.calls) == (1 if for_good else TRIES)
    with pytest.raises(HardwareError):
        find_monitor(program=ddcutil.program)


def test_without_the_program_it_is_told_how_to_install_it(tmp_path):
    with pytest.raises(HardwareError, match="cannot be started: No such file") as refusal:
        Monitor(3, program=str(tmp_path / "none")).read()
    assert "apt install ddcutil" in refusal.value.remedy


@pytest.mark.parametrize(("value", "most"), [(40, 0), (140, 100)])
def test_a_brightness_that_makes_no_sense_is_refused(made, ddcutil, value, most):
    ddcutil.set(value=value, most=most)
    with pytest.raises(HardwareError, match=f"brightness of {value} of {most}"):
        made()


def test_the_only_display_that_answers_is_found(ddcutil):
    assert find_monitor(program=ddcutil.program).bus == 3
    assert find_monitor(display=1, program=ddcutil.program).bus == 3


def test_of_several_displays_one_has_to_be_named(ddcutil):
    second = "Display 2\n   I2C bus:  /dev/i2c-11\n   Monitor:  GSM:LG:1\n"
    ddcutil.set(displays=(ddcutil.folder / "displays").read_text() + second)
    with pytest.raises(HardwareError, match=r"more than one .* 1 \(/dev/i2c-3, DEL:DELL U2412M:YMYH14\), 2 \(/dev/i2c"):
        find_monitor(program=ddcutil.program)
    assert find_monitor(display=2, program=ddcutil.program).bus == 11
    with pytest.raises(HardwareError, match="no display 3"):
        find_monitor(display=3, program=ddcutil.program)


def test_a_display_that_gives_no_answer_is_none(ddcutil):
    ddcutil.set(displays="Invalid display\n   I2C bus:  /dev/i2c-4\n   DDC communication failed\n")
    with pytest.raises(HardwareError, match="no display answers"):
        find_monitor(program=ddcutil.program)


KILLED = """
import sys
from pathlib import Path
from edge.hardware.ddc_backlight import DdcBacklight
from edge.hardware.ddcutil import Monitor
backlight = DdcBacklight(Monitor(3, program=sys.argv[1]), settle_seconds=1.0, runtime=Path(sys.argv[2]))
backlight.set_level(1.0, 0.0)
assert backlight.wait(20)
"""


def run(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_what_a_killed_process_left_is_put_back(ddcutil, tmp_path, left_over):
    process = run(KILLED + "print(1, flush=True); sys.stdin.read()", ddcutil.program, tmp_path / "run")
    assert process.stdout.readline() == b"1\n"
    process.kill()
    assert process.wait(PATIENCE) == -signal.SIGKILL
    process.communicate()
    assert ddcutil.value == 100
    assert restore_left_over(tmp_path / "run", program=ddcutil.program) == "the monitor on /dev/i2c-3"
    assert ddcutil.value == 40
    assert not left_over.exists()
    assert restore_left_over(tmp_path / "run", program=ddcutil.program) is None


@pytest.mark.parametrize("how", ["", "import atexit; atexit.register(backlight.restore, 0.0)"])
def test_a_program_that_ends_waits_for_the_monitor(ddcutil, tmp_path, how):
    last = how or "backlight.restore(0.0)"
    process = run(KILLED + last, ddcutil.program, tmp_path / "run")
    process.communicate()
    assert process.returncode == 0
    assert ddcutil.value == 40


def test_a_level_that_nobody_has_brought_back_is_kept(made, ddcutil, left_over):
    backlight = made()
    left_over.write_text(json.dumps({"bus": 3, "brightness": 25}))
    backlight.set_level(1.0, NOW)
    backlight.restore(NOW)
    assert backlight.wait(PATIENCE)
    assert ddcutil.value == 25


@pytest.mark.parametrize("kept", ["{", "[]", '{"node": "10-0045", "brightness": 1, "power": null}', '{"bus": -1}'])
def test_a_file_that_makes_no_sense_is_forgotten(ddcutil, tmp_path, left_over, kept):
    left_over.parent.mkdir()
    left_over.write_text(kept)
    assert restore_left_over(tmp_path / "run", program=ddcutil.program) is None
    assert not left_over.exists()
    assert ddcutil.calls == []
