"""The kernel's backlights, as trees of files."""

from __future__ import annotations

import errno
import json
import shutil

import pytest

from edge.errors import HardwareError
from edge.hardware.left_over import LEFT_OVER_FILE
from edge.hardware.sysfs_backlight import BACKLIGHTS, SysfsBacklight, restore_left_over
from tests.hardware.contracts.lights import NOW, BacklightContract
from tests.hardware.fake_sysfs import backlight, deny, value


@pytest.fixture
def made(tmp_path):
    def make(name=None, *, settle_seconds=0.05):
        root = tmp_path / "sys/class/backlight"
        return SysfsBacklight(name, settle_seconds=settle_seconds, runtime=tmp_path / "run/livegate", root=root)

    return make


@pytest.fixture
def sys(tmp_path):
    return tmp_path / "sys"


@pytest.fixture
def left_over(tmp_path):
    return tmp_path / "run/livegate" / LEFT_OVER_FILE


class TestSysfsBacklight(BacklightContract):
    @pytest.fixture(params=[1, 31, 255, 65535])
    def backlight(self, request, sys, made):
        backlight(sys, brightness=1, most=request.param, bl_power=0)
        return made()


class TestSysfsBacklightThatIsOff(BacklightContract):
    @pytest.fixture
    def backlight(self, sys, made):
        backlight(sys, bl_power=4)
        return made()


class TestSysfsBacklightWithoutPowerAndFile(BacklightContract):
    @pytest.fixture
    def backlight(self, sys, tmp_path):
        backlight(sys, "rpi_backlight")
        return SysfsBacklight(settle_seconds=0.0, runtime=None, root=sys / "class/backlight")


@pytest.mark.needs_device("/sys/class/backlight/*/brightness", "backlight")
class TestRealBacklight(BacklightContract):
    @pytest.fixture
    def backlight(self, tmp_path):
        name = sorted(folder.name for folder in BACKLIGHTS.iterdir())[0]
        real = SysfsBacklight(name, settle_seconds=0.05, runtime=tmp_path)
        yield real
        real.restore(NOW)


@pytest.mark.parametrize("name", ["rpi_backlight", "10-0045", "4-0045", "intel_backlight", "display@0:pwm"])
def test_a_node_is_found_whatever_its_name(sys, made, name):
    entry = backlight(sys, name)
    made().set_level(1.0, NOW)
    assert value(entry / "brightness") == "255"


@pytest.mark.parametrize(
    ("level", "most", "written"),
    [(1.0, 31, 31), (0.0, 31, 0), (0.5, 31, 16), (0.3, 1, 0), (0.7, 1, 1), (0.25, 200, 50)],
)
def test_a_level_is_the_share_of_the_largest_brightness(sys, made, level, most, written):
    entry = backlight(sys, brightness=0, most=most)
    light = made()
    light.set_level(level, NOW)
    assert value(entry / "brightness") == str(written)
    assert light.level() == written / most


def test_a_change_settles_after_the_stated_time(sys, made):
    backlight(sys)
    interval = made(settle_seconds=0.2).set_level(0.5, NOW)
    assert (interval.commanded_at, interval.settled_at) == (NOW, pytest.approx(NOW + 0.2))


def test_one_that_is_off_gives_no_light_is_switched_on_and_goes_off_again(sys, made):
    entry = backlight(sys, brightness=120, bl_power=4)
    light = made()
    assert light.level() == 0.0
    light.set_level(0.0, NOW)
    assert value(entry / "bl_power") == "4"
    light.set_level(1.0, NOW)
    assert (value(entry / "brightness"), value(entry / "bl_power"), light.level()) == ("255", "0", 1.0)
    light.restore(NOW)
    assert (value(entry / "brightness"), value(entry / "bl_power")) == ("120", "4")


def test_several_nodes_need_a_name(sys, made):
    entries = {name: backlight(sys, name, brightness=7) for name in ("10-0045", "11-0045")}
    with pytest.raises(HardwareError, match=r"more than one backlight .*10-0045, 11-0045") as refusal:
        made()
    assert "lights.backlight.name" in refusal.value.remedy
    made("11-0045").set_level(0.0, NOW)
    assert [value(entry / "brightness") for entry in entries.values()] == ["7", "0"]


def test_a_name_that_is_not_there_is_told_with_those_that_are(sys, made):
    backlight(sys, "4-0045")
    with pytest.raises(HardwareError, match=r"no backlight 'rpi_backlight' .* there: 4-0045"):
        made("rpi_backlight")


@pytest.mark.parametrize("empty", [True, False])
def test_no_node_and_no_class_are_told(sys, made, empty):
    if empty:
        (sys / "class/backlight").mkdir(parents=True)
    with pytest.raises(HardwareError, match="no backlight below") as refusal:
        made()
    assert "driver" in refusal.value.remedy


@pytest.mark.parametrize(
    ("attribute", "content"),
    [
        ("max_brightness", "0"),
        ("max_brightness", "-3"),
        ("max_brightness", ""),
        ("max_brightness", "bright"),
        ("brightness", "1.5"),
        ("brightness", "\0\xff"),
        ("bl_power", "on"),
    ],
)
def test_strange_contents_are_told_with_their_file(sys, made, attribute, content):
    entry = backlight(sys, bl_power=0)
    (entry / attribute).write_bytes(content.encode("latin-1"))
    with pytest.raises(HardwareError, match=f"/{attribute} holds .*not a whole number"):
        made()


