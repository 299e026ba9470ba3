"""The terminal's own lights, each switched many times while the camera looks on; and what that tells of the camera.

Every command passes the guard of ``SafeLights``: no more flashes than it allows, and all lights back as they were on
every way out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from edge.config.settings import Settings
from edge.contracts.doctor import Check
from edge.contracts.enums import CaptureKind, LightBand, Spectrum
from edge.errors import HardwareError, LivegateError
from edge.hardware.light_guard import DUTY_SECONDS
from edge.hardware.ports import Backlight, Illuminator, Pattern, Screen
from edge.hardware.sysfs_backlight import SysfsBacklight
from edge.terminal.doctor import light_checks
from edge.terminal.doctor.alone import undisturbed
from edge.terminal.doctor.bench import Bench, Command, level
from edge.terminal.doctor.checking import ok, raised, skipped
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.flicker import flicker
from edge.terminal.doctor.frame_series import Seen
from edge.terminal.doctor.light_answer import TAIL, Answer, Epoch, answer
from edge.terminal.doctor.light_checks import SHEET, Lit
from edge.terminal.doctor.light_edge import Edge, find_edge
from edge.terminal.doctor.opened import Opened, terminal

PARTS: Final = ("backlight", "screen", "illuminator", "ambient")
_REPLAYED: Final = "a recording answers no light"
# How often each is switched on and off again: the more, the surer the moment of its change.
_TIMES: Final = 6
_FEW: Final = 2
_TURNS: Final = 3
_STEADY: Final = 36
_AFTER: Final = 15
# Of what a lamp's duty allows: the rest is for clocks and stalls.
_OF_DUTY: Final = 0.9


@dataclass(slots=True)
class _Found:
    """What is known of the lights so far."""

    display: Answer | None = None
    infrared: Answer | None = None
    # What timed the frames best: name, edge, seconds that the light itself may take.
    timed: tuple[str, Edge | None, float] | None = None
    lux: float | None = None

    def time(self, light: str, edge: Edge | None, declared: float) -> None:
        """Keeps the surest: what is not known of the light itself counts as well."""
        before = None if self.timed is None else self.timed[1]
        known = math.inf if self.timed is None or before is None else before.delay_off + self.timed[2]
        if self.timed is None or (edge is not None and edge.delay_off + declared < known):
            self.timed = light, edge, declared


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from undisturbed("lights.all", context, _of)


def _of(context: Context, settings: Settings) -> Iterator[Check]:
    opened = terminal(context, settings)
    try:
        yield from look(opened)
    finally:
        opened.devices.close()


def look(opened: Opened) -> Iterator[Check]:
    """All of them, as they are made; every light is as it was found while one is handed out."""
    devices = opened.devices
    if devices.camera.traits.capture is CaptureKind.REPLAY:
        for part in PARTS:
            yield skipped(f"lights.{part}", _REPLAYED)
        return
    bench = Bench(devices, opened.clock)
    yield from (_part(opened, part) for part in ("backlight", "screen", "illuminator"))
    try:
        with bench.running():
            yield from _each(bench, _Found(), opened)
    except LivegateError as error:
        yield skipped("lights.answers", f"not measured, since there is no picture: {error.what}")


def _each(bench: Bench, found: _Found, opened: Opened) -> Iterator[Check]:
    for name, make in (
        ("lights.flicker", _flicker),
        ("lights.ambient", _ambient),
        ("lights.backlight_answer", _backlight),
        ("lights.screen_answer", _screen),
        ("lights.illuminator_answer", _illuminator),
    ):
        if name.removeprefix("lights.").removesuffix("_answer") in opened.trouble:
            continue
        try:
            made = make(bench, found)
        except LivegateError as error:
            made = [raised(name, error)]
        yield from made
    if "ambient" in opened.trouble:
        yield raised("lights.ambient", opened.trouble["ambient"])
    if found.timed is not None:
        yield light_checks.timestamps(*found.timed)
    else:
        yield skipped("lights.timestamps", "no light of the terminal's own showed that could time the frames")
    traits = bench.devices.camera.traits
    yield light_checks.spectrum(traits.spectrum, found.infrared, found.display, found.lux)


def _part(opened: Opened, part: str) -> Check:
    """Whether a light is there and can be driven."""
    name = f"lights.{part}"
    if part in opened.trouble:
        return raised(name, opened.trouble[part])
    devices = opened.devices
    light: Backlight | Screen | Illuminator = getattr(devices, part)
    if not light.available:
        return skipped(name, "none is configured")
    if isinstance(light, SysfsBacklight):
        return ok(name, f"{light.node}: {light.steps} levels, writable, at {light.level() or 0.0:.0%} now")
    if part == "illuminator":
        return ok(name, f"{devices.illuminator.band.value}, off, at most {devices.caps.output:.0%} of its output")
    return ok(name, "there")


def _flicker(bench: Bench, found: _Found) -> list[Check]:
    with bench.held() as held:
        frames = bench.watch(_STEADY)
    found.lux = _median([frame.lux for frame in frames if frame.lux is not None])
    if held is None:
        return [skipped("lights.flicker", "the camera does not hold its exposure")]
    exposure = frames[-1].exposure
    divides = None if exposure is None else held.divides_flicker(exposure)
    return [flicker(frames, bench.devices.camera.traits.mains_hz, divides=divides)]


def _ambient(bench: Bench, found: _Found) -> list[Check]:
    sensor = bench.devices.ambient
    if not sensor.available:
        return [skipped("lights.ambient", "no sensor is configured")]
    measured = sensor.lux()
    check = light_checks.ambient(measured, found.lux)
    found.lux = measured if measured is not None else found.lux
    return [check]


def _backlight(bench: Bench, found: _Found) -> list[Check]:
    name, backlight = "lights.backlight_answer", bench.devices.backlight
    if not backlight.available:
        return []
    if not backlight.quick:
        return [skipped(name, "its luminance follows too slowly to be measured, and nothing is measured by it")]
    with bench.lit():
        epochs, answered, edge = _switched(
            bench, level(1.0, backlight.set_level), level(0.0, backlight.set_level), _TIMES
        )
    return _of_display(bench, found, name, "backlight", epochs, answered, edge, "lights.backlight.settle_seconds")


def _screen(bench: Bench, found: _Found) -> list[Check]:
    name, screen = "lights.screen_answer", bench.devices.screen
    if not screen.available:
        return []
    show: dict[Pattern, Command] = {pattern: partial(screen.show_pattern, pattern) for pattern in Pattern}
    with bench.lit():
        epochs, answered, edge = _switched(bench, show[Pattern.FULL], show[Pattern.BLACK], _TIMES)
        turn = [Pattern.LEFT, Pattern.BLACK, Pattern.RIGHT, Pattern.BLACK]
        shown = bench.play([show[pattern] for pattern in (Pattern.BLACK, *turn * _TURNS)])
    made = _of_display(bench, found, name, "screen", epochs, answered, edge, "lights.screen.latency_seconds")
    if answered is not None and answered.certain and answered.ours > 0:
        made.append(light_checks.halves(_lit_halves([frames for _, frames in shown])))
    return made


def _of_display(
    bench: Bench,
    found: _Found,
    name: str,
    light: str,
    epochs: Sequence[Epoch],
    answered: Answer | None,
    edge: Edge | None,
    key: str,
) -> list[Check]:
    if answered is not None and (found.display is None or answered.certain):
        found.display = answered
    shows = answered is not None and answered.certain and answered.ours > 0
    if bench.devices.camera.traits.spectrum is Spectrum.IR_PASS and not shows:
        return [skipped(name, f"the {light} does not show, and is not to: the camera passes infrared alone")]
    made = [
        light_checks.answers(name, light, answered, f"{SHEET}; then check that it is this display's {light}", found.lux)
    ]
    if shows:
        made.append(light_checks.settling(name.replace("answer", "settling"), edge, _declared(epochs), key))
        found.time(light, edge, _declared(epochs))
    return made


def _illuminator(bench: Bench, found: _Found) -> list[Check]:
    name, lamp = "lights.illuminator_answer", bench.devices.illuminator
    if not lamp.available:
        return []
    caps = bench.devices.caps
    before = bench.watch(_AFTER)[-TAIL:]
    # A lamp that may always be on spends nothing.
    allowed = math.inf if caps.share >= 1 else _OF_DUTY * caps.share * DUTY_SECONDS / caps.output
    times = next((times for times in range(_TIMES, _FEW - 1, -1) if bench.seconds_lit(times) <= allowed), None)
    if times is None:
        return [skipped(name, f"a duty of {caps.share:.0%} leaves no time to measure it")]
    on, off = level(caps.output, lamp.set_output), level(0.0, lamp.set_output)
    with bench.lit():
        epochs, answered, edge = _switched(bench, on, off, times)
    if lamp.band is LightBand.INFRARED:
        found.infrared = answered
    sees = lamp.band is LightBand.WHITE or bench.devices.camera.traits.spectrum is not Spectrum.IR_CUT
    shows = answered is not None and answered.certain and answered.ours > 0
    if not sees and not shows:
        return [skipped(name, "an infrared-cut filter hides whether it shines: look at it through a phone's camera")]
    remedy = f"{SHEET}; then check the lamp's power, its wiring and lights.illuminator"
    made = [light_checks.answers(name, "lamp", answered, remedy, None)]
    if answered is None:
        return made
    if not shows:
        return [*made, _off(bench, before, answered)] if answered.ours >= 0 or not answered.certain else made
    found.time("lamp", edge, _declared(epochs))
    key = "lights.illuminator.settle_seconds"
    made.append(light_checks.settling("lights.illuminator_settling", edge, _declared(epochs), key))
    if bench.seconds_lit(_TIMES) + 2 * bench.seconds_lit(_FEW) <= allowed:
        made.append(_steps(bench, caps.output))
    return [*made, _off(bench, before, answered)]


def _steps(bench: Bench, most: float) -> Check:
    name, lamp = "lights.illuminator_steps", bench.devices.illuminator
    on, half, off = (level(output, lamp.set_output) for output in (most, most / 2, 0.0))
    with bench.lit():
        try:
            half(bench.now())
        except HardwareError as error:
            return ok(name, f"on or off: {error.what}")
        given = lamp.output() / most
        _, found, _ = _switched(bench, half, off, _FEW)
        _, full, _ = _switched(bench, on, off, _FEW)
    if full is None or not full.certain:
        return skipped(name, light_checks.TOO_FEW)
    return light_checks.steps(name, found, full, given)


def _off(bench: Bench, before: Sequence[Seen], answered: Answer) -> Check:
    name = "lights.illuminator_off"
    after = bench.watch(_AFTER)[-TAIL:]
    if any(frame.exposure is None for frame in (*before, *after)) or not before or not after:
        return skipped(name, "frames that do not tell how they were exposed cannot be compared")
    return light_checks.off_again(name, _level(before), _level(after), answered)


def _switched(bench: Bench, on: Command, off: Command, times: int) -> tuple[list[Epoch], Answer | None, Edge | None]:
    """A light, switched on and off so often. Exposure is found with it on, so that nothing of it is overexposed."""
    on(bench.now())
    with bench.held() as held:
        epochs = bench.switch(on, off, times)
    told = all(frame.exposure is not None for epoch in epochs for frame in epoch.frames)
    answered = answer(epochs, held=told)
    return epochs, answered, find_edge(epochs) if held is not None and told else None


def _declared(epochs: Sequence[Epoch]) -> float:
    return max(epoch.change.settled_at - epoch.change.commanded_at for epoch in epochs)


def _level(frames: Sequence[Seen]) -> float:
    return float(np.mean([frame.level * frame.scale for frame in frames]))


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _lit_halves(shown: Sequence[Sequence[Seen]]) -> list[Lit]:
    """shown: frames of black, and then of left, black, right and black again and again."""
    if any(frame.exposure is None for frames in shown for frame in frames):
        # Automatic exposure makes all parts brighter or darker alike, so that their ratio tells, and no difference.
        left, right = ([np.mean([f.columns for f in frames[-TAIL:]], axis=0) for frames in shown[n::4]] for n in (1, 3))
        return [Lit(*both) for both in zip(left, right, strict=True)]
    black, *turns = [np.mean([frame.columns * frame.scale for frame in frames[-TAIL:]], axis=0) for frames in shown]
    lit = []
    for first in range(0, len(turns), 4):
        left, between, right, after = turns[first : first + 4]
        lit.append(Lit(left - (black + between) / 2, right - (between + after) / 2))
        black = after
    return lit
