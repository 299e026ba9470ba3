"""A face while the terminal's light changes: its patches, and in the end what they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch, Shelf
from edge.frames.display import DisplayGeometry
from edge.frames.frame import Exposure, Frame
from edge.frames.lamp import LightGeometry
from edge.hardware.ports import CameraTraits
from edge.session.exposure_timing import HeldExposure
from edge.vision.beside_face import REACH, Side, beside_face
from edge.vision.face_patch import FaceGrid, Patch, Points, Surface, cut_all
from edge.vision.light_response import LightResponse, Sample, light_response
from edge.vision.registration import FaceAnchor
from edge.vision.relief import OwnShape, Relief, darkest_room, relief, shape_in_our_light
from edge.vision.returned_light import ReturnedLight, returned_light

Values = NDArray[np.float64]

# Of the display's white, what its guidance gives: never more, and a screen that hardly returns any light tells nothing.
_GUIDANCE: Final = (0.25, 1.0)


class LitFace:
    """Gathers one face. ``forget`` must be called on every way out: it keeps small pictures of the face until then.

    It may be lit by the whole display first, as a backlight step does, and by its halves then, as a code does.
    """

    def __init__(self, light: LightGeometry, camera: CameraTraits) -> None:
        """light: where ours comes from."""
        self._light = light
        self._camera = camera
        self._samples: list[Sample] = []
        self._wide: list[Patch | None] = []
        self._anchor: FaceAnchor | None = None
        self._grids: tuple[FaceGrid, FaceGrid] | None = None
        self._landmarks: Points | None = None
        self._size = (0, 0)
        self._exposed = 0.0
        self._scratch, self._kept = Scratch(), Shelf()

    def saw(self, frame: Frame, landmarks: Points | None, lit: Callable[[Exposure, Values], Values]) -> None:
        """landmarks: (468, 3), of this frame; None: taken to be about where they were.

        lit: from the exposure and (rows,) rows of the frame to (rows, lights) how much of each light lit them, NaN
        where that changed meanwhile. One light: the whole display; two: its left and its right half.
        """
        self._landmarks = self._landmarks if landmarks is None else landmarks
        if self._landmarks is None or frame.exposure is None:
            return
        if self._anchor is None or self._grids is None:
            self._anchor = FaceAnchor(frame, self._landmarks)
            self._grids = FaceGrid(self._landmarks), FaceGrid(self._landmarks, REACH)
            self._size = (frame.width, frame.height)
        self._landmarks = self._anchor.landmarks_in(frame, self._landmarks)
        patch, wide = cut_all(self._grids, frame, self._landmarks, self._scratch, self._kept)
        if patch is None:
            return
        exposed = frame.exposure.duration * frame.exposure.gain
        if exposed != self._exposed:
            # Under another exposure nothing can be compared.
            self._overwrite()
        seen = lit(frame.exposure, patch.rows)
        if np.isfinite(seen).any():
            # Not of the frame: a short exposure of its first row may be over before a light changes for the face.
            began = frame.exposure.start + float(patch.rows.mean()) * frame.exposure.line_time
            self._samples.append(Sample(patch, began, seen))
            self._wide.append(wide)
            self._exposed = exposed

    def outshone(self) -> bool:
        """Whether our light leaves too little of the surroundings' to compare with; told without any fit."""
        dark, full = (
            [float(sample.patch.levels.mean()) for sample in self._samples if (sample.lit == value).all()]
            for value in (0.0, 1.0)
        )
        if not dark or not full:
            return False
        return mean(full) - mean(dark) > darkest_room(self._light) * mean(dark)

    def response(self) -> tuple[LightResponse, Surface] | None:
        """None where too little was seen."""
        if self._grids is None or not self._samples:
            return None
        surface = self._grids[0].surface()
        response = light_response(_by_halves(self._samples, surface), surface)
        return None if response is None else (response, surface)

    def relief(self, response: LightResponse, surface: Surface, *, strong: bool = False) -> Relief | None:
        """What ``response`` tells of shape and colours; None where too little can be compared.

        strong: our light is on for long in a dim room.
        """
        return relief(response, surface, self._light, self._camera.focal, self._size, strong=strong)

    def shape_in_our_light(self, response: LightResponse, surface: Surface) -> OwnShape | None:
        """What ``response`` tells of shape without the surroundings; None where too little of our light is seen."""
        return shape_in_our_light(response, surface, self._light, self._camera.focal, self._size)

    def beside(self, response: LightResponse) -> tuple[Side, Side] | None:
        """What is left and right of the face, as the camera sees; None where that cannot be told."""
        chosen = [number for number, patch in enumerate(self._wide) if patch is not None]
        patches = [patch for patch in self._wide if patch is not None]
        if not patches:
            return None
        return beside_face(patches, response.lit[chosen], response.times[chosen], response.movement[chosen])

    def returned(self, response: LightResponse, surface: Surface) -> ReturnedLight | None:
        """How much of the display's light came back; None where that cannot be told."""
        if self._camera.sensitivity is None or not isinstance(self._light, DisplayGeometry):
            return None
        level_per_lux = self._camera.sensitivity * self._exposed
        return returned_light(response, surface, self._light, self._camera.focal, self._size, level_per_lux)

    def forget(self) -> None:
        """Overwrites what was kept of the face."""
        self._overwrite()
        self._scratch.wipe()
        self._kept.wipe()
        if self._anchor is not None:
            self._anchor.forget()
        self._anchor = self._grids = self._landmarks = None

    def _overwrite(self) -> None:
        for patch in (*(sample.patch for sample in self._samples), *self._wide):
            if patch is not None:
                patch.levels.fill(0)
        self._samples.clear()
        self._wide.clear()


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """What a backlight step leaves to a challenge that follows at once: a face, and the exposure that it was seen
    under, which is held on. ``end`` must be called on every way out.
    """

    face: LitFace
    exposure: HeldExposure

    def end(self) -> None:
        """Nothing is kept of the face, and the exposure is free. May be repeated."""
        self.face.forget()
        self.exposure.free()


def _by_halves(samples: Sequence[Sample], surface: Surface) -> Sequence[Sample]:
    """All by the display's halves, where any are: the whole display is both of them, with an unknown share of their
    light, since it showed guidance and not white.
    """
    if len({sample.lit.shape[1] for sample in samples}) < 2:
        return samples
    apart = [replace(sample, lit=_apart(sample.lit)) for sample in samples]
    found = light_response(apart, surface)
    if found is None:
        return [sample for sample in samples if sample.lit.shape[1] == 2]
    face = found.known & surface.still
    left, right, whole = found.ours[face].sum(axis=0)
    share = float(np.clip(whole / (left + right), *_GUIDANCE))
    return [replace(sample, lit=sample.lit[:, :2] + share * sample.lit[:, 2:]) for sample in apart]


def _apart(lit: Values) -> Values:
    """(rows, 3) left half, right half, whole display; NaN in all of them where it is in any."""
    none = 0 * lit.sum(axis=1)
    columns = (none, none, *lit.T) if lit.shape[1] == 1 else (*lit.T, none)
    return np.column_stack(columns)
