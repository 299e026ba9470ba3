"""What libcamera says of a frame (src/libcamera/control_ids_core.yaml), in the words of ``Frame``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.frames.frame import Exposure


class Stamp(StrEnum):
    """The moment of the first row that a camera's SensorTimestamp stands for.

    libcamera's text names the moment when that row is exposed. On a Raspberry Pi the kernel takes it as the row
    arrives, and a row arrives when its exposure is over (raspberrypi/picamera2#821): that is ``READOUT``.
    """

    EXPOSURE = "exposure"
    READOUT = "readout"


@dataclass(frozen=True, slots=True)
class CaptureMetadata:
    """A frame's metadata.

    exposure: None where any key that it needs is missing; then there is no light challenge.
    colour_gains: of red and blue. lux: libcamera's estimate of the scene. Both None where they are missing.
    missing: the keys, as libcamera names them, that were absent or held no possible value.
    """

    exposure: Exposure | None
    colour_gains: tuple[float, float] | None
    lux: float | None
    missing: tuple[str, ...]


def read_metadata(metadata: Mapping[str, Any], *, line_time: float, stamp: Stamp) -> CaptureMetadata:
    """Read the metadata of one completed request; keys that are not known here are passed over.

    metadata: SensorTimestamp in ns (libcamera: CLOCK_BOOTTIME, which is the monotonic clock on a board that never
        sleeps), ExposureTime in us, AnalogueGain, DigitalGain, ColourGains (red, blue), Lux.
    line_time: seconds between the starts of two rows of the delivered picture. libcamera does not report it; it is
        the sensor mode's row length over its pixel rate, times the sensor's rows to a row of the picture.
    """
    numbers = {
        key: _positive(metadata.get(key)) for key in ("SensorTimestamp", "ExposureTime", "AnalogueGain", "DigitalGain")
    }
    gains, lux = _pair(metadata.get("ColourGains")), _not_negative(metadata.get("Lux"))
    told = {**numbers, "ColourGains": gains, "Lux": lux}
    missing = tuple(key for key, value in told.items() if value is None)
    return CaptureMetadata(_exposure(numbers, line_time, stamp), gains, lux, missing)


def _exposure(numbers: Mapping[str, float | None], line_time: float, stamp: Stamp) -> Exposure | None:
    known = [value for value in numbers.values() if value is not None]
    if len(known) < len(numbers):
        return None
    stamped, exposed, analogue, digital = known
    duration = exposed * 1e-6
    start = stamped * 1e-9 - (duration if stamp is Stamp.READOUT else 0.0)
    return Exposure(start, duration, line_time, analogue * digital)


def _positive(value: Any) -> float | None:
    number = _not_negative(value)
    return number if number else None


def _not_negative(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _pair(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, tuple | list) or len(value) != 2:
        return None
    red, blue = (_positive(each) for each in value)
    return None if red is None or blue is None else (red, blue)
