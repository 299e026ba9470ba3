"""How much of a lamp's light other surfaces keep from a point: sheets where they are, other shapes by their silhouette.

From a point the lamp is seen through the plane of what stands before it, as a patch of that plane. What share of the
patch is covered is the share of the lamp that is hidden, so shadows are as soft as the lamp is wide. The patch is taken
for a rectangle along the sheet's sides with the second moments of the true one; between parallel planes it is exact.
Of a bent sheet it is the arc between the ways to the lamp's edges.

A shape that is no sheet is taken for the silhouette that the lamp's middle sees of it, in the plane through its middle
that faces the lamp. So it hides nothing from what is nearer to the lamp than its middle: a neck that is set into
shoulders stays lit where both are in one place.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.simulation.optics import Layer, Map, Parts, Pinhole, Pose, Shape, Source, Vector
from edge.simulation.sampling import sampled
from edge.simulation.sheet import BendAxis, Sheet

# Texels along the longer side of a mask: 2 mm on a sheet of A4.
_MASK: Final = 144
# Pixels each way of a silhouette: 3 mm on a head.
_SILHOUETTE: Final = 96
# A silhouette serves while the lamp is seen from the shape within so many degrees and this share of its distance; half
# of that moves what lies 10 cm before or behind the shape's middle by less than 2 mm.
_DEGREES: Final = 2.0
_NEARER: Final = 0.05
# Silhouettes that are kept: of eight shapes under four lamps, with some for shapes that move.
_KEPT: Final = 128
# From so far, metres, the silhouette is seen that is cast by parallel light.
_FAR: Final = 20.0
# ``sampled`` reads between texels by steps of this share of one.
_STEP: Final = np.float32(1 / 32)
# ``sampled`` takes fewer than 32768 columns.
_MOST_POINTS: Final = 32000
# By so much a share may be off that float32 sums of a whole mask are taken for: what is nearer to none or all is that.
_ROUNDED: Final = np.float32(0.002)
_TINY: Final = np.float32(1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class Sphere:
    """That holds a shape. centre: (3,) metres."""

    centre: Vector
    radius: float

    @classmethod
    def around(cls, shape: Shape) -> Sphere:
        """In the shape's own coordinates."""
        points = shape.points.reshape(-1, 3).astype(np.float64)
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        return cls(centre, float(np.sqrt(((points - centre) ** 2).sum(axis=1).max())))

    def placed(self, pose: Pose) -> Sphere:
        return Sphere(pose.rotation @ self.centre + pose.position, self.radius)


def may_shadow(caster: Sphere, receiver: Sphere, source: Source) -> bool:
    """Whether a line from a point of one sphere to a point of the lamp may meet the other sphere."""
    extent = math.sqrt(sum(float(side @ side) for side in source.sides))
    between = caster.centre - receiver.centre
    if source.far:
        # As far as the caster can be.
        length = math.sqrt(between @ between) + caster.radius
        way, grows = source.place * length, length * extent
    else:
        way, grows = source.place - receiver.centre, extent - receiver.radius
    # All such lines fill the spheres whose middle and radius go evenly from the receiver's to the lamp's. The caster is
    # nearest to one of these where the distance of their middles grows as fast as the radius.
    squared = max(float(way @ way), 1e-12)
    nearest = float(between @ way) / squared
    beside = math.sqrt(max(float(between @ between) - nearest**2 * squared, 0.0))
    slope = grows / math.sqrt(squared)
    if abs(slope) < 1:
        nearest += slope * beside / math.sqrt((1 - slope**2) * squared)
    elif slope > 0:
        nearest = 1.0
    else:
        nearest = 0.0
    share = min(max(nearest, 0.0), 1.0)
    apart = float(np.linalg.norm(between - share * way))
    return apart <= caster.radius + receiver.radius + share * grows


class _Mask(Protocol):
    """What of a plane is covered, about its origin."""

    @property
    def reach(self) -> tuple[float, float]:
        """Beyond which nothing is covered, metres to either side and up or down; a little more at most."""
        ...

    def share(self, x: Map, y: Map, half_x: Map, half_y: Map) -> Map:
        """Covered share of rectangles about (x, y), metres."""
        ...


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """All of a rectangle. width, height: metres."""

    width: float
    height: float

    @property
    def reach(self) -> tuple[float, float]:
        return self.width / 2, self.height / 2

    def share(self, x: Map, y: Map, half_x: Map, half_y: Map) -> Map:
        return _overlap(x, half_x, self.width / 2) * _overlap(y, half_y, self.height / 2)


def _overlap(middle: Map, half: Map, reach: float) -> Map:
    """Share of middle - half .. middle + half within -reach .. reach."""
    to_right, to_left = np.minimum(half, np.float32(reach) - middle), np.minimum(half, np.float32(reach) + middle)
    return _float(np.maximum(to_right + to_left, 0) / (2 * half))


