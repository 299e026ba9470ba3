"""A living person before the camera: breathes, sways, blinks, and turns the head when asked.

All movement is a function of time and of what was told when, so that time may go back.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.contracts.enums import Prompt
from edge.simulation.face_texture import Skin
from edge.simulation.head import Head, KeyPoint
from edge.simulation.optics import BANDS, Layer, Material, Pose, turn
from edge.simulation.relief import Relief, column_angles
from edge.simulation.turns import Turns, minimum_jerk
from edge.simulation.waves import Waves

# Intervals between blinks at rest are distributed lognormally about 17 a minute (Bentivoglio et al., Mov Disord
# 12:1028, 1997); 8 to 21 a minute while looking ahead (Doughty, Optom Vis Sci 78:712, 2001).
BLINK_MEDIAN: Final = 3.3
BLINK_SPREAD: Final = 0.45
_LIDS_FALL: Final = 0.06
_LIDS_RISE: Final = 0.12
_LIDS_CLOSED: Final = (0.10, 0.15)

# Standard deviations of standing still: metres right, down and away, and degrees of yaw, pitch and roll. Estimates:
# centimetres of sway in minutes, some millimetres in seconds.
_SWAY: Final = (0.003, 0.0008, 0.004)
_JITTER: Final = (0.5, 0.4, 0.25)
_SWAY_HERTZ: Final = (0.08, 0.6)
_JITTER_HERTZ: Final = (0.15, 2.0)
_BREATHS_HERTZ: Final = (0.2, 0.3)
# Of a breath, metres: shoulders rise, head rises, chest comes forward.
_SHOULDERS_RISE: Final = 0.003
_HEAD_RISES: Final = 0.001
_CHEST_FORWARD: Final = 0.003

# Seconds to step before the camera or away, and from how far to its side, metres.
_STEP_SECONDS: Final = 1.0
_STEP_ASIDE: Final = 0.9
# The head turns about a joint that lies so far below the pupils and behind the axis, metres.
_JOINT: Final = (0.0, 0.035, 0.010)
# Shoulders that have moved less are drawn as if they had not, metres.
_SHOULDER_STEP: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when somebody stands before the camera.

    distance: from the camera to the face, metres. right, down: of the face from the optical axis, metres.
    arrives, leaves: seconds when the person has arrived, and sets off; a second before and after there is nobody.
    """

    distance: float = 0.5
    right: float = 0.0
    down: float = 0.0
    arrives: float = -math.inf
    leaves: float = math.inf

    def __post_init__(self) -> None:
        if not 0.15 <= self.distance <= 5.0:
            raise ValueError(f"a person stands 0.15 to 5 m from the camera, not {self.distance} m")
        if not self.arrives <= self.leaves:
            raise ValueError("a person arrives before leaving")


