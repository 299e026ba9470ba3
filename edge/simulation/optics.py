"""The words in which surfaces, lamps and the camera of a simulated scene speak to each other.

World coordinates are the camera's: metres, x to the right of the picture, y down, z away from the camera, which
stands at the origin. A rotation is (3, 3), a position (3,), float64; maps are float32.

Light has four bands, in the order blue, green, red, infrared. In the visible ones it is counted in lux of white
light: white light of 100 lx is 100 in each. Infrared is counted in W/m2 around 850 nm. The light that leaves a
surface is counted as exitance in the same units: a matt white wall (reflectance 1) in 100 lx has 100. A matt
surface's radiance is its exitance over pi.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import Prompt

BLUE, GREEN, RED, INFRARED = range(4)
BANDS: Final = 4

Vector = NDArray[np.float64]
Map = NDArray[np.float32]
Parts = tuple[Map, Map, Map]


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Places a shape: world = rotation @ local + position. In a shape's own coordinates x points to the right of
    the picture, y down and z away from the camera while it faces the camera unturned.
    """

    rotation: Vector = field(default_factory=lambda: np.eye(3))
    position: Vector = field(default_factory=lambda: np.zeros(3))

    def to_world(self, points: Map) -> Map:
        """points: (..., 3) local metres."""
        return np.asarray(points @ self.rotation.T.astype(np.float32) + self.position.astype(np.float32), np.float32)

    def turned(self, vectors: Map) -> Map:
        """vectors: (..., 3) local directions, as world directions."""
        return np.asarray(vectors @ self.rotation.T.astype(np.float32), np.float32)


def turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Vector:
    """Rotation of a head or a sheet that faces the camera, degrees: positive yaw turns it to its own left (to the
    right of the picture), positive pitch up, positive roll towards its left shoulder, as in ``HeadPose``.
    """
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z, np.float64)


@dataclass(frozen=True, slots=True)
class Pinhole:
    """The camera's geometry: pixel (column, row) = focal * (x, y) / z + middle of the picture.

    width, height: pixels. focal: pixels.
    """

    width: int
    height: int
    focal: float

    @property
    def centre(self) -> tuple[float, float]:
        """Column and row of the optical axis, in coordinates whose integers are pixel centres."""
        return (self.width - 1) / 2, (self.height - 1) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """Where a shape is seen: a window of the picture, and for each of its pixels the place on the shape's grid.

    top, left: first row and column of the window.
    x, y: (h, w) float32, column and row on the shape's grid.
    coverage: (h, w) float32, how much of the pixel the shape covers, 0..1.
    """

    top: int
    left: int
    x: Map
    y: Map
    coverage: Map


class Shape(Protocol):
    """A surface as a grid of points (gh, gw), and what follows from geometry alone.

    Instances do not change; an animated subject makes new poses and materials, not new shapes, wherever it can.
    """

    @property
    def points(self) -> Map:
        """(gh, gw, 3) local metres."""
        ...

    @property
    def normals(self) -> Map:
        """(gh, gw, 3) local unit vectors, outward; a face that looks at the camera has z of about -1."""
        ...

    @property
    def openness(self) -> Map:
        """(gh, gw) share of the hemisphere above the point that the shape itself leaves free, weighted by cosine,
        0..1.
        """
        ...

    def footprint(self, pose: Pose, camera: Pinhole) -> Footprint | None:
        """None where the shape is out of sight."""
        ...

    def sees(self, directions: Map) -> Map:
        """Whether light from there is not blocked by the shape itself.

        directions: (gh, gw, 3) or (3,) local unit vectors from the point towards the light.
        Gives (gh, gw) float32 0..1; the horizon (n . l <= 0) is the caller's affair.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a surface does with light. Textures span the shape's grid from corner to corner.

    albedo: (th, tw, 4) diffuse reflectance 0..1.
    f0: reflectance of the surface itself at normal incidence (Schlick's approximation of Fresnel's law takes it
        from there): about 0.028 for skin, 0.04 for glass and glossy paper, 0 for a perfectly matt one.
    roughness: root mean square slope of the facets that make the glossy lobe, Beckmann's m; in any one direction they
        deviate by 1 / sqrt(2) of it. 0.02 is a screen's glass, 0.3 is skin.
    scatter: (4,) metres: standard deviation of the blur that light gets below the surface, per band.
    emission: (th, tw, 4) exitance of the surface's own light, None for one that does not shine.
    pulse: how that light goes in time, with a mean of 1; None where it is steady. What it lights up is taken to see
        its mean.
    """

    albedo: Map
    f0: float = 0.0
    roughness: float = 0.5
    scatter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    emission: Map | None = None
    pulse: Signal | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A surface in its place at one moment."""

    shape: Shape
    pose: Pose
    material: Material


class Subject(Protocol):
    """Whoever or whatever is presented to the camera."""

    def layers(self, now: float) -> Sequence[Layer]:
        """Farthest first. now: seconds since the scene began; may go back."""
        ...

    def told(self, prompt: Prompt | None, now: float) -> None:
        """The terminal's screen shows a prompt from now on."""
        ...


