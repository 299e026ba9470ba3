"""Linear light out of a frame, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Frame, Tone

# The inverse of sRGB's curve (IEC 61966-2-1), for each value of eight bits.
_CODES = np.arange(256) / 255
_SRGB: Final = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
_CLIPPED: Final = 254


@dataclass(frozen=True, slots=True, eq=False)
class RowLevels:
    """levels: (rows,) float32 mean green light of each row, 0..1 of full scale. clipped: share of pixels at its end."""

    levels: NDArray[np.float32]
    clipped: float


def row_levels(frame: Frame, top: int, bottom: int, left: int, right: int) -> RowLevels | None:
    """Of a window, rows ``top`` up to ``bottom`` and columns ``left`` up to ``right``, which lies in the picture.

    None where the frame's curve is not known. Green, because it is the least noisy and untouched by white balance.
    """
    if frame.tone is not Tone.SRGB:
        return None
    green = frame.pixels[top:bottom, left:right, 1]
    return RowLevels(_SRGB[green].mean(axis=1), float((green >= _CLIPPED).mean()))
