from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.quality import QualityLimits
from edge.contracts.enums import QualityFailure
from edge.frames.frame import ColourOrder
from edge.liveness.evidence import FaceBox, HeadPose
from edge.vision.landmarks import Mesh
from edge.vision.pipeline import FaceVision
from edge.vision.quality import (
    Measures,
    eyes_open,
    face_speed,
    failures,
    measure,
    score,
)
from tests.vision.scene import Bundle, frame_of, sequence

LIMITS = QualityLimits()
GOOD = Measures(
    others=0,
    face_pixels=150,
    face_share=0.3,
    off_centre=0.05,
    visible=1.0,
    eyes_inside=True,
    mouth_inside=True,
    speed=0.1,
    pose=HeadPose(2, -3, 1),
    luma=110,
    clipped=0.01,
    sharpness=1.2,
)

CAUSES = {
    QualityFailure.SEVERAL_FACES: {"others": 1},
    QualityFailure.TOO_FAR: {"face_pixels": 47.9},
    QualityFailure.TOO_CLOSE: {"face_share": 1.01},
    QualityFailure.OFF_CENTRE: {"off_centre": 0.41},
    QualityFailure.NOT_FRONTAL: {"pose": HeadPose(36, 0, 0)},
    QualityFailure.MOVING: {"speed": 3.1},
    QualityFailure.TOO_BRIGHT: {"clipped": 0.41},
    QualityFailure.TOO_DARK: {"luma": 19.9},
    QualityFailure.BLURRED: {"sharpness": 0.149},
}


def test_a_good_frame_has_no_failure():
    assert failures(GOOD, LIMITS) == ()


@pytest.mark.parametrize(("failure", "cause"), CAUSES.items())
def test_each_failure_has_exactly_its_cause(failure, cause):
    assert failures(replace(GOOD, **cause), LIMITS) == (failure,)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"face_share": 0.09}, QualityFailure.TOO_FAR),
        ({"visible": 0.79}, QualityFailure.OFF_CENTRE),
        ({"visible": 0.79, "face_share": 0.9}, QualityFailure.TOO_CLOSE),
        ({"pose": HeadPose(-36, 0, 0)}, QualityFailure.NOT_FRONTAL),
        ({"pose": HeadPose(0, 31, 0)}, QualityFailure.NOT_FRONTAL),
        ({"pose": HeadPose(0, -31, 0)}, QualityFailure.NOT_FRONTAL),
        ({"pose": HeadPose(0, 0, 36)}, QualityFailure.NOT_FRONTAL),
        ({"pose": None}, QualityFailure.NOT_FRONTAL),
    ],
)
def test_other_causes_of_a_failure(change, expected):
    assert failures(replace(GOOD, **change), LIMITS) == (expected,)


@pytest.mark.parametrize(
    ("part", "failure"),
    [("eyes_inside", QualityFailure.EYES_NOT_VISIBLE), ("mouth_inside", QualityFailure.MOUTH_NOT_VISIBLE)],
)
def test_a_region_outside_the_frame_is_named_after_what_to_do_about_it(part, failure):
    aside = replace(GOOD, **{part: False})

    assert failures(aside, LIMITS) == (QualityFailure.OFF_CENTRE, failure)
    assert failures(replace(aside, face_share=0.95), LIMITS) == (QualityFailure.TOO_CLOSE, failure)


def test_movement_that_cannot_be_told_is_no_failure():
    assert failures(replace(GOOD, speed=None), LIMITS) == ()


def test_every_limit_can_be_changed():
    # Without validation: beyond what a site may set.
    loose = QualityLimits.model_construct(
        min_face_pixels=1,
        min_face_share=0,
        max_face_share=9,
        max_off_centre=1,
        min_visible=0,
        max_speed=99,
        max_yaw=180,
        max_pitch=180,
        max_roll=180,
        max_clipped=1,
        min_luma=0,
        min_sharpness=0,
    )
    for failure, cause in CAUSES.items():
        if failure is not QualityFailure.SEVERAL_FACES:
            assert failures(replace(GOOD, **cause), loose) == (), failure


def test_the_most_useful_to_tell_comes_first():
    everything = {name: value for cause in CAUSES.values() for name, value in cause.items()}
    found = failures(replace(GOOD, **everything), LIMITS)

    assert found[0] is QualityFailure.SEVERAL_FACES
    assert found[1] is QualityFailure.TOO_FAR
    assert found[-1] is QualityFailure.BLURRED
    assert len(found) == len(set(found)) == len(CAUSES)


measures = st.builds(
    Measures,
    others=st.integers(0, 3),
    face_pixels=st.floats(1, 2000),
    face_share=st.floats(0, 3),
    off_centre=st.floats(0, 2),
    visible=st.floats(0, 1),
    eyes_inside=st.booleans(),
    mouth_inside=st.booleans(),
    speed=st.none() | st.floats(0, 100),
    pose=st.none() | st.builds(HeadPose, st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180)),
    luma=st.floats(0, 255),
    clipped=st.floats(0, 1),
    sharpness=st.floats(0, 10),
)


