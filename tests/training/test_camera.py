"""The camera's chain, stage by stage."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from camera import MAKERS, capture, draw_camera


@pytest.fixture
def plain():
    """A camera that changes as little as it can."""
    drawn = draw_camera(np.random.default_rng(0))
    return replace(
        drawn, width=320, height=240, density=1.0, aperture=1.0, blur=0.4, motion=(0.0, 0.0), electrons=60_000.0,
        gain=1.0, read_noise=1.0, denoise=0.0, sharpen=0.0, contrast=1.0, saturation=1.0, vignetting=0.0, bloom=0.0,
        veil=0.0, levels=0.0, target=0.5, balance=0.0, cast=(1.0, 1.0, 1.0), qualities=(98,), second_scale=1.0,
    )  # fmt: skip


def taken(light, camera, seed: int = 0):
    return capture(light.astype(np.float32), camera, np.random.default_rng(seed), (0.5, 0.5))


def test_grey_stays_grey_at_the_brightness_that_is_aimed_at(plain):
    picture = taken(np.full((240, 320, 3), 0.03), plain)
    assert picture.reshape(-1, 3).mean(0) == pytest.approx([127.5] * 3, abs=3)


def test_colours_come_through_the_mosaic_in_their_places(plain):
    light = np.full((240, 320, 3), 0.05)
    light[:, :160] = (0.02, 0.05, 0.3)
    picture = taken(light, plain).astype(int)
    blue, green, red = picture[100:140, 40:100].reshape(-1, 3).mean(0)
    assert red > green + 40 > blue + 50
    assert np.ptp(picture[100:140, 220:280].reshape(-1, 3).mean(0)) < 4


def test_white_balance_takes_a_warm_light_back_in_part(plain):
    warm = np.full((240, 320, 3), 0.1) * (0.5, 1.0, 1.6)
    difference = [np.ptp(taken(warm, replace(plain, balance=b)).mean((0, 1))) for b in (0.0, 0.5, 1.0)]
    assert difference[0] > difference[1] > difference[2]
    assert difference[2] < 4


def test_noise_is_that_of_photons(plain):
    """Four times the gain, twice the deviation; measured before anything smooths it, on raw values through 8 bits."""
    grey = np.full((240, 320, 3), 0.03)
    deviation = [taken(grey, replace(plain, electrons=4000.0, gain=gain))[..., 1].std() for gain in (1.0, 4.0)]
    assert deviation[1] / deviation[0] == pytest.approx(2.0, rel=0.15)


def test_contrast_left_of_a_sine_is_that_of_blurring_and_averaging_it(plain):
    camera = replace(plain, blur=0.5, aperture=1.0)
    fine = 40
    x = np.arange(200 * fine) / fine
    for frequency in (0.1, 0.3):
        wave = np.sin(2 * np.pi * frequency * x)[None]
        blurred = cv2.GaussianBlur(wave, (0, 0), sigmaX=0.5 * fine, sigmaY=0.1)
        pixels = blurred.reshape(200, fine).mean(1)[50:150]
        assert pixels.std() * np.sqrt(2) == pytest.approx(camera.transfer(frequency, 0.0), rel=0.03)
    assert camera.transfer(0.0, 0.0) == 1.0


def test_the_delivered_size_is_the_cameras(plain):
    camera = replace(plain, density=1.25)
    columns, rows = camera.sensor_size
    assert taken(np.full((rows, columns, 3), 0.1), camera).shape == (240, 320, 3)


def test_cameras_are_many_and_within_their_ranges():
    cameras = [draw_camera(np.random.default_rng(seed)) for seed in range(300)]
    assert {camera.maker for camera in cameras} == {maker.name for maker in MAKERS}
    assert all(50 <= quality <= 96 for camera in cameras for quality in camera.qualities)
    assert all(240 <= min(camera.width, camera.height) <= 720 for camera in cameras)
