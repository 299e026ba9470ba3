"""Where the display is whose light falls on a face."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DisplayGeometry:
    """The lit area of a display that looks where the camera looks, metres.

    right, down: of its middle from the camera, as the camera sees. luminance: of its white at full, cd/m2; None where
    it is not known.
    """

    width: float
    height: float
    right: float
    down: float
    luminance: float | None = None