@given(measures)
def test_the_score_stays_within_its_range(anything: Measures):
    assert 0 <= score(anything, LIMITS) <= 1


@pytest.mark.parametrize(
    "worse",
    [
        {"face_pixels": 60},
        {"pose": HeadPose(20, 0, 0)},
        {"pose": HeadPose(0, 0, -20)},
        {"sharpness": 0.3},
        {"luma": 50},
        {"clipped": 0.2},
        {"speed": 1.0},
    ],
)
def test_a_worse_frame_ranks_lower(worse):
    assert score(replace(GOOD, **worse), LIMITS) < score(GOOD, LIMITS)


def see(models_bundle, pixels):
    return FaceVision(models_bundle).see(frame_of(pixels))


def dimmed(pixels, light: float):
    """As if ``light`` times as much of it fell on the scene (sRGB taken as a power of 2.2)."""
    return (np.clip((pixels / 255.0) ** 2.2 * light, 0, 1) ** (1 / 2.2) * 255).round().astype(np.uint8)


def test_a_webcams_frame_is_good(counted, webcam):
    evidence = see(counted, webcam())

    assert evidence.failures == ()
    assert 0.5 < evidence.quality <= 1


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (480, 640), (1280, 720)])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_faces_of_many_sizes_may_be_judged(counted, webcam, size, share):
    assert see(counted, webcam(width=share * min(size), size=size)).failures == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: dimmed(p, 0.15),
        lambda p: dimmed(p, 1.5),
        lambda p: cv2.GaussianBlur(p, (0, 0), 2),
        lambda p: np.clip(p + np.random.default_rng(1).normal(0, 12, p.shape), 0, 255).astype(np.uint8),
        lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 25])[1], cv2.IMREAD_COLOR),
    ],
    ids=["dim", "bright", "soft", "noisy", "compressed"],
)
def test_a_poor_camera_is_no_failure(counted, webcam, spoil):
    assert see(counted, spoil(webcam())).failures == ()


@pytest.mark.parametrize(
    ("failure", "make"),
    [
        (QualityFailure.NO_FACE, lambda _: np.full((480, 640, 3), 110, np.uint8)),
        (QualityFailure.TOO_FAR, lambda webcam: webcam(width=36, size=(320, 240))),
        (QualityFailure.TOO_CLOSE, lambda webcam: webcam(width=570)),
        (QualityFailure.OFF_CENTRE, lambda webcam: webcam(x=45)),
        (QualityFailure.OFF_CENTRE, lambda webcam: webcam(y=25)),
        (QualityFailure.NOT_FRONTAL, lambda webcam: webcam(turn=48)),
        (QualityFailure.BLURRED, lambda webcam: cv2.GaussianBlur(webcam(), (0, 0), 6)),
        (QualityFailure.TOO_DARK, lambda webcam: dimmed(webcam(), 0.01)),
        (QualityFailure.TOO_BRIGHT, lambda webcam: dimmed(webcam(), 8)),
    ],
)
def test_a_frame_shows_its_failure_first(counted, webcam, failure, make):
    evidence = see(counted, make(webcam))

    assert evidence.failures[0] is failure
    assert evidence.quality == 0
    assert evidence.pad == ()


def test_a_face_that_leaves_the_frame_at_the_bottom_has_no_mouth(counted, webcam):
    evidence = see(counted, webcam(width=200, y=462))

    assert evidence.failures[0] is QualityFailure.OFF_CENTRE
    assert QualityFailure.MOUTH_NOT_VISIBLE in evidence.failures
    assert QualityFailure.EYES_NOT_VISIBLE not in evidence.failures


def test_the_sharper_the_better(counted, webcam):
    qualities = [
        see(counted, cv2.GaussianBlur(webcam(), (0, 0), sigma) if sigma else webcam()).quality for sigma in (0, 1.5, 3)
    ]

    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > qualities[-1]


def test_dimness_is_not_taken_for_blur(webcam):
    mesh, box = _flat_mesh(), FaceBox(245, 165, 150, 150)

    def sharpness(pixels) -> float:
        return measure(frame_of(pixels), mesh, box, None, others=0, speed=None).sharpness

    assert sharpness(dimmed(webcam(), 0.1)) == pytest.approx(sharpness(webcam()), rel=0.3)
    assert sharpness(cv2.GaussianBlur(webcam(), (0, 0), 3)) < 0.5 * sharpness(webcam())


def test_light_is_measured_on_the_face_alone():
    pixels = np.full((480, 640, 3), 255, np.uint8)
    pixels[140:340, 230:410] = 60

    dark = measure(frame_of(pixels), _flat_mesh(), FaceBox(245, 165, 150, 150), None, others=0, speed=None)
    bright = measure(frame_of(255 - pixels), _flat_mesh(), FaceBox(245, 165, 150, 150), None, others=0, speed=None)

    assert (dark.luma, dark.clipped) == (pytest.approx(60), 0)
    assert (bright.luma, bright.clipped) == (pytest.approx(195), 0)


