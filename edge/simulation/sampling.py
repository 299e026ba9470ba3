"""Bilinear reading of a map at fractional places."""

from __future__ import annotations

import cv2
import numpy as np

from edge.simulation.optics import Map


def sampled(values: Map, x: Map, y: Map, *, outside: float | None = None) -> Map:
    """values (h, w) or (h, w, channels) float32 at columns ``x`` and rows ``y`` (any one shape, under 32768 columns).

    outside: what lies beyond the edges; None: the edges are held.
    """
    if not x.size:
        return np.zeros((*x.shape, *values.shape[2:]), np.float32)
    # With the two maps given apart, remap of OpenCV 5.0.0 now and then writes a pixel that it never computed.
    places = cv2.merge([x, y])
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    read = cv2.remap(  # type: ignore[call-overload]
        values, places, None, cv2.INTER_LINEAR, borderMode=border, borderValue=(outside or 0.0,)
    )
    return np.asarray(read, np.float32)
