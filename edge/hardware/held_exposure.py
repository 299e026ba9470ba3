"""How long, and at what gain, a camera is exposed that is to hold its exposure; see ``Camera.lock``."""

from __future__ import annotations

from typing import Final

# Of one ripple: quotients of seconds are not whole.
_ROUNDING: Final = 1e-9


def held_exposure(
    duration: float,
    gain: float,
    *,
    longest: float,
    gains: tuple[float, float],
    flicker_period: float | None,
    longer: float = 1.0,
) -> tuple[float, float]:
    """Exposure time, seconds, and gain to hold, of what automatic exposure found.

    duration, gain: what it found. longest: seconds that a row may be exposed at the camera's frame rate.
    gains: least and largest that the camera can give. flicker_period, longer: as ``Camera.lock`` takes them.
    """
    wanted = min(duration * longer, longest)
    product = max(duration, wanted) * gain
    if flicker_period is not None and flicker_period <= longest:
        periods = int(wanted / flicker_period + _ROUNDING)
        if periods or duration >= flicker_period / 2:
            wanted = flicker_period * max(1, periods)
    least, most = gains
    return wanted, min(most, max(least, product / wanted))
