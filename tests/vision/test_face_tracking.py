from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from edge.contracts.enums import QualityFailure
from edge.vision.detector import ANCHORS, Detector
from edge.vision.pipeline import FaceVision
from edge.vision.tracking import LOOK_AROUND_FRAMES
from tests.vision.scene import Bundle, Counted, Scripted, frame_of, placed, sequence

BLANK = np.full((480, 640, 3), 110, np.uint8)


def test_the_detector_rests_while_the_face_is_tracked(counted, webcam):
    vision = FaceVision(counted)
    pictures = [webcam(x=300 + 3 * n) for n in range(12)]

    seen = [vision.see(frame) for frame in sequence(pictures)]

    assert [evidence.track for evidence in seen] == [1] * 12
    assert counted.detector.runs == 1
    assert counted.landmarks.runs == 12


def test_the_box_follows_the_face(counted, webcam):
    vision = FaceVision(counted)
    seen = [vision.see(frame) for frame in sequence([webcam(x=250 + 8 * n, y=200 + 4 * n) for n in range(14)])]

    for n, evidence in enumerate(seen):
        assert evidence.box.left + evidence.box.width / 2 == pytest.approx(250 + 8 * n, abs=12)
        assert evidence.box.width == pytest.approx(150, rel=0.15)


def test_the_detector_looks_around_twice_a_second(counted, webcam):
    vision = FaceVision(counted)

    for number in range(11):
        vision.see(frame_of(webcam(), sequence=number, at=number * 0.1))

    assert counted.detector.runs == 3  # at 0.0, 0.5 and 1.0


def test_the_detector_looks_around_though_the_clock_stands_still(counted, webcam):
    vision = FaceVision(counted)

    for number in range(LOOK_AROUND_FRAMES + 1):
        vision.see(frame_of(webcam(), sequence=number, at=7.0))

    assert counted.detector.runs == 2


def test_a_face_that_goes_is_no_face_and_a_face_that_comes_is_a_new_track(counted, webcam):
    vision = FaceVision(counted)

    seen = [vision.see(frame) for frame in sequence([webcam(), webcam(), BLANK, BLANK, webcam(), webcam()])]

    assert [evidence.faces for evidence in seen] == [1, 1, 0, 0, 1, 1]
    assert [evidence.track for evidence in seen] == [1, 1, 0, 0, 2, 2]
    assert seen[2].failures == (QualityFailure.NO_FACE,)
    assert seen[2].box is None
    assert counted.detector.runs == 1 + 3 + 3 + 1


def test_a_cut_to_a_face_elsewhere_is_a_new_track(counted, webcam):
    vision = FaceVision(counted)
    here, there = webcam("P001", x=180), webcam("P002", x=470)

    seen = [vision.see(frame) for frame in sequence([here, here, there, there])]

    assert [evidence.track for evidence in seen] == [1, 1, 2, 2]
    assert seen[2].box.left > 320
    assert QualityFailure.MOVING not in seen[2].failures


def test_a_quick_move_keeps_the_track_and_is_movement(counted, webcam):
    vision = FaceVision(counted)

    seen = [vision.see(frame) for frame in sequence([webcam(x=300), webcam(x=300), webcam(x=340), webcam(x=340)])]

    assert [evidence.track for evidence in seen] == [1] * 4
    assert [QualityFailure.MOVING in evidence.failures for evidence in seen] == [False, False, True, False]


def test_the_same_move_in_more_time_is_no_failure(counted, webcam):
    vision = FaceVision(counted)

    seen = [vision.see(frame) for frame in sequence([webcam(x=300), webcam(x=340)], fps=5)]

    assert seen[1].failures == ()


def test_stills_are_each_their_own(counted, webcam):
    vision = FaceVision(counted)

    seen = [vision.see(frame_of(webcam(x=x), still=True)) for x in (300, 335, 335)]

    assert counted.detector.runs == 3
    assert [evidence.track for evidence in seen] == [1, 2, 3]
    assert all(evidence.still and not evidence.failures for evidence in seen)


def test_a_still_among_frames_is_its_own(counted, webcam):
    vision = FaceVision(counted)
    frames = [frame_of(webcam(), sequence=n, at=n / 30, still=n == 1) for n in range(3)]

    assert [vision.see(frame).track for frame in frames] == [1, 2, 3]


