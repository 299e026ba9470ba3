"""A projector's picture on a sheet and on a head."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.contracts.enums import Prompt
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.artefacts import HeldSheet, Holding, blank
from edge.simulation.build import build
from edge.simulation.head import KeyPoint
from edge.simulation.lamps import Panel, white
from edge.simulation.optics import GREEN, INFRARED, Layer, Placed, Pose, turn
from edge.simulation.projector import Projected, beam_onto_head, beam_onto_sheet, in_plane
from edge.simulation.scene import Scene
from edge.simulation.sheet import Sheet
from edge.simulation.signals import Steady
from tests.simulation.test_face_texture import HEAD, drawn

SHEET = Sheet(0.3, 0.2)
LENS = np.array([0.2, -0.3, -0.1])


def pose(*angles) -> Pose:
    return Pose(turn(*angles), np.array([0.05, 0.02, 0.5]))


def corners() -> np.ndarray:
    """A picture (60, 90, 3) with a level of its own in each quarter: upper left, upper right, lower left and right."""
    picture = np.zeros((60, 90, 3), np.float32)
    for number, level in enumerate((0.2, 0.4, 0.6, 0.8)):
        down, right = divmod(number, 2)
        picture[30 * down : 30 * down + 30, 45 * right : 45 * right + 45] = level
    return picture


def test_the_axis_of_a_projector_goes_through_its_target_and_its_picture_stands_upright():
    target = np.array([0.0, 0.0, 0.5])
    lens = np.zeros(3)
    assert in_plane(target, lens, target) == pytest.approx([0, 0])
    assert in_plane(np.array([0.1, -0.2, 0.5]), lens, target) == pytest.approx([0.2, -0.4])


@pytest.mark.parametrize("angles", [(0, 0), (20, 0), (-15, 10)])
def test_a_white_picture_gives_what_inverse_square_and_cosine_leave(angles):
    at = pose(*angles)
    beam = beam_onto_sheet(np.ones((20, 30, 3), np.float32), SHEET, at, LENS, 500.0)
    light = beam.onto(Layer(SHEET, at, blank(0.8)), 65)
    away = LENS - at.position
    cosine = float(away / np.linalg.norm(away) @ -at.rotation[:, 2])
    assert light[32, 32] == pytest.approx([500 * cosine] * 3 + [0], rel=1e-3)
    # A point off the middle, by hand.
    point = at.rotation @ np.array([-0.075, 0.05, 0.0]) + at.position
    off = LENS - point
    expected = 500 * float(away @ away) / float(off @ off) * float(off / np.linalg.norm(off) @ -at.rotation[:, 2])
    assert light[48, 16, GREEN] == pytest.approx(expected, rel=1e-3)


def test_the_picture_fills_the_sheet_from_corner_to_corner_however_that_is_held():
    at = pose(25, -10, 30)
    beam = beam_onto_sheet(corners(), SHEET, at, LENS, 1000.0)
    layer = Layer(SHEET, at, blank(1.0))
    white_light = beam_onto_sheet(np.ones((60, 90, 3), np.float32), SHEET, at, LENS, 1000.0).onto(layer, 64)[..., GREEN]
    share = beam.onto(layer, 64)[..., GREEN] / np.maximum(white_light, 1)
    for rows, columns, level in (
        (slice(3, 30), slice(3, 30), 0.2),
        (slice(3, 30), slice(34, 61), 0.4),
        (slice(34, 61), slice(3, 30), 0.6),
        (slice(34, 61), slice(34, 61), 0.8),
    ):
        assert share[rows, columns] == pytest.approx(np.full((27, 27), level), abs=0.01)


def test_the_picture_stays_where_it_is_thrown_when_the_sheet_moves():
    at = pose()
    beam = beam_onto_sheet(corners(), SHEET, at, LENS, 1000.0)
    moved = Pose(at.rotation, at.position + np.array([0.075, 0.0, 0.0]))
    # A quarter of the sheet's width to the right: what was left of the middle is on its edge, and its right is dark.
    light = beam.onto(Layer(SHEET, moved, blank(1.0)), 65)[..., GREEN]
    here = beam.onto(Layer(SHEET, at, blank(1.0)), 65)[..., GREEN]
    assert light[20, 8] == pytest.approx(here[20, 24], rel=0.05)
    assert light[20, 60] == 0


def test_a_face_thrown_on_a_head_has_its_eyes_on_the_head_s():
    at = Pose(position=np.array([0.0, 0.0, 0.5]) - HEAD.face)
    photo = drawn()
    marked = np.zeros((*photo.pixels.shape[:2], 3), np.float32)
    for name in (KeyPoint.RIGHT_EYE, KeyPoint.LEFT_EYE, KeyPoint.STOMION):
        column, row = np.rint(photo.points[name]).astype(int)
        marked[row - 4 : row + 5, column - 4 : column + 5] = 1.0
    beam = beam_onto_head(marked, photo, HEAD, at, np.array([0.0, -0.25, 0.0]), 700.0)
    light = beam.onto(Layer(HEAD.relief, at, blank(0.8)), 512)[..., GREEN]
    rows, columns = HEAD.relief.radius.shape
    for name in (KeyPoint.RIGHT_EYE, KeyPoint.LEFT_EYE, KeyPoint.STOMION):
        column, row = HEAD.relief.grid_position(HEAD.points[name][None])[0] * [511 / (columns - 1), 511 / (rows - 1)]
        assert light[round(float(row)), round(float(column))] > 300
    assert light[:, 0].max() < 0.001 * 700, "the back of a head is in its own shadow"
    assert np.count_nonzero(light > 100) < 0.02 * light.size


def test_the_terminal_s_light_finds_white_wherever_the_projected_face_is_dark():
    held = HeldSheet(SHEET, blank(0.8), Holding(0.5, steady=True), np.random.default_rng(0))
    [plain] = held.layers(0.0)
    subject = Projected(held, beam_onto_sheet(corners(), SHEET, plain.pose, LENS, 1000.0), 64)
    [layer] = subject.layers(0.0)
    assert layer is subject.layers(1.0)[0]
    assert (layer.material.albedo == np.float32(0.8)).all()
    assert np.ptp(layer.material.emission[..., GREEN]) > 100
    assert layer.material.emission[..., INFRARED].max() == 0
    panel = Panel(np.zeros(3), 0.15, 0.09, 300.0, white(), Steady())
    assert (panel.arriving(Placed(layer))[0] == panel.arriving(Placed(plain))[0]).all()


@pytest.mark.parametrize("onto", ["sheet", "head"])
def test_what_a_scene_lights_by_a_projector_is_as_bright_as_it_says_and_can_be_turned(onto):
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    subject = {"kind": "projector", "onto": onto, "photo": "openpeople:P003", "steady": True, "turned": 30}
    scene = Scene.model_validate(
        {"title": "t", "subjects": [subject | {"lux": 400, "reflectance": 0.5, "distance": 0.45}]}
    )
    stage = build(scene, ModelBundle.load(default_models_dir(), verify=False))
    lit = stage.subjects[-1]
    [layer] = lit.layers(0.0)
    brightest = float(layer.material.emission[..., GREEN].max())
    assert 0.6 * 200 < brightest < 1.4 * 200
    lit.told(Prompt.TURN_LEFT, 0.0)
    [turned] = lit.layers(3.0)
    assert math.degrees(math.acos((np.trace(turned.pose.rotation) - 1) / 2)) == pytest.approx(30, abs=0.01)
