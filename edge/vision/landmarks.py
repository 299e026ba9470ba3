"""Face mesh: 468 landmarks of one face, found in a turned square of the frame.

The squares follow MediaPipe's graphs ``face_detection_front_detection_to_roi`` and ``face_landmark_landmarks_to_roi``
(Apache-2.0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.frames.covered import Scratch
from edge.frames.frame import Frame
from edge.inference.manifest import Meaning, RoiRotated
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import centre, square
from edge.vision.crops import in_order
from edge.vision.detector import LEFT_EYE, RIGHT_EYE, Detection
from edge.vision.network import Network, output_position
from edge.vision.timing import NO_TIMER, StageTimer

POINTS: Final = 468

# Landmarks by their number in the mesh; right and left are the person's.
RIGHT_EYE_OUTER: Final = 33
RIGHT_EYE_INNER: Final = 133
LEFT_EYE_OUTER: Final = 263
LEFT_EYE_INNER: Final = 362
NOSE_TIP: Final = 4
MOUTH_RIGHT: Final = 61
MOUTH_LEFT: Final = 291
LIP_UPPER: Final = 13
LIP_LOWER: Final = 14

# Detector's box of a face from its landmarks, fitted on 1,705 portraits (docs/vision.md has the error).
_BOX_SIDE: Final = 0.935
_BOX_DOWN: Final = 0.042


@dataclass(frozen=True, slots=True)
class Roi:
    """A turned square.

    x, y: centre, pixels of the frame. side: pixels. angle: radians from the frame's x axis to the square's, towards y.
    """

    x: float
    y: float
    side: float
    angle: float


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Landmarks of one face.

    points: (468, 3) float32: x, y in pixels of the frame (may lie outside it); z, depth in the same unit, smaller is
    nearer, zero about the head's middle.
    presence: 0..1, that there is a face.
    """

    points: NDArray[np.float32] = field(repr=False)
    presence: float
    extent: FaceBox = field(init=False)
    """Upright box around all landmarks."""

    def __post_init__(self) -> None:
        left, top, _ = self.points.min(axis=0).tolist()
        right, bottom, _ = self.points.max(axis=0).tolist()
        object.__setattr__(self, "extent", FaceBox(left, top, right - left, bottom - top))


def roi_of_detection(detection: Detection, scale: float) -> Roi:
    """``scale`` times the detector's box, turned to bring the eyes level."""
    box = detection.box
    across = detection.key_points[LEFT_EYE] - detection.key_points[RIGHT_EYE]
    return Roi(*centre(box), max(box.width, box.height) * scale, math.atan2(across[1], across[0]))


def roi_of_mesh(mesh: Mesh, scale: float) -> Roi:
    """``scale`` times the landmarks' longer extent, turned to bring the eyes level: where to look next."""
    across_x, across_y, _ = (mesh.points[LEFT_EYE_OUTER] - mesh.points[RIGHT_EYE_OUTER]).tolist()
    side = max(mesh.extent.width, mesh.extent.height) * scale
    return Roi(*centre(mesh.extent), side, math.atan2(across_y, across_x))


def box_of_mesh(mesh: Mesh) -> FaceBox:
    """The box that the detector would draw: PAD crops are defined on it."""
    extent = mesh.extent
    longer = max(extent.width, extent.height)
    x, y = centre(extent)
    return square(x, y + _BOX_DOWN * longer, _BOX_SIDE * longer)


def five_points(mesh: Mesh) -> NDArray[np.float32]:
    """(5, 2) float32, pixels of the frame: eye, eye, nose tip, mouth corner, mouth corner; of each pair the person's
    right one first, which is on the left side of the picture."""
    points = mesh.points[:, :2]
    return np.stack(
        (
            (points[RIGHT_EYE_OUTER] + points[RIGHT_EYE_INNER]) / 2,
            (points[LEFT_EYE_OUTER] + points[LEFT_EYE_INNER]) / 2,
            points[NOSE_TIP],
            points[MOUTH_RIGHT],
            points[MOUTH_LEFT],
        )
    )


class FaceMesh:
    """scratch: for its crops; None: its own. Raises ModelError where the network does not give 468 landmarks and their
    presence.
    """

    def __init__(self, network: Network, *, scratch: Scratch | None = None, timer: StageTimer = NO_TIMER) -> None:
        self._network = network
        self._scratch = scratch or Scratch()
        self._timer = timer
        manifest = network.manifest
        if not isinstance(manifest.crop, RoiRotated):
            raise ModelError(
                f"{manifest.id} wants a crop {manifest.crop.kind}", remedy="use the model that the project ships"
            )
        if manifest.input.width != manifest.input.height:
            raise ModelError(f"{manifest.id} has no square input", remedy="use the model that the project ships")
        self.roi_scale = manifest.crop.scale
        self._landmarks = output_position(manifest, Meaning.LANDMARKS_3D, (3 * POINTS,))
        self._presence = output_position(manifest, Meaning.PRESENCE_LOGIT, (1,))

    def see(self, frame: Frame, roi: Roi) -> Mesh:
        """Landmarks of whatever is in ``roi``; ``presence`` says whether it is a face."""
        with self._timer("landmarks"):
            size = self._network.manifest.input
            scale = roi.side / size.width
            cosine, sine = scale * math.cos(roi.angle), scale * math.sin(roi.angle)
            # Input (u, v) lies at the frame's (x, y) + turned (u, v) - (middle, middle).
            left = roi.x - (cosine - sine) * size.width / 2
            top = roi.y - (sine + cosine) * size.width / 2
            # Pixel centres lie at half units, in the frame as in the input.
            half_x, half_y = (cosine - sine - 1.0) / 2, (sine + cosine - 1.0) / 2
            matrix = np.array(((cosine, -sine, left + half_x), (sine, cosine, top + half_y)))
            image = self._scratch.take("crop", (size.height, size.width, 3), np.uint8)
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            cv2.warpAffine(frame.pixels, matrix, (size.width, size.height), dst=image, flags=flags)
            outputs = self._network.run(in_order(image, frame.colour, size.colour, self._scratch))
            turn = np.array(((cosine, -sine, 0.0), (sine, cosine, 0.0), (0.0, 0.0, scale)), np.float32)
            points = (turn @ outputs[self._landmarks].reshape(POINTS, 3).T).T
            points += np.array((left, top, 0.0), np.float32)
            logit = float(outputs[self._presence].reshape(-1)[0])
        presence = 1.0 / (1.0 + math.exp(-min(max(logit, -80.0), 80.0)))
        return Mesh(points, presence if np.isfinite(points).all() else 0.0)
