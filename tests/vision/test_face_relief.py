"""Shape and colours in our light, on surfaces made up cell by cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from edge.frames.display import DisplayGeometry
from edge.frames.lamp import PointGeometry
from edge.vision.face_patch import CELLS, FaceGrid
from edge.vision.hypotheses import Hypothesis
from edge.vision.light_response import light_response
from edge.vision.relief import relief, shape_in_our_light, sheet_shapes
from tests.vision.lit_face import BOTH, DARK, played

DISPLAY = DisplayGeometry(width=0.154, height=0.086, right=0.0, down=0.06)
FOCAL, SIZE = 0.8, (640, 480)
CONTRAST = 0.03
LAMP = PointGeometry(right=0.03, down=-0.02)
BLINKING = [[1.0], [0.0]] * 6


@pytest.fixture
def surface(face_landmarks):
    """Of a face at half a metre in the middle of the picture."""
    points = face_landmarks - np.append(face_landmarks[:, :2].mean(axis=0), 0)
    points = points * (FOCAL * SIZE[0] * 0.14 / 0.5 / np.ptp(points[:, 0]))
    return FaceGrid((points + np.array([SIZE[0] / 2, SIZE[1] / 2, 0])).astype(np.float32)).surface()


@pytest.fixture
def albedo():
    y, x = np.mgrid[0:CELLS, 0:CELLS] / CELLS
    return 0.3 + 0.12 * np.sin(23 * x) * np.cos(19 * y)


def panel_light(places, normals, middle):
    """Of a small matt panel at ``middle`` that looks along z, on places (…, 3) with normals."""
    way = np.array(middle) - places
    squared = (way**2).sum(axis=-1)
    unit = way / np.sqrt(squared)[..., None]
    return np.maximum((unit * normals).sum(axis=-1), 0) * abs(unit[..., 2]) / squared


def lights(places, normals):
    both = [panel_light(places, normals, (side * DISPLAY.width / 4, DISPLAY.down, 0)) for side in (1, -1)]
    return np.stack(both, axis=-1)


def head(surface):
    metres = 0.14 / surface.width
    places = np.stack([surface.x - SIZE[0] / 2, surface.y - SIZE[1] / 2, surface.depth], axis=-1) * metres + [0, 0, 0.5]
    return lights(places, surface.normals)


def sheet(surface, tilt=0.3):
    metres = 0.14 / surface.width
    x, y = (surface.x - SIZE[0] / 2) * metres, (surface.y - SIZE[1] / 2) * metres
    normals = np.broadcast_to([np.sin(tilt), 0, -np.cos(tilt)], (CELLS, CELLS, 3))
    return lights(np.stack([x, y, 0.5 + x * np.tan(tilt)], axis=-1), normals)


def found_on(surface, ambient, ours, rng=None, noise=0.0, **more):
    """ours: scaled to add CONTRAST on the whole."""
    ours = ours * (CONTRAST * ambient.sum() / ours.sum())
    response = light_response(played(ambient, ours, rng, noise, **more), surface)
    return relief(response, surface, DISPLAY, FOCAL, SIZE)


def test_a_head_is_told_by_both_ratios(surface, albedo):
    found = found_on(surface, albedo, albedo[..., None] * head(surface), np.random.default_rng(1), 0.003)
    assert 0.5 < found.head < 1.2
    assert found.head - 5 * found.head_deviation > 0.25
    assert 0.5 < found.sides < 1.5
    assert found.sides - 3 * found.sides_deviation > 0.25
    assert found.albedo == pytest.approx(1, abs=0.2)
    assert found.contrast == pytest.approx(CONTRAST, rel=0.2)


@pytest.mark.parametrize("tilt", [0.0, 0.3, -0.5])
def test_a_sheet_has_no_relief_whatever_is_printed_on_it(surface, albedo, tilt):
    # What is printed has a head's shading in it.
    picture = albedo * head(surface).sum(axis=2) / head(surface).sum(axis=2).mean()
    found = found_on(surface, picture, picture[..., None] * sheet(surface, tilt), np.random.default_rng(1), 0.003)
    assert abs(found.head) < 0.1
    assert abs(found.sides) < 0.35
    assert found.albedo == pytest.approx(1, abs=0.1)


def of_orders(*columns):
    """(CELLS, CELLS) exponential of a sum of orders of the place on the face."""
    return np.exp(sheet_shapes() @ np.array(columns))


@pytest.mark.parametrize("noise", [0.002, 0.006])
@pytest.mark.parametrize(
    ("made", "best"),
    [
        (lambda surface, albedo: albedo * of_orders(0, 0.3, -0.1, 0, 0, 0), Hypothesis.PLANE),
        (lambda surface, albedo: albedo * of_orders(0, 0.2, 0, -0.4, 0, 0), Hypothesis.CYLINDER),
        (lambda surface, albedo: of_orders(0, 0.2, 0.1, 0, 0, 0), Hypothesis.SCREEN),
        (lambda surface, albedo: albedo * head(surface).sum(axis=2), Hypothesis.HEAD),
    ],
)
def test_each_surface_is_foretold_best_by_its_own_hypothesis(surface, albedo, made, best, noise):
    ours = np.stack([made(surface, albedo)] * 2, axis=-1)
    for seed in range(5):
        found = found_on(surface, albedo, ours, np.random.default_rng(seed), noise)
        assert found.hypotheses.room.best is best


def test_the_halves_tell_the_hypotheses_as_well(surface, albedo):
    for ours, head_s in ((head(surface), True), (sheet(surface), False)):
        found = found_on(surface, albedo, albedo[..., None] * ours, np.random.default_rng(1), 0.001)
        assert (found.hypotheses.halves.odds > 0) is head_s
        assert (found.hypotheses.odds > 0) is head_s


def test_without_halves_the_room_alone_tells(surface, albedo):
    ours = (albedo[..., None] * head(surface)).sum(axis=2, keepdims=True)
    found = found_on(surface, albedo, ours, np.random.default_rng(1), 0.003, code=[[1.0], [0.0]] * 6)
    assert found.hypotheses.halves is None
    assert found.hypotheses.together == found.hypotheses.room
    assert found.hypotheses.best is Hypothesis.HEAD


def test_a_strip_that_looks_like_a_nose_foretells_no_head(surface, albedo):
    strip = np.zeros((CELLS, CELLS))
    strip[12:18, 15:17] = 0.25
    ours = albedo[..., None] * sheet(surface, 0.0) * (1 + strip[..., None])
    found = found_on(surface, albedo, ours, np.random.default_rng(1), 0.003)
    assert found.hypotheses.odds < 0


def test_what_lies_behind_the_edge_of_a_sheet_passes_for_a_head_along_the_outline_alone(surface, albedo):
    flat, round_ = (made / made[surface.inner].mean() for made in (sheet(surface, 0.0), head(surface)))
    edge = np.where(surface.inner[..., None], flat, round_)
    cut_out = found_on(surface, albedo, albedo[..., None] * edge, np.random.default_rng(1), 0.003)
    a_head = found_on(surface, albedo, albedo[..., None] * round_, np.random.default_rng(1), 0.003)
    assert cut_out.inner.odds < 0 < cut_out.hypotheses.odds
    assert a_head.inner.odds > np.log(1e3)


def test_what_is_printed_and_shows_once_more_shifted_is_no_shape_in_strong_light(surface):
    # A print with a head's shading, whose landmarks lie half a cell to the left and up while our light is on.
    shading = head(surface).sum(axis=2)
    ambient = 0.3 * shading / shading.mean()
    shifted = ndimage.shift(ambient, (0.5, 0.5), mode="nearest")
    lit = shifted * sheet(surface, 0.0).sum(axis=2) / sheet(surface, 0.0).sum(axis=2).mean() + shifted - ambient
    ours = np.stack([lit, lit], axis=-1) / 2
    response = light_response(played(ambient, ours * 0.5, np.random.default_rng(1), 0.003), surface)
    weak, strong = (relief(response, surface, DISPLAY, FOCAL, SIZE, strong=strong) for strong in (False, True))
    assert abs(strong.head) < 0.1
    assert abs(weak.head) > 0.2


def test_in_strong_light_a_head_is_told_as_well(surface, albedo):
    ours = albedo[..., None] * head(surface)
    ours = ours * (0.5 * albedo.sum() / ours.sum())
    response = light_response(played(albedo, ours, np.random.default_rng(1), 0.003), surface)
    found = relief(response, surface, DISPLAY, FOCAL, SIZE, strong=True)
    assert 0.5 < found.head < 1.2
    assert found.hypotheses.odds > np.log(1e3)


def test_too_few_cells_away_from_the_outline_tell_nothing(surface, albedo):
    narrow = replace(surface, inner=np.zeros((CELLS, CELLS), np.bool_))
    found = found_on(narrow, albedo, albedo[..., None] * head(surface), np.random.default_rng(1), 0.003)
    assert found.inner is None


def mirroring(surface, places, share):
    """(CELLS, CELLS, 2) what gloss adds there: share of what falls on the middle of the face."""
    image = np.zeros((CELLS, CELLS))
    for rows, columns in places:
        image[rows, columns] = share * head(surface).sum(axis=2).mean()
    return np.stack([image, image], axis=-1) / 2


def test_what_mirrors_the_display_takes_nothing_from_a_head(surface, albedo):
    lenses = (slice(8, 11), slice(12, 14)), (slice(8, 11), slice(18, 20))
    bare = albedo[..., None] * head(surface)
    rng = np.random.default_rng(1)
    with_lenses = found_on(surface, albedo, bare + mirroring(surface, lenses, 3.0), rng, 0.003)
    without = found_on(surface, albedo, bare, rng, 0.003)
    assert with_lenses.head == pytest.approx(without.head, abs=0.1)
    assert with_lenses.albedo == pytest.approx(1, abs=0.2)


def test_the_display_s_image_in_bent_gloss_is_no_nose(surface, albedo):
    strip = ((slice(6, 22), slice(15, 17)),)
    ours = albedo[..., None] * sheet(surface) + mirroring(surface, strip, 3.0)
    found = found_on(surface, albedo, ours, np.random.default_rng(1), 0.003)
    assert abs(found.head) < 0.15


def test_a_screen_shows_colours_that_our_light_does_not(surface, albedo):
    glass = np.full((CELLS, CELLS), 0.04)
    found = found_on(surface, albedo, glass[..., None] * sheet(surface, 0.0), np.random.default_rng(1), 0.003)
    assert found.albedo + 3 * found.albedo_deviation < 0.5


def test_the_deviations_are_those_of_what_is_found(surface, albedo):
    rng = np.random.default_rng(3)
    found = [found_on(surface, albedo, albedo[..., None] * sheet(surface), rng, 0.01) for _ in range(40)]
    for value, deviation in (("head", "head_deviation"), ("sides", "sides_deviation"), ("albedo", "albedo_deviation")):
        real = np.std([getattr(one, value) for one in found])
        told = np.mean([getattr(one, deviation) for one in found])
        # 40 draws know their deviation to a ninth.
        assert told == pytest.approx(real, rel=0.35), value


def test_one_light_alone_has_no_sides(surface, albedo):
    ours = (albedo[..., None] * head(surface)).sum(axis=2, keepdims=True)
    found = found_on(surface, albedo, ours, np.random.default_rng(1), 0.003, code=[[1.0], [0.0]] * 6)
    assert found.sides is None
    assert found.head > 0.5


@pytest.mark.parametrize(("rows", "told"), [(8, True), (30, False)])
def test_rows_that_never_saw_the_halves_apart_say_nothing_of_them(surface, albedo, rows, told):
    ours = albedo[..., None] * head(surface)
    ours = ours * (CONTRAST * albedo.sum() / ours.sum())
    samples = played(albedo, ours, np.random.default_rng(1), 0.003)
    for sample in samples:
        if np.ptp(sample.lit[0]):
            sample.lit[:rows] = np.nan
    found = relief(light_response(samples, surface), surface, DISPLAY, FOCAL, SIZE)
    assert found.head > 0.5
    assert (found.sides is not None) is told
    if told:
        assert 0.4 < found.sides < 1.6


def test_an_unknown_focal_length_costs_little(surface, albedo):
    ours = albedo[..., None] * head(surface)
    ours = ours * (CONTRAST * albedo.sum() / ours.sum())
    response = light_response(played(albedo, ours), surface)
    known, unknown = (relief(response, surface, DISPLAY, focal, SIZE) for focal in (FOCAL, None))
    assert unknown.head == pytest.approx(known.head, rel=0.1)


def under_the_lamp(surface, normals, depth):
    """(CELLS, CELLS, 1) of a light-emitting diode: cosine over the squared distance."""
    metres = 0.14 / surface.width
    x, y = (surface.x - SIZE[0] / 2) * metres, (surface.y - SIZE[1] / 2) * metres
    way = np.array([LAMP.right, LAMP.down, 0.0]) - np.stack([x, y, depth], axis=-1)
    length = np.linalg.norm(way, axis=-1)
    return ((way * normals).sum(axis=-1) / length**3)[..., None]


def found_by_the_lamp(surface, ambient, ours, contrast, rng, noise):
    ours = ours * (contrast * ambient.sum() / ours.sum())
    response = light_response(played(ambient, ours, rng, noise, code=BLINKING), surface)
    return relief(response, surface, LAMP, FOCAL, SIZE)


@pytest.mark.parametrize("contrast", [0.1, 1.0, 6.0])
def test_a_lamp_in_one_place_tells_a_head_from_a_sheet(surface, albedo, contrast):
    metres = 0.14 / surface.width
    relieved = under_the_lamp(surface, surface.normals, 0.5 + surface.depth * metres)
    flat = under_the_lamp(surface, np.broadcast_to([0.0, 0.0, -1.0], (CELLS, CELLS, 3)), np.full((CELLS, CELLS), 0.5))
    for light, head_s in ((relieved, 1.0), (flat, 0.0)):
        rng = np.random.default_rng(1)
        found = found_by_the_lamp(surface, albedo, albedo[..., None] * light, contrast, rng, 0.002)
        assert found.head == pytest.approx(head_s, abs=0.15)
        assert found.albedo == pytest.approx(1, abs=0.2)
        assert found.sides is None


def of_two_bands(surface, visible, infrared, light, rng):
    """Both shapes under a lamp whose light finds another reflectance than the room's does: alone, against the room."""
    ours = infrared[..., None] * light
    ours = ours * (0.5 * visible.sum() / ours.sum())
    response = light_response(played(visible, ours, rng, 0.002, code=BLINKING), surface)
    alone = shape_in_our_light(response, surface, LAMP, FOCAL, SIZE)
    return alone.head, relief(response, surface, LAMP, FOCAL, SIZE).head


