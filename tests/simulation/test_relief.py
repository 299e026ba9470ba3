from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.simulation.optics import Footprint, Pinhole, Pose, turn
from edge.simulation.relief import Relief, column_angles, filled

CAMERA = Pinhole(320, 240, 300.0)
BALL = 0.1


def ball(cells: int = 96) -> Relief:
    heights = np.linspace(-BALL, BALL, cells)[:, None]
    return Relief(np.sqrt(np.maximum(BALL**2 - heights**2, 1e-8)) * np.ones((1, cells)), -BALL, BALL)


def pillar(bump: float = 0.0, *, radius: float = 0.08, angle: float = 0.0, wide: float = 0.12) -> Relief:
    """A cylinder 0.24 m high, with an upright ridge at ``angle`` or, with a negative ``bump``, a groove."""
    away = np.angle(np.exp(1j * (column_angles(128) - angle)))
    return Relief(np.ones((96, 1)) * (radius + bump * np.exp(-((away / wide) ** 2))), -0.12, 0.12)


BALL_SHAPE, PILLAR, RIDGED = ball(), pillar(), pillar(0.03)


def sampled(grid: np.ndarray, seen: Footprint) -> np.ndarray:
    column, row = np.clip(seen.x, 0, grid.shape[1] - 1.001), np.clip(seen.y, 0, grid.shape[0] - 1.001)
    left, top = column.astype(int), row.astype(int)
    across, down = (column - left)[..., None], (row - top)[..., None]
    upper = grid[top, left] * (1 - across) + grid[top, left + 1] * across
    lower = grid[top + 1, left] * (1 - across) + grid[top + 1, left + 1] * across
    return upper * (1 - down) + lower * down


def whole(seen: Footprint, camera: Pinhole = CAMERA) -> np.ndarray:
    picture = np.zeros((camera.height, camera.width))
    height, width = seen.coverage.shape
    picture[seen.top : seen.top + height, seen.left : seen.left + width] = seen.coverage
    return picture


def ball_share(centre: np.ndarray, camera: Pinhole = CAMERA, over: int = 6) -> np.ndarray:
    """Share of each pixel whose lines of sight meet the ball, by the quadratic."""
    x = ((np.arange(camera.width * over) + 0.5) / over - 0.5 - camera.centre[0]) / camera.focal
    y = ((np.arange(camera.height * over) + 0.5) / over - 0.5 - camera.centre[1]) / camera.focal
    towards = x[None, :] * centre[0] + y[:, None] * centre[1] + centre[2]
    meets = towards**2 > (x[None, :] ** 2 + y[:, None] ** 2 + 1) * (centre @ centre - BALL**2)
    return meets.reshape(camera.height, over, camera.width, over).mean(axis=(1, 3))


def test_the_columns_run_from_back_to_back_and_are_closest_in_front():
    angles = column_angles(129)
    assert angles[[0, 64, -1]] == pytest.approx([-np.pi, 0, np.pi])
    steps = np.diff(angles)
    assert steps.min() > 0
    assert steps[64] < np.median(steps) < steps[0]
    half = np.sin(angles / 2)
    assert 1.25 * half - 0.25 * half**3 == pytest.approx(np.linspace(-1, 1, 129), abs=1e-9)


def test_a_ball_has_the_normals_and_the_openness_of_a_ball():
    middle = np.abs(BALL_SHAPE.points[..., 1]) < 0.8 * BALL
    expected = BALL_SHAPE.points / BALL
    cosine = (BALL_SHAPE.normals * expected).sum(axis=-1)[middle]
    assert cosine.min() > 0.999
    assert BALL_SHAPE.openness[middle].min() > 0.98


@settings(max_examples=20, deadline=None)
@given(
    yaw=st.floats(-40, 40),
    pitch=st.floats(-25, 25),
    x=st.floats(-0.15, 0.15),
    y=st.floats(-0.1, 0.1),
    z=st.floats(0.35, 1.2),
)
def test_a_ball_covers_what_the_quadratic_says_wherever_it_is(yaw, pitch, x, y, z):
    centre = np.array([x, y, z])
    seen = BALL_SHAPE.footprint(Pose(turn(yaw, pitch), centre), CAMERA)
    assert seen is not None
    share = ball_share(centre)
    assert whole(seen).sum() == pytest.approx(share.sum(), rel=0.01)
    assert np.abs(whole(seen) - share).mean() < 0.002


