from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from edge.config.quality import QualityLimits
from edge.contracts.enums import QualityFailure
from edge.frames.frame import LightState
from edge.vision.crops import cut_box
from edge.vision.pipeline import FaceVision
from tests.vision.scene import Bundle, Counted, frame_of, sequence


def test_a_good_frame_is_judged_by_every_network(counted, webcam):
    evidence = FaceVision(counted).see(frame_of(webcam(), sequence=4, at=1.5))

    assert (evidence.sequence, evidence.captured_at) == (4, 1.5)
    assert evidence.faces == 1
    assert evidence.failures == ()
    assert [score.network for score in evidence.pad] == ["scripted"]
    assert evidence.pose is not None
    assert 0 <= evidence.eyes_open <= 1
    assert 0 < evidence.quality <= 1


def test_looking_without_judging_leaves_the_networks_out(counted, webcam):
    evidence = FaceVision(counted).see(frame_of(webcam()), judge=False)

    assert evidence.pad == ()
    assert evidence.failures == ()
    assert evidence.quality > 0
    assert counted.pad[0].fed == []


def test_no_network_judges_a_frame_in_light_that_changes(counted, webcam):
    evidence = FaceVision(counted).see(replace(frame_of(webcam()), light=LightState(settled=False)))

    assert evidence.quality > 0
    assert evidence.pad == ()
    assert counted.pad[0].fed == []


def test_a_frame_that_fails_is_not_judged(counted, webcam):
    FaceVision(counted).see(frame_of(webcam(x=45)))

    assert counted.pad[0].fed == []


def test_a_glance_runs_the_detector_once_and_nothing_else(counted, webcam):
    vision = FaceVision(counted)
    share = vision.glance(frame_of(webcam(width=150)))

    assert share == pytest.approx(150 / 480, rel=0.35)
    assert counted.detector.runs == 1
    assert counted.landmarks.runs == 0
    assert counted.pad[0].fed == []
    assert vision.landmarks is None


def test_a_glance_sees_nobody_in_an_empty_picture_nor_a_face_too_small_to_be_judged(counted, webcam):
    assert FaceVision(counted).glance(frame_of(np.full((480, 640, 3), 90, np.uint8))) is None
    strict = FaceVision(counted, QualityLimits(min_face_pixels=400))
    assert strict.glance(frame_of(webcam(width=150))) is None


def test_the_limits_are_the_callers(counted, webcam):
    strict = FaceVision(counted, QualityLimits(min_face_pixels=200))

    assert strict.see(frame_of(webcam(width=150))).failures == (QualityFailure.TOO_FAR,)


def test_the_real_networks_judge_a_portrait(models, portraits):
    evidence = FaceVision(models).see(frame_of(portraits["P001"], still=True))

    assert [score.network for score in evidence.pad] == [model.id for model in models.pad]
    assert all(np.isfinite(score.margin) for score in evidence.pad)


def test_the_network_sees_the_crop_of_the_box_that_is_reported(counted, webcam):
    pixels = webcam(width=100)
    vision = FaceVision(counted)

    for number in range(2):  # detected, then tracked
        evidence = vision.see(frame_of(pixels, sequence=number, at=number / 30))
        rule = counted.pad[0].manifest.crop
        np.testing.assert_array_equal(counted.pad[0].fed[-1], cut_box(pixels, rule, evidence.box, (80, 80)))


@pytest.mark.parametrize("settled", [True, False])
def test_the_state_of_the_lights_and_of_the_source_is_passed_on(counted, webcam, settled):
    frame = replace(frame_of(webcam(), still=True), light=LightState(settled=settled))
    nothing = replace(frame, pixels=np.zeros((48, 64, 3), np.uint8))

    for seen in (FaceVision(counted).see(frame), FaceVision(counted).see(nothing)):
        assert seen.lit_settled is settled
        assert seen.still


def test_the_same_frames_give_the_same_evidence(models, webcam):
    pictures = [webcam(x=300 + 4 * n) for n in range(5)]
    vision = FaceVision(models)

    first = [vision.see(frame) for frame in sequence(pictures)]
    vision.reset()
    second = [vision.see(frame) for frame in sequence(pictures)]

    assert first == second


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (16, 16), (4000, 30)])
def test_frames_of_any_shape_are_seen(counted, size):
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)

    assert FaceVision(counted).see(frame_of(noise)).failures


def test_a_stopwatch_sees_every_run_of_every_network(counted, webcam):
    runs: Counter[str] = Counter()

    @contextmanager
    def stopwatch(stage: str) -> Iterator[None]:
        runs[stage] += 1
        yield

    vision = FaceVision(counted, timer=stopwatch)
    for frame in sequence([webcam(), webcam(), np.zeros((480, 640, 3), np.uint8), webcam()]):
        vision.see(frame)

    assert runs["detector"] == counted.detector.runs
    assert runs["landmarks"] == counted.landmarks.runs
    assert runs["pad.scripted"] == len(counted.pad[0].fed) == 3
    assert runs["quality"] == 3


def test_a_video_of_a_person_is_judged_frame_by_frame(models, webcam):
    """A head that sways as people do loses no frame."""
    bundle = Bundle(Counted(models.detector), Counted(models.landmarks), models.pad)
    vision = FaceVision(bundle)
    pictures = [
        webcam(width=150 + 5 * np.sin(n / 4), x=320 + 12 * np.sin(n / 6), turn=3 * np.sin(n / 5)) for n in range(30)
    ]

    seen = [vision.see(frame) for frame in sequence(pictures, fps=15)]

    assert [evidence.failures for evidence in seen] == [()] * 30
    assert {evidence.track for evidence in seen} == {1}
    assert bundle.detector.runs == 4  # every half second