def test_a_picture_on_a_sheet_lacks_one_of_both_shapes_and_a_head_has_them(surface, albedo):
    metres = 0.14 / surface.width
    relieved = under_the_lamp(surface, surface.normals, 0.5 + surface.depth * metres)
    flat = under_the_lamp(surface, np.broadcast_to([0.0, 0.0, -1.0], (CELLS, CELLS, 3)), np.full((CELLS, CELLS), 0.5))
    shaded = albedo * relieved[..., 0] / relieved.mean()
    even = np.full((CELLS, CELLS), 0.6)
    # Of a picture whose printed shading is that of this very lamp.
    dye = of_two_bands(surface, shaded, even, flat, np.random.default_rng(1))
    carbon = of_two_bands(surface, shaded, shaded, flat, np.random.default_rng(1))
    head = of_two_bands(surface, albedo, even, relieved, np.random.default_rng(1))
    assert dye[0] == pytest.approx(0, abs=0.1)
    assert carbon[1] == pytest.approx(0, abs=0.1)
    assert head == pytest.approx((1, 1), abs=0.15)


def test_the_deviation_of_the_shape_in_our_light_is_that_of_what_is_found(surface, albedo):
    metres = 0.14 / surface.width
    light = under_the_lamp(surface, surface.normals, 0.5 + surface.depth * metres)
    ours = 0.6 * light * (0.5 * albedo.sum() / (0.6 * light).sum())
    rng = np.random.default_rng(5)
    found = [
        shape_in_our_light(
            light_response(played(albedo, ours, rng, 0.02, code=BLINKING), surface), surface, LAMP, FOCAL, SIZE
        )
        for _ in range(30)
    ]
    real, told = np.std([one.head for one in found]), np.mean([one.head_deviation for one in found])
    assert told == pytest.approx(real, rel=0.5)


