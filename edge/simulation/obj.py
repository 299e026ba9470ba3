"""A head from a Wavefront OBJ file, as a relief.

Of the format (Wavefront, Advanced Visualizer manual, appendix B1) vertices ``v`` and polygons ``f`` are read; all
else is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.frames.picture import open_input, reading
from edge.simulation.head import COLUMNS, ROWS, Anthropometry, Head, KeyPoint, parametric_head
from edge.simulation.optics import Vector
from edge.simulation.relief import Relief, angle_columns, filled

MAX_BYTES: Final = 64_000_000

_AXES: Final = {
    sign + name: np.eye(3)[index] * (-1 if sign else 1) for index, name in enumerate("xyz") for sign in ("", "-")
}
# Spacing of the samples that a triangle is replaced by, metres: less than half a cell.
_SPACING: Final = 0.0008
# A mesh that is less deep has no back of the head, metres.
_FACE_ONLY: Final = 0.13


@dataclass(frozen=True, slots=True)
class Axes:
    """Which axes of the file point up and out of the face: x, y, z or -x, -y, -z."""

    up: str = "y"
    front: str = "z"

    def __post_init__(self) -> None:
        if self.up not in _AXES or self.front not in _AXES or self.up[-1] == self.front[-1]:
            raise InputError(
                f"up {self.up!r} and front {self.front!r} are not two axes of a head",
                remedy="give two different ones of x, y, z, -x, -y, -z",
            )

    def to_local(self) -> Vector:
        """(3, 3): rows are the local x, y and z in the file's axes."""
        up, front = _AXES[self.up], _AXES[self.front]
        return np.stack((np.cross(up, front), -up, -front))


def read_obj(
    path: Path,
    *,
    axes: Axes | None = None,
    metres: float | None = None,
    points: Mapping[KeyPoint, Vector] | None = None,
) -> Head:
    """The head in a file: the outermost surface around its axis, from the vertex to a stub of the neck.

    Where the mesh has nothing (a face without a back, a hole) the surface goes on as that of an average head.
    axes: y up and the face towards z where not given. metres: of one unit of the file; None sizes the face to an
    average length from menton to sellion. points: (3,) key points in the file's own units and axes, that replace
    those estimated from the shape of the middle line.
    Raises InputError: missing, larger than 64 MB, no text, no faces, a wrong number or index (with its line), no face
    to be found in the shape.
    """
    vertices, triangles = _parse(path)
    turned = (axes or Axes()).to_local()
    local = vertices @ turned.T
    used = local[np.unique(triangles)]
    profile = _Profile.of(local[triangles], path)
    average = Anthropometry()
    scale = metres if metres is not None else average.face_length / profile.face_length
    # An average nose root lies 6 mm behind the glabella, and that half a head before the axis.
    before = average.head_length / 2 - 0.006
    depth = float(np.ptp(used[:, 2])) * scale
    if depth > _FACE_ONLY:
        level = np.abs(used[:, 1] - profile.sellion[1]) * scale < 0.02
        before = (float(used[level, 2].max()) - profile.sellion[2]) * scale / 2
    # The pupils lie 10 mm below the sellion.
    origin = np.array([profile.middle, profile.sellion[1] + 0.010 / scale, profile.sellion[2] + before / scale])
    surface = ((local - origin) * scale)[triangles]
    menton = float(profile.menton[1] - origin[1]) * scale
    model = parametric_head(average)
    bottom = menton + model.relief.bottom - float(model.points[KeyPoint.MENTON][1])
    relief = _completed(surface, min(float(surface[..., 1].min()), model.relief.top), bottom, model, menton)
    named = {name: (place - origin) * scale for name, place in profile.points.items()}
    named |= {name: (turned @ np.asarray(place, np.float64) - origin) * scale for name, place in (points or {}).items()}
    try:
        return Head(relief, _key_points(relief, model, menton, named))
    except ValueError as error:
        raise InputError(f"no face is found in {path}: {error}", remedy="say which axes point up and front") from error


