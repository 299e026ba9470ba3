"""Configuration factors of patches against those of rectangles, discs and spheres."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.simulation.exchange import coupling, patches_of, product
from edge.simulation.optics import Pose, Sky, turn
from edge.simulation.relief import Relief
from edge.simulation.sheet import BendAxis, Sheet

EVEN = Sky(0.0)
TOWARDS_CAMERA = np.array([[0.0, 0.0, -1.0]])


def factors(shape, pose, point=(0.0, 0.0, 0.0), normal=(0.0, 0.0, 1.0)):
    return coupling(np.array([point], float), np.array([normal], float), patches_of(shape).placed(pose))


def of_rectangle(width, height, distance):
    """Of a rectangle seen from a parallel element opposite its middle (Howell, B-4)."""
    x, y = width / 2 / distance, height / 2 / distance
    a, b = math.hypot(1, x), math.hypot(1, y)
    return 2 / math.pi * (x / a * math.atan(y / a) + y / b * math.atan(x / b))


@pytest.mark.parametrize("distance", [0.05, 0.1, 0.2, 0.5, 2.0])
@pytest.mark.parametrize(("width", "height"), [(0.2, 0.29), (0.3, 0.1)])
def test_a_sheet_s_patches_add_up_to_the_factor_of_its_rectangle(width, height, distance):
    found = factors(Sheet(width, height), Pose(position=np.array([0.0, 0.0, distance])))
    assert found.given.sum() == pytest.approx(of_rectangle(width, height, distance), rel=0.015)


@pytest.mark.parametrize("aside", [0.1, 0.2])
def test_a_sheet_beside_a_face_has_the_factor_of_a_rectangle_at_right_angles(aside):
    # Of a rectangle whose one side lies in the element's plane, opposite its middle (Howell, B-3, twice).
    width, height = 0.3, 0.2
    x, y = aside / (width / 2), height / (width / 2)
    root = math.hypot(x, y)
    expected = 2 * (math.atan(1 / x) - x / root * math.atan(1 / root)) / (2 * math.pi)
    pose = Pose(turn(yaw=90.0), np.array([-aside, 0.0, height / 2]))
    assert factors(Sheet(height, width), pose).given.sum() == pytest.approx(expected, rel=0.03)


def test_a_far_patch_falls_off_with_the_square_and_both_cosines():
    sheet = Sheet(0.01, 0.01)
    pose = Pose(turn(yaw=30.0), np.array([0.0, 0.0, 0.5]))
    found = factors(sheet, pose, normal=(0.0, math.sin(0.5), math.cos(0.5)))
    expected = 1e-4 * math.cos(math.radians(30)) * math.cos(0.5) / math.pi / 0.25
    assert found.given.sum() == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("distance", [0.15, 0.25, 0.6])
def test_a_ball_has_the_factor_of_a_sphere(distance):
    radius = 0.1
    height = np.linspace(-radius, radius, 80)
    around = np.sqrt(np.maximum(radius**2 - height**2, 1e-8))
    ball = Relief(np.broadcast_to(around[:, None], (80, 80)).copy(), -radius, radius)
    found = factors(ball, Pose(position=np.array([0.0, 0.0, distance])))
    assert found.given.sum() == pytest.approx((radius / distance) ** 2, rel=0.07)


def test_the_back_of_a_sheet_gives_nothing_and_hides_as_much_as_its_front():
    front, back = (factors(Sheet(0.2, 0.2), Pose(turn(yaw), np.array([0.0, 0.0, 0.1]))) for yaw in (0.0, 180.0))
    assert back.given.sum() == 0
    assert back.hidden.sum() == pytest.approx(front.hidden.sum(), rel=1e-5)
    assert front.given.sum() == pytest.approx(front.hidden.sum())


def test_what_is_below_the_horizon_neither_gives_nor_hides():
    found = factors(Sheet(0.2, 0.2), Pose(position=np.array([0.0, 0.0, 0.1])), normal=(0.0, 0.0, -1.0))
    assert found.given.sum() == found.hidden.sum() == 0


def test_a_cut_out_gives_by_the_area_that_is_left():
    outline = np.ones((96, 96), np.float32)
    outline[:, :48] = 0
    pose = Pose(position=np.array([0.0, 0.0, 1.0]))
    whole, half = (factors(Sheet(0.2, 0.2, outline=mask), pose).given.sum() for mask in (None, outline))
    assert half == pytest.approx(whole / 2, rel=0.02)


@pytest.mark.parametrize("axis", list(BendAxis))
@pytest.mark.parametrize("bend", [None, 0.08, -0.08])
def test_patches_have_the_area_of_their_surface_and_look_outward(bend, axis):
    sheet = Sheet(0.2, 0.15, bend, axis)
    patches = patches_of(sheet)
    assert patches.areas.sum() == pytest.approx(0.03, rel=0.02)
    nearest = [np.linalg.norm(sheet.points - middle, axis=2).argmin() for middle in patches.middles]
    normals = sheet.normals.reshape(-1, 3)[nearest]
    assert (normals * patches.normals).sum(axis=1).min() > 0.97


def test_an_even_sky_is_hidden_by_the_factor_and_one_above_more_by_what_is_above():
    above, below = (Pose(turn(pitch=pitch), np.array([0.0, y, 0.2])) for pitch, y in ((-60.0, -0.2), (60.0, 0.2)))
    level = np.zeros(1, np.float32)
    over, under = factors(Sheet(0.2, 0.2), above), factors(Sheet(0.2, 0.2), below)
    assert over.hides(EVEN, level) == pytest.approx(over.hidden.sum(axis=1))
    assert over.hides(EVEN, level) == pytest.approx(under.hides(EVEN, level), rel=1e-4)
    assert over.hides(Sky(0.6), level)[0] > 2 * under.hides(Sky(0.6), level)[0]
    # On the average of above and below the sky is as bright as an even one.
    both = over.hides(Sky(0.6), level)[0] + under.hides(Sky(0.6), level)[0]
    assert both == pytest.approx(2 * over.hidden.sum(), rel=1e-4)


def test_no_more_than_all_of_the_sky_is_hidden():
    found = factors(Sheet(3.0, 3.0), Pose(position=np.array([0.0, 0.0, 0.01])))
    assert found.hides(EVEN, np.zeros(1, np.float32))[0] <= 1


@pytest.mark.parametrize("rows", [1, 7, 5000])
def test_a_product_by_parts_is_the_product(rows):
    rng = np.random.default_rng(1)
    one, other = rng.random((rows, 30), np.float32), rng.random((30, 20), np.float32)
    assert product(one, other) == pytest.approx(one @ other, rel=1e-5)
