from __future__ import annotations

import numpy as np
import pytest

from edge.simulation.sampling import sampled


def test_values_between_four_are_their_weighted_mean():
    values = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)
    x, y = np.array([[0.0, 0.25, 1.0]], np.float32), np.array([[0.0, 0.5, 1.0]], np.float32)
    assert sampled(values, x, y)[0] == pytest.approx([0.0, 1.25, 3.0])


def test_no_places_have_no_values():
    nowhere = np.zeros((1, 0), np.float32)
    assert sampled(np.ones((3, 3), np.float32), nowhere, nowhere).shape == (1, 0)
    assert sampled(np.ones((3, 3, 4), np.float32), nowhere, nowhere).shape == (1, 0, 4)


def test_beyond_the_edge_the_edge_is_held():
    values = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)
    x, y = np.array([[-3.0, 9.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    assert sampled(values, x, y)[0] == pytest.approx([0.0, 3.0])


def test_every_pixel_is_computed_whatever_the_memory_held_before():
    x = np.full((120, 160), 0.5, np.float32)
    for _ in range(300):
        rubbish = [np.full((24, 24, 4), np.nan, np.float32) for _ in range(20)]
        del rubbish
        assert np.isfinite(sampled(np.ones((24, 24, 4), np.float32), x, x)).all()
