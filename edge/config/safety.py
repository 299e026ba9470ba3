"""What light the terminal may give to eyes: formulas with their sources, and the budget of a lamp.

Pure. Designed to keep to these limits; no measurement, and no certificate of one.

IEC 62471:2006, photobiological safety of lamps and lamp systems (its limits are those of ICNIRP, Health Physics 73
(1997) 539-554; applied to infrared diodes by Osram's note "Eye Safety of IREDs used in Lamp Applications"):

* cornea and lens, 780 to 3000 nm (4.3.7): E <= 18000 t^-0.75 W/m2 for t up to 1000 s, 100 W/m2 beyond;
* retina, where infrared comes with little visible light (4.3.6): L <= 6000 / alpha W/m2/sr for more than 10 s, alpha
  the angle that the source subtends, not less than 0.011 and not more than 0.1 rad;
* a source is looked at from 200 mm (5.2.2, lamps other than those for general lighting): nearer, the eye cannot focus
  it, but the cornea gets more.

WCAG 2.3.1 (three flashes or below threshold): no more than three general flashes within any one second. A general
flash is a pair of opposing changes of relative luminance of 10 % or more of the maximum, the darker below 0.80.
A red flash involves a saturated red, R / (R + G + B) >= 0.8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.contracts.enums import LightBand

# W/m2 on the cornea, however long.
CORNEA_LIMIT: Final = 100.0
# Seconds after which that limit holds.
CORNEA_LONG: Final = 1000.0
# Metres at which a lamp is assessed; a terminal that lets nobody come as near is not rewarded for it.
ASSESSED_AT: Final = 0.2
# Rad, of a source's angle in the limit of the retina for more than 10 s.
SMALLEST_ANGLE: Final = 0.011
LARGEST_ANGLE: Final = 0.1
# Lumens in a watt of a white diode's light: phosphor-converted ones give 250 to 370, and the least is the worst case.
WHITE_EFFICACY: Final = 250.0

FLASHES: Final = 3
FLASH_CHANGE: Final = 0.1
FLASH_DARKER: Final = 0.8
# A second, and what two lights may differ in the time from a command to its light: panels take a frame or two longer
# than a backlight does, so commands that are more than a second apart may show within one.
FLASH_SECONDS: Final = 1.1
# Opposing changes in that time: an eighth would complete a fourth flash. The seventh is kept for putting lights back.
MOST_CHANGES: Final = 2 * FLASHES + 1
PLANNED_CHANGES: Final = MOST_CHANGES - 1
# Seconds, of no account beside a frame, and more than rounding.
_JUST: Final = 1e-6


class RiskGroup(StrEnum):
    """Of a lamp, by IEC 62471, as its data sheet or a laboratory declares it."""

    EXEMPT = "exempt"
    RG1 = "rg1"
    RG2 = "rg2"
    RG3 = "rg3"


# Nobody looks away from infrared. From white one does, and group 1 is safe until then.
ALLOWED_GROUPS: Final = {
    LightBand.INFRARED: (RiskGroup.EXEMPT,),
    LightBand.WHITE: (RiskGroup.EXEMPT, RiskGroup.RG1),
}


@dataclass(frozen=True, slots=True)
class LampFigures:
    """What a lamp's budget is made of.

    radiant_intensity: W/sr, of one emitter on its axis at the most that its driver can give. emitters: that shine
    together. closest_approach: metres from an eye to the lamp. source_size: metres across one emitter's apparent
    source; None: not known. retinal_risk, blue_light_risk: None where nothing is declared, as of a simulated lamp.
    """

    band: LightBand
    radiant_intensity: float
    emitters: int = 1
    closest_approach: float = ASSESSED_AT
    source_size: float | None = None
    retinal_risk: RiskGroup | None = None
    blue_light_risk: RiskGroup | None = None


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One limit and what is used of it. figure, limit: in ``unit``. formula: in words, with its figures."""

    name: str
    formula: str
    figure: float
    limit: float
    unit: str
    remedy: str

    @property
    def share(self) -> float:
        """Of the limit; above 1 it is broken."""
        return self.figure / self.limit

    @property
    def kept(self) -> bool:
        # A billionth: 4 W/sr at 0.2 m is 100 W/m2, and not by rounding more.
        return self.share <= 1 + 1e-9

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.formula} = {self.figure:.4g} {self.unit}, {self.share:.3g} times the limit of "
            f"{self.limit:.4g}: {self.remedy}"
        )


@dataclass(frozen=True, slots=True)
class SafetyBudget:
    """Of one lamp: every limit, and what is declared of it that it may not have."""

    lines: tuple[BudgetLine, ...]
    refusals: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """In words, by how much and what to do; none where the lamp may be driven."""
        return (*(str(line) for line in self.lines if not line.kept), *self.refusals)

    @property
    def kept(self) -> bool:
        return not self.problems


