"""What comes to surfaces past each other and from each other, and that it follows from where things are alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.simulation.artefacts import Wall
from edge.simulation.face_texture import Skin, plain_skin
from edge.simulation.head import Anthropometry, parametric_head
from edge.simulation.lamps import Distant, Dome, NearPoint, Panel, halves, infrared, white
from edge.simulation.lighting import Lighting, stretched
from edge.simulation.optics import BANDS, INFRARED, Layer, Material, Pinhole, Placed, Pose, mean_output, turn
from edge.simulation.person import Person, Place
from edge.simulation.renderer import Renderer
from edge.simulation.sheet import Sheet
from edge.simulation.signals import Mains, Steady
from tests.simulation.rays import met

ON = Steady()
WHITE = Material(np.full((2, 2, BANDS), 0.9, np.float32))
BLACK = Material(np.zeros((2, 2, BANDS), np.float32))
LED = NearPoint(np.array([0.03, 0.0, 0.0]), 2.0, 60.0, infrared(), ON)
PANEL = Panel(np.array([0.0, 0.09, 0.0]), 0.154, 0.086, 300.0, white(), ON)
EVEN = Dome(100.0, white(), ON, above=0.0)
CAMERA = Pinhole(160, 120, 130.0)


def sheet(side=0.1, z=0.5, x=0.0, y=0.0, yaw=0.0, pitch=0.0, material=BLACK, **more):
    return Layer(Sheet(side, side, **more), Pose(turn(yaw, pitch), np.array([x, y, z])), material)


def sun(x, y, z):
    return Distant(1000.0, np.array([x, y, z]) / math.hypot(x, y, z), white(), ON)


@pytest.fixture(scope="module")
def head():
    return parametric_head(Anthropometry.draw(np.random.default_rng(4)))


def person(head, distance=0.6, right=0.0):
    rng = np.random.default_rng(8)
    return Person(head, Skin((plain_skin(),)), rng, Place(distance, right))


def light(layers, *lamps, of=0, lamp=0, **more):
    return Lighting(lamps).of(layers, **more)[of].lights[lamp][0]


def alone(layer, lamp):
    return lamp.arriving(Placed(layer))[0]


@pytest.mark.parametrize("lamp", [LED, PANEL, EVEN, sun(0.2, -0.3, -1.0)])
def test_a_layer_by_itself_has_the_light_that_arrives(lamp):
    wall = sheet(1.0, 1.0)
    assert np.array_equal(light([wall], lamp), alone(wall, lamp))


def test_in_the_umbra_there_is_no_light_and_outside_it_is_what_it_was():
    wall, square = sheet(1.0, 1.0), sheet(0.1, 0.5, x=0.03)
    left = light([wall, square], LED)
    before = stretched(alone(wall, LED), left.shape)
    along = np.linspace(-0.5, 0.5, left.shape[0])
    # Twice as large, and the lamp straight before the square.
    off = np.maximum(np.abs(along[None] - 0.03), np.abs(along[:, None])) - 0.1
    cell = 1.0 / (left.shape[0] - 1)
    assert (left[off < -cell] == 0).all()
    assert np.array_equal(left[off > cell], before[off > cell])
    assert (left >= 0).all()
    assert (left <= before).all()


def test_what_does_not_shadow_changes_nothing():
    wall = sheet(0.2, 1.0)
    for aside in (sheet(0.1, 0.5, x=0.4), sheet(0.1, 1.2), sheet(0.1, -0.2)):
        assert np.array_equal(light([wall, aside], LED), alone(wall, LED))


def test_without_what_hid_it_the_light_is_exactly_what_it_was():
    wall, square = sheet(1.0, 1.0), sheet(0.1, 0.5)
    lighting = Lighting([LED, EVEN])
    before = lighting.of([wall])[0]
    between = lighting.of([wall, square])[0]
    after = lighting.of([wall])[0]
    for (first, gloss), (shadowed, _), (last, other) in zip(before.lights, between.lights, after.lights, strict=True):
        assert shadowed.mean() < first.mean()
        assert np.array_equal(first, last)
        assert np.array_equal(gloss, other)


def test_highlights_are_hidden_with_the_light():
    shiny = Material(np.full((2, 2, BANDS), 0.5, np.float32), f0=0.04, roughness=0.3)
    wall, square = sheet(0.6, 0.6, material=shiny), sheet(0.2, 0.3)
    _, gloss = Lighting([LED]).of([wall, square])[0].lights[0]
    assert gloss[len(gloss) // 2, len(gloss) // 2] == 0
    assert gloss.max() > 0


def test_each_half_of_the_display_is_hidden_by_what_is_before_it():
    left, right = halves(Panel(np.zeros(3), 0.3, 0.1, 300.0, white(), ON), ON, ON)
    # Hides the half on the right of the picture from the middle of the wall, and nothing of the other.
    layers = [sheet(0.02, 0.6), sheet(0.1, 0.3, x=0.055)]
    middle = [light(layers, half)[-1, -1] / alone(layers[0], half)[-1, -1] for half in (left, right)]
    assert middle == pytest.approx([0.0, 1.0], abs=0.1)


@pytest.mark.parametrize("towards", [(1.0, -1.0, -0.3), (-0.5, -1.0, 0.2), (0.3, -1.0, 0.0)])
def test_the_head_shades_its_shoulders_where_rays_to_the_sun_meet_it(head, towards):
    body, top = person(head).layers(0.0)
    lamp = sun(*towards)
    lit, before = light([body, top], lamp), alone(body, lamp)
    points = body.pose.to_world(body.shape.points)
    # Within the neck's foot, where nobody sees it, head and shoulders are inside each other.
    clear = before > 0
    clear &= np.hypot(*(points - top.pose.position.astype(np.float32))[..., [0, 2]].transpose(2, 0, 1)) > 0.09
    starts = points[clear].astype(np.float64)
    hidden = met(top.pose.to_world(top.shape.points), starts, starts + lamp.direction)
    dark = lit[clear] < 0.5 * before[clear]
    assert hidden.sum() > 10
    assert (dark != hidden).sum() <= 0.05 * hidden.sum()


def test_a_neck_that_is_set_into_the_shoulders_is_not_in_their_shadow(head):
    layers = person(head).layers(0.0)
    for lamp in (LED, PANEL, sun(0.3, -0.3, -1.0)):
        assert np.array_equal(light(layers, lamp, of=1), alone(layers[1], lamp))


def test_a_person_throws_a_shadow_on_the_wall_where_the_sun_puts_it(head):
    towards = np.array([0.4, -0.3, -1.0])
    wall = sheet(3.0, 1.5)
    layers = [wall, *person(head).layers(0.0)]
    left = light(layers, sun(*towards))
    left = left / stretched(alone(wall, sun(*towards)), left.shape)
    last = len(left) - 1
    middle = layers[2].pose.position
    x, y = middle[:2] + (1.5 - middle[2]) * towards[:2] / towards[2]
    row, column = (round((place + 1.5) / 3.0 * last) for place in (y, x))
    assert left[row, column] == 0
    # What the camera sees behind the head stays lit.
    straight = middle[:2] * 1.5 / middle[2]
    assert left[round((straight[1] + 1.5) / 3 * last), round((straight[0] + 1.5) / 3 * last)] == 1


def test_the_backdrop_hides_no_sun_and_no_sky(head):
    behind = sun(0.0, -0.1, 1.0)
    layers = [sheet(6.0, 2.0), *person(head).layers(0.0)]
    for lamp in (behind, EVEN):
        free, hidden = (light(layers, lamp, of=2, backdrop=backdrop) for backdrop in (layers[0], None))
        assert np.array_equal(free, light(layers[1:], lamp, of=1))
        assert hidden.sum() < free.sum()


def test_the_backdrop_gives_back_the_terminal_s_light_and_none_of_that_from_all_round(head):
    layers = [sheet(6.0, 2.0, material=WHITE), *person(head).layers(0.0)]
    by_sky, by_panel = Lighting([EVEN, PANEL]).of(layers, layers[0])[2].returned
    without_wall, little = Lighting([EVEN, PANEL]).of(layers[1:])[1].returned
    assert np.array_equal(by_sky, without_wall)
    assert by_panel.sum() > little.sum()


def test_what_fills_the_picture_behind_all_is_the_backdrop(head):
    behind = sun(0.0, -0.1, 1.0)
    begins = np.zeros(CAMERA.height)
    bodies = person(head).layers(0.0)
    # From behind, a low sun lights the rims of head and shoulders.
    for side, lit in ((6.0, True), (0.9, False)):
        picture = Renderer(CAMERA, [behind]).render([sheet(side, 1.2), *bodies], begins, 0.01)
        assert bool(picture.max() > 1) is lit


def test_what_was_the_backdrop_once_need_not_be_it_again(head):
    layers = [sheet(1.5, 1.0, material=WHITE), *person(head).layers(0.0)]
    lamps = [EVEN, sun(0.0, -0.1, 1.0)]
    lighting = Lighting(lamps)
    lighting.of(layers, layers[0])
    again, fresh = lighting.of(layers), Lighting(lamps).of(layers)
    for one, other in zip(again, fresh, strict=True):
        assert np.array_equal(one.returned, other.returned)
        assert all(np.array_equal(a, b) for a, b in zip(one.lights, other.lights, strict=True))


def test_light_that_ripples_is_given_back_and_hidden_row_by_row(head):
    layers = [sheet(6.0, 1.5, material=WHITE), *person(head, 0.5).layers(0.0), sheet(0.1, 0.4, x=0.1, material=WHITE)]
    begins = np.arange(CAMERA.height) * 1e-4
    ripple = Mains(50.0, 0.8)
    pictures = [
        Renderer(CAMERA, [NearPoint(LED.position, 2.0, 60.0, white(), output)]).render(layers, begins, 1e-4)
        for output in (Steady(), ripple)
    ]
    rows = mean_output(ripple, begins, 1e-4)
    assert rows.max() > 2 * rows.min()
    assert pictures[1] == pytest.approx(pictures[0] * rows[:, None, None].astype(np.float32), rel=1e-3, abs=1e-4)


def of_rectangle(width, height, distance):
    """Configuration factor of a rectangle from a parallel element opposite its middle (Howell, B-4)."""
    x, y = width / 2 / distance, height / 2 / distance
    a, b = math.hypot(1, x), math.hypot(1, y)
    return 2 / math.pi * (x / a * math.atan(y / a) + y / b * math.atan(x / b))


@pytest.mark.parametrize("gap", [0.05, 0.1, 0.3])
def test_a_sheet_before_a_patch_hides_its_share_of_an_even_sky(gap):
    patch, before = sheet(0.002, 0.5), sheet(0.2, 0.5 - gap)
    left = light([patch, before], EVEN) / alone(patch, EVEN).mean()
    assert left == pytest.approx(np.full_like(left, 1 - of_rectangle(0.2, 0.2, gap)), abs=0.01)


@pytest.mark.parametrize("gap", [0.05, 0.1, 0.3])
def test_a_shining_sheet_lights_a_patch_by_its_configuration_factor(gap):
    shining = Material(BLACK.albedo, emission=np.full((2, 2, BANDS), 500.0, np.float32))
    # A sheet turned round faces away from the camera.
    patch, before = sheet(0.002, 0.5), sheet(0.2, 0.5 - gap, yaw=180.0, material=shining)
    glow = Lighting([EVEN]).of([patch, before])[0].glow
    assert glow == pytest.approx(np.full_like(glow, 500 * of_rectangle(0.2, 0.2, gap)), rel=0.02)


def test_a_white_sheet_gives_back_the_light_that_it_gets_in_its_colours():
    colours = np.array([0.1, 0.5, 0.8, 0.9], np.float32)
    paper = Material(np.broadcast_to(colours, (2, 2, BANDS)).copy())
    lamp = sun(0.0, 0.0, 1.0)
    # Lit from behind the patch, which gets nothing of it by itself.
    patch, before = sheet(0.002, 0.5), sheet(0.2, 0.4, yaw=180.0, material=paper)
    lit = Lighting([lamp]).of([patch, before])[0]
    assert lit.lights[0][0].max() == 0
    expected = 1000 * colours * lamp.spectrum * of_rectangle(0.2, 0.2, 0.1)
    assert lit.returned[0].reshape(-1, BANDS).mean(axis=0) == pytest.approx(expected, rel=0.02)
    assert lit.returned[0][..., INFRARED].max() == 0


def test_what_is_given_back_is_that_of_each_lamp_and_adds_up():
    patch, beside = sheet(0.05, 0.5, yaw=-30.0, material=WHITE), sheet(0.2, 0.45, x=0.1, yaw=-70.0, material=WHITE)
    both = Lighting([LED, PANEL]).of([patch, beside])[0].returned
    apart = [Lighting([lamp]).of([patch, beside])[0].returned[0] for lamp in (LED, PANEL)]
    assert np.allclose(both, apart, rtol=1e-5)
    assert both[0][..., INFRARED].mean() > 0
    assert both[0][..., :INFRARED].max() == 0


def test_nothing_is_given_back_by_black_things_nor_by_backs():
    patch = sheet(0.05, 0.5, material=WHITE)
    for before in (sheet(0.2, 0.4, yaw=180.0, material=BLACK), sheet(0.2, 0.4, material=WHITE)):
        returned = Lighting([LED, EVEN]).of([patch, before])[0].returned
        assert returned is None or returned.max() == 0


def test_a_white_sheet_beside_a_face_lights_its_cheek(head):
    """10 cm beside it, in the light of the terminal's display, and turned to both."""
    layers = person(head, 0.5).layers(0.0)
    camera, begins = Pinhole(160, 120, 200.0), np.zeros(120)
    pictures = {}
    for name, material in (("white", WHITE), ("black", BLACK)):
        beside = sheet(0.2, 0.5, x=0.19, yaw=-50.0, material=material)
        pictures[name] = Renderer(camera, [PANEL]).render([*layers, beside], begins, 0.01)
    more = pictures["white"] - pictures["black"]
    right_cheek, left_cheek = more[55:70, 62:70, 1].mean(), more[55:70, 90:98, 1].mean()
    assert left_cheek > 0.05 * pictures["black"][55:70, 90:98, 1].mean()
    assert left_cheek > 5 * right_cheek


@pytest.mark.parametrize("lamp", [LED, PANEL, EVEN, sun(0.3, -0.4, -1.0)])
def test_a_frame_does_not_depend_on_the_frames_before(head, lamp):
    people = [person(head, 0.9, -0.1), person(head, 0.6, 0.15)]
    wall = Wall(1.5, 0.6)
    begins = np.zeros(CAMERA.height)

    def layers(now):
        return [*wall.layers(now), *(layer for one in people for layer in one.layers(now))]

    kept = Renderer(CAMERA, [lamp])
    for now in (0.0, 0.1, 0.5, 2.0):
        last = kept.render(layers(now), begins, 0.01)
    assert np.array_equal(last, Renderer(CAMERA, [lamp]).render(layers(2.0), begins, 0.01))
