"""The face of a reference image: whether it may be compared, what it is worth, and how the network describes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from edge.contracts.enums import CaptureKind, ErrorCode, QualityForRecognition
from edge.contracts.verification import FaceRectangle
from edge.errors import ModelError
from edge.frames.frame import ColourOrder, Frame
from edge.frames.reference_image import ReferencePicture
from edge.frames.reference_refused import ReferenceRefused
from edge.liveness.evidence import FaceBox
from edge.vision.detector import Detector
from edge.vision.identity import Embedding, FaceIdentity
from edge.vision.landmarks import FaceMesh, five_points
from edge.vision.pose import head_pose
from edge.vision.quality import Measures, measure
from edge.vision.still_faces import another_face, stands_upright
from edge.vision.tracking import FaceTracker
from edge.vision.visible_parts import VisibleParts, visible_parts


@dataclass(frozen=True, slots=True)
class Steps:
    """Of one measure: from where on a reference is usable at all, of medium quality, and high. They rise or fall."""

    usable: float
    medium: float
    high: float

    def grade(self, value: float) -> int:
        """0: not usable, 1: low, 2: medium, 3: high."""
        sign = 1 if self.high > self.usable else -1
        return sum(sign * value >= sign * step for step in (self.usable, self.medium, self.high))


@dataclass(frozen=True, slots=True)
class ReferenceLimits:
    """What a reference must have; docs/verify.md says why each limit stands where it stands.

    The measures are those of ``edge.vision.quality.Measures`` and ``edge.vision.visible_parts.VisibleParts``, taken on
    the picture as decoded. turned: degrees of yaw or pitch. other_share: width of another face against the judged one
    from which it counts.
    """

    face_pixels: Steps = Steps(64, 96, 200)
    turned: Steps = Steps(30, 20, 12)
    roll: Steps = Steps(35, 25, 15)
    sharpness: Steps = Steps(0.35, 0.6, 0.9)
    luma: Steps = Steps(25, 50, 70)
    clipped: Steps = Steps(0.3, 0.15, 0.05)
    visible: Steps = Steps(0.8, 0.9, 0.97)
    eyes: float = 0.08
    mouth: float = 0.15
    other_share: float = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A face to compare others with. ``repr`` shows no numbers of it.

    embedding: in memory of its own; whoever has it overwrites it. rectangle: in pixels of the file, upright.
    """

    embedding: Embedding = field(repr=False)
    rectangle: FaceRectangle
    quality: QualityForRecognition


# Of the judged face's width. What is smaller may be an eye of that face, and gets a closer look.
_LARGE_OTHER: Final = 0.6

_QUALITIES: Final = (None, QualityForRecognition.LOW, QualityForRecognition.MEDIUM, QualityForRecognition.HIGH)


class ReferenceReader:
    """Reads references with the networks that look at live faces; belongs to their thread. Keeps nothing of them.

    identity: None where a terminal has no network for it; then ``read`` raises ModelError.
    """

    def __init__(
        self,
        detector: Detector,
        face_mesh: FaceMesh,
        identity: FaceIdentity | None,
        limits: ReferenceLimits | None = None,
    ) -> None:
        self._limits = limits or ReferenceLimits()
        self._detector = detector
        self._face_mesh = face_mesh
        self._tracker = FaceTracker(detector, face_mesh, min_other_share=_LARGE_OTHER)
        self._identity = identity

    def read(self, picture: ReferencePicture) -> Reference:
        """Raises ReferenceRefused with what keeps the picture from being compared, and ModelError."""
        if self._identity is None:
            raise ModelError("there is no network that compares faces", remedy="install and enable an embedding model")
        frame = Frame(picture.pixels, ColourOrder.RGB, 0, 0.0, CaptureKind.REPLAY, still=True)
        sighting = self._tracker.follow(frame)
        face = sighting.face
        self._tracker.reset()
        if face is None:
            raise ReferenceRefused(
                ErrorCode.FACE_NOT_FOUND,
                "no face was found in the reference image",
                remedy="send an upright picture, not turned or lying, whose one face fills a fifth of it or more",
            )
        pose = head_pose(face.mesh, max(frame.width, frame.height))
        if not stands_upright(self._detector, frame, face.box):
            raise ReferenceRefused(
                ErrorCode.FACE_NOT_FOUND,
                "no upright face was found in the reference image, but one on its side or upside down",
                remedy="turn the picture, or keep the orientation that its camera wrote",
            )
        others = sighting.others
        if not others and another_face(self._detector, self._face_mesh, frame, face.box, self._limits.other_share):
            others = 1
        measures = measure(frame, face.mesh, face.box, pose, others=others, speed=None)
        grades = self._grades(measures)
        for code, what, remedy in _refusals(measures, grades, visible_parts(frame, face.mesh), self._limits):
            raise ReferenceRefused(code, f"the reference image {what}", remedy=remedy)
        embedding = self._identity.embed(frame, five_points(face.mesh))
        quality = _QUALITIES[min(grades.values())]
        if embedding is None or quality is None:
            raise ModelError(
                f"{self._identity.manifest.id} gives nothing for the reference image",
                remedy="check the model: livegate models verify",
            )
        return Reference(embedding, _rectangle(face.box, picture.scale), quality)

    def _grades(self, m: Measures) -> dict[str, int]:
        limits, pose = self._limits, m.pose
        return {
            "face_pixels": limits.face_pixels.grade(m.face_pixels),
            "turned": 0 if pose is None else limits.turned.grade(max(abs(pose.yaw), abs(pose.pitch))),
            "roll": 0 if pose is None else limits.roll.grade(abs(pose.roll)),
            "sharpness": limits.sharpness.grade(m.sharpness),
            "luma": limits.luma.grade(m.luma),
            "clipped": limits.clipped.grade(m.clipped),
            "visible": limits.visible.grade(m.visible),
        }


