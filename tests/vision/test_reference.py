"""Faces of reference images, and templates of them."""

from __future__ import annotations

import base64
import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from edge.contracts.enums import ErrorCode, QualityForRecognition
from edge.contracts.verification import FaceTemplate
from edge.errors import ModelError
from edge.frames.covered import CoveredBuffers
from edge.frames.reference_image import open_reference
from edge.frames.reference_refused import ReferenceRefused
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import overlap
from edge.vision.detector import Detector
from edge.vision.landmarks import FaceMesh, roi_of_detection
from edge.vision.pipeline import FaceVision
from edge.vision.reference import ReferenceLimits, Steps
from edge.vision.template import template_embedding, template_of
from tests.vision.figures import blurred, lit
from tests.vision.reference_figures import COVERS, PAINTS, covered, picture_of
from tests.vision.scene import PORTRAIT_BOXES, Bundle, frame_of

SAME = 0.98
# Some masks hide the face from the detector, or shine.
MOUTH_OR_NO_FACE = {
    ErrorCode.FACE_MOUTH_REGION_NOT_VISIBLE,
    ErrorCode.FACE_NOT_FOUND,
    ErrorCode.EXCESSIVE_FACE_BRIGHTNESS,
}


@pytest.fixture(scope="module")
def vision(models):
    return FaceVision(Bundle(models.detector, models.landmarks, (), models.embedding))


@pytest.fixture(scope="module")
def refusal(vision):
    """Why pixels (BGR) are refused."""

    def refuse(pixels):
        with pytest.raises(ReferenceRefused) as caught:
            vision.reference(picture_of(pixels))
        return caught.value.code

    return refuse


@pytest.fixture(scope="module")
def mesh_of(models):
    def find(pixels):
        frame, face_mesh = frame_of(pixels), FaceMesh(models.landmarks)
        return face_mesh.see(frame, roi_of_detection(Detector(models.detector).find(frame)[0], face_mesh.roi_scale))

    return find


@pytest.fixture(scope="module")
def template(vision, models, portraits):
    return template_of(vision.reference(picture_of(portraits["P001"])), models.embedding.manifest)