class Person:
    """Implements ``edge.simulation.optics.Subject``: shoulders, then head.

    skin: of the head. rng: draws the person's ways, and is not used after that. Clothes are drawn from it too.
    """

    def __init__(self, head: Head, skin: Skin, rng: np.random.Generator, place: Place | None = None) -> None:
        self._head = head
        self._skin = skin
        self._place = place or Place()
        self._sway = Waves(rng, _SWAY, _SWAY_HERTZ)
        self._jitter = Waves(rng, _JITTER, _JITTER_HERTZ)
        self._breaths = float(rng.uniform(*_BREATHS_HERTZ)), float(rng.uniform())
        self._blinks = _Blinks(rng)
        self._turns = Turns(rng)
        self._side = float(rng.choice((-1.0, 1.0)))
        self._shoulders, self._clothes = shoulders(head), cloth(rng)
        self._last: Layer | None = None
        place = self._place
        # At rest it looks into the lens.
        self._yaw = -math.degrees(math.atan2(place.right, place.distance))
        self._pitch = math.degrees(math.atan2(place.down, math.hypot(place.right, place.distance)))

    def told(self, prompt: Prompt | None, now: float) -> None:
        """A turn is answered after the reaction time and held; anything else brings the face back to the camera."""
        self._turns.told(prompt, now)

    def layers(self, now: float) -> Sequence[Layer]:
        """Shoulders and head; nothing while nobody is there."""
        aside = self._aside(now)
        if aside is None:
            return ()
        place = self._place
        breath = 0.5 - 0.5 * math.cos(2 * math.pi * (self._breaths[0] * now + self._breaths[1]))
        stand = np.array([place.right + aside, place.down, place.distance]) + self._sway.at(now)
        asked = self._turns.at(now)
        jitter = self._jitter.at(now)
        rest = turn(self._yaw, self._pitch)
        turned = turn(self._yaw + asked[0] + jitter[0], self._pitch + asked[1] + jitter[1], jitter[2])
        joint = stand + rest @ (np.array(_JOINT) - self._head.face)
        head = Layer(
            self._head.relief,
            Pose(turned, joint - turned @ np.array(_JOINT) - [0.0, _HEAD_RISES * breath, 0.0]),
            self._skin.at(self._blinks.at(now)),
        )
        level = turn(self._yaw)
        body = joint - level @ np.array(_JOINT) - [0.0, _SHOULDERS_RISE * breath, _CHEST_FORWARD * breath]
        return (self._body(Pose(level, np.round(body / _SHOULDER_STEP) * _SHOULDER_STEP)), head)

    def _body(self, pose: Pose) -> Layer:
        if self._last is None or not np.array_equal(self._last.pose.position, pose.position):
            self._last = Layer(self._shoulders, pose, self._clothes)
        return self._last

    def _aside(self, now: float) -> float | None:
        """How far beside its place it is, metres; None while it is not there."""
        place = self._place
        if now <= place.arrives - _STEP_SECONDS or now >= place.leaves + _STEP_SECONDS:
            return None
        coming = minimum_jerk((now - place.arrives) / _STEP_SECONDS + 1) if now < place.arrives else 1.0
        going = minimum_jerk((now - place.leaves) / _STEP_SECONDS) if now > place.leaves else 0.0
        return self._side * _STEP_ASIDE * (1 - coming + going)


def shoulders(head: Head) -> Relief:
    """Neck's foot, shoulders and chest under a head, in the head's local coordinates."""
    top = float(head.points[KeyPoint.MENTON][1]) + 0.035
    rows, columns = 56, 64
    y = np.linspace(0.0, 0.40, rows)[:, None]
    slope = np.clip(y / 0.10, 0.0, 1.0)
    half = 0.058 + 0.150 * slope**1.6
    depth = 0.060 + 0.045 * slope
    angle = column_angles(columns)[None, :]
    radius = (np.abs(np.sin(angle) / half) ** 2.5 + np.abs(np.cos(angle) / depth) ** 2.5) ** (-1 / 2.5)
    return Relief(radius, top, top + 0.40)


def cloth(rng: np.random.Generator) -> Material:
    """Cotton of a random colour. Dyes let infrared pass, so all of it is about as bright there (an estimate)."""
    colour = np.exp(rng.uniform(math.log(0.04), math.log(0.6))) * rng.uniform(0.7, 1.3, BANDS)
    colour[-1] = rng.uniform(0.4, 0.6)
    albedo = np.broadcast_to(np.clip(colour, 0.02, 0.8).astype(np.float32), (2, 2, BANDS)).copy()
    return Material(albedo)


class _Blinks:
    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng.spawn(1)[0]
        self._begins = [-float(self._rng.uniform(0, BLINK_MEDIAN))]
        self._durations = [self._duration()]

    def at(self, now: float) -> float:
        """How far the lids are closed, 0..1."""
        while self._begins[-1] <= now:
            interval = BLINK_MEDIAN * math.exp(BLINK_SPREAD * self._rng.standard_normal())
            self._begins.append(self._begins[-1] + max(interval, 0.5))
            self._durations.append(self._duration())
        last = bisect_right(self._begins, now) - 1
        if last < 0:
            return 0.0
        since, closed = now - self._begins[last], self._durations[last]
        return minimum_jerk(since / _LIDS_FALL) - minimum_jerk((since - _LIDS_FALL - closed) / _LIDS_RISE)

    def _duration(self) -> float:
        return float(self._rng.uniform(*_LIDS_CLOSED))
