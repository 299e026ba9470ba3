"""Automatic exposure and white balance of the simulated camera, with the lag that such loops have."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.hardware.held_exposure import held_exposure
from edge.simulation.sensor import WHITE_GAINS

# Linear level, of full scale, that the green pixels are brought to on average.
_TARGET: Final = 0.16
# Share of what lacks that one frame makes good, and of white balance.
_SPEED: Final = 0.5
_BALANCE_SPEED: Final = 0.1
# How far, in powers, the picture is taken to be grey on average: a face in its middle is not. For the rest the light is
# taken to be white, which is where white balance begins. Of a camera that sees infrared nothing is known of the light's
# colour, and the world is taken to be grey: libcamera's tuning of such cameras says so ("bayes": 0 of rpi.awb in
# src/ipa/rpi/vc4/data/imx708_noir.json).
_BALANCE_TRUST: Final = 0.3
_SHORTEST: Final = 30e-6
_MOST_GAIN: Final = 16.0
# What lacks or exceeds by so little counts as found.
_CLOSE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Setting:
    """duration: seconds. gain: analogue. colour_gains: of red and blue."""

    duration: float
    gain: float
    colour_gains: tuple[float, float] = WHITE_GAINS


class ExposureControl:
    """Decides after each frame how the next but some is exposed.

    longest: seconds that a row may integrate. latency: frames from a decision to the first frame that has it.
    flicker_period: seconds; exposures of at least one period are whole numbers of it. None: not minded.
    grey_world: white balance makes the picture grey on average, as of cameras that see infrared.
    """

    def __init__(
        self, longest: float, *, latency: int = 3, flicker_period: float | None = None, grey_world: bool = False
    ) -> None:
        self._longest = longest
        self._trust = 1.0 if grey_world else _BALANCE_TRUST
        self._flicker_period = flicker_period
        self._wanted = Setting(*_divided(longest / 2, longest, flicker_period))
        self._coming = deque([self._wanted] * latency)
        self._automatic = self._wanted
        self._locked = False
        self._close = False

    def next(self) -> Setting:
        """How the next frame is exposed; once for each frame."""
        self._coming.append(self._wanted)
        return self._coming.popleft()

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        """Hold what was found, as whole flicker periods if it is long enough; see ``Camera.lock``."""
        found = self._automatic
        duration, gain = held_exposure(
            found.duration,
            found.gain,
            longest=self._longest,
            gains=(1.0, _MOST_GAIN),
            flicker_period=flicker_period,
            longer=longer,
        )
        self._wanted = Setting(duration, gain, found.colour_gains)
        self._locked = True

    def unlock(self) -> None:
        self._wanted = self._automatic
        self._locked = False

    def seen(self, mosaic: NDArray[np.uint16], black: int, white: int, used: Setting) -> None:
        """Learn from a frame. mosaic: (height, width) raw, BGGR. used: how it was exposed."""
        # Only the middle counts, as faces are there: an eighth of its pixels tells enough.
        rows, columns = (length // 8 * 2 for length in mosaic.shape)
        small = (mosaic[rows:-rows, columns:-columns].astype(np.float32) - black) / (white - black)
        blue, green, red = (float(small[row::8, column::8].mean()) for row, column in ((0, 0), (0, 1), (1, 1)))
        level = max(green, 1e-4)
        self._close = abs(level / _TARGET - 1) < _CLOSE
        if self._locked:
            return
        product = used.duration * used.gain * _TARGET / level
        now = self._wanted.duration * self._wanted.gain
        product = now * (product / now) ** _SPEED
        red_gain, blue_gain = (
            _balanced(old, of_white, green / max(other, 1e-4), self._trust)
            for old, of_white, other in zip(self._wanted.colour_gains, WHITE_GAINS, (red, blue), strict=True)
        )
        self._wanted = Setting(*_divided(product, self._longest, self._flicker_period), (red_gain, blue_gain))
        self._automatic = self._wanted

    def metadata(self, used: Setting) -> Mapping[str, Any]:
        """What libcamera says of a frame that was exposed so; names and units are its own."""
        return {
            "ExposureTime": round(used.duration * 1e6),
            "AnalogueGain": used.gain,
            "DigitalGain": 1.0,
            "ColourGains": used.colour_gains,
            "AeState": 2 if self._close or self._locked else 1,
        }


def _balanced(old: float, of_white: float, of_grey: float, trust: float) -> float:
    """The next gain of red or blue, of its gain in white light and the one that would make the picture grey, which is
    trusted so far.
    """
    cast = min(4.0, max(0.25, of_grey / of_white))
    wanted = of_white * cast**trust
    return old * float((wanted / old) ** _BALANCE_SPEED)


def _divided(product: float, longest: float, period: float | None) -> tuple[float, float]:
    """Exposure and gain whose product is wanted: as long as may be, the rest by gain."""
    duration = min(max(product, _SHORTEST), longest)
    if period is not None and duration >= period:
        duration = period * int(duration / period + 1e-9)
    return duration, min(max(product / duration, 1.0), _MOST_GAIN)
