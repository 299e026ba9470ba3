"""Whether a sheet goes on beside the face."""

from __future__ import annotations

import numpy as np
import pytest

from edge.vision.beside_face import REACH, beside_face
from edge.vision.face_patch import CELLS
from tests.vision.lit_face import BOTH, CODE, played

X = (np.arange(CELLS) - (CELLS - 1) / 2) / (CELLS / 2) * REACH


def seen(answer, *, noise=0.002, seed=1, code=CODE):
    """answer: (CELLS,) of each column to the display, against the surroundings."""
    albedo = 0.2 + 0.1 * np.sin(5 * X)[None, :] * np.ones((CELLS, 1))
    ours = albedo[..., None] * 0.02 * np.broadcast_to(answer, (CELLS, CELLS))[..., None] * [1.0, 1.0]
    samples = played(albedo, ours, np.random.default_rng(seed), noise, code=code)
    lit, times = np.array([s.lit for s in samples]), np.array([s.time for s in samples])
    return beside_face([s.patch for s in samples], lit, times, np.zeros((len(samples), 1)))


def test_a_sheet_answers_beside_the_face_as_on_it():
    for side in seen(np.ones(CELLS)):
        assert side.share == pytest.approx(1.0, abs=0.05)
        assert side.deviation < 0.05


def test_behind_a_head_hardly_anything_answers():
    head = np.where(np.abs(X) < 1.2, 1.0, 0.06)
    for side in seen(head):
        assert side.share == pytest.approx(0.06, abs=0.05)


def test_left_and_right_are_the_camera_s():
    left, right = seen(np.where(X < 0, 1.0, 0.3) + np.where(np.abs(X) < 1, 0.7 * (X > 0), 0))
    assert left.share == pytest.approx(1.0, abs=0.05)
    assert right.share == pytest.approx(0.3, abs=0.05)


def test_its_deviation_is_that_of_what_it_finds():
    found = [seen(np.ones(CELLS), noise=0.02, seed=seed)[0] for seed in range(60)]
    real = np.std([side.share for side in found])
    assert np.mean([side.deviation for side in found]) == pytest.approx(real, rel=0.3)


def test_nothing_is_said_where_the_display_does_not_show_or_did_not_change():
    assert seen(np.zeros(CELLS)) is None
    assert seen(np.ones(CELLS), code=[BOTH] * 12) is None
