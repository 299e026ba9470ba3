"""What arrives at each surface of a moment: from the lamps past all others, and from the others themselves.

A lamp's light is worked out for each surface by itself, multiplied by what the others leave of it, and added to what
they give back of it after one reflection. What has not moved is not worked out anew.

The backdrop, a farthest layer that fills the picture, is no larger than the camera sees: it stands for surroundings
from which light comes all the same, so it hides none, and gives none back of the light from all round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from edge.simulation.exchange import Coupling, Patches, coupling, patches_of, product
from edge.simulation.optics import BANDS, Lamp, Layer, Map, Material, Parts, Placed, Shape, Sky, Vector
from edge.simulation.relief import corner_maps
from edge.simulation.sampling import sampled
from edge.simulation.shadows import Shadows, Sphere
from edge.simulation.sheet import Sheet

# Points each way at which shadows are asked for: of other shapes at most, of sheets, which are plain between theirs,
# at least.
_POINTS: Final = 64
# Points each way at which is asked what surfaces hide and give back, at most.
_FEW: Final = 16
# Of all the light that could come to a point, what takes a smaller share of its directions is left out.
_LEAST: Final = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """What arrives at a layer, each lamp's while its signal is 1. Maps span the shape's grid from corner to corner.

    lights: for each lamp, irradiance and glossy exitance for a spectrum of 1, (h, w) all.
    returned: (lamps, h, w, 4) irradiance by what other layers give back of it; None where they give back nothing.
    glow: (h, w, 4) irradiance by what other layers emit; None where they emit nothing.
    """

    lights: Sequence[tuple[Map, Map]]
    returned: Map | None
    glow: Map | None


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """Of a shape, in its own coordinates.

    sphere: around it. patches: of it. points: (h, w, 3) at which shadows are asked for. cell: metres between them.
    grid: rows and columns of its light once something shadows it. few, normals: (n, 3) at which is asked what others
    hide and give back, with their normals, float64. size: rows and columns of these.
    """

    sphere: Sphere
    patches: Patches
    points: Map
    cell: float
    grid: tuple[int, int]
    few: Vector
    normals: Vector
    size: tuple[int, int]

    @classmethod
    def of(cls, shape: Shape) -> _Form:
        grid = shape.points.shape[:2]
        if isinstance(shape, Sheet):
            # By whole steps, so that the points of the sheet's own grid are among them.
            asked = grid = tuple((count - 1) * -(-_POINTS // (count - 1)) + 1 for count in grid)
        else:
            asked = tuple(min(count, _POINTS) for count in grid)
        points = stretched(shape.points, asked)
        steps = [float(np.linalg.norm(np.diff(points, axis=axis), axis=2).mean()) for axis in range(2)]
        size = tuple(min(count, _FEW) for count in shape.points.shape[:2])
        few, normals = (
            stretched(values, size).reshape(-1, 3).astype(np.float64)
            for values in (shape.points, np.ascontiguousarray(shape.normals))
        )
        return cls(
            Sphere.around(shape),
            patches_of(shape),
            points,
            float(np.sqrt(steps[0] * steps[1])),
            grid,
            few,
            normals,
            size,
        )


@dataclass(slots=True, eq=False)
class _Surface:
    """A layer in its place, and what has been worked out since it is there.

    points: at which shadows are asked for, three maps. few, normals: (n, 3) as of its form, in the world. plain: for
    each lamp what arrives if nothing else is there. albedo, emission: (patches, 4); None where it does not shine.
    left: shares that another leaves of a lamp's light, by the lamp's number and the other's identity; None for all.
    couplings: with the other's patches, by its identity; None where there is next to nothing between them.
    past: what comes past the others, with the numbers and identities of those that leave less than all. given: to the
    others, with the lights that it is given back from and whether with that from all round.
    """

    layer: Layer
    form: _Form
    sphere: Sphere
    patches: Patches
    points: Parts
    few: Vector
    normals: Vector
    plain: Sequence[tuple[Map, Map]]
    albedo: Map
    emission: Map | None
    left: dict[tuple[int, int], Map | None] = field(default_factory=dict)
    couplings: dict[int, Coupling | None] = field(default_factory=dict)
    past: tuple[list[tuple[int, int]], Sequence[tuple[Map, Map]]] | None = None
    given: tuple[Sequence[tuple[Map, Map]], bool, Map] | None = None


class Lighting:
    """Of one set of lamps that stand still. A layer that is the same object as before is taken to stand still too."""

    def __init__(self, lamps: Sequence[Lamp]) -> None:
        self._lamps = tuple(lamps)
        self._sources = tuple(lamp.source for lamp in lamps)
        self._shadows = Shadows()
        self._forms: dict[int, tuple[Shape, _Form]] = {}
        self._materials: dict[int, tuple[Material, Map, Map | None]] = {}
        self._surfaces: dict[int, _Surface] = {}

    def of(self, layers: Sequence[Layer], backdrop: Layer | None = None) -> list[Lit]:
        """In the order of the layers."""
        known, self._surfaces = self._surfaces, {}
        for layer in layers:
            self._surfaces[id(layer)] = known.get(id(layer)) or self._placed(layer)
        surfaces = [self._surfaces[id(layer)] for layer in layers]
        shown = {id(layer.material) for layer in layers}
        self._materials = {key: means for key, means in self._materials.items() if key in shown}
        for surface in surfaces:
            # Identities of what is gone may come again.
            surface.left = {key: left for key, left in surface.left.items() if key[1] in self._surfaces}
            surface.couplings = {key: pair for key, pair in surface.couplings.items() if key in self._surfaces}
        lights = [
            self._past(surface, [other for other in surfaces if other is not surface and other.layer is not backdrop])
            for surface in surfaces
        ]
        given = [
            self._given(surface, light, all_round=surface.layer is not backdrop)
            for surface, light in zip(surfaces, lights, strict=True)
        ]
        return [
            Lit(light, *self._returned(surface, surfaces, given))
            for surface, light in zip(surfaces, lights, strict=True)
        ]

    def _placed(self, layer: Layer) -> _Surface:
        known = self._forms.get(id(layer.shape))
        if known is None:
            known = self._forms[id(layer.shape)] = layer.shape, _Form.of(layer.shape)
        form, pose = known[1], layer.pose
        placed = Placed(layer)
        x, y, z = np.ascontiguousarray(np.moveaxis(pose.to_world(form.points), 2, 0))
        _, albedo, emission = self._means(layer.material, form.patches)
        return _Surface(
            layer,
            form,
            form.sphere.placed(pose),
            form.patches.placed(pose),
            (x, y, z),
            form.few @ pose.rotation.T + pose.position,
            form.normals @ pose.rotation.T,
            tuple(lamp.arriving(placed) for lamp in self._lamps),
            albedo,
            emission,
        )

    def _means(self, material: Material, patches: Patches) -> tuple[Material, Map, Map | None]:
        """Of the patches: reflectance and emission."""
        known = self._materials.get(id(material))
        if known is None or len(known[1]) != len(patches.areas):
            emission = None if material.emission is None else patches.means(material.emission)
            known = self._materials[id(material)] = material, patches.means(material.albedo), emission
        return known

    def _past(self, surface: _Surface, others: Sequence[_Surface]) -> Sequence[tuple[Map, Map]]:
        """For each lamp what of its light comes past the others."""
        shares: list[Map | None] = []
        who: list[tuple[int, int]] = []
        for number in range(len(self._lamps)):
            share: Map | None = None
            for other in others:
                left = self._left(surface, number, other)
                if left is not None:
                    # Of what hides parts of a lamp each is taken to hide its part of what the others leave.
                    share = left if share is None else share * left
                    who.append((number, id(other.layer)))
            shares.append(share)
        if surface.past is None or surface.past[0] != who:
            surface.past = who, _dimmed(surface, shares) if who else surface.plain
        return surface.past[1]

    def _left(self, surface: _Surface, number: int, other: _Surface) -> Map | None:
        """Share of a lamp's light that another leaves the surface; None for all of it."""
        key = number, id(other.layer)
        if key not in surface.left:
            source = self._sources[number]
            left: Map | None = None
            if isinstance(source, Sky):
                pair = self._coupling(surface, other)
                if pair is not None:
                    hidden = pair.hides(source, surface.normals[:, 1].astype(np.float32))
                    left = (1 - hidden).reshape(surface.form.size)
            else:
                left = self._shadows.left(
                    other.layer, other.form.sphere, source, surface.sphere, surface.points, surface.form.cell
                )
            surface.left[key] = None if left is None or left.min() >= 1 else left
        return surface.left[key]

    def _coupling(self, surface: _Surface, other: _Surface) -> Coupling | None:
        key = id(other.layer)
        if key not in surface.couplings:
            away = surface.few - other.sphere.centre
            nearest = float((away * away).sum(axis=1).min())
            # A sphere of radius r has the configuration factor (r / d)^2 for what looks at it.
            share = other.sphere.radius**2 / max(nearest, 1e-9)
            surface.couplings[key] = None if share < _LEAST else coupling(surface.few, surface.normals, other.patches)
        return surface.couplings[key]

    def _given(self, surface: _Surface, lights: Sequence[tuple[Map, Map]], *, all_round: bool) -> Map:
        """(patches, 4 (lamps + 1)) exitance by each lamp, and by itself at the end."""
        if surface.given is None or surface.given[0] is not lights or surface.given[1] is not all_round:
            count = len(surface.albedo)
            given = np.zeros((count, len(self._lamps) + 1, BANDS), np.float32)
            for number, (lamp, source) in enumerate(zip(self._lamps, self._sources, strict=True)):
                if all_round or not isinstance(source, Sky):
                    some = 2 * surface.patches.rows, 2 * surface.patches.columns
                    light = surface.patches.means(stretched(lights[number][0], some))
                    given[:, number] = surface.albedo * light[:, None] * lamp.spectrum
            if surface.emission is not None:
                given[:, -1] = surface.emission
            surface.given = lights, all_round, given.reshape(count, -1)
        return surface.given[2]

    def _returned(
        self, surface: _Surface, others: Sequence[_Surface], given: Sequence[Map]
    ) -> tuple[Map | None, Map | None]:
        """(lamps, h, w, 4) irradiance by what the others give back of each lamp, and (h, w, 4) by what they emit."""
        total: Map | None = None
        glows = False
        for other, exitance in zip(others, given, strict=True):
            pair = None if other is surface else self._coupling(surface, other)
            if pair is not None:
                light = product(pair.given, exitance)
                total = light if total is None else total + light
                glows |= other.emission is not None
        if total is None:
            return None, None
        rows, columns = surface.form.size
        maps = np.ascontiguousarray(np.moveaxis(total.reshape(rows, columns, -1, BANDS), 2, 0))
        return maps[:-1], maps[-1] if glows else None


def _dimmed(surface: _Surface, shares: Sequence[Map | None]) -> Sequence[tuple[Map, Map]]:
    """For each lamp what arrives of the plain light, on the form's grid."""
    grid = surface.form.grid
    lefts = [np.float32(1) if share is None else stretched(share, grid) for share in shares]
    return [
        (stretched(light, grid) * left, stretched(gloss, grid) * left)
        for (light, gloss), left in zip(surface.plain, lefts, strict=True)
    ]


def stretched(values: Map, size: tuple[int, int]) -> Map:
    """Values (h, w) or (h, w, channels) spread over so many rows and columns, from corner to corner."""
    rows, columns = values.shape[:2]
    return values if (rows, columns) == size else sampled(values, *_places(size, (rows, columns)))


@lru_cache(maxsize=64)
def _places(size: tuple[int, int], source: tuple[int, int]) -> tuple[Map, Map]:
    return corner_maps((size[1], size[0]), (source[1], source[0]))
