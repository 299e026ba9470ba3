"""What keeps a frame from being judged, and how good the others are.

``measure`` turns pixels and landmarks into numbers; ``failures`` and ``score`` judge the numbers alone.
docs/vision.md says why each limit stands where it stands, and what landmarks cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config.quality import QualityLimits
from edge.contracts.enums import QualityFailure
from edge.frames.covered import Scratch
from edge.frames.frame import Frame
from edge.liveness.evidence import FaceBox, HeadPose
from edge.vision.boxes import centre, shared_area
from edge.vision.crops import grey
from edge.vision.landmarks import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LIP_LOWER,
    LIP_UPPER,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    Mesh,
)

EYES: Final = np.array([RIGHT_EYE_OUTER, RIGHT_EYE_INNER, LEFT_EYE_INNER, LEFT_EYE_OUTER])
MOUTH: Final = np.array([MOUTH_RIGHT, MOUTH_LEFT, LIP_UPPER, LIP_LOWER])

# Outer corner, inner corner, two points of the upper lid, the two of the lower lid below them.
_LIDS: Final = np.array(((33, 133, 160, 158, 144, 153), (263, 362, 387, 385, 373, 380)))
_CLOSED, _OPEN = 0.12, 0.27

# The networks see a face about 30 to 50 pixels wide: what is lost at this size is lost to them.
_GRID: Final = 32
# The part of the landmarks' extent that is skin in any pose.
_CORE: Final = (slice(4, 28), slice(6, 26))
_WHITE: Final = 250
_FASTEST_RATE: Final = 15.0


@dataclass(frozen=True, slots=True)
class Measures:
    """One face in one frame, in numbers.

    face_pixels: width of the face box. face_share: the same against the frame's shorter side.
    off_centre: the larger of horizontal and vertical distance of the face's middle from the frame's, as a share of
    the frame's width or height.
    visible: share of the landmarks' extent inside the frame.
    eyes_inside, mouth_inside: all their landmarks are inside the frame.
    speed: face widths per second since the last frame; None for stills and for the first frame of a track.
    pose: None where no pose explains the landmarks.
    luma: mean over the face, 0..255. clipped: share of the face. sharpness: dimensionless.
    """

    others: int
    face_pixels: float
    face_share: float
    off_centre: float
    visible: float
    eyes_inside: bool
    mouth_inside: bool
    speed: float | None
    pose: HeadPose | None
    luma: float
    clipped: float
    sharpness: float


def measure(
    frame: Frame,
    mesh: Mesh,
    box: FaceBox,
    pose: HeadPose | None,
    *,
    others: int,
    speed: float | None,
    scratch: Scratch | None = None,
) -> Measures:
    """Numbers of the face with these landmarks. others: how many more faces count. scratch: for small pictures."""
    extent = mesh.extent
    x, y = centre(extent)
    whole = FaceBox(0.0, 0.0, frame.width, frame.height)
    luma, clipped, sharpness = _appearance(frame, extent, scratch or Scratch())
    return Measures(
        others=others,
        face_pixels=box.width,
        face_share=box.width / min(frame.width, frame.height),
        off_centre=max(abs(x / frame.width - 0.5), abs(y / frame.height - 0.5)),
        visible=shared_area(extent, whole) / max(extent.width * extent.height, 1e-6),
        eyes_inside=_inside(mesh.points[EYES], frame),
        mouth_inside=_inside(mesh.points[MOUTH], frame),
        speed=speed,
        pose=pose,
        luma=luma,
        clipped=clipped,
        sharpness=sharpness,
    )


def failures(measures: Measures, limits: QualityLimits) -> tuple[QualityFailure, ...]:
    """Why the frame may not be judged, the most useful to tell the person first.

    First where to stand and how to hold the head, which the person can see and do; then movement and light, which
    explain a blur; blur last.
    """
    return tuple(_failures(measures, limits))


def _failures(m: Measures, limits: QualityLimits) -> Iterator[QualityFailure]:
    if m.others:
        yield QualityFailure.SEVERAL_FACES
    if m.face_pixels < limits.min_face_pixels or m.face_share < limits.min_face_share:
        yield QualityFailure.TOO_FAR
    # A face that is cut off is too close where it fills the frame, else aside.
    cut_off = m.visible < limits.min_visible or not (m.eyes_inside and m.mouth_inside)
    too_close = m.face_share > limits.max_face_share or (cut_off and m.face_share > limits.min_visible)
    if too_close:
        yield QualityFailure.TOO_CLOSE
    if m.off_centre > limits.max_off_centre or (cut_off and not too_close):
        yield QualityFailure.OFF_CENTRE
    if m.pose is None or (
        abs(m.pose.yaw) > limits.max_yaw or abs(m.pose.pitch) > limits.max_pitch or abs(m.pose.roll) > limits.max_roll
    ):
        yield QualityFailure.NOT_FRONTAL
    if not m.eyes_inside:
        yield QualityFailure.EYES_NOT_VISIBLE
    if not m.mouth_inside:
        yield QualityFailure.MOUTH_NOT_VISIBLE
    if m.speed is not None and m.speed > limits.max_speed:
        yield QualityFailure.MOVING
    if m.clipped > limits.max_clipped:
        yield QualityFailure.TOO_BRIGHT
    if m.luma < limits.min_luma:
        yield QualityFailure.TOO_DARK
    if m.sharpness < limits.min_sharpness:
        yield QualityFailure.BLURRED


def score(m: Measures, limits: QualityLimits) -> float:
    """0..1 for ranking: the mean of how far size, pose, sharpness, light and stillness are from their limits."""
    turned = (
        max(
            abs(m.pose.yaw) / limits.max_yaw,
            abs(m.pose.pitch) / limits.max_pitch,
            abs(m.pose.roll) / limits.max_roll,
        )
        if m.pose
        else 1.0
    )
    parts = (
        _ramp(m.face_pixels, limits.min_face_pixels, 3.0 * limits.min_face_pixels),
        1.0 - min(turned, 1.0),
        _ramp(m.sharpness, limits.min_sharpness, 0.8),
        min(_ramp(m.luma, limits.min_luma, 90.0), 1.0 - _ramp(m.clipped, 0.0, limits.max_clipped)),
        1.0 - _ramp(m.speed or 0.0, 0.0, limits.max_speed),
    )
    return sum(parts) / len(parts)


def face_speed(before: Mesh, now: Mesh, width: float, seconds: float) -> float:
    """How far the corners of the landmarks' extent moved, in ``width`` (of the face, pixels) per second.

    Times of replayed files are often nominal, so no two frames count as closer than a fifteenth of a second.
    """
    a, b = before.extent, now.extent
    left, top = b.left - a.left, b.top - a.top
    right, bottom = left + b.width - a.width, top + b.height - a.height
    moved = sum(math.hypot(x, y) for x in (left, right) for y in (top, bottom)) / 4
    return moved / width / max(seconds, 1.0 / _FASTEST_RATE)


def eyes_open(mesh: Mesh) -> float:
    """0 closed .. 1 open: the eye aspect ratio (Soukupová and Čech 2016), mean of both eyes.

    It compares frames of one person; between persons it overlaps.
    """
    points = mesh.points[_LIDS, :2].tolist()
    ratios = [
        (math.dist(upper_a, lower_a) + math.dist(upper_b, lower_b)) / max(2.0 * math.dist(outer, inner), 1e-6)
        for outer, inner, upper_a, upper_b, lower_a, lower_b in points
    ]
    return _ramp(sum(ratios) / len(ratios), _CLOSED, _OPEN)


def _appearance(frame: Frame, extent: FaceBox, scratch: Scratch) -> tuple[float, float, float]:
    """Mean luma 0..255, share of white, sharpness; of the visible part of the face."""
    left = min(max(int(extent.left), 0), frame.width - 1)
    top = min(max(int(extent.top), 0), frame.height - 1)
    right = min(max(int(extent.left + extent.width) + 1, left + 1), frame.width)
    bottom = min(max(int(extent.top + extent.height) + 1, top + 1), frame.height)
    # Four samples for each cell of the grid keep noise from passing for detail at a fraction of the cost of all.
    fine = scratch.take("finer", (2 * _GRID, 2 * _GRID, 3), np.uint8)
    cv2.resize(frame.pixels[top:bottom, left:right], fine.shape[:2], dst=fine, interpolation=cv2.INTER_LINEAR)
    luma = grey(fine, frame.colour, scratch.take("luma", fine.shape[:2], np.uint8))
    small = scratch.take("small", (_GRID, _GRID), np.uint8)
    cv2.resize(luma, small.shape, dst=small, interpolation=cv2.INTER_AREA)
    edges = scratch.take("edges", small.shape, np.float32)
    cv2.Laplacian(small, cv2.CV_32F, dst=edges)
    core = small[_CORE]
    mean, deviation = cv2.meanStdDev(core)
    _, detail = cv2.meanStdDev(edges[_CORE])
    # Against its own contrast, so that dimness is not taken for blur; a flat patch is not sharp.
    sharpness = float(detail[0, 0]) ** 2 / max(float(deviation[0, 0]) ** 2, 1.0)
    return float(mean[0, 0]), np.count_nonzero(core >= _WHITE) / core.size, sharpness


def _inside(points: NDArray[np.float32], frame: Frame) -> bool:
    return all(0 <= x <= frame.width and 0 <= y <= frame.height for x, y, _ in points.tolist())


def _ramp(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
