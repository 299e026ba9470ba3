"""A face while the terminal's light changes: its patches, and in the end what they show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Exposure, Frame
from edge.frames.lamp import LightGeometry
from edge.vision.face_patch import FaceGrid, Points, Surface
from edge.vision.light_response import LightResponse, Sample, light_response
from edge.vision.relief import Relief, darkest_room, relief

Values = NDArray[np.float64]


class LitFace:
    """Gathers one face. ``forget`` must be called on every way out: it keeps small pictures of the face until then."""

    def __init__(self, light: LightGeometry, focal: float | None) -> None:
        """light: where ours comes from. focal: length in widths of the picture, None where it is not known."""
        self._light = light
        self._focal = focal
        self._samples: list[Sample] = []
        self._grid: FaceGrid | None = None
        self._landmarks: Points | None = None
        self._size = (0, 0)

    @property
    def lit(self) -> Values:
        """(samples, rows, lights) how much of each light lit each row of each sample; NaN where that changed."""
        return np.array([sample.lit for sample in self._samples])

    @property
    def times(self) -> Values:
        """(samples,) seconds at which the middle of the face began to be exposed."""
        return np.array([sample.time for sample in self._samples])

    def saw(self, frame: Frame, landmarks: Points | None, lit: Callable[[Exposure, Values], Values]) -> None:
        """landmarks: (468, 3), of this frame; None: taken to be where they were.

        lit: from the exposure and (rows,) rows of the frame to (rows, lights) how much of each light lit them, NaN
        where that changed meanwhile.
        """
        if landmarks is not None:
            self._landmarks = landmarks
        if self._landmarks is None or frame.exposure is None:
            return
        if self._grid is None:
            self._grid, self._size = FaceGrid(self._landmarks), (frame.width, frame.height)
        patch = self._grid.cut(frame, self._landmarks)
        if patch is None:
            return
        seen = lit(frame.exposure, patch.rows)
        if np.isfinite(seen).any():
            # Not of the frame: a short exposure of its first row may be over before a light changes for the face.
            began = frame.exposure.start + float(patch.rows.mean()) * frame.exposure.line_time
            self._samples.append(Sample(patch, began, seen))

    def outshone(self) -> bool:
        """Whether our light leaves too little of the surroundings' to compare with; told without any fit."""
        if not self._samples:
            return False
        levels = np.array([sample.patch.levels.mean() for sample in self._samples])
        lit = self.lit.reshape(len(levels), -1)
        dark, full = (levels[(lit == value).all(axis=1)] for value in (0.0, 1.0))
        if dark.size == 0 or full.size == 0:
            return False
        return bool(full.mean() - dark.mean() > darkest_room(self._light) * dark.mean())

    def response(self) -> tuple[LightResponse, Surface] | None:
        """None where too little was seen."""
        if self._grid is None or not self._samples:
            return None
        surface = self._grid.surface()
        response = light_response(self._samples, surface)
        return None if response is None else (response, surface)

    def relief(self, response: LightResponse, surface: Surface) -> Relief | None:
        """What ``response`` tells of shape and colours; None where too little can be compared."""
        return relief(response, surface, self._light, self._focal, self._size)

    def forget(self) -> None:
        """Overwrites what was kept of the face."""
        for sample in self._samples:
            sample.patch.levels.fill(0)
        self._samples.clear()
        self._grid = self._landmarks = None
