"""Prints and screens as surfaces, and the hand that holds them."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from edge.contracts.enums import Prompt
from edge.simulation.artefacts import HeldSheet, Holding, Wall, backlit, pixels_across, printed, shown
from edge.simulation.optics import INFRARED, Pinhole
from edge.simulation.sheet import Sheet

CAMERA = Pinhole(320, 240, 250.0)


def picture(value, size=64):
    return np.full((size, size, 3), value, np.uint8)


def test_a_print_of_a_grey_picture_is_as_bright_as_the_grey():
    for laser in (False, True):
        for value in (60, 128, 200):
            linear = ((value / 255 + 0.055) / 1.055) ** 2.4
            albedo = mean(printed(picture(value), 100, laser=laser).albedo)
            assert albedo[:3] == pytest.approx(np.full(3, 0.035 + (0.82 - 0.035) * linear), abs=0.005)


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
    assert ink[0][INFRARED] > 0.8 * ink[255][INFRARED]
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
    # What the paper sends back and lets through comes from what it gets.
    assert (white.emission[..., :3] / 1000.0 + white.albedo[..., :3]).max() < 1


def test_a_texture_has_two_samples_to_a_camera_pixel():
    assert printed(picture(120, 640), 90).albedo.shape[1] == 180
    assert pixels_across(0.2, 0.5, CAMERA) == 100


def held(steady=False, seed=4, turned=None):
    sheet = Sheet(0.2, 0.28)
    holding = Holding(0.5, yaw=10.0, steady=steady, turned=turned)
    return HeldSheet(sheet, printed(picture(120), 60), holding, np.random.default_rng(seed))


def test_a_hand_drifts_by_millimetres_and_trembles_the_same_way_every_time():
    one, other = held(), held()
    times = np.linspace(0, 60, 2000)
    forth = np.array([one.layers(t)[0].pose.position for t in times])
    back = np.array([other.layers(t)[0].pose.position for t in times[::-1]])[::-1]
    assert (forth == back).all()
    assert 1e-3 < forth[:, 0].std() < 6e-3
    assert forth[:, 2].mean() == pytest.approx(0.5, abs=3e-3)


def test_a_hand_trembles_with_the_acceleration_that_healthy_hands_have():
    # 0.0015 to 0.035 g, peak, at the dominant frequency (doi.org/10.1001/archneur.1982.00510180036009).
    rate, seconds = 200, 60
    subject = held()
    path = np.array([subject.layers(t)[0].pose.position for t in np.arange(rate * seconds) / rate])
    spectrum = np.fft.rfft(path * np.hanning(len(path))[:, None], axis=0)
    hertz = np.fft.rfftfreq(len(path), 1 / rate)
    power = np.abs(spectrum) ** 2 * (2 / (len(path) ** 2 * np.mean(np.hanning(len(path)) ** 2)))[..., None]
    fast = (hertz > 4)[:, None]
    acceleration = np.sqrt((power * (2 * np.pi * hertz[:, None]) ** 4 * fast).sum(axis=0)) * math.sqrt(2) / 9.81
    assert (acceleration > 0.0015).all()
    assert (acceleration < 0.035).all()
    peak = hertz[np.argmax(np.where(fast, power, 0), axis=0)]
    assert ((peak >= 6) & (peak <= 12)).all()


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


def test_a_lamp_lights_the_wall_as_the_inverse_square_and_the_cosine_have_it():
    layer = Wall(2.0, 0.5).layers(0.0)[0]
    points = layer.pose.to_world(layer.shape.points).astype(np.float64)
    # A lamp at the camera: cos / r^2, which on a wall is the third power of the cosine over its distance squared.
    light = (points[..., 2] / np.linalg.norm(points, axis=2) ** 3).astype(np.float32)
    footprint = layer.shape.footprint(layer.pose, CAMERA)
    seen = cv2.remap(light, footprint.x, footprint.y, cv2.INTER_LINEAR)
    rows, columns = np.mgrid[:240, :320]
    tangent = np.hypot(columns - 159.5, rows - 119.5) / CAMERA.focal
    assert seen == pytest.approx((1 + tangent**2) ** -1.5 / 4, rel=0.05)


@pytest.mark.parametrize("wrong", [(0.0, 0.5), (2.0, 1.5), (2.0, -0.1)])
def test_an_impossible_wall_is_refused(wrong):
    with pytest.raises(ValueError, match=r"sheet of|reflectance"):
        Wall(*wrong)


def facing(subject, now):
    """Degrees that a sheet is turned to the right of the picture, and upwards."""
    x, y, z = -subject.layers(now)[0].pose.rotation[:, 2]
    return math.degrees(math.atan2(x, -z)), math.degrees(math.asin(-y))


@pytest.mark.parametrize(
    ("prompt", "to"),
    [
        (Prompt.TURN_LEFT, (25, 0)),
        (Prompt.TURN_RIGHT, (-25, 0)),
        (Prompt.TURN_UP, (0, 25)),
        (Prompt.TURN_DOWN, (0, -25)),
    ],
)
def test_a_hand_turns_what_it_holds_when_asked_after_a_reaction_and_back_again(prompt, to):
    subject = HeldSheet(
        Sheet(0.2, 0.2), printed(picture(128), 50), Holding(0.4, steady=True, turned=25.0), np.random.default_rng(1)
    )
    still = subject.layers(0.9)[0]
    subject.told(prompt, 1.0)
    assert facing(subject, 1.15) == pytest.approx((0, 0), abs=0.01)
    assert facing(subject, 3.0) == pytest.approx(to, abs=0.01)
    assert subject.layers(3.0)[0].pose.position == pytest.approx(still.pose.position)
    subject.told(Prompt.LOOK_STRAIGHT, 4.0)
    assert facing(subject, 4.15) == pytest.approx(to, abs=0.01)
    assert subject.layers(6.0)[0] is still


def test_what_is_not_turned_is_deaf():
    subject = held(steady=True)
    subject.told(Prompt.TURN_LEFT, 0.0)
    assert subject.layers(3.0)[0] is subject.layers(0.0)[0]


def test_a_hand_that_turns_a_sheet_drifts_as_it_would_without():
    turned, still = held(turned=20.0), held()
    turned.told(Prompt.TURN_UP, 0.0)
    assert turned.layers(2.0)[0].pose.position == pytest.approx(still.layers(2.0)[0].pose.position)
