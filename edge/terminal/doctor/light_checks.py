"""What a light's answer tells of it, and of the camera that saw it. Pure: from measured figures to checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from edge.contracts.doctor import Check
from edge.contracts.enums import Spectrum
from edge.terminal.doctor.checking import fail, ok, skipped, warn
from edge.terminal.doctor.frame_series import Levels
from edge.terminal.doctor.light_answer import Answer
from edge.terminal.doctor.light_edge import Edge

SHEET: Final = "hold a white sheet half a metre before the terminal, out of the sun, and try again"
TOO_FEW: Final = "too few frames came to tell"
# How far a lamp's light may be from what it was told to give, as a share of the whole.
_UNEVEN: Final = 0.15
# Seconds within which a light's settling must be known to be compared.
_FAINT: Final = 0.03
# And time stamps, where exposures are shorter than twice that.
_SURE: Final = 0.002
_LEAST_SLOPE: Final = 0.005
_BRIGHTER: Final = 0.3
# Where a display is lost (edge/session/light_answer.py has the figure).
_DAYLIGHT_LUX: Final = 5000.0
# An infrared lamp that a camera may be driven with gives 0.05 to 4 W/sr, and a display some 4 cd. Without a filter a
# camera takes 1 W of infrared for 700 lm, and with one for 1.4 lm (edge/simulation/sensor.py has the figures): the lamp
# is worth 9 to 700 displays, or 1.4 at most.
_DISPLAYS: Final = 3.0
# The same in lux that come back from what is before the camera, and where no lux is known, of the room's light.
_LUX: Final = 15.0
_FOR_CERTAIN, _HARDLY = 3.0, 0.1


def answers(name: str, light: str, found: Answer | None, remedy: str, lux: float | None) -> Check:
    """Whether the picture answers a light that this camera is to see. remedy: where it does not. lux: of the room."""
    if found is None:
        return fail(name, TOO_FEW, "look at camera.rate first")
    if not found.certain:
        hidden = max(found.hidden, 1e-5)
        told = f"the picture does not answer the {light}: less than {hidden:.2%} of its light"
        if lux is not None and lux >= _DAYLIGHT_LUX:
            return warn(name, f"{told}, which at {lux:.0f} lx may be the daylight's fault", remedy)
        return fail(name, told, remedy)
    if found.ours < 0:
        return fail(
            name,
            f"the picture gets darker by {-found.share:.1%} when the {light} is switched on",
            "it is wired, or driven, the wrong way round: a lamp must shine while its line is high",
        )
    return ok(name, f"{found.share:.1%} of the picture's light is the {light}'s{_frames(found)}")


def _frames(found: Answer) -> str:
    told = []
    if found.there is not None:
        told.append(f"shows in frame {found.there} after the command")
    if found.settled is not None:
        told.append(f"whole in frame {found.settled}")
    if found.gone is not None:
        told.append(f"gone in frame {found.gone} after switching off")
    if found.clipped > 0.02:
        told.append(f"{found.clipped:.0%} of the picture overexposed")
    return "".join(f"; {each}" for each in told)


def settling(name: str, edge: Edge | None, declared: float, key: str) -> Check:
    """Whether a light has settled when its driver says so. declared: seconds from command on. key: that states it."""
    if edge is None:
        return skipped(name, "the frames do not tell when it changed")
    if edge.settled < 0:
        return skipped(name, "by the frames it changes before it is told to: see lights.timestamps")
    told = f"{edge.settled * 1e3:.0f} ms after the command it has settled, give or take {edge.settled_off * 1e3:.1f} ms"
    if edge.settled_off > _FAINT:
        return skipped(name, f"{told}: too faint to be timed; {SHEET}")
    if edge.settled - edge.settled_off > declared:
        lacking = math.ceil((edge.settled - declared) * 200) / 200
        return warn(name, f"{told}, and {declared * 1e3:.0f} ms are declared", f"add {lacking:g} to {key}")
    return ok(name, f"{told}; {declared * 1e3:.0f} ms are declared")


def timestamps(light: str, edge: Edge | None, declared: float) -> Check:
    """How far the frames' time stamps are from when a light really changed.

    declared: seconds that the light may take by itself; what is between is its own, what lies outside is the stamps'.
    """
    name = "lights.timestamps"
    if edge is None:
        return skipped(name, f"the frames do not tell when the {light} changed")
    told = (
        f"by the frames' rows the {light} begins to change {edge.delay * 1e3:+.2f} ms after its command, give or take "
        f"{edge.delay_off * 1e3:.2f} ms ({edge.samples} rows' exposures)"
    )
    off = edge.delay - min(max(edge.delay, 0.0), declared)
    if edge.delay_off > max(edge.exposure / 2, _SURE):
        return skipped(name, f"{told}: too faint to be timed; {SHEET}")
    guard = f"rows count as lit one exposure ({edge.exposure * 1e3:.1f} ms) later"
    if abs(off) + edge.delay_off <= edge.exposure:
        return ok(name, f"{told}; {guard}, which covers it")
    if abs(off) - edge.delay_off <= edge.exposure:
        return warn(name, f"{told}; {guard}, which may not cover it", SHEET)
    return fail(
        name,
        f"{told}; {guard}, which does not cover it: rows would be judged in the wrong light",
        "raise the light's settling time where it is late; where it is early the camera's stamps are wrong: state "
        "camera.line_time_us by the data sheet, or set camera.exposure_metadata to false",
    )


def steps(name: str, half: Answer | None, full: Answer, given: float) -> Check:
    """Whether half of a lamp's output gives half of its light. given: relative, what its driver says it gives."""
    if half is None:
        return skipped(name, TOO_FEW)
    found = half.ours / full.ours
    told = f"told to give {given:.0%} of its light it gives {found:.0%}"
    if abs(found - given) <= _UNEVEN:
        return ok(name, told)
    return warn(name, told, "lower lights.illuminator.frequency, or let the lamp's driver take pulses in proportion")


