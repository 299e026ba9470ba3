"""Frames of synthetic people, and networks that answer by script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import CaptureKind
from edge.frames.frame import ColourOrder, Frame
from edge.inference.manifest import Manifest

Pixels = NDArray[np.uint8]


def frame_of(
    pixels: Pixels,
    *,
    sequence: int = 0,
    at: float = 0.0,
    still: bool = False,
    colour: ColourOrder = ColourOrder.BGR,
) -> Frame:
    return Frame(pixels, colour, sequence, at, CaptureKind.REPLAY, still=still)


def pad_manifest(**changes: object) -> Manifest:
    """A PAD network of 80² with two classes, the second of them live."""
    document: dict[str, object] = {
        "schemaVersion": 1,
        "id": "scripted",
        "stage": "pad",
        "file": "scripted.tflite",
        "sha256": "ab" * 32,
        "licence": "Apache-2.0",
        "provenance": {"package": "none", "version": "1", "path": "none", "documented": True, "note": "a test"},
        "input": {"shape": [1, 80, 80, 3], "dtype": "float32", "colour": "bgr"},
        "crop": {"kind": "box_scaled", "scale": 2.7, "side": "as_box", "edges": "shifted"},
        "outputs": [{"meaning": "probabilities", "shape": [1, 2]}],
        "pad": {"liveIndex": 1, "threshold": 0.5, "thresholdFrom": "a test", "weight": 1.0},
    }
    return Manifest.model_validate(document | changes)


@dataclass
class Scripted:
    """A network that answers with ``outputs``, or with what ``answer`` makes of the image; keeps what it was fed."""

    manifest: Manifest
    outputs: Sequence[NDArray[np.float32]] = ()
    answer: Callable[[Pixels], tuple[NDArray[np.float32], ...]] | None = None
    fed: list[Pixels] = field(default_factory=list)

    def run(self, image_hwc: Pixels, /) -> tuple[NDArray[np.float32], ...]:
        self.fed.append(image_hwc.copy())
        return self.answer(image_hwc) if self.answer else tuple(self.outputs)

    def forget(self) -> None:
        self.fed.clear()


@dataclass
class Counted:
    """A real network whose runs are counted."""

    network: object
    runs: int = 0

    @property
    def manifest(self) -> Manifest:
        return self.network.manifest

    def run(self, image_hwc: Pixels, /) -> tuple[NDArray[np.float32], ...]:
        self.runs += 1
        return self.network.run(image_hwc)

    def forget(self) -> None:
        self.network.forget()


@dataclass
class Bundle:
    """Models of a terminal, as vision needs them."""

    detector: object
    landmarks: object
    pad: tuple[object, ...] = ()
    embedding: object = None


# Left, top and side of the face in the portraits, by MediaPipe 0.10 on the same pictures.
PORTRAIT_BOXES = {
    "P001": (138.2, 144.6, 234.0),
    "P002": (145.9, 146.8, 216.7),
    "P003": (156.8, 118.5, 196.4),
    "P004": (132.8, 110.4, 253.2),
    "P005": (162.1, 85.8, 194.4),
    "P006": (149.1, 117.8, 217.2),
    "P007": (153.2, 140.4, 213.5),
    "P008": (134.4, 130.2, 240.9),
    "P009": (143.3, 130.0, 239.9),
    "P010": (135.1, 121.9, 248.9),
}
# P001's, about which the frames are made.
_LEFT, _TOP, _SIDE = PORTRAIT_BOXES["P001"]


def placed(
    portrait: Pixels,
    *,
    width: float = 150.0,
    x: float | None = None,
    y: float | None = None,
    turn: float = 0.0,
    size: tuple[int, int] = (640, 480),
    onto: Pixels | None = None,
) -> Pixels:
    """The portrait scaled to a face ``width`` pixels wide, its middle at (x, y), turned by ``turn`` degrees (clockwise
    as seen), on grey or on another frame."""
    columns, rows = size
    x, y = columns / 2 if x is None else x, rows / 2 if y is None else y
    scale = width / _SIDE
    middle = (_LEFT + _SIDE / 2, _TOP + _SIDE / 2)
    matrix = cv2.getRotationMatrix2D(middle, -turn, scale)
    matrix[:, 2] += np.array((x, y)) - middle
    shrunk = cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_AREA)
    covered = cv2.warpAffine(np.full(portrait.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    ground = np.full((rows, columns, 3), 110, np.uint8) if onto is None else onto.copy()
    ground[covered > 0] = shrunk[covered > 0]
    return ground


def sequence(pictures: Sequence[Pixels], *, fps: float = 30.0) -> Iterator[Frame]:
    for number, pixels in enumerate(pictures):
        yield frame_of(pixels, sequence=number, at=number / fps)
