"""From surfaces and lamps to the light that each pixel of the camera is shown, row by row in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.simulation.optics import BANDS, Footprint, Lamp, Layer, Map, Pinhole, Placed, mean_output
from edge.simulation.sampling import sampled

# A lamp whose output differs less than this between the rows of a frame is taken as steady over the frame.
_STEADY = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What of a layer does not change while it stays where it is."""

    layer: Layer
    footprint: Footprint | None
    albedo: Map
    arriving: tuple[tuple[Map, Map], ...]


class Renderer:
    """Draws the layers of one moment as exitance (optics.py) that the camera's pixels see.

    A layer that is the same object as in the frame before is taken to stand still and is not traced anew. So one
    renderer serves one set of lamps, which stand still too; only their outputs change.
    """

    def __init__(self, camera: Pinhole, lamps: Sequence[Lamp]) -> None:
        self._camera = camera
        self._lamps = tuple(lamps)
        self._views: list[_View] = []

    def render(self, layers: Sequence[Layer], begins: NDArray[np.float64], duration: float) -> Map:
        """(height, width, 4) float32 mean exitance over each row's exposure.

        layers: farthest first. begins: (height,) seconds when each row begins to integrate. duration: seconds.
        """
        camera = self._camera
        outputs = [mean_output(lamp.output, begins, duration).astype(np.float32) for lamp in self._lamps]
        picture = np.zeros((camera.height, camera.width, BANDS), np.float32)
        known = {id(view.layer): view for view in self._views}
        self._views = []
        for layer in layers:
            view = known.get(id(layer))
            if view is None:
                view = self._look(layer)
            self._views.append(view)
            self._draw(view, outputs, picture)
        return picture

    def _look(self, layer: Layer) -> _View:
        footprint = layer.shape.footprint(layer.pose, self._camera)
        if footprint is None:
            return _View(layer, None, np.zeros((0, 0, BANDS), np.float32), ())
        albedo = _sampled(layer.material.albedo, footprint, layer)
        placed = Placed(layer)
        return _View(layer, footprint, albedo, tuple(lamp.arriving(placed) for lamp in self._lamps))

    def _draw(self, view: _View, outputs: Sequence[Map], picture: Map) -> None:
        footprint, layer = view.footprint, view.layer
        if footprint is None:
            return
        height, width = footprint.coverage.shape
        window = picture[footprint.top : footprint.top + height, footprint.left : footprint.left + width]
        rows = slice(footprint.top, footprint.top + height)
        steady_light = np.zeros((*layer.shape.points.shape[:2], BANDS), np.float32)
        steady_gloss = np.zeros_like(steady_light)
        exitance = np.zeros_like(view.albedo)
        glossy = layer.material.f0 > 0
        for lamp, output, (light, gloss) in zip(self._lamps, outputs, view.arriving, strict=True):
            seen = output[rows]
            if np.ptp(seen) <= _STEADY * seen.max():
                power = seen.mean() * lamp.spectrum
                steady_light += light[:, :, None] * power
                if glossy:
                    steady_gloss += gloss[:, :, None] * power
                continue
            arriving = _scattered(light[:, :, None] * lamp.spectrum, layer)
            answer = view.albedo * _on_grid(arriving, footprint)
            if glossy:
                answer += _on_grid(gloss[:, :, None] * lamp.spectrum, footprint)
            exitance += answer * seen[:, None, None]
        exitance += view.albedo * _on_grid(_scattered(steady_light, layer), footprint)
        if glossy:
            exitance += _on_grid(steady_gloss, footprint)
        if layer.material.emission is not None:
            exitance += _sampled(layer.material.emission, footprint, layer)
        window += (exitance - window) * footprint.coverage[:, :, None]


def _on_grid(values: Map, footprint: Footprint) -> Map:
    """Values (gh, gw, 4) of a shape's grid at each pixel of its footprint."""
    return sampled(values, footprint.x, footprint.y)


def _sampled(texture: Map, footprint: Footprint, layer: Layer) -> Map:
    """A texture (th, tw, 4), which spans the shape's grid from corner to corner, at each pixel."""
    rows, columns = layer.shape.points.shape[:2]
    x = footprint.x * np.float32((texture.shape[1] - 1) / (columns - 1))
    y = footprint.y * np.float32((texture.shape[0] - 1) / (rows - 1))
    return sampled(texture, x, y)


def _scattered(light: Map, layer: Layer) -> Map:
    """Light (gh, gw, 4) that arrives at a surface, blurred by its way below it."""
    if not any(layer.material.scatter):
        return light
    middle = layer.shape.points[tuple(length // 2 for length in layer.shape.points.shape[:2])]
    right = layer.shape.points[layer.shape.points.shape[0] // 2, layer.shape.points.shape[1] // 2 + 1]
    cell = float(np.linalg.norm(right - middle))
    blurred = np.empty_like(light)
    for band, length in enumerate(layer.material.scatter):
        blurred[:, :, band] = cv2.GaussianBlur(light[:, :, band], (0, 0), max(length / cell, 0.05))
    return blurred