def off_again(name: str, before: float, after: float, found: Answer) -> Check:
    """before, after: level of the picture without the lamp, in the unit of the answer.

    A lamp that stays on gives no certain answer, and is known by a picture that is brighter than before.
    """
    left = (after - before) / (found.ours if found.certain else max(_BRIGHTER * before, found.least))
    if left < 0.5 or (not found.certain and left < 1):
        return ok(name, "afterwards the picture is as before, without it")
    return fail(
        name,
        f"after it was switched off {left:.0%} of its light is still there"
        if found.certain
        else f"afterwards the picture is brighter than before, {after / max(before, found.least):.1f} times",
        "take the lamp's power away, then check its driver and its switching line",
    )


@dataclass(frozen=True, slots=True)
class Lit:
    """Light of the parts of the picture's width, (parts,), with each half of the screen; without the room's light where
    exposure was held.
    """

    left: Levels = field(repr=False)
    right: Levels = field(repr=False)


def halves(found: Sequence[Lit]) -> Check:
    """Whether the screen's halves are told apart, and stand the right way round. found: each time that both were shown.

    The left half as the person sees it is on the right of the camera's picture, and what faces the terminal there gets
    more of its light than of the other half's.
    """
    name = "lights.screen_halves"
    slopes = [slope for slope in (_slope(lit) for lit in found) if slope is not None]
    if len(slopes) < 2:
        return warn(name, "the picture answers too little of the screen's halves to tell them apart", SHEET)
    slope = float(np.mean(slopes))
    deviation = float(np.std(slopes, ddof=1) / math.sqrt(len(slopes)))
    told = f"left over right rises by {slope:.2f} (natural logarithm) from the picture's left to its right"
    if abs(slope) < max(4 * deviation, _LEAST_SLOPE):
        return warn(name, f"{told}, give or take {deviation:.2f}: they cannot be told apart", SHEET)
    if slope < 0:
        return fail(
            name,
            f"{told}: left and right are exchanged",
            "correct lights.screen.rotation, and a display or a camera that mirrors its picture",
        )
    return ok(name, told)


