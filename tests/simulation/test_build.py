"""A stage has the physics that its scene file states."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.contracts.enums import LightBand, Prompt, Spectrum
from edge.errors import InputError
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.build import build
from edge.simulation.optics import GREEN, INFRARED
from edge.simulation.renderer import Renderer
from edge.simulation.scene import Scene, load_scene, shipped_scenes
from edge.simulation.terminal import SimulatedTerminal

DARK = {"ambient": {"lux": 0}}
SMALL = {"width": 64, "height": 64, "blur": 0}


@pytest.fixture(scope="module")
def networks():
    return ModelBundle.load(default_models_dir(), verify=False)


@pytest.fixture
def stage(networks):
    """Builds a scene from its keys; the camera is small where nothing else is said."""

    def make(terminal=None, **keys):
        terminal = {"camera": SMALL, **(terminal or {})}
        return build(Scene.model_validate({"title": "t", **keys, "terminal": terminal}), networks)

    return make


def exitance(stage, now=0.0, duration=0.02):
    """(h, w, 4) of a stage at a moment."""
    layers = [layer for subject in stage.subjects for layer in subject.layers(now)]
    begins = np.full(stage.camera.height, now)
    return Renderer(stage.camera, stage.lamps).render(layers, begins, duration)


def middle(picture):
    return picture[picture.shape[0] // 2, picture.shape[1] // 2]


def test_a_screen_that_is_dimmed_by_pulses_is_lit_for_a_part_of_each_and_as_bright_on_average(stage, tmp_path):
    photo = tmp_path / "white.png"
    cv2.imwrite(str(photo), np.full((40, 40, 3), 255, np.uint8))
    screen = {"kind": "screen", "photo": photo, "distance": 0.3, "steady": True}
    keys = {"surroundings": DARK, "subjects": [{**screen, "pwm_hz": 250, "pwm_duty": 0.25}]}
    pulsed, steady = stage({"display": None}, **keys), stage({"display": None}, **{**keys, "subjects": [screen]})
    lit, dark = middle(exitance(pulsed, 0.0, 0.0005))[GREEN], middle(exitance(pulsed, 0.002, 0.0005))[GREEN]
    mean = middle(exitance(steady))[GREEN]
    assert lit == pytest.approx(4 * mean, rel=0.01)
    assert dark < 0.01 * mean
    assert middle(exitance(pulsed, 0.0, 0.02))[GREEN] == pytest.approx(mean, rel=0.01)


@pytest.mark.parametrize("degrees", [30.0, 60.0, 100.0])
def test_the_field_of_view_ends_where_the_picture_does(stage, degrees):
    camera = stage({"camera": {"width": 320, "height": 240, "field_of_view": degrees}}).camera
    to_the_edge = math.tan(math.radians(degrees / 2))
    assert camera.focal * to_the_edge == pytest.approx(320 / 2)


@pytest.mark.parametrize(("above", "reflectance"), [(0.0, 1.0), (0.5, 0.4), (1.0, 0.8)])
def test_an_upright_wall_gives_back_its_share_of_the_ambient_light(stage, above, reflectance):
    surroundings = {
        "ambient": {"lux": 300, "light": "daylight", "above": above},
        "wall": {"distance": 2, "reflectance": reflectance},
    }
    seen = middle(exitance(stage({"display": None}, surroundings=surroundings)))
    assert seen[GREEN] == pytest.approx(300 / (1 + above) * reflectance, rel=1e-3)


@pytest.mark.parametrize("distance", [0.5, 1.0, 3.0])
def test_the_display_lights_a_wall_by_inverse_square(stage, distance):
    surroundings = {**DARK, "wall": {"distance": distance, "reflectance": 1}}
    display = {"width": 0.15, "height": 0.09, "luminance": 400, "down": 0}
    lit = stage({"display": display}, surroundings=surroundings)
    for half in (lit.display.left, lit.display.right):
        half.command(1.0, 0.0, constant=1e-6)
    seen = middle(exitance(lit, now=1.0))
    assert seen[GREEN] == pytest.approx(400 * 0.15 * 0.09 / distance**2, rel=0.05)
    assert seen[INFRARED] == 0


@pytest.mark.parametrize("band", list(LightBand))
def test_the_lamp_beside_the_camera_lights_a_wall_in_its_own_band(stage, band):
    surroundings = {**DARK, "wall": {"distance": 2, "reflectance": 1}}
    lamp = {"band": band.value, "intensity": 2.0, "right": 0}
    lit = stage({"display": None, "illuminator": lamp}, surroundings=surroundings)
    assert lit.band is band
    lit.illuminator.command(1.0, 0.0, constant=1e-6)
    seen = middle(exitance(lit, now=1.0))
    own, other = (INFRARED, GREEN) if band is LightBand.INFRARED else (GREEN, INFRARED)
    assert seen[own] == pytest.approx(2.0 / 2**2, rel=0.01)
    assert seen[other] == 0


def test_nothing_of_the_terminal_s_own_shines_before_it_is_switched_on(stage):
    dark = stage({"illuminator": {"intensity": 1.0}}, surroundings=DARK)
    assert exitance(dark).max() == 0


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (60, 0), (0, 60), (-45, 30)])
def test_the_sun_behind_the_terminal_lights_a_wall_by_the_cosine_and_not_the_light_sensor(stage, azimuth, elevation):
    surroundings = {
        "ambient": {"lux": 0},
        "sun": {"lux": 1000, "azimuth": azimuth, "elevation": elevation},
        "wall": {"distance": 2, "reflectance": 1},
    }
    lit = stage({"display": None}, surroundings=surroundings)
    cosine = math.cos(math.radians(azimuth)) * math.cos(math.radians(elevation))
    green = lit.lamps[-1].spectrum[GREEN]
    assert middle(exitance(lit))[GREEN] == pytest.approx(1000 * cosine * green, rel=1e-3)
    assert lit.lux == 0


def test_a_light_sensor_measures_upright_what_comes_from_before_the_terminal(stage):
    ambient, sun = {"lux": 600, "above": 0.5}, {"lux": 1000, "azimuth": 180, "elevation": 60}
    assert stage(surroundings={"ambient": ambient}).lux == pytest.approx(400)
    assert stage(surroundings={"ambient": ambient, "sun": sun}).lux == pytest.approx(400 + 500)
    assert stage({"lux_sensor": False}, surroundings={"ambient": ambient}).lux is None


def test_mains_light_is_the_same_on_average_and_ripples_by_as_much_as_stated(stage):
    ambient = {"lux": 100, "light": "led", "flicker": 0.4, "mains_hz": 60}
    dome = stage(surroundings={"ambient": ambient}).lamps[0]
    times = np.arange(0, 1 / 120, 1e-5)
    output = np.diff(dome.output.integral(times)) / 1e-5
    assert (output.max() - output.min()) / (output.max() + output.min()) == pytest.approx(0.4, rel=0.01)
    period = dome.output.integral(np.array([0.0, 1 / 120]))
    assert (period[1] - period[0]) * 120 == pytest.approx(1)


@pytest.mark.parametrize("spectrum", Spectrum)
def test_the_sensor_sees_what_the_scene_says(stage, spectrum):
    assert stage({"camera": {**SMALL, "spectrum": spectrum.value}}).sensor.spectrum is spectrum


def test_frames_carry_raw_values_unless_the_scene_says_otherwise(stage):
    assert stage().raw
    assert not stage({"camera": {**SMALL, "raw": False}}).raw


def frames(stage, count=3):
    with SimulatedTerminal([lambda: stage]).camera as camera:
        return [camera.read(1.0).pixels for _ in range(count)]


def test_the_same_seed_plays_the_same_frames_and_another_one_other_noise(stage):
    one, again, other = (frames(stage(seed=seed, subjects=[{"kind": "person"}])) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_who_is_nearer_hides_who_is_farther_in_whatever_order_they_are_listed(stage):
    people = [{"kind": "person", "distance": 0.5, "seed": 1}, {"kind": "person", "distance": 1.5, "seed": 2}]
    for listed in (people, people[::-1]):
        subjects = stage(subjects=listed).subjects
        distances = [subject.layers(0.0)[-1].pose.position[2] for subject in subjects]
        assert distances == sorted(distances, reverse=True)


def turned(stage, prompt):
    person = stage.subjects[-1]
    person.told(prompt, 1.0)
    return person.layers(4.0)[-1].pose.rotation


def test_a_person_turns_when_asked_but_for_one_who_does_not_obey(stage):
    obeying, stubborn = ({"kind": "person", "seed": 1, "obeys": obeys} for obeys in (True, False))
    straight = turned(stage(subjects=[obeying]), None)
    assert np.degrees(np.arccos(straight[:, 2] @ turned(stage(subjects=[obeying]), Prompt.TURN_LEFT)[:, 2])) > 10
    assert np.allclose(turned(stage(subjects=[stubborn]), Prompt.TURN_LEFT), straight)


def test_nobody_is_there_before_arriving_or_after_leaving(stage):
    person = stage(subjects=[{"kind": "person", "arrives": 5, "leaves": 8}]).subjects[-1]
    assert [len(person.layers(now)) for now in (1.0, 6.0, 12.0)] == [0, 2, 0]


def test_a_steady_print_stands_still_and_a_held_one_does_not(stage, tmp_path):
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((40, 20, 3), 128, np.uint8))
    for steady in (True, False):
        paper = {"kind": "print", "photo": photo, "part": "whole", "width": 0.2, "yaw": 30, "steady": steady}
        print_ = stage(subjects=[paper]).subjects[-1]
        first, later = (print_.layers(now)[0].pose for now in (0.0, 1.0))
        assert np.array_equal(first.position, later.position) is steady
        assert first.rotation[0, 2] == pytest.approx(-math.sin(math.radians(30)), abs=0.1)
        shape = print_.layers(0.0)[0].shape
        assert (shape.width, shape.height) == (0.2, pytest.approx(0.4))


def test_a_hollow_print_is_bent_away(stage, tmp_path):
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((20, 20, 3), 128, np.uint8))
    depth = {}
    for hollow in (True, False):
        paper = {"kind": "bent_print", "photo": photo, "width": 0.2, "radius": 0.1, "hollow": hollow, "steady": True}
        points = stage(subjects=[paper]).subjects[-1].layers(0.0)[0].shape.points
        depth[hollow] = float(points[0, 0, 2] - points[0, points.shape[1] // 2, 2])
    # An arc of two radians: its edges lie r (1 - cos 1) behind the middle of a bulge.
    assert depth[False] == pytest.approx(0.1 * (1 - math.cos(1)), rel=0.01)
    assert depth[True] == pytest.approx(-0.1 * (1 - math.cos(1)), rel=0.01)


def test_a_screen_shines_as_its_luminance_says_and_is_as_large_as_its_device(stage, tmp_path):
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((60, 60, 3), 255, np.uint8))
    screen = {"kind": "screen", "photo": photo, "device": "phone", "luminance": 500, "distance": 0.3, "steady": True}
    shown = stage({"display": None}, surroundings=DARK, subjects=[screen])
    assert middle(exitance(shown))[GREEN] == pytest.approx(math.pi * 500, rel=1e-3)
    lit = shown.subjects[-1].layers(0.0)[0]
    texels = (lit.material.emission[:, :, GREEN] > 0).mean()
    assert texels * lit.shape.width * lit.shape.height == pytest.approx(0.065 * 0.141, rel=0.1)


def test_a_video_goes_on_with_time_and_begins_anew(stage, tmp_path):
    video = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
    for value in (50, 100, 150, 200):
        writer.write(np.full((64, 64, 3), value, np.uint8))
    writer.release()
    playing = stage(subjects=[{"kind": "screen", "video": video}]).subjects[-1]
    light = [playing.layers(now)[0].material.emission.max() for now in (0.05, 0.15, 0.25, 0.35)]
    assert light == sorted(set(light))
    assert playing.layers(0.45)[0].material.emission.max() == light[0]


def test_a_single_picture_is_no_video(stage, tmp_path):
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match=r"picture\.png is no video"):
        stage(subjects=[{"kind": "screen", "video": picture}])


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "person", "face": "photo.png"},
        {"kind": "cut_out", "photo": "photo.png"},
        {"kind": "worn_print", "photo": "photo.png", "wearer": {}},
    ],
)
def test_a_photograph_without_a_face_is_named(stage, tmp_path, subject):
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((128, 128, 3), 90, np.uint8))
    given = {key: photo if value == "photo.png" else value for key, value in subject.items()}
    with pytest.raises(InputError, match=r"no face is found in .*photo\.png"):
        stage(subjects=[given])


def test_an_obj_file_without_a_head_is_named(stage, tmp_path):
    shape = tmp_path / "shape.obj"
    shape.write_text("v 0 0 0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"shape\.obj"):
        stage(subjects=[{"kind": "person", "obj": {"file": shape}}])


@pytest.fixture
def portrait() -> Path:
    openpeople = pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    return Path(openpeople.__file__).parent / "data" / "curated" / "P001" / "assets" / "studio_portrait.jpg"


def test_a_worn_print_goes_where_the_wearer_s_head_goes(stage, portrait):
    worn = {"kind": "worn_print", "photo": portrait, "wearer": {"seed": 1}}
    subject = stage(subjects=[worn]).subjects[-1]
    subject.told(Prompt.TURN_LEFT, 1.0)
    gaps = []
    for now in (0.5, 4.0):
        *_, head, paper = subject.layers(now)
        assert np.array_equal(head.pose.rotation, paper.pose.rotation)
        gaps.append(head.pose.rotation.T @ (paper.pose.position - head.pose.position))
    assert gaps[0] == pytest.approx(gaps[1])


def test_a_cut_out_shows_who_is_behind_only_outside_the_face_and_through_the_eyes(stage, portrait):
    paper = {"kind": "cut_out", "photo": portrait, "width": 0.29, "distance": 0.4, "steady": True}
    whole, holed = (
        stage(subjects=[{**paper, "eye_holes": holes}]).subjects[-1].layers(0.0)[0].shape for holes in (False, True)
    )
    left = {name: shape.outline.mean() for name, shape in (("whole", whole), ("holed", holed))}
    assert 0.1 < left["holed"] < left["whole"] < 0.5
    assert all(
        shape.outline[corner] == 0 for shape in (whole, holed) for corner in ((0, 0), (-1, 0), (0, -1), (-1, -1))
    )


@pytest.mark.parametrize("name", ["cut-out-bright", "cut-out-dim", "worn-print-bright", "worn-print-dim"])
def test_in_the_shipped_scenes_eyes_look_through_the_holes_of_the_print(networks, portrait, name):
    stage = build(load_scene(shipped_scenes() / f"{name}.yaml"), networks)
    *_, head, paper = (layer for subject in stage.subjects for layer in subject.layers(0.0))
    footprint = paper.shape.footprint(paper.pose, stage.camera)
    # Pupils 64 mm apart, with irises of 12 mm.
    for aside in (-0.038, -0.032, -0.026, 0.026, 0.032, 0.038):
        x, y, z = head.pose.rotation @ head.shape.at(aside, 0.0) + head.pose.position
        column = round(stage.camera.width / 2 + stage.camera.focal * x / z) - footprint.left
        row = round(stage.camera.height / 2 + stage.camera.focal * y / z) - footprint.top
        assert footprint.coverage[row, column] < 0.5


def test_a_person_whose_video_is_played_turns_the_head(stage, portrait):
    screen = {"kind": "screen", "photo": portrait, "turning": True, "distance": 0.3, "steady": True}
    playing = stage(subjects=[screen]).subjects[-1]
    straight, still, left = (playing.layers(now)[0].material.emission[:, :, GREEN] for now in (0.2, 0.4, 2.2))
    assert np.abs(left - straight).mean() > 3 * np.abs(still - straight).mean()
