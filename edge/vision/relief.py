"""Whether what answers the terminal's light is shaped like a head, and coloured like a face.

Light of the terminal comes from one place, that of the surroundings from many. On a sheet, flat or bent, their ratio
changes slowly from one side to the other, whatever is printed on it. On a head it follows the shape: it is held against
the ratio on a head of the landmarks' shape, beside what any sheet could show. The two halves of a display give a
second ratio, which owes nothing to the surroundings. An infrared lamp is a single place, and is compared with the
surroundings' infrared, before a camera that sees nothing else. Before one that sees visible light as well the ratio
keeps what a dye shows, and the lamp's light alone, in which skin is about alike all over a face, what carbon shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.display import DisplayGeometry
from edge.frames.lamp import LightGeometry, PointGeometry
from edge.vision.face_patch import CELLS, Grid, Surface
from edge.vision.hypotheses import Hypotheses, Linear, Scores, scores_of
from edge.vision.light_response import LightResponse, shifts

# Between the landmarks at both sides of a face, metres (bizygomatic breadth is 0.13 to 0.15).
_FACE_BREADTH: Final = 0.14
# Where a camera does not tell its focal length.
_USUAL_DISTANCE: Final = 0.5
# Of a surface that turns further away too little comes back: cosine towards the camera.
_TURNED: Final = 0.2
# Of the median light of the surroundings; hair and shadow have less.
_DARK: Final = 0.15
# Deviations are taken to be no smaller than this share of their median: a few frames may agree by chance.
_LEAST_DEVIATION: Final = 0.5
# Times the face's median ratio: skin that faces the display from the shade of an eye socket has two to three of it, and
# what mirrors the display ten and more.
_GLINT: Final = 3.0
_CERTAIN: Final = 3.0
# What lies further from the fit, in its own scatter, is a mirrored lamp, an edge or a strand of hair.
_OUTLIER: Final = 4.0
_ROUNDS: Final = 3
_FEWEST_CELLS: Final = 100
# A display is summed up over so many points each way.
_POINTS: Final = 3
# Colours are compared with those around them, within so many cells.
_AROUND: Final = 3.0
_STEPS: Final = 15
# Of the columns of a design, what a sheet could show: a polynomial of second order.
_SHEET: Final = 6
# Lux of a display of 1 cd/m2: behind the head's edge.
_NO_LIGHT: Final = 1e-12
_NO_SHIFTS: Final[Grid] = np.zeros((CELLS, CELLS, 0))


# Contrast above which nothing is told. Of a display: rooms as dark were not measured. Of a lamp: what the surroundings
# give comes near the steps of the sensor's values.
_DARKEST_ROOM: Final = 2.0
_DARKEST_ROOM_OF_A_LAMP: Final = 10.0


@dataclass(frozen=True, slots=True)
class Relief:
    """All deviations are inflated by what the fits leave unexplained, and are no less than frames scatter.

    contrast: our light against that of the surroundings, over the face. head: how much of a head's shape is in the
    ratio of the two, 0 of a sheet, about 1 of a head. sides: the same of a display's two halves; None where there are
    none, or they were not lit apart. albedo: how much of the face's colours is in our light, 0 of a screen, about 1 of
    anything that reflects them. cells: that were compared. hypotheses: how well each surface foretells the two ratios.
    inner: the same, away from the outline; None where too little of the face is.
    """

    contrast: float
    head: float
    head_deviation: float
    sides: float | None
    sides_deviation: float | None
    albedo: float
    albedo_deviation: float
    cells: int
    hypotheses: Hypotheses
    inner: Hypotheses | None


@dataclass(frozen=True, slots=True)
class OwnShape:
    """head: how much of a head's shape is in our light alone, 0 of a sheet on which it finds nothing printed, about 1
    of a head whose skin it finds alike. Its deviation is that of ``Relief``.
    """

    head: float
    head_deviation: float


def relief(
    response: LightResponse,
    surface: Surface,
    light: LightGeometry,
    focal: float | None,
    size: tuple[int, int],
    *,
    strong: bool = False,
) -> Relief | None:
    """None where too little of the face can be compared: nothing of our light is in it, or hardly any other.

    light: where ours comes from. focal: length in widths of the picture, None where it is not known. size: width and
    height of the frames, pixels. strong: our light is on for long in a dim room, and may have moved the landmarks.
    """
    parts = light_of(surface, light, focal, size)
    chosen = _chosen(response, surface)
    if chosen is None:
        return None
    # In a dim room the landmarks see another picture in our light, and lie elsewhere in it, and so does the grid: half
    # a cell where somebody's own eyes look through a print. What is printed is in our light then, once more, shifted.
    moved = np.moveaxis(shifts(response.ambient), 0, -1) if strong else _NO_SHIFTS
    whole = _compared(response, parts, chosen, light, moved)
    if whole is None:
        return None
    inner = _compared(response, parts, chosen & surface.inner, light, moved)
    halves = whole.halves
    albedo, albedo_deviation = _surer(
        _albedo(response.ambient, response.all_lights()[0], whole.noise, where)
        for where in (whole.cells, _lower_half(whole.cells))
    )
    return Relief(
        contrast=whole.contrast,
        head=whole.head,
        head_deviation=whole.deviation,
        sides=None if halves is None else halves.head,
        sides_deviation=None if halves is None else halves.deviation,
        albedo=albedo,
        albedo_deviation=albedo_deviation,
        cells=int(whole.cells.sum()),
        hypotheses=whole.hypotheses,
        inner=None if inner is None else inner.hypotheses,
    )


def shape_in_our_light(
    response: LightResponse, surface: Surface, light: LightGeometry, focal: float | None, size: tuple[int, int]
) -> OwnShape | None:
    """Of skin that our light finds about alike all over a face, as infrared does; None where too little is seen of it.

    Arguments are those of ``relief``.
    """
    together = np.maximum(light_of(surface, light, focal, size).sum(axis=-1), _NO_LIGHT)
    total, deviation = response.all_lights()
    chosen = _chosen(response, surface)
    if chosen is None:
        return None
    deviation = np.maximum(deviation, _LEAST_DEVIATION * float(np.median(deviation[chosen])))
    design = _design(chosen, together, _colour(response.ambient, chosen)[..., None])
    ours, noise = total[chosen], deviation[chosen]
    fitted = _fit_robustly(ours, np.ones_like(ours), noise, design)
    if fitted is None:
        return None
    fit, kept = fitted
    return OwnShape(float(fit.found[-1]), _deviation(fit, response, _those(chosen, kept)))


def _chosen(response: LightResponse, surface: Surface) -> NDArray[np.bool_] | None:
    """(CELLS, CELLS) that can be compared; None where they are too few."""
    chosen = response.known & surface.skin & (surface.normals[..., 2] < -_TURNED)
    if not chosen.any():
        return None
    chosen &= response.ambient > _DARK * np.median(response.ambient[chosen])
    chosen &= ~_glints(response, chosen)
    return None if chosen.sum() < _FEWEST_CELLS else chosen


def _glints(response: LightResponse, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(CELLS, CELLS) where something mirrors our light: spectacles, wet skin, gloss; and what is next to it."""
    ours, deviation = response.all_lights()
    usual = max(float(np.median(ours[chosen] / response.ambient[chosen])), 0.0)
    certain = ours - _CERTAIN * deviation > _GLINT * usual * response.ambient
    return np.asarray(cv2.dilate((certain & chosen).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _design(chosen: NDArray[np.bool_], light: Grid, beside: Grid) -> Grid:
    """(chosen, 7 + k) what a sheet could show, k columns beside that, and last a head under a light of (CELLS, CELLS).

    beside: (CELLS, CELLS, k).
    """
    columns = np.concatenate([beside, np.log(light)[..., None]], axis=-1)[chosen]
    return np.column_stack([sheet_shapes()[chosen], columns - columns.mean(axis=0)])


def _those(chosen: NDArray[np.bool_], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(CELLS, CELLS) which of the chosen cells were kept."""
    compared = np.zeros((CELLS, CELLS), np.bool_)
    compared[chosen] = kept
    return compared


def _deviation(fit: _Fit, response: LightResponse, compared: NDArray[np.bool_]) -> float:
    """Of a head's part in all lights: inflated, and no less than by how it scatters from frame to frame."""
    all_lights = np.ones(response.ours.shape[2])
    return max(fit.deviation * fit.inflation, response.deviation_of(_on_grid(fit.weights, compared), all_lights))


def darkest_room(light: LightGeometry) -> float:
    """Contrast of a light above which the surroundings are too dark to compare with."""
    return _DARKEST_ROOM_OF_A_LAMP if isinstance(light, PointGeometry) else _DARKEST_ROOM


def _on_grid(values: Grid, cells: NDArray[np.bool_]) -> Grid:
    """(CELLS, CELLS) of values (n,) of n cells; 0 elsewhere."""
    grid = np.zeros((CELLS, CELLS))
    grid[cells] = values
    return grid


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """head: how much of a head's shape is in our light against that of the surroundings. cells: (CELLS, CELLS) bool,
    that were kept. noise: (CELLS, CELLS) of our light, inflated.
    """

    contrast: float
    head: float
    deviation: float
    halves: _Halves | None
    hypotheses: Hypotheses
    cells: NDArray[np.bool_] = field(repr=False)
    noise: Grid = field(repr=False)


def _compared(
    response: LightResponse, parts: Grid, chosen: NDArray[np.bool_], light: LightGeometry, moved: Grid
) -> _Compared | None:
    """Of these cells alone; None where they are too few, or the surroundings too dark.

    parts: as ``light_of`` gives them. light: as ``relief`` takes it. moved: (CELLS, CELLS, k) what no surface adds to
    our light, and landmarks that moved do.
    """
    if chosen.sum() < _FEWEST_CELLS:
        return None
    total, deviation = response.all_lights()
    deviation = np.maximum(deviation, _LEAST_DEVIATION * float(np.median(deviation[chosen])))
    ambient, ours, noise = response.ambient[chosen], total[chosen], deviation[chosen]
    if ours.sum() > darkest_room(light) * ambient.sum():
        return None
    # The surroundings' noise counts for as much as our light is stronger. Both errors go the same way.
    noise = noise + ours.sum() / ambient.sum() * response.ambient_deviation[chosen]
    against_room = moved / np.maximum(response.ambient, _NO_LIGHT)[..., None]
    beside = np.concatenate([_colour(response.ambient, chosen)[..., None], against_room], axis=-1)
    design = _design(chosen, np.maximum(parts.sum(axis=-1), _NO_LIGHT), beside)
    fitted = _fit_robustly(ours, ambient, noise, design)
    if fitted is None:
        return None
    fit, kept = fitted
    cells = _those(chosen, kept)
    found, head_deviation = ambient * _ratio(design, fit.found), _deviation(fit, response, cells)
    halves = _halves(response, parts, _on_grid(found[kept], cells), cells, moved)
    slope = (design * (found / noise)[:, None])[kept]
    of_the_room = Linear(
        seen=(ours / noise)[kept],
        about=(found / noise)[kept] - slope @ fit.found,
        sheet=slope[:, :_SHEET],
        beside=slope[:, _SHEET:-1],
        head=slope[:, -1],
        itself=sheet_shapes()[cells] / noise[kept, None],
        inflation=head_deviation / fit.deviation,
    )
    return _Compared(
        contrast=float(ours[kept].sum() / ambient[kept].sum()),
        head=float(fit.found[-1]),
        deviation=head_deviation,
        halves=halves,
        hypotheses=Hypotheses(scores_of(of_the_room, cells), None if halves is None else halves.scores),
        cells=cells,
        noise=deviation * fit.inflation,
    )


@dataclass(frozen=True, slots=True)
class _Halves:
    """head: how much of a head's shape is in the ratio of a display's halves."""

    head: float
    deviation: float
    scores: Scores


def _halves(
    response: LightResponse, parts: Grid, smooth: Grid, compared: NDArray[np.bool_], moved: Grid
) -> _Halves | None:
    """None: not seen apart.

    parts: as ``light_of`` gives them. smooth: (CELLS, CELLS) what both add together, without noise. moved: as
    ``_compared`` takes it.
    """
    if response.ours.shape[2] != 2 or parts.shape[2] != 2:
        return None
    difference, deviation = response.difference()
    cells = compared & np.isfinite(deviation)
    if cells.sum() < _FEWEST_CELLS:
        return None
    share = ((parts[..., 0] - parts[..., 1]) / np.maximum(parts.sum(axis=-1), _NO_LIGHT))[cells]
    shapes, noise = sheet_shapes()[cells], deviation[cells]
    template = np.column_stack([shapes * smooth[cells, None], moved[cells], (share - share.mean()) * smooth[cells]])
    apart = _last_of(difference[cells], noise, template)
    scatter = response.deviation_of(_on_grid(apart.weights, cells), np.array([1.0, -1.0]))
    told = max(apart.deviation * apart.inflation, scatter)
    slope = template / noise[:, None]
    light = Linear(
        seen=difference[cells] / noise,
        about=np.zeros(len(noise)),
        sheet=slope[:, :_SHEET],
        beside=slope[:, _SHEET:-1],
        head=slope[:, -1],
        itself=shapes / noise[:, None],
        inflation=told / apart.deviation,
    )
    return _Halves(apart.value, told, scores_of(light, cells))


def _colour(ambient: Grid, chosen: NDArray[np.bool_]) -> Grid:
    """(CELLS, CELLS) how much lighter each cell is than those around it, as a logarithm.

    What glossy paper mirrors adds the same to dark ink and to light, so that a ratio of two lights follows what is
    printed, the printed shading of a head with it.
    """
    weights = chosen.astype(np.float64)
    light = np.log(np.maximum(ambient, 1e-9)) * weights
    around = cv2.GaussianBlur(light, (0, 0), _AROUND) / np.maximum(cv2.GaussianBlur(weights, (0, 0), _AROUND), 1e-9)
    return np.asarray(light - around)


def sheet_shapes() -> Grid:
    """(CELLS, CELLS, 6) what the logarithm of a ratio of two lights can be on a sheet: a polynomial of second order."""
    y, x = (np.mgrid[0:CELLS, 0:CELLS] - (CELLS - 1) / 2) / (CELLS / 2)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def light_of(surface: Surface, light: LightGeometry, focal: float | None, size: tuple[int, int]) -> Grid:
    """(CELLS, CELLS, lights) of a display's left and right half, as the person sees them, or of a lamp.

    Of a display in lux for each cd/m2; of a lamp without unit. Shadows are left out, and the lobe of a lamp, which is
    smooth over a face. Arguments are those of ``relief``.
    """
    metres = _FACE_BREADTH / surface.width
    distance = _USUAL_DISTANCE if focal is None else focal * size[0] * metres
    width, height = size
    right, down = (surface.x - width / 2) * metres, (surface.y - height / 2) * metres
    places = np.stack([right, down, distance + surface.depth * metres], axis=-1)
    if isinstance(light, PointGeometry):
        facing, _, squared = _from(np.array([light.right, light.down, 0.0]), places, surface.normals)
        return np.asarray((facing / squared)[..., None])
    # The person's left is the camera's right.
    aside = light.width / 4
    halves = (_panel(places, surface.normals, light.right + side, light) for side in (aside, -aside))
    return np.stack(list(halves), axis=-1)


def _from(place: Grid, places: Grid, normals: Grid) -> tuple[Grid, Grid, Grid]:
    """Cosines of light from a place towards the normals and towards the camera's axis, and the squared distances."""
    way = place - places
    squared = (way**2).sum(axis=-1)
    direction = way / np.sqrt(squared)[..., None]
    return np.maximum((normals * direction).sum(axis=-1), 0.0), np.abs(direction[..., 2]), squared


def _panel(places: Grid, normals: Grid, middle: float, display: DisplayGeometry) -> Grid:
    light = np.zeros(places.shape[:2])
    shares = (np.arange(_POINTS) + 0.5) / _POINTS - 0.5
    for across in shares * display.width / 2:
        for down in shares * display.height:
            facing, slant, squared = _from(np.array([middle + across, display.down + down, 0.0]), places, normals)
            light += facing * slant / squared
    return light * (display.width / 2 * display.height / _POINTS**2)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """weights: of each value in the last unknown."""

    found: Grid = field(repr=False)
    deviation: float
    inflation: float
    weights: Grid = field(repr=False)


def _fit_robustly(ours: Grid, ambient: Grid, noise: Grid, design: Grid) -> tuple[_Fit, NDArray[np.bool_]] | None:
    """The fit, and which values it is of; None where too few are left, or they have no ratio."""
    kept = np.ones(len(ours), np.bool_)
    for _ in range(_ROUNDS):
        fit = _fit_ratio(ours[kept], ambient[kept], noise[kept], design[kept])
        if fit is None:
            return None
        away = np.abs(ours - ambient * _ratio(design, fit.found)) / noise
        kept = away < _OUTLIER * max(1.4826 * float(np.median(away)), 1.0)
        if kept.sum() < _FEWEST_CELLS:
            return None
    fit = _fit_ratio(ours[kept], ambient[kept], noise[kept], design[kept])
    return None if fit is None else (fit, kept)


def _ratio(design: Grid, found: Grid) -> Grid:
    return np.asarray(np.exp(np.clip(design @ found, -12.0, 3.0)))


def _fit_ratio(ours: Grid, ambient: Grid, noise: Grid, design: Grid) -> _Fit | None:
    """Least squares of ours = ambient * exp(design @ found), by Levenberg and Marquardt; the first column is constant.

    The logarithm is of the model and not of the values, which noise may take below 0.
    """
    ratio = float((ours * ambient / noise**2).sum() / (ambient**2 / noise**2).sum())
    if ratio <= 0:
        return None
    found = np.zeros(design.shape[1])
    found[0] = np.log(ratio)
    damping = 1e-3

    def left(found: Grid) -> Grid:
        return (ours - ambient * _ratio(design, found)) / noise

    error = left(found)
    for _ in range(_STEPS):
        slope = design * (ambient * _ratio(design, found) / noise)[:, None]
        curvature = slope.T @ slope
        step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature) + 1e-9), slope.T @ error)
        tried = left(found + step)
        if (tried**2).sum() > (error**2).sum():
            damping *= 10
            continue
        gained = float((error**2).sum() - (tried**2).sum())
        found, error, damping = found + step, tried, max(damping / 10, 1e-6)
        if gained < 1e-3:
            break
    slope = design * (ambient * _ratio(design, found) / noise)[:, None]
    covariance = np.linalg.pinv(slope.T @ slope)
    spare = len(ours) - design.shape[1]
    inflation = max(1.0, float(np.sqrt((error**2).sum() / spare)))
    return _Fit(found, float(np.sqrt(covariance[-1, -1])), inflation, (covariance @ slope.T)[-1] / noise)


