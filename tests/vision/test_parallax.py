"""A face that turns, as a sheet and as a head: in points whose place is known, and in pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.frames.frame import ColourOrder
from edge.liveness.evidence import FaceBox, HeadPose
from edge.simulation.optics import turn
from edge.vision.parallax import FaceTexture, depth, explain, moved_by_depth, rotation_of_turn
from tests.vision.scene import frame_of

DISTANCE = 4.0
FACE = FaceBox(240.0, 160.0, 160.0, 160.0)
STRAIGHT = HeadPose(0.0, 0.0, 0.0)


def places(count=120, seed=1):
    """On the skin of a face, in widths of it from its middle."""
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count))
    return np.column_stack((0.38 * radius * np.cos(angle), 0.44 * radius * np.sin(angle) - 0.04))


def turned(points, towards, yaw, pitch, *, noise=0.0, seed=2):
    """Where points of a surface are seen after it was turned. towards: their depth, (n,)."""
    away = -towards
    nearer = (1 + away / DISTANCE)[:, None]
    space = np.column_stack((points * nearer, away)) @ turn(yaw, pitch).T
    seen = DISTANCE * space[:, :2] / (DISTANCE + space[:, 2:])
    return seen + noise * np.random.default_rng(seed).standard_normal(seen.shape)


def test_turns_are_those_of_the_simulated_head():
    assert rotation_of_turn(17.0, -9.0) == pytest.approx(turn(17.0, -9.0))


def test_the_nose_is_the_nearest_and_the_temples_are_the_farthest():
    across = np.linspace(-0.4, 0.4, 17)
    level = depth(np.column_stack((across, np.zeros(17))))
    assert level == pytest.approx(level[::-1])
    assert level.argmax() == 8
    assert (np.diff(level[8:]) < 0).all()
    assert depth(np.zeros((1, 2))) == pytest.approx([0.442])


def test_what_has_no_depth_has_no_parallax():
    points = places()
    moved = moved_by_depth(points, np.full(len(points), 0.3), turn(20.0), DISTANCE)
    assert moved == pytest.approx(0.0)


@pytest.mark.parametrize(("yaw", "pitch"), [(20.0, 0.0), (-12.0, 9.0), (0.0, -18.0), (30.0, 15.0)])
def test_a_sheet_is_seen_to_turn_exactly_and_shows_nothing_of_a_head(yaw, pitch):
    points = places()
    told = explain(points, turned(points, np.zeros(len(points)), yaw, pitch, noise=0.002), DISTANCE)
    assert told.turn == pytest.approx(np.hypot(yaw, pitch), abs=1.5)
    assert told.share == pytest.approx(0.0, abs=3 * told.error)
    assert told.error < 0.05
    assert told.scatter == pytest.approx(0.002 * np.sqrt(2), rel=0.25)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 0, 1), (0.5, 1, 0.5)], ids=["upright", "level", "slanting"])
@pytest.mark.parametrize("bulge", [1.5, -1.5], ids=["hollow", "round"])
def test_a_bent_sheet_shows_nothing_of_a_head_either(axis, bulge):
    points = places()
    x, y = points.T
    # Depth 1.5 x^2 is that of a radius of a third of the face's width.
    bend = bulge * (axis[0] * x * x + axis[1] * x * y + axis[2] * y * y)
    told = explain(points, turned(points, bend, 14.0, 10.0, noise=0.002), DISTANCE, (14.0, 10.0))
    assert abs(told.share) < 0.15
    assert told.error < 0.05


@pytest.mark.parametrize(("yaw", "pitch"), [(18.0, 0.0), (-18.0, 0.0), (14.0, 10.0), (0.0, 14.0), (0.0, -14.0)])
def test_a_head_shows_its_parallax(yaw, pitch):
    points = places()
    told = explain(points, turned(points, depth(points), yaw, pitch, noise=0.003), DISTANCE, (yaw, pitch))
    assert told.share == pytest.approx(1.1, abs=0.15)
    assert told.error < 0.06


def test_a_sheet_that_landmarks_see_turn_less_shows_nothing_of_a_head():
    points = places()
    told = explain(points, turned(points, np.zeros(len(points)), 25.0, 0.0, noise=0.002), DISTANCE, (10.0, 0.0))
    assert told.turn == 10.0
    assert told.share == pytest.approx(0.0, abs=3 * told.error)
    assert told.error < 0.1


def test_points_that_went_astray_change_nothing():
    points = places()
    now = turned(points, np.zeros(len(points)), 20.0, 0.0, noise=0.002)
    now[::6] += 0.1
    told = explain(points, now, DISTANCE)
    assert told.points <= 100
    assert told.turn == pytest.approx(20.0, abs=1.5)
    assert told.share == pytest.approx(0.0, abs=3 * told.error)


def test_a_slanting_sheet_moves_by_a_homography_as_opencv_finds_it():
    points = places()
    x, y = points.T
    # Of the plane whose depth is 0.3 X - 0.2 Y, where it is seen at x = X / (1 - depth / distance).
    towards = (0.3 * x - 0.2 * y) / (1 + (0.3 * x - 0.2 * y) / DISTANCE)
    now = turned(points, towards, 15.0, 5.0)
    found, _ = cv2.findHomography(points, now)
    assert cv2.perspectiveTransform(points[:, None], found)[:, 0] == pytest.approx(now, abs=1e-6)
    told = explain(points, now, DISTANCE)
    assert told.scatter < 1e-6
    assert told.share == pytest.approx(0.0, abs=1e-6)


def texture(seed=3):
    """A picture with detail of some pixels' size."""
    noise = np.random.default_rng(seed).uniform(0, 255, (480, 640)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    grey = np.clip(128 + 6 * (smooth - 128), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def of_sheet(picture, yaw, pitch=0.0):
    """The picture as a sheet around the middle of FACE that was turned: by a homography, as of any plane."""
    rotation = turn(yaw, pitch)
    width, x, y = FACE.width, FACE.left + FACE.width / 2, FACE.top + FACE.height / 2
    to_face = np.array([[1 / width, 0, -x / width], [0, 1 / width, -y / width], [0, 0, 1]])
    plane = np.array(
        [
            [DISTANCE * rotation[0, 0], DISTANCE * rotation[0, 1], 0],
            [DISTANCE * rotation[1, 0], DISTANCE * rotation[1, 1], 0],
            [rotation[2, 0], rotation[2, 1], DISTANCE],
        ]
    )
    return cv2.warpPerspective(picture, np.linalg.inv(to_face) @ plane @ to_face, (640, 480))


def followed(pictures, **more):
    texture = FaceTexture(frame_of(pictures[0], **more), FACE, STRAIGHT)
    for picture in pictures[1:]:
        texture.follow(frame_of(picture, **more))
    return texture


@pytest.mark.parametrize("colour", list(ColourOrder))
def test_a_picture_that_is_turned_in_the_hand_is_a_sheet(colour):
    picture = texture()
    told = followed([of_sheet(picture, yaw) for yaw in range(0, 21, 2)], colour=colour).parallax()
    assert told.turn == pytest.approx(20.0, abs=3.0)
    assert told.share + 3 * told.error < 0.1
    assert told.points > 60


def test_a_face_without_texture_tells_nothing():
    blank = np.full((480, 640, 3), 120, np.uint8)
    texture = followed([blank, blank])
    assert texture.points == 0
    assert texture.parallax() is None


def test_a_face_that_fills_and_leaves_the_picture_does_no_harm():
    picture = texture()
    made = FaceTexture(frame_of(picture), FaceBox(-200.0, -100.0, 700.0, 700.0), STRAIGHT)
    made.follow(frame_of(np.roll(picture, 300, axis=1)))
    assert made.points >= 0


def test_a_cut_loses_most_of_the_texture_at_once_and_a_turn_does_not():
    picture = texture()
    assert followed([of_sheet(picture, yaw) for yaw in range(0, 21, 2)]).lost < 0.3
    assert followed([picture, texture(seed=9)]).lost > 0.5


def test_frames_that_are_the_same_to_the_last_bit_are_counted():
    picture = texture()
    noisy = picture.copy()
    noisy[240, 320] ^= 255
    assert followed([noisy, picture, picture, picture]).alike == 2
    assert followed([picture, picture, noisy]).alike == 0


def test_nothing_of_the_face_is_left_at_the_end():
    made = followed([texture(), texture()])
    kept = made._before
    assert kept.any()
    made.end()
    assert not kept.any()
    assert made.points == 0
    made.end()
