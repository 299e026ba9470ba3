from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.liveness.evidence import HeadPose
from edge.vision.detector import Detector
from edge.vision.landmarks import FaceMesh, Mesh, roi_of_detection
from edge.vision.pose import CANONICAL, FOCAL_LENGTH, LANDMARKS, head_pose
from tests.vision.scene import frame_of

# Landmark 152 of the same model; with it the points extend as far as a whole face.
CHIN = (0.0, -9.403378, 4.264492)

angles = st.tuples(st.floats(-50, 50), st.floats(-40, 40), st.floats(-40, 40))


def looking(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The canonical points of a head that first tips by roll, then nods by pitch, then turns by yaw; x to its left, y
    up, z towards the camera."""
    y, p, r = (math.radians(angle) for angle in (yaw, pitch, roll))
    turn = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    nod = np.array([[1, 0, 0], [0, math.cos(p), math.sin(p)], [0, -math.sin(p), math.cos(p)]])
    tip = np.array([[math.cos(r), math.sin(r), 0], [-math.sin(r), math.cos(r), 0], [0, 0, 1]])
    return np.vstack((CANONICAL, CHIN)) @ (turn @ nod @ tip).T


def pictured(
    head: np.ndarray, *, distance: float, focal: float, middle: tuple[float, float] = (320, 240), longer: int = 640
) -> Mesh:
    """What a camera ``distance`` (in the head's units) away sees of it; the picture's y points down."""
    scale = focal * longer / (distance - head[:, 2])
    x, y = middle[0] + head[:, 0] * scale, middle[1] - head[:, 1] * scale
    points = np.empty((468, 3), np.float32)
    points[:] = (x[-1], y[-1], 0)
    points[list(LANDMARKS), 0], points[list(LANDMARKS), 1] = x[:-1], y[:-1]
    return Mesh(points, 1.0)


def values(pose: HeadPose | None) -> tuple[float, float, float]:
    assert pose is not None
    return pose.yaw, pose.pitch, pose.roll


def test_the_signs_are_the_persons_left_up_and_the_left_shoulder():
    # A head turned to its left shows its nose tip (landmark 4) on the right of the picture, and so on.
    nose = LANDMARKS.index(4)
    left_eye, right_eye = LANDMARKS.index(263), LANDMARKS.index(33)

    assert looking(30, 0, 0)[nose, 0] > 0
    assert looking(0, 30, 0)[nose, 1] > looking(0, 0, 0)[nose, 1]
    assert looking(0, 0, 30)[left_eye, 1] < looking(0, 0, 30)[right_eye, 1]

    assert values(head_pose(pictured(looking(30, 0, 0), distance=60, focal=1.0), 640))[0] > 25
    assert values(head_pose(pictured(looking(0, 30, 0), distance=60, focal=1.0), 640))[1] > 25
    assert values(head_pose(pictured(looking(0, 0, 30), distance=60, focal=1.0), 640))[2] > 25


@given(angles, st.floats(40, 150))
def test_a_pose_is_recovered_from_its_picture(pose: tuple[float, float, float], distance: float):
    mesh = pictured(looking(*pose), distance=distance, focal=FOCAL_LENGTH)

    # The line of sight goes to the middle of the face as it appears, not to the origin of the model.
    np.testing.assert_allclose(values(head_pose(mesh, 640)), pose, atol=6)


@given(angles, st.floats(0.6, 2.0))
def test_a_wrong_focal_length_costs_few_degrees(pose: tuple[float, float, float], focal: float):
    mesh = pictured(looking(*pose), distance=60, focal=focal)

    np.testing.assert_allclose(values(head_pose(mesh, 640)), pose, atol=10)


@given(angles, st.floats(0, 640), st.floats(0, 480))
def test_where_in_the_frame_the_face_is_makes_no_difference(pose: tuple[float, float, float], x: float, y: float):
    here = pictured(looking(*pose), distance=60, focal=1.0)
    there = pictured(looking(*pose), distance=60, focal=1.0, middle=(x, y))

    np.testing.assert_allclose(values(head_pose(there, 640)), values(head_pose(here, 640)), atol=0.1)


@given(angles)
def test_a_mirrored_face_looks_the_other_way(pose: tuple[float, float, float]):
    yaw, pitch, roll = pose
    one = values(head_pose(pictured(looking(yaw, pitch, roll), distance=60, focal=1.0), 640))
    other = values(head_pose(pictured(looking(-yaw, pitch, -roll), distance=60, focal=1.0), 640))

    np.testing.assert_allclose((-other[0], other[1], -other[2]), one, atol=0.1)


def test_points_that_no_head_explains_have_no_pose():
    assert head_pose(Mesh(np.full((468, 3), 50, np.float32), 1.0), 640) is None


def test_the_canonical_face_is_symmetric():
    mirrored = CANONICAL * (-1, 1, 1)

    assert {tuple(point) for point in CANONICAL.round(6)} == {tuple(point) for point in (mirrored + 0.0).round(6)}


def test_portraits_look_about_into_the_camera(models, portraits):
    for name, portrait in portraits.items():
        yaw, pitch, roll = values(real_pose(models, portrait))
        assert abs(yaw) < 15, name
        assert abs(pitch) < 20, name
        assert abs(roll) < 10, name


def test_a_tipped_picture_tips_the_pose(models, webcam):
    upright = values(real_pose(models, webcam(width=200)))

    for turn in (-30, 30):
        yaw, pitch, roll = values(real_pose(models, webcam(width=200, turn=turn)))
        assert roll - upright[2] == pytest.approx(turn, abs=4)
        assert yaw == pytest.approx(upright[0], abs=8)
        assert pitch == pytest.approx(upright[1], abs=8)


def test_a_mirrored_picture_turns_yaw_and_roll_about(models, portraits):
    for name, portrait in portraits.items():
        one = values(real_pose(models, portrait))
        other = values(real_pose(models, np.ascontiguousarray(portrait[:, ::-1])))
        np.testing.assert_allclose((-other[0], other[1], -other[2]), one, atol=4, err_msg=name)


def real_pose(models, pixels) -> HeadPose | None:
    frame = frame_of(pixels)
    face_mesh = FaceMesh(models.landmarks)
    detection = Detector(models.detector).find(frame)[0]
    return head_pose(face_mesh.see(frame, roi_of_detection(detection, face_mesh.roi_scale)), max(pixels.shape[:2]))
