"""What the face's light, with the display up and down, says of the light level. Pure: from samples to an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import EvidenceOutcome, LightLevel

# A 7-inch display of 300 cd/m2 gives 16 lx at 0.5 m: 4 % of 400 lx. Less does not show in single frames.
OWN_LUX: Final = 16.0
_DIM_CONTRAST: Final = 0.04
_DIM_DEVIATIONS: Final = 5.0
WEAK: Final = 0.08
"""What the display adds to the room's light, below which a code may show what single frames do not."""

# Where the exposure does not divide flicker out: scatter of the face's level that leaves no room for it; and how many
# times its scatter an answer must be, since a beat in step with the levels passes for one. Of a sine, looked at for
# half of each level or more, as the guards leave it, the fitted answer is at most 19 times what it scatters.
_NO_FLICKER: Final = 0.01
_NO_BEAT: Final = 20.0
_MOST_CLIPPED: Final = 0.02
# The display is expected to show by so much or more, and shows by so small a share of it: no surface answers.
_STRONG: Final = 0.15
_ABSENT: Final = 0.25
# So many times its noise an answer, or what lacks of one, is no chance.
_CERTAIN: Final = 3.0
# Lamps light workplaces with 300 to 1000 lx (EN 12464-1); so much and more is the sky's and the sun's, which do not
# flicker. It never makes an answer of what may be one of lamps: whoever shines on the sensor gains nothing by it.
_DAYLIGHT_LUX: Final = 5000.0


@dataclass(frozen=True, slots=True)
class LightAnswer:
    """What a step came to. level is None where it says nothing, for the reason given."""

    level: LightLevel | None
    reason: str
    outcome: EvidenceOutcome = EvidenceOutcome.INSUFFICIENT
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The face in one frame.

    stage: number of the step's level that lit it. lit: that level, relative. time: seconds. level: linear light,
    0..1 of full scale.
    """

    stage: int
    lit: float
    time: float
    level: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of a measurement.

    exposure: seconds of each frame. divides_flicker: it is a whole number of the mains' ripples. clipped: share of the
    face that is overexposed, at most. lux: of a sensor, or None. due: contrast that lux and the size of the face let
    expect, or None. lux_sees_all: the camera sees no light that lux does not count, which is infrared.
    """

    exposure: float
    divides_flicker: bool
    clipped: float
    lux: float | None
    due: float | None
    lux_sees_all: bool


def light_answer(samples: Sequence[Sample], of: Circumstances) -> LightAnswer:
    """samples: four or more of each of three levels or more that take turns, in order of time."""
    if of.clipped > _MOST_CLIPPED:
        return LightAnswer(None, f"{of.clipped:.0%} of the face is overexposed")
    fit = _fit(samples)
    if fit.dark <= 0:
        if fit.ours <= _DIM_DEVIATIONS * fit.scatter:
            return LightAnswer(None, "the picture is black: the lens is covered, or nothing lights the face")
        return LightAnswer(
            LightLevel.DIM, f"nothing but the display lights the face; {_second_opinion(of.lux, dim=True)}"
        )
    contrast, scatter, noise = fit.ours / fit.dark, fit.scatter / fit.dark, fit.noise / fit.dark
    figures = f"the face answers the display with {contrast:.1%} (noise {noise:.1%})"
    steady = (
        of.divides_flicker or contrast >= _NO_BEAT * scatter or (scatter <= _NO_FLICKER and contrast < _DIM_CONTRAST)
    )
    if _is_absent(contrast, noise, 0.0 if steady else _NO_BEAT * scatter, of):
        return LightAnswer(
            LightLevel.DIM,
            f"{figures}, where {of.due:.0%} are due at {of.lux:.0f} lx: no surface of a face",
            EvidenceOutcome.VETO,
            contrast / (of.due or 1.0),
        )
    in_daylight = of.lux is not None and of.lux >= _DAYLIGHT_LUX
    if not steady and not in_daylight:
        return LightAnswer(
            None,
            f"lamps may flicker: an exposure of {of.exposure * 1e3:.1f} ms does not divide it out, and the face's "
            f"light scatters by {scatter:.1%}",
        )
    shows, singly = contrast >= _DIM_CONTRAST, contrast >= _DIM_DEVIATIONS * scatter
    if contrast >= WEAK and not singly and of.lux is not None and not in_daylight:
        return LightAnswer(None, f"{figures}, and its light scatters by {scatter:.1%} besides")
    if steady and shows and singly:
        return LightAnswer(LightLevel.DIM, f"{figures}, dim; {_second_opinion(of.lux, dim=True)}", margin=contrast)
    if in_daylight and of.due is not None and of.due < _CERTAIN * noise:
        return LightAnswer(
            LightLevel.OVERWHELMED,
            f"{figures}; at {of.lux:.0f} lx the display adds {of.due:.1%}, and nothing of that shows",
            margin=contrast,
        )
    return LightAnswer(LightLevel.BRIGHT, f"{figures}, bright; {_second_opinion(of.lux, dim=False)}", margin=contrast)


