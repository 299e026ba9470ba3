from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge.errors import ModelError
from edge.frames.frame import ColourOrder
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import centre, overlap, square
from edge.vision.crops import letterbox
from edge.vision.detector import ANCHORS, Candidates, Detector, blaze_anchors, decode, overlaps, suppress
from tests.vision.scene import PORTRAIT_BOXES, Scripted, frame_of, placed

NOTHING = np.full((1, ANCHORS, 1), -10, np.float32)


def test_the_anchors_are_the_cells_middles_two_to_a_fine_cell_and_six_to_a_coarse_one():
    anchors = blaze_anchors()

    assert anchors.shape == (896, 2)
    np.testing.assert_allclose(anchors[0], [0.5 / 16, 0.5 / 16])
    np.testing.assert_allclose(anchors[1], [0.5 / 16, 0.5 / 16])
    np.testing.assert_allclose(anchors[2], [1.5 / 16, 0.5 / 16])
    np.testing.assert_allclose(anchors[32], [0.5 / 16, 1.5 / 16])
    np.testing.assert_allclose(anchors[511], [15.5 / 16, 15.5 / 16])
    np.testing.assert_allclose(anchors[512:518], np.full((6, 2), 0.5 / 8))
    np.testing.assert_allclose(anchors[518], [1.5 / 8, 0.5 / 8])
    np.testing.assert_allclose(anchors[895], [7.5 / 8, 7.5 / 8])


def test_a_box_is_decoded_about_its_anchor():
    regressors = np.zeros((ANCHORS, 16), np.float32)
    logits = np.full(ANCHORS, -5, np.float32)
    # The anchor at (1.5 / 16, 0.5 / 16): 12 and 4 pixels.
    regressors[2, :6] = [16.0, 32.0, 64.0, 32.0, -12.0, 60.0]
    logits[2] = 2.0

    found = decode(regressors, logits, blaze_anchors(), 0.5)

    # Middle (28, 36) of 128, 64 wide, 32 high; the first key point at (0, 64).
    np.testing.assert_allclose(found.boxes * 128, [[-4, 20, 60, 52]], atol=1e-4)
    np.testing.assert_allclose(found.key_points[0, 0] * 128, [0, 64], atol=1e-4)
    np.testing.assert_allclose(found.key_points[0, 1] * 128, [12, 4], atol=1e-4)
    np.testing.assert_allclose(found.scores, [1 / (1 + np.exp(-2))], rtol=1e-6)


def test_the_threshold_is_a_score():
    logits = np.array([-0.1, 0.0, 1.0986], np.float32)  # 0.475, 0.5, 0.75
    regressors, anchors = np.zeros((3, 16), np.float32), blaze_anchors()[:3]

    assert decode(regressors, logits, anchors, 0.5).scores.size == 2
    assert decode(regressors, logits, anchors, 0.74).scores.size == 1
    assert decode(regressors, logits, anchors, 0.76).scores.size == 0


def test_absurd_logits_do_not_overflow():
    logits = np.array([-1e30, 1e30, np.inf], np.float32)

    with np.errstate(over="raise", invalid="raise"):
        found = decode(np.zeros((3, 16), np.float32), logits, blaze_anchors()[:3], 0.5)

    np.testing.assert_allclose(found.scores, [1, 1])


def candidates(boxes: list[tuple[float, float, float, float]], scores: list[float]) -> Candidates:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    points = np.repeat(corners[:, None, :2], 6, axis=1)
    return Candidates(corners, points, np.array(scores, np.float32))


def test_what_overlaps_the_best_is_averaged_into_it_by_score():
    found = suppress(candidates([(0, 0, 10, 10), (2, 0, 12, 10), (50, 50, 60, 60)], [0.9, 0.6, 0.7]))

    np.testing.assert_allclose(found.boxes, [[0.8, 0, 10.8, 10], [50, 50, 60, 60]], rtol=1e-6)
    np.testing.assert_allclose(found.key_points[0, 0], [0.8, 0], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9, 0.7])


def test_a_slight_overlap_leaves_two_faces():
    # 10 x 10 boxes that share 10 x 4: 40 / 160 = 0.25.
    assert len(suppress(candidates([(0, 0, 10, 10), (0, 6, 10, 16)], [0.9, 0.8])).scores) == 2
    # 10 x 5: 50 / 150 = 0.33.
    assert len(suppress(candidates([(0, 0, 10, 10), (0, 5, 10, 15)], [0.9, 0.8])).scores) == 1


