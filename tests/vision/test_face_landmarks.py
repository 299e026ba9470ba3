from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from edge.errors import ModelError
from edge.frames.frame import ColourOrder
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import centre, overlap, square
from edge.vision.detector import Detection, Detector
from edge.vision.landmarks import (
    LEFT_EYE_OUTER,
    LIP_LOWER,
    NOSE_TIP,
    RIGHT_EYE_OUTER,
    FaceMesh,
    Mesh,
    Roi,
    box_of_mesh,
    five_points,
    roi_of_detection,
    roi_of_mesh,
)
from tests.vision.scene import Scripted, frame_of

PRESENT = np.full((1, 1, 1, 1), 10, np.float32)


def mesh_of(models, frame) -> Mesh:
    detection = Detector(models.detector).find(frame)[0]
    face_mesh = FaceMesh(models.landmarks)
    return face_mesh.see(frame, roi_of_detection(detection, face_mesh.roi_scale))


def detection(box: FaceBox, right_eye: tuple[float, float], left_eye: tuple[float, float]) -> Detection:
    points = np.zeros((6, 2), np.float32)
    points[0], points[1] = right_eye, left_eye
    return Detection(box, points, 0.9)


def test_the_region_of_a_detection_is_larger_and_brings_the_eyes_level():
    roi = roi_of_detection(detection(FaceBox(100, 50, 80, 80), (110, 80), (150, 120)), 1.5)

    assert (roi.x, roi.y, roi.side) == (140, 90, 120)
    assert math.degrees(roi.angle) == pytest.approx(45)


def test_the_region_of_a_mesh_is_about_its_extent():
    points = np.zeros((468, 3), np.float32)
    points[:, :2] = (60, 60)
    points[0, :2], points[1, :2] = (20, 40), (100, 180)
    points[RIGHT_EYE_OUTER, :2], points[LEFT_EYE_OUTER, :2] = (40, 70), (80, 70)

    assert roi_of_mesh(Mesh(points, 1.0), 1.5) == Roi(60, 110, 210, 0.0)


def test_landmarks_are_brought_back_to_the_frame(manifests):
    raw = np.zeros((1, 1, 1, 1404), np.float32)
    raw[..., :9] = (96, 96, 0, 192, 96, 10, 96, 192, -10)
    face_mesh = FaceMesh(Scripted(manifests["landmarks"], [raw, PRESENT]))

    # Twice the input's size, turned a quarter so that the region's right is the frame's down.
    mesh = face_mesh.see(frame_of(np.zeros((480, 640, 3), np.uint8)), Roi(300, 200, 384, math.pi / 2))

    np.testing.assert_allclose(mesh.points[:3], [[300, 200, 0], [300, 392, 20], [108, 200, -20]], atol=1e-3)


def test_the_network_sees_what_lies_in_the_region(manifests):
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[100:196, 300:396] = (10, 20, 30)  # BGR; the region's upper left quarter
    network = Scripted(manifests["landmarks"], [np.zeros((1, 1, 1, 1404), np.float32), PRESENT])

    FaceMesh(network).see(frame_of(pixels), Roi(396, 196, 192, 0.0))

    assert (network.fed[0][:96, :96] == (30, 20, 10)).all()
    assert not network.fed[0][96:].any()
    assert not network.fed[0][:, 96:].any()


def test_pixels_are_sampled_at_their_middle(manifests):
    columns = np.broadcast_to(np.minimum(np.arange(640), 255).astype(np.uint8)[None, :, None], (640, 640, 3))
    network = Scripted(manifests["landmarks"], [np.zeros((1, 1, 1, 1404), np.float32), PRESENT])

    FaceMesh(network).see(frame_of(np.ascontiguousarray(columns)), Roi(288, 288, 576, 0.0))

    # One pixel of the input covers three of the frame; the middle one is its middle.
    np.testing.assert_array_equal(network.fed[0][50, :60, 0], np.arange(60) * 3 + 1)


def test_the_region_is_black_beside_the_frame(manifests):
    network = Scripted(manifests["landmarks"], [np.zeros((1, 1, 1, 1404), np.float32), PRESENT])

    FaceMesh(network).see(frame_of(np.full((192, 192, 3), 90, np.uint8)), Roi(0, 96, 192, 0.0))

    assert not network.fed[0][:, :95].any()
    assert (network.fed[0][:, 97:] == 90).all()


@pytest.mark.parametrize(("logit", "presence"), [(0.0, 0.5), (2.0, 0.8808), (1e30, 1.0), (-1e30, 0.0)])
def test_presence_is_a_probability(manifests, logit, presence):
    outputs = [np.zeros((1, 1, 1, 1404), np.float32), np.full((1, 1, 1, 1), logit, np.float32)]
    mesh = FaceMesh(Scripted(manifests["landmarks"], outputs)).see(
        frame_of(np.zeros((48, 48, 3), np.uint8)), Roi(24, 24, 40, 0.0)
    )

    assert mesh.presence == pytest.approx(presence, abs=1e-4)