class _Cut:
    """What an outline leaves of a rectangle.

    outline: (mh, mw) 0..1, its texels fill the rectangle.
    """

    def __init__(self, outline: Map, width: float, height: float) -> None:
        rows, columns = outline.shape
        # Sums from the upper left corner: that of a rectangle is four of them.
        self._sums = np.zeros((rows + 1, columns + 1), np.float32)
        self._sums[1:, 1:] = np.cumsum(np.cumsum(outline, axis=0, dtype=np.float64), axis=1)
        self._scale = np.float32(columns / width), np.float32(rows / height)
        self._middle = np.float32(columns / 2), np.float32(rows / 2)
        # A point of a lamp or surface is as large as a texel at least.
        self.reach = width / 2 + width / columns, height / 2 + height / rows

    def share(self, x: Map, y: Map, half_x: Map, half_y: Map) -> Map:
        share = np.zeros(x.size, np.float32)
        flat = [values.ravel() for values in (x, y, half_x, half_y)]
        for begin in range(0, x.size, _MOST_POINTS):
            part = slice(begin, begin + _MOST_POINTS)
            left, right = self._span(flat[0][part], flat[2][part], 0)
            top, bottom = self._span(flat[1][part], flat[3][part], 1)
            columns, rows = np.stack([left, right, left, right]), np.stack([top, top, bottom, bottom])
            upper_left, upper_right, lower_left, lower_right = sampled(self._sums, columns, rows)
            covered = (lower_right - lower_left) - (upper_right - upper_left)
            share[part] = covered / ((right - left) * (bottom - top))
        return _float(np.clip((share - _ROUNDED) / (1 - 2 * _ROUNDED), 0, 1)).reshape(x.shape)

    def _span(self, middle: Map, half: Map, axis: int) -> tuple[Map, Map]:
        """First and last texel, as fractions that can be read exactly."""
        at, reach = middle * self._scale[axis] + self._middle[axis], half * self._scale[axis]
        reach = np.maximum(reach, np.float32(0.5))
        # Beyond this nothing is covered, and coordinates stay small.
        limit = self._middle[axis] * 8
        first = np.clip(np.round((at - reach) / _STEP) * _STEP, -limit, limit)
        last = np.clip(np.round((at + reach) / _STEP) * _STEP, -limit, limit)
        return first, np.maximum(last, first + _STEP)


def _mask_of(sheet: Sheet) -> _Mask:
    if sheet.outline is None:
        return _Rectangle(sheet.width, sheet.height)
    rows, columns = sheet.outline.shape
    scale = min(1.0, _MASK / max(rows, columns))
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    outline = np.asarray(cv2.resize(sheet.outline, size, interpolation=cv2.INTER_AREA), np.float32)
    return _Cut(outline, sheet.width, sheet.height)


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """From each of many points to a lamp, in the coordinates of what may stand in it.

    start: the points. along: all the way to the lamp; towards a far one, a unit vector. ends: the lamp is there.
    sides: (n, 3) of the lamp. cell: metres between the points.
    """

    start: Parts
    along: Parts
    ends: bool
    sides: Map
    cell: float

    def inside(self, part: Map) -> NDArray[np.bool_]:
        """Whether that part of the way is neither behind the point nor behind the lamp."""
        return np.asarray((part > 0) & (part < 1) if self.ends else part > 0, np.bool_)

    def least(self, part: Map) -> Map:
        """Half of what a cell covers after a part of the way: a point stands for its cell."""
        half = np.float32(self.cell / 2)
        return np.maximum(half * (1 - part), _TINY) if self.ends else np.full_like(part, max(half, _TINY))


