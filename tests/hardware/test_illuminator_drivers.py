"""Illuminators by LED class, hardware PWM and GPIO line."""

from __future__ import annotations

import importlib.util
import os
import shutil
import struct
import subprocess
import sys as interpreter

import pytest

from edge.contracts.enums import LightBand
from edge.errors import HardwareError
from edge.frames.lamp import PointGeometry
from edge.hardware import gpio_illuminator, sysfs
from edge.hardware.gpio_illuminator import DEV, GpioIlluminator, chip_label, chip_number, line_factory
from edge.hardware.led_class import LedClassIlluminator
from edge.hardware.pwm_illuminator import PwmIlluminator
from edge.hardware.switched_lamp import LampPlace
from tests.extras import missing
from tests.hardware.contracts.lights import NOW, IlluminatorContract
from tests.hardware.fake_sysfs import PwmChip, deny, led, value

PLACE = LampPlace(LightBand.INFRARED, PointGeometry(0.02, -0.01), settle_seconds=0.01)
needs_gpiozero = pytest.mark.skipif(missing("gpiozero"), reason="gpiozero is in the extras 'gpio' and 'dev'")


@pytest.fixture
def sys(tmp_path):
    return tmp_path / "sys"


def led_lamp(sys, name="ir"):
    return LedClassIlluminator(name, PLACE, root=sys / "class/leds")


class TestLedClass(IlluminatorContract):
    @pytest.fixture(params=[1, 255])
    def illuminator(self, request, sys):
        led(sys, most=request.param, brightness=1)
        return led_lamp(sys)

    def test_what_was_configured_is_told(self, illuminator):
        assert illuminator.available
        assert (illuminator.band, illuminator.geometry) == (PLACE.band, PLACE.geometry)
        assert illuminator.set_output(0.0, NOW).settled_at == pytest.approx(NOW + 0.01)


@pytest.mark.needs_device("/sys/class/leds/*livegate*/brightness", "LED with livegate in its name")
class TestRealLedClass(IlluminatorContract):
    @pytest.fixture
    def illuminator(self):
        name = next(sysfs.SYS.glob("class/leds/*livegate*")).name
        lamp = LedClassIlluminator(name, PLACE)
        yield lamp
        lamp.close()


class TestOfAnLed:
    def test_it_is_off_and_freed_of_its_trigger_when_made(self, sys):
        entry = led(sys, brightness=255, trigger="none timer [heartbeat] mmc0")
        led_lamp(sys)
        assert (value(entry / "brightness"), value(entry / "trigger")) == ("0", "none")

    @pytest.mark.parametrize(("output", "steps"), [(1.0, 100), (0.29, 29), (0.999, 99), (0.01, 1)])
    def test_it_never_gives_more_than_was_asked(self, sys, output, steps):
        entry = led(sys, most=100)
        lamp = led_lamp(sys)
        lamp.set_output(output, NOW)
        assert value(entry / "brightness") == str(steps)
        assert lamp.output() == steps / 100

    def test_an_output_below_its_least_is_refused_and_leaves_it_dark(self, sys):
        entry = led(sys, most=1)
        lamp = led_lamp(sys)
        lamp.set_output(1.0, NOW)
        with pytest.raises(HardwareError, match=r"cannot give 0\.7") as refusal:
            lamp.set_output(0.7, NOW)
        assert "pwm" in refusal.value.remedy
        assert (value(entry / "brightness"), lamp.output()) == ("0", 0.0)

    def test_off_is_written_also_where_it_is_thought_to_be_off(self, sys):
        entry = led(sys)
        lamp = led_lamp(sys)
        (entry / "brightness").write_text("255\n")
        lamp.set_output(0.0, NOW)
        assert value(entry / "brightness") == "0"

    def test_a_name_that_is_not_there_is_told_with_those_that_are(self, sys):
        led(sys, "ACT")
        with pytest.raises(HardwareError, match=r"no LED 'ir' .* there: ACT"):
            led_lamp(sys)

    def test_one_that_vanishes_is_told_and_may_still_be_closed(self, sys):
        entry = led(sys)
        lamp = led_lamp(sys)
        lamp.set_output(1.0, NOW)
        shutil.rmtree(entry.resolve())
        with pytest.raises(HardwareError, match="cannot be written") as lost:
            lamp.set_output(0.5, NOW)
        assert "gone" in lost.value.remedy
        assert lamp.output() == 1.0, "nobody has seen it go off"
        lamp.close()

    def test_missing_permission_is_told_with_what_to_do(self, sys, monkeypatch):
        led(sys)
        deny(monkeypatch, "brightness")
        with pytest.raises(HardwareError, match="Permission denied") as refusal:
            led_lamp(sys)
        assert "udev" in refusal.value.remedy
        assert isinstance(refusal.value.__cause__, PermissionError)

    @pytest.mark.parametrize("content", ["0", "", "x", "-1", "255.0"])
    def test_a_strange_largest_brightness_is_told(self, sys, content):
        led(sys, most=content)
        with pytest.raises(HardwareError, match="max_brightness holds"):
            led_lamp(sys)

    @pytest.mark.parametrize("failure", [HardwareError("gone", remedy="look"), KeyboardInterrupt()])
    def test_a_write_that_fails_half_way_leaves_it_off(self, sys, monkeypatch, failure):
        entry = led(sys)
        lamp = led_lamp(sys)
        write = sysfs.write

        def half(file, content):
            write(file, content)
            if content:
                raise failure

        monkeypatch.setattr(sysfs, "write", half)
        with pytest.raises(type(failure)):
            lamp.set_output(1.0, NOW)
        assert (value(entry / "brightness"), lamp.output()) == ("0", 0.0)

    def test_closed_it_stays_dark(self, sys):
        entry = led(sys)
        lamp = led_lamp(sys)
        lamp.close()
        lamp.set_output(0.0, NOW)
        with pytest.raises(HardwareError, match="is closed"):
            lamp.set_output(1.0, NOW)
        assert value(entry / "brightness") == "0"