@pytest.mark.parametrize("shape", [BALL_SHAPE, PILLAR, RIDGED])
def test_the_seen_point_lies_on_the_line_of_sight_of_its_pixel(shape):
    pose = Pose(turn(25, -12, 7), np.array([0.03, -0.02, 0.5]))
    seen = shape.footprint(pose, CAMERA)
    assert seen is not None
    world = pose.to_world(sampled(shape.points, seen).astype(np.float32))
    height, width = seen.coverage.shape
    columns, rows = np.meshgrid(np.arange(width) + seen.left, np.arange(height) + seen.top)
    middle = np.array(CAMERA.centre)
    off = world[..., :2] / world[..., 2:] * CAMERA.focal + middle - np.stack((columns, rows), axis=-1)
    full = seen.coverage == 1
    # The flat lids of top and bottom are no part of the grid.
    full &= (seen.y > 0) & (seen.y < shape.points.shape[0] - 1)
    assert np.percentile(np.abs(off[full]), 99.5) < 0.25


def test_a_ridge_hides_what_lies_behind_it():
    pose = Pose(turn(yaw=30), np.array([0.0, 0.0, 0.6]))
    seen = RIDGED.footprint(pose, CAMERA)
    assert seen is not None
    row = seen.coverage.shape[0] // 2
    columns = seen.x[row][seen.coverage[row] == 1]
    jumps = np.diff(columns)
    # To the ridge's lee some columns of the grid are skipped, and no ray sees the surface twice.
    assert jumps.max() > 4
    assert (jumps > 0).all()


def test_a_point_in_the_lee_of_a_ridge_is_dark_and_one_before_it_is_lit():
    light = np.array([np.sin(np.radians(70)), 0, -np.cos(np.radians(70))], np.float32)
    seen = RIDGED.sees(light)
    row = seen.shape[0] // 2
    angles = np.degrees(column_angles(seen.shape[1]))
    at = lambda angle: seen[row, np.abs(angles - angle).argmin()]  # noqa: E731
    # From the foot at -20 degrees the tip of the ridge stands 48 degrees to the right of the line of sight to the
    # front: the light comes from beyond it. On a bare pillar the same place is lit from there.
    assert at(-14) < 0.1
    assert at(25) > 0.95
    assert PILLAR.sees(light)[row, np.abs(angles + 14).argmin()] > 0.95


def blocked(ring: np.ndarray, number: int, direction: np.ndarray) -> bool:
    """Whether the straight line from a corner of a closed polygon crosses one of its sides, by Cramer's rule."""
    begin, side = ring[:-1] - ring[number], np.diff(ring, axis=0)
    area = direction[0] * side[:, 1] - direction[1] * side[:, 0]
    area[np.abs(area) < 1e-12] = 1e-12
    distance = (begin[:, 0] * side[:, 1] - begin[:, 1] * side[:, 0]) / area
    share = (begin[:, 0] * direction[1] - begin[:, 1] * direction[0]) / area
    return bool(((distance > 0.003) & (share >= 0) & (share <= 1)).any())


def test_the_shadow_of_a_ridge_ends_where_the_straight_line_past_it_says():
    light_angle = np.radians(60.0)
    light = np.array([np.sin(light_angle), 0, -np.cos(light_angle)])
    shape = pillar(0.03, wide=0.06)
    row = shape.points.shape[0] // 2
    ring = shape.points[row].astype(float)[:, [0, 2]]
    direction = light[[0, 2]]
    dark = np.array([blocked(ring, number, direction) for number in range(len(ring))])
    lit = (shape.normals[row][:, [0, 2]] @ direction) > 0.1
    seen = shape.sees(light.astype(np.float32))[row]
    assert ((seen < 0.5) == dark)[lit].mean() > 0.9


def test_directions_for_each_point_agree_with_one_for_all():
    light = np.array([0.6, -0.2, -0.775], np.float32)
    light /= np.linalg.norm(light)
    many = np.broadcast_to(light, RIDGED.points.shape).astype(np.float32)
    assert RIDGED.sees(many) == pytest.approx(RIDGED.sees(light), abs=0.02)


