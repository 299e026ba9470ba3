from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind, EvidenceOutcome, LightLevel, QualityFailure
from edge.frames.frame import ColourOrder, Frame
from edge.liveness.evidence import FaceBox, FrameEvidence, HeadPose
from edge.session.continuity import Continuity, alone, least_alike
from tests.session.breaks import scene_of, stage_of, swapped, watched

VETO, CONFIRMED, INSUFFICIENT = EvidenceOutcome.VETO, EvidenceOutcome.CONFIRMED, EvidenceOutcome.INSUFFICIENT
RNG = np.random.default_rng(3)
TEXTURE = RNG.integers(60, 200, (160, 160, 3)).repeat(3, axis=0).repeat(3, axis=1)[:480, :480].astype(np.uint8)
MESH = np.random.default_rng(4).uniform(-80, 80, (468, 3)).astype(np.float32)
ANNA, BERT = np.eye(8, dtype=np.float32)[:2]
GRIMACE = np.array([0.4, 0, 0.84**0.5, 0, 0, 0, 0, 0], np.float32)


class Watching:
    """Frames of a face at 30 a second, each with its own noise unless it is given again."""

    def __init__(self, capture=CaptureKind.LIVE):
        self.rng = np.random.default_rng(7)
        self.capture = capture
        self.face = ANNA
        self.number = 0
        self.x = 240.0
        self.given = []
        self.looks = 0
        self.continuity = Continuity(self._embedding)

    def _embedding(self, frame):
        self.looks += 1
        return None if self.face is None else self.face.copy()

    def noisy(self):
        picture = np.roll(TEXTURE, round(self.x) - 240, axis=1).astype(np.int16)
        return (picture + self.rng.integers(-2, 3, picture.shape)).astype(np.uint8)

    def see(self, pixels=None, landmarks_at=None, dropped=0, **changes):
        at = self.x if landmarks_at is None else landmarks_at
        self.number += 1 + dropped
        pixels = self.noisy() if pixels is None else pixels
        self.given.append(pixels)
        frame = Frame(pixels, ColourOrder.BGR, self.number, self.number / 30, self.capture)
        evidence = FrameEvidence(
            self.number, self.number / 30, 1, FaceBox(at - 100, 140, 200, 200), HeadPose(0, 0, 0), track=1
        )
        evidence = replace(evidence, **changes)
        landmarks = None if evidence.box is None else MESH + np.array([at, 240, 0], np.float32)
        self.continuity.saw(frame, evidence, landmarks)
        return self.finding()

    def watch(self, frames, **changes):
        for _ in range(frames):
            found = self.see(**changes)
        return found

    def finding(self, level=LightLevel.BRIGHT):
        return self.continuity.finding(level)


def test_one_face_that_is_watched_is_confirmed():
    watching = Watching()
    found = watching.watch(60)
    assert (found.outcome, found.margin) == (CONFIRMED, 1.0)
    assert "one face without a break in 60 frames: 4 pictures of the face, 1.00 alike" in found.reason


def test_the_network_runs_twice_a_second_at_most():
    watching = Watching()
    watching.watch(60)
    assert watching.looks == 4


def test_another_face_in_the_same_place_is_a_veto():
    watching = Watching()
    watching.watch(40)
    watching.face = BERT
    assert watching.watch(15).outcome is not VETO
    found = watching.watch(30)
    assert found.outcome is VETO
    assert "another face took the place" in found.reason


def test_a_veto_stays_whoever_comes_back():
    watching = Watching()
    watching.watch(40)
    watching.face = BERT
    watching.watch(45)
    watching.face = ANNA
    assert watching.watch(200).outcome is VETO


def test_one_picture_of_somebody_else_is_no_proof_either_way():
    watching = Watching()
    watching.watch(40)
    watching.face = BERT
    watching.watch(15)
    watching.face = ANNA
    assert watching.watch(60).outcome is INSUFFICIENT


def test_a_grimace_is_no_other_face():
    watching = Watching()
    watching.watch(40)
    watching.face = GRIMACE
    found = watching.watch(40)
    assert found.outcome is INSUFFICIENT
    assert "too little for one person" in found.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"pose": HeadPose(20, 0, 0)},
        {"pose": None},
        {"lit_settled": False},
        {"failures": (QualityFailure.BLURRED,)},
    ],
    ids=["turned", "no pose", "light changing", "blurred"],
)
def test_a_face_that_is_not_well_seen_is_not_compared(changes):
    watching = Watching()
    assert watching.watch(60, **changes).outcome is INSUFFICIENT
    assert watching.looks == 0


def test_without_a_network_nothing_is_confirmed():
    watching = Watching()
    watching.face = None
    assert watching.watch(60).outcome is INSUFFICIENT


def test_least_alike_finds_the_moment_by_hand():
    assert least_alike([ANNA, ANNA, BERT, BERT], 2) == pytest.approx(0)
    assert least_alike([ANNA, BERT, BERT, BERT], 1) == pytest.approx(0)
    # (A + B) . (B + B) over their lengths: 1 / sqrt 2.
    assert least_alike([ANNA, BERT, BERT, BERT], 2) == pytest.approx(0.5**0.5)
    assert least_alike([ANNA], 1) == np.inf


def test_the_one_who_is_least_like_the_others_by_hand():
    # B . (A + A) is nothing, A . (A + B) over its length 1 / sqrt 2.
    assert alone([ANNA, BERT, ANNA]) == pytest.approx(0)
    assert alone([ANNA, ANNA]) == pytest.approx(1)
    assert alone([ANNA]) == np.inf