def pwm_lamp(sys, chip=None, channel=0, hertz=20_000.0):
    return PwmIlluminator(chip, channel, PLACE, hertz=hertz, patience=0.0, root=sys / "class/pwm")


class TestPwm(IlluminatorContract):
    @pytest.fixture(params=["fresh", "lit", "inversed"])
    def illuminator(self, request, sys, monkeypatch):
        chip = PwmChip(monkeypatch, sys)
        if request.param != "fresh":
            polarity = "inversed" if request.param == "inversed" else "normal"
            chip.export(0, period=1000, duty_cycle=900, enable=1, polarity=polarity)
        return pwm_lamp(sys)


class TestOfAPwm:
    def test_a_channel_is_exported_set_and_given_back(self, sys, monkeypatch):
        chip = PwmChip(monkeypatch, sys)
        lamp = pwm_lamp(sys, channel=1)
        assert chip.channel(1) == {"period": "50000", "duty_cycle": "0", "enable": "1"}
        lamp.set_output(0.25, NOW)
        assert chip.channel(1) == {"period": "50000", "duty_cycle": "12500", "enable": "1"}
        lamp.close()
        assert not (chip.folder / "pwm1").exists()
        assert chip.written[-3:] == [("duty_cycle", 0), ("enable", 0), ("unexport", 1)]

    def test_one_that_was_lit_is_dark_before_anything_else_and_stays_exported(self, sys, monkeypatch):
        chip = PwmChip(monkeypatch, sys)
        channel = chip.export(0, period=90_000, duty_cycle=80_000, enable=1, polarity="inversed")
        lamp = pwm_lamp(sys)
        assert chip.written[:2] == [("duty_cycle", 0), ("enable", 0)]
        assert value(channel / "polarity") == "normal"
        lamp.close()
        assert chip.channel() == {"period": "50000", "duty_cycle": "0", "enable": "0"}

    @pytest.mark.parametrize("name", ["pwmchip2", "1f00098000.pwm"])
    def test_a_chip_is_found_by_its_number_or_its_device(self, sys, monkeypatch, name):
        PwmChip(monkeypatch, sys, 0, device="fe20c800.pwm")
        chip = PwmChip(monkeypatch, sys, 2, device="1f00098000.pwm")
        pwm_lamp(sys, name).set_output(1.0, NOW)
        assert chip.channel()["duty_cycle"] == "50000"

    def test_several_chips_need_a_name(self, sys, monkeypatch):
        PwmChip(monkeypatch, sys, 0, device="fe20c000.pwm")
        PwmChip(monkeypatch, sys, 2, device="1f00098000.pwm")
        with pytest.raises(HardwareError, match=r"more than one PWM chip .*pwmchip0, pwmchip2") as refusal:
            pwm_lamp(sys)
        assert "lights.illuminator.chip" in refusal.value.remedy

    def test_a_channel_that_the_chip_has_not_is_told(self, sys, monkeypatch):
        PwmChip(monkeypatch, sys, channels=1)
        with pytest.raises(HardwareError, match="has channels 0 to 0, not 3"):
            pwm_lamp(sys, channel=3)

    def test_a_channel_that_does_not_become_ours_is_told_and_given_back(self, sys, monkeypatch):
        chip = PwmChip(monkeypatch, sys)
        deny(monkeypatch, "period")
        with pytest.raises(HardwareError, match="Permission denied") as refusal:
            pwm_lamp(sys)
        assert isinstance(refusal.value.__cause__, PermissionError)
        assert not (chip.folder / "pwm0").exists()

    def test_a_channel_that_becomes_ours_a_little_later_is_waited_for(self, sys, monkeypatch):
        PwmChip(monkeypatch, sys)
        really, looks = sysfs.check_writable, []

        def later(file):
            looks.append(file)
            if len(looks) < 4:
                raise HardwareError("not yet", remedy="wait")
            really(file)

        monkeypatch.setattr(sysfs, "check_writable", later)
        monkeypatch.setattr("edge.hardware.pwm_illuminator._LOOK_SECONDS", 0.0)
        lamp = PwmIlluminator(None, 0, PLACE, hertz=1000.0, patience=60.0, root=sys / "class/pwm")
        assert lamp.output() == 0.0