@pytest.mark.parametrize("attribute", ["brightness", "bl_power"])
def test_missing_permission_is_told_when_it_is_made_with_what_to_do(sys, made, monkeypatch, attribute):
    backlight(sys, bl_power=0)
    deny(monkeypatch, attribute)
    with pytest.raises(HardwareError, match=f"{attribute} cannot be written: Permission denied") as refusal:
        made()
    assert "udev" in refusal.value.remedy
    assert "group" in refusal.value.remedy
    assert isinstance(refusal.value.__cause__, PermissionError)


def test_a_file_system_that_is_read_only_is_told_as_the_units_fault(sys, made, monkeypatch):
    backlight(sys)
    deny(monkeypatch, "brightness", number=errno.EROFS)
    with pytest.raises(HardwareError) as refusal:
        made()
    assert "ReadWritePaths" in refusal.value.remedy


def test_a_brightness_that_is_no_file_is_told(sys, made):
    entry = backlight(sys)
    (entry / "brightness").unlink()
    (entry / "brightness").mkdir()
    with pytest.raises(HardwareError, match="brightness cannot be read"):
        made()


def test_a_node_that_vanishes_is_told_and_can_still_be_restored_when_it_is_back(sys, made, tmp_path):
    entry = backlight(sys)
    light = made()
    light.set_level(0.0, NOW)
    device = entry.resolve()
    shutil.move(device, tmp_path / "unplugged")
    assert light.level() is None
    with pytest.raises(HardwareError, match="cannot be written") as lost:
        light.set_level(1.0, NOW)
    assert "gone" in lost.value.remedy
    with pytest.raises(HardwareError):
        light.restore(NOW)
    shutil.move(tmp_path / "unplugged", device)
    light.restore(NOW)
    assert value(entry / "brightness") == "120"


def test_what_another_program_sets_between_two_sessions_is_what_the_second_restores(sys, made):
    entry = backlight(sys)
    light = made()
    light.set_level(1.0, NOW)
    light.restore(NOW)
    (entry / "brightness").write_text("33\n")
    light.set_level(0.0, NOW)
    light.restore(NOW)
    assert value(entry / "brightness") == "33"


class TestLeftOver:
    def test_the_level_found_is_kept_while_it_is_changed_and_forgotten_when_restored(self, sys, made, left_over):
        backlight(sys, bl_power=4)
        light = made()
        assert list(left_over.parent.iterdir()) == []
        light.set_level(0.0, NOW)
        light.set_level(1.0, NOW)
        assert json.loads(left_over.read_text()) == {"node": "10-0045", "brightness": 120, "power": 4}
        assert list(left_over.parent.iterdir()) == [left_over]
        light.restore(NOW)
        assert list(left_over.parent.iterdir()) == []

    def test_what_a_killed_process_left_is_brought_back_once(self, sys, made, left_over):
        entry = backlight(sys, bl_power=4)
        made().set_level(1.0, NOW)
        root = sys / "class/backlight"
        assert restore_left_over(left_over.parent, root=root) == "10-0045"
        assert (value(entry / "brightness"), value(entry / "bl_power")) == ("120", "4")
        assert not left_over.exists()
        assert restore_left_over(left_over.parent, root=root) is None

    def test_a_level_that_nobody_brought_back_counts_at_the_next_use(self, sys, made):
        entry = backlight(sys)
        made().set_level(0.0, NOW)
        second = made()
        second.set_level(1.0, NOW)
        second.restore(NOW)
        assert value(entry / "brightness") == "120"

    def test_one_that_cannot_be_brought_back_stays_kept(self, sys, made, left_over):
        entry = backlight(sys)
        made().set_level(0.0, NOW)
        shutil.rmtree(entry.resolve())
        with pytest.raises(HardwareError):
            restore_left_over(left_over.parent, root=sys / "class/backlight")
        assert left_over.exists()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"node": "../../etc", "brightness": 1, "power": null}',
            b'{"node": "..", "brightness": 1, "power": null}',
            b'{"node": "", "brightness": 1, "power": null}',
            b'{"node": "10-0045", "brightness": -1, "power": null}',
            b'{"node": "10-0045", "brightness": "1\\n", "power": null}',
            b'{"node": "10-0045", "brightness": 1}',
            b'{"node": "10-0045", "brightness": 1, "power": "off"}',
        ],
    )
    def test_a_damaged_file_is_forgotten_and_changes_nothing(self, sys, left_over, content):
        entry = backlight(sys)
        left_over.parent.mkdir(parents=True)
        left_over.write_bytes(content)
        assert restore_left_over(left_over.parent, root=sys / "class/backlight") is None
        assert not left_over.exists()
        assert value(entry / "brightness") == "120"

    def test_bytes_that_are_no_text_are_told(self, left_over):
        left_over.parent.mkdir(parents=True)
        left_over.write_bytes(b"\xff\xfe")
        with pytest.raises(HardwareError, match="cannot be read") as refusal:
            restore_left_over(left_over.parent)
        assert "remove" in refusal.value.remedy

    def test_a_folder_that_cannot_be_written_is_told_before_any_light_changes(self, sys, made, left_over):
        backlight(sys)
        left_over.parent.parent.mkdir()
        left_over.parent.touch()
        with pytest.raises(HardwareError, match="cannot be kept") as refusal:
            made()
        assert "runtime_directory" in refusal.value.remedy
