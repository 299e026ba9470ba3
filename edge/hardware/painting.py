"""A page's shapes as pixels."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.guidance.page import Page
from edge.guidance.shapes import Ellipse, Field, Line, Point, Polygon

# OpenCV takes places in parts of a pixel.
_BITS = 4


def paint(page: Page, pixels: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB of (width, height) pixels; the words are not in it."""
    canvas = np.empty((pixels[1], pixels[0], 3), np.uint8)
    # Row by row: pixel by pixel takes ten times as long.
    canvas[0] = page.ground.rgb
    canvas[1:] = canvas[0]
    unit = float(min(pixels))
    for shape in page.shapes:
        match shape:
            case Ellipse():
                _ellipse(canvas, shape, unit)
            case Line(points, colour, stroke):
                cv2.polylines(
                    canvas, [_places(points, unit)], False, colour.rgb, _thick(stroke, unit), cv2.LINE_AA, _BITS
                )
            case Polygon(points, colour):
                cv2.fillPoly(canvas, [_places(points, unit)], colour.rgb, cv2.LINE_AA, _BITS)
            case Field(box, colour):
                rows = slice(round(box.top * unit), round((box.top + box.height) * unit))
                columns = slice(round(box.left * unit), round((box.left + box.width) * unit))
                canvas[rows, columns] = colour.rgb
    return canvas


def _ellipse(canvas: NDArray[np.uint8], shape: Ellipse, unit: float) -> None:
    ((x, y),) = _places([shape.centre], unit)
    axes = round(shape.half_width * unit * 2**_BITS), round(shape.half_height * unit * 2**_BITS)
    thick = cv2.FILLED if shape.stroke is None else _thick(shape.stroke, unit)
    ends = shape.start, shape.end
    cv2.ellipse(canvas, (int(x), int(y)), axes, 0.0, *ends, shape.colour.rgb, thick, cv2.LINE_AA, _BITS)


def _places(points: Iterable[Point], unit: float) -> NDArray[np.int32]:
    # A pixel's place is its middle for OpenCV, and the corner of the page for a shape.
    return np.asarray([[round((part * unit - 0.5) * 2**_BITS) for part in point] for point in points], np.int32)


def _thick(stroke: float, unit: float) -> int:
    return max(1, round(stroke * unit))