def _slope(lit: Lit) -> float | None:
    """Of the logarithm of left over right, over the whole width."""
    both = lit.left + lit.right
    shown = (lit.left > 0) & (lit.right > 0) & (both > 0.3 * both.max())
    if both.max() <= 0 or shown.sum() < 4:
        return None
    across = np.linspace(-0.5, 0.5, len(both))[shown]
    return float(np.polyfit(across, np.log(lit.left[shown] / lit.right[shown]), 1, w=np.sqrt(both[shown]))[0])


def spectrum(configured: Spectrum, infrared: Answer | None, display: Answer | None, lux: float | None) -> Check:
    """Whether the camera sees the light that ``camera.spectrum`` says it sees.

    infrared, display: answers to the terminal's own lights, None where there is none of the kind. Both in one unit.
    lux: of the room, None where it is not known.
    """
    name = "lights.spectrum"
    shown = display is not None and display.certain and display.ours > 0
    if configured is Spectrum.IR_PASS and display is not None and shown:
        return fail(
            name,
            f"camera.spectrum is ir_pass, and {display.share:.1%} of the picture's light is the display's",
            "set camera.spectrum to noir, or put the filter that passes infrared alone before the lens",
        )
    if infrared is None:
        if configured is Spectrum.IR_PASS and display is not None:
            return ok(name, "the display does not show, as behind a filter that passes infrared alone")
        return skipped(name, f"{configured.value} is configured; only an infrared lamp of the terminal's could tell")
    passes = _passes(infrared, display if shown else None, lux)
    share = f"{abs(infrared.share):.1%} of the picture's light is the infrared lamp's"
    if passes is None:
        return warn(
            name, f"{share}: too much and too little to tell", "try again in a room with ordinary light, 200 lx or more"
        )
    if passes is (configured is not Spectrum.IR_CUT):
        if not passes:
            return ok(name, "the infrared lamp does not show, as behind an infrared-cut filter")
        if display is not None and not shown and configured is Spectrum.NOIR:
            return warn(
                name,
                f"{share}, and the display does not show: the camera may pass infrared alone",
                f"{SHEET}; if the display still does not show, set camera.spectrum to ir_pass",
            )
        return ok(name, f"{share}, as camera.spectrum {configured.value} says")
    if passes:
        return fail(
            name,
            f"camera.spectrum is ir_cut, and {share}",
            "set camera.spectrum to noir (or to ir_pass, where it shows nothing of the display)",
        )
    return fail(
        name,
        f"camera.spectrum is {configured.value}, and the infrared lamp does not show",
        "look at the lamp through a phone's camera: if it shines, set camera.spectrum to ir_cut; else check its wiring",
    )


def _passes(infrared: Answer, display: Answer | None, lux: float | None) -> bool | None:
    """Whether infrared reaches the sensor; None where it cannot be told. Filters let a little pass, too."""
    if not infrared.certain:
        return False
    # One that is the wrong way round is seen, too.
    ours = abs(infrared.ours)
    if display is not None:
        return ours >= _DISPLAYS * display.ours
    contrast = ours / max(infrared.dark + min(infrared.ours, 0.0), infrared.least)
    if lux is not None:
        return contrast * lux >= _LUX
    return True if contrast >= _FOR_CERTAIN else None if contrast > _HARDLY else False


def ambient(lux: float | None, camera: float | None) -> Check:
    """A light sensor's reading, and the camera's estimate of the same light, None where there is none."""
    name = "lights.ambient"
    if lux is None:
        return warn(name, "the sensor tells no lux", "look at `dmesg` for what its driver says")
    told = f"{lux:.0f} lx"
    if camera is None or max(lux, camera) < 20:
        return ok(name, told)
    told += f", and {camera:.0f} lx by the camera's estimate"
    if max(lux, 1.0) / max(camera, 1.0) < 0.1 or max(camera, 1.0) / max(lux, 1.0) < 0.1:
        return warn(name, f"{told}: they do not fit", "uncover the sensor; check the scale that its driver states")
    return ok(name, told)
