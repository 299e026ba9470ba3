"""Flat and bent sheets against projective geometry and the cylinder."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.simulation.lamps import NearPoint, infrared
from edge.simulation.optics import BANDS, INFRARED, Layer, Material, Pinhole, Pose, turn
from edge.simulation.renderer import Renderer
from edge.simulation.sheet import BENT_GRID, FLAT_GRID, MOST_GRID, BendAxis, Sheet, glint_grid
from edge.simulation.signals import Steady

CAMERA = Pinhole(320, 240, 250.0)


def pose(yaw=0.0, pitch=0.0, roll=0.0, distance=0.6, x=0.0, y=0.0):
    return Pose(turn(yaw, pitch, roll), np.array([x, y, distance]))


def projected(points, place):
    world = np.asarray(points, np.float64) @ place.rotation.T + place.position
    return world[:, :2] * (CAMERA.focal / world[:, 2:]) + CAMERA.centre


def covered(footprint):
    picture = np.zeros((CAMERA.height, CAMERA.width))
    rows, columns = footprint.coverage.shape
    picture[footprint.top : footprint.top + rows, footprint.left : footprint.left + columns] = footprint.coverage
    return picture


@settings(max_examples=60, deadline=None)
@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(-90, 90), st.floats(0.5, 1.5))
def test_a_flat_sheet_covers_the_area_of_its_projected_corners(yaw, pitch, roll, distance):
    sheet, place = Sheet(0.2, 0.28), pose(yaw, pitch, roll, distance)
    corners = projected(sheet.points[[0, 0, -1, -1], [0, -1, -1, 0]], place)
    area = cv2.contourArea(corners.astype(np.float32))
    perimeter = cv2.arcLength(corners.astype(np.float32), True)
    inside = (corners > 1).all() and (corners < [CAMERA.width - 2, CAMERA.height - 2]).all()
    seen = covered(sheet.footprint(place, CAMERA)).sum()
    assert not inside or seen == pytest.approx(area, abs=0.03 * perimeter + 1)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-40, 40),
    st.floats(-40, 40),
    st.sampled_from([None, 0.08, 0.15, -0.15]),
    st.sampled_from(list(BendAxis)),
)
def test_the_pixel_where_a_grid_point_projects_shows_that_point(yaw, pitch, bend, axis):
    sheet, place = Sheet(0.12, 0.12, bend, axis), pose(yaw, pitch)
    footprint = sheet.footprint(place, CAMERA)
    towards = place.to_world(sheet.points)
    facing = np.einsum("ijk,ijk->ij", place.turned(sheet.normals), -towards) / np.linalg.norm(towards, axis=2)
    grid = sheet.points.shape[0]
    for row in range(4, grid - 4, 5):
        for column in range(4, grid - 4, 5):
            # A hollow sheet may hide a part of itself.
            if facing[row, column] < 0.3 or (bend or 0) < 0:
                continue
            spot = projected(sheet.points[row, column][None], place)[0] - [footprint.left, footprint.top]
            x = cv2.getRectSubPix(footprint.x, (1, 1), spot.tolist())[0, 0]
            y = cv2.getRectSubPix(footprint.y, (1, 1), spot.tolist())[0, 0]
            assert (x, y) == pytest.approx((column, row), abs=0.25)


def test_the_points_of_a_bent_sheet_lie_on_its_cylinder_and_keep_their_distances():
    sheet = Sheet(0.2, 0.1, 0.09)
    from_axis = np.hypot(sheet.points[..., 0], sheet.points[..., 2] - 0.09)
    assert from_axis == pytest.approx(np.full(from_axis.shape, 0.09), abs=1e-6)
    steps = np.linalg.norm(np.diff(sheet.points, axis=1), axis=2)
    assert steps.sum(axis=1) == pytest.approx(np.full(len(steps), 0.2), rel=1e-3)


def test_a_bulge_comes_towards_the_camera_and_shows_its_limb():
    sheet = Sheet(0.25, 0.1, 0.05)
    assert sheet.points[..., 2].min() == pytest.approx(0.0, abs=1e-4)
    footprint = sheet.footprint(pose(), CAMERA)
    middle = covered(footprint)[CAMERA.height // 2]
    distance = 0.6 + 0.05
    limb = CAMERA.focal * math.tan(math.asin(0.05 / distance))
    assert middle.sum() == pytest.approx(2 * limb, abs=0.6)


@pytest.mark.parametrize("yaw", [-60, -35, 35, 60])
def test_a_hollow_sheet_shows_all_of_its_front_that_faces_the_camera(yaw):
    sheet, place = Sheet(0.28, 0.1, -0.1), pose(yaw)
    world = place.to_world(sheet.points)
    facing = np.sum(place.turned(sheet.normals) * world, axis=2) / np.linalg.norm(world, axis=2) < -0.15
    facing[[0, -1]] = facing[:, [0, -1]] = False
    columns, rows = np.round(projected(sheet.points[facing], place)).astype(int).T
    assert covered(sheet.footprint(place, CAMERA))[rows, columns].min() > 0.5


@pytest.mark.parametrize("bend", [None, 0.3, -0.3])
def test_a_pixel_half_covered_counts_half(bend):
    # At 0.5 m a pixel is 2 mm wide; the edges of a sheet 100 pixels wide lie between pixels, of one of 101 on them.
    for width, edge in ((0.2, 1.0), (0.202, 0.5)):
        footprint = Sheet(width if bend is None else bend_to(width, bend), 0.1, bend).footprint(
            pose(distance=0.5), CAMERA
        )
        middle = covered(footprint)[CAMERA.height // 2]
        assert middle[middle > 1e-4][0] == pytest.approx(edge, abs=0.01)


def bend_to(chord, bend):
    """Width of a sheet that looks ``chord`` wide from 0.5 m once it is bent."""
    angles = np.linspace(0, 1, 200_001)
    seen = 2 * bend * np.sin(angles * np.sign(bend)) / (1 + 2 * bend * (1 - np.cos(angles)))
    return 2 * abs(bend) * float(np.interp(chord, seen, angles))


def test_a_sheet_that_reaches_behind_the_camera_shows_what_is_before_it():
    coverage = covered(Sheet(4.0, 4.0).footprint(pose(yaw=80), CAMERA))
    # The part that comes nearer lies to the left of the picture: the plane passes the camera 0.11 m beside it.
    assert coverage[:, 0].min() == 1.0
    assert coverage[:, -1].max() < 1.0


def test_the_free_sky_of_a_half_pipe_is_what_its_directions_see():
    # Endless along its axis; directions drawn with the density of their cosine.
    sheet = Sheet(math.pi * 0.1, 100.0, -0.1)
    rng = np.random.default_rng(2)
    radius, around = np.sqrt(rng.random(1500)), rng.random(1500) * 2 * math.pi
    rays = np.stack([radius * np.cos(around), radius * np.sin(around), np.sqrt(1 - radius**2)], axis=1)
    for column in (0, 10, 24):
        normal = sheet.normals[24, column]
        basis = np.stack([np.cross([0, 1, 0], normal), [0, 1, 0], normal])
        free = [sheet.sees(ray.astype(np.float32))[24, column] for ray in rays @ basis]
        assert np.mean(free) == pytest.approx(sheet.openness[24, column], abs=0.04)


def test_a_sheet_seen_from_behind_or_beside_the_picture_is_not_there():
    assert Sheet(0.2, 0.2).footprint(pose(yaw=180), CAMERA) is None
    assert Sheet(0.2, 0.2).footprint(pose(x=5.0), CAMERA) is None
    assert Sheet(0.2, 0.2).footprint(pose(distance=-1.0), CAMERA) is None


def test_holes_are_cut_out():
    outline = np.ones((40, 40), np.float32)
    outline[10:20, 10:20] = 0
    whole, cut = (Sheet(0.2, 0.2, outline=mask) for mask in (None, outline))
    before, after = (covered(sheet.footprint(pose(), CAMERA)).sum() for sheet in (whole, cut))
    assert after / before == pytest.approx(1 - 1 / 16, abs=0.01)


def test_a_wall_fills_the_picture():
    assert covered(Sheet(10.0, 10.0).footprint(pose(distance=2.0), CAMERA)).min() == 1.0


def test_only_a_hollow_sheet_shades_itself():
    light = np.array([1.0, 0.0, 0.1], np.float32)
    light /= np.linalg.norm(light)
    for bend in (None, 0.1):
        assert Sheet(0.25, 0.2, bend).sees(light).min() == 1.0
    hollow = Sheet(0.25, 0.2, -0.1).sees(light)
    assert hollow[24, 1] == 0.0
    assert Sheet(0.25, 0.2, -0.1).openness.max() < 1.0


def test_straight_ahead_a_hollow_sheet_is_open():
    assert Sheet(0.1, 0.1, -0.2).sees(np.array([0.0, 0.0, -1.0], np.float32)).min() == 1.0


@pytest.mark.parametrize(
    ("wrong", "words"), [((0.0, 0.1), "sheet of"), ((0.1, -1.0), "sheet of"), ((0.7, 0.1, 0.1), "meets itself")]
)
def test_impossible_sheets_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Sheet(*wrong)


def glint(grid, width=0.2, distance=0.32, roughness=0.02):
    """(h, w) infrared light of a small lamp 3 cm beside the lens on black glass."""
    material = Material(np.zeros((2, 2, BANDS), np.float32), f0=0.04, roughness=roughness)
    layer = Layer(Sheet(width, width, grid=grid), pose(distance=distance), material)
    lamp = NearPoint(np.array([0.03, 0.0, 0.0]), 1.0, 60.0, infrared(), Steady())
    begins = np.zeros(CAMERA.height)
    return Renderer(CAMERA, [lamp]).render([layer], begins, 0.01)[..., INFRARED]


def test_the_glint_of_a_small_lamp_on_glass_is_round_and_as_bright_as_on_a_much_finer_grid():
    fine = glint(512)
    seen = glint(glint_grid(0.2, 0.02, 0.32))
    assert seen.max() == pytest.approx(fine.max(), rel=0.05)
    # Where it would be clipped it still has no corners: all of its rim is as far from its middle.
    for share in (0.5, 0.05, 0.005):
        rows, columns = np.nonzero(seen > share * seen.max())
        inside = np.zeros_like(seen, np.uint8)
        inside[rows, columns] = 1
        rim = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0][:, 0]
        away = np.linalg.norm(rim - np.array([columns.mean(), rows.mean()]), axis=1)
        assert np.ptp(away) < 2.0
    assert glint(24).max() != pytest.approx(fine.max(), rel=0.05)


def test_a_sheet_has_as_many_points_as_its_gloss_needs():
    assert glint_grid(0.29, 0.5, 0.35) == FLAT_GRID
    assert glint_grid(0.29, 0.5, 0.35, 0.15) == BENT_GRID
    # Three cells to the 6.4 mm at which glass has turned by its slope deviation.
    assert glint_grid(0.2, 0.02, 0.32) == math.ceil(3 * 0.2 / 0.0064) + 1
    assert glint_grid(0.2, 0.06, 0.32) < glint_grid(0.2, 0.06, 0.32, 0.15) <= MOST_GRID
    assert glint_grid(2.0, 0.02, 0.3) == MOST_GRID
    assert Sheet(0.2, 0.1, grid=77).points.shape == (77, 77, 3)
    assert Sheet(0.2, 0.1).points.shape == (FLAT_GRID, FLAT_GRID, 3)