def test_clipped_is_the_share_of_white_on_the_face():
    pixels = np.full((480, 640, 3), 100, np.uint8)
    pixels[:, :320] = 255

    found = measure(frame_of(pixels), _flat_mesh(), FaceBox(245, 165, 150, 150), None, others=0, speed=None)

    assert found.clipped == pytest.approx(0.5, abs=0.05)


def test_a_flat_face_is_not_sharp():
    found = measure(
        frame_of(np.full((480, 640, 3), 100, np.uint8)),
        _flat_mesh(),
        FaceBox(245, 165, 150, 150),
        None,
        others=0,
        speed=None,
    )

    assert found.sharpness == 0


def test_luma_knows_the_colour_order():
    red = np.zeros((480, 640, 3), np.uint8)
    red[:, :, 2] = 255
    mesh, box = _flat_mesh(), FaceBox(245, 165, 150, 150)

    as_bgr = measure(frame_of(red), mesh, box, None, others=0, speed=None)
    as_rgb = measure(frame_of(red, colour=ColourOrder.RGB), mesh, box, None, others=0, speed=None)

    assert as_bgr.luma == pytest.approx(76, abs=1)
    assert as_rgb.luma == pytest.approx(29, abs=1)


def test_a_face_beside_the_frame_is_measured_without_harm():
    mesh = _flat_mesh(-1000)
    found = measure(
        frame_of(np.zeros((48, 64, 3), np.uint8)), mesh, FaceBox(-900, 0, 50, 50), None, others=0, speed=None
    )

    assert found.visible == 0
    assert not found.eyes_inside
    assert not found.mouth_inside


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(0, 0, 0.0), (64, 0, 0.1), (-128, 0, 0.2), (0, 96, 0.2), (64, -192, 0.4)]
)
def test_off_centre_is_the_larger_of_both_ways(x, y, expected):
    frame = frame_of(np.zeros((480, 640, 3), np.uint8))

    found = measure(frame, _flat_mesh(x, y), FaceBox(245 + x, 165 + y, 150, 150), None, others=0, speed=None)

    assert found.off_centre == pytest.approx(expected, abs=1e-4)


def test_visible_is_the_share_inside_the_frame():
    frame = frame_of(np.zeros((480, 640, 3), np.uint8))

    # 180 x 200 pixels, 45 columns and 50 rows of them outside.
    found = measure(frame, _flat_mesh(275, -190), FaceBox(0, 0, 150, 150), None, others=0, speed=None)

    assert found.visible == pytest.approx(0.75 * 0.75, abs=1e-3)


def test_speed_is_in_face_widths_per_second():
    before, now = _flat_mesh(), _flat_mesh(30)

    assert face_speed(before, now, 150.0, 0.1) == pytest.approx(2.0)
    assert face_speed(before, now, 150.0, 0.2) == pytest.approx(1.0)
    # Times of replayed frames are often nominal: 0.2 face widths never count as more than three a second.
    assert face_speed(before, now, 150.0, 0.001) == pytest.approx(3.0)


def test_a_head_that_comes_nearer_moves_too():
    before = _flat_mesh()
    points = before.points.copy()
    points[:, :2] = (points[:, :2] - (320, 240)) * 1.3 + (320, 240)

    assert face_speed(before, Mesh(points, 1.0), 150.0, 0.1) > 0.3


@pytest.mark.parametrize(("lid", "expected"), [(0.06, 0.0), (0.12, 0.0), (0.195, 0.5), (0.27, 1.0), (0.4, 1.0)])
def test_eyes_open_is_the_lids_distance_against_the_eyes_width(lid, expected):
    points = np.zeros((468, 3), np.float32)
    for outer, inner, uppers, lowers, x in (
        (33, 133, (160, 158), (144, 153), 0.0),
        (263, 362, (387, 385), (373, 380), 200.0),
    ):
        points[outer, 0], points[inner, 0] = x, x + 40
        for upper, lower, across in zip(uppers, lowers, (10, 30), strict=True):
            points[upper, :2] = x + across, -20 * lid
            points[lower, :2] = x + across, 20 * lid

    assert eyes_open(Mesh(points, 1.0)) == pytest.approx(expected, abs=1e-3)


def test_portraits_have_their_eyes_open(models, portraits):
    vision = FaceVision(Bundle(models.detector, models.landmarks))
    opened = [vision.see(frame_of(portrait, still=True)).eyes_open for portrait in portraits.values()]

    assert min(opened) > 0.4


def test_movement_is_measured_between_frames_of_one_track_only(counted, webcam):
    vision = FaceVision(counted)
    here, there = webcam(x=200), webcam(x=450)

    seen = [vision.see(frame) for frame in sequence([here, there, here, there], fps=4)]

    assert all(QualityFailure.MOVING not in evidence.failures for evidence in seen)


def _flat_mesh(x: float = 0.0, y: float = 0.0) -> Mesh:
    """Landmarks spread evenly over 180 x 200 pixels about (320, 240), moved by (x, y)."""
    points = np.zeros((468, 3), np.float32)
    points[:, :2] = np.random.default_rng(3).uniform((230, 140), (410, 340), (468, 2))
    points[:2, :2] = (230, 140), (410, 340)
    points[:, :2] += (x, y)
    return Mesh(points, 1.0)
