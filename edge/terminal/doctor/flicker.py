"""Whether lamps on the mains ripple in the picture while exposure is held. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.contracts.doctor import Check
from edge.terminal.doctor.checking import ok, skipped, warn
from edge.terminal.doctor.frame_series import Levels, Seen

# Of the light: what may ripple without harm (edge/session/light_answer.py has the same for single frames).
_HARMLESS: Final = 0.01
_BANDS: Final = 40
_DARK: Final = 1e-4
# Frames, and of a ripple that moves on less than this from frame to frame, nothing changes by it.
_ENOUGH: Final = 12
_STANDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Ripple:
    """A tone in the light. hertz: of the light, twice the mains'. depth, deviation: of its amplitude, shares of the
    light. beat: Hz with which it is seen to move on from frame to frame. standing: it hardly does.
    """

    hertz: float
    depth: float
    deviation: float
    beat: float
    standing: bool


def ripple(frames: Sequence[Seen], hertz: float) -> Ripple | None:
    """Least squares of that tone over all rows, beside what each row is on average and a drift.

    frames: of an exposure that is held, in a steady light. None where they do not tell when they were exposed.
    """
    told = [frame.exposure for frame in frames if frame.exposure is not None]
    if len(told) < max(len(frames), _ENOUGH):
        return None
    edges = np.linspace(0, len(frames[0].rows), min(_BANDS, len(frames[0].rows)) + 1).astype(np.intp)
    bands = np.stack([np.add.reduceat(frame.rows, edges[:-1]) / np.diff(edges) * frame.scale for frame in frames])
    light = np.log(np.maximum(bands, _DARK * bands.max()))
    begun = np.array([exposure.start + exposure.duration / 2 for exposure in told])
    rows = (edges[:-1] + edges[1:] - 1) / 2 * told[0].line_time
    phase = 2 * math.pi * hertz * ((begun - begun[0])[:, None] + rows)
    drift = np.broadcast_to(np.linspace(-1, 1, len(told))[:, None], phase.shape)
    # What stays in a row is the scene's.
    columns = [_without_mean(values) for values in (np.cos(phase), np.sin(phase), np.array(drift))]
    design = np.stack([column.ravel() for column in columns], axis=1)
    found, *_ = np.linalg.lstsq(design, _without_mean(light).ravel(), rcond=None)
    left = _without_mean(light).ravel() - design @ found
    scatter = float((left**2).sum() / max(len(left) - len(edges) - 2, 1))
    interval = (begun[-1] - begun[0]) / (len(begun) - 1)
    beat = abs(hertz - round(hertz * interval) / interval)
    return Ripple(
        hertz,
        float(np.hypot(*found[:2])),
        math.sqrt(scatter / max(len(left) / 2, 1)),
        float(beat),
        standing=float((columns[0] ** 2).mean() + (columns[1] ** 2).mean()) < _STANDS,
    )


def _without_mean(values: Levels) -> Levels:
    return np.asarray(values - values.mean(axis=0), np.float64)


def flicker(frames: Sequence[Seen], mains_hz: float | None, *, divides: bool | None) -> Check:
    """divides: whether the held exposure is a whole number of the mains' ripples; None: shorter, or not known.

    mains_hz: as configured; where it is not, both that there are were looked for.
    """
    name = "lights.flicker"
    exposure = frames[-1].exposure if frames else None
    if exposure is None:
        return skipped(name, "frames do not tell how they were exposed, so nothing is asked of them")
    told = f"the held exposure of {exposure.duration * 1e3:.2f} ms"
    found = [ripple(frames, 2 * hertz) for hertz in ((50.0, 60.0) if mains_hz is None else (mains_hz,))]
    ripples = [each for each in found if each is not None]
    if not ripples:
        return skipped(name, "too few frames came to tell")
    worst = max(ripples, key=lambda each: 0.0 if each.standing else each.depth)
    if worst.standing:
        seen = f"a ripple of {worst.hertz:.0f} Hz would stand still at this frame rate, and change nothing"
    else:
        seen = (
            f"{worst.hertz:.0f} Hz ripples by {worst.depth:.2%} (give or take {2 * worst.deviation:.2%}), a beat of "
            f"{worst.beat:.1f} Hz"
        )
    if divides and mains_hz is not None:
        count = round(exposure.duration * 2 * mains_hz)
        return ok(name, f"{told} is {count} ripple{'s' if count > 1 else ''} of {mains_hz:g} Hz mains; {seen}")
    if worst.standing or worst.depth <= _HARMLESS:
        return ok(name, f"{told} is no whole number of ripples, and need not be: {seen}")
    if 2 * worst.deviation > _HARMLESS:
        return skipped(name, f"the picture is too dark to tell: {seen}")
    return warn(
        name,
        f"{told} is no whole number of the mains' ripples: {seen}; light evidence would be void",
        "set camera.mains_hz to that of the site"
        if mains_hz is None
        else "less light on the scene or a lower frame rate, so that an exposure of a whole ripple is possible",
    )
