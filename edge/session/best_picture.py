"""The best picture of an attempt's face, for a session that was asked for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import CoveredBuffers
from edge.frames.frame import ColourOrder, Frame
from edge.frames.jpeg import encode_jpeg
from edge.liveness.evidence import FaceBox, FrameEvidence

# Around the face, of its own width and height: hair, chin and neck, and no more of the room than that.
MARGIN: Final = 0.4
MAX_SIDE: Final = 720


@dataclass(frozen=True, slots=True)
class Picture:
    """jpeg: sRGB, cut around the face. quality: ``FrameEvidence.quality`` of the frame, 0..1."""

    jpeg: bytes = field(repr=False)
    quality: float


class BestPicture:
    """Keeps one crop of the face that is followed: the one of the frame with the highest ``FrameEvidence.quality``
    among those that may be judged, under settled light. Another face begins anew.

    ``forget`` must be called on every way out: the crop is kept until then.
    """

    def __init__(self) -> None:
        self._buffers = CoveredBuffers()
        self._track = 0
        self._quality = 0.0
        self._crop: NDArray[np.uint8] | None = None
        self._colour = ColourOrder.RGB

    def saw(self, frame: Frame, evidence: FrameEvidence) -> None:
        """The next frame."""
        if evidence.track not in {0, self._track}:
            self.forget()
            self._track = evidence.track
        if evidence.box is None or evidence.failures or not evidence.lit_settled:
            return
        if self._crop is not None and evidence.quality <= self._quality:
            return
        self._quality = evidence.quality
        self._keep(frame, evidence.box)

    def picture(self, most: int) -> Picture | None:
        """most: bytes of the JPEG. None: no frame was good enough, or it cannot be made so small."""
        if self._crop is None:
            return None
        jpeg = encode_jpeg(self._crop, self._colour, most)
        return None if jpeg is None else Picture(jpeg, self._quality)

    def forget(self) -> None:
        """Overwrites what was kept. May be repeated."""
        self._buffers.wipe()
        self._crop = None
        self._track = 0
        self._quality = 0.0

    def _keep(self, frame: Frame, box: FaceBox) -> None:
        left = max(0, round(box.left - MARGIN * box.width))
        top = max(0, round(box.top - MARGIN * box.height))
        right = min(frame.width, round(box.left + (1 + MARGIN) * box.width))
        bottom = min(frame.height, round(box.top + (1 + MARGIN) * box.height))
        part = frame.pixels[top:bottom, left:right]
        height, width = part.shape[:2]
        factor = min(1.0, MAX_SIDE / max(height, width))
        self._crop = None
        crop = self._buffers.take((max(1, round(height * factor)), max(1, round(width * factor)), 3), np.uint8)
        if factor < 1:
            cv2.resize(part, (crop.shape[1], crop.shape[0]), dst=crop, interpolation=cv2.INTER_AREA)
        else:
            np.copyto(crop, part)
        self._crop, self._colour = crop, frame.colour
