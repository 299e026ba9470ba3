from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.simulation.head import (
    LOADINGS,
    SURVEY,
    Anthropometry,
    FaceRegion,
    Head,
    KeyPoint,
    face_regions,
    jaw_line,
    parametric_head,
)

seeds = st.integers(0, 2**32 - 1)


def middle_line(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Heights and how far the front's middle line is before the axis."""
    points = head.relief.points
    column = points.shape[1] // 2
    across = points[:, column - 1 : column + 1]
    return across[:, 0, 1], -across[..., 2].max(axis=1)


def breadth(head: Head, top: float, bottom: float, *, behind: float = np.inf) -> float:
    """Between two heights, of what lies at most ``behind`` metres behind the axis."""
    points = head.relief.points
    chosen = (points[..., 1] >= top) & (points[..., 1] <= bottom) & (points[..., 2] <= behind)
    return float(np.ptp(points[..., 0][chosen]))


def turning_points(values: np.ndarray) -> np.ndarray:
    rise = np.diff(values)
    return np.flatnonzero(rise[1:] * rise[:-1] <= 0) + 1


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_measuring_the_surface_gives_back_the_dimensions_asked_for(seed):
    size = Anthropometry.draw(np.random.default_rng(seed))
    head = parametric_head(size)
    points = head.relief.points
    height, forward = middle_line(head)

    # Above the ears, and before them, as the surveys measure.
    assert breadth(head, -0.2, -0.03) == pytest.approx(size.head_breadth, abs=0.003)
    assert breadth(head, 0.010, 0.018, behind=-0.01) == pytest.approx(size.face_width, abs=0.003)
    jaw = float(head.points[KeyPoint.STOMION][1])
    assert breadth(head, jaw - 0.002, jaw + 0.002) == pytest.approx(size.jaw_width, abs=0.006)
    above = height < -0.012
    assert forward[above].max() + points[points[..., 1] < 0.02][:, 2].max() == pytest.approx(
        size.head_length, abs=0.003
    )

    tip = int(np.argmax(np.where(height > 0, forward, 0)))
    turns = turning_points(forward)
    # Sellion is where the profile lies deepest between the forehead and the nose.
    sellion = max(turn for turn in turns if turn < tip and height[turn] < 0.005)
    assert height[sellion] == pytest.approx(head.points[KeyPoint.SELLION][1], abs=0.005)
    assert height[tip] == pytest.approx(head.points[KeyPoint.NOSE_TIP][1], abs=0.003)
    subnasale = min(turn for turn in turns if turn > tip)
    assert forward[tip] - forward[subnasale] == pytest.approx(size.nose_protrusion, abs=0.004)

    # Menton is where the profile turns under: below it the surface falls back half as far again as it goes down.
    chin = max(turn for turn in turns if turn > subnasale and height[turn] < head.points[KeyPoint.MENTON][1])
    low = (height > height[chin]) & (np.gradient(forward, height) < -1.5)
    menton = np.array([height[low][0], forward[low][0]])
    length = np.hypot(*(menton - np.array([height[sellion], forward[sellion]])))
    assert length == pytest.approx(size.face_length, abs=0.008)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_the_crown_is_round_and_widest_above_and_behind_the_ears(seed):
    head = parametric_head(Anthropometry.draw(np.random.default_rng(seed)))
    points, radius = head.relief.points, head.relief.radius
    above = points[:, 0, 1] < -0.05
    # Up to the vertex sections shrink, and the faster the higher, as those of a ball do.
    mean = radius[above].mean(axis=1)
    assert (np.diff(mean) > 0).all()
    assert (np.diff(mean, 2) < 1e-4).all()
    assert mean[0] < 0.005
    # Seen from in front the outline is about half an ellipse: no lid and no edge.
    half = points[above][..., 0].max(axis=1)
    top, widest = float(points[0, 0, 1]), -0.045
    up = np.clip((widest - points[above][:, 0, 1]) / (widest - top), 0, 1)
    assert half == pytest.approx(half.max() * np.sqrt(1 - up**2), abs=0.006)
    # At the temples, 3 cm behind the brows, the head is a quarter narrower than at its widest, behind the axis.
    level = int(np.abs(points[:, 0, 1] + 0.045).argmin())
    row = points[level]
    front = -row[:, 2].min()
    temple = row[(row[:, 2] < -front + 0.033) & (row[:, 2] > -front + 0.020)][:, 0].max()
    assert 0.55 < temple / row[:, 0].max() < 0.85
    assert row[row[:, 0].argmax(), 2] > 0.005


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_the_jaw_tapers_to_a_round_chin_and_goes_back_to_the_neck_below_it(seed):
    size = Anthropometry.draw(np.random.default_rng(seed))
    head = parametric_head(size)
    menton = float(head.points[KeyPoint.MENTON][1])
    across, level, _ = jaw_line(head).T
    # Seen from in front a U: level at the chin, and steeper the farther out, up to the angles of the jaw.
    right = across > 0
    outline = np.interp([0.0, 0.010, 0.30 * size.jaw_width, 0.40 * size.jaw_width], across[right], level[right])
    rises = -np.diff(outline)
    assert outline[0] == pytest.approx(menton, abs=0.004)
    assert rises[0] < 0.003
    assert rises[1] > 0.004
    assert rises[2] / 0.10 > rises[1] / 0.21
    assert across.max() > 0.40 * size.jaw_width
    assert 0.015 < menton - level.min() < 0.045
    height, forward = middle_line(head)
    under = np.interp([menton - 0.01, menton + 0.015, menton + 0.03], height, forward)
    assert under[0] - under[1] > 0.025
    assert under[2] < 0.06


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_ears_stand_out_at_both_sides_from_the_brows_to_the_nose(seed):
    size = Anthropometry.draw(np.random.default_rng(seed))
    head = parametric_head(size)
    x, y, z = np.moveaxis(head.relief.points, 2, 0)
    y = y[:, 0]
    out = x.max(axis=1) - np.where(z < -0.01, x, 0.0).max(axis=1)
    assert 0.010 < out[np.abs(y - 0.011) < 0.015].max() < 0.020
    tall = y[(out > 0.004) & (np.abs(y) < 0.07)]
    assert 0.045 < np.ptp(tall) < 0.070
    brow, nose = (float(head.points[name][1]) for name in (KeyPoint.RIGHT_BROW, KeyPoint.SUBNASALE))
    assert tall.min() > brow - 0.005
    assert tall.max() < nose + 0.012


def test_eyeballs_stand_out_at_the_interpupillary_distance_and_the_nose_is_as_broad_as_asked():
    size = replace(Anthropometry(), interpupillary=0.066, nose_breadth=0.040)
    head = parametric_head(size)
    side = np.linspace(0.012, 0.055, 120)
    depth = np.array([-head.relief.at(x, 0.0)[2] for x in side])
    bulge = np.gradient(np.gradient(np.convolve(np.pad(depth, 8, "edge"), np.hanning(17) / 8, "valid")))
    inner = (side > 0.022) & (side < 0.045)
    assert side[inner][bulge[inner].argmin()] == pytest.approx(0.033, abs=0.003)

    wing = float(head.points[KeyPoint.NOSE_LEFT][1])
    slope = np.abs(np.gradient([-head.relief.at(x, wing)[2] for x in side], side))
    assert side[(slope > 1.2) & (side < 0.035)].max() == pytest.approx(0.020, abs=0.003)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_a_head_is_symmetric_and_no_plane(seed):
    head = parametric_head(Anthropometry.draw(np.random.default_rng(seed)))
    assert head.relief.radius == pytest.approx(head.relief.radius[:, ::-1], abs=1e-5)
    points = head.relief.points
    chin = head.points[KeyPoint.MENTON][1] - 0.01
    face = (
        (np.abs(points[..., 0]) < 0.045) & (points[..., 1] > -0.03) & (points[..., 1] < chin) & (points[..., 2] < -0.05)
    )
    x, y, z = points[face].astype(float).T
    plane = np.stack((np.ones_like(x), x, y), axis=1)
    curved = np.concatenate((plane, np.stack((x * x, x * y, y * y), axis=1)), axis=1)
    residual = [float(np.std(z - a @ np.linalg.lstsq(a, z, rcond=None)[0])) for a in (plane, curved)]
    assert 0.007 < residual[0] < 0.02
    assert 0.003 < residual[1] < residual[0]


@pytest.mark.parametrize("sex", [0, 1])
def test_many_draws_have_the_means_deviations_and_correlations_of_the_survey(sex):
    rng = np.random.default_rng(5)
    names = [field.name for field in fields(Anthropometry)]
    drawn = []
    while len(drawn) < 4000:
        state = rng.bit_generator.state
        of_sex = int(rng.integers(2)) == sex
        rng.bit_generator.state = state
        size = Anthropometry.draw(rng)
        if of_sex:
            drawn.append([getattr(size, name) * 1000 for name in names])
    values = np.array(drawn)
    for column, name in enumerate(names):
        mean, deviation = SURVEY[sex][name]
        assert values[:, column].mean() == pytest.approx(mean, abs=0.08 * deviation)
        assert values[:, column].std() == pytest.approx(deviation, rel=0.06)
    found = np.corrcoef(values.T)
    face, head, pupils = (names.index(name) for name in ("face_width", "head_breadth", "interpupillary"))
    # Published for ANSUR II, men and women.
    assert 0.57 < found[face, head] < 0.70
    assert 0.40 < found[face, pupils] < 0.52


def test_survey_and_loadings_name_every_dimension():
    names = {field.name for field in fields(Anthropometry)}
    assert set(LOADINGS) == set(SURVEY[0]) == set(SURVEY[1]) == names


def test_the_same_seed_draws_the_same_head():
    first, again = (Anthropometry.draw(np.random.default_rng(9)) for _ in range(2))
    assert first == again


def test_key_points_lie_on_the_surface():
    head = parametric_head(Anthropometry())
    points = np.stack([head.points[name] for name in KeyPoint])
    away = np.linalg.norm(head.relief.points[None].astype(float) - points[:, None, None], axis=-1)
    assert away.reshape(len(points), -1).min(axis=1).max() < 0.003


@pytest.mark.parametrize("size", [{"face_width": 0.0}, {"head_length": float("nan")}, {"interpupillary": 0.2}])
def test_dimensions_that_no_head_has_are_refused(size):
    with pytest.raises(ValueError, match="head"):
        replace(Anthropometry(), **size)


def test_the_regions_of_a_face_lie_where_their_names_say_and_on_both_sides_alike():
    head = parametric_head(Anthropometry())
    regions = face_regions(head)
    height = {region: float(head.relief.points[mask][:, 1].mean()) for region, mask in regions.items()}
    assert height[FaceRegion.FOREHEAD] < 0 < height[FaceRegion.NOSE] < height[FaceRegion.CHIN]
    for region, mask in regions.items():
        points = head.relief.points[mask]
        assert points[:, 2].max() < 0, region
        assert points[:, 0].mean() == pytest.approx(0.0, abs=0.003)
    assert np.abs(head.relief.points[regions[FaceRegion.CHEEKS]][:, 0]).min() > 0.025
    # The chin's rim looks down, as it does for a lamp beside the lens.
    assert head.relief.normals[regions[FaceRegion.CHIN]][:, 1].mean() > 0.4
