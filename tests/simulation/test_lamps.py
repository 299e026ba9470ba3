"""Lamps against closed forms of photometry."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.simulation.lamps import Distant, Dome, NearPoint, Panel, halves, infrared, white
from edge.simulation.optics import INFRARED, Layer, Material, Placed, Pose, turn
from edge.simulation.signals import Steady

ON = Steady()
ORIGIN = np.zeros(3)


@dataclass(frozen=True)
class Patch:
    """A small flat square that faces the camera, as a shape."""

    side: float = 1e-4
    cells: int = 2
    open_share: float = 1.0

    @property
    def points(self):
        along = np.linspace(-self.side / 2, self.side / 2, self.cells, dtype=np.float32)
        x, y = np.meshgrid(along, along)
        return np.stack([x, y, np.zeros_like(x)], axis=2)

    @property
    def normals(self):
        return np.broadcast_to(np.array([0, 0, -1], np.float32), (self.cells, self.cells, 3))

    @property
    def openness(self):
        return np.full((self.cells, self.cells), self.open_share, np.float32)

    def sees(self, directions):
        return np.ones((self.cells, self.cells), np.float32)


def patch(distance=0.5, yaw=0.0, x=0.0, shape=None, **material):
    albedo = np.full((2, 2, 4), 0.5, np.float32)
    pose = Pose(turn(yaw), np.array([x, 0.0, distance]))
    return Layer(shape or Patch(), pose, Material(albedo, **material))


def lux(lamp, layer):
    return float(lamp.arriving(Placed(layer))[0].mean())


def led(intensity=2.0, half_angle=30.0, position=ORIGIN):
    return NearPoint(position, intensity, half_angle, infrared(), ON)


@given(st.floats(0.2, 2.0))
def test_a_point_falls_off_with_the_square_of_the_distance(distance):
    assert lux(led(2.0), patch(distance)) == pytest.approx(2.0 / distance**2, rel=1e-4)


@given(st.floats(-80, 80))
def test_a_turned_surface_has_the_cosine_of_what_falls_on_it(yaw):
    sun = Distant(100.0, np.array([0.0, 0.0, -1.0]), white(), ON)
    assert lux(sun, patch(yaw=yaw)) == pytest.approx(100 * math.cos(math.radians(yaw)), abs=1e-2)


def test_a_surface_that_looks_away_gets_nothing():
    sun = Distant(100.0, np.array([0.0, 0.0, 1.0]), white(), ON)
    assert lux(sun, patch()) == 0.0


@pytest.mark.parametrize("half_angle", [10.0, 30.0, 60.0])
def test_a_diode_has_half_its_intensity_at_its_half_angle(half_angle):
    distance = 0.5
    aside = distance * math.tan(math.radians(half_angle))
    slant = math.hypot(distance, aside)
    expected = 0.5 * 2.0 / slant**2 * math.cos(math.radians(half_angle))
    assert lux(led(2.0, half_angle), patch(distance, x=aside)) == pytest.approx(expected, rel=1e-3)


def configuration_factor(width, height, distance):
    """Of a rectangle seen from a parallel element opposite its middle: four corners' terms (Howell, B-4)."""
    x, y = width / 2 / distance, height / 2 / distance
    a, b = math.hypot(1, x), math.hypot(1, y)
    corner = (x / a * math.atan(y / a) + y / b * math.atan(x / b)) / (2 * math.pi)
    return 4 * corner


@pytest.mark.parametrize("distance", [0.3, 0.5, 1.0])
def test_a_panel_lights_as_its_configuration_factor_says(distance):
    panel = Panel(ORIGIN, 0.154, 0.086, 300.0, white(), ON)
    expected = math.pi * 300.0 * configuration_factor(0.154, 0.086, distance)
    assert lux(panel, patch(distance)) == pytest.approx(expected, rel=2e-3)


def test_a_seven_inch_display_gives_about_sixteen_lux_at_half_a_metre():
    assert lux(Panel(ORIGIN, 0.154, 0.086, 300.0, white(), ON), patch(0.5)) == pytest.approx(16, abs=1)


def test_two_halves_are_the_whole_panel():
    panel = Panel(np.array([0.0, 0.1, 0.0]), 0.154, 0.086, 300.0, white(), ON)
    layer = patch(0.4, yaw=20)
    assert sum(lux(half, layer) for half in halves(panel, ON, ON)) == pytest.approx(lux(panel, layer), rel=2e-3)


def test_the_left_half_lights_the_persons_left_cheek():
    left, right = halves(Panel(ORIGIN, 0.3, 0.2, 300.0, white(), ON), ON, ON)
    cheek = patch(0.3, yaw=40)
    assert lux(left, cheek) > 1.2 * lux(right, cheek)


def test_a_surface_in_an_even_dome_has_its_illuminance_whichever_way_it_looks():
    for yaw in (0.0, 70.0):
        assert lux(Dome(80.0, white(), ON, above=0.0), patch(yaw=yaw)) == pytest.approx(80.0)


def test_light_from_above_is_counted_on_a_level_surface():
    dome = Dome(80.0, white(), ON, above=1.0)
    level = Layer(Patch(), Pose(turn(pitch=90), np.array([0.0, 0.0, 0.5])), Material(np.ones((2, 2, 4), np.float32)))
    assert lux(dome, level) == pytest.approx(80.0, rel=1e-5)


def test_a_hollow_is_darker_than_the_open_and_lighter_than_its_opening_alone():
    dome = Dome(100.0, white(), ON, above=0.0)
    hollow = lux(dome, patch(shape=Patch(open_share=0.6)))
    assert 60.0 < hollow < 100.0