def test_landmarks_that_jump_are_checked_by_the_detector(manifests):
    found, boxes = np.full((1, ANCHORS, 1), -10, np.float32), np.zeros((1, ANCHORS, 16), np.float32)
    found[0, 512 + 6 * 27] = 4  # the cell (3, 3) of 8 x 8, about the middle
    boxes[..., 2:4] = 40
    detector = Scripted(manifests["detector"], [boxes, found])
    grid = np.stack(np.meshgrid(np.linspace(30, 160, 26), np.linspace(30, 160, 18)), axis=-1).reshape(-1, 2)
    shifts = iter([0, 0, 120, 0, 0])

    def landmarks(_):
        raw = np.zeros((468, 3), np.float32)
        raw[:, :2] = grid + next(shifts)
        return raw.reshape(1, 1, 1, 1404), np.full((1, 1, 1, 1), 5, np.float32)

    vision = FaceVision(Bundle(detector, Scripted(manifests["landmarks"], answer=landmarks)))
    seen = [vision.see(frame_of(BLANK, sequence=n, at=n / 30)) for n in range(4)]

    assert len(detector.fed) == 2  # at first, and for the jump in the third frame
    assert [evidence.faces for evidence in seen] == [1] * 4


def test_a_frame_of_another_size_begins_anew(counted, webcam):
    vision = FaceVision(counted)

    vision.see(frame_of(webcam()))
    evidence = vision.see(frame_of(webcam(size=(320, 240)), sequence=1, at=0.03))

    assert evidence.track == 2
    assert counted.detector.runs == 2


def test_a_reset_forgets_the_face(counted, webcam):
    vision = FaceVision(counted)
    vision.see(frame_of(webcam()))

    vision.reset()
    evidence = vision.see(frame_of(webcam(), sequence=1, at=0.03))

    assert evidence.track == 1
    assert counted.detector.runs == 2


def two_people(webcam, portraits, *, width: float) -> np.ndarray:
    return placed(portraits["P002"], width=width, x=480, onto=webcam("P001", width=150, x=170))


def test_two_people_are_several_faces(counted, webcam, portraits):
    evidence = FaceVision(counted).see(frame_of(two_people(webcam, portraits, width=140)))

    assert evidence.faces == 2
    assert evidence.failures == (QualityFailure.SEVERAL_FACES,)
    assert evidence.pad == ()


def test_somebody_far_behind_does_not_count(counted, webcam, portraits):
    pixels = placed(portraits["P002"], width=90, x=530, onto=webcam("P001", width=210, x=200))
    everybody = Detector(counted.detector).find(frame_of(pixels))

    evidence = FaceVision(counted).see(frame_of(pixels))

    assert len(everybody) == 2
    assert evidence.faces == 1
    assert evidence.failures == ()


def test_somebody_who_steps_in_is_noticed_and_forgotten_again(counted, webcam, portraits):
    vision = FaceVision(counted)
    alone, crowded = webcam("P001", width=150, x=170), two_people(webcam, portraits, width=140)

    faces = [
        vision.see(frame_of(crowded if 3 <= number < 12 else alone, sequence=number, at=number * 0.1)).faces
        for number in range(18)
    ]

    assert faces[:3] == [1, 1, 1]
    assert faces[5:10] == [2] * 5
    assert faces[15:] == [1, 1, 1]


def test_the_larger_and_more_central_face_is_the_primary_one(counted, portraits, webcam):
    larger = placed(portraits["P002"], width=150, x=470, onto=webcam("P001", width=100, x=170))
    central = placed(portraits["P002"], width=100, x=320, onto=webcam("P001", width=112, x=70, y=70))

    assert FaceVision(counted).see(frame_of(larger)).box.left > 320
    assert FaceVision(counted).see(frame_of(central)).box.left > 200


def test_what_the_landmarks_do_not_confirm_is_no_face(manifests):
    found = np.full((1, ANCHORS, 1), -10, np.float32)
    found[0, 300] = 4
    detector = Scripted(manifests["detector"], [np.full((1, ANCHORS, 16), 30, np.float32), found])
    absent = np.full((1, 1, 1, 1), -5, np.float32)
    landmarks = Scripted(manifests["landmarks"], [np.zeros((1, 1, 1, 1404), np.float32), absent])

    evidence = FaceVision(Bundle(detector, landmarks)).see(frame_of(BLANK))

    assert evidence.faces == 0
    assert evidence.failures == (QualityFailure.NO_FACE,)


def test_no_frame_is_kept(counted, webcam):
    vision = FaceVision(counted)
    pixels = webcam()
    alive = weakref.ref(pixels)

    evidence = vision.see(frame_of(pixels))
    del pixels
    gc.collect()

    assert evidence.faces == 1
    assert alive() is None


def test_tracked_and_detected_faces_are_cropped_alike(models, webcam):
    """Otherwise a network would score the same face differently from one frame to the next."""
    bundle = Bundle(Counted(models.detector), Counted(models.landmarks))
    for name in ("P001", "P004", "P007"):
        vision = FaceVision(bundle)
        detected, tracked = (vision.see(frame) for frame in sequence([webcam(name)] * 2))
        assert tracked.box.width == pytest.approx(detected.box.width, rel=0.1), name
        assert tracked.box.left == pytest.approx(detected.box.left, abs=0.08 * detected.box.width), name
        assert tracked.box.top == pytest.approx(detected.box.top, abs=0.08 * detected.box.width), name
