"""Crops and small pictures lie in covered memory, are what they would be elsewhere, and are gone after a session."""

from __future__ import annotations

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.errors import ModelError
from edge.frames.covered import Scratch
from edge.frames.frame import ColourOrder
from edge.inference.manifest import Aligned5Pt, BoxScaled, FrameLetterbox, Input
from edge.liveness.evidence import FaceBox
from edge.vision.crops import cut, grey, in_order, letterbox, shrink
from edge.vision.parallax import FaceTexture
from edge.vision.pipeline import FaceVision
from edge.vision.pose import head_pose
from edge.vision.registration import FaceAnchor
from tests.vision.scene import Bundle, Counted, Scripted, frame_of, pad_manifest

POINTS = np.array([(20, 20), (44, 20), (32, 34), (24, 46), (40, 46)], np.float32)
RULES = [
    BoxScaled(kind="box_scaled", scale=1.5, side="longer", edges="shifted"),
    BoxScaled(kind="box_scaled", scale=1.5, side="longer", edges="reflected"),
    Aligned5Pt(kind="aligned_5pt", points=tuple((float(x), float(y)) for x, y in POINTS)),
    FrameLetterbox(kind="frame_letterbox"),
]


class Watched(Scratch):
    """Knows what was taken."""

    def __init__(self):
        super().__init__()
        self.taken = []

    def take(self, name, shape, kind):
        self.taken.append(super().take(name, shape, kind))
        return self.taken[-1]


@pytest.mark.parametrize("order", ColourOrder)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_a_crop_lies_in_the_scratch_memory_and_is_the_same_as_elsewhere(rule, order):
    pixels = np.random.default_rng(1).integers(0, 256, (200, 300, 3), np.uint8)
    size = Input(colour=order, dtype="uint8", shape=(1, 48, 64, 3))
    where = (frame_of(pixels), rule, size, FaceBox(90, 60, 80, 90), POINTS)
    scratch = Watched()
    # What is there already must not show through.
    scratch.take("crop", (48, 64, 3), np.uint8).fill(201)
    crop = cut(*where, scratch)
    assert any(np.shares_memory(crop, taken) for taken in scratch.taken)
    np.testing.assert_array_equal(crop, cut(*where))
    scratch.wipe()
    assert not crop.any()


@pytest.mark.parametrize("size", [(300, 200), (100, 90), (60, 20), (500, 400)])
def test_whatever_the_size_shrinking_ends_in_the_memory_that_is_given(size):
    pixels = np.random.default_rng(1).integers(0, 256, (200, 300, 3), np.uint8)
    out = np.zeros((size[1], size[0], 3), np.uint8)
    assert shrink(pixels, *size, Scratch(), out) is out
    np.testing.assert_array_equal(out, shrink(pixels, *size))
    assert out.any()


def test_a_part_of_a_letterbox_is_filled_in_place():
    pixels = np.full((100, 300, 3), 90, np.uint8)
    scratch = Watched()
    canvas, _ = letterbox(pixels, 128, 128, scratch=scratch)
    assert np.shares_memory(canvas, scratch.taken[0])
    assert set(canvas[64].ravel()) == {90}
    assert not canvas[:30].any()


def test_other_orders_and_greys_are_made_in_place():
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    scratch = Watched()
    turned = in_order(pixels, ColourOrder.BGR, ColourOrder.RGB, scratch)
    np.testing.assert_array_equal(turned, pixels[:, :, ::-1])
    out = np.zeros((20, 30), np.uint8)
    assert grey(pixels, ColourOrder.RGB, out) is out
    assert out.any()
    scratch.wipe()
    assert not turned.any()


def test_after_forgetting_all_scratch_is_black_and_the_next_frame_is_judged_as_before(models, webcam):
    vision = FaceVision(models)
    vision._scratch.__class__ = Watched
    vision._scratch.taken = []
    frame = frame_of(webcam())
    before = vision.see(frame)
    embedded = vision.embedding(frame)
    taken = list(vision._scratch.taken)
    assert len(taken) > 8
    assert any(array.any() for array in taken)
    vision.forget()
    assert not any(array.any() for array in taken)
    assert vision.landmarks is None
    again = vision.see(frame)
    assert [score.margin for score in again.pad] == [score.margin for score in before.pad]
    np.testing.assert_array_equal(vision.embedding(frame), embedded)


def test_anchor_and_texture_keep_nothing_after_their_end(face_landmarks, portraits, models):
    frame = frame_of(portraits["P001"])
    anchor = FaceAnchor(frame, face_landmarks)
    anchor.landmarks_in(frame, face_landmarks)
    vision = FaceVision(models)
    box = vision.see(frame).box
    texture = FaceTexture(frame, box, head_pose(vision._mesh, 512))
    texture.follow(frame)
    for made, end in ((anchor, anchor.forget), (texture, texture.end)):
        buffers = made._scratch._buffers
        assert len(buffers) >= 3
        assert all(any(buffer[:]) for buffer in buffers.values())
        end()
        assert not any(any(buffer[:]) for buffer in buffers.values())


def test_a_network_that_cannot_forget_is_told_and_keeps_no_other_from_it(models):
    class Stuck(Scripted):
        def forget(self):
            raise ModelError("the runtime is gone", remedy="start again")

    stuck = Stuck(pad_manifest(), [np.array([[0.5, 0.5]], np.float32)])
    last = Counted(models.embedding)
    forgotten = []
    last.forget = lambda: forgotten.append(True)
    vision = FaceVision(Bundle(Counted(models.detector), Counted(models.landmarks), (stuck,), last))
    with capture_logs() as logged:
        vision.forget()
    assert forgotten == [True]
    assert [(line["network"], "the runtime is gone" in line["error"]) for line in logged] == [(stuck.manifest.id, True)]
