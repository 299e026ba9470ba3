"""What `livegate safety explain` tells: the budgets of the configured lights, and which failure is covered by what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from edge.config.cameras import SimulatedCamera
from edge.config.lights import Lights, SimulatedIlluminator
from edge.config.safety import (
    FLASH_SECONDS,
    FLASHES,
    BudgetLine,
    LampFigures,
    budget,
    cornea_limit,
    most_changes,
    start_after,
    steps_at,
)
from edge.config.settings import Settings
from edge.hardware.light_guard import STALL_SECONDS
from edge.hardware.safe_lights import TIMER_SECONDS
from edge.liveness.plans import CHIP_SECONDS, CHIPS
from edge.session.half_light import CHANGES as HALF_CHANGES
from edge.session.light_step import CHANGES, LEAST_SECONDS
from edge.terminal.assembly import configured_lamp

_CHIPS: Final = sum(CHIPS.values())
# What the daemon waits for a session that hangs, and the unit's WatchdogSec more.
_SUPERVISED: Final = "the supervisor restarts the daemon after 60 s to 90 s"
_OFF: Final = f"off within {STALL_SECONDS + TIMER_SECONDS:g} s of the last frame"


@dataclass(frozen=True, slots=True)
class LampBudget:
    """origin: where the lamp is stated. figures: None where nothing is declared of it."""

    origin: str
    figures: LampFigures
    lines: tuple[BudgetLine, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlashLine:
    """changes: opposing ones of light, the most within `FLASH_SECONDS`."""

    name: str
    how: str
    changes: int

    @property
    def flashes(self) -> int:
        """Pairs of opposing changes."""
        return self.changes // 2

    @property
    def kept(self) -> bool:
        return self.flashes <= FLASHES


@dataclass(frozen=True, slots=True)
class Covered:
    """A failure, and what covers it: the timer in the daemon, its supervisor, a hardware one-shot."""

    failure: str
    timer: str
    supervisor: str
    one_shot: str


COVERED: Final = (
    Covered("camera gives no frames", f"lamp {_OFF}", "not needed", "yes"),
    Covered("the session's thread hangs, in vision or in a screen's driver", f"lamp {_OFF}", _SUPERVISED, "yes"),
    Covered("an exception anywhere in a session", "lights are put back on the way out", "not needed", "yes"),
    Covered("the lamp's own driver hangs in the kernel", "no", f"{_SUPERVISED}, if the kernel lets go", "yes"),
    Covered("the daemon is killed", "no", "puts lamp and backlight back, and restarts it in 5 s", "yes"),
    Covered("kernel or board hang", "no", "no; a board's own watchdog resets it where it has one", "yes"),
    Covered("the switching line is stuck at on", "no", "no", "yes: it asks for edges, not for a level"),
    Covered("the lamp's power stage fails to on", "no", "no", "no: only the lamp's budget, which is that of always on"),
    Covered("more current than its data sheet allows", "no", "no", "no: a fuse, and measure the lamp"),
)


@dataclass(frozen=True, slots=True)
class SafetyReport:
    """What was found of the configured lights."""

    lamps: tuple[LampBudget, ...]
    flashes: tuple[FlashLine, ...]

    @property
    def kept(self) -> bool:
        """Whether every limit is."""
        return not any(lamp.problems for lamp in self.lamps) and all(line.kept for line in self.flashes)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "kept": self.kept,
            "lamps": [_lamp_facts(lamp) for lamp in self.lamps],
            "corneaLimits": {f"{seconds:g}": cornea_limit(seconds) for seconds in (1, 10, 100, 1000)},
            "flashes": [
                {
                    "name": line.name,
                    "how": line.how,
                    "changes": line.changes,
                    "flashes": line.flashes,
                    "limit": FLASHES,
                    "windowSeconds": FLASH_SECONDS,
                }
                for line in self.flashes
            ],
            "covered": [
                {
                    "failure": each.failure,
                    "timer": each.timer,
                    "supervisor": each.supervisor,
                    "hardwareOneShot": each.one_shot,
                }
                for each in COVERED
            ],
        }


def safety_report(settings: Settings | None) -> SafetyReport:
    """Of the terminal with these settings; None: of what is the same for all.

    Raises ConfigError and InputError for a simulated terminal's scenes, as opening it would.
    """
    return SafetyReport(() if settings is None else tuple(_lamps(settings)), flash_lines())


def flash_lines() -> tuple[FlashLine, ...]:
    """Of the backlight step, of the light code, and of a code that follows the step at once."""
    step = steps_at(CHANGES, LEAST_SECONDS)
    answered = step[-1] + LEAST_SECONDS
    begin = start_after(step, _CHIPS, CHIP_SECONDS, answered)
    code = steps_at(_CHIPS + 1, CHIP_SECONDS, begin)
    return (
        FlashLine("backlight step", f"{CHANGES} changes, {LEAST_SECONDS:g} s or more apart", most_changes(step)),
        FlashLine(
            "halves after step, in dim light",
            f"{HALF_CHANGES} changes more, {LEAST_SECONDS:g} s or more apart, of one half of the display or of both",
            most_changes(steps_at(CHANGES + HALF_CHANGES, LEAST_SECONDS)),
        ),
        FlashLine(
            "light code", f"{_CHIPS} chips of {CHIP_SECONDS:g} s or more, white and black only", most_changes(code)
        ),
        FlashLine(
            "code after step",
            f"the code begins {LEAST_SECONDS:g} s after the step's last change, {begin - answered:.2g} s of it waited",
            most_changes((*step, *code)),
        ),
        FlashLine(
            "broken off anywhere",
            "one change more, as lights are put back",
            most_changes((*step, *code)) + 1,
        ),
    )


def _lamps(settings: Settings) -> list[LampBudget]:
    lamp = configured_lamp(settings.lights)
    if lamp is not None:
        return [_budget("lights.illuminator.lamp", lamp.figures)]
    if isinstance(settings.camera, SimulatedCamera) and _scenes_lamp(settings.lights):
        # A board with a real camera never loads it.
        from edge.simulation.scene import load_scene  # noqa: PLC0415
        from edge.terminal.simulated import scenes_of  # noqa: PLC0415

        shown = {file.name: load_scene(file).terminal.illuminator for file in scenes_of(settings.camera)}
        return [_budget(f"scene {name}", lamp.figures) for name, lamp in shown.items() if lamp is not None]
    return []


def _scenes_lamp(lights: Lights) -> bool:
    return isinstance(lights.illuminator, SimulatedIlluminator)


def _budget(origin: str, figures: LampFigures) -> LampBudget:
    found = budget(figures)
    return LampBudget(origin, figures, found.lines, found.problems)


def _lamp_facts(lamp: LampBudget) -> dict[str, Any]:
    figures = lamp.figures
    return {
        "origin": lamp.origin,
        "band": figures.band,
        "retinalRisk": figures.retinal_risk,
        "blueLightRisk": figures.blue_light_risk,
        "problems": list(lamp.problems),
        "lines": [
            {
                "name": line.name,
                "formula": line.formula,
                "figure": line.figure,
                "limit": line.limit,
                "unit": line.unit,
                "share": line.share,
                "margin": 1 - line.share,
            }
            for line in lamp.lines
        ],
    }
