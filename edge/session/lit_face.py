"""A face while the terminal's light changes: its patches, and in the end what they show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.frames.display import DisplayGeometry
from edge.frames.frame import Exposure, Frame
from edge.hardware.ports import CameraTraits
from edge.vision.beside_face import REACH, Side, beside_face
from edge.vision.face_patch import FaceGrid, Patch, Points, Surface
from edge.vision.light_response import LightResponse, Sample, light_response
from edge.vision.relief import Relief, relief
from edge.vision.returned_light import ReturnedLight, returned_light

Values = NDArray[np.float64]


class LitFace:
    """Gathers one face. ``forget`` must be called on every way out: it keeps small pictures of the face until then."""

    def __init__(self, display: DisplayGeometry, camera: CameraTraits) -> None:
        self._display = display
        self._camera = camera
        self._samples: list[Sample] = []
        self._grid: FaceGrid | None = None
        self._wide_grid: FaceGrid | None = None
        self._wide: list[Patch | None] = []
        self._landmarks: Points | None = None
        self._size = (0, 0)
        self._exposed = 0.0

    @property
    def lit(self) -> Values:
        """(samples, rows, lights) how much of each light lit each row of each sample; NaN where that changed."""
        return np.array([sample.lit for sample in self._samples])

    @property
    def times(self) -> Values:
        """(samples,) seconds."""
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
            self._wide_grid = FaceGrid(self._landmarks, REACH)
        patch = self._grid.cut(frame, self._landmarks)
        if patch is None:
            return
        seen = lit(frame.exposure, patch.rows)
        if np.isfinite(seen).any():
            self._samples.append(Sample(patch, frame.exposure.start, seen))
            self._wide.append(None if self._wide_grid is None else self._wide_grid.cut(frame, self._landmarks))
            self._exposed = frame.exposure.duration * frame.exposure.gain

    def response(self) -> tuple[LightResponse, Surface] | None:
        """None where too little was seen."""
        if self._grid is None or not self._samples:
            return None
        surface = self._grid.surface()
        response = light_response(self._samples, surface)
        return None if response is None else (response, surface)

    def relief(self, response: LightResponse, surface: Surface) -> Relief | None:
        """What ``response`` tells of shape and colours; None where too little can be compared."""
        return relief(response, surface, self._display, self._camera.focal, self._size)

    def beside(self, response: LightResponse) -> tuple[Side, Side] | None:
        """What is left and right of the face, as the camera sees; None where that cannot be told."""
        chosen = [number for number, patch in enumerate(self._wide) if patch is not None]
        patches = [patch for patch in self._wide if patch is not None]
        if not patches:
            return None
        return beside_face(patches, self.lit[chosen], self.times[chosen], response.movement[chosen])

    def returned(self, response: LightResponse, surface: Surface) -> ReturnedLight | None:
        """How much of the display's light came back; None where that cannot be told."""
        if self._camera.sensitivity is None:
            return None
        level_per_lux = self._camera.sensitivity * self._exposed
        return returned_light(response, surface, self._display, self._camera.focal, self._size, level_per_lux)

    def forget(self) -> None:
        """Overwrites what was kept of the face."""
        for sample in self._samples:
            sample.patch.levels.fill(0)
        for patch in self._wide:
            if patch is not None:
                patch.levels.fill(0)
        self._samples.clear()
        self._wide.clear()
        self._grid = self._wide_grid = self._landmarks = None
