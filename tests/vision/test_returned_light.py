"""How much of the display's light comes back from a face, without asking what else lights it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.frames.display import DisplayGeometry
from edge.vision.face_patch import CELLS, FaceGrid
from edge.vision.light_response import light_response
from edge.vision.relief import light_of
from edge.vision.returned_light import returned_light
from tests.vision.lit_face import played

DISPLAY = DisplayGeometry(0.154, 0.086, 0.0, 0.06, luminance=300.0)
FOCAL, SIZE = 0.8, (640, 480)
LEVEL_PER_LUX = 0.002


@pytest.fixture
def surface(face_landmarks):
    """Of a face at half a metre."""
    points = face_landmarks - np.append(face_landmarks[:, :2].mean(axis=0), 0)
    points = points * (FOCAL * SIZE[0] * 0.14 / 0.5 / np.ptp(points[:, 0]))
    return FaceGrid((points + np.array([SIZE[0] / 2, SIZE[1] / 2, 0])).astype(np.float32)).surface()


def returned(surface, reflectance, rng=None, noise=0.0, display=DISPLAY):
    arriving = light_of(surface, DISPLAY, FOCAL, SIZE) * DISPLAY.luminance
    ours = reflectance * arriving * LEVEL_PER_LUX
    response = light_response(played(np.full((CELLS, CELLS), 0.3), ours, rng, noise), surface)
    return returned_light(response, surface, display, FOCAL, SIZE, LEVEL_PER_LUX)


def test_the_display_gives_what_a_display_of_its_size_and_luminance_gives(surface):
    # 300 cd/m2 over 0.154 x 0.086 m2 at 0.5 m, a little aside: 300 * 0.0132 / 0.25 = 15.9 lx straight ahead.
    lux = light_of(surface, DISPLAY, FOCAL, SIZE).sum(axis=-1) * DISPLAY.luminance
    assert lux.max() == pytest.approx(15.9, rel=0.15)


@pytest.mark.parametrize("reflectance", [0.05, 0.35])
def test_a_surface_returns_its_reflectance(surface, reflectance):
    found = returned(surface, reflectance, np.random.default_rng(1), 0.0005)
    assert found.share == pytest.approx(reflectance, rel=0.1)
    assert found.deviation < 0.1 * reflectance


def test_what_glass_mirrors_in_some_places_does_not_count(surface):
    glass = np.full((CELLS, CELLS, 1), 0.01)
    glass[:10, :10] = 0.05
    assert returned(surface, glass, np.random.default_rng(1), 0.0005).share < 0.02


def test_its_deviation_is_that_of_what_it_finds(surface):
    rng = np.random.default_rng(2)
    found = [returned(surface, 0.2, rng, 0.01) for _ in range(40)]
    real = np.std([one.share for one in found])
    assert np.mean([one.deviation for one in found]) == pytest.approx(real, rel=0.4)


def test_nothing_is_said_of_a_display_of_unknown_luminance(surface):
    assert returned(surface, 0.2, display=replace(DISPLAY, luminance=None)) is None
