"""The light level where no light of the terminal's own can be measured on the face."""

from __future__ import annotations

from edge.contracts.enums import LightLevel

# A 7-inch display of 300 cd/m2 gives about 16 lx at 0.5 m. Below 4 % of the surroundings' light it no longer
# shows in single frames, where one 8-bit step at mid-grey is already 1.7 %.
BRIGHT_LUX = 400.0


def level_from_lux(lux: float | None, why: str) -> tuple[LightLevel, str]:
    """Light level and its reason from a lux reading, if there is one. why: the face gave no answer of its own."""
    if lux is None:
        return LightLevel.NOT_MEASURED, f"{why}, and no lux"
    level = LightLevel.BRIGHT if lux > BRIGHT_LUX else LightLevel.DIM
    side = "above" if level is LightLevel.BRIGHT else "up to"
    return level, f"{lux:.0f} lx, {side} {BRIGHT_LUX:.0f} lx; {why}"
