"""Lights, screen and sensor of a terminal that has none."""

from __future__ import annotations

from edge.contracts.enums import LightBand, Prompt
from edge.frames.display import DisplayGeometry
from edge.frames.frame import Frame
from edge.frames.lamp import PointGeometry
from edge.guidance.page import Standing
from edge.hardware.ports import LightInterval, Pattern


def checked(level: float) -> float:
    """A relative level. Raises ValueError outside 0..1."""
    if not 0.0 <= level <= 1.0:
        raise ValueError(f"a relative level is from 0 to 1, not {level}")
    return level


class NullBacklight:
    """No display whose luminance could be set: remembers what was asked."""

    def __init__(self) -> None:
        self._level: float | None = None

    @property
    def available(self) -> bool:
        return False

    @property
    def quick(self) -> bool:
        return True

    def level(self) -> float | None:
        return self._level

    def set_level(self, level: float, now: float) -> LightInterval:
        self._level = checked(level)
        return LightInterval(now, now)

    def restore(self, now: float) -> None:
        self._level = None


class NullIlluminator:
    """No illuminator: takes any output and stays dark, so that no frame is believed to be lit."""

    def __init__(self, band: LightBand = LightBand.INFRARED) -> None:
        self._band = band

    @property
    def available(self) -> bool:
        return False

    @property
    def band(self) -> LightBand:
        return self._band

    @property
    def geometry(self) -> PointGeometry | None:
        return None

    def set_output(self, output: float, now: float) -> LightInterval:
        checked(output)
        return LightInterval(now, now)

    def output(self) -> float:
        return 0.0

    def close(self) -> None: ...


class NullScreen:
    """No screen: the person sees nothing of it."""

    @property
    def available(self) -> bool:
        return False

    @property
    def geometry(self) -> DisplayGeometry | None:
        return None

    def show_prompt(self, prompt: Prompt | None) -> None: ...

    def show_standing(self, standing: Standing) -> None: ...

    def show_preview(self, frame: Frame | None) -> None: ...

    def show_name(self, name: str) -> None: ...

    def show_pattern(self, pattern: Pattern, now: float) -> LightInterval:
        return LightInterval(now, now)

    def close(self) -> None: ...


class NullAmbientSensor:
    """No sensor: lux is never known."""

    @property
    def available(self) -> bool:
        return False

    def lux(self) -> float | None:
        return None

    @property
    def direct(self) -> bool:
        return True

    def saw(self, frame: Frame) -> None: ...