class Shadows:
    """Keeps masks and silhouettes of the shapes that cast shadows."""

    def __init__(self) -> None:
        self._masks: dict[int, tuple[Sheet, _Mask]] = {}
        self._silhouettes: OrderedDict[tuple[int, ...], tuple[Shape, _Silhouette | None]] = OrderedDict()

    def left(
        self, caster: Layer, form: Sphere, source: Source, receiver: Sphere, points: Parts, cell: float
    ) -> Map | None:
        """Share 0..1 of the lamp that the caster leaves each point to see; None where that is all of it for all.

        form: around the caster's shape, in its coordinates. receiver: around the points. points: world metres, three
        maps of one shape. cell: metres between them.
        """
        sphere = form.placed(caster.pose)
        if not may_shadow(sphere, receiver, source):
            return None
        shape = caster.shape
        if isinstance(shape, Sheet) and shape.bend is not None:
            bent = _by_bent(shape, self._mask(shape), _way(caster.pose, source, points, cell))
            return _float(1 - bent) if bent.any() else None
        plane, mask = self._plane(caster, form, sphere, source)
        if mask is None or _before(plane, receiver, source):
            return None
        hidden = _by_flat(mask, _way(plane, source, points, cell))
        return None if hidden is None else _float(1 - hidden)

    def _plane(self, caster: Layer, form: Sphere, sphere: Sphere, source: Source) -> tuple[Pose, _Mask | None]:
        """That the caster is taken for, and what of it is covered; None where the lamp sees nothing of it."""
        if isinstance(caster.shape, Sheet):
            return caster.pose, self._mask(caster.shape)
        silhouette = self._silhouette(caster.shape, form, caster.pose, source)
        if silhouette is None:
            return caster.pose, None
        return Pose(caster.pose.rotation @ silhouette.pose.rotation, sphere.centre), silhouette.mask

    def _mask(self, sheet: Sheet) -> _Mask:
        known = self._masks.get(id(sheet))
        if known is None:
            known = self._masks[id(sheet)] = sheet, _mask_of(sheet)
        return known[1]

    def _silhouette(self, shape: Shape, sphere: Sphere, pose: Pose, source: Source) -> _Silhouette | None:
        if source.far:
            towards, distance, nearness = pose.rotation.T @ source.place, _FAR, 0
        else:
            towards = pose.rotation.T @ (source.place - pose.position) - sphere.centre
            distance = max(math.sqrt(towards @ towards), 1e-3)
            towards = towards / distance
            nearness = round(math.log(distance) / _NEARER)
            distance = math.exp(nearness * _NEARER)
        # Rounded, so that a silhouette follows from where things are and not from where they were before.
        x, y, z = towards.tolist()
        yaw = round(math.degrees(math.atan2(x, -z)) / _DEGREES)
        pitch = round(math.degrees(math.asin(min(max(y, -1.0), 1.0))) / _DEGREES)
        key = id(shape), yaw, pitch, nearness
        if key not in self._silhouettes:
            angles = math.radians(yaw * _DEGREES), math.radians(pitch * _DEGREES)
            self._silhouettes[key] = shape, _silhouette(shape, sphere, angles, distance)
            if len(self._silhouettes) > _KEPT:
                self._silhouettes.popitem(last=False)
        self._silhouettes.move_to_end(key)
        return self._silhouettes[key][1]


@dataclass(frozen=True, slots=True, eq=False)
class _Silhouette:
    """pose: of its plane in the shape's coordinates, its z axis away from the lamp."""

    pose: Pose
    mask: _Mask


def _silhouette(shape: Shape, sphere: Sphere, angles: tuple[float, float], distance: float) -> _Silhouette | None:
    """angles: yaw and pitch of the lamp from the middle of the sphere, radians. distance: to there, metres."""
    yaw, pitch = angles
    ahead = -np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    aside = np.array([np.cos(yaw), 0.0, np.sin(yaw)])
    axes = np.column_stack([aside, np.cross(ahead, aside), ahead])
    # Of the sphere's own outline, as the lamp sees it; closer than this it fills half of all directions.
    reach = sphere.radius * distance / np.sqrt(max(distance**2 - sphere.radius**2, (distance / 2) ** 2))
    camera = Pinhole(_SILHOUETTE, _SILHOUETTE, _SILHOUETTE / 2 * distance / reach)
    seen = shape.footprint(Pose(axes.T, axes.T @ (ahead * distance - sphere.centre)), camera)
    if seen is None:
        return None
    whole = np.zeros((_SILHOUETTE, _SILHOUETTE), np.float32)
    rows, columns = seen.coverage.shape
    whole[seen.top : seen.top + rows, seen.left : seen.left + columns] = seen.coverage
    return _Silhouette(Pose(axes, sphere.centre), _Cut(whole, 2 * reach, 2 * reach))


def _way(pose: Pose, source: Source, points: Parts, cell: float) -> _Way:
    start = _local(pose, tuple(part - np.float32(at) for part, at in zip(points, pose.position, strict=True)))
    to = pose.rotation.T @ (source.place if source.far else source.place - pose.position)
    x, y, z = (np.float32(part) for part in to)
    along = (
        (np.full_like(start[0], x), np.full_like(start[0], y), np.full_like(start[0], z))
        if source.far
        else (x - start[0], y - start[1], z - start[2])
    )
    return _Way(start, along, not source.far, (source.sides @ pose.rotation).astype(np.float32), cell)


def _local(pose: Pose, vectors: tuple[Map, ...]) -> Parts:
    turned = pose.rotation.astype(np.float32)
    x, y, z = (
        np.asarray(vectors[0] * turned[0, axis] + vectors[1] * turned[1, axis] + vectors[2] * turned[2, axis])
        for axis in range(3)
    )
    return x, y, z