def shine_over_a_sheet(roughness, f0=0.04, distance=0.5):
    """Total glossy light that the camera gets back from a large sheet, and its largest value."""
    sheet = Patch(side=0.4, cells=161)
    lamp = led(1.0, 60.0, np.array([0.05, 0.0, 0.0]))
    return lamp.arriving(Placed(patch(distance, shape=sheet, f0=f0, roughness=roughness)))[1]


def test_the_highlight_lies_where_the_law_of_reflection_puts_it():
    shine = shine_over_a_sheet(0.05)
    row, column = np.unravel_index(shine.argmax(), shine.shape)
    x = -0.2 + 0.4 * column / 160
    assert row == 80
    assert x == pytest.approx(0.025, abs=0.004)


def test_a_rougher_surface_spreads_the_same_light_wider():
    sharp, broad = shine_over_a_sheet(0.05), shine_over_a_sheet(0.1)
    assert sharp.max() > 2 * broad.max()
    assert sharp.sum() == pytest.approx(broad.sum(), rel=0.1)


def sheet_that_mirrors(roughness, yaw=0.0, distance=0.5, cells=161):
    """A large sheet whose middle shows the camera what lies at twice the yaw beside it, placed."""
    return Placed(patch(distance, yaw, shape=Patch(side=0.5, cells=cells), f0=0.04, roughness=roughness))


def mirrored_at(yaw, distance=0.5, aside=0.0):
    return np.array([distance * math.tan(math.radians(2 * yaw)) + aside, 0.02, 0.0])


@pytest.mark.parametrize("roughness", [0.06, 0.3, 0.5])
@pytest.mark.parametrize(("yaw", "aside"), [(0.0, 0.0), (0.0, 0.08), (20.0, 0.0), (30.0, -0.05)])
def test_a_tiny_panel_shines_as_a_point_lamp_of_its_intensity(roughness, yaw, aside):
    placed, position = sheet_that_mirrors(roughness, yaw), mirrored_at(yaw, aside=aside)
    # A matt rectangle's intensity falls with the cosine: to half at 60 degrees.
    point = led(300.0 * 0.01 * 0.02, 60.0, position).arriving(placed)[1]
    panel = Panel(position, 0.01, 0.02, 300.0, white(), ON).arriving(placed)[1]
    assert panel.max() == pytest.approx(point.max(), rel=0.02)
    assert panel.sum() == pytest.approx(point.sum(), rel=0.01)


def lamps_all_over(panel, number):
    """The panel as so many point lamps each way."""
    across, down = ((np.arange(number) + 0.5) / number - 0.5 for _ in range(2))
    intensity = panel.luminance * panel.width * panel.height / number**2
    for x in across * panel.width:
        for y in down * panel.height:
            yield led(intensity, 60.0, panel.centre + np.array([x, y, 0.0]))


@pytest.mark.parametrize("roughness", [0.06, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("yaw", [0.0, 15.0, 30.0])
@pytest.mark.parametrize("distance", [0.3, 0.5])
def test_a_panel_shines_as_point_lamps_all_over_it(roughness, yaw, distance):
    placed = sheet_that_mirrors(roughness, yaw, distance, cells=61)
    panel = Panel(mirrored_at(yaw, distance), 0.154, 0.086, 300.0, white(), ON)
    expected = sum(lamp.arriving(placed)[1] for lamp in lamps_all_over(panel, 12))
    shine = panel.arriving(placed)[1]
    assert np.abs(shine - expected).max() < 0.05 * expected.max()
    assert shine.sum() == pytest.approx(expected.sum(), rel=0.03)


def test_a_smooth_sheet_shows_the_panel_as_a_mirror_does():
    # Between camera and sheet of one plane and the panel in the other: it is seen half as large at the sheet.
    placed = sheet_that_mirrors(0.005)
    shine = Panel(ORIGIN, 0.2, 0.1, 300.0, white(), ON).arriving(placed)[1]
    x, y, _ = placed.points
    inside = (np.abs(x) < 0.045) & (np.abs(y) < 0.02)
    outside = (np.abs(x) > 0.055) | (np.abs(y) > 0.03)
    assert shine[inside] == pytest.approx(np.full(inside.sum(), math.pi * 300.0 * 0.04), rel=0.03)
    assert shine[outside].max() < 0.01


def test_a_panel_is_not_mirrored_where_the_surface_looks_away_from_it():
    placed = Placed(patch(0.5, 30.0, shape=Patch(side=0.1, cells=5), f0=0.04, roughness=0.05))
    behind = Panel(np.array([-2.0, 0.0, 0.0]), 0.5, 0.5, 300.0, white(), ON)
    assert behind.arriving(placed)[1].max() == 0.0


def test_a_mirror_like_sheet_under_an_even_dome_reflects_f0_of_it_head_on():
    shine = Dome(100.0, white(), ON, above=0.0).arriving(Placed(patch(f0=0.04, roughness=0.02)))[1]
    assert shine.mean() == pytest.approx(4.0, rel=1e-3)


def test_grazing_reflects_everything():
    shine = Dome(100.0, white(), ON, above=0.0).arriving(Placed(patch(yaw=89.9, f0=0.04, roughness=1e-4)))[1]
    assert shine.mean() == pytest.approx(100.0, rel=0.02)


def test_a_matt_surface_does_not_shine():
    assert led().arriving(Placed(patch()))[1].max() == 0.0


def test_spectra_keep_infrared_apart():
    assert white(0.004)[INFRARED] == pytest.approx(0.004)
    assert infrared()[:INFRARED].max() == 0.0
