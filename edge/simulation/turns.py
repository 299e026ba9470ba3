"""Turning when the terminal asks: of a head, or of what a hand holds before the camera.

A prompt is answered after a reaction time, by one smooth movement, and what it asked for is held until the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.contracts.enums import Prompt
from edge.simulation.optics import Vector

# From reading a prompt to moving, seconds; an estimate: longer than the 0.2 to 0.3 s of a gaze that jumps to a light,
# since the prompt must be read and a direction chosen.
REACTION_MEDIAN: Final = 0.6
REACTION_SPREAD: Final = 0.25
MOVEMENT_SECONDS: Final = (0.5, 0.75)
YAW_DEGREES: Final = (14.0, 25.0)
PITCH_DEGREES: Final = (12.0, 18.0)
# Of each angle, in a diagonal turn.
_DIAGONAL: Final = 0.8

_DIRECTIONS: Final = {
    Prompt.TURN_LEFT: (1.0, 0.0),
    Prompt.TURN_RIGHT: (-1.0, 0.0),
    Prompt.TURN_UP: (0.0, 1.0),
    Prompt.TURN_DOWN: (0.0, -1.0),
    Prompt.TURN_UP_LEFT: (_DIAGONAL, _DIAGONAL),
    Prompt.TURN_UP_RIGHT: (-_DIAGONAL, _DIAGONAL),
    Prompt.TURN_DOWN_LEFT: (_DIAGONAL, -_DIAGONAL),
    Prompt.TURN_DOWN_RIGHT: (-_DIAGONAL, -_DIAGONAL),
}


def minimum_jerk(share: float) -> float:
    """Share of a movement done after a share of its time (Flash and Hogan, J Neurosci 5:1688, 1985)."""
    t = min(max(share, 0.0), 1.0)
    return t * t * t * (10 - 15 * t + 6 * t * t)


@dataclass(frozen=True, slots=True)
class _Movement:
    told: float
    begin: float
    duration: float
    start: Vector
    end: Vector

    def at(self, now: float) -> Vector:
        return self.start + (self.end - self.start) * minimum_jerk((now - self.begin) / self.duration)


class Turns:
    """Yaw and pitch, degrees, by what was asked.

    rng: draws reaction times, durations and angles, and is not used after that. degrees: of each turn; None: drawn as
    people turn their heads.
    """

    def __init__(self, rng: np.random.Generator, degrees: float | None = None) -> None:
        self._seed = int(rng.integers(2**63))
        self._degrees = degrees
        self._movements: list[_Movement] = []
        self._prompts: list[tuple[float, Prompt | None]] = []

    def told(self, prompt: Prompt | None, now: float) -> None:
        # Told anew from an earlier time, what was told after it has not been.
        self._prompts = [entry for entry in self._prompts if entry[0] <= now]
        self._movements = [movement for movement in self._movements if movement.told <= now]
        if self._prompts and self._prompts[-1][1] is prompt:
            return
        rng = np.random.default_rng([self._seed, len(self._prompts)])
        self._prompts.append((now, prompt))
        reaction = REACTION_MEDIAN * math.exp(REACTION_SPREAD * rng.standard_normal())
        duration = float(rng.uniform(*MOVEMENT_SECONDS))
        reach = np.array([rng.uniform(*YAW_DEGREES), rng.uniform(*PITCH_DEGREES)])
        if self._degrees is not None:
            reach = np.full(2, self._degrees)
        begin = now + reaction
        start = self.at(begin)
        target = np.array(_DIRECTIONS.get(prompt, (0.0, 0.0)) if prompt else (0.0, 0.0)) * reach
        if np.array_equal(start, target):
            return
        self._movements.append(_Movement(now, begin, duration, start, target))

    def at(self, now: float) -> Vector:
        # The last told that has begun counts, though one told before it may begin later.
        for movement in reversed(self._movements):
            if movement.begin <= now:
                return movement.at(now)
        return np.zeros(2)
