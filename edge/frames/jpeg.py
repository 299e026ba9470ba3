"""Pixels to JPEG, in memory."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import ColourOrder

_QUALITIES: Final = (92, 85, 75, 60, 45)


def encode_jpeg(pixels: NDArray[np.uint8], colour: ColourOrder, most: int) -> bytes | None:
    """Of (height, width, 3), at the best quality that takes no more than ``most`` bytes; None: at none.

    No metadata but JFIF's own. Every picture that is made on the way is overwritten.
    """
    image = pixels if colour is ColourOrder.BGR else np.ascontiguousarray(pixels[:, :, ::-1])
    try:
        for quality in _QUALITIES:
            _, encoded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
            content = encoded.tobytes() if len(encoded) <= most else None
            encoded.fill(0)
            if content is not None:
                return content
    finally:
        if image is not pixels:
            image.fill(0)
    return None
