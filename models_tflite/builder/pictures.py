"""Faces of the openpeople package, cropped as the networks want them: for golden vectors.

Deterministic: the same wheel gives the same crops. Needs numpy, OpenCV and a TFLite interpreter.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

PICTURES = ("amateur_selfie", "amateur_posture", "studio_portrait", "studio_posture")
LONGEST_SIDE = 1280
ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Eyes, nose tip and mouth corners in a crop of 112 x 112 pixels (InsightFace's template)."""


@dataclass(frozen=True)
class Face:
    """Pixels of the picture. box: left, top, width, height. points: (6, 2), BlazeFace's key points."""

    box: tuple[float, float, float, float]
    points: np.ndarray
    score: float


class Detector:
    """BlazeFace short range; its best face only."""

    SIZE = 128
    LAYERS = ((16, 2), (8, 6))  # grid, anchors for each cell

    def __init__(self, interpreter: Any) -> None:
        self.interpreter = interpreter
        interpreter.allocate_tensors()
        outputs = {d["name"]: d["index"] for d in interpreter.get_output_details()}
        self.regressors, self.logits = outputs["regressors"], outputs["classificators"]
        self.anchors = np.array(
            [
                ((x + 0.5) / grid * self.SIZE, (y + 0.5) / grid * self.SIZE)
                for grid, count in self.LAYERS
                for y in range(grid)
                for x in range(grid)
                for _ in range(count)
            ]
        )

    def best(self, picture: np.ndarray, least: float = 0.5) -> Face | None:
        """The most certain face of a BGR picture."""
        height, width = picture.shape[:2]
        side = max(height, width)
        left, top = (side - width) // 2, (side - height) // 2
        small = self.letterboxed(picture)
        self.interpreter.set_tensor(
            self.interpreter.get_input_details()[0]["index"], small[None].astype(np.float32) * np.float32(2 / 255) - 1
        )
        self.interpreter.invoke()
        logits = self.interpreter.get_tensor(self.logits)[0, :, 0]
        at = int(logits.argmax())
        score = float(1 / (1 + np.exp(-logits[at])))
        if score < least:
            return None
        raw = self.interpreter.get_tensor(self.regressors)[0, at]
        unit = side / self.SIZE
        centre = (raw[0:2] + self.anchors[at]) * unit - (left, top)
        size = raw[2:4] * unit
        points = (raw[4:16].reshape(6, 2) + self.anchors[at]) * unit - (left, top)
        x, y = centre - size / 2
        return Face((float(x), float(y), float(size[0]), float(size[1])), points, score)

    def letterboxed(self, picture: np.ndarray) -> np.ndarray:
        """A BGR picture as the network's RGB input, before scaling the values."""
        height, width = picture.shape[:2]
        side = max(height, width)
        left, top = (side - width) // 2, (side - height) // 2
        square = cv2.copyMakeBorder(picture, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT)
        return cv2.resize(square, (self.SIZE, self.SIZE), interpolation=cv2.INTER_AREA)[:, :, ::-1]


def square_crop(picture: np.ndarray, box: tuple[float, float, float, float], scale: float, size: int) -> np.ndarray:
    """An upright square of ``scale`` times the box's longer side about its centre, black outside the picture."""
    x, y, w, h = box
    factor = size / (max(w, h) * scale)
    matrix = np.array([[factor, 0, size / 2 - factor * (x + w / 2)], [0, factor, size / 2 - factor * (y + h / 2)]])
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT)


def aligned_crop(picture: np.ndarray, face: Face) -> np.ndarray:
    """112 x 112 by the eyes, the nose tip and the middle of the mouth."""
    target = np.vstack([ARCFACE_POINTS[:3], ARCFACE_POINTS[3:].mean(axis=0)])
    matrix, _ = cv2.estimateAffinePartial2D(face.points[:4], target, method=cv2.LMEDS)
    return cv2.warpAffine(picture, matrix, (112, 112), flags=cv2.INTER_LINEAR)


def people(wheel: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and BGR picture, the longest side at most LONGEST_SIDE."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".jpg") and Path(name).stem in PICTURES:
                picture = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
                factor = LONGEST_SIDE / max(picture.shape[:2])
                yield name, cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