class Placed:
    """A layer's points as its lamps ask for them, worked out once for all lamps.

    points, normals, view: three maps (gh, gw) each: x, y and z in world coordinates; view points to the camera.
    facing: (gh, gw) cosine between normal and view.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.points = _parts(layer.pose.to_world(layer.shape.points))
        self.normals = _parts(layer.pose.turned(layer.shape.normals))
        x, y, z = self.points
        away = -1 / np.sqrt(x * x + y * y + z * z)
        self.view = (x * away, y * away, z * away)
        self.facing = dot(self.normals, self.view)

    def sees(self, towards: Parts) -> Map:
        """(gh, gw) 0..1: what the shape itself leaves free of light from there. towards: world unit vectors."""
        turned = self.layer.pose.rotation.astype(np.float32)
        local = np.stack([dot(towards, turned[:, axis]) for axis in range(3)], axis=2)
        return self.layer.shape.sees(local)


def dot(one: Parts, other: Sequence[Map | np.float32] | Map) -> Map:
    """Scalar product of vectors given as their parts."""
    return np.asarray(one[0] * other[0] + one[1] * other[1] + one[2] * other[2], np.float32)


def _parts(vectors: Map) -> Parts:
    x, y, z = np.ascontiguousarray(np.moveaxis(vectors, 2, 0))
    return x, y, z


class Signal(Protocol):
    """Relative output of a lamp over time, 0..1 and a little above where it ripples."""

    def integral(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Output integrated from an origin of the signal's choice to each time, seconds."""
        ...


def mean_output(signal: Signal, begin: NDArray[np.float64], duration: float) -> NDArray[np.float64]:
    """Mean of a signal over windows of ``duration`` seconds that begin at the given times."""
    return (signal.integral(begin + duration) - signal.integral(begin)) / duration


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where a lamp's light comes from, as what stands in its way needs to know.

    place: (3,) metres, its middle; where it is far away, the unit vector towards it instead.
    sides: (n, 3) from its middle half way across it, for each direction in which it extends, metres; where it is far
        away, as a share of the distance. It shines evenly all over the figure that they span; (0, 3) is a point.
    far: its light is parallel but for its extent.
    """

    place: Vector
    sides: Vector = field(default_factory=lambda: np.zeros((0, 3)))
    far: bool = False


@dataclass(frozen=True, slots=True)
class Sky:
    """Light that comes from all round, by 1 - 1.5 above y from the direction y down, so that a surface with a normal
    y down has 1 - above y of it.
    """

    above: float


class Lamp(Protocol):
    """A light of the scene: what of it arrives at a surface while its signal is 1."""

    @property
    def spectrum(self) -> Map:
        """(4,) how its light divides over the bands; ``arriving`` is multiplied by it."""
        ...

    @property
    def output(self) -> Signal: ...

    @property
    def source(self) -> Source | Sky: ...

    def arriving(self, placed: Placed) -> tuple[Map, Map]:
        """Diffuse irradiance and glossy exitance, both (gh, gw) float32, for a spectrum of 1.

        Irradiance has inverse square, cosine and the shape's own shadows in it; what other things hide and add is
        found by ``lighting``. The glossy part is what the
        camera at the origin sees mirrored, as exitance (pi times radiance).
        """
        ...
