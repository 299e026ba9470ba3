"""Whether a picture is sharp: how wide its clearest edges are. Pure."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.doctor import Check
from edge.terminal.doctor.checking import ok, skipped, warn

# Edges of so many grey levels are clear, and so many of them are needed.
_CLEAR: Final = 24.0
_ENOUGH: Final = 40
# Pixels to either side of an edge over which its height is taken.
_REACH: Final = 10
# Of the clearest edges the sharper part counts: soft ones are shadows.
_SHARPER: Final = 0.25
# Pixels of standard deviation; of a picture of this width. A face is then still told from another by networks, which
# see it about 40 pixels wide, of 150 or more.
_BLURRED: Final = 3.0
_WIDTH: Final = 640
_FOCUS: Final = "wipe the lens and take the foil off; turn a lens that can be turned until it is sharp at half a metre"


def focus(picture: NDArray[np.uint8]) -> Check:
    """picture: (height, width) uint8 grey, the mean of some frames, so that noise makes no edges."""
    name = "camera.focus"
    found = edge_width(picture)
    if found is None:
        return skipped(name, "nothing with clear edges is before the camera: show it a printed page at half a metre")
    blurred = found / picture.shape[1] * _WIDTH
    told = f"the sharpest edges are blurred by {found:.1f} pixels (standard deviation)"
    return warn(name, told, _FOCUS) if blurred > _BLURRED else ok(name, told)


def edge_width(picture: NDArray[np.uint8]) -> float | None:
    """Standard deviation of the blur of its sharper edges, pixels; None where it has too few clear ones.

    A step of height h that is blurred by a normal distribution has a slope of h / (deviation * sqrt(2 pi)) in its
    middle. Of each row and column the steepest slopes are taken, and the height of what rises around them.
    """
    grey = picture.astype(np.float32)
    found = np.concatenate([_widths(grey), _widths(np.ascontiguousarray(grey.T))])
    if len(found) < _ENOUGH:
        return None
    return float(np.quantile(found, _SHARPER))


def _widths(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    slope = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1, scale=0.5))
    if grey.shape[1] <= 4 * _REACH:
        return np.zeros(0, np.float32)
    slope[:, : 2 * _REACH] = slope[:, -2 * _REACH :] = 0
    rows = np.arange(len(grey))
    at = slope.argmax(axis=1)
    steepest = slope[rows, at]
    around = grey[rows[:, None], at[:, None] + np.arange(-_REACH, _REACH + 1)]
    height = around.max(axis=1) - around.min(axis=1)
    clear = (height >= _CLEAR) & (steepest > 0)
    return np.asarray(height[clear] / (steepest[clear] * np.sqrt(2 * np.pi)), np.float32)
