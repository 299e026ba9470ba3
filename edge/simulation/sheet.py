"""Flat and bent sheets: paper, screens, walls."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.simulation.optics import Footprint, Map, Pinhole, Pose, Vector
from edge.simulation.sampling import sampled

# Points a side at which light is worked out: at least, flat and bent, and at most (about as many as a head has).
FLAT_GRID: Final = 24
BENT_GRID: Final = 48
MOST_GRID: Final = 128
# Cells across the radius at which a glint has fallen to 1/e: between them light is linear, and its peak 3 % too low.
_CELLS_IN_GLINT: Final = 3
# Nothing is seen nearer to the camera than this, metres.
_NEAR: Final = 0.01


class BendAxis(StrEnum):
    """The line about which a sheet is bent."""

    VERTICAL = "vertical"
    HORIZONTAL = "horizontal"


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns of the picture: first and one after the last."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def rows(self) -> Map:
        """(h, 1) the rows' numbers."""
        return np.arange(self.top, self.bottom, dtype=np.float32)[:, None]

    @property
    def columns(self) -> Map:
        """(1, w) the columns' numbers."""
        return np.arange(self.left, self.right, dtype=np.float32)[None, :]


def glint_grid(longer: float, roughness: float, distance: float, bend: float | None = None) -> int:
    """Points a side that a sheet needs to show the glint of a small lamp beside the camera.

    longer: its longer side, metres. roughness: of its material, see ``optics``. distance: metres from the
    camera. bend: as of a ``Sheet``. For each metre from the glint's middle the direction halfway between camera and
    lamp turns by 1 / distance, and the normal of a bent sheet by 1 / bend; where they differ by the roughness,
    the glint has fallen to 1/e (Beckmann's distribution).
    """
    turning = 1 / distance + (0.0 if bend is None else 1 / abs(bend))
    wanted = _CELLS_IN_GLINT * longer * turning / roughness
    return int(np.clip(np.ceil(wanted) + 1, FLAT_GRID if bend is None else BENT_GRID, MOST_GRID))


def _whole_picture(camera: Pinhole) -> Window:
    return Window(0, camera.height, 0, camera.width)


def plane_homography(pose: Pose, camera: Pinhole) -> Vector:
    """(3, 3) matrix that takes (column, row, 1) to the place where that ray meets the plane z = 0 of a pose.

    The place is (x, y) / w in local metres. w is positive where the plane lies before the camera: the inverse of
    the usual plane-to-picture homography K [r1 r2 t], scaled by 1 / depth.
    """
    column, row = camera.centre
    intrinsic = np.array([[camera.focal, 0, column], [0, camera.focal, row], [0, 0, 1]])
    to_picture = intrinsic @ np.column_stack([pose.rotation[:, 0], pose.rotation[:, 1], pose.position])
    return np.asarray(np.linalg.inv(to_picture), np.float64)


def linear(coefficients: Vector, window: Window) -> Map:
    """(h, w) float32: a column + b row + c over the window, for (3,) coefficients a, b, c."""
    a, b, c = coefficients.astype(np.float32)
    return np.asarray(window.columns * a + (window.rows * b + c), np.float32)


