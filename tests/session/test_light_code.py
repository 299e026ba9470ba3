"""Codes as the terminal's lights play them."""

from __future__ import annotations

from edge.frames.display import DisplayGeometry
from edge.frames.lamp import PointGeometry
from edge.hardware.null import NullIlluminator, NullScreen
from edge.hardware.ports import LightInterval, Pattern
from edge.liveness.plans import Chip, InfraredPlan, LightPlan
from edge.session.light_code import DisplayCode, InfraredCode


class Lamp(NullIlluminator):
    def __init__(self):
        super().__init__()
        self.outputs = []

    def set_output(self, output, now):
        self.outputs.append(output)
        return LightInterval(now, now + 0.001)


class Display(NullScreen):
    def __init__(self):
        self.patterns = []

    def show_pattern(self, pattern, now):
        self.patterns.append(pattern)
        return LightInterval(now, now + 0.03)


def play(code):
    intervals = [code.show(number, float(number)) for number in range(len(code.steps))]
    assert [interval.commanded_at for interval in intervals] == [float(number) for number in range(len(code.steps))]
    code.end(9.0)


def test_an_infrared_lamp_plays_its_code_and_is_off_afterwards():
    lamp = Lamp()
    code = InfraredCode(lamp, PointGeometry(0.03, 0.0), InfraredPlan("0", (True, False, False, True), 0.12), 1.0)
    play(code)
    assert lamp.outputs == [1.0, 0.0, 0.0, 1.0, 0.0]
    assert code.steps == [(1.0,), (0.0,), (0.0,), (1.0,)]


def test_a_display_plays_its_patterns_and_goes_back_to_guidance():
    display = Display()
    plan = LightPlan("0", (Chip.FULL, Chip.LEFT, Chip.RIGHT, Chip.BLACK), 0.2)
    code = DisplayCode(display, DisplayGeometry(0.154, 0.086, 0.0, 0.06), plan)
    play(code)
    assert display.patterns == [Pattern.FULL, Pattern.LEFT, Pattern.RIGHT, Pattern.BLACK, Pattern.GUIDANCE]
    assert code.steps == [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)]
