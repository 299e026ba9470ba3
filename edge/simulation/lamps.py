"""Lamps of a simulated scene: what of each arrives at a surface, matt and glossy.

Units are those of ``optics``: illuminance in lux of white light (infrared: W/m2), intensity in candela (W/sr).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.simulation.optics import BANDS, INFRARED, Map, Parts, Placed, Signal, Sky, Source, Vector, dot

# A panel is integrated over so many points each way: 0.3 m in front of 15 x 9 cm that is within 0.2 % of the analytic
# configuration factor.
_PANEL_POINTS: Final = 2
# A panel that spans less of the slopes of a surface's facets than this share of their deviation shines as a point.
_NARROW: Final = 0.5
# Mean angle that the sun's disc is seen under, radians: 0.53 degrees.
_SUN: Final = 0.0093
# Cosines are kept from 0 by this much where they divide.
_LEAST: Final = np.float32(1e-3)


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

    @property
    def source(self) -> Sky:
        return Sky(self.above)

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
        mirror = _fresnel(material.f0, np.hypot(placed.facing, np.float32(material.roughness / math.sqrt(2))))
        return light, level * (1 - np.float32(self.above) * mirrored_down) * openness * mirror


@dataclass(frozen=True, slots=True, eq=False)
class Distant:
    """The sun, or a window far away.

    illuminance: on a surface that faces it, lux. direction: (3,) unit vector from the scene to it. diameter: that it is
    seen to have, radians; the sun's by default.
    """

    illuminance: float
    direction: Vector
    spectrum: Map
    output: Signal
    diameter: float = _SUN

    @property
    def source(self) -> Source:
        """A square of the disc's second moments: a disc's deviation is a quarter of its diameter each way, that of a
        square is half of its side over the root of 3.
        """
        across = np.cross(self.direction, np.eye(3)[int(np.argmin(np.abs(self.direction)))])
        across /= np.linalg.norm(across)
        sides = np.stack([across, np.cross(self.direction, across)]) * (self.diameter / 4 * math.sqrt(3))
        return Source(self.direction, sides, far=True)

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

    @property
    def source(self) -> Source:
        return Source(self.position)

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

    @property
    def source(self) -> Source:
        return Source(self.centre, np.diag([self.width / 2, self.height / 2, 0.0])[:2])

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
        return light, self._mirrored(placed, light)

    def _mirrored(self, placed: Placed, light: Map) -> Map:
        """What the camera sees of the panel in the surface: exitance. light: irradiance by the panel."""
        towards, squared = _towards(placed, self.centre)
        deviation = placed.layer.material.roughness / math.sqrt(2)
        # From its middle to its sides a panel spans half as much slope as angle.
        spans = np.array([self.width, self.height]) / (4 * math.sqrt(float(squared.min())))
        if spans.max() > _NARROW * deviation:
            return self._reflected(placed, towards, deviation)
        # Seen through so broad a lobe it is a point; its own size broadens the lobe a little.
        broad = math.sqrt(2 * deviation**2 + float((spans**2).sum()) / 3)
        return _shine(placed, towards, light, broad)

    def _reflected(self, placed: Placed, middle: Parts, deviation: float) -> Map:
        """The share of the surface's facets that turn the panel to the camera, times what they reflect.

        middle: unit vectors to the panel's middle. deviation: of the facets' slopes in one direction. Slopes are
        distributed normally; those that show a point of the panel are the slopes of the vector half way between view
        and that point. The panel is taken for a rectangle of slopes through the middles of its sides.
        """
        right, left, bottom, top = (
            _slope(placed, _towards(placed, self.centre + np.array(side))[0])
            for side in (
                (self.width / 2, 0.0, 0.0),
                (-self.width / 2, 0.0, 0.0),
                (0.0, self.height / 2, 0.0),
                (0.0, -self.height / 2, 0.0),
            )
        )
        across, width = _unit(_sum(right, left, -1.0))
        aslant = _sum(bottom, top, -1.0)
        down, height = _unit(_sum(aslant, across, -dot(aslant, across)))
        scale = np.float32(1 / deviation)
        share = (_below(dot(right, across) * scale) - _below(dot(left, across) * scale)) * (
            _below(dot(bottom, down) * scale) - _below(dot(top, down) * scale)
        )
        # The mean slope of those facets: the middle of the panel's, drawn towards level ones the narrower the lobe.
        centre = _slope(placed, middle)
        one, other = (
            np.asarray(dot(centre, along) / (1 + (scale * size) ** 2 / 12), np.float32)
            for along, size in ((across, width), (down, height))
        )
        tilt = 1 / np.sqrt(1 + one * one + other * other)
        half_way = _sum(_sum(placed.normals, across, one), down, other)
        facing = np.maximum(placed.facing, _LEAST)
        towards_view = np.maximum(dot(half_way, placed.view) * tilt, _LEAST)
        cosine = np.maximum(2 * towards_view * tilt - facing, 0.0)
        masking = np.minimum(1.0, 2 * tilt * np.minimum(facing, cosine) / towards_view)
        reflected = share * masking * towards_view * _fresnel(placed.layer.material.f0, towards_view) / (facing * tilt)
        seen = placed.sees(middle) * ((placed.facing > 0) & (middle[2] < 0))
        return np.asarray(np.float32(np.pi * self.luminance) * reflected * seen, np.float32)


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
    return light, _shine(placed, towards, light, material.roughness)


def _shine(placed: Placed, towards: Parts, light: Map, roughness: float) -> Map:
    """The highlight of light from one direction at each point, as exitance. light: irradiance."""
    between, _ = _unit(_sum(towards, placed.view))
    facing = np.maximum(placed.facing, _LEAST)
    cosine = np.maximum(dot(placed.normals, towards), _LEAST)
    tilt = np.clip(dot(placed.normals, between), _LEAST, 1.0)
    half_way = np.maximum(dot(between, placed.view), _LEAST)
    # Cook and Torrance (1982), with Beckmann's distribution of slopes.
    squared = np.float32(roughness**2)
    level = tilt * tilt
    slopes = np.exp((1 - 1 / level) / squared) / (np.pi * squared * level * level)
    masking = np.minimum(1.0, 2 * tilt * np.minimum(facing, cosine) / half_way)
    shine = light * np.pi * slopes * masking * _fresnel(placed.layer.material.f0, half_way) / (4 * facing * cosine)
    return np.asarray(shine, np.float32)


def _slope(placed: Placed, towards: Parts) -> Parts:
    """Slopes of the facets that turn light from there to the camera: vectors in the surface, away from the normal."""
    between = _sum(towards, placed.view)
    height = np.asarray(1 / np.maximum(dot(placed.normals, between), _LEAST), np.float32)
    x, y, z = placed.normals
    return _sum((-x, -y, -z), between, height)


def _sum(one: Parts, other: Parts, times: Map | float = 1.0) -> Parts:
    """One and so many times the other."""
    return one[0] + times * other[0], one[1] + times * other[1], one[2] + times * other[2]


def _unit(vectors: Parts) -> tuple[Parts, Map]:
    """Vectors of length 1, and how long they were."""
    x, y, z = vectors
    length = np.sqrt(np.maximum(x * x + y * y + z * z, np.float32(1e-12)))
    scale = 1 / length
    return (x * scale, y * scale, z * scale), length


def _below(value: Map) -> Map:
    """The normal distribution's share below a value, within 0.00015 (Page, Applied Statistics 26:75, 1977)."""
    value = np.clip(value, -6.0, 6.0)
    return np.asarray(1 / (1 + np.exp(np.float32(-1.5976) * value * (1 + np.float32(0.04417) * value * value))))


def _fresnel(f0: float, cosine: Map) -> Map:
    """Schlick's approximation (1994)."""
    short = 1 - np.clip(cosine, 0, 1)
    squared = short * short
    return np.asarray(np.float32(f0) + np.float32(1 - f0) * (squared * squared * short), np.float32)