def _refusals(
    m: Measures, grades: dict[str, int], parts: VisibleParts, limits: ReferenceLimits
) -> Iterator[tuple[ErrorCode, str, str]]:
    """Code, what is wrong, what to do. Blur and darkness come before what they hide."""
    if m.others:
        yield ErrorCode.MULTIPLE_FACE_FOUND, "shows more than one face", "cut it to the one that is meant"
    if not grades["face_pixels"]:
        yield (
            ErrorCode.IMAGE_SIZE_IS_TOO_SMALL,
            f"has a face {m.face_pixels:.0f} pixels wide, below {limits.face_pixels.usable:.0f}",
            "send a larger picture: 200 pixels or more are good",
        )
    if not m.eyes_inside:
        yield ErrorCode.FACE_EYE_REGION_NOT_VISIBLE, "is cut off at the eyes", "send one with the whole face"
    if not m.mouth_inside:
        yield ErrorCode.FACE_MOUTH_REGION_NOT_VISIBLE, "is cut off at the mouth", "send one with the whole face"
    if not grades["visible"]:
        yield ErrorCode.FACE_NOT_FOUND, "cuts the face off", "send one with the whole face"
    if not grades["turned"] or not grades["roll"]:
        held = "in a way that no head is" if m.pose is None else f"{m.pose.yaw:+.0f}° aside, {m.pose.pitch:+.0f}° up"
        tilted = "" if m.pose is None else f", {m.pose.roll:+.0f}° tilted"
        yield ErrorCode.FACE_NOT_FRONTAL, f"has a face held {held}{tilted}", "send one that looks into the camera"
    if not grades["clipped"]:
        yield (
            ErrorCode.EXCESSIVE_FACE_BRIGHTNESS,
            f"is white in {m.clipped:.0%} of the face",
            "send one with softer light or less exposure",
        )
    if not grades["luma"]:
        yield ErrorCode.ENVIRONMENT_NOT_SUPPORTED, "shows the face in the dark", "send one with light on the face"
    if not grades["sharpness"]:
        yield ErrorCode.EXCESSIVE_IMAGE_BLUR_DETECTED, "is not sharp", "send one that is in focus and not enlarged"
    if parts.eyes < limits.eyes:
        yield (
            ErrorCode.FACE_EYE_REGION_NOT_VISIBLE,
            "does not show the eyes",
            "send one without dark glasses or anything else before the eyes, and with eyes open",
        )
    if parts.mouth < limits.mouth:
        yield (
            ErrorCode.FACE_MOUTH_REGION_NOT_VISIBLE,
            "does not show the mouth",
            "send one without a mask, scarf or hand before the mouth",
        )


def _rectangle(box: FaceBox, scale: int) -> FaceRectangle:
    return FaceRectangle(
        top=round(box.top * scale),
        left=round(box.left * scale),
        width=round(box.width * scale),
        height=round(box.height * scale),
    )
