"""Whether a picture is sharp."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.contracts.doctor import Verdict
from edge.terminal.doctor.focus import edge_width, focus


def page(blur, *, noise=0.0, contrast=150, width=640, height=480):
    """Something printed, seen by a lens with that blur, standard deviation in pixels."""
    rng = np.random.default_rng(4)
    grey = np.full((height, width), 200.0, np.float32)
    for _ in range(60):
        x, y, w, h = rng.integers(0, width), rng.integers(0, height), rng.integers(20, 90), rng.integers(20, 90)
        grey[y : y + h, x : x + w] = 200 - rng.uniform(0.5, 1.0) * contrast
    seen = cv2.GaussianBlur(grey, (0, 0), blur) + noise * rng.standard_normal(grey.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("blur", [1.0, 2.0, 4.0, 6.0])
def test_the_blur_of_a_lens_is_measured(blur):
    assert edge_width(page(blur)) == pytest.approx(blur, rel=0.35)


def test_a_sharp_picture_is_well_and_a_blurred_one_is_warned_of():
    assert focus(page(0.7)).verdict is Verdict.OK
    assert focus(page(0.7, noise=2)).verdict is Verdict.OK
    blurred = focus(page(6.0))
    assert blurred.verdict is Verdict.WARN
    assert "lens" in blurred.remedy


def test_the_same_blur_on_twice_the_pixels_is_half_as_bad():
    assert focus(page(4.0, width=1280, height=720)).verdict is Verdict.OK


def test_an_empty_wall_tells_nothing_of_the_focus():
    rng = np.random.default_rng(1)
    wall = np.clip(120 + 2 * rng.standard_normal((480, 640)), 0, 255).astype(np.uint8)
    assert focus(wall).verdict is Verdict.SKIPPED
    assert focus(np.zeros((16, 16), np.uint8)).verdict is Verdict.SKIPPED
