"""A closed surface as a radius over angle and height, as a head has it: where rays meet it, what it hides of itself.

The axis is the local y axis. The angle counts from the front (local -z, towards the camera) to the right of the
picture. Columns are spaced by ``u = 5/4 s - 1/4 s^3`` with ``s = sin(angle / 2)``: close at the front, wide at the
back, and without a trigonometric function to compute. The first and the last column are the same line at the back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.simulation.optics import Footprint, Map, Pinhole, Pose, Vector
from edge.simulation.sampling import sampled

_Number = TypeVar("_Number", bound=np.generic)

# Light directions on a side of the octahedral square for which self-shadowing is worked out: about 13 degrees apart.
_DIRECTIONS: Final = 16
# Clearance of a shadow ray over which it passes from dark to lit, as a slope: a lamp of 2.5 cm at 0.5 m.
_PENUMBRA: Final = 0.05
# Distances along a shadow ray, metres. The first is about two cells: nearer, the grid's facets would shadow themselves.
_SHADOW_STEPS: Final = np.geomspace(0.005, 0.18, 13, dtype=np.float32)
# Pixels between the rays of the first pass of a footprint.
_STRIDE: Final = 4
_COARSE_STEPS: Final = 24
_FINE_STEPS: Final = 14
# Depths at the corners of a cell of the first pass that differ by more hide an edge between them, metres.
_SMOOTH: Final = 0.008
_MARGIN: Final = 0.004
# Nothing nearer to the camera is drawn, metres.
_NEAREST: Final = 0.02
# ``sampled`` takes fewer than 32768 columns.
_MOST_COLUMNS: Final = 32000


def column_angles(columns: int) -> Vector:
    """(columns,) float64 radians from -pi to pi: angle of each column of a relief."""
    u = np.linspace(-1.0, 1.0, columns)
    # The root within -1..1 of s^3 - 5 s + 4 u = 0, by the trigonometric solution of the cubic.
    reach = np.sqrt(5.0 / 3.0)
    s = 2.0 * reach * np.sin(np.arcsin(2.0 * u / reach**3) / 3.0)
    return np.asarray(2.0 * np.arcsin(np.clip(s, -1.0, 1.0)), np.float64)


def angle_columns(x: Map, forward: Map, radius: Map, *, columns: int) -> Map:
    """Column, as a fraction, of points ``x`` to the right of the axis and ``forward`` of it; any one shape."""
    half = x / np.sqrt(np.maximum(2.0 * radius * (radius + forward), np.float32(1e-12)))
    np.clip(half, -1.0, 1.0, out=half)
    scale = (columns - 1) / 2
    return np.asarray(half * (1.25 * scale - 0.25 * scale * half * half) + scale, np.float32)


def filled(values: Map, known: Map) -> Map:
    """Values spread smoothly into the gaps of a grid that goes around an axis, from coarse to fine.

    values: (h, w) or (h, w, bands). known: (h, w) 0..1, how much each counts; what is known fully stays as it is.
    """
    columns = values.shape[1]
    side = columns // 2
    # Both ends are the same line, so what follows the last column is the second.
    around = np.arange(-side, columns + side) % (columns - 1)
    weights = known[:, around].astype(np.float32)
    bands = np.atleast_3d(values)[:, around].astype(np.float32)
    smooth = _pull_push(np.dstack((bands * weights[..., None], weights)))
    # A place has two columns, once around apart; towards the ends they count alike.
    here = np.arange(columns)
    other = np.where(here <= side, here + columns - 1, here - columns + 1)
    weight = (0.5 * np.abs(here / (columns - 1) * 2 - 1) ** 2)[None, :, None].astype(np.float32)
    smooth = smooth[:, side + here] * (1 - weight) + smooth[:, np.clip(side + other, 0, smooth.shape[1] - 1)] * weight
    share = known[..., None]
    result = np.atleast_3d(values) * share + smooth * (1 - share)
    return np.asarray(result.reshape(values.shape), np.float32)


def _pull_push(weighted: Map) -> Map:
    """(h, w, bands + 1), the last the weight that the others are multiplied by, as (h, w, bands) without gaps."""
    height, width = weighted.shape[:2]
    weight = weighted[..., -1:]
    own = weighted[..., :-1] / np.maximum(weight, 1e-6)
    if min(height, width) < 4:
        total = weighted.reshape(-1, weighted.shape[2]).sum(axis=0)
        return np.where(weight > 1e-3, own, total[:-1] / max(float(total[-1]), 1e-6)).astype(np.float32)
    # Weights add up over the four pixels of a coarser one, and count no more than one.
    coarser = np.asarray(cv2.pyrDown(weighted), np.float32)
    scale = np.minimum(4.0, 1.0 / np.maximum(coarser[..., -1:], 1e-6))
    below = _pull_push(coarser * scale)
    up = cv2.resize(below, (width, height), interpolation=cv2.INTER_LINEAR)
    up = np.atleast_3d(up)
    share = np.clip(weight, 0.0, 1.0)
    return np.asarray(own * share + up * (1 - share), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Rays:
    """Rays of the camera in local coordinates: origin + depth * (x, y, z), whose depth is the world's z."""

    origin: tuple[float, float, float]
    x: Map
    y: Map
    z: Map

    def listed(self, chosen: NDArray[np.intp] | slice) -> _Rays:
        """Those with the given flat indices, as rows of one."""
        return _Rays(self.origin, *(part.reshape(1, -1)[:, chosen] for part in (self.x, self.y, self.z)))

    def within(self, radius: float, top: float, bottom: float) -> tuple[Map, Map]:
        """Depths where they enter the cylinder about the axis, and half way from its middle to its far side.

        What the cylinder holds is met before that. Rays that pass it by have both at their closest approach. Those that
        are steeper than 27 degrees are followed to where they leave the cylinder or pass its ends.
        """
        across = self.x * self.x + self.z * self.z
        towards = self.origin[0] * self.x + self.origin[2] * self.z
        outside = self.origin[0] ** 2 + self.origin[2] ** 2 - radius * radius
        middle = -towards / across
        half = np.sqrt(np.maximum(towards * towards - across * outside, 0.0)) / across
        begin = np.maximum(middle - half, np.float32(_NEAREST))
        last = np.maximum(middle + np.float32(0.5) * half, begin)
        steep = np.flatnonzero(self.y * self.y > 0.25 * across)
        if steep.size:
            down = self.y.ravel()[steep]
            ends = np.sort(np.stack([(end - np.float32(self.origin[1])) / down for end in (top, bottom)]), axis=0)
            enters = np.clip(ends[0], begin.ravel()[steep], (middle + half).ravel()[steep])
            leaves = np.clip(ends[1], enters, (middle + half).ravel()[steep])
            begin.ravel()[steep], last.ravel()[steep] = enters, np.maximum(leaves, enters)
        return begin, last


