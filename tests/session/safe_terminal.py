"""A simulated terminal whose light is read off its lamps themselves, and sessions on it that are disturbed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import LightBand, LivenessOperationMode
from edge.contracts.session import SessionStart
from edge.frames.display import DisplayGeometry
from edge.hardware.light_guard import UNCAPPED, LampCaps
from edge.hardware.ports import Pattern
from edge.liveness.evidence import FaceBox
from edge.liveness.policy import tighten
from edge.session.runner import Devices, SessionRunner
from edge.simulation.lamps import NearPoint, infrared, white
from edge.simulation.optics import Pinhole
from edge.simulation.signals import Commanded
from edge.simulation.terminal import SimulatedTerminal
from tests.session.scripted import ScriptedVision
from tests.simulation.stages import stage

SECOND = 1.0


class Face(ScriptedVision):
    """A face as wide as one at half a metre in the middle of each small picture."""

    def see(self, frame, *, judge=True):
        evidence = super().see(frame, judge=judge)
        return replace(evidence, box=FaceBox(18, 9, 12, 18), lit_settled=frame.light.settled)


@dataclass
class Terminal:
    """A display and a lamp on a simulated terminal, and what they gave."""

    lux: float = 2000.0
    fps: float = 30.0
    band: LightBand = LightBand.INFRARED
    caps: LampCaps = UNCAPPED

    def __post_init__(self):
        self.lamp = Commanded(0.0)
        plain = stage(lux=self.lux, fps=self.fps, latency=1, illuminator=self.lamp, band=self.band)
        spectrum = infrared() if self.band is LightBand.INFRARED else white()
        lamp = NearPoint(np.array([0.03, 0.0, 0.0]), 0.01, 45.0, spectrum, self.lamp)
        shown = replace(plain.display, geometry=DisplayGeometry(0.154, 0.086, 0.0, 0.06))
        self.stage = replace(plain, lamps=[*plain.lamps, lamp], display=shown, camera=Pinhole(48, 36, 39.0))
        self.unit = SimulatedTerminal([lambda: self.stage])
        self.vision = Face()
        self.floor = PRESETS[Preset.KIOSK]
        self.runner: SessionRunner | None = None

    def run(self, *, attempts=1, mode=LivenessOperationMode.PASSIVE_ACTIVE, wrapped=lambda clock: clock, **hooks):
        """A session; ``runner`` is the one that ran it."""
        unit = self.unit
        devices = Devices(unit.camera, unit.backlight, unit.illuminator, unit.screen, unit.ambient, self.caps)
        clock = wrapped(unit.clock)
        self.runner = SessionRunner(devices, self.vision, lambda: clock)
        request = SessionStart(
            id="12345678", expires_at=1.0, liveness_operation_mode=mode, number_of_client_attempts_allowed=attempts
        )
        return self.runner.run("0" * 32, tighten(self.floor, request), mode, **hooks)

    @property
    def put_back(self):
        """Whether every light is as it was found."""
        shown = self.unit.screen._playing.display._pattern
        return (self.unit.backlight.level(), shown, self.unit.illuminator.output()) == (0.6, Pattern.GUIDANCE, 0.0)

    def light(self):
        """Seconds, every 2 ms, and the luminance of both halves and the lamp's output at each."""
        times = np.arange(0.0, self.unit.clock.now() + 1.0, 0.002)
        display = self.stage.display
        return times, (display.left.level(times), display.right.level(times), self.lamp.level(times))

    def most_flashes(self):
        """In any second, in either half together with the lamp's, where that is white."""
        times, (left, right, lamp) = self.light()
        others = lamp if self.band is LightBand.WHITE else np.zeros_like(lamp)
        return max(most_flashes(times, half, others) for half in (left, right))


def most_flashes(times, half, lamp):
    """Pairs of opposing changes in both together, in any closed second; each second is looked at for itself."""
    moved = np.flatnonzero(np.diff(half) ** 2 + np.diff(lamp) ** 2 > 1e-12) + 1
    most = 0
    for first in moved:
        last = int(np.searchsorted(times, times[first] + SECOND + 1e-9, side="right"))
        seen = [first - 1, *moved[(moved >= first) & (moved < last)]]
        most = max(most, (turns(half[seen]) + turns(lamp[seen])) // 2)
    return most


def turns(light):
    """How often a luminance goes the other way by a tenth or more, as general flashes do (WCAG 2.3.1)."""
    found, low, high, going = 0, light[0], light[0], 0
    for level in light.tolist():
        if going <= 0:
            low = min(low, level)
        if going >= 0:
            high = max(high, level)
        if going >= 0 and high - level >= 0.1 - 1e-9 and level < 0.8:
            found += 1
            going, low = -1, level
        elif going <= 0 and level - low >= 0.1 - 1e-9 and low < 0.8:
            found += 1
            going, high = 1, level
    return found


class Fault:
    """Raises once, at the ``nth`` call of what it wraps."""

    def __init__(self, error: BaseException, nth: int):
        self.error, self.left = error, nth

    def of(self, call: Callable) -> Callable:
        def faulty(*args, **named):
            self.left -= 1
            if self.left == 0:
                raise self.error
            return call(*args, **named)

        return faulty