@pytest.mark.parametrize("contrast", [0.3, 4.0])
def test_the_room_s_noise_counts_where_a_lamp_outshines_it(surface, albedo, contrast):
    flat = under_the_lamp(surface, np.broadcast_to([0.0, 0.0, -1.0], (CELLS, CELLS, 3)), np.full((CELLS, CELLS), 0.5))
    rng = np.random.default_rng(5)
    ours = albedo[..., None] * flat
    found = [found_by_the_lamp(surface, albedo, ours, contrast, rng, 0.02) for _ in range(30)]
    real, told = np.std([one.head for one in found]), np.mean([one.head_deviation for one in found])
    # Both errors are added, not squared; 30 draws know their deviation to an eighth.
    assert 0.7 * real < told < 2.2 * real


def test_a_room_that_a_lamp_outshines_by_far_proves_nothing(surface, albedo):
    flat = under_the_lamp(surface, np.broadcast_to([0.0, 0.0, -1.0], (CELLS, CELLS, 3)), np.full((CELLS, CELLS), 0.5))
    ours = albedo[..., None] * flat
    assert found_by_the_lamp(surface, albedo, ours, 15.0, np.random.default_rng(1), 0.002) is None


def test_nothing_is_said_without_our_light_and_without_any_other(surface, albedo):
    ours = albedo[..., None] * head(surface)
    none = light_response(played(albedo, -0.02 * ours, np.random.default_rng(1), 0.003), surface)
    assert relief(none, surface, DISPLAY, FOCAL, SIZE) is None
    alone = light_response(played(1e-4 * albedo, ours * (albedo.sum() / ours.sum()), code=[BOTH, DARK] * 6), surface)
    assert alone is None or relief(alone, surface, DISPLAY, FOCAL, SIZE) is None
