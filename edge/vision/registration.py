"""Where a face that was seen before is now, by its texture: finer than landmarks, which tremble from frame to frame."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch
from edge.frames.frame import Frame
from edge.vision.crops import grey, similarity
from edge.vision.face_patch import Points
from edge.vision.least_squares import biweight

_Places = NDArray[np.float64]

_MOST_POINTS: Final = 120
_LEAST_CORNER: Final = 0.01
_APART: Final = 5
_WINDOW: Final = (13, 13)
_LEVELS: Final = 1
_STOP: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.01)
# Pixels around the landmarks that are kept, so that windows at the rim are whole.
_MARGIN: Final = 12
_FEWEST: Final = 20
_ROUNDS: Final = 5
# Pixels: points that scatter more about one similarity were not found again.
_LOOSEST: Final = 1.0


class FaceAnchor:
    """The face in a first frame. Keeps a small grey picture of it until ``forget``, which must be called on every way
    out.
    """

    def __init__(self, frame: Frame, landmarks: Points) -> None:
        """landmarks: (468, 3), of this frame."""
        self._landmarks = landmarks
        low = np.maximum(landmarks[:, :2].min(axis=0) - _MARGIN, 0).astype(int)
        high = np.minimum(landmarks[:, :2].max(axis=0) + _MARGIN, (frame.width, frame.height)).astype(int)
        self._corner = low
        self._scratch = Scratch()
        cut = frame.pixels[low[1] : high[1], low[0] : high[0]]
        self._first = grey(cut, frame.colour, self._scratch.take("first", cut.shape[:2], np.uint8))
        face = np.zeros_like(self._first)
        cv2.fillConvexPoly(face, cv2.convexHull(np.rint(landmarks[:, :2] - low).astype(np.int32)), (255,))
        # The stubs deny that there may be none.
        corners: Any = cv2.goodFeaturesToTrack(self._first, _MOST_POINTS, _LEAST_CORNER, _APART, mask=face)
        self._points: NDArray[np.float32] = np.zeros((0, 1, 2), np.float32) if corners is None else corners

    def landmarks_in(self, frame: Frame, landmarks: Points) -> Points:
        """(468, 3) those of the first frame, moved as the texture has; those given where that is not found.

        landmarks: about where they are in this frame.
        """
        about = similarity(self._landmarks[:, :2].astype(np.float64), landmarks[:, :2].astype(np.float64))
        beside = self._moved(frame, about)
        if beside is None:
            return landmarks
        turned = about[:, :2] @ beside[:, :2]
        moved = about[:, :2] @ beside[:, 2] + about[:, 2]
        placed = landmarks.copy()
        placed[:, :2] = self._landmarks[:, :2] @ turned.T + moved
        return placed

    def forget(self) -> None:
        """Overwrites what was kept of the face."""
        self._scratch.wipe()

    def _moved(self, frame: Frame, about: _Places) -> _Places | None:
        """(2, 3) from the first frame's pixels to where the texture is, had the face moved by ``about``."""
        if len(self._points) < _FEWEST:
            return None
        there = np.column_stack([about[:, :2], about[:, :2] @ self._corner + about[:, 2]])
        rows, columns = self._first.shape
        seen = self._scratch.take("seen", (rows, columns, 3), np.uint8)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(frame.pixels, there, (columns, rows), dst=seen, flags=flags)
        now = grey(seen, frame.colour, self._scratch.take("now", (rows, columns), np.uint8))
        # The display's light may be another now; what is compared is the pattern.
        gain = float(self._first.mean()) / max(float(now.mean()), 1.0)
        cv2.convertScaleAbs(now, dst=now, alpha=gain)
        found, status, _ = cv2.calcOpticalFlowPyrLK(
            self._first,
            now,
            self._points,
            self._points.copy(),
            winSize=_WINDOW,
            maxLevel=_LEVELS,
            criteria=_STOP,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )
        kept = status.ravel() == 1
        if kept.sum() < _FEWEST:
            return None
        begun = self._points[kept, 0].astype(np.float64) + self._corner
        return _similarity_of_most(begun, found[kept, 0].astype(np.float64) + self._corner)


def _similarity_of_most(begun: _Places, now: _Places) -> _Places | None:
    """(2, 3) by most of the points (n, 2); None where they do not agree on one."""
    weights, scale = np.ones(len(begun)), np.inf
    found = np.zeros((2, 3))
    for _ in range(_ROUNDS):
        found = similarity(begun, now, weights)
        off = np.linalg.norm(now - begun @ found[:, :2].T - found[:, 2], axis=1)
        scale = max(1.4826 * float(np.median(off)), 1e-3)
        weights = biweight(off, scale)
    return found if scale < _LOOSEST else None
