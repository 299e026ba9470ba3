"""Lamps of a simulated scene: what of each arrives at a surface, matt and glossy.

Units are those of ``optics``: illuminance in lux of white light (infrared: W/m2), intensity in candela (W/sr).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.simulation.optics import BANDS, INFRARED, Map, Parts, Placed, Signal, Vector, dot

# A panel is integrated over so many points each way: 0.3 m in front of 15 x 9 cm that is within 0.2 % of the analytic
# configuration factor.
_PANEL_POINTS: Final = 2


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

    def arriving(self, placed: Placed) -> tuple[Map, Map]:
        material, openness = placed.layer.material, placed.layer.shape.openness
        level = np.float32(self.illuminance / (1 + self.above))
        # What a hollow does not get from outside it gets from its own walls, weaker by their reflectance.
        walls = (1 - openness) * np.float32(material.albedo.mean())
        light = level * (1 - np.float32(self.above) * placed.normals[1]) * (openness + walls)
        if material.f0 == 0:
            return light, np.zeros_like(light)
        mirrored_down = 2 * placed.facing * placed.normals[1] - placed.view[1]
        # The facets of a rough surface that are seen at grazing incidence lean towards the eye by about their slope.
        mirror = _fresnel(material.f0, np.hypot(placed.facing, np.float32(material.roughness)))
        return light, level * (1 - np.float32(self.above) * mirrored_down) * openness * mirror


@dataclass(frozen=True, slots=True, eq=False)
class Distant:
    """The sun, or a window far away.

    illuminance: on a surface that faces it, lux. direction: (3,) unit vector from the scene to it.
    """

    illuminance: float
    direction: Vector
    spectrum: Map
    output: Signal

    def arriving(self, placed: Placed) -> tuple[Map, Map]:
        x, y, z = (np.full_like(placed.facing, part) for part in self.direction)
        return _lit(placed, (x, y, z), np.float32(self.illuminance))


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

    def arriving(self, placed: Placed) -> tuple[Map, Map]:
        power = math.log(0.5) / math.log(math.cos(math.radians(self.half_angle)))
        towards, squared = _towards(placed, self.position)
        # The lamp looks along +z; what it lights lies there, so the way back to the lamp has a negative z.
        lobe = np.maximum(-towards[2], 0.0) ** np.float32(power)
        return _lit(placed, towards, np.float32(self.intensity) * lobe / squared)


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

    def arriving(self, placed: Placed) -> tuple[Map, Map]:
        places, _ = np.polynomial.legendre.leggauss(_PANEL_POINTS)
        intensity = np.float32(self.luminance * self.width * self.height / _PANEL_POINTS**2)
        light = np.zeros_like(placed.facing)
        for across in places * self.width / 2:
            for down in places * self.height / 2:
                towards, squared = _towards(placed, self.centre + np.array([across, down, 0.0]))
                light += _matt(placed, towards, intensity * np.maximum(-towards[2], 0.0) / squared)
        if placed.layer.material.f0 == 0:
            return light, np.zeros_like(light)
        return light, self._mirrored(placed)

    def _mirrored(self, placed: Placed) -> Map:
        """What the camera sees of the panel in the surface: exitance."""
        double = 2 * placed.facing
        x, y, z = (double * n - v for n, v in zip(placed.normals, placed.view, strict=True))
        ahead = z < -1e-3
        way = np.where(ahead, (np.float32(self.centre[2]) - placed.points[2]) / np.where(ahead, z, -1.0), 0.0)
        # A mirror that is tilted by its slope turns the picture by twice that.
        blur = np.maximum(2 * placed.layer.material.roughness * way, 1e-3)
        share = np.where(ahead, 1.0, 0.0)
        for along, start, middle, side in (
            (x, placed.points[0], self.centre[0], self.width),
            (y, placed.points[1], self.centre[1], self.height),
        ):
            off = start + way * along - np.float32(middle)
            share = share * (_edge((side / 2 - off) / blur) - _edge((-side / 2 - off) / blur))
        mirror = _fresnel(placed.layer.material.f0, placed.facing)
        return np.asarray(np.pi * self.luminance * share * mirror, np.float32)


def halves(panel: Panel, left: Signal, right: Signal) -> tuple[Panel, Panel]:
    """Left and right half of a panel as the person before it sees them, each with an output of its own.

    The person's left is on the right of the camera's picture.
    """
    aside = np.array([panel.width / 4, 0.0, 0.0])
    return tuple(  # type: ignore[return-value]
        Panel(panel.centre + side, panel.width / 2, panel.height, panel.luminance, panel.spectrum, output)
        for side, output in ((aside, left), (-aside, right))
    )


def _towards(placed: Placed, position: Vector) -> tuple[Parts, Map]:
    """Unit vectors to a place, and the squared distances."""
    x, y, z = (np.float32(to) - part for to, part in zip(position, placed.points, strict=True))
    squared = x * x + y * y + z * z
    nearer = 1 / np.sqrt(squared)
    return (x * nearer, y * nearer, z * nearer), squared


def _matt(placed: Placed, towards: Parts, illuminance: Map | np.float32) -> Map:
    """Irradiance by light from one direction at each point. illuminance: on a surface that faces it."""
    return illuminance * np.maximum(dot(placed.normals, towards), 0.0) * placed.sees(towards)


def _lit(placed: Placed, towards: Parts, illuminance: Map | np.float32) -> tuple[Map, Map]:
    """As ``_matt``, and the highlight."""
    material = placed.layer.material
    light = _matt(placed, towards, illuminance)
    if material.f0 == 0:
        return light, np.zeros_like(light)
    x, y, z = (to + back for to, back in zip(towards, placed.view, strict=True))
    length = 1 / np.sqrt(np.maximum(x * x + y * y + z * z, np.float32(1e-9)))
    between = (x * length, y * length, z * length)
    least = np.float32(1e-3)
    facing = np.maximum(placed.facing, least)
    cosine = np.maximum(dot(placed.normals, towards), least)
    tilt = np.clip(dot(placed.normals, between), least, 1.0)
    half_way = np.maximum(dot(between, placed.view), least)
    # Cook and Torrance (1982), with Beckmann's distribution of slopes.
    roughness = np.float32(material.roughness**2)
    slopes = np.exp((1 - 1 / tilt**2) / roughness) / (np.pi * roughness * tilt**4)
    masking = np.minimum(1.0, 2 * tilt * np.minimum(facing, cosine) / half_way)
    shine = light * np.pi * slopes * masking * _fresnel(material.f0, half_way) / (4 * facing * cosine)
    return light, shine.astype(np.float32)


def _edge(value: Map) -> Map:
    """A smooth step from 0 to 1 about 0, as wide as the integral of a normal distribution with deviation 1."""
    return np.asarray(1 / (1 + np.exp(-1.702 * np.clip(value, -40, 40))), np.float32)


def _fresnel(f0: float, cosine: Map) -> Map:
    """Schlick's approximation (1994)."""
    grazing = (1 - np.clip(cosine, 0, 1)) ** 5
    return np.asarray(f0 + (1 - f0) * grazing, np.float32)