def _inside_of_line(line: Vector, window: Window) -> Map:
    """(h, w) share 0..1 of each pixel on the positive side of a line, as if it met the pixel squarely.

    line: (3,) coefficients of a column + b row + c = 0.
    """
    steepness = max(float(np.hypot(line[0], line[1])), 1e-12)
    distance = linear(line / steepness + np.array([0, 0, 0.5]), window)
    return np.clip(distance, 0, 1, out=distance)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A rectangle whose middle is the local origin, flat or bent to a part of a cylinder.

    Only its front is seen and lit; of a hollow sheet the edge that comes forward hides nothing from the camera.

    width, height: metres, measured along the sheet. Raises ValueError where they are not positive.
    bend: radius of the cylinder, metres: positive bulges towards the camera, negative is hollow, None is flat.
        Raises ValueError where the sheet would meet itself.
    axis: what it is bent about.
    outline: (mh, mw) float32 0..1, what of the sheet is there (cut-outs, eye holes), spanning it from corner to
        corner; None for all of it.
    grid: points a side at which light is worked out, see ``glint_grid``; None for a matt sheet's.
    """

    width: float
    height: float
    bend: float | None = None
    axis: BendAxis = BendAxis.VERTICAL
    outline: Map | None = None
    grid: int | None = None
    _points: Map = field(init=False, repr=False)
    _normals: Map = field(init=False, repr=False)
    _openness: Map = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (0 < self.width < np.inf and 0 < self.height < np.inf):
            raise ValueError(f"a sheet of {self.width} m x {self.height} m")
        if self.bend is not None and not self._length < 2 * np.pi * abs(self.bend):
            raise ValueError(f"a sheet of {self._length} m bent to a radius of {abs(self.bend)} m meets itself")
        points, normals = self._surface()
        object.__setattr__(self, "_points", points)
        object.__setattr__(self, "_normals", normals)
        object.__setattr__(self, "_openness", self._free_sky())

    @property
    def points(self) -> Map:
        return self._points

    @property
    def normals(self) -> Map:
        return self._normals

    @property
    def openness(self) -> Map:
        """All ones but for a hollow sheet, whose free sky is taken as if it were endless along the axis."""
        return self._openness

    def footprint(self, pose: Pose, camera: Pinhole) -> Footprint | None:
        window = self._window(pose, camera)
        if window is None:
            return None
        x, y, coverage = self._flat(pose, camera, window) if self.bend is None else self._bent(pose, camera, window)
        grid = self._points.shape[1]
        x = x * np.float32((grid - 1) / self.width) + np.float32((grid - 1) / 2)
        y = y * np.float32((grid - 1) / self.height) + np.float32((grid - 1) / 2)
        # Pixels on the edge have their centre a little outside the sheet.
        np.clip(x, 0, grid - 1, out=x)
        np.clip(y, 0, grid - 1, out=y)
        if self.outline is not None:
            rows, columns = self.outline.shape
            column = x * np.float32(columns / (grid - 1)) - np.float32(0.5)
            row = y * np.float32(rows / (grid - 1)) - np.float32(0.5)
            coverage *= sampled(self.outline, column, row)
        return Footprint(window.top, window.left, x, y, coverage)

    def sees(self, directions: Map) -> Map:
        directions = np.broadcast_to(directions, self._points.shape)
        if self.bend is None or self.bend > 0:
            return np.ones(directions.shape[:2], np.float32)
        return self._sees_from_within(directions)

    @property
    def _length(self) -> float:
        """Along the bend."""
        return self.width if self.axis is BendAxis.VERTICAL else self.height

    @property
    def _radius(self) -> float:
        """Of the bend, with its sign; endless where there is none."""
        return np.inf if self.bend is None else self.bend

    @property
    def _across(self) -> int:
        """The coordinate that runs round the bend; the other one runs along its axis."""
        return 0 if self.axis is BendAxis.VERTICAL else 1

    def _surface(self) -> tuple[Map, Map]:
        grid = self.grid or (FLAT_GRID if self.bend is None else BENT_GRID)
        x, y = np.meshgrid(
            np.linspace(-self.width / 2, self.width / 2, grid), np.linspace(-self.height / 2, self.height / 2, grid)
        )
        points = np.stack([x, y, np.zeros_like(x)], axis=-1)
        normals = np.zeros_like(points)
        normals[..., 2] = -1
        if self.bend is not None:
            angle = points[..., self._across] / self.bend
            points[..., self._across] = self.bend * np.sin(angle)
            points[..., 2] = self.bend * (1 - np.cos(angle))
            normals[..., self._across] = np.sin(angle)
            normals[..., 2] = -np.cos(angle)
        return points.astype(np.float32), normals.astype(np.float32)

    def _free_sky(self) -> Map:
        """In a hollow cylinder the chord to an edge that is d radians away stands d / 2 above the surface; the sky
        between two such chords has the view factor (cos d1/2 + cos d2/2) / 2 (Hottel's crossed strings).
        """
        shape = self._points.shape[:2]
        if self.bend is None or self.bend > 0:
            return np.ones(shape, np.float32)
        angle = np.linspace(-1, 1, shape[0]) * self._length / 2 / -self.bend
        free = (np.cos((angle[-1] - angle) / 2) + np.cos((angle - angle[0]) / 2)) / 2
        return np.broadcast_to(free if self._across == 0 else free[:, None], shape).astype(np.float32)

    def _sees_from_within(self, directions: Map) -> Map:
        """Follows each direction along its chord through the cylinder and asks whether there is paper at its end."""
        along = 1 - self._across
        # Round the axis, with the sheet's middle at (0, 1) radii.
        across = self._points[..., self._across] / self._radius
        depth = 1 - self._points[..., 2] / self._radius
        step_across = directions[..., self._across] / self._radius
        step_depth = -directions[..., 2] / self._radius
        squared = step_across**2 + step_depth**2
        chord = -2 * (across * step_across + depth * step_depth) / np.maximum(squared, 1e-12)
        end = np.arctan2(across + chord * step_across, depth + chord * step_depth)
        height = self._points[..., along] + chord * directions[..., along]
        reach = (self.height if along == 1 else self.width) / 2
        blocked = (chord > 0) & (np.abs(end) <= self._length / 2 / -self._radius) & (np.abs(height) <= reach)
        return np.asarray(~blocked, np.float32)

    def _window(self, pose: Pose, camera: Pinhole) -> Window | None:
        """Where in the picture the sheet may be; None where its front is nowhere in it."""
        if self.bend is None and float(pose.rotation[:, 2] @ pose.position) <= 0:
            return None
        world = pose.to_world(self._points).reshape(-1, 3)
        depth = world[:, 2]
        if depth.max() <= _NEAR:
            return None
        if depth.min() <= _NEAR:
            return _whole_picture(camera)
        spots = world[:, :2] * (camera.focal / depth[:, None]) + np.asarray(camera.centre, np.float32)
        # A pixel more on each side for the edge, and what an arc rises above the chords of its grid.
        span = 0.0 if self.bend is None else self._length / abs(self.bend) / (self._points.shape[1] - 1)
        sagitta = 0.0 if self.bend is None else abs(self.bend) * span**2 / 8 * camera.focal / float(depth.min())
        margin = 1.0 + sagitta
        left, top = np.floor(np.maximum(spots.min(axis=0) - margin, 0)).astype(int).tolist()
        right, bottom = np.ceil(spots.max(axis=0) + margin).astype(int).tolist()
        right, bottom = min(right + 1, camera.width), min(bottom + 1, camera.height)
        return Window(top, bottom, left, right) if left < right and top < bottom else None

    def _flat(self, pose: Pose, camera: Pinhole, window: Window) -> tuple[Map, Map, Map]:
        """Local x and y in metres, and the coverage, of each pixel."""
        to_sheet = plane_homography(pose, camera)
        along_x, along_y, depth = to_sheet
        # x <= width / 2 where x / w is the place and w > 0 reads w * width / 2 - x >= 0: a line of the picture.
        coverage = _inside_of_line(depth * (self.width / 2) - along_x, window)
        for line in (
            depth * (self.width / 2) + along_x,
            depth * (self.height / 2) - along_y,
            depth * (self.height / 2) + along_y,
        ):
            coverage *= _inside_of_line(line, window)
        w = linear(depth, window)
        before = np.maximum(w, np.float32(1e-9))
        if w.min() <= 0:
            coverage[w <= 0] = 0
        x, y = (np.asarray(linear(line, window) / before, np.float32) for line in (along_x, along_y))
        return x, y, coverage

    def _bent(self, pose: Pose, camera: Pinhole, window: Window) -> tuple[Map, Map, Map]:
        """As _flat. The ray o + t d meets the cylinder where its part across the axis has the length of the radius."""
        across, along = self._across, 1 - self._across
        origin = -pose.rotation.T @ pose.position
        column, row = camera.centre
        to_ray = np.array([[1, 0, -column], [0, 1, -row], [0, 0, camera.focal]]) / camera.focal
        rays = pose.rotation.T @ to_ray
        first, last = self._seen_arc(origin)
        if first >= last:
            return (np.zeros((window.bottom - window.top, window.right - window.left), np.float32),) * 3
        beside, deep = linear(rays[across], window), linear(rays[2], window)
        start = np.array([origin[across], origin[2] - self._radius], np.float32)
        squared = beside * beside + deep * deep
        towards = beside * start[0] + deep * start[1]
        root = towards * towards - squared * np.float32(start[0] ** 2 + start[1] ** 2 - self._radius**2)
        np.sqrt(np.maximum(root, 0, out=root), out=root)
        # A bulge is met on the way into the cylinder, a hollow on the way out; t is the depth, as rays have z = 1.
        depth = np.asarray((-towards - root if self._radius > 0 else root - towards) / squared, np.float32)
        sign = np.float32(np.sign(self._radius))
        angle = np.arctan2((start[0] + depth * beside) * sign, -(start[1] + depth * deep) * sign)
        place = np.asarray(angle * self._radius, np.float32)
        level = np.asarray(linear(rays[along], window) * depth + origin[along], np.float32)
        coverage = self._between_generators(first, last, pose, camera, window)
        reach = (self.height if along == 1 else self.width) / 2
        coverage *= _inside_of_levels(level, reach)
        coverage[depth <= _NEAR] = 0
        return (place, level, coverage) if across == 0 else (level, place, coverage)

    def _seen_arc(self, eye: Vector) -> tuple[float, float]:
        """First and last angle round the axis, radians from the middle, whose front faces an eye at local ``eye``."""
        half = self._length / 2 / abs(self._radius)
        beside, deep = eye[self._across] / self._radius, 1 - eye[2] / self._radius
        distance, facing = float(np.hypot(beside, deep)), float(np.arctan2(beside, deep))
        if self._radius > 0:
            if distance <= 1:
                return 0.0, 0.0
            limb = float(np.arccos(1 / distance))
            return max(-half, facing - limb), min(half, facing + limb)
        if distance <= 1:
            return -half, half
        # The eye is outside the hollow cylinder: what it sees begins where lines of sight touch it.
        opposite = float(np.arctan2(-beside, -deep))
        limb = np.pi - float(np.arccos(1 / distance))
        return max(-half, opposite - limb), min(half, opposite + limb)

    def _between_generators(
        self, first: float, last: float, pose: Pose, camera: Pinhole, window: Window
    ) -> NDArray[np.float32]:
        """Coverage between two straight lines of the bent sheet, which are straight lines of the picture too."""
        inside = self._line_of((first + last) / 2, pose, camera).mean(axis=0)
        # In homogeneous coordinates points before the camera have a positive third one.
        borders = [np.cross(*self._line_of(angle, pose, camera)) for angle in (first, last)]
        one, other = (_inside_of_line(line * np.sign(line @ inside), window) for line in borders)
        return one * other

    def _line_of(self, angle: float, pose: Pose, camera: Pinhole) -> Vector:
        """(2, 3) homogeneous picture coordinates of both ends of the line at an angle round the axis."""
        ends = np.zeros((2, 3))
        ends[:, self._across] = self._radius * np.sin(angle)
        ends[:, 2] = self._radius * (1 - np.cos(angle))
        reach = (self.height if self._across == 0 else self.width) / 2
        ends[:, 1 - self._across] = (-reach, reach)
        world = ends @ pose.rotation.T + pose.position
        column, row = camera.centre
        intrinsic = np.array([[camera.focal, 0, column], [0, camera.focal, row], [0, 0, 1]])
        return np.asarray(world @ intrinsic.T, np.float64)


def _inside_of_levels(level: Map, reach: float) -> Map:
    """Share of each pixel between the levels -reach and reach of a smooth map (h, w)."""
    steepness = np.full_like(level, 1e-9)
    if level.shape[0] > 1:
        steepness[1:] = np.abs(np.diff(level, axis=0))
        steepness[0] = steepness[1]
    if level.shape[1] > 1:
        across = np.abs(np.diff(level, axis=1))
        steepness[:, 1:] = cv2.magnitude(steepness[:, 1:], across)
        steepness[:, 0] = steepness[:, min(1, level.shape[1] - 1)]
    share = (reach - np.abs(level)) / np.maximum(steepness, 1e-9) + 0.5
    return np.asarray(np.clip(share, 0, 1), np.float32)
