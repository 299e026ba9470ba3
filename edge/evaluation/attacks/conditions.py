"""Where and with what hardware a presentation takes place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from edge.contracts.enums import LivenessOperationMode
from edge.errors import InputError


class Level(StrEnum):
    """How bright the surroundings are, by their lux. What the terminal measures is another matter."""

    DIM = "dim"
    BRIGHT = "bright"


BRIGHT_FROM: Final = 400.0
"""Lux from which on surroundings are called bright: a 7-inch display adds 4 % to as much, half a metre away."""


class Group(StrEnum):
    """Conditions that are chosen together."""

    CORE = "core"
    HARDWARE = "hardware"
    INFRARED = "infrared"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Condition:
    """One set of surroundings and of hardware.

    lux, sun: of light from all round, and on a surface that faces the sun; 0: no sun. ambient, terminal: keys of a
    scene's file. Where light comes from is drawn for each session. mode: what sessions under it may ask, whatever those
    of the run may; None: the same.
    """

    name: str
    group: Group
    lux: float
    light: str = "led"
    sun: float = 0.0
    ambient: Mapping[str, Any] = field(default_factory=dict)
    terminal: Mapping[str, Any] = field(default_factory=dict)
    mode: LivenessOperationMode | None = None

    @property
    def level(self) -> Level:
        return level_of(self.lux + self.sun)


def level_of(lux: float) -> Level:
    """lux: of all light that is not the terminal's."""
    return Level.DIM if lux < BRIGHT_FROM else Level.BRIGHT


# A display of 15.6 inches, as counters and turnstiles have it; the standard one has 7 inches and 300 cd/m2.
_LARGE: Final = {"display": {"width": 0.344, "height": 0.194, "down": 0.115, "luminance": 500.0}}
_NOIR: Final = {"camera": {"spectrum": "noir"}}
_LAMP: Final = {"illuminator": {"band": "infrared", "intensity": 1.0, "half_angle": 40.0, "right": 0.03}}
_BAND_PASS: Final = {"camera": {"spectrum": "ir_pass"}, **_LAMP}
# Nothing is asked of anybody, and the display is drowned.
_SILENT: Final[Mapping[str, Any]] = {"terminal": {**_NOIR, **_LAMP}, "mode": LivenessOperationMode.PASSIVE}

CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        condition.name: condition
        for condition in (
            Condition("dim-40-tungsten", Group.CORE, 40, "tungsten"),
            Condition("dim-150-led", Group.CORE, 150),
            Condition("dim-300-daylight", Group.CORE, 300, "daylight"),
            Condition("bright-600-led", Group.CORE, 600),
            Condition("bright-1000-daylight", Group.CORE, 1000, "daylight"),
            Condition("bright-2000-daylight", Group.CORE, 2000, "daylight"),
            Condition("dim-150-flicker", Group.HARDWARE, 150, "fluorescent", ambient={"flicker": 0.3}),
            Condition("dim-150-noir", Group.HARDWARE, 150, "tungsten", terminal=_NOIR),
            Condition("dim-150-large-display", Group.HARDWARE, 150, terminal=_LARGE),
            Condition("bright-1000-noir", Group.HARDWARE, 1000, "daylight", terminal=_NOIR),
            Condition("bright-2000-large-display", Group.HARDWARE, 2000, "daylight", terminal=_LARGE),
            Condition("bright-5000-large-display", Group.HARDWARE, 5000, "daylight", terminal=_LARGE),
            Condition("dim-150-ir-pass", Group.INFRARED, 150, "tungsten", terminal=_BAND_PASS),
            Condition("bright-600-ir-pass", Group.INFRARED, 600, "daylight", terminal=_BAND_PASS),
            Condition("bright-2000-ir-pass", Group.INFRARED, 2000, "daylight", terminal=_BAND_PASS),
            Condition("bright-50000-ir-pass", Group.INFRARED, 10_000, "daylight", sun=40_000, terminal=_BAND_PASS),
            Condition("bright-600-silent", Group.SILENT, 600, **_SILENT),
            Condition("bright-1000-silent", Group.SILENT, 1000, "daylight", **_SILENT),
            Condition("bright-2000-silent", Group.SILENT, 2000, "daylight", **_SILENT),
        )
    }
)


def chosen_conditions(names: Iterable[str]) -> tuple[Condition, ...]:
    """Conditions by their names or those of their groups, in the order of the catalogue.

    Raises InputError for a name that is neither.
    """
    wanted = set(names)
    unknown = wanted - set(CONDITIONS) - set(Group)
    if unknown:
        raise InputError(
            f"there is no condition {', '.join(sorted(unknown))}",
            remedy=f"name some of {', '.join([*Group, *CONDITIONS])}",
        )
    return tuple(
        condition for condition in CONDITIONS.values() if condition.name in wanted or condition.group in wanted
    )
