"""From surfaces and lamps to the light that each pixel of the camera is shown, row by row in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.simulation.lighting import Lighting, Lit, stretched
from edge.simulation.optics import BANDS, Footprint, Lamp, Layer, Map, Pinhole, mean_output
from edge.simulation.sampling import sampled

# A lamp whose output differs less than this between the rows of a frame is taken as steady over the frame.
_STEADY = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What of a layer does not change while it stays where it is. albedo: (h, w, 4) at the pixels."""

    layer: Layer
    footprint: Footprint | None
    albedo: Map
    fills: bool


class Renderer:
    """Draws the layers of one moment as exitance (optics.py) that the camera's pixels see.

    A layer that is the same object as in the frame before is taken to stand still and is not traced anew. So one
    renderer serves one set of lamps, which stand still too; only their outputs change.
    """

    def __init__(self, camera: Pinhole, lamps: Sequence[Lamp]) -> None:
        self._camera = camera
        self._lamps = tuple(lamps)
        self._lighting = Lighting(lamps)
        self._views: list[_View] = []

    def render(self, layers: Sequence[Layer], begins: NDArray[np.float64], duration: float) -> Map:
        """(height, width, 4) float32 mean exitance over each row's exposure.

        layers: farthest first. begins: (height,) seconds when each row begins to integrate. duration: seconds.
        """
        camera = self._camera
        outputs = [mean_output(lamp.output, begins, duration).astype(np.float32) for lamp in self._lamps]
        picture = np.zeros((camera.height, camera.width, BANDS), np.float32)
        known = {id(view.layer): view for view in self._views}
        self._views = [known.get(id(layer)) or self._look(layer) for layer in layers]
        backdrop = layers[0] if self._views and self._views[0].fills else None
        for view, lit in zip(self._views, self._lighting.of(layers, backdrop), strict=True):
            pulse = view.layer.material.pulse
            own = None if pulse is None else mean_output(pulse, begins, duration).astype(np.float32)
            self._draw(view, lit, outputs, own, picture)
        return picture

    def _look(self, layer: Layer) -> _View:
        footprint = layer.shape.footprint(layer.pose, self._camera)
        if footprint is None:
            return _View(layer, None, np.zeros((0, 0, BANDS), np.float32), fills=False)
        albedo = _on_layer(layer.material.albedo, footprint, layer)
        whole = footprint.coverage.shape == (self._camera.height, self._camera.width)
        return _View(layer, footprint, albedo, fills=whole and bool(footprint.coverage.min() >= 1))

    def _draw(self, view: _View, lit: Lit, outputs: Sequence[Map], own: Map | None, picture: Map) -> None:
        """own: (height,) what each row sees of the layer's own light, None where that is steady."""
        footprint, layer = view.footprint, view.layer
        if footprint is None:
            return
        height, width = footprint.coverage.shape
        window = picture[footprint.top : footprint.top + height, footprint.left : footprint.left + width]
        rows = slice(footprint.top, footprint.top + height)
        grid = lit.lights[0][0].shape if lit.lights else layer.shape.points.shape[:2]
        steady_light = np.zeros((*grid, BANDS), np.float32)
        steady_gloss = np.zeros_like(steady_light)
        steady_returned = None if lit.glow is None else lit.glow.copy()
        changing: Map | None = None
        glossy = layer.material.f0 > 0
        for number, (lamp, output, (light, gloss)) in enumerate(zip(self._lamps, outputs, lit.lights, strict=True)):
            seen = output[rows]
            returned = None if lit.returned is None else lit.returned[number]
            if np.ptp(seen) <= _STEADY * seen.max():
                power = seen.mean()
                steady_light += light[:, :, None] * (power * lamp.spectrum)
                if glossy:
                    steady_gloss += gloss[:, :, None] * (power * lamp.spectrum)
                if returned is not None:
                    share = returned * power
                    steady_returned = share if steady_returned is None else steady_returned + share
                continue
            arriving = light[:, :, None] * lamp.spectrum
            if returned is not None:
                arriving += stretched(returned, grid)
            answer = _on_layer(_scattered(arriving, layer), footprint, layer)
            answer *= view.albedo
            if glossy:
                answer += _on_layer(gloss[:, :, None] * lamp.spectrum, footprint, layer)
            answer *= seen[:, None, None]
            changing = answer if changing is None else np.add(changing, answer, out=changing)
        if steady_returned is not None:
            steady_light += stretched(steady_returned, grid)
        exitance = _on_layer(_scattered(steady_light, layer), footprint, layer)
        exitance *= view.albedo
        if changing is not None:
            exitance += changing
        if glossy:
            exitance += _on_layer(steady_gloss, footprint, layer)
        if layer.material.emission is not None:
            emitted = _on_layer(layer.material.emission, footprint, layer)
            exitance += emitted if own is None else emitted * own[rows, None, None]
        if view.fills:
            window[:] = exitance
            return
        exitance -= window
        exitance *= footprint.coverage[:, :, None]
        window += exitance


def _on_layer(values: Map, footprint: Footprint, layer: Layer) -> Map:
    """Values (h, w, 4), which span the shape's grid from corner to corner, at each pixel."""
    rows, columns = layer.shape.points.shape[:2]
    if values.shape[:2] == (rows, columns):
        return sampled(values, footprint.x, footprint.y)
    x = footprint.x * np.float32((values.shape[1] - 1) / (columns - 1))
    y = footprint.y * np.float32((values.shape[0] - 1) / (rows - 1))
    return sampled(values, x, y)


def _scattered(light: Map, layer: Layer) -> Map:
    """Light (h, w, 4) that arrives at a surface, blurred by its way below it."""
    if not any(layer.material.scatter):
        return light
    rows, columns = layer.shape.points.shape[:2]
    middle, right = layer.shape.points[rows // 2, columns // 2 : columns // 2 + 2]
    cell = float(np.linalg.norm(right - middle)) * (columns - 1) / (light.shape[1] - 1)
    blurred = np.empty_like(light)
    for band, length in enumerate(layer.material.scatter):
        blurred[:, :, band] = cv2.GaussianBlur(light[:, :, band], (0, 0), max(length / cell, 0.05))
    return blurred
