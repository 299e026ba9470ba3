"""Bilinear reading of a map at fractional places."""

from __future__ import annotations

import cv2
import numpy as np

from edge.simulation.optics import Map


def sampled(values: Map, x: Map, y: Map) -> Map:
    """values (h, w) or (h, w, channels) float32 at columns ``x`` and rows ``y`` (any one shape), edges held."""
    # With the two maps given apart, remap of OpenCV 5.0.0 now and then writes a pixel that it never computed.
    places = cv2.merge([x, y])
    read = cv2.remap(values, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(read, np.float32)