def test_landmarks_that_are_no_numbers_are_no_face(manifests):
    outputs = [np.full((1, 1, 1, 1404), np.nan, np.float32), PRESENT]
    mesh = FaceMesh(Scripted(manifests["landmarks"], outputs)).see(
        frame_of(np.zeros((48, 48, 3), np.uint8)), Roi(24, 24, 40, 0.0)
    )

    assert mesh.presence == 0


def test_eyes_and_nose_are_where_the_detector_puts_them(models, portraits):
    for name, portrait in portraits.items():
        frame = frame_of(portrait)
        found = Detector(models.detector).find(frame)[0]
        mesh = mesh_of(models, frame)
        distance = np.linalg.norm(five_points(mesh)[:3] - found.key_points[:3], axis=1) / found.box.width
        assert mesh.presence > 0.99, name
        assert distance.max() < 0.12, name


def test_the_box_of_the_landmarks_is_the_detectors(models, portraits):
    for name, portrait in portraits.items():
        frame = frame_of(portrait)
        assert overlap(box_of_mesh(mesh_of(models, frame)), Detector(models.detector).find(frame)[0].box) > 0.8, name


def test_a_mirrored_picture_has_mirrored_landmarks(models, webcam):
    pixels = webcam(width=200)
    mesh = mesh_of(models, frame_of(pixels))
    mirrored = mesh_of(models, frame_of(np.ascontiguousarray(pixels[:, ::-1])))

    for index, partner in ((RIGHT_EYE_OUTER, LEFT_EYE_OUTER), (NOSE_TIP, NOSE_TIP), (LIP_LOWER, LIP_LOWER)):
        x, y, _ = mesh.points[index]
        np.testing.assert_allclose(mirrored.points[partner, :2], (640 - x, y), atol=6)


@pytest.mark.parametrize("turn", [-40, -20, 20, 40])
def test_a_turned_face_has_turned_landmarks(models, webcam, turn):
    upright = mesh_of(models, frame_of(webcam(width=180)))
    turned = mesh_of(models, frame_of(webcam(width=180, turn=turn)))

    matrix = cv2.getRotationMatrix2D((320, 240), -turn, 1.0)
    expected = upright.points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    error = np.linalg.norm(turned.points[:, :2] - expected, axis=1).mean()
    assert error < 0.03 * 180


def test_tracking_settles_on_the_same_landmarks(models, webcam):
    frame = frame_of(webcam(width=180))
    face_mesh = FaceMesh(models.landmarks)
    first = mesh_of(models, frame)

    second = face_mesh.see(frame, roi_of_mesh(first, face_mesh.roi_scale))
    third = face_mesh.see(frame, roi_of_mesh(second, face_mesh.roi_scale))

    assert np.linalg.norm((third.points - second.points)[:, :2], axis=1).mean() < 0.02 * 180


def test_the_colour_order_makes_no_difference(models, webcam):
    bgr = webcam(width=180)
    rgb = np.ascontiguousarray(bgr[:, :, ::-1])

    one, other = mesh_of(models, frame_of(bgr)), mesh_of(models, frame_of(rgb, colour=ColourOrder.RGB))

    np.testing.assert_array_equal(one.points, other.points)


def test_an_empty_wall_is_no_face(models):
    wall = np.random.default_rng(0).integers(90, 130, (240, 320, 3)).astype(np.uint8)

    assert FaceMesh(models.landmarks).see(frame_of(wall), Roi(160, 120, 150, 0.0)).presence < 0.1


def test_the_five_points_are_the_eyes_the_nose_and_the_mouths_corners():
    points = np.zeros((468, 3), np.float32)
    points[33], points[133] = (10, 20, 1), (30, 22, 2)
    points[362], points[263] = (50, 22, 1), (70, 20, 2)
    points[4], points[61], points[291] = (40, 40, 9), (25, 60, 3), (55, 60, 3)

    np.testing.assert_allclose(five_points(Mesh(points, 1.0)), [(20, 21), (60, 21), (40, 40), (25, 60), (55, 60)])


def test_boxes_are_squares_about_their_middle():
    assert centre(square(10, 20, 8)) == (10, 20)


def test_a_landmark_network_of_another_kind_is_refused(manifests):
    manifest = manifests["landmarks"]
    longer = tuple(
        o.model_copy(update={"shape": (1, 1, 1, 1434)}) if "landmarks" in o.meaning else o for o in manifest.outputs
    )

    with pytest.raises(ModelError, match="last sizes must be"):
        FaceMesh(Scripted(manifest.model_copy(update={"outputs": longer})))
    with pytest.raises(ModelError, match="wants a crop"):
        FaceMesh(Scripted(manifests["detector"]))