def _before(plane: Pose, receiver: Sphere, source: Source) -> bool:
    """Whether all of the sphere is on the side of the plane where all of the lamp is."""
    normal = plane.rotation[:, 2]
    off = float((receiver.centre - plane.position) @ normal)
    beyond = float(source.place @ normal if source.far else (source.place - plane.position) @ normal)
    reach = float(np.abs(source.sides @ normal).sum())
    return abs(off) >= receiver.radius and abs(beyond) >= reach and off * beyond > 0


def _by_flat(mask: _Mask, way: _Way) -> Map | None:
    """Hidden share where the way meets the plane z = 0; None where nothing is hidden."""
    steep = _from_zero(way.along[2])
    part = -way.start[2] / steep
    inside = way.inside(part)
    if not inside.any():
        return None
    x, y = way.start[0] + part * way.along[0], way.start[1] + part * way.along[1]
    lean_x, lean_y = way.along[0] / steep, way.along[1] / steep
    # No rectangle reaches farther than this, and most points have theirs beside the mask.
    most = part * np.float32(math.sqrt(float((way.sides**2).sum())))
    near = np.float32(way.cell / 2)
    reach_x, reach_y = mask.reach
    inside &= np.abs(x) - most * (1 + np.abs(lean_x)) < reach_x + near
    inside &= np.abs(y) - most * (1 + np.abs(lean_y)) < reach_y + near
    some = np.flatnonzero(inside)
    if not some.size:
        return None
    x, y, lean_x, lean_y, part = (values.ravel()[some] for values in (x, y, lean_x, lean_y, part))
    spread_x, spread_y = np.zeros_like(part), np.zeros_like(part)
    for side in way.sides:
        # As the lamp's end of the way moves by a side, the place in the plane moves by this times the part.
        spread_x += (side[0] - lean_x * side[2]) ** 2
        spread_y += (side[1] - lean_y * side[2]) ** 2
    least, squared = way.least(part) ** 2, part * part
    hidden = np.zeros(inside.shape, np.float32)
    hidden.ravel()[some] = mask.share(x, y, np.sqrt(spread_x * squared + least), np.sqrt(spread_y * squared + least))
    return hidden


def _by_bent(sheet: Sheet, mask: _Mask, way: _Way) -> Map:
    """Hidden share where the ways to all of the lamp meet the sheet's cylinder, where they go in and where out."""
    across = 0 if sheet.axis is BendAxis.VERTICAL else 1
    level = 1 - across
    bend = np.float32(sheet.bend or np.inf)
    radius = np.abs(bend)
    # Round the axis: how far from it a way passes, and how far to either side those to the lamp's edges do.
    beside, deep = way.start[across], way.start[2] - bend
    length = np.sqrt(np.maximum(way.along[across] ** 2 + way.along[2] ** 2, _TINY))
    step_x, step_z = way.along[across] / length, way.along[2] / length
    middle = -(beside * step_x + deep * step_z) / length
    apart = beside * step_z - deep * step_x
    depth = np.sqrt(np.maximum(radius**2 - apart * apart, 0)) / length
    wide, high = np.zeros_like(middle), float((way.sides[:, level] ** 2).sum())
    for side in way.sides:
        wide += (side[across] * step_z - side[2] * step_x) ** 2
    hidden = np.zeros_like(wide)
    for sign in (-1, 1):
        part = _float(middle + sign * depth)
        least, squared = way.least(part) ** 2, part * part
        reach = np.sqrt(wide * squared + least)
        ends = [np.clip(apart + to * reach, -radius, radius) for to in (-1, 1)]
        deeps = [sign * np.sqrt(np.maximum(radius**2 - end * end, 0)) for end in ends]
        one, other = (
            np.arctan2((end * step_z + inward * step_x) / bend, (end * step_x - inward * step_z) / bend)
            for end, inward in zip(ends, deeps, strict=True)
        )
        turn = (other - one + np.pi) % (2 * np.pi) - np.pi
        place, along = _float((one + turn / 2) * bend), _float(np.maximum(np.abs(turn / 2 * bend), _TINY))
        height = way.start[level] + part * way.along[level]
        slant = way.along[level] * (deeps[1] - deeps[0]) / (2 * length)
        up = _float(np.sqrt(high * squared + least + slant * slant))
        share = mask.share(place, height, along, up) if across == 0 else mask.share(height, place, up, along)
        # At the cylinder's limb a part of the lamp is seen past it, and where ways go in they come out again.
        share *= (ends[1] - ends[0]) / (2 * reach) * way.inside(part)
        hidden = np.maximum(hidden, share)
    return _float(hidden)


def _from_zero(value: Map) -> Map:
    """The value, or where it is about 0 something as small."""
    return np.where(np.abs(value) < _TINY, _TINY, value)


def _float(values: NDArray[np.floating]) -> Map:
    return np.asarray(values, np.float32)
