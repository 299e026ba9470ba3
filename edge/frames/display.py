"""Where the display is whose light falls on a face."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DisplayGeometry:
    """The lit area of a display that looks where the camera looks, metres.

    right, down: of its middle from the camera, as the camera sees.
    """

    width: float
    height: float
    right: float
    down: float
