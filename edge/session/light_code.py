"""Codes of light as the terminal's lights play them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from edge.frames.display import DisplayGeometry
from edge.frames.lamp import LightGeometry, PointGeometry
from edge.guidance.patterns import HALVES
from edge.hardware.ports import Illuminator, LightInterval, Pattern, Screen
from edge.liveness.plans import InfraredPlan, LightPlan


class LightCode(Protocol):
    """One code, drawn for one attempt.

    name: of the light, to tell. geometry: where it is. steps: of each step, how much of each of its parts is lit, 0..1.
    chip_seconds: length of a step.
    """

    @property
    def name(self) -> str: ...

    @property
    def geometry(self) -> LightGeometry: ...

    @property
    def steps(self) -> Sequence[tuple[float, ...]]: ...

    @property
    def chip_seconds(self) -> float: ...

    def show(self, number: int, now: float) -> LightInterval:
        """The step of this number, from 0. Raises HardwareError when the light is lost."""
        ...

    def end(self, now: float) -> LightInterval:
        """As it is to be after a code. Raises HardwareError when the light is lost."""
        ...


SILENT_OUTPUT: Final = 0.25
"""Of a lamp whose code begins under the exposure that was found without it: one that is enough in the sun outshines a
room."""


class DisplayCode:
    """The two halves of a display."""

    name = "display"

    def __init__(self, screen: Screen, geometry: DisplayGeometry, plan: LightPlan) -> None:
        """geometry: the screen's."""
        self.geometry = geometry
        self.steps = [HALVES[chip] for chip in plan.chips]
        self.chip_seconds = plan.chip_seconds
        self._screen = screen
        self._plan = plan

    def show(self, number: int, now: float) -> LightInterval:
        return self._screen.show_pattern(Pattern(self._plan.chips[number].value), now)

    def end(self, now: float) -> LightInterval:
        return self._screen.show_pattern(Pattern.GUIDANCE, now)


class InfraredCode:
    """An infrared lamp, which is off after the code.

    A lamp beside the camera shades a head by how it is turned, and texture that changes so cannot be followed well.
    Where the code proved anything the room has infrared enough to be seen by.
    """

    name = "infrared lamp"

    def __init__(self, illuminator: Illuminator, geometry: PointGeometry, plan: InfraredPlan, output: float) -> None:
        """geometry: the illuminator's. output: of it, 0..1, where it is on."""
        self.geometry = geometry
        self.steps = [(float(lit),) for lit in plan.chips]
        self.chip_seconds = plan.chip_seconds
        self._illuminator = illuminator
        self._output = output

    def show(self, number: int, now: float) -> LightInterval:
        return self._illuminator.set_output(self._output * self.steps[number][0], now)

    def end(self, now: float) -> LightInterval:
        return self._illuminator.set_output(0.0, now)