@dataclass(frozen=True, slots=True, eq=False)
class _Profile:
    """The middle line of a face, in the file's units and local axes."""

    middle: float
    sellion: Vector
    menton: Vector
    points: Mapping[KeyPoint, Vector]

    @property
    def face_length(self) -> float:
        return float(np.linalg.norm(self.menton - self.sellion))

    @classmethod
    def of(cls, surface: Vector, path: Path) -> _Profile:
        """Finds the nose as what stands out most, and the turns of the profile above and below it.

        surface: (n, 3, 3) triangles.
        """
        low, high = surface.min(axis=(0, 1)), surface.max(axis=(0, 1))
        width, height, _ = high - low
        if not min(height, width) > 0:
            raise _no_face(path)
        middle = float(low[0] + high[0]) / 2
        off = surface[..., 0] - middle
        near = surface[(off.min(axis=1) < 0.02 * width) & (off.max(axis=1) > -0.02 * width)]
        # The foremost point of each level in a narrow band.
        levels = int(np.clip(200 * height / min(height, width), 200, 2000))
        forward = np.full(levels, -np.inf)
        for samples in _samples(near, height / (2 * levels)):
            band = samples[np.abs(samples[:, 0] - middle) < 0.02 * width]
            level = np.clip(((band[:, 1] - low[1]) / height * levels).astype(int), 0, levels - 1)
            np.maximum.at(forward, level, -band[:, 2])
        held = np.isfinite(forward)
        if held.sum() < 0.3 * min(levels, 200):
            raise _no_face(path)
        y = low[1] + (np.arange(levels) + 0.5) / levels * height
        line = np.interp(y, y[held], forward[held])
        # Facets and seams are finer than a hundredth of a head's width.
        window = np.hanning(9)
        line = np.convolve(np.pad(line, 4, mode="edge"), window / window.sum(), mode="valid")
        ends = np.flatnonzero(held)
        inner = np.arange(len(line))[ends[0] : ends[-1] + 1]
        tip = int(inner[line[inner].argmax()])
        above = [i for i in inner[1:-1] if i < tip and line[i] <= line[i - 1] and line[i] < line[i + 1]]
        below = [i for i in inner[1:-1] if i > tip and line[i] < line[i - 1] and line[i] <= line[i + 1]]
        if not above or not below:
            raise _no_face(path)
        sellion, subnasale = above[-1], below[0]
        nose = y[subnasale] - y[sellion]
        # The lower face is about 1.35 times as long as the nose; the chin turns under before twice of it.
        reach = [i for i in inner if y[subnasale] + 0.8 * nose < y[i] < y[subnasale] + 2.0 * nose]
        if not reach:
            raise _no_face(path)
        slope = np.gradient(line, y)
        turned = [i for i in reach if slope[i] < -1.5]
        menton = turned[0] if turned else reach[-1]

        def at(index: int) -> Vector:
            return np.array([middle, y[index], -line[index]])

        named = {
            KeyPoint.SELLION: at(sellion),
            KeyPoint.NOSE_TIP: at(tip),
            KeyPoint.SUBNASALE: at(subnasale),
            KeyPoint.MENTON: at(menton),
        }
        return cls(middle, at(sellion), at(menton), named)


def _no_face(path: Path) -> InputError:
    return InputError(
        f"the shape in {path} has no nose between a forehead and a chin",
        remedy="give a head of which y points up and the face towards z, or say which axes do",
    )


def _key_points(relief: Relief, model: Head, menton: float, named: Mapping[KeyPoint, Vector]) -> dict[KeyPoint, Vector]:
    """On the surface: those known, the others where an average face of this length has them."""
    longer = menton / float(model.points[KeyPoint.MENTON][1])
    places = {name: place[:2] * (1.0, longer if place[1] > 0 else 1.0) for name, place in model.points.items()}
    places |= {name: place[:2] for name, place in named.items()}
    if KeyPoint.SUBNASALE in named:
        below = float(named[KeyPoint.SUBNASALE][1])
        # The mouth is a third of the way from the nose to the chin.
        for name in (KeyPoint.STOMION, KeyPoint.MOUTH_LEFT, KeyPoint.MOUTH_RIGHT):
            if name not in named:
                places[name] = np.array([places[name][0], below + 0.32 * (menton - below)])
    for name in (KeyPoint.NOSE_LEFT, KeyPoint.NOSE_RIGHT):
        if name not in named:
            places[name] = np.array([places[name][0], places[KeyPoint.NOSE_TIP][1]])
    return {name: relief.at(float(x), float(y)) for name, (x, y) in places.items()}


def _completed(surface: Vector, top: float, bottom: float, model: Head, menton: float) -> Relief:
    """(n, 3, 3) triangles as a relief; where there are none an average head goes on."""
    heights = np.linspace(top, bottom, ROWS)
    # The average head with its chin at the height of this one.
    own = np.linspace(model.relief.top, model.relief.bottom, ROWS)
    chin = float(model.points[KeyPoint.MENTON][1])
    source = np.interp(heights, [top, 0.0, menton, bottom], [own[0], 0.0, chin, own[-1]])
    average = np.stack([np.interp(source, own, column) for column in model.relief.radius.T], axis=1)
    radius = _outermost(surface, top, bottom)
    known = radius > 0
    # The first row is the tip of the dome, where a radius says little.
    known[0] = False
    excess = np.where(known, radius - average, 0.0).astype(np.float32)
    # Far from what is known the average head is left as it is.
    weights = np.maximum(known, 0.0005).astype(np.float32)
    return Relief(np.maximum(average + filled(excess, weights), 0.002), top, bottom)


