"""Shadows of one thing on another against similar triangles, cones, and rays followed one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge.simulation.lamps import Distant, NearPoint, Panel, white
from edge.simulation.optics import Layer, Material, Pose, Source, turn
from edge.simulation.relief import Relief, column_angles
from edge.simulation.shadows import Shadows, Sphere, may_shadow
from edge.simulation.sheet import BendAxis, Sheet
from edge.simulation.signals import Steady
from tests.simulation.rays import met

GREY = Material(np.full((2, 2, 4), 0.5, np.float32))
ORIGIN = np.zeros(3)


def placed(shape, x=0.0, y=0.0, z=0.5, yaw=0.0, pitch=0.0, roll=0.0):
    return Layer(shape, Pose(turn(yaw, pitch, roll), np.array([x, y, z])), GREY)


class Screen:
    """Points on a plane that faces the camera: of a square of a side about (x, y), so many each way."""

    def __init__(self, z=1.0, side=0.6, count=241, x=0.0, y=0.0):
        along = np.linspace(-side / 2, side / 2, count, dtype=np.float32)
        across, down = np.meshgrid(along + np.float32(x), along + np.float32(y))
        self.points = (across, down, np.full_like(across, z))
        self.cell = side / (count - 1)
        self.sphere = Sphere(np.array([x, y, z]), side / math.sqrt(2))

    def hidden(self, caster, source, shadows=None):
        """Share of the lamp that is hidden at each point."""
        shadows = shadows or Shadows()
        left = shadows.left(caster, Sphere.around(caster.shape), source, self.sphere, self.points, self.cell)
        return np.zeros_like(self.points[0]) if left is None else 1 - left

    def middle_of(self, hidden):
        return np.array([(hidden * part).sum() / hidden.sum() for part in self.points[:2]])


def point(x=0.0, y=0.0, z=0.0):
    return NearPoint(np.array([x, y, z]), 1.0, 60.0, white(), Steady()).source


def panel(width, height, z=0.0):
    return Panel(np.array([0.0, 0.0, z]), width, height, 300.0, white(), Steady()).source


def sun(x, y, z, diameter=0.0093):
    direction = np.array([x, y, z]) / math.hypot(x, y, z)
    return Distant(1000.0, direction, white(), Steady(), diameter).source


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.floats(0.35, 0.9))
def test_the_shadow_of_a_square_has_the_size_and_place_of_similar_triangles(lamp_x, lamp_y, x, y, z):
    side, wall = 0.05, Screen(1.0, 1.0, 161)
    hidden = wall.hidden(placed(Sheet(side, side), x, y, z), point(lamp_x, lamp_y))
    middle = np.array([lamp_x, lamp_y]) + (np.array([x, y]) - [lamp_x, lamp_y]) / z
    assert wall.middle_of(hidden) == pytest.approx(middle, abs=1e-4)
    assert hidden.sum() * wall.cell**2 == pytest.approx((side / z) ** 2, rel=0.01)
    off = np.maximum(np.abs(wall.points[0] - middle[0]), np.abs(wall.points[1] - middle[1])) - side / 2 / z
    assert hidden[off < -wall.cell].min() == 1
    assert hidden[off > wall.cell].max() == 0


@pytest.mark.parametrize(("width", "height"), [(0.08, 0.08), (0.154, 0.086), (0.02, 0.2)])
@pytest.mark.parametrize("z", [0.5, 0.8])
def test_the_penumbra_of_a_panel_is_as_wide_as_the_panel_times_gap_over_distance(width, height, z):
    wall = Screen(1.0, 1.2, 601)
    hidden = wall.hidden(placed(Sheet(0.3, 0.3), z=z), panel(width, height))
    along = wall.points[0][0]
    for profile, size in ((hidden[300], width), (hidden[:, 300], height)):
        soft, edge = size * (1 - z) / z, 0.15 / z
        expected = np.clip((edge + soft / 2 - np.abs(along)) / soft, 0, 1)
        assert profile == pytest.approx(expected, abs=wall.cell / soft)


def test_a_tilted_sheet_hides_what_its_corners_say():
    sheet, wall = placed(Sheet(0.2, 0.1), 0.02, -0.03, 0.6, 40.0, 20.0, 30.0), Screen(1.0, 0.8, 321)
    corners = sheet.pose.to_world(sheet.shape.points[[0, 0, -1, -1], [0, -1, -1, 0]]).astype(np.float64)
    lamp = np.array([0.05, 0.0, 0.0])
    shadow = lamp[:2] + (corners[:, :2] - lamp[:2]) / corners[:, 2:]
    following = np.roll(shadow, -1, axis=0)
    area = abs(np.sum(shadow[:, 0] * following[:, 1] - shadow[:, 1] * following[:, 0])) / 2
    hidden = wall.hidden(sheet, point(*lamp))
    assert hidden.sum() * wall.cell**2 == pytest.approx(area, rel=0.01)
    assert wall.middle_of(hidden) == pytest.approx(shadow.mean(axis=0), abs=0.01)


def test_a_sheet_hides_light_from_behind_as_well():
    wall = Screen(0.3, 0.4)
    turned = wall.hidden(placed(Sheet(0.1, 0.1), z=0.5, yaw=180.0), point(z=0.9))
    assert turned.sum() * wall.cell**2 == pytest.approx((0.1 * 0.6 / 0.4) ** 2, rel=0.01)


def test_holes_let_light_through():
    outline = np.ones((100, 100), np.float32)
    # From 3 to 1 cm left of the middle of a sheet of 10 cm and from 1 to 2 cm below it.
    outline[60:70, 20:40] = 0
    wall = Screen(1.0, 0.4)
    hidden = wall.hidden(placed(Sheet(0.1, 0.1, outline=outline), z=0.5), point())
    x, y, _ = wall.points
    spare = 2 * wall.cell
    hole = (np.abs(x + 0.04) < 0.02 - spare) & (np.abs(y - 0.03) < 0.01 - spare)
    around = (np.abs(x + 0.04) > 0.02 + spare) | (np.abs(y - 0.03) > 0.01 + spare)
    inside = (np.abs(x) < 0.1 - spare) & (np.abs(y) < 0.1 - spare)
    assert hidden[hole].max() == 0
    assert hidden[around & inside].min() > 1 - 1e-6
    assert hidden.sum() * wall.cell**2 == pytest.approx(0.2**2 - 0.04 * 0.02, rel=0.01)


@pytest.mark.parametrize("lamp", [point(), panel(0.154, 0.086)])
@pytest.mark.parametrize("shape", [Sheet(0.1, 0.1), Sheet(0.1, 0.1, 0.1), Relief(np.full((20, 20), 0.05), -0.05, 0.05)])
def test_what_is_behind_the_receiver_or_behind_the_lamp_hides_nothing(lamp, shape):
    wall = Screen(1.0)
    assert wall.hidden(placed(shape, z=0.5), lamp).max() > 1 - 1e-6
    assert wall.hidden(placed(shape, z=1.2), lamp).max() == 0
    assert wall.hidden(placed(shape, z=-0.3), lamp).max() == 0


def test_a_large_thing_behind_the_lamp_hides_nothing():
    assert Screen(1.0, 2.0).hidden(placed(Sheet(0.6, 0.6), z=0.1), point(z=0.3)).max() == 0


@pytest.mark.parametrize("shape", [Sheet(0.1, 0.1), Relief(np.full((20, 20), 0.05), -0.05, 0.05)])
def test_what_is_beside_the_light_s_way_hides_nothing(shape):
    assert Screen(1.0, 0.1).hidden(placed(shape, x=0.3), point()).max() == 0


@pytest.mark.parametrize("towards", [(0.0, -0.5, -1.0), (0.7, 0.0, -1.0), (-0.6, -0.6, -1.0)])
def test_the_sun_s_shadow_falls_away_from_it(towards):
    gap, side = 0.4, 0.1
    wall = Screen(1.0, 1.2, 401)
    hidden = wall.hidden(placed(Sheet(side, side), z=1.0 - gap), sun(*towards))
    # Parallel light moves the square along by the gap and keeps its size.
    assert wall.middle_of(hidden) == pytest.approx([gap * part / towards[2] for part in towards[:2]], abs=1e-3)
    assert hidden.sum() * wall.cell**2 == pytest.approx(side**2, rel=0.01)


def test_the_sun_s_shadow_is_as_soft_as_its_disc():
    gap, diameter = 2.0, 0.0093
    wall = Screen(3.0, 0.4, 801, x=0.25)
    hidden = wall.hidden(placed(Sheet(0.5, 0.5), z=3.0 - gap), sun(0.0, 0.0, -1.0, diameter))
    # The edge as a distribution: that of a disc has a quarter of its diameter as its deviation.
    steps = -np.diff(hidden[400])
    places = (wall.points[0][400, 1:] + wall.points[0][400, :-1]) / 2
    assert steps.sum() == pytest.approx(1)
    middle = float((steps * places).sum())
    assert middle == pytest.approx(0.25, abs=1e-3)
    deviation = math.sqrt(float((steps * (places - middle) ** 2).sum()))
    assert deviation == pytest.approx(gap * diameter / 4, rel=0.03)


@pytest.mark.parametrize("axis", list(BendAxis))
@pytest.mark.parametrize("bend", [0.08, -0.1])
@pytest.mark.parametrize(
    ("lamp", "behind"), [((0.0, 0.0, 0.0), 0.62), ((0.2, -0.2, 0.2), 0.62), ((-0.1, 0.2, 0.9), 0.4)]
)
def test_a_bent_sheet_hides_what_rays_say(axis, bend, lamp, behind):
    sheet = placed(Sheet(0.22, 0.2, bend, axis), z=0.5, yaw=15.0, pitch=-10.0)
    wall = Screen(behind, 0.5, 41)
    hidden = wall.hidden(sheet, point(*lamp))
    starts = np.stack([part.ravel() for part in wall.points], axis=1).astype(np.float64)
    expected = met(sheet.pose.to_world(sheet.shape.points), starts, np.broadcast_to(lamp, starts.shape))
    expected = expected.reshape(hidden.shape).astype(np.float32)
    assert 0.1 < expected.mean() < 0.9
    # Half a cell at the edge may differ.
    assert (np.abs(hidden - expected) > 0.5).mean() < 0.01
    assert hidden.mean() == pytest.approx(expected.mean(), abs=0.01)


def ball(radius=0.1, rows=60):
    height = np.linspace(-radius, radius, rows)
    around = np.sqrt(np.maximum(radius**2 - height**2, 1e-8))
    return Relief(np.broadcast_to(around[:, None], (rows, 64)).copy(), -radius, radius)


@pytest.mark.parametrize("distance", [0.3, 0.5, 0.9])
def test_a_ball_s_shadow_is_that_of_its_cone(distance):
    wall = Screen(1.2, 1.6, 321)
    hidden = wall.hidden(placed(ball(), z=distance), point())
    radius = 1.2 * math.tan(math.asin(0.1 / distance))
    assert hidden.sum() * wall.cell**2 == pytest.approx(math.pi * radius**2, rel=0.03)
    x, y, _ = wall.points
    off = np.hypot(x, y) - radius
    assert hidden[off < -0.02].min() > 1 - 1e-6
    assert hidden[off > 0.02].max() == 0


@pytest.mark.parametrize("towards", [(0.0, 0.0, -1.0), (0.5, -0.3, -1.0), (0.0, -1.0, -0.3)])
def test_a_ball_s_shadow_in_parallel_light_is_a_round_one(towards):
    gap = 0.3
    wall = Screen(1.0, 1.4, 401, *(gap * part / towards[2] for part in towards[:2]))
    hidden = wall.hidden(placed(ball(), z=1.0 - gap), sun(*towards))
    # A round beam falls slantwise.
    expected = math.pi * 0.1**2 / (-towards[2] / math.hypot(*towards))
    assert hidden.sum() * wall.cell**2 == pytest.approx(expected, rel=0.03)
    assert wall.middle_of(hidden) == pytest.approx([gap * part / towards[2] for part in towards[:2]], abs=0.005)


def pear():
    """Wide below, narrow above, with a nose in front and to the right."""
    height, angle = np.linspace(0, 1, 60)[:, None], column_angles(80)[None]
    nose = 0.05 * np.exp(-((height - 0.6) ** 2) / 0.01 - (angle - 0.5) ** 2 / 0.1)
    round_ends = np.sqrt(np.maximum(1 - (2 * height - 1) ** 4, 1e-6))
    return Relief(round_ends * (0.03 + 0.06 * height**2 + nose), -0.1, 0.1)


@pytest.mark.parametrize("lamp", [(0.0, 0.0, 0.0), (0.3, -0.25, 0.2), (-0.3, 0.1, 0.1), (0.1, 0.0, 1.2)])
@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0.0, 0.0, 0.0), (50.0, -20.0, 30.0)])
def test_a_shape_hides_what_rays_say(lamp, yaw, pitch, roll):
    body = placed(pear(), 0.02, 0.01, 0.5, yaw, pitch, roll)
    # On the other side of the shape than the lamp.
    wall = Screen(0.8 if lamp[2] < 0.5 else 0.2, 0.7, 41, -lamp[0], -lamp[1])
    hidden = wall.hidden(body, point(*lamp))
    starts = np.stack([part.ravel() for part in wall.points], axis=1).astype(np.float64)
    expected = met(body.pose.to_world(body.shape.points), starts, np.broadcast_to(lamp, starts.shape))
    expected = expected.reshape(hidden.shape).astype(np.float32)
    assert 0.05 < expected.mean() < 0.9
    assert (np.abs(hidden - expected) > 0.5).mean() < 0.01
    assert hidden.mean() == pytest.approx(expected.mean(), rel=0.03)


@pytest.mark.parametrize("pitch", [0.0, -65.0])
@pytest.mark.parametrize(
    "shape", [Sheet(0.2, 0.12), Sheet(0.2, 0.15, 0.1), Sheet(0.2, 0.15, -0.1, BendAxis.HORIZONTAL), pear()]
)
def test_the_shadow_of_a_panel_is_the_mean_of_those_of_its_points(shape, pitch):
    caster, wall, kept = placed(shape, 0.03, -0.02, 0.5, 25.0, pitch, 10.0), Screen(0.75, 0.7, 61), Shadows()
    across, down = np.meshgrid((np.arange(12) + 0.5) / 12 - 0.5, (np.arange(12) + 0.5) / 12 - 0.5)
    parts = [
        wall.hidden(caster, point(x, y), kept)
        for x, y in zip(across.ravel() * 0.154, down.ravel() * 0.086, strict=True)
    ]
    hidden, expected = wall.hidden(caster, panel(0.154, 0.086)), np.mean(parts, axis=0)
    assert hidden.mean() == pytest.approx(expected.mean(), rel=0.04)
    assert np.abs(hidden - expected).mean() < 0.008
    # Where a bent sheet is seen along itself, at its corners, a few points are far off.
    assert (np.abs(hidden - expected) > 0.15).mean() < 0.006


def test_a_silhouette_depends_on_the_place_and_not_on_the_places_before():
    wall, lamp = Screen(1.2, 1.2, 61), point(0.1)
    shape = Relief(np.tile(0.05 + 0.03 * np.cos(np.linspace(-np.pi, np.pi, 40)), (30, 1)), -0.1, 0.1)
    kept = Shadows()
    for yaw in (0.0, 0.7, 1.3, 30.0, 90.0, -20.0):
        wall.hidden(placed(shape, yaw=yaw), lamp, kept)
    again, fresh = (wall.hidden(placed(shape, yaw=1.0), lamp, shadows) for shadows in (kept, Shadows()))
    assert np.array_equal(again, fresh)


coordinate = st.floats(-1, 1)
places = st.tuples(coordinate, coordinate, coordinate).map(np.array)


@settings(max_examples=200, deadline=None)
@given(places, places, places, st.floats(0.01, 0.4), st.floats(0.01, 0.4), st.booleans(), st.integers(0, 2**31))
def test_what_meets_a_way_to_the_lamp_is_never_passed_over(caster, receiver, lamp, radius, reach, far, seed):
    assume(np.linalg.norm(lamp) > 0.1)
    sides = np.array([[0.08, 0.0, 0.0], [0.0, 0.05, 0.0]])
    source = Source(lamp / np.linalg.norm(lamp) if far else lamp, sides, far)
    rng = np.random.default_rng(seed)
    ways = rng.normal(size=(300, 3))
    starts = receiver + ways / np.linalg.norm(ways, axis=1)[:, None] * reach * rng.random((300, 1))
    ends = source.place + rng.uniform(-1, 1, (300, 2)) @ sides
    along = ends * 4 if far else ends - starts
    part = np.clip(((caster - starts) * along).sum(axis=1) / (along**2).sum(axis=1), 0, 1)
    meets = np.linalg.norm(starts + part[:, None] * along - caster, axis=1) < radius
    assert may_shadow(Sphere(caster, radius), Sphere(receiver, reach), source) or not meets.any()


def test_what_is_far_from_the_light_s_way_need_not_be_asked():
    receiver = Sphere(np.array([0.0, 0.0, 1.0]), 0.1)
    for x, y, z in ((0.5, 0.0, 0.5), (0.0, 0.0, 1.4), (0.0, 0.0, -0.4)):
        assert not may_shadow(Sphere(np.array([x, y, z]), 0.1), receiver, point())
    assert may_shadow(Sphere(np.array([0.1, 0.0, 0.5]), 0.1), receiver, point())