@needs_gpiozero
class TestGpioLine(IlluminatorContract):
    @pytest.fixture(params=["MockPin", "MockPWMPin"])
    def illuminator(self, request):
        return GpioIlluminator(18, PLACE, factory=mock_factory(request.param))


@needs_gpiozero
class TestOfAGpioLine:
    def test_the_line_is_low_high_and_low_again(self):
        factory = mock_factory()
        lamp = GpioIlluminator(18, PLACE, factory=factory)
        pin = factory.pin("GPIO18")
        assert (pin.function, pin.state) == ("output", False)
        lamp.set_output(1.0, NOW)
        assert pin.state
        lamp.set_output(0.0, NOW)
        assert not pin.state

    def test_half_is_refused_and_leaves_it_dark(self):
        factory = mock_factory()
        lamp = GpioIlluminator(18, PLACE, factory=factory)
        lamp.set_output(1.0, NOW)
        with pytest.raises(HardwareError, match="on or off"):
            lamp.set_output(0.5, NOW)
        assert not factory.pin("GPIO18").state

    def test_a_line_that_is_held_and_one_that_is_not_there_are_told(self):
        factory = mock_factory()
        held = GpioIlluminator(18, PLACE, factory=factory)
        for line in (18, 99):
            with pytest.raises(HardwareError, match=f"GPIO line {line} cannot be driven"):
                GpioIlluminator(line, PLACE, factory=factory)
        held.set_output(1.0, NOW)

    def test_closing_it_lets_go_of_the_line(self):
        factory = mock_factory()
        lamp = GpioIlluminator(18, PLACE, factory=factory)
        lamp.set_output(1.0, NOW)
        pin = factory.pin("GPIO18")
        lamp.close()
        assert pin.function == "input"

    def test_a_pin_that_breaks_is_told(self):
        factory = mock_factory()
        lamp = GpioIlluminator(18, PLACE, factory=factory)
        lamp._device.close()
        with pytest.raises(HardwareError, match="cannot be driven: GPIODeviceClosed"):
            lamp.set_output(1.0, NOW)


def mock_factory(pin="MockPin"):
    from gpiozero.pins import mock  # noqa: PLC0415 - in an extra

    return mock.MockFactory(pin_class=getattr(mock, pin))


@pytest.mark.needs_device("/dev/gpiochip*", "GPIO chip")
@pytest.mark.skipif(missing("gpiozero", "lgpio"), reason="gpiozero and lgpio are in the extra 'gpio'")
def test_a_real_chip_can_be_opened():
    line_factory(chip_label(sorted(DEV.glob("gpiochip*"))[0])).close()


@pytest.mark.needs_device("/dev/gpiochip*", "GPIO chip")
@pytest.mark.skipif(missing("gpiozero", "lgpio"), reason="gpiozero and lgpio are in the extra 'gpio'")
class TestRealGpioLine(IlluminatorContract):
    @pytest.fixture
    def illuminator(self):
        label, line = line_for_tests()
        lamp = GpioIlluminator(line, PLACE, factory=line_factory(label))
        yield lamp
        lamp.close()


