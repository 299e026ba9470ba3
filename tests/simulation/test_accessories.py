"""Glasses, beards, caps and scarves: where they are, what they look like, and that they leave the face as it is."""

from __future__ import annotations

import numpy as np
import pytest

from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.accessories import Glasses, HeadCover, in_relief, painted
from edge.simulation.artefacts import HeldSheet, Holding
from edge.simulation.build import build
from edge.simulation.face_texture import Skin, plain_skin, skin_reflectance
from edge.simulation.head import KeyPoint
from edge.simulation.lamps import NearPoint, white
from edge.simulation.optics import GREEN, INFRARED, Material, Pinhole, Placed, Pose
from edge.simulation.person import Person, Place
from edge.simulation.renderer import Renderer
from edge.simulation.scene import Scene
from edge.simulation.signals import Steady
from tests.simulation.test_face_texture import HEAD, patch

CLOTH = np.array([0.2, 0.1, 0.05, 0.5])
CHIN, CHEEK, FOREHEAD, CROWN = (0.0, 0.095), (0.035, 0.025), (0.0, -0.035), (0.0, -0.085)


def dressed(**keys):
    """Head and skin with what is told."""
    keys = {"beard": False, "cover": None} | keys
    glasses = keys.pop("glasses", False)
    head = in_relief(HEAD, np.random.default_rng(1), **keys)
    skin = Skin((plain_skin(0.2),))
    return head, painted(skin, head, np.random.default_rng(2), **keys, glasses=glasses, cloth=CLOTH)


def colour(head, skin, place):
    return patch(skin.at(0.0).albedo, head, *place)


def raised(head, place) -> float:
    """Metres."""
    return float(HEAD.relief.at(*place)[2] - head.relief.at(*place)[2])


def test_without_anything_head_and_skin_are_the_same():
    head = in_relief(HEAD, np.random.default_rng(1), beard=False, cover=None)
    skin = Skin((plain_skin(),))
    assert head is HEAD
    assert painted(skin, head, np.random.default_rng(2), beard=False, cover=None, glasses=False, cloth=CLOTH) is skin


def test_a_beard_is_dark_and_stands_out_from_chin_and_jaw_and_not_from_lips_and_cheekbones():
    head, skin = dressed(beard=True)
    bare = skin_reflectance(0.2)
    assert colour(head, skin, CHIN)[GREEN] < 0.15 * bare[GREEN]
    assert colour(head, skin, CHIN)[INFRARED] < 0.7 * bare[INFRARED]
    assert raised(head, CHIN) > 0.004
    for place in (CHEEK, FOREHEAD, tuple(HEAD.points[KeyPoint.STOMION][:2])):
        assert colour(head, skin, place) == pytest.approx(bare, rel=0.02)
        assert raised(head, place) == pytest.approx(0, abs=0.004)


def test_a_cap_covers_the_top_of_the_head_and_ends_above_the_brows():
    head, skin = dressed(cover=HeadCover.CAP)
    assert colour(head, skin, CROWN) == pytest.approx(CLOTH, rel=0.25)
    assert raised(head, (0.0, -0.06)) > 0.004
    for place in (FOREHEAD, CHEEK, CHIN):
        assert colour(head, skin, place) == pytest.approx(skin_reflectance(0.2), rel=1e-3)
        assert raised(head, place) == pytest.approx(0, abs=5e-4)


