from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from edge.contracts.enums import CaptureKind, QualityFailure
from edge.frames.frame import ColourOrder, Frame
from edge.liveness.evidence import FaceBox, FrameEvidence
from edge.session.best_picture import MARGIN, MAX_SIDE, BestPicture

MOST = 180 * 1024
BOX = FaceBox(200, 150, 200, 240)


def frame(value, *, colour=ColourOrder.BGR, size=(640, 640)):
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[:] = value
    return Frame(pixels, colour, 0, 0.0, CaptureKind.LIVE)


def evidence(quality, **changes):
    return replace(FrameEvidence(0, 0.0, 1, BOX, quality=quality, track=1), **changes)


def opened(best):
    picture = best.picture(MOST)
    return None if picture is None else cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_the_frame_of_the_highest_quality_is_kept_cut_around_the_face():
    best = BestPicture()
    for value, quality in ((50, 0.3), (100, 0.8), (200, 0.5)):
        best.saw(frame(value), evidence(quality))
    image = opened(best)
    assert abs(float(image.mean()) - 100) < 2
    assert image.shape == (round((1 + 2 * MARGIN) * BOX.height), round((1 + 2 * MARGIN) * BOX.width), 3)
    assert best.picture(MOST).quality == 0.8


def test_a_frame_that_may_not_be_judged_and_one_under_changing_light_are_passed_over():
    best = BestPicture()
    best.saw(frame(50), evidence(0.9, failures=(QualityFailure.BLURRED,)))
    best.saw(frame(50), evidence(0.9, lit_settled=False))
    best.saw(frame(50), evidence(0.0, box=None, track=0))
    assert best.picture(MOST) is None


def test_another_face_begins_anew():
    best = BestPicture()
    best.saw(frame(50), evidence(0.9))
    best.saw(frame(200), evidence(0.4, track=2))
    assert abs(float(opened(best).mean()) - 200) < 2


def test_colours_are_as_they_were_in_either_order():
    for colour, blue in ((ColourOrder.BGR, 0), (ColourOrder.RGB, 2)):
        best = BestPicture()
        value = np.zeros(3, np.uint8)
        value[blue] = 200
        best.saw(frame(value, colour=colour), evidence(0.9))
        b, g, r = opened(best).reshape(-1, 3).mean(axis=0)
        assert b > 150
        assert g < 50
        assert r < 50


def test_a_face_that_fills_a_large_frame_is_made_smaller_and_fits_a_message():
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (1080, 1920, 3), np.uint8)
    best = BestPicture()
    large = Frame(pixels, ColourOrder.BGR, 0, 0.0, CaptureKind.LIVE)
    best.saw(large, evidence(0.9, box=FaceBox(300, 0, 1000, 1080)))
    picture = best.picture(MOST)
    assert max(opened(best).shape) == MAX_SIDE
    assert len(picture.jpeg) <= MOST


def test_what_cannot_be_made_small_enough_is_no_picture():
    best = BestPicture()
    best.saw(frame(50), evidence(0.9))
    assert best.picture(100) is None


def test_the_jpeg_tells_nothing_but_the_picture():
    best = BestPicture()
    best.saw(frame(50), evidence(0.9))
    jpeg = best.picture(MOST).jpeg
    assert b"Exif" not in jpeg
    assert b"http" not in jpeg
    assert "jpeg" not in repr(best.picture(MOST))


def test_what_is_forgotten_is_overwritten():
    best = BestPicture()
    best.saw(frame(50), evidence(0.9))
    crop = best._crop
    best.forget()
    assert not crop.any()
    assert best.picture(MOST) is None