def line_for_tests():
    """Chip label and number of the first line that a device tree gave a name with livegate in it."""
    gpio_illuminator._import_lgpio()
    import lgpio  # noqa: PLC0415 - in an extra

    for file in sorted(DEV.glob("gpiochip*")):
        chip = lgpio.gpiochip_open(int(file.name.removeprefix("gpiochip")))
        try:
            for line in range(lgpio.gpio_get_chip_info(chip)[1]):
                if "livegate" in lgpio.gpio_get_line_info(chip, line)[3]:
                    return chip_label(file), line
        finally:
            lgpio.gpiochip_close(chip)
    pytest.skip("no GPIO line with livegate in its name")


@pytest.fixture
def chips(tmp_path, monkeypatch):
    """/dev with chips of these labels."""

    def make(*labels):
        files = {}
        (tmp_path / "dev").mkdir()
        for number, label in enumerate(labels):
            file = tmp_path / f"dev/gpiochip{number}"
            file.touch()
            files[file.stat().st_ino] = label

        def ioctl(handle, request, info):
            assert request == 0x8044B401
            label = files[os.fstat(handle).st_ino]
            info[:] = struct.pack("32s32sI", b"gpiochip", label.encode(), 54)

        monkeypatch.setattr(gpio_illuminator.fcntl, "ioctl", ioctl)
        return tmp_path / "dev"

    return make


class TestOfGpioChips:
    def test_a_chip_is_found_by_its_label(self, chips):
        dev = chips("brcmvirt-gpio", "raspberrypi-exp-gpio", "pinctrl-rp1")
        assert chip_number("raspberrypi-exp-gpio", dev=dev) == 1
        assert chip_label(dev / "gpiochip0") == "brcmvirt-gpio"

    @pytest.mark.parametrize("label", ["pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"])
    def test_without_a_label_it_is_that_of_the_header(self, chips, label):
        assert chip_number(None, dev=chips("brcmvirt-gpio", label)) == 1

    def test_without_a_label_the_only_one_will_do(self, chips):
        assert chip_number(None, dev=chips("10012000.gpio")) == 0

    def test_a_second_name_of_one_chip_is_no_second_chip(self, chips):
        dev = chips("pinctrl-rp1")
        (dev / "gpiochip4").symlink_to("gpiochip0")
        assert chip_number("pinctrl-rp1", dev=dev) == 0

    @pytest.mark.parametrize("label", [None, "pinctrl-rp1"])
    def test_unclear_and_unknown_labels_are_told_with_those_that_there_are(self, chips, label):
        with pytest.raises(HardwareError, match=r"GPIO chip.*a, b") as refusal:
            chip_number(label, dev=chips("a", "b"))
        assert "lights.illuminator.chip" in refusal.value.remedy

    def test_no_chip_is_told(self, tmp_path):
        with pytest.raises(HardwareError, match="no GPIO chip"):
            line_factory(None, dev=tmp_path)

    def test_missing_permission_is_told_with_what_to_do(self, chips, monkeypatch):
        dev = chips("pinctrl-rp1")
        deny(monkeypatch, "gpiochip0")
        with pytest.raises(HardwareError, match="Permission denied") as refusal:
            chip_number(None, dev=dev)
        assert "udev" in refusal.value.remedy
        assert isinstance(refusal.value.__cause__, PermissionError)

    def test_a_missing_library_is_told_with_what_to_install(self, chips, monkeypatch):
        dev = chips("pinctrl-rp1")
        monkeypatch.setitem(interpreter.modules, "lgpio", None)
        monkeypatch.setitem(interpreter.modules, "gpiozero.exc", None)
        with pytest.raises(HardwareError) as refusal:
            line_factory(None, dev=dev)
        assert "livegate[gpio]" in refusal.value.remedy


@pytest.mark.skipif(importlib.util.find_spec("lgpio") is None, reason="lgpio is in the extra 'gpio'")
def test_lgpio_leaves_no_file_in_the_working_folder(tmp_path):
    code = "from edge.hardware import gpio_illuminator as g; g._import_lgpio(); import lgpio"
    path = os.pathsep.join(interpreter.path)
    subprocess.run(
        [interpreter.executable, "-c", code],
        cwd=tmp_path,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert list(tmp_path.iterdir()) == []