def test_a_picture_that_stands_still_is_a_veto():
    watching = Watching()
    watching.watch(20)
    assert watching.watch(14, pixels=watching.given[-1]).outcome is not VETO
    found = watching.watch(3, pixels=watching.given[-1])
    assert found.outcome is VETO
    assert "stands still" in found.reason


def test_a_recording_that_stands_still_may_be_its_encoder():
    watching = Watching(CaptureKind.REPLAY)
    watching.watch(40)
    found = watching.watch(20, pixels=watching.given[-1])
    assert (found.outcome, found.reason) == (INSUFFICIENT, "the recording stood still")


@pytest.mark.parametrize("capture", CaptureKind)
def test_a_picture_that_goes_round_is_a_veto(capture):
    watching = Watching(capture)
    watching.watch(20)
    for pixels in watching.given[8:12]:
        assert watching.see(pixels).outcome is not VETO
    found = watching.see(watching.given[12])
    assert found.outcome is VETO
    assert "goes round" in found.reason


def test_stale_frames_of_a_driver_are_no_loop():
    watching = Watching()
    watching.watch(20)
    for back in (3, 5, 2, 7, 3, 4, 6):
        watching.see(watching.given[-back])
        watching.watch(2)
        watching.see(watching.given[-1])
    assert watching.watch(30).outcome is CONFIRMED


def test_a_face_that_is_somewhere_else_from_one_frame_to_the_next_was_cut():
    watching = Watching()
    watching.watch(20)
    watching.x += 40
    assert watching.watch(2).outcome is not VETO
    found = watching.see()
    assert found.outcome is VETO
    assert "jumped by 0.20 of its width in 33 ms" in found.reason


def test_a_quick_head_is_not_cut():
    watching = Watching()
    watching.watch(20)
    for step in (4, 14, 28, 40, 40, 28, 14, 4):
        watching.x += step
        watching.see()
    assert watching.watch(20).outcome is CONFIRMED


def test_landmarks_that_jump_in_a_picture_that_does_not_are_no_cut():
    watching = Watching()
    watching.watch(20)
    assert watching.watch(20, landmarks_at=watching.x + 40).outcome is CONFIRMED


@pytest.mark.parametrize("changes", [{"dropped": 1}, {"dropped": 5}])
def test_where_the_camera_dropped_frames_nothing_is_told_of_a_jump(changes):
    watching = Watching()
    watching.watch(20)
    watching.x += 40
    watching.see(**changes)
    assert watching.watch(20).outcome is CONFIRMED


def test_a_face_that_was_lost_in_between_is_not_compared_with_where_it_was():
    watching = Watching()
    watching.watch(20)
    watching.see(box=None, track=0)
    watching.x += 40
    assert watching.watch(20).outcome is CONFIRMED


def test_another_track_begins_anew():
    watching = Watching()
    watching.watch(40)
    watching.face = BERT
    found = watching.watch(60, track=2)
    assert (found.outcome, found.margin) == (CONFIRMED, 1.0)
    assert "in 60 frames" in found.reason


def test_one_picture_is_no_sequence():
    assert Watching().see(still=True).outcome is EvidenceOutcome.NOT_APPLICABLE


def test_nothing_of_a_face_is_left():
    kept = []
    watching = Watching()
    watching.continuity = Continuity(lambda frame: kept.append(ANNA.copy()) or kept[-1])
    watching.watch(40)
    watching.continuity.forget()
    watching.continuity.forget()
    assert kept
    assert not any(embedding.any() for embedding in kept)
    assert watching.finding().outcome is INSUFFICIENT


PERSON = {"kind": "person", "face": "openpeople:P002", "distance": 0.5}
PRINT = {"kind": "print", "photo": "openpeople:P007", "width": 0.29, "distance": 0.5}
TABLET = {"kind": "screen", "photo": "openpeople:P003", "device": "tablet", "distance": 0.34, "steady": True}


def test_a_simulated_person_is_one_and_unbroken(models):
    found = watched(stage_of(scene_of(PERSON, 1000, 5, flicker=0.25), models), models, 1.8).finding(LightLevel.BRIGHT)
    assert found.outcome is CONFIRMED, found.reason


def test_a_simulated_photograph_that_takes_the_place_of_a_person_is_a_veto(models):
    stage = stage_of(scene_of(PERSON, 1000, 5), models)
    other = stage_of(scene_of(PRINT, 1000, 6), models)
    found = watched(swapped(stage, other, 1.6), models, 2.9).finding(LightLevel.BRIGHT)
    assert found.outcome is VETO, found.reason


def test_a_simulated_tablet_that_pulses_is_a_veto_where_the_terminal_gives_little_light(models):
    seen = watched(stage_of(scene_of({**TABLET, "pwm_hz": 431.0}, 600, 8), models), models, 1.4)
    found = seen.finding(LightLevel.BRIGHT)
    assert found.outcome is VETO, found.reason
    assert "pulses as a screen's" in found.reason
    assert seen.finding(LightLevel.DIM).outcome is not VETO


def test_a_simulated_tablet_with_a_steady_light_shows_no_pulse(models):
    found = watched(stage_of(scene_of(TABLET, 600, 8), models), models, 1.4).finding(LightLevel.BRIGHT)
    assert found.outcome is CONFIRMED, found.reason