def test_a_scarf_covers_all_but_the_face():
    head, skin = dressed(cover=HeadCover.SCARF)
    for place in ((0.0, -0.07), (0.0, 0.145)):
        assert colour(head, skin, place) == pytest.approx(CLOTH, rel=1e-3)
    for place in (FOREHEAD, CHEEK, CHIN):
        assert colour(head, skin, place) == pytest.approx(skin_reflectance(0.2), rel=1e-3)
    back = head.relief.points[head.relief.radius.shape[0] // 2, 0]
    assert back[2] > HEAD.relief.points[HEAD.relief.radius.shape[0] // 2, 0][2] + 0.003


def bespectacled():
    person = Person(HEAD, Skin((plain_skin(),)), np.random.default_rng(0), Place(0.5))
    return person, Glasses(person, HEAD, 0.5)


def test_glasses_are_before_the_eyes_wherever_the_head_goes():
    person, glasses = bespectacled()
    for now in (0.0, 2.0, 4.0):
        [body, head, rims, lenses] = glasses.layers(now)
        assert [layer.shape for layer in person.layers(now)] == [body.shape, head.shape]
        at = head.pose.rotation @ HEAD.face + head.pose.position
        for layer in (rims, lenses):
            away = head.pose.rotation.T @ (layer.pose.position - at)
            assert away == pytest.approx([0, 0.004, -0.005], abs=1e-6)


def test_nobody_wears_no_glasses():
    person = Person(HEAD, Skin((plain_skin(),)), np.random.default_rng(0), Place(0.5, leaves=0.0))
    assert Glasses(person, HEAD, 0.5).layers(5.0) == ()


def test_lenses_let_nine_tenths_of_the_light_pass_and_rims_none():
    *_, rims, lenses = bespectacled()[1].layers(0.0)
    lens, rim = lenses.shape.outline, rims.shape.outline
    assert lens.max() == pytest.approx(0.08)
    assert rim.max() == 1.0
    # Rims go round the lenses and not over them.
    assert (rim * (lens > 0.079)).max() < 0.05
    width = lens.shape[1]
    assert np.allclose(lens, lens[:, ::-1], atol=1e-6), "both sides alike"
    assert 0.25 < float((lens > 0.04).any(axis=0).sum()) / width < 0.8


def test_a_lens_mirrors_eight_hundredths_of_a_lamp_as_two_surfaces_of_glass_do():
    *_, lenses = bespectacled()[1].layers(0.0)
    lamp = NearPoint(np.array([0.0, 0.01, 0.0]), 100.0, 80.0, white(), Steady())
    # The same sheet of one surface of glass, with nothing but that.
    glass = Material(lenses.material.albedo, f0=0.04, roughness=lenses.material.roughness)
    both, one = (
        lamp.arriving(Placed(type(lenses)(lenses.shape, Pose(position=np.array([0, 0, 0.5])), material)))[1].max()
        for material in (lenses.material, glass)
    )
    assert both * lenses.shape.outline.max() == pytest.approx(2 * one, rel=0.02)


def test_a_surface_behind_glasses_is_dimmed_by_what_they_mirror():
    *_, lenses = bespectacled()[1].layers(0.0)
    white_sheet = Material(np.ones((2, 2, 4), np.float32))
    sheet = HeldSheet(lenses.shape, white_sheet, Holding(0.45, steady=True), np.random.default_rng(0)).layers(0.0)[0]
    behind = type(sheet)(HEAD.relief, Pose(position=np.array([0.0, 0.0, 0.5]) - HEAD.face), white_sheet)
    lamp = NearPoint(np.array([0.3, -0.3, 0.0]), 100.0, 80.0, white(), Steady())
    camera = Pinhole(160, 120, 150.0)
    renderer = Renderer(camera, [lamp])
    without, with_lens = (
        renderer.render(layers, np.zeros(120), 1.0)
        for layers in ([behind], [behind, type(sheet)(lenses.shape, sheet.pose, lenses.material)])
    )
    eye = (slice(58, 62), slice(88, 92))
    ratio = float(with_lens[eye][..., GREEN].mean() / without[eye][..., GREEN].mean())
    assert 0.92**2 - 0.02 < ratio < 0.93


@pytest.fixture(scope="module")
def networks():
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    return ModelBundle.load(default_models_dir(), verify=False)


def test_whoever_puts_something_on_stays_the_same_person(networks):
    def layers(**keys):
        person = {"kind": "person", "face": "openpeople:P005", "distance": 0.5} | keys
        stage = build(Scene.model_validate({"title": "t", "seed": 9, "subjects": [person]}), networks)
        return stage.subjects[-1].layers(1.7)

    bare = layers()
    for keys in ({"glasses": True}, {"beard": True}, {"head_cover": "cap"}, {"head_cover": "scarf", "glasses": True}):
        worn = layers(**keys)
        assert len(worn) == (4 if "glasses" in keys else 2)
        assert worn[1].pose.rotation == pytest.approx(bare[1].pose.rotation)
        assert worn[1].pose.position == pytest.approx(bare[1].pose.position, abs=1e-9)
        assert worn[0].material.albedo == pytest.approx(bare[0].material.albedo)