def irradiance(radiant_intensity: float, emitters: int, distance: float) -> float:
    """W/m2 at ``distance`` metres on the axis of each of the ``emitters``: E = n I / d^2.

    The worst case: all axes meet in one eye. Near lamps that are not points give less.
    """
    return emitters * radiant_intensity / distance**2


def cornea_limit(seconds: float) -> float:
    """W/m2 that the cornea bears for so long (IEC 62471, 4.3.7)."""
    return 18000.0 * seconds**-0.75 if seconds <= CORNEA_LONG else CORNEA_LIMIT


def angle(source_size: float, distance: float) -> float:
    """Rad that a source subtends, within the bounds that the limit for the retina has (IEC 62471, 4.3.6)."""
    return min(max(source_size / distance, SMALLEST_ANGLE), LARGEST_ANGLE)


def retina_limit(alpha: float) -> float:
    """W/m2/sr that the retina bears of infrared with little visible light for more than 10 s (IEC 62471, 4.3.6)."""
    return 6000.0 / alpha


def radiance(radiant_intensity: float, source_size: float) -> float:
    """W/m2/sr of an evenly bright disc, ``source_size`` metres across: L = I / (pi d^2 / 4).

    Of a source smaller than 0.011 rad the standard takes the mean over that angle, which is less.
    """
    return radiant_intensity / (math.pi * source_size**2 / 4)


def white_intensity(candela: float) -> float:
    """W/sr of a white diode, at the least lumens that a watt of such light holds."""
    return candela / WHITE_EFFICACY


def budget(lamp: LampFigures) -> SafetyBudget:
    """At full output, continuously, on the axis of every emitter at once.

    Of a white lamp all light is taken for infrared on the cornea, which is more than there is.
    """
    distance = min(ASSESSED_AT, lamp.closest_approach)
    given = irradiance(lamp.radiant_intensity, lamp.emitters, distance)
    most = CORNEA_LIMIT * distance**2 / lamp.emitters
    lines = [
        BudgetLine(
            "cornea, any time",
            f"{lamp.emitters} x {lamp.radiant_intensity:g} W/sr / ({distance:g} m)^2",
            given,
            CORNEA_LIMIT,
            "W/m2",
            f"take emitters of at most {most:.3g} W/sr each, or keep eyes farther away where that is nearer than 0.2 m",
        )
    ]
    if lamp.source_size is not None:
        alpha = angle(lamp.source_size, ASSESSED_AT)
        lines.append(
            BudgetLine(
                "retina, more than 10 s",
                f"{lamp.radiant_intensity:g} W/sr / (pi / 4 x ({lamp.source_size:g} m)^2), seen at {alpha:.3g} rad",
                radiance(lamp.radiant_intensity, lamp.source_size),
                retina_limit(alpha),
                "W/m2/sr",
                "take a weaker or a larger emitter, or a diffuser before it",
            )
        )
    declared = {"retinal": lamp.retinal_risk}
    if lamp.band is LightBand.WHITE:
        declared["blue-light"] = lamp.blue_light_risk
    allowed = ALLOWED_GROUPS[lamp.band]
    return SafetyBudget(
        tuple(lines),
        tuple(
            f"the {name} risk group {group} is not for a lamp that people are asked to look at: take one of "
            f"{' or '.join(allowed)} (IEC 62471)"
            for name, group in declared.items()
            if group is not None and group not in allowed
        ),
    )


def most_changes(times: Sequence[float]) -> int:
    """Of changes at ascending ``times``, seconds: the most within any ``FLASH_SECONDS``, both ends included."""
    most = first = 0
    for last, now in enumerate(times):
        while now - times[first] > FLASH_SECONDS:
            first += 1
        most = max(most, last - first + 1)
    return most


def steps_at(count: int, dwell: float, start: float = 0.0) -> tuple[float, ...]:
    """Times of ``count`` changes, each ``dwell`` seconds after the one before."""
    return tuple(start + number * dwell for number in range(count))


def start_after(past: Sequence[float], count: int, dwell: float, now: float, *, most: int = PLANNED_CHANGES) -> float:
    """From when on a plan of ``count`` changes may begin, so that with those ``past`` there are no more than ``most``.

    past: ascending seconds, none later than ``now``. Every step of the plan is taken for a change, since another code
    would have one there. A plan that is too fast by itself raises ValueError.
    """
    planned = most_changes(steps_at(count, dwell))
    if planned > most:
        raise ValueError(
            f"{count} steps of {dwell:g} s can change the light {planned} times in {FLASH_SECONDS:g} s, and {most} are "
            f"allowed ({FLASHES} flashes in a second, WCAG 2.3.1)"
        )
    start = now
    for number in range(min(count, most)):
        # Beside this step and those before it, so many of the past may still be in sight.
        room = most - number - 1
        if room < len(past):
            start = max(start, past[-1 - room] + FLASH_SECONDS - number * dwell + _JUST)
    return start
