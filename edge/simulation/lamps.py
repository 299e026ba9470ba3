"""Lamps of a simulated scene: what of each arrives at a surface, matt and glossy.

Units are those of ``optics``: illuminance in lux of white light (infrared: W/m2), intensity in candela (W/sr).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.simulation.optics import BANDS, INFRARED, Layer, Map, Signal, Vector

# A panel is integrated over so many points each way: 0.3 m in front of 15 x 9 cm that is within 0.2 % of the analytic
# configuration factor.
_PANEL_POINTS: Final = 3
_UP: Final = np.array([0.0, -1.0, 0.0], np.float32)


def white(infrared_per_lux: float = 0.0) -> Map:
    """(4,) spectrum of white light with so many W/m2 around 850 nm to each lux."""
    spectrum = np.ones(BANDS, np.float32)
    spectrum[INFRARED] = infrared_per_lux
    return spectrum


def infrared() -> Map:
    """(4,) spectrum of an 850 nm lamp."""
    spectrum = np.zeros(BANDS, np.float32)
    spectrum[INFRARED] = 1.0
    return spectrum


@dataclass(frozen=True, slots=True, eq=False)
class Dome:
    """Light from all round.

    illuminance: on a level surface that sees all of it, lux. above: 0 shines the same from everywhere, at 1 what
    faces up has all of it and what faces down nothing.
    """

    illuminance: float
    spectrum: Map
    output: Signal
    above: float = 0.5

    def arriving(self, layer: Layer) -> tuple[Map, Map]:
        normals = layer.pose.turned(layer.shape.normals)
        facing = 1 + self.above * (normals @ _UP)
        openness = layer.shape.openness
        # What a hollow does not get from outside it gets from its own walls, weaker by their reflectance.
        walls = (1 - openness) * np.float32(layer.material.albedo.mean())
        light = np.float32(self.illuminance / (1 + self.above)) * facing * (openness + walls)
        if layer.material.f0 == 0:
            return light.astype(np.float32), np.zeros_like(openness)
        points = layer.pose.to_world(layer.shape.points)
        view = -points / np.linalg.norm(points, axis=2, keepdims=True)
        cosine = np.einsum("ijk,ijk->ij", normals, view)
        mirrored = 2 * cosine[:, :, None] * normals - view
        sky = 1 + self.above * (mirrored @ _UP)
        shine = np.float32(self.illuminance / (1 + self.above)) * sky * openness * _fresnel(layer.material.f0, cosine)
        return light.astype(np.float32), shine.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Distant:
    """The sun, or a window far away.

    illuminance: on a surface that faces it, lux. direction: (3,) unit vector from the scene to it.
    """

    illuminance: float
    direction: Vector
    spectrum: Map
    output: Signal

    def arriving(self, layer: Layer) -> tuple[Map, Map]:
        towards = np.broadcast_to(self.direction.astype(np.float32), layer.shape.points.shape)
        return _lit(layer, towards, np.float32(self.illuminance))


@dataclass(frozen=True, slots=True, eq=False)
class NearPoint:
    """A light-emitting diode.

    position: (3,) metres. intensity: on its axis, candela (W/sr). half_angle: degrees from the axis to half of the
    intensity, less than 90; the lobe is a power of the cosine. Its axis points away from the camera.
    """

    position: Vector
    intensity: float
    half_angle: float
    spectrum: Map
    output: Signal

    def arriving(self, layer: Layer) -> tuple[Map, Map]:
        power = math.log(0.5) / math.log(math.cos(math.radians(self.half_angle)))
        return _from_point(layer, self.position, np.float32(self.intensity), power)


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """A lit rectangle, matt, that faces away from the camera (towards whoever stands before the terminal).

    centre: (3,) metres. width, height: metres. luminance: cd/m2.
    """

    centre: Vector
    width: float
    height: float
    luminance: float
    spectrum: Map
    output: Signal

    def arriving(self, layer: Layer) -> tuple[Map, Map]:
        places, weights = np.polynomial.legendre.leggauss(_PANEL_POINTS)
        light = np.zeros(layer.shape.points.shape[:2], np.float32)
        shine = np.zeros_like(light)
        for across, share_across in zip(places, weights / 2, strict=True):
            for down, share_down in zip(places, weights / 2, strict=True):
                offset = np.array([across * self.width / 2, down * self.height / 2, 0.0])
                intensity = self.luminance * self.width * self.height * share_across * share_down
                matt, glossy = _from_point(layer, self.centre + offset, np.float32(intensity), 1.0)
                light += matt
                shine += glossy
        return light, shine


def halves(panel: Panel, left: Signal, right: Signal) -> tuple[Panel, Panel]:
    """Left and right half of a panel as the person before it sees them, each with an output of its own.

    The person's left is on the right of the camera's picture.
    """
    aside = np.array([panel.width / 4, 0.0, 0.0])
    return tuple(  # type: ignore[return-value]
        Panel(panel.centre + side, panel.width / 2, panel.height, panel.luminance, panel.spectrum, output)
        for side, output in ((aside, left), (-aside, right))
    )


def _from_point(layer: Layer, position: Vector, intensity: np.float32, power: float) -> tuple[Map, Map]:
    towards = position.astype(np.float32) - layer.pose.to_world(layer.shape.points)
    squared = np.einsum("ijk,ijk->ij", towards, towards)
    towards /= np.sqrt(squared)[:, :, None]
    # The lamp looks along +z; what it lights lies there, so the way back to the lamp has a negative z.
    lobe = np.maximum(-towards[:, :, 2], 0.0) ** np.float32(power)
    return _lit(layer, towards, intensity * lobe / squared)


def _lit(layer: Layer, towards: Map, illuminance: Map | np.float32) -> tuple[Map, Map]:
    """Light from one direction at each point. illuminance: on a surface that faces it."""
    shape, pose, material = layer.shape, layer.pose, layer.material
    normals = pose.turned(shape.normals)
    cosine = np.maximum(np.einsum("ijk,ijk->ij", normals, towards), 0.0)
    free = shape.sees(np.asarray(towards @ pose.rotation.astype(np.float32), np.float32))
    light = (illuminance * cosine * free).astype(np.float32)
    if material.f0 == 0:
        return light, np.zeros_like(light)
    points = pose.to_world(shape.points)
    view = -points / np.linalg.norm(points, axis=2, keepdims=True)
    between = towards + view
    between /= np.linalg.norm(between, axis=2, keepdims=True)
    cosine = np.maximum(cosine, np.float32(1e-3))
    facing = np.maximum(np.einsum("ijk,ijk->ij", normals, view), np.float32(1e-3))
    tilt = np.clip(np.einsum("ijk,ijk->ij", normals, between), 1e-3, 1.0)
    half_way = np.maximum(np.einsum("ijk,ijk->ij", between, view), np.float32(1e-3))
    # Cook and Torrance (1982), with Beckmann's distribution of slopes.
    roughness = np.float32(material.roughness**2)
    slopes = np.exp((1 - 1 / tilt**2) / roughness) / (np.pi * roughness * tilt**4)
    masking = np.minimum(1.0, 2 * tilt * np.minimum(facing, cosine) / half_way)
    shine = light * np.pi * slopes * masking * _fresnel(material.f0, half_way) / (4 * facing * cosine)
    return light, shine.astype(np.float32)


def _fresnel(f0: float, cosine: Map) -> Map:
    """Schlick's approximation (1994)."""
    grazing = (1 - np.clip(cosine, 0, 1)) ** 5
    return np.asarray(f0 + (1 - f0) * grazing, np.float32)
