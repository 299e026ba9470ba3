"""What is gathered of a face in the terminal's light."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.frames.display import DisplayGeometry
from edge.hardware.ports import CameraTraits
from edge.session.lit_face import LitFace
from edge.vision.face_patch import CELLS, Patch
from edge.vision.light_response import Sample

DISPLAY = DisplayGeometry(0.154, 0.086, 0.0, 0.06)
CAMERA = CameraTraits("a camera", CaptureKind.SIMULATED, exposure_metadata=True, focal=0.87)


def sample(level: float, *lit: float) -> Sample:
    levels = np.full((CELLS, CELLS), level, np.float32)
    patch = Patch(levels, np.zeros_like(levels), np.arange(CELLS, dtype=np.float64))
    return Sample(patch, 0.0, np.tile(np.array(lit), (CELLS, 1)))


@pytest.mark.parametrize(("full", "outshone"), [(1.3, False), (9.0, True)])
def test_samples_of_a_backlight_step_and_of_a_code_on_halves_are_weighed_together(full, outshone):
    face = LitFace(DISPLAY, CAMERA)
    face._samples = [sample(full, 1.0), sample(1.0, 0.0), sample(1.1, 1.0, 0.0), sample(full, 1.0, 1.0)]
    assert face.outshone() is outshone


def test_where_our_light_never_was_off_nothing_is_said():
    face = LitFace(DISPLAY, CAMERA)
    face._samples = [sample(9.0, 1.0), sample(5.0, 1.0, 0.0)]
    assert not face.outshone()
