"""Whether a picture answers a light that is switched on and off, by how much, and after how many frames. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.hardware.ports import LightInterval
from edge.terminal.doctor.frame_series import Seen

# Frames at the end of an epoch that are taken to show its light alone.
TAIL: Final = 3
# An answer is so many deviations, so large a share of the picture's light, and so large a share of full scale.
_CERTAIN: Final = 5.0
_LEAST: Final = 5e-4
_FAINTEST: Final = 2e-5
# Of an answer: when it is there, and how near to its end it counts as settled.
_THERE: Final = 0.5
_SETTLED: Final = 0.1
# Of an answer: what single frames may scatter, so that frames can be counted by it.
_CLEAR: Final = 0.3
_DARKEST: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """The time from one command to the next. lit: what the command made of the light. frames: that arrived in it."""

    lit: bool
    change: LightInterval
    frames: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a picture to a light.

    ours: what the light adds, and ``dark``: what is there without it; in one unit, that of ``Seen.level`` for a second
    of exposure at a gain of 1 where frames tell how they were exposed. deviation: of ours.
    there: frames after the command until the first that shows it. settled: until the first from which on all show it
    whole; None where exposure was not held. gone: the same of switching off. All count from 1, and are None where
    single frames do not show it clearly.
    clipped: share of the picture that is overexposed with the light on.
    least: what ours must be to count, by how little full scale is.
    """

    ours: float
    dark: float
    deviation: float
    there: int | None
    settled: int | None
    gone: int | None
    clipped: float
    least: float

    @property
    def certain(self) -> bool:
        """Whether it is no chance; it may be the wrong way round all the same."""
        return abs(self.ours) > max(_CERTAIN * self.deviation, _LEAST * abs(self.dark), self.least)

    @property
    def share(self) -> float:
        """Of the light that is there with ours, which part is ours; negative where the picture gets darker."""
        return self.ours / max(abs(self.ours), self.dark + max(self.ours, 0.0), 1e-12)

    @property
    def hidden(self) -> float:
        """What may be there and not be seen, as a share of the picture's light."""
        most = abs(self.ours) + 2 * self.deviation
        return most / max(most, self.dark, 1e-12)


def answer(epochs: Sequence[Epoch], *, held: bool) -> Answer | None:
    """epochs: dark and lit ones in turns, from dark to dark. held: exposure was, so that an answer stays.

    None where too few frames came to tell.
    """
    curves = [_curve(before, after, held=held) for before, after in itertools.pairwise(epochs)]
    if len(curves) < 2 or any(curve is None for curve in curves):
        return None
    length = min(len(curve) for curve in curves if curve is not None)
    changes = np.stack([curve[:length] for curve in curves if curve is not None])
    lit = np.array([epoch.lit for epoch in epochs[1:]])
    # Where automatic exposure takes it back, it is what it was at its largest.
    most = int(np.argmax(np.abs(changes.mean(axis=0))))
    each = changes[:, -TAIL:].mean(axis=1) if held else changes[:, most]
    change, deviation = float(each.mean()), float(each.std(ddof=1) / math.sqrt(len(each)))
    dark_frames = [frame for epoch in epochs if not epoch.lit for frame in epoch.frames[-TAIL:]]
    dark = float(np.mean([_level(frame) for frame in dark_frames]))
    ours = change
    if not held:
        ours, deviation = dark * math.expm1(change), dark * math.exp(change) * deviation
    shares = changes / change if change else changes
    clear = float(shares[:, -TAIL:].std()) < _CLEAR or not held
    return Answer(
        ours=ours,
        dark=dark,
        deviation=deviation,
        there=_first(shares[lit].mean(axis=0) >= _THERE) if clear else None,
        settled=_settled(shares[lit]) if held and clear else None,
        gone=_settled(shares[~lit]) if held and clear else None,
        clipped=max(frame.clipped for epoch in epochs if epoch.lit for frame in epoch.frames[-TAIL:]),
        least=_FAINTEST * max(frame.scale for frame in dark_frames),
    )


def _level(frame: Seen) -> float:
    return frame.level * frame.scale


def _curve(before: Epoch, after: Epoch, *, held: bool) -> NDArray[np.float64] | None:
    """(frames,) how far each is from what was before, in the direction of the change; where exposure is not held the
    logarithm, since it is by factors that automatic exposure has what was before wherever it wants it.
    """
    if len(before.frames) < TAIL or len(after.frames) < 2 * TAIL:
        return None
    was, levels = (np.array([_level(frame) for frame in frames]) for frames in (before.frames[-TAIL:], after.frames))
    if not held:
        was, levels = np.log(np.maximum(was, _DARKEST)), np.log(np.maximum(levels, _DARKEST))
    return np.asarray((levels - was.mean()) * (1.0 if after.lit else -1.0), np.float64)


def _settled(curves: NDArray[np.float64]) -> int | None:
    """curves: (changes, frames) shares of the answer. Noise is allowed for."""
    noise = float(curves[:, -TAIL:].std()) / math.sqrt(len(curves))
    near = np.abs(curves.mean(axis=0) - 1) <= _SETTLED + 3 * noise
    return _first(np.logical_and.accumulate(near[::-1])[::-1])


def _first(true: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(true)) + 1 if true.any() else None
