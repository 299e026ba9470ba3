"""A silicone mask: whose shape and colours it has, what its openings show, and that it goes where its wearer goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.contracts.enums import Prompt
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.build import build
from edge.simulation.face_texture import SIZE, Skin, plain_skin
from edge.simulation.head import Anthropometry, KeyPoint, parametric_head
from edge.simulation.mask import SILICONE_INFRARED, mask_over, silicone
from edge.simulation.optics import GREEN, INFRARED
from edge.simulation.scene import Scene
from tests.simulation.test_face_texture import HEAD, patch

SMALLER = parametric_head(replace(Anthropometry(), head_breadth=0.146, head_length=0.185, face_width=0.132))
LARGER = parametric_head(replace(Anthropometry(), head_breadth=0.165, head_length=0.215, face_width=0.152))


def even(level: float, closed: float) -> Skin:
    """Of one level, from open to closed lids."""
    plain = plain_skin()
    return Skin(
        tuple(
            replace(plain, albedo=np.full((SIZE, SIZE, 4), value, np.float32))
            for value in np.linspace(level, closed, 5)
        )
    )


@pytest.mark.parametrize("thickness", [0.002, 0.004])
def test_a_mask_is_the_face_that_it_shows_grown_by_its_thickness(thickness):
    mask = mask_over(HEAD, SMALLER, thickness)
    # Where the surface is smooth, by the cosine of its slope.
    for x, y in ((0.0, -0.04), (0.03, 0.035), (0.02, 0.05)):
        grown = HEAD.relief.at(x, y)[2] - mask.relief.at(x, y)[2]
        assert 0.8 * thickness < grown < 1.6 * thickness


def test_casting_softens_the_nose():
    sharp = HEAD.relief.at(0.0, 0.03)[2] - HEAD.relief.at(0.02, 0.03)[2]
    mask = mask_over(HEAD, SMALLER, 0.003).relief
    assert 0.6 * sharp > mask.at(0.0, 0.03)[2] - mask.at(0.02, 0.03)[2] > sharp


def test_a_mask_stretches_over_a_head_that_is_larger_than_the_one_it_shows():
    mask = mask_over(HEAD, LARGER, 0.003)
    away = np.linalg.norm(mask.relief.at(0.0, -0.05)[[0, 2]])
    assert away > np.linalg.norm(LARGER.relief.at(0.0, -0.05)[[0, 2]]) + 0.0015


def test_eyes_and_lips_in_the_openings_are_the_wearer_s_and_blink():
    mask = mask_over(HEAD, SMALLER, 0.003)
    skin = silicone(even(0.3, 0.3), even(0.6, 0.1), mask)
    opened, shut = (skin.at(closed).albedo for closed in (0.0, 1.0))
    for name in (KeyPoint.RIGHT_EYE, KeyPoint.LEFT_EYE, KeyPoint.STOMION):
        x, y = mask.points[name][:2]
        assert patch(opened, mask, x, y)[GREEN] == pytest.approx(0.6, abs=0.02)
        assert patch(shut, mask, x, y)[GREEN] == pytest.approx(0.1, abs=0.02)
    for x, y in ((0.0, -0.04), (0.03, 0.03), (0.0, 0.02)):
        for albedo in (opened, shut):
            assert patch(albedo, mask, x, y)[GREEN] == pytest.approx(0.3, abs=1e-4)


@pytest.mark.parametrize("level", [0.1, 0.5])
def test_silicone_is_as_bright_in_infrared_whatever_tone_it_is_painted_in(level):
    mask = mask_over(HEAD, SMALLER, 0.003)
    material = silicone(even(level, level), even(0.3, 0.3), mask).at(0.0)
    assert patch(material.albedo, mask, 0.03, 0.03)[INFRARED] == pytest.approx(SILICONE_INFRARED, rel=1e-3)
    assert material.f0 == pytest.approx(((1.41 - 1) / (1.41 + 1)) ** 2, abs=5e-4)


@pytest.fixture(scope="module")
def networks():
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    return ModelBundle.load(default_models_dir(), verify=False)


def test_a_masked_person_of_a_scene_has_the_mask_s_colours_and_turns_when_asked(networks):
    wearer = {"face": "openpeople:P007", "tone": 0.0, "distance": 0.5, "seed": 3}
    mask = {"kind": "silicone_mask", "photo": "openpeople:P002", "tone": 1.3, "wearer": wearer}
    subjects = [
        build(Scene.model_validate({"title": "t", "subjects": [subject]}), networks).subjects[-1]
        for subject in (mask, {"kind": "person", **wearer})
    ]
    for subject in subjects:
        subject.told(Prompt.TURN_LEFT, 1.0)
    for now in (0.0, 3.0):
        masked, bare = (subject.layers(now)[-1] for subject in subjects)
        assert masked.pose.rotation == pytest.approx(bare.pose.rotation), "the mask goes where its wearer goes"
    assert on_cheek(masked) < 0.3 * on_cheek(bare)


def on_cheek(layer) -> float:
    """Reflectance in green."""
    column, row = layer.shape.grid_position(layer.shape.at(0.03, 0.035)[None])[0]
    rows, columns = layer.shape.radius.shape
    scale = (SIZE - 1) / (rows - 1), (SIZE - 1) / (columns - 1)
    return float(layer.material.albedo[round(float(row) * scale[0]), round(float(column) * scale[1]), GREEN])
