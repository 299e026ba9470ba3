"""What is kept of frames that are looked at: when they came, how they were exposed, and how bright their rows were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import ColourOrder, Exposure, Frame
from edge.frames.linear import to_linear

Levels = NDArray[np.float64]

# Parts of a picture's width, and the columns that are looked at all in all: more tell no more of an even light.
COLUMNS: Final = 16
_SAMPLED: Final = 320
_CLIPPED: Final = 254


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One frame, without its picture.

    arrived_at: seconds on the session's clock when it was read; the rest as in ``Frame``. raw: it carries raw values.
    rows: (height,) mean green light of each row. columns: (COLUMNS,) the same of each part of the width. Both 0..1 of
    full scale, in proportion with light where the frame has raw values or a known curve, else nearly.
    clipped: share of the pixels at the end of the scale.
    """

    sequence: int
    captured_at: float
    arrived_at: float
    exposure: Exposure | None
    lux: float | None
    raw: bool
    rows: Levels = field(repr=False)
    columns: Levels = field(repr=False)
    clipped: float = 0.0

    @property
    def level(self) -> float:
        """Mean of the picture, 0..1 of full scale."""
        return float(self.rows.mean())

    @property
    def scale(self) -> float:
        """By which levels of frames that were exposed differently can be compared; 1 where nothing is known of it."""
        exposure = self.exposure
        return 1.0 if exposure is None else 1.0 / max(exposure.duration * exposure.gain, 1e-9)


def seen(frame: Frame, arrived_at: float) -> Seen:
    """What is kept of it. A curve that nobody knows is taken for sRGB's: that light changes shows by it too."""
    green, clipped = _of_mosaic(frame) if frame.raw is not None else _of_picture(frame)
    parts = np.array_split(green.mean(axis=0), COLUMNS)
    return Seen(
        sequence=frame.sequence,
        captured_at=frame.captured_at,
        arrived_at=arrived_at,
        exposure=frame.exposure,
        lux=frame.lux,
        raw=frame.raw is not None,
        rows=green.mean(axis=1, dtype=np.float64),
        columns=np.array([part.mean() for part in parts], np.float64),
        clipped=clipped,
    )


def _of_picture(frame: Frame) -> tuple[NDArray[Any], float]:
    step = max(1, frame.width // _SAMPLED)
    green = frame.in_order(ColourOrder.BGR)[:, ::step, 1]
    return to_linear(green), float((green >= _CLIPPED).mean())


def _of_mosaic(frame: Frame) -> tuple[NDArray[Any], float]:
    """Of the green pixels, which stand in turns on even and odd columns."""
    raw = frame.raw
    assert raw is not None  # noqa: S101 - for the type checker
    height, width = raw.values.shape
    step = 2 * max(1, width // (2 * _SAMPLED))
    first = raw.order.first_green
    count = min(len(range(first, width, step)), len(range(1 - first, width, step)))
    green = np.empty((height, count), np.float32)
    for row, column in ((0, first), (1, 1 - first)):
        green[row::2] = raw.values[row::2, column::step][:, :count]
    clipped = float((green >= raw.white).mean())
    green -= np.float32(raw.black)
    green /= np.float32(raw.white - raw.black)
    return green, clipped
