"""Outputs of lamps over time, each with its exact integral: a row's exposure is a difference of two of its values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

# An exponential has come within half a percent of its end after so many time constants.
SETTLED = 5.3


@dataclass(frozen=True, slots=True)
class Steady:
    """A lamp that does not change: the sun, a lamp on direct current."""

    level: float = 1.0

    def integral(self, times: Times) -> Times:
        return self.level * times


@dataclass(frozen=True, slots=True)
class Mains:
    """A lamp on alternating current: 1 + modulation * cos(2 pi * 2 * frequency * t + phase).

    frequency: of the mains, Hz; light follows power, which peaks twice a period. modulation: 0..1. phase: radians.
    """

    frequency: float
    modulation: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        if self.frequency <= 0 or not 0 <= self.modulation <= 1:
            raise ValueError("mains light has a frequency above 0 and a modulation from 0 to 1")

    def integral(self, times: Times) -> Times:
        speed = 4 * math.pi * self.frequency
        return times + self.modulation * np.sin(speed * times + self.phase) / speed


@dataclass(frozen=True, slots=True)
class _Piece:
    """From ``begin`` on the output goes from ``start`` towards ``target``; ``before``: its integral up to then."""

    begin: float
    start: float
    target: float
    constant: float
    before: float

    def level(self, times: Times) -> Times:
        return self.target + (self.start - self.target) * np.exp(-(times - self.begin) / self.constant)

    def integral(self, times: Times) -> Times:
        spent = times - self.begin
        lag = -np.expm1(-spent / self.constant) * self.constant
        return self.before + self.target * spent + (self.start - self.target) * lag


class Commanded:
    """An output that follows commands after a dead time and then exponentially, as backlights, panels and LEDs do.

    The past is kept, because frames that arrive now were exposed before the last command.
    """

    def __init__(self, level: float) -> None:
        """level: 0..1, where it has always been."""
        self._pieces = [_Piece(0.0, level, level, 1.0, 0.0)]
        # The first piece reaches back for ever.
        self._begins = [-math.inf]

    def command(self, level: float, at: float, *, constant: float, delay: float = 0.0) -> float:
        """Go to ``level``; gives the time when it has settled. One that is still on its way is not overtaken.

        at: seconds. constant: of the exponential, seconds, above 0. delay: seconds before anything changes.
        """
        last = self._pieces[-1]
        begin = max(at + delay, self._begins[-1])
        if constant <= 0 or delay < 0:
            raise ValueError("a change takes a time constant above 0 and no negative delay")
        moment = np.array([begin])
        start = float(last.level(moment)[0])
        self._pieces.append(_Piece(begin, start, level, constant, float(last.integral(moment)[0])))
        self._begins.append(begin)
        return begin + (SETTLED * constant if level != start else 0.0)

    def level(self, times: Times) -> Times:
        """Output at each time."""
        return self._each(times, lambda piece, chosen: piece.level(chosen))

    def integral(self, times: Times) -> Times:
        return self._each(times, lambda piece, chosen: piece.integral(chosen))

    def _each(self, times: Times, ask: Callable[[_Piece, Times], Times]) -> Times:
        which = np.searchsorted(self._begins, times, side="right") - 1
        answer = np.empty(times.shape, np.float64)
        for number in np.unique(which):
            chosen = which == number
            answer[chosen] = ask(self._pieces[number], times[chosen])
        return answer


@dataclass(frozen=True, slots=True, eq=False)
class Pwm:
    """A light that is dimmed by switching: on for the first part of each period, as large as ``inner`` says.

    At 0 and 1 nothing ripples. A period gives as much light as inner does in it, also while inner changes.
    frequency: Hz.
    """

    inner: Commanded
    frequency: float

    def __post_init__(self) -> None:
        if self.frequency <= 0:
            raise ValueError("a pulse frequency is above 0")

    def integral(self, times: Times) -> Times:
        number = np.floor(times * self.frequency)
        begin, end = number / self.frequency, (number + 1) / self.frequency
        before = self.inner.integral(begin)
        lit = self.inner.integral(end) - before
        return before + np.minimum(times - begin, lit)


@dataclass(frozen=True, slots=True)
class Pulsed:
    """A light that is switched on and off for ever, with a mean of 1: on for the first part of each period.

    frequency: Hz. duty: the part of a period for which it is on, above 0 and at most 1. phase: periods.
    """

    frequency: float
    duty: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        if self.frequency <= 0 or not 0 < self.duty <= 1:
            raise ValueError("a pulsed light has a frequency above 0 and a duty above 0 and up to 1")

    def integral(self, times: Times) -> Times:
        periods = times * self.frequency + self.phase
        whole = np.floor(periods)
        return (whole + np.minimum((periods - whole) / self.duty, 1.0)) / self.frequency
