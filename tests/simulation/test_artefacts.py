"""Prints and screens as surfaces, and the hand that holds them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.simulation.artefacts import HeldSheet, Holding, Wall, backlit, pixels_across, printed, shown
from edge.simulation.optics import INFRARED, Pinhole
from edge.simulation.sheet import Sheet

CAMERA = Pinhole(320, 240, 250.0)


def picture(value, size=64):
    return np.full((size, size, 3), value, np.uint8)


def mean(texture):
    return texture.reshape(-1, 4).mean(axis=0)


@pytest.mark.parametrize("value", [0, 90, 200, 255])
def test_no_paper_gives_back_more_than_it_gets(value):
    for laser in (False, True):
        albedo = printed(picture(value), 100, laser=laser).albedo
        assert albedo.min() >= 0
        assert albedo.max() <= 1


def test_black_is_darker_than_white_in_light_and_in_infrared_only_from_a_laser_printer():
    ink = {value: mean(printed(picture(value), 100).albedo) for value in (0, 255)}
    toner = {value: mean(printed(picture(value), 100, laser=True).albedo) for value in (0, 255)}
    assert (ink[0][:3] < 0.3 * ink[255][:3]).all()
    assert ink[0][INFRARED] == pytest.approx(ink[255][INFRARED])
    assert toner[0][INFRARED] < 0.5 * toner[255][INFRARED]


def test_a_white_screen_has_the_exitance_of_its_luminance_and_no_infrared():
    emission = shown(picture(255), 100, 400.0, bezel=0.05).emission
    middle = emission[emission.shape[0] // 2, emission.shape[1] // 2]
    assert middle[:3] == pytest.approx(np.full(3, math.pi * 400.0), rel=1e-4)
    assert emission[..., INFRARED].max() == 0.0
    assert emission[0].max() == 0.0


def test_a_screen_hardly_answers_light():
    assert shown(picture(255), 100, 400.0).albedo.max() < 0.05


def test_a_lamp_behind_a_print_shines_through_white_more_than_through_black():
    white, black = (backlit(picture(value), 100, 1000.0) for value in (255, 0))
    assert mean(white.emission)[:3].min() > 2 * mean(black.emission)[:3].max()
    assert white.emission.max() <= 1000.0


def test_a_texture_has_two_samples_to_a_camera_pixel():
    assert printed(picture(120), 90).albedo.shape[1] == 180
    assert pixels_across(0.2, 0.5, CAMERA) == 100


def held(steady=False, seed=4):
    sheet = Sheet(0.2, 0.28)
    holding = Holding(0.5, yaw=10.0, steady=steady)
    return HeldSheet(sheet, printed(picture(120), 60), holding, np.random.default_rng(seed))


def test_a_hand_drifts_by_millimetres_and_trembles_the_same_way_every_time():
    one, other = held(), held()
    times = np.linspace(0, 60, 2000)
    forth = np.array([one.layers(t)[0].pose.position for t in times])
    back = np.array([other.layers(t)[0].pose.position for t in times[::-1]])[::-1]
    assert (forth == back).all()
    assert 1e-3 < forth[:, 0].std() < 6e-3
    assert forth[:, 2].mean() == pytest.approx(0.5, abs=3e-3)


def test_what_is_fixed_stands_still():
    subject = held(steady=True)
    assert subject.layers(0.0)[0] is subject.layers(9.0)[0]


def test_the_wall_fills_the_picture_and_is_the_same_every_time():
    wall = Wall(2.0, 0.5)
    layer = wall.layers(0.0)[0]
    assert layer is wall.layers(5.0)[0]
    footprint = layer.shape.footprint(layer.pose, CAMERA)
    assert footprint.coverage.shape == (240, 320)
    assert footprint.coverage.min() == 1.0
