from __future__ import annotations

import numpy as np
import pytest

from edge.simulation import recapture
from edge.simulation.recapture import CameraModel, Holding

QUIET = CameraModel(width=320, height=240, blur=0.0, full_well=1e9, read_noise=0.0, jpeg_quality=100)


def grey(level: int, height: int = 240, width: int = 320) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def test_linear_light_and_back_is_the_picture():
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.array_equal(recapture.to_srgb(recapture.to_linear(picture)), picture)


def test_shot_noise_variance_rises_with_light():
    camera = CameraModel(width=320, height=240, blur=0.0, full_well=1000.0, read_noise=0.0, jpeg_quality=100)
    rng = np.random.default_rng(0)
    variance = []
    for level in (0.1, 0.4):
        light = np.full((240, 320, 3), level, np.float32)
        noisy = recapture.to_linear(recapture.expose(light, camera, rng))
        variance.append(float(noisy.var()))
    # The JPEG step takes some of the noise, so the ratio of four is only neared.
    assert 2.5 < variance[1] / variance[0] < 6.0


def test_a_screen_keeps_the_mean_light_of_what_it_shows():
    surface = recapture.screen_surface(grey(128), columns=120)
    shown = recapture.to_linear(grey(128)).mean()
    assert surface.mean() == pytest.approx(shown * np.mean([1.12, 1.0, 0.90]) + recapture.SCREEN_BLACK, rel=0.02)


def test_a_print_has_the_range_of_paper_and_ink_only():
    white, black = recapture.print_surface(grey(255), cells=40), recapture.print_surface(grey(0), cells=40)
    assert white.max() == pytest.approx(recapture.PAPER_WHITE)
    assert black.min() == pytest.approx(recapture.INK_BLACK)
    assert white.mean() > 0.9 * recapture.PAPER_WHITE
    assert black.mean() < 0.15


def test_a_darker_picture_takes_more_ink():
    means = [recapture.print_surface(grey(level), cells=40).mean() for level in (40, 100, 160, 220)]
    assert means == sorted(means)


def test_the_edges_are_out_of_sight_only_when_the_artefact_is_larger_than_the_frame():
    surface = np.ones((240, 320, 3), np.float32)
    wall = np.zeros((240, 320, 3), np.float32)
    small = recapture.view(surface, Holding(share=0.5), QUIET, wall)
    large = recapture.view(surface, Holding(share=1.2), QUIET, wall)
    assert small[120, 160].min() > 0.99
    assert small[5, 5].max() == 0.0
    assert large.min() > 0.99


def test_turning_the_artefact_narrows_it():
    surface = np.ones((240, 320, 3), np.float32)
    wall = np.zeros((240, 320, 3), np.float32)
    widths = [
        float(recapture.view(surface, Holding(share=0.5, turn=turn), QUIET, wall)[120, :, 0].sum()) for turn in (0, 45)
    ]
    assert widths[1] < 0.8 * widths[0]


def test_the_same_seed_gives_the_same_recapture():
    picture = np.random.default_rng(3).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    for make in (recapture.photograph, recapture.recapture_print, recapture.recapture_screen):
        first = make(picture, QUIET, np.random.default_rng(5))
        again = make(picture, QUIET, np.random.default_rng(5))
        assert first.shape == (240, 320, 3)
        assert np.array_equal(first, again)
