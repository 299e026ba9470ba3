"""Where a lamp of the terminal's own is whose light falls on a face."""

from __future__ import annotations

from dataclasses import dataclass

from edge.frames.display import DisplayGeometry


@dataclass(frozen=True, slots=True)
class PointGeometry:
    """A lamp that is small beside its distance, such as a light-emitting diode, and looks where the camera looks.

    right, down: metres from the camera, as the camera sees.
    """

    right: float
    down: float


LightGeometry = DisplayGeometry | PointGeometry
