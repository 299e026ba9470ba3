"""BlazeFace, short range: faces and their key points in a frame.

Anchors, decoding and suppression as in MediaPipe's graph ``face_detection_short_range_common.pbtxt`` (Apache-2.0):
128², strides 8, 16, 16, 16 with two anchors of unit size per layer and cell, logits clipped at ±100, weighted
suppression at an overlap of 0.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch
from edge.frames.frame import Frame
from edge.inference.manifest import Meaning
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import square
from edge.vision.crops import in_order, letterbox
from edge.vision.network import Network, output_position
from edge.vision.timing import NO_TIMER, StageTimer

INPUT_SIDE: Final = 128
ANCHORS: Final = 896
KEY_POINTS: Final = 6
NUMBERS: Final = 4 + 2 * KEY_POINTS
RIGHT_EYE: Final = 0
LEFT_EYE: Final = 1

# Stride, and anchors per cell: the three layers of stride 16 lie on the same cells.
_LAYERS: Final = ((8, 2), (16, 6))
_LOGIT_CLIP: Final = 100.0
_SUPPRESSION_OVERLAP: Final = 0.3
# A frame with more candidates than this after suppression holds no more news.
_MOST: Final = 8
_PADDED: Final = 1.5


@dataclass(frozen=True, slots=True)
class Detection:
    """One face.

    box: square, about from mid-forehead to chin; pixels of the frame, may reach over its edges.
    key_points: (6, 2) float32, pixels of the frame: the person's right eye, left eye, nose tip, mouth, right
    tragion, left tragion.
    score: 0..1.
    """

    box: FaceBox
    key_points: NDArray[np.float32] = field(repr=False)
    score: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """Decoded anchors, in units of the network's input: 0..1 is inside.

    boxes: (n, 4) float32: left, top, right, bottom. key_points: (n, 6, 2) float32. scores: (n,) float32, 0..1.
    """

    boxes: NDArray[np.float32] = field(repr=False)
    key_points: NDArray[np.float32] = field(repr=False)
    scores: NDArray[np.float32] = field(repr=False)


def blaze_anchors() -> NDArray[np.float32]:
    """(896, 2) float32: x, y of the anchors' centres in units of the input."""
    layers = []
    for stride, per_cell in _LAYERS:
        cells = INPUT_SIDE // stride
        centres = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        ys, xs = np.meshgrid(centres, centres, indexing="ij")
        layers.append(np.repeat(np.stack((xs, ys), axis=-1).reshape(-1, 2), per_cell, axis=0))
    return np.concatenate(layers)


def decode(
    regressors: NDArray[np.float32],
    logits: NDArray[np.float32],
    anchors: NDArray[np.float32],
    threshold: float,
) -> Candidates:
    """The anchors whose score reaches ``threshold``.

    regressors: (n, 16) float32: centre x and y, width, height, six times x and y; in pixels of the input, all but
    the size relative to the anchor's centre. logits: (n,) float32. anchors: (n, 2) float32.
    """
    clipped = np.clip(logits, -_LOGIT_CLIP, _LOGIT_CLIP)
    kept = np.flatnonzero(clipped >= np.log(threshold / (1.0 - threshold)))
    values = regressors[kept] / np.float32(INPUT_SIDE)
    anchor = anchors[kept]
    middle = values[:, :2] + anchor
    half = values[:, 2:4] / 2
    return Candidates(
        boxes=np.concatenate((middle - half, middle + half), axis=1),
        key_points=values[:, 4:].reshape(-1, KEY_POINTS, 2) + anchor[:, None, :],
        scores=(1.0 / (1.0 + np.exp(-clipped[kept]))).astype(np.float32),
    )


def overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of a (4,) box with (n, 4) boxes, as (n,); 0 where there is no area."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    area = np.clip(box[2:] - box[:2], 0, None).prod()
    areas = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    union = area + areas - shared
    ratios: NDArray[np.float32] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratios


def suppress(candidates: Candidates) -> Candidates:
    """Weighted non-maximum suppression: what overlaps the best becomes one with it, averaged by score; best first."""
    boxes: list[NDArray[np.float32]] = []
    points: list[NDArray[np.float32]] = []
    scores: list[np.float32] = []
    order = np.argsort(-candidates.scores, kind="stable")
    while order.size and len(scores) < _MOST:
        alike = overlaps(candidates.boxes[order[0]], candidates.boxes[order]) > _SUPPRESSION_OVERLAP
        alike[0] = True
        group = order[alike]
        weights = candidates.scores[group] / candidates.scores[group].sum()
        boxes.append(weights @ candidates.boxes[group])
        points.append(np.tensordot(weights, candidates.key_points[group], axes=1))
        scores.append(candidates.scores[order[0]])
        order = order[~alike]
    return Candidates(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        key_points=np.array(points, np.float32).reshape(-1, KEY_POINTS, 2),
        scores=np.array(scores, np.float32),
    )


class Detector:
    """Finds the faces of a frame.

    threshold: score from which a candidate counts. scratch: for its crops; None: its own. Raises ModelError where the
    network is not BlazeFace, short range.
    """

    def __init__(
        self,
        network: Network,
        *,
        threshold: float = 0.5,
        scratch: Scratch | None = None,
        timer: StageTimer = NO_TIMER,
    ) -> None:
        self._network = network
        self._scratch = scratch or Scratch()
        self._threshold = threshold
        self._timer = timer
        self._anchors = blaze_anchors()
        manifest = network.manifest
        self._regressors = output_position(manifest, Meaning.BOX_REGRESSORS, (ANCHORS, NUMBERS))
        self._logits = output_position(manifest, Meaning.ANCHOR_LOGITS, (ANCHORS, 1))

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        """Faces of the whole frame, best first."""
        return self._look(frame, max(frame.width, frame.height))

    def find_before(self, frame: Frame) -> tuple[Detection, ...]:
        """Faces of the middle square of the shorter side, best first: smaller ones than of the whole frame, for one run
        of the network.
        """
        return self._look(frame, min(frame.width, frame.height))

    def search(self, frame: Frame) -> tuple[Detection, ...]:
        """Faces, best first, with up to two more looks where the first finds none.

        The centred square of the shorter side brings smaller faces above the detector's smallest size, the frame
        with a margin of black those that fill it and more (docs/vision.md has the shares found).
        """
        longer, shorter = max(frame.width, frame.height), min(frame.width, frame.height)
        for side in (longer, shorter, longer * _PADDED):
            if found := self._look(frame, side):
                return found
        return ()

    def _look(self, frame: Frame, side: float) -> tuple[Detection, ...]:
        """Faces in the centred square of ``side`` pixels."""
        with self._timer("detector"):
            region = square(frame.width / 2, frame.height / 2, side)
            image, (origin, span) = letterbox(frame.pixels, INPUT_SIDE, INPUT_SIDE, region, self._scratch)
            image = in_order(image, frame.colour, self._network.manifest.input.colour, self._scratch)
            outputs = self._network.run(image)
            regressors = outputs[self._regressors].reshape(ANCHORS, NUMBERS)
            logits = outputs[self._logits].reshape(ANCHORS)
            found = suppress(decode(regressors, logits, self._anchors, self._threshold))
            corners = found.boxes.reshape(-1, 2, 2) * span + origin
            points = found.key_points * span + origin
        return tuple(
            Detection(_box(corner), point, float(score))
            for corner, point, score in zip(corners, points, found.scores, strict=True)
        )


def _box(corners: NDArray[np.float32]) -> FaceBox:
    (left, top), (right, bottom) = corners.tolist()
    return FaceBox(left, top, right - left, bottom - top)