def _is_absent(contrast: float, noise: float, beat: float, of: Circumstances) -> bool:
    """Whether a strong answer is due and lacks, for all that noise may hide, and a beat in step with the display."""
    if of.due is None or of.due < _STRONG or not of.lux_sees_all:
        return False
    return contrast + _CERTAIN * noise < _ABSENT * of.due and contrast + beat < of.due


def _second_opinion(lux: float | None, *, dim: bool) -> str:
    if lux is None:
        return "no lux to compare"
    expects_dim = OWN_LUX / max(lux, 1.0) >= _DIM_CONTRAST
    return f"{lux:.0f} lx {'agrees' if expects_dim == dim else 'disagrees'}"


@dataclass(frozen=True, slots=True)
class _Fit:
    """Linear light of the face.

    dark: without the display. ours: what it adds. scatter: of a single frame. noise: of ours.
    """

    dark: float
    ours: float
    scatter: float
    noise: float


def _fit(samples: Sequence[Sample]) -> _Fit:
    """Least squares with a straight line in time besides: whoever comes nearer or leaves, clouds, a sinking sun."""
    times = np.array([sample.time for sample in samples])
    lit = np.array([sample.lit for sample in samples])
    levels = np.array([sample.level for sample in samples])
    design = np.stack([np.ones_like(lit), lit, times - times.mean()], axis=1)
    fitted, *_ = np.linalg.lstsq(design, levels, rcond=None)
    residual = levels - design @ fitted
    scatter = float(np.sqrt(np.sum(residual**2) / max(len(levels) - 3, 1)))
    single = scatter * float(np.sqrt(np.linalg.inv(design.T @ design)[1, 1]))
    stages = np.array([sample.stage for sample in samples])
    return _Fit(float(fitted[0]), float(fitted[1]), scatter, max(single, _disagreement(stages, times, lit, levels)))


def _disagreement(
    stages: NDArray[np.intp], times: NDArray[np.float64], lit: NDArray[np.float64], levels: NDArray[np.float64]
) -> float:
    """Noise of the answer by how the levels disagree on it, each held against the two beside it.

    Who sways turns the face in the light for longer than a frame: neighbouring frames err alike, and a noise that
    takes each for itself is too small.
    """
    time, sign, level = (
        np.array([values[stages == stage].mean() for stage in np.unique(stages)])
        for values in (times, np.where(lit > lit.mean(), 1.0, -1.0), levels)
    )
    share = (time[1:-1] - time[:-2]) / (time[2:] - time[:-2])
    beside = level[:-2] + (level[2:] - level[:-2]) * share
    answers = sign[1:-1] * (level[1:-1] - beside)
    return float(np.std(answers, ddof=1) / np.sqrt(len(answers)))