@st.composite
def some_candidates(draw: st.DrawFn) -> Candidates:
    count = draw(st.integers(0, 12))
    corner = draw(hnp.arrays(np.float32, (count, 2), elements=st.floats(-1, 1, width=32)))
    size = draw(hnp.arrays(np.float32, (count, 2), elements=st.floats(0.0625, 1, width=32)))
    scores = draw(hnp.arrays(np.float32, count, elements=st.floats(0.5, 1, width=32)))
    return Candidates(np.hstack((corner, corner + size)), np.repeat(corner[:, None], 6, axis=1), scores)


@given(some_candidates())
def test_suppression_keeps_the_best_invents_nothing_and_sorts(given_candidates: Candidates):
    kept = suppress(given_candidates)

    assert len(kept.scores) == len(kept.boxes) == len(kept.key_points) <= max(len(given_candidates.scores), 0)
    assert bool(len(kept.scores)) == bool(len(given_candidates.scores))
    assert set(kept.scores.tolist()) <= set(given_candidates.scores.tolist())
    assert (np.diff(kept.scores) <= 0).all()
    if len(kept.scores):
        assert kept.scores[0] == given_candidates.scores.max()
        assert (kept.boxes >= given_candidates.boxes.min(axis=0) - 1e-5).all()
        assert (kept.boxes <= given_candidates.boxes.max(axis=0) + 1e-5).all()


@given(some_candidates(), st.randoms())
def test_suppression_does_not_depend_on_the_order_of_candidates_with_different_scores(
    given_candidates: Candidates, random: object
):
    if len(set(given_candidates.scores.tolist())) < len(given_candidates.scores):
        return
    order = list(range(len(given_candidates.scores)))
    random.shuffle(order)
    shuffled = Candidates(
        given_candidates.boxes[order], given_candidates.key_points[order], given_candidates.scores[order]
    )

    np.testing.assert_allclose(suppress(shuffled).boxes, suppress(given_candidates).boxes, atol=1e-5)


def test_boxes_overlap_the_same_whichever_way_it_is_computed():
    a, b = FaceBox(0, 0, 10, 10), FaceBox(5, 5, 10, 20)

    assert overlap(a, b) == pytest.approx(25 / 275)
    assert overlaps(np.array([0, 0, 10, 10], np.float32), np.array([[5, 5, 15, 25]], np.float32))[0] == pytest.approx(
        25 / 275
    )
    assert overlap(a, FaceBox(10, 0, 5, 5)) == 0
    assert overlap(FaceBox(0, 0, 0, 0), FaceBox(0, 0, 0, 0)) == 0


@given(
    st.integers(24, 700),
    st.integers(24, 700),
    st.floats(0.4, 2.0),
    st.floats(0.2, 0.8),
    st.floats(0.2, 0.8),
)
def test_the_letterbox_can_be_undone(columns: int, rows: int, look: float, across: float, down: float):
    side = max(columns, rows) * look
    unit = max(side / 128, 1.0)
    # A white square of three input pixels somewhere inside the part that is looked at.
    width = max(round(3 * unit), 3)
    x = (columns - min(side, columns)) / 2 + across * min(side, columns)
    y = (rows - min(side, rows)) / 2 + down * min(side, rows)
    left, top = max(0, int(x - width / 2)), max(0, int(y - width / 2))
    frame = np.zeros((rows, columns, 3), np.uint8)
    frame[top : top + width, left : left + width] = 255
    patch = frame[:, :, 0].nonzero()

    image, (origin, span) = letterbox(frame, 128, 128, square(columns / 2, rows / 2, side))

    assert image.shape == (128, 128, 3)
    weight = image[:, :, 0].astype(np.float64)
    middle = np.array([(weight.sum(0) @ (np.arange(128) + 0.5)), (weight.sum(1) @ (np.arange(128) + 0.5))])
    seen = middle / weight.sum() / 128 * span + origin
    np.testing.assert_allclose(seen, (patch[1].mean() + 0.5, patch[0].mean() + 0.5), atol=1.0 * unit)


