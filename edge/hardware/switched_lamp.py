"""What illuminators share, however they are driven: off when made, off when closed, off when a command fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from edge.contracts.enums import LightBand
from edge.errors import HardwareError
from edge.frames.lamp import PointGeometry
from edge.hardware.null import checked
from edge.hardware.ports import LightInterval

log = structlog.get_logger(__name__)

# A command of 0.29 of 100 steps is 29 steps, whatever the product of the two floats is.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class LampPlace:
    """What a driver cannot know of its lamp. settle_seconds: from a command until it gives the new output."""

    band: LightBand
    geometry: PointGeometry | None
    settle_seconds: float


class SwitchedLamp(ABC):
    """Every command is written, also one that repeats the last, so that putting the lamp off never rests on memory.

    A driver opens its device, then calls ``_switch_off_first``. ``set_output`` takes calls from several threads.
    """

    def __init__(self, name: str, place: LampPlace) -> None:
        self._name, self._place = name, place
        self._output = 0.0
        self._closed = False

    @abstractmethod
    def _drive(self, output: float) -> float:
        """Writes it; what the lamp then gives, never more than ``output``. Raises HardwareError."""

    def _release(self) -> None:
        """After the lamp was switched off for the last time."""
        return

    @property
    def available(self) -> bool:
        return True

    @property
    def band(self) -> LightBand:
        return self._place.band

    @property
    def geometry(self) -> PointGeometry | None:
        return self._place.geometry

    def output(self) -> float:
        return self._output

    def set_output(self, output: float, now: float) -> LightInterval:
        checked(output)
        if self._closed:
            if output > 0:
                raise HardwareError(f"{self._name} is closed", remedy="make the illuminator anew")
            return LightInterval(now, now)
        try:
            self._output = self._drive(output)
        except BaseException:
            # Nobody knows how far it came.
            self._output = max(self._output, output)
            with suppress(HardwareError):
                self._output = self._drive(0.0)
            raise
        return LightInterval(now, now + self._place.settle_seconds)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for step in (self._off, self._release):
            try:
                step()
            except Exception:
                log.exception("an illuminator could not be switched off", illuminator=self._name)

    def _off(self) -> None:
        self._output = self._drive(0.0)

    def _switch_off_first(self) -> None:
        try:
            self._off()
        except BaseException:
            self.close()
            raise


def whole_steps(output: float, most: int, name: str) -> int:
    """Of ``most`` steps those that give no more than ``output``. Raises HardwareError where that leaves a lamp dark
    that was to be on.
    """
    steps = int(output * most + _ROUNDING)
    if steps == 0 and output > 0:
        raise HardwareError(
            f"{name} cannot give {output:g} of its light: its least is {1 / most:g}",
            remedy="set lights.illuminator.lamp.max_output to 1, or drive the lamp by pwm",
        )
    return steps
