"""From the planes of a YUV 4:2:0 picture, or from packed YUV 4:2:2, to BGR."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray


class PlaneLayout(StrEnum):
    """How the planes lie in memory, as libcamera names formats."""

    NV12 = "NV12"
    NV21 = "NV21"
    YUV420 = "YUV420"
    YVU420 = "YVU420"


class PackedLayout(StrEnum):
    """Order of the bytes of two pixels that share their colour."""

    YUYV = "YUYV"
    UYVY = "UYVY"


class Encoding(StrEnum):
    """What brightness is made of, as libcamera names it."""

    REC601 = "Rec601"
    REC709 = "Rec709"
    REC2020 = "Rec2020"


# Weights of red and blue in brightness (ITU-R BT.601-7 2.5.1, BT.709-6 item 3.2, BT.2020-2 table 4).
_WEIGHTS: Final = {
    Encoding.REC601: (0.299, 0.114),
    Encoding.REC709: (0.2126, 0.0722),
    Encoding.REC2020: (0.2627, 0.0593),
}
# Values of black, and of the spans of brightness and colour, where 8 bits are not used in full (BT.601-7 2.5.3).
_BLACK: Final = 16
_BRIGHTNESS_SPAN: Final = 219
_COLOUR_SPAN: Final = 224
_NO_COLOUR: Final = 128


@dataclass(frozen=True, slots=True)
class YuvFormat:
    """encoding: of brightness. full: whether 8 bits are used from 0 to 255."""

    layout: PlaneLayout | PackedLayout
    encoding: Encoding = Encoding.REC601
    full: bool = False

    def to_bgr(self, planes: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 BGR.

        planes: (height * 3 / 2, stride) uint8, all planes below each other, rows as long as the memory has them or cut
        to ``width``; width and height are even. Packed: (height, stride), of 2 * width bytes or more a row, and only
        width is even. Raises ValueError where that is not so.
        """
        if isinstance(self.layout, PackedLayout):
            if width % 2 or planes.ndim != 2 or len(planes) != height or planes.shape[1] < 2 * width:
                raise ValueError(f"rows of {planes.shape} are not of a packed picture of {width} x {height}")
            luma = 0 if self.layout is PackedLayout.YUYV else 1
            colours = [planes[:, first : 2 * width : 4] for first in (1 - luma, 3 - luma)]
            return self._merged(planes[:, luma : 2 * width : 2], *colours)
        if width % 2 or height % 2 or planes.ndim != 2 or len(planes) != height * 3 // 2 or planes.shape[1] < width:
            raise ValueError(f"planes of {planes.shape} are not of a picture of {width} x {height} with even sides")
        first, second = _colour_planes(planes, width, height, interleaved=self.layout in _INTERLEAVED)
        if self.layout in (PlaneLayout.NV21, PlaneLayout.YVU420):
            first, second = second, first
        return self._merged(planes[:height, :width], first, second)

    def _merged(
        self, luma: NDArray[np.uint8], first: NDArray[np.uint8], second: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Brightness (height, width), and colours of less rows or columns."""
        height, width = luma.shape
        whole = [
            cv2.resize(np.ascontiguousarray(plane), (width, height), interpolation=cv2.INTER_LINEAR)
            for plane in (first, second)
        ]
        yuv = cv2.merge([np.ascontiguousarray(luma), *whole])
        return np.asarray(cv2.transform(yuv, self._matrix()), np.uint8)

    def _matrix(self) -> NDArray[np.float64]:
        """(3, 4): what blue, green and red are made of Y, U, V and 1."""
        red, blue = _WEIGHTS[self.encoding]
        green = 1 - red - blue
        linear = np.array(
            [
                [1, 2 * (1 - blue), 0],
                [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
                [1, 0, 2 * (1 - red)],
            ]
        )
        black = 0 if self.full else _BLACK
        if not self.full:
            linear *= np.array([255 / _BRIGHTNESS_SPAN, 255 / _COLOUR_SPAN, 255 / _COLOUR_SPAN])
        return np.column_stack([linear, -linear @ np.array([black, _NO_COLOUR, _NO_COLOUR])])


_INTERLEAVED: Final = (PlaneLayout.NV12, PlaneLayout.NV21)


def _colour_planes(
    planes: NDArray[np.uint8], width: int, height: int, *, interleaved: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both (height / 2, width / 2), as they lie in memory."""
    if interleaved:
        pairs = planes[height:, :width]
        return np.ascontiguousarray(pairs[:, 0::2]), np.ascontiguousarray(pairs[:, 1::2])
    # Their rows are half as long as those of brightness, padding included: two to a row of ``planes``.
    rows = np.ascontiguousarray(planes[height:]).reshape(height, -1)[:, : width // 2]
    return rows[: height // 2], rows[height // 2 :]