@dataclass(frozen=True, slots=True, eq=False)
class _Last:
    """value: of the last unknown. weights: of each fitted value in it."""

    value: float
    deviation: float
    inflation: float
    weights: Grid = field(repr=False)


def _last_of(values: Grid, noise: Grid, design: Grid) -> _Last:
    """Of a weighted linear fit."""
    weighted = design / noise[:, None]
    covariance = np.linalg.pinv(weighted.T @ weighted)
    weights = (covariance @ weighted.T)[-1] / noise
    found = covariance @ weighted.T @ (values / noise)
    error = values / noise - weighted @ found
    inflation = max(1.0, float(np.sqrt((error**2).sum() / (len(values) - design.shape[1]))))
    return _Last(float(found[-1]), float(np.sqrt(covariance[-1, -1])), inflation, weights)


def _lower_half(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Below the eyes, where no spectacles mirror the room and hide a face's colours in its light."""
    below = cells.copy()
    below[: CELLS // 2] = False
    return below if below.sum() >= _FEWEST_CELLS else cells


def _surer(found: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Of values with their deviations, the one that is more than nothing by most."""
    return max(found, key=lambda one: one[0] - _CERTAIN * one[1])


def _albedo(ambient: Grid, ours: Grid, noise: Grid, compared: NDArray[np.bool_]) -> tuple[float, float]:
    """How our light follows the colours that the surroundings show, against what surfaces do, and its deviation.

    Both are taken less their weighted means around each cell, so that shape, which is smooth, has no part in it.
    """
    weights = np.where(compared, 1 / noise**2, 0.0)

    def around(values: Grid) -> Grid:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), _AROUND))

    total = np.maximum(around(weights), 1e-30)
    colour = ambient - around(weights * ambient) / total
    answer = ours - around(weights * ours) / total
    power = float((weights * colour**2)[compared].sum())
    slope = float((weights * colour * answer)[compared].sum()) / power
    ratio = float((weights * ours * ambient)[compared].sum() / (weights * ambient**2)[compared].sum())
    return slope / ratio, power**-0.5 / abs(ratio)