class Relief:
    """A star-like closed surface; implements ``edge.simulation.optics.Shape``.

    radius: (gh, gw) float metres, more than 0: rows evenly from ``top`` to ``bottom``, columns as ``column_angles``;
    first and last column are one line. top, bottom: local y of the first and last row, metres. It is closed there by
    flat ends. Raises ValueError for anything else.
    """

    def __init__(self, radius: NDArray[np.floating], top: float, bottom: float) -> None:
        if radius.ndim != 2 or min(radius.shape) < 8 or not bottom > top:
            raise ValueError(f"a relief has 8 x 8 radii or more between its top and bottom, not {radius.shape}")
        if not (np.isfinite(radius).all() and radius.min() > 0):
            raise ValueError("the radii of a relief are finite and more than 0")
        self.top, self.bottom = top, bottom
        self.radius: Map = np.array(radius, np.float32)
        self.radius[:, -1] = self.radius[:, 0]
        self._rows_per_metre = (radius.shape[0] - 1) / (bottom - top)
        self._reach = float(self.radius.max())
        self._points = self._place()
        self._normals, self._steepness = self._slopes()
        self._clearance = self._all_clearances()
        self._openness = self._all_openness()

    @property
    def points(self) -> Map:
        """(gh, gw, 3) local metres."""
        return self._points

    @property
    def normals(self) -> Map:
        """(gh, gw, 3) local unit vectors, outward."""
        return self._normals

    @property
    def openness(self) -> Map:
        """(gh, gw) cosine-weighted share of the free hemisphere, 0..1."""
        return self._openness

    def at(self, x: float, y: float) -> Vector:
        """(3,) float64: the foremost point of the surface at local ``x`` and ``y``, metres.

        Raises ValueError where the front of the surface has no such point.
        """
        forward = np.linspace(self._reach, 0.0, 1 + int(self._reach / 0.0002), dtype=np.float32)
        gap = self._gap_at(np.full_like(forward, x)[None], np.full_like(forward, y)[None], forward[None])[0]
        inside = np.flatnonzero(gap < 0)
        if not inside.size:
            raise ValueError(f"the surface has no point at x {x:.3f} m, y {y:.3f} m")
        return np.array([x, y, -float(forward[inside[0]])])

    def grid_position(self, points: NDArray[np.floating]) -> Map:
        """(..., 3) local points as (..., 2) column and row on the grid, fractions."""
        x, y, z = (np.asarray(points[..., axis], np.float32) for axis in range(3))
        columns = angle_columns(x, -z, np.hypot(x, z), columns=self.radius.shape[1])
        return np.stack((columns, (y - np.float32(self.top)) * np.float32(self._rows_per_metre)), axis=-1)

    def footprint(self, pose: Pose, camera: Pinhole) -> Footprint | None:
        """Intersects the ray of each pixel with the surface. None where nothing of it is in the picture.

        Rays four pixels apart are marched; between those that agree a pixel begins at their depth, elsewhere it is
        marched as well. Coverage at a silhouette comes from how near to the surface a ray passes, in pixels.
        """
        window = self._window(pose, camera)
        if window is None:
            return None
        top, left, height, width = window
        # Nodes of the first pass reach one beyond the window.
        down, across = -(-height // _STRIDE) + 1, -(-width // _STRIDE) + 1
        coarse = _camera_rays(pose, camera, top + _STRIDE * np.arange(down), left + _STRIDE * np.arange(across)).listed(
            slice(None)
        )
        found, least = self._march(coarse, *coarse.within(self._reach, self.top, self.bottom), _COARSE_STEPS)
        near, hit = found.reshape(down, across), (least < 0).reshape(down, across)
        depth = np.where(hit, near, np.float32(np.inf))
        cells = np.stack((depth[:-1, :-1], depth[:-1, 1:], depth[1:, :-1], depth[1:, 1:]))
        foremost, hindmost = cells.min(axis=0), cells.max(axis=0)
        smooth = _spread(hindmost - np.where(np.isfinite(foremost), foremost, 0) < _SMOOTH, height, width)
        rough = _spread(np.isfinite(foremost), height, width) & ~smooth

        rays = _camera_rays(pose, camera, top + np.arange(height), left + np.arange(width))
        x, y = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
        coverage = smooth.astype(np.float32)
        inside = np.flatnonzero(smooth)
        begin = _enlarged(np.where(hit, near, 0), height, width).reshape(1, -1)[:, inside]
        x.ravel()[inside], y.ravel()[inside] = self._settle(rays.listed(inside), begin)
        edge = np.flatnonzero(rough)
        some = rays.listed(edge)
        first, last = some.within(self._reach, self.top, self.bottom)
        first = np.maximum(first, _spread(foremost, height, width).reshape(1, -1)[:, edge] - np.float32(_MARGIN))
        limit = _spread(hindmost, height, width).reshape(1, -1)[:, edge] + np.float32(_MARGIN)
        last = np.maximum(np.minimum(last, limit), first)
        x.ravel()[edge], y.ravel()[edge], coverage.ravel()[edge] = self._skim(some, first, last, camera)
        # Rays that meet the flat ends lie a little beyond the grid.
        np.clip(y, 0, self.radius.shape[0] - 1, out=y)
        return Footprint(top, left, x, y, coverage) if coverage.any() else None

    def sees(self, directions: Map) -> Map:
        """(gh, gw) float32 0..1, from directions (gh, gw, 3) or (3,), local unit vectors towards the light.

        Interpolates, between the directions for which it was worked out, how far the surface stays off the ray.
        """
        if directions.ndim == 3:
            directions = sampled(directions, *self._sparse)
        a, b = _octahedral(directions)
        column, row = np.minimum(a.astype(np.intp), _DIRECTIONS - 2), np.minimum(b.astype(np.intp), _DIRECTIONS - 2)
        across, down = (a - column).astype(np.float32), (b - row).astype(np.float32)
        cell = row * _DIRECTIONS + column
        table = self._clearance
        if directions.ndim == 3:
            flat = table.reshape(len(table), -1)
            place = np.arange(flat.shape[1]).reshape(cell.shape)
            corners = [flat[cell + step, place] for step in (0, 1, _DIRECTIONS, _DIRECTIONS + 1)]
        else:
            corners = [table[int(cell) + step] for step in (0, 1, _DIRECTIONS, _DIRECTIONS + 1)]
        upper = corners[0] + (corners[1] - corners[0]) * across
        lower = corners[2] + (corners[3] - corners[2]) * across
        free = sampled(upper + (lower - upper) * down, *self._dense)
        return np.asarray(np.clip(free / np.float32(_PENUMBRA) + np.float32(0.5), 0.0, 1.0), np.float32)

    def _place(self) -> Map:
        rows, columns = self.radius.shape
        angle = column_angles(columns)
        heights = np.broadcast_to(np.linspace(self.top, self.bottom, rows)[:, None], self.radius.shape)
        return np.stack((self.radius * np.sin(angle), heights, -self.radius * np.cos(angle)), axis=-1).astype(
            np.float32
        )

    def _slopes(self) -> tuple[Map, Map]:
        """Normals, and how much faster the radial gap grows than the distance to the surface."""
        angle = column_angles(self.radius.shape[1])
        # Both ends are the same line: one more column on either side goes on around.
        ring = np.concatenate((self.radius[:, -2:-1], self.radius, self.radius[:, 1:2]), axis=1)
        around = np.concatenate((angle[-2:-1] - 2 * np.pi, angle, angle[1:2] + 2 * np.pi))
        turning = np.gradient(ring, around, axis=1)[:, 1:-1] / self.radius
        falling = np.gradient(self.radius, 1.0 / self._rows_per_metre, axis=0)
        # The gradient of (distance from the axis - radius) in cylindrical coordinates.
        sine, cosine = np.sin(angle), np.cos(angle)
        normal = np.stack((sine - turning * cosine, -falling, -cosine - turning * sine), axis=-1)
        steepness = np.linalg.norm(normal, axis=-1)
        return (normal / steepness[..., None]).astype(np.float32), steepness.astype(np.float32)

    def _locate(self, x: Map, y: Map, forward: Map) -> tuple[Map, Map, Map]:
        """Column, row and distance from the axis."""
        away = np.sqrt(x * x + forward * forward)
        rows = (y - np.float32(self.top)) * np.float32(self._rows_per_metre)
        return angle_columns(x, forward, away, columns=self.radius.shape[1]), rows, away

    def _gap_at(self, x: Map, y: Map, forward: Map) -> Map:
        """Distance from the axis less the surface's; negative inside. 2-dimensional arrays."""
        columns, rows, away = self._locate(x, y, forward)
        for begin in range(0, columns.shape[1], _MOST_COLUMNS):
            part = np.s_[:, begin : begin + _MOST_COLUMNS]
            away[part] -= sampled(self.radius, columns[part], rows[part], outside=0.0)
        return away

    def _along(self, rays: _Rays, depth: Map) -> tuple[Map, Map, Map]:
        ox, oy, oz = (np.float32(value) for value in rays.origin)
        return ox + depth * rays.x, oy + depth * rays.y, -oz - depth * rays.z

    def _gap(self, rays: _Rays, depth: Map) -> Map:
        return self._gap_at(*self._along(rays, depth))

    def _march(self, rays: _Rays, begin: Map, end: Map, steps: int) -> tuple[Map, Map]:
        """Depth of the first crossing, and the gap where the ray comes closest: negative if it crosses.

        Rays and depths are rows of one. Where there is no crossing the depth is that of the closest approach.
        """
        depths = begin + np.linspace(0.0, 1.0, steps, dtype=np.float32)[:, None] * (end - begin)
        gaps = self._gap(rays, depths)
        place = np.arange(depths.shape[1])

        lowest = np.clip(gaps.argmin(axis=0), 1, steps - 2)
        before, at, after = gaps[lowest - 1, place], gaps[lowest, place], gaps[lowest + 1, place]
        bend = np.maximum(before - 2 * at + after, np.float32(1e-9))
        offset = np.clip((before - after) / (2 * bend), -1.0, 1.0)
        closest = (depths[lowest, place] + offset * (depths[1] - depths[0]))[None]
        least = np.minimum(self._gap(rays, closest), gaps.min(axis=0))

        inside = gaps < 0
        crossed = inside.any(axis=0)
        first = np.maximum(inside.argmax(axis=0), 1)
        outer, inner = depths[first - 1, place], depths[first, place]
        gap_outer, gap_inner = gaps[first - 1, place], gaps[first, place]
        for _ in range(3):
            share = np.clip(gap_outer / np.maximum(gap_outer - gap_inner, np.float32(1e-9)), 0.02, 0.98)
            depth = outer + share * (inner - outer)
            gap = self._gap(rays, depth[None])[0]
            beyond = gap < 0
            outer, gap_outer = np.where(beyond, outer, depth), np.where(beyond, gap_outer, gap)
            inner, gap_inner = np.where(beyond, depth, inner), np.where(beyond, gap, gap_inner)
        share = np.clip(gap_outer / np.maximum(gap_outer - gap_inner, np.float32(1e-9)), 0.0, 1.0)
        return np.where(crossed, outer + share * (inner - outer), closest), least

    def _settle(self, rays: _Rays, depth: Map) -> tuple[Map, Map]:
        """Column and row where rays cross that are known to do so near ``depth``: three steps of the secant."""
        gap = self._gap(rays, depth)
        # Seen from the front, the gap shrinks about as fast as the depth grows.
        following = depth + np.clip(gap, -_SMOOTH, _SMOOTH)
        for _ in range(2):
            new = self._gap(rays, following)
            change = new - gap
            change[np.abs(change) < 1e-7] = 1e-7
            step = np.clip(-new * (following - depth) / change, -_SMOOTH, _SMOOTH)
            depth, gap, following = following, new, following + step
        columns, rows, _ = self._locate(*self._along(rays, following))
        return columns, rows

    def _skim(self, rays: _Rays, begin: Map, end: Map, camera: Pinhole) -> tuple[Map, Map, Map]:
        """Column, row and coverage of rays near an edge."""
        depth, least = self._march(rays, begin, end, _FINE_STEPS)
        columns, rows, _ = self._locate(*self._along(rays, depth))
        steepness = sampled(self._steepness, columns, rows)
        pixel = depth * np.float32(1.0 / camera.focal) * steepness
        coverage = np.clip(np.float32(0.5) - least / pixel, 0.0, 1.0)
        # A ray that passes above the first row or below the last may be near to the axis, but not to the surface.
        beyond = np.maximum(-rows, rows - np.float32(self.radius.shape[0] - 1)) / np.float32(self._rows_per_metre)
        coverage *= (least < 0) | (beyond * np.float32(camera.focal) < depth)
        return columns, rows, coverage

    def _window(self, pose: Pose, camera: Pinhole) -> tuple[int, int, int, int] | None:
        """Top, left, height and width of what the surface may cover of the picture."""
        some = pose.to_world(self._points[:: max(1, len(self._points) // 16)].reshape(-1, 3))
        ends = pose.to_world(np.concatenate((self._points[0], self._points[-1])))
        world = np.concatenate((some, ends))
        if (world[:, 2] < _NEAREST).all():
            return None
        depth = np.maximum(world[:, 2], _NEAREST)
        centre = np.array(camera.centre, np.float32)
        pixels = world[:, :2] * (camera.focal / depth)[:, None] + centre
        # The rows in between bulge beyond the chosen ones by less than this.
        spare = 2 + 0.03 * float(np.ptp(pixels, axis=0).max())
        left, top = np.floor(np.maximum(pixels.min(axis=0) - spare, 0)).astype(int)
        right, bottom = np.ceil(pixels.max(axis=0) + spare).astype(int) + 1
        right, bottom = min(int(right), camera.width), min(int(bottom), camera.height)
        if right <= left or bottom <= top:
            return None
        return int(top), int(left), bottom - int(top), right - int(left)

    def _all_clearances(self) -> Map:
        """(directions, gh / 2, gw / 2): least slope by which the surface stays off a ray from each second point."""
        rows, columns = self.radius.shape
        few = (columns // 2, rows // 2)
        self._sparse = corner_maps(few, (columns, rows))
        self._dense = corner_maps((columns, rows), few)
        start = sampled(self._points, *self._sparse)
        x, y, z = (start[..., axis].reshape(1, -1) for axis in range(3))
        steps = _SHADOW_STEPS[:, None]
        table = np.empty((_DIRECTIONS**2, few[1], few[0]), np.float32)
        for number, (dx, dy, dz) in enumerate(_directions().astype(np.float32)):
            gaps = self._gap_at(x + steps * dx, y + steps * dy, -z - steps * dz)
            table[number] = (gaps / steps).min(axis=0).reshape(few[1], few[0])
        return table

    def _all_openness(self) -> Map:
        directions = _directions()
        # A cell of the octahedral square spans a solid angle as the inverse cube of the octahedron's distance.
        weights = np.abs(directions).sum(axis=1) ** 3
        normals = sampled(self._normals, *self._sparse)
        cosines = np.maximum(np.tensordot(directions, normals, axes=(1, 2)), 0.0) * weights[:, None, None]
        free = np.clip(self._clearance / _PENUMBRA + 0.5, 0.0, 1.0)
        openness = ((cosines * free).sum(axis=0) / cosines.sum(axis=0)).astype(np.float32)
        return sampled(openness, *self._dense)


def _camera_rays(pose: Pose, camera: Pinhole, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> _Rays:
    turned = pose.rotation.T
    ox, oy, oz = (float(value) for value in -turned @ pose.position)
    across = (columns - camera.centre[0]) / camera.focal
    down = ((rows - camera.centre[1]) / camera.focal)[:, None]
    parts = [(line[0] * across + (line[1] * down + line[2])).astype(np.float32) for line in turned]
    return _Rays((ox, oy, oz), *parts)


def _spread(cells: NDArray[_Number], height: int, width: int) -> NDArray[_Number]:
    """Values of the first pass' cells at their pixels."""
    return cells.repeat(_STRIDE, axis=0)[:height].repeat(_STRIDE, axis=1)[:, :width]


def _enlarged(nodes: Map, height: int, width: int) -> Map:
    """Values at the first pass' nodes, between them at the pixels."""
    matrix = np.array([[1 / _STRIDE, 0, 0], [0, 1 / _STRIDE, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(
        nodes.astype(np.float32), matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.float32)


def corner_maps(size: tuple[int, int], source: tuple[int, int]) -> tuple[Map, Map]:
    """Columns and rows that stretch a grid of ``source`` columns and rows over ``size``, corner to corner."""
    columns, rows = (np.linspace(0, have - 1, want, dtype=np.float32) for want, have in zip(size, source, strict=True))
    x, y = np.meshgrid(columns, rows)
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def _octahedral(directions: Map) -> tuple[Map, Map]:
    """Column and row on the octahedral square of unit vectors; its middle is the front, its rim the back."""
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    size = np.abs(x) + np.abs(y) + np.abs(z)
    a, b = x / size, y / size
    behind = z > 0
    folded_a = np.where(behind, (1 - np.abs(b)) * np.where(a < 0, -1, 1), a)
    folded_b = np.where(behind, (1 - np.abs(a)) * np.where(b < 0, -1, 1), b)
    scale = np.float32((_DIRECTIONS - 1) / 2)
    return (folded_a + 1) * scale, (folded_b + 1) * scale


def _directions() -> Vector:
    """(_DIRECTIONS^2, 3) unit vectors of the nodes of the octahedral square, row by row."""
    line = np.linspace(-1.0, 1.0, _DIRECTIONS)
    b, a = (part.ravel() for part in np.meshgrid(line, line, indexing="ij"))
    forward = 1 - np.abs(a) - np.abs(b)
    x = np.where(forward < 0, (1 - np.abs(b)) * np.where(a < 0, -1, 1), a)
    y = np.where(forward < 0, (1 - np.abs(a)) * np.where(b < 0, -1, 1), b)
    vectors = np.stack((x, y, -forward), axis=1)
    return cast(Vector, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