def _outermost(surface: Vector, top: float, bottom: float) -> Vector:
    """(ROWS, COLUMNS) greatest radius of the triangles at each cell, 0 where there is none."""
    grid = np.zeros((ROWS, COLUMNS))
    for samples in _samples(surface, _SPACING):
        x, y, forward = samples[:, 0], samples[:, 1], -samples[:, 2]
        away = np.hypot(x, forward)
        place = angle_columns(*(part.astype(np.float32)[None] for part in (x, forward, away)), columns=COLUMNS)[0]
        column = np.rint(place).astype(int)
        row = np.rint((y - top) / (bottom - top) * (ROWS - 1)).astype(int)
        held = (row >= 0) & (row < ROWS)
        np.maximum.at(grid, (row[held], column[held]), away[held])
    ends = np.maximum(grid[:, 0], grid[:, -1])
    grid[:, 0] = grid[:, -1] = ends
    return grid


def _samples(surface: Vector, spacing: float) -> Iterator[Vector]:
    """(n, 3, 3) triangles as batches of (m, 3) points, no farther apart than ``spacing``."""
    edges = np.stack([np.linalg.norm(surface[:, i] - surface[:, (i + 1) % 3], axis=1) for i in range(3)])
    pieces = np.clip(np.ceil(edges.max(axis=0) / spacing), 1, 512)
    # Powers of two, so that triangles are dealt with in a few groups.
    pieces = 2 ** np.ceil(np.log2(pieces)).astype(int)
    for count in np.unique(pieces):
        first, second = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
        within = first + second <= count
        shares = np.stack((first[within], second[within], count - first[within] - second[within]), axis=1) / count
        chosen = surface[pieces == count]
        batch = max(1, 1_000_000 // len(shares))
        for begin in range(0, len(chosen), batch):
            yield np.einsum("sk,tkd->tsd", shares, chosen[begin : begin + batch]).reshape(-1, 3)


def _parse(path: Path) -> tuple[Vector, NDArray[np.intp]]:
    """(n, 3) vertices and (m, 3) triangles."""
    with open_input(path) as stream, reading(path):
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB", remedy="reduce the mesh first")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file", remedy="export the head as Wavefront OBJ") from error
    if "\0" in text:
        raise InputError(f"{path} is not a text file", remedy="export the head as Wavefront OBJ")
    vertices: list[tuple[float, float, float]] = []
    triangles: list[tuple[int, int, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append(_vertex(words[1:], path, number))
        elif words[0] == "f":
            corners = [_corner(word, len(vertices), path, number) for word in words[1:]]
            if len(corners) < 3:
                raise _wrong(path, number, "a face has three corners or more")
            triangles += [(corners[0], *pair) for pair in pairwise(corners[1:])]
    if not triangles:
        raise InputError(f"{path} has no faces (lines that begin with f)", remedy="export a mesh, not points or curves")
    return np.array(vertices, np.float64), np.array(triangles, np.intp)


def _vertex(words: list[str], path: Path, number: int) -> tuple[float, float, float]:
    try:
        x, y, z = (float(word) for word in words[:3])
    except ValueError as error:
        raise _wrong(path, number, "a vertex is three numbers") from error
    if not np.isfinite((x, y, z)).all():
        raise _wrong(path, number, "a vertex is three finite numbers")
    return x, y, z


def _corner(word: str, known: int, path: Path, number: int) -> int:
    """Index from 0 of ``i``, ``i/t``, ``i//n`` or ``i/t/n``; negative ones count back from the last vertex."""
    try:
        index = int(word.split("/", 1)[0])
    except ValueError as error:
        raise _wrong(path, number, f"{word!r} is no index of a vertex") from error
    place = index - 1 if index > 0 else known + index
    if index == 0 or not 0 <= place < known:
        raise _wrong(path, number, f"there is no vertex {index}; {known} are known so far")
    return place


def _wrong(path: Path, number: int, what: str) -> InputError:
    return InputError(f"{path}, line {number}: {what}", remedy="export the head again as Wavefront OBJ")