def test_a_deep_groove_is_less_open_than_the_wall_beside_it():
    grooved = pillar(-0.03, wide=0.15)
    row = grooved.points.shape[0] // 2
    middle = grooved.openness.shape[1] // 2
    assert grooved.openness[row, middle] < 0.7
    assert grooved.openness[row, 10] > 0.97


def test_a_footprint_does_not_depend_on_those_before_it():
    near, far = Pose(turn(10), np.array([0.0, 0.0, 0.4])), Pose(turn(-30), np.array([0.05, 0.0, 0.9]))
    first = RIDGED.footprint(far, CAMERA)
    RIDGED.footprint(near, CAMERA)
    again = RIDGED.footprint(far, CAMERA)
    assert first is not None
    assert again is not None
    assert np.array_equal(first.x, again.x)
    assert np.array_equal(first.coverage, again.coverage)


def test_out_of_sight_is_no_footprint():
    assert BALL_SHAPE.footprint(Pose(turn(), np.array([5.0, 0.0, 1.0])), CAMERA) is None
    assert BALL_SHAPE.footprint(Pose(turn(), np.array([0.0, 0.0, -1.0])), CAMERA) is None


def test_the_foremost_point_is_found_by_its_place():
    assert BALL_SHAPE.at(0.03, -0.04) == pytest.approx([0.03, -0.04, -np.sqrt(0.01 - 0.0025)], abs=1e-3)
    with pytest.raises(ValueError, match="no point"):
        BALL_SHAPE.at(0.2, 0.0)


def test_the_place_on_the_grid_of_a_grid_point_is_its_own():
    rows, columns = np.mgrid[20:70:7, 9:120:11]
    place = RIDGED.grid_position(RIDGED.points[rows, columns])
    assert place[..., 0] == pytest.approx(columns, abs=0.01)
    assert place[..., 1] == pytest.approx(rows, abs=0.01)


@pytest.mark.parametrize("radius", [np.zeros((20, 20)), np.full((20, 20), np.nan), np.ones((4, 20)), np.ones(20)])
def test_what_is_no_relief_is_refused(radius):
    with pytest.raises(ValueError, match="relief"):
        Relief(radius, -0.1, 0.1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.9), level=st.floats(-3, 3))
def test_gaps_are_filled_with_what_surrounds_them_and_around_the_axis(seed, share, level):
    rng = np.random.default_rng(seed)
    known = (rng.random((48, 64)) > share).astype(np.float32)
    known[20:30, 10:30] = 0
    known[0, 0] = known[0, -1] = 1
    values = rng.normal(size=(48, 64)).astype(np.float32)
    values[:, -1], known[:, -1] = values[:, 0], known[:, 0]
    held = known > 0
    full = filled(np.where(held, values, 99.0).astype(np.float32), known)
    assert np.array_equal(full[held], values[held])
    assert values[held].min() - 1e-4 <= full.min()
    assert full.max() <= values[held].max() + 1e-4
    assert full[:, 0] == pytest.approx(full[:, -1], abs=1e-4)
    even = filled(np.where(held, np.float32(level), 99.0).astype(np.float32), known)
    assert even == pytest.approx(np.full_like(even, level), abs=1e-4)


@pytest.mark.parametrize("pitch", [-25.0, -12.0, 0.0, 25.0])
def test_flat_ends_have_no_holes_and_nothing_floats_beyond_the_tip(pitch):
    for shape in (PILLAR, tip()):
        picture = whole(shape.footprint(Pose(turn(0.0, pitch), np.array([0.0, 0.0, 0.6])), CAMERA))
        some, full = ((picture > share).astype(np.uint8) for share in (0.02, 0.98))
        hull = np.zeros_like(some)
        cv2.fillConvexPoly(hull, cv2.convexHull(np.argwhere(full)[:, ::-1].astype(np.int32)), 1)
        near = np.ones((7, 7), np.uint8)
        assert full[cv2.erode(hull, near) > 0].all()
        assert not some[cv2.dilate(hull, near) == 0].any()


def tip() -> Relief:
    """A dome that is as steep towards its tip as a head's crown."""
    up = np.linspace(1, 0, 60)[:, None]
    return Relief(0.08 * np.maximum(np.sqrt(1 - up**2), 0.02) * np.ones((1, 96)), -0.08, 0.0)
