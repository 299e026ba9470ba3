"""Contacts on GPIO lines, and the button that is pressed by itself."""

from __future__ import annotations

import pytest

from edge.errors import HardwareError
from edge.hardware.gpio_input import GpioInput
from edge.simulation.button import SimulatedButton
from tests.extras import missing
from tests.hardware.contracts.lines import InputLineContract
from tests.hardware.test_illuminator_drivers import line_for_tests, mock_factory

KEY = "presence.button"
needs_gpiozero = pytest.mark.skipif(missing("gpiozero"), reason="gpiozero is in the extras 'gpio' and 'dev'")


def contact(factory, *, line=17, active_low=True):
    return GpioInput(None, line, active_low=active_low, key=KEY, factory=factory)


@needs_gpiozero
class TestGpioInput(InputLineContract):
    @pytest.fixture(params=[True, False], ids=["active low", "active high"])
    def line(self, request):
        return contact(mock_factory(), active_low=request.param)


class TestSimulatedButton(InputLineContract):
    @pytest.fixture
    def line(self):
        return SimulatedButton(30.0, clock=lambda: 100.0)


@pytest.mark.needs_device("/dev/gpiochip*", "GPIO chip")
@pytest.mark.skipif(missing("gpiozero", "lgpio"), reason="gpiozero and lgpio are in the extra 'gpio'")
class TestRealGpioInput(InputLineContract):
    @pytest.fixture(params=[True, False], ids=["active low", "active high"])
    def line(self, request):
        label, number = line_for_tests()
        line = GpioInput(label, number, active_low=request.param, key=KEY)
        yield line
        line.close()


@needs_gpiozero
class TestOfAGpioInput:
    @pytest.mark.parametrize("active_low", [True, False])
    def test_it_is_pulled_to_where_it_is_not_active_and_follows_the_contact(self, active_low):
        factory = mock_factory()
        line = contact(factory, active_low=active_low)
        pin = factory.pin("GPIO17")
        assert (pin.function, pin.pull) == ("input", "up" if active_low else "down")
        (pin.drive_low if active_low else pin.drive_high)()
        assert line.level() is True
        (pin.drive_high if active_low else pin.drive_low)()
        assert line.level() is False

    def test_both_edges_are_heard_until_they_are_not_wanted_any_more(self):
        factory, heard = mock_factory(), []
        line = contact(factory)
        pin = factory.pin("GPIO17")
        assert line.on_edge(lambda: heard.append(line.level())) is True
        pin.drive_low()
        pin.drive_high()
        assert heard == [True, False]
        line.on_edge(None)
        pin.drive_low()
        assert heard == [True, False]

    def test_a_line_that_is_held_and_one_that_is_not_there_are_told(self):
        factory = mock_factory()
        held = contact(factory)
        with pytest.raises(HardwareError, match="GPIO line 17 cannot be read") as refusal:
            contact(factory)
        assert "no other program" in refusal.value.remedy
        with pytest.raises(HardwareError, match="GPIO line 99 cannot be read"):
            contact(mock_factory(), line=99)
        held.close()

    def test_a_closed_one_is_told_and_has_given_back_its_factory(self):
        factory = mock_factory()
        line = contact(factory)
        line.close()
        with pytest.raises(HardwareError, match="cannot be read: GPIODeviceClosed"):
            line.level()
        assert not factory.pins


def test_a_missing_chip_is_told_with_the_buttons_key(monkeypatch, tmp_path):
    monkeypatch.setattr("edge.hardware.gpio_input.line_factory", no_chip(tmp_path))
    with pytest.raises(HardwareError, match="no GPIO chip"):
        GpioInput("pinctrl-rp1", 17, active_low=True, key=KEY)


def no_chip(dev):
    from edge.hardware.gpio_illuminator import line_factory  # noqa: PLC0415 - before it is replaced

    def look(label, *, key):
        assert key == KEY
        return line_factory(label, dev=dev, key=key)

    return look


def test_a_simulated_button_is_held_down_at_the_end_of_each_period():
    now = [50.0]
    button = SimulatedButton(10.0, press=0.5, clock=lambda: now[0])
    pressed = []
    for tenth in range(250):
        now[0] = 50.0 + tenth / 10
        if button.level():
            pressed.append(tenth)
    assert pressed == [*range(95, 100), *range(195, 200)]
    button.close()
    now[0] = 50.0 + 29.7
    assert not button.level()