def encoded(pixels, kind, orientation=1, **options):
    """The picture as a camera stores it that was held so."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1]))
    stream = io.BytesIO()
    # What turns a stored picture upright, backwards: 6 and 8 undo each other, and all others themselves.
    back = Image.Exif()
    back[0x0112] = {6: 8, 8: 6}.get(orientation, orientation)
    picture.info["exif"] = back.tobytes()
    stored = ImageOps.exif_transpose(picture)
    stored.save(stream, kind, **options, **({} if kind == "BMP" else {"exif": exif}))
    return stream.getvalue()


@pytest.mark.parametrize("name", sorted(PORTRAIT_BOXES))
def test_a_portrait_is_a_good_reference(vision, portraits, name):
    reference = vision.reference(picture_of(portraits[name]))
    assert reference.quality in {QualityForRecognition.MEDIUM, QualityForRecognition.HIGH}
    left, top, side = PORTRAIT_BOXES[name]
    where = reference.rectangle
    found = FaceBox(where.left, where.top, where.width, where.height)
    assert overlap(found, FaceBox(left, top, side, side)) > 0.8
    assert np.linalg.norm(reference.embedding) == pytest.approx(1, abs=1e-5)
    assert "embedding" not in repr(reference)


def test_the_embedding_is_that_of_the_same_face_seen_live(vision, portraits):
    reference = vision.reference(picture_of(portraits["P002"]))
    frame = frame_of(portraits["P002"])
    vision.reset()
    vision.see(frame, judge=False)
    assert float(reference.embedding @ vision.embedding(frame)) > SAME


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_stored_in_any_orientation_gives_the_same_face(vision, portraits, orientation):
    pixels = portraits["P003"][:, 30:]
    upright = vision.reference(open_reference(encoded(pixels, "JPEG"), CoveredBuffers()))
    turned = vision.reference(open_reference(encoded(pixels, "JPEG", orientation), CoveredBuffers()))
    assert float(upright.embedding @ turned.embedding) > SAME
    assert abs(upright.rectangle.left - turned.rectangle.left) < 8
    assert abs(upright.rectangle.top - turned.rectangle.top) < 8


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP"])
def test_every_format_gives_nearly_the_same_face(vision, portraits, kind):
    exact = vision.reference(open_reference(encoded(portraits["P004"], "PNG"), CoveredBuffers()))
    other = vision.reference(open_reference(encoded(portraits["P004"], kind), CoveredBuffers()))
    assert float(exact.embedding @ other.embedding) > SAME


def test_a_large_picture_gives_the_same_face_and_its_own_pixels(vision, portraits):
    small = vision.reference(picture_of(portraits["P005"]))
    large = cv2.resize(portraits["P005"], (3000, 3000), interpolation=cv2.INTER_CUBIC)
    picture = open_reference(encoded(large, "JPEG"), CoveredBuffers())
    assert picture.scale == 4
    reference = vision.reference(picture)
    assert float(small.embedding @ reference.embedding) > SAME
    assert reference.rectangle.width == pytest.approx(small.rectangle.width * 3000 / 512, rel=0.1)


def test_a_picture_without_a_face_is_refused(refusal):
    assert refusal(np.full((300, 400, 3), 120, np.uint8)) is ErrorCode.FACE_NOT_FOUND
    assert refusal(np.random.default_rng(1).integers(0, 256, (300, 400, 3)).astype(np.uint8)) is (
        ErrorCode.FACE_NOT_FOUND
    )


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_on_its_side_or_upside_down_is_refused(refusal, portraits, turns):
    for name in sorted(portraits):
        assert refusal(np.ascontiguousarray(np.rot90(portraits[name], turns))) is ErrorCode.FACE_NOT_FOUND


@pytest.mark.parametrize("width", [150, 90, 55])
def test_a_second_face_is_refused_also_where_it_is_small(refusal, webcam, width):
    one = webcam("P001", width=150, x=170)
    assert refusal(webcam("P007", width=width, x=480, onto=one)) is ErrorCode.MULTIPLE_FACE_FOUND


def test_a_face_far_behind_does_not_count(vision, webcam):
    one = webcam("P001", width=220, x=200)
    vision.reference(picture_of(webcam("P007", width=44, x=560, y=100, onto=one)))


def test_a_tiny_face_is_refused(refusal, webcam):
    assert refusal(webcam("P001", width=55, size=(240, 240))) is ErrorCode.IMAGE_SIZE_IS_TOO_SMALL


def test_a_smaller_face_is_worth_less(vision, webcam):
    qualities = [vision.reference(picture_of(webcam("P003", width=width))).quality for width in (245, 140, 84)]
    assert qualities == [QualityForRecognition.HIGH, QualityForRecognition.MEDIUM, QualityForRecognition.LOW]


def test_a_tilted_head_is_refused(refusal, webcam):
    assert refusal(webcam("P001", width=200, turn=42)) is ErrorCode.FACE_NOT_FRONTAL


@pytest.mark.parametrize(
    ("paint", "cover"), [(paint, cover) for paint in PAINTS for cover in ("mask", "hand over the mouth")]
)
def test_a_covered_mouth_is_refused(refusal, portraits, mesh_of, cover, paint):
    for name in ("P001", "P005", "P008"):
        pixels = covered(portraits[name], mesh_of(portraits[name]), cover, paint)
        assert refusal(pixels) in MOUTH_OR_NO_FACE


@pytest.mark.parametrize("paint", PAINTS)
def test_covered_eyes_are_refused(refusal, portraits, mesh_of, paint):
    for name in ("P001", "P005", "P008"):
        pixels = covered(portraits[name], mesh_of(portraits[name]), "dark glasses", paint)
        assert refusal(pixels) in {ErrorCode.FACE_EYE_REGION_NOT_VISIBLE, ErrorCode.FACE_NOT_FOUND}


def test_covers_are_all_tried():
    assert set(COVERS) == {"mask", "hand over the mouth", "dark glasses", "bar over the eyes"}


@pytest.mark.parametrize(
    ("row", "code"),
    [(0.36, ErrorCode.FACE_EYE_REGION_NOT_VISIBLE), (-0.32, ErrorCode.FACE_MOUTH_REGION_NOT_VISIBLE)],
    ids=["eyes", "mouth"],
)
def test_a_face_cut_off_by_the_edge_is_refused(refusal, portraits, row, code):
    _, top, side = PORTRAIT_BOXES["P001"]
    cut = (
        portraits["P001"][round(top + row * side) :] if row > 0 else portraits["P001"][: round(top + (1 + row) * side)]
    )
    assert refusal(np.ascontiguousarray(cut)) in {code, ErrorCode.FACE_NOT_FOUND}


def test_a_blurred_face_is_refused(refusal, portraits):
    assert refusal(blurred(9)(portraits["P001"])) is ErrorCode.EXCESSIVE_IMAGE_BLUR_DETECTED


def test_a_face_in_the_dark_is_refused(refusal, portraits):
    assert refusal(lit(0.015)(portraits["P001"])) is ErrorCode.ENVIRONMENT_NOT_SUPPORTED


def test_an_overexposed_face_is_refused(refusal, portraits):
    assert refusal(lit(6)(portraits["P001"])) is ErrorCode.EXCESSIVE_FACE_BRIGHTNESS


def test_the_track_of_the_live_face_goes_on(vision, webcam, portraits):
    vision.reset()
    frames = [frame_of(webcam("P001", x=320 + step), sequence=step, at=step / 30) for step in range(2)]
    before = vision.see(frames[0], judge=False)
    vision.reference(picture_of(portraits["P002"]))
    after = vision.see(frames[1], judge=False)
    assert (before.track, after.track) == (1, 1)


def test_without_the_network_there_are_no_references(models, portraits):
    with pytest.raises(ModelError, match="no network that compares faces"):
        FaceVision(Bundle(models.detector, models.landmarks)).reference(picture_of(portraits["P001"]))


@pytest.mark.parametrize(
    ("steps", "values", "grades"),
    [(Steps(10, 20, 30), (9, 10, 20, 30), [0, 1, 2, 3]), (Steps(3, 2, 1), (4, 3, 2, 1), [0, 1, 2, 3])],
)
def test_grades_rise_or_fall(steps, values, grades):
    assert [steps.grade(value) for value in values] == grades
    assert steps.grade(float("nan")) == 0


def test_the_limits_of_the_contract_are_kept():
    assert ReferenceLimits().face_pixels.high == 200


def test_a_template_gives_the_same_numbers_in_memory_that_can_be_overwritten(template, vision, models, portraits):
    embedding = template_embedding(template, models.embedding.manifest)
    reference = vision.reference(picture_of(portraits["P001"]))
    assert float(embedding @ reference.embedding) > 0.99999
    assert embedding.dtype == np.float32
    assert (template.network, template.sha256) == (models.embedding.id, models.embedding.sha256)
    assert FaceTemplate.model_validate_json(template.model_dump_json(by_alias=True)) == template
    assert template.quality_for_recognition == reference.quality
    embedding.fill(0)


@pytest.mark.parametrize("change", [{"network": "another"}, {"sha256": "ab" * 32}])
def test_a_template_of_another_network_is_refused(template, models, change):
    with pytest.raises(ReferenceRefused, match="the template was made with") as caught:
        template_embedding(template.model_copy(update=change), models.embedding.manifest)
    assert caught.value.code is ErrorCode.UNSUPPORTED_MEDIA_TYPE


def _numbers(values):
    return base64.urlsafe_b64encode(np.asarray(values, "<f4").tobytes()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("embedding", "words"),
    [
        (_numbers(np.eye(1, 511)), "holds 511 numbers"),
        (_numbers(np.eye(1, 513)), "holds 513 numbers"),
        (_numbers(np.full(512, np.nan)), "length together is not 1"),
        (_numbers([np.inf] + [0] * 511), "length together is not 1"),
        (_numbers(np.zeros(512)), "length together is not 1"),
        (_numbers(np.full(512, 3e38)), "length together is not 1"),
        (_numbers(np.eye(1, 512) * 1.01), "length together is not 1"),
        (_numbers(np.eye(1, 512))[:-2], "holds no float32 numbers"),
        ("AAAAA", "holds no float32 numbers"),
    ],
)
def test_a_damaged_template_is_refused(template, models, embedding, words):
    with pytest.raises(ReferenceRefused, match=words) as caught:
        template_embedding(template.model_copy(update={"embedding": embedding}), models.embedding.manifest)
    assert caught.value.code is ErrorCode.CONTENT_DECODING_ERROR
