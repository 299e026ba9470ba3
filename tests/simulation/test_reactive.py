"""A screen that answers the terminal's display: what it sees of it, when, and what it makes of a face with it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.contracts.enums import Prompt
from edge.hardware.ports import Pattern
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.artefacts import shining
from edge.simulation.build import build
from edge.simulation.face_texture import read_face
from edge.simulation.head import KeyPoint
from edge.simulation.lamps import Panel, white
from edge.simulation.openpeople import photo as portrait
from edge.simulation.optics import GREEN, INFRARED
from edge.simulation.reactive import RelitPhoto, Watching, light_of_halves
from edge.simulation.scene import Scene
from edge.simulation.signals import Commanded, Steady
from edge.simulation.terminal import DisplayOutputs, SimulatedTerminal

DISPLAY = Panel(np.array([0.0, 0.06, 0.0]), 0.154, 0.086, 300.0, white(), Steady())


def switched(at: float) -> DisplayOutputs:
    """A display whose left half goes on, and which is seen by a scene that began at 5 s."""
    outputs = DisplayOutputs(Commanded(0.0), Commanded(0.25), began_at=5.0)
    outputs.left.command(1.0, at, constant=1e-7)
    return outputs


@pytest.mark.parametrize("delay", [0.0, 1.0, 2.5])
def test_a_screen_sees_the_display_of_some_frames_ago_averaged_over_a_frame(delay):
    watching = Watching(switched(at=6.0), frame=0.1, delay=delay)
    # At a second of the scene's time the frame that it sees is half dark and half lit.
    for away, left in ((-0.06, 0.0), (-0.025, 0.25), (0.0, 0.5), (0.06, 1.0)):
        assert watching.at(1.0 + delay * 0.1 + away) == pytest.approx((left, 0.25), abs=1e-4)


def shown(picture):
    return shining(picture, 10_000, 200.0, bezel=0.0)


@pytest.mark.parametrize("gain", [0.2, 0.7])
def test_a_photograph_is_as_bright_as_its_share_of_the_display_s_light_says(gain):
    photo = np.full((20, 20, 3), 0.4, np.float32)
    left = np.broadcast_to(np.linspace(0, 1, 20, dtype=np.float32), (20, 20))
    relit = RelitPhoto(photo, (left, 1 - left), gain, shown)
    for levels, expected in (((0, 0), 1 - gain), ((1, 1), 1.0), ((1, 0), 1 - gain + gain * left[3, 3])):
        emission = relit(0.0, *map(float, levels)).emission[4, 4]
        assert emission[GREEN] == pytest.approx(math.pi * 200 * 0.4 * expected, rel=1e-4)
        assert emission[INFRARED] == 0


def test_a_screen_is_no_brighter_than_its_white():
    relit = RelitPhoto(np.ones((4, 4, 3), np.float32), (np.ones((4, 4), np.float32),) * 2, 0.5, shown)
    assert relit(0.0, 1.0, 1.0).emission.max() == pytest.approx(math.pi * 200)


@pytest.fixture(scope="module")
def networks():
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    return ModelBundle.load(default_models_dir(), verify=False)


def test_the_halves_light_a_photograph_as_they_would_a_head(networks):
    photo = read_face(portrait("P003"), networks)
    left, right = light_of_halves(photo, DISPLAY)
    assert left.shape == right.shape == photo.pixels.shape[:2]

    def at(light, name):
        column, row = np.rint(photo.points[name]).astype(int)
        return float(light[row, column])

    around = (KeyPoint.FOREHEAD, KeyPoint.RIGHT_EYE_OUTER, KeyPoint.LEFT_EYE_OUTER, KeyPoint.MOUTH_RIGHT)
    assert np.mean([at(left + right, name) for name in around]) == pytest.approx(1, abs=0.15)
    assert at(left + right, KeyPoint.NOSE_TIP) > at(left + right, KeyPoint.FOREHEAD)
    # The person's left is on the right of the picture, and lit by the display's left half.
    assert at(left, KeyPoint.NOSE_LEFT) > 1.1 * at(right, KeyPoint.NOSE_LEFT)
    assert at(right, KeyPoint.NOSE_RIGHT) > 1.1 * at(left, KeyPoint.NOSE_RIGHT)
    # There is nobody in the photograph's upper corners, and so no light.
    assert (left + right)[5, [5, -6]].max() == 0


def played(networks, patterns, prompt=None, **keys):
    """Exitance of the screen's middle at each frame while patterns are shown from each on, and the frames."""
    scene = Scene.model_validate(
        {
            "title": "t",
            "surroundings": {"ambient": {"lux": 0}},
            "terminal": {"camera": {"width": 160, "height": 120, "blur": 0}},
            "subjects": [
                {"kind": "reactive_screen", "photo": "openpeople:P003", "distance": 0.3, "steady": True, **keys}
            ],
        }
    )
    terminal = SimulatedTerminal([lambda: build(scene, networks)])
    terminal.backlight.set_level(1.0, 0.0)
    emitted, stage = [], None
    with terminal.camera as camera:
        stage = terminal.camera._playing.stage
        terminal.screen.show_prompt(prompt)
        for pattern, frames in patterns:
            terminal.screen.show_pattern(pattern, terminal.clock.now())
            for _ in range(frames):
                camera.read(1.0)
                now = terminal.clock.now() - 3 / 30
                emitted.append(stage.subjects[-1].layers(now)[0].material.emission[..., GREEN])
    return emitted


@pytest.mark.parametrize("obeys", [False, True])
def test_the_screen_of_a_scene_follows_the_display_so_many_frames_later(networks, obeys):
    patterns = [(Pattern.FULL, 12), (Pattern.BLACK, 12)]
    means = {
        delay: [float(light.mean()) for light in played(networks, patterns, gain=0.5, delay=delay, obeys=obeys)]
        for delay in (1, 4)
    }
    for levels in means.values():
        assert levels[-1] < 0.9 * levels[11]
    half = {delay: np.array(levels) < (levels[11] + levels[-1]) / 2 for delay, levels in means.items()}
    fell = {delay: int(np.argmax(below[12:])) for delay, below in half.items()}
    assert fell[4] - fell[1] == 3


def test_a_screen_without_gain_shows_the_photograph_whatever_the_display_does(networks):
    first, *rest = played(networks, [(Pattern.FULL, 3), (Pattern.LEFT, 6)], gain=0.0)
    assert all((light == first).all() for light in rest)


def test_a_person_who_is_drawn_in_real_time_is_lit_from_the_side_of_the_display_that_is_on(networks):
    left, right = (
        played(networks, [(pattern, 10)], gain=0.6, obeys=True, relit=True)[-1]
        for pattern in (Pattern.LEFT, Pattern.RIGHT)
    )
    ratio = left / np.maximum(right, 1e-3)
    rows, columns = ratio.shape
    face = ratio[int(0.35 * rows) : int(0.6 * rows)]
    assert face[:, int(0.56 * columns)].mean() > 1.05 * face[:, int(0.44 * columns)].mean()


def test_a_person_who_is_drawn_in_real_time_turns_when_asked_and_a_photograph_does_not(networks):
    for obeys in (True, False):
        still = played(networks, [(Pattern.FULL, 45)], None, obeys=obeys, gain=0.0)[-1]
        asked = played(networks, [(Pattern.FULL, 45)], Prompt.TURN_LEFT, obeys=obeys, gain=0.0)[-1]
        moved = float(np.abs(asked - still).mean()) / float(still.mean())
        assert (moved > 0.03) is obeys
