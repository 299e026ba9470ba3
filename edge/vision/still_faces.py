"""A closer look at the faces of a still picture than a frame of a camera gets: there is time, and no next frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from edge.frames.frame import Frame
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import centre, shared_area, square
from edge.vision.crops import letterbox
from edge.vision.detector import INPUT_SIDE, Detector
from edge.vision.landmarks import FaceMesh, roi_of_detection

# Faces from this share of a picture's side on are found in it (docs/vision.md); windows are made for that, so many
# along the longer side at the most, and as many again between them.
_FOUND: Final = 0.16
_MOST_WINDOWS: Final = 4
# Of the detector. Other faces of contact sheets score 0.73 and more, a cat, jewellery and a wrist watch 0.62 and less.
_SURE: Final = 0.65
# Share of what is found there that may be the judged face's own.
_SAME: Final = 0.2
_PRESENCE: Final = 0.5
# Of the squares that are turned, in sizes of the face, which is found too small where it is upside down; their pixels.
_AROUND: Final = (2.0, 3.0)
_SIDE: Final = 2 * INPUT_SIDE


def another_face(detector: Detector, face_mesh: FaceMesh, frame: Frame, primary: FaceBox, share: float) -> bool:
    """Whether there is one beside ``primary`` of at least ``share`` of its width, too small to be found in a look at
    the whole picture.
    """
    least = share * primary.width
    side = round(max(least / _FOUND, max(frame.width, frame.height) / _MOST_WINDOWS))
    for top in _starts(frame.height, side):
        for left in _starts(frame.width, side):
            window = replace(frame, pixels=frame.pixels[top : top + side, left : left + side])
            there = replace(primary, left=primary.left - left, top=primary.top - top)
            for found in detector.find(window):
                if found.score < _SURE or found.box.width < least:
                    continue
                if shared_area(found.box, there) > _SAME * found.box.width**2:
                    continue
                if face_mesh.see(window, roi_of_detection(found, face_mesh.roi_scale)).presence >= _PRESENCE:
                    return True
    return False


def stands_upright(detector: Detector, frame: Frame, box: FaceBox) -> bool:
    """Whether the detector likes the face better as it is than turned by one, two or three quarters. The landmarks do
    not tell: of a face upside down they imagine an upright one.
    """
    x, y = centre(box)
    scores = [0.0] * 4
    for times in _AROUND:
        image, _ = letterbox(frame.pixels, _SIDE, _SIDE, square(x, y, times * max(box.width, box.height)))
        for turns in range(4):
            turned = np.rot90(image, turns).copy()
            found = detector.find(replace(frame, pixels=turned))
            scores[turns] += max((each.score for each in found), default=0.0)
            turned.fill(0)
        image.fill(0)
    return scores[0] >= max(scores)


def _starts(length: int, side: int) -> range:
    """Of windows that overlap by half."""
    return range(0, max(length - side // 2, 1), max(side // 2, 1))