def test_the_letterbox_is_black_beside_the_frame():
    image, (origin, span) = letterbox(np.full((240, 320, 3), 200, np.uint8), 128, 128)

    assert (image[:16] == 0).all()
    assert (image[16:112] == 200).all()
    assert (image[112:] == 0).all()
    np.testing.assert_allclose(origin, (0, -40))
    np.testing.assert_allclose(span, (320, 320))


def test_faces_of_portraits_are_where_mediapipe_finds_them(models, portraits):
    detector = Detector(models.detector)

    for name, portrait in portraits.items():
        best, *others = detector.find(frame_of(portrait))
        left, top, side = PORTRAIT_BOXES[name]
        assert overlap(best.box, FaceBox(left, top, side, side)) > 0.8, name
        assert not others, name


def test_key_points_stand_in_the_order_of_the_persons_own_sides(models, portraits):
    (face,) = Detector(models.detector).find(frame_of(portraits["P001"]))
    right_eye, left_eye, nose, mouth, right_ear, left_ear = face.key_points

    assert right_ear[0] < right_eye[0] < nose[0] < left_eye[0] < left_ear[0]
    assert right_eye[1] < nose[1] < mouth[1]


def test_the_colour_order_makes_no_difference(models, portraits):
    bgr = portraits["P002"]
    detector = Detector(models.detector)

    (one,) = detector.find(frame_of(bgr))
    (other,) = detector.find(frame_of(np.ascontiguousarray(bgr[:, :, ::-1]), colour=ColourOrder.RGB))

    assert one.box == other.box


def test_a_face_may_reach_over_the_frames_edge(models, webcam):
    (face,) = Detector(models.detector).find(frame_of(webcam(width=240, y=60.0)))

    assert face.box.top < 0
    assert centre(face.box) == pytest.approx((320, 60), abs=30)


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (480, 640), (1280, 720)])
@pytest.mark.parametrize("share", [0.25, 0.6, 1.0])
def test_a_face_is_found_whatever_share_of_the_frame_it_takes(models, webcam, size, share):
    width = share * min(size)
    found = Detector(models.detector).search(frame_of(webcam(width=width, size=size)))

    assert overlap(found[0].box, square(size[0] / 2, size[1] / 2, width)) > 0.6


def test_a_small_face_is_found_by_the_second_look(models, webcam):
    frame = frame_of(webcam(width=62.0, size=(960, 540)))
    detector = Detector(models.detector)

    assert not detector.find(frame)
    assert overlap(detector.search(frame)[0].box, square(480, 270, 62)) > 0.5


def test_the_search_ends_with_the_first_look_that_finds_a_face(manifests):
    hit = NOTHING.copy()
    hit[0, 700] = 5
    boxes = np.full((1, ANCHORS, 16), 20, np.float32)
    looks = iter([NOTHING, hit, NOTHING])
    network = Scripted(manifests["detector"], answer=lambda _: (boxes, next(looks)))

    found = Detector(network).search(frame_of(np.zeros((48, 64, 3), np.uint8)))

    assert len(found) == 1
    assert len(network.fed) == 2


def test_the_search_gives_up_after_three_looks(manifests):
    network = Scripted(manifests["detector"], [np.zeros((1, ANCHORS, 16), np.float32), NOTHING])

    assert Detector(network).search(frame_of(np.zeros((48, 64, 3), np.uint8))) == ()
    assert len(network.fed) == 3


def test_a_detector_of_another_kind_is_refused(manifests):
    manifest = manifests["detector"]
    other = manifest.model_copy(
        update={"outputs": tuple(o.model_copy(update={"shape": (1, 2254, 16)}) for o in manifest.outputs)}
    )

    with pytest.raises(ModelError, match="last sizes must be"):
        Detector(Scripted(other))
    with pytest.raises(ModelError, match="gives no"):
        Detector(Scripted(manifests["landmarks"]))


def test_the_networks_outputs_are_told_apart_by_meaning(manifests):
    manifest = manifests["detector"]
    swapped = manifest.model_copy(update={"outputs": manifest.outputs[::-1]})
    boxes = np.zeros((1, ANCHORS, 16), np.float32)
    frame = frame_of(placed(np.zeros((512, 512, 3), np.uint8)))

    assert Detector(Scripted(manifest, [boxes, NOTHING])).find(frame) == ()
    assert Detector(Scripted(swapped, [NOTHING, boxes])).find(frame) == ()
