"""How long a face may be exposed."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.frames.frame import ColourOrder, Frame, Tone
from edge.liveness.evidence import FaceBox
from edge.session.exposure_timing import longer_exposure

FACE = FaceBox(left=100, top=60, width=80, height=100)


def picture(face, around=255, tone=Tone.SRGB):
    """A grey face on grey, values of eight bits."""
    pixels = np.full((240, 320, 3), around, np.uint8)
    pixels[60:160, 100:180] = face
    return Frame(pixels, ColourOrder.BGR, 0, 0.0, CaptureKind.SIMULATED, tone=tone)


@pytest.mark.parametrize(
    ("face", "longer"),
    [
        # Of sRGB's curve: 0.214, 0.051 and 0.584 of full scale; 0.7 are bright, and no more than four times as long.
        (127, pytest.approx(0.7 / 0.2122, rel=0.01)),
        (63, 4.0),
        (240, 1.0),
    ],
)
def test_a_face_that_is_dark_in_its_picture_may_be_exposed_for_longer(face, longer):
    assert longer_exposure(picture(face), FACE) == longer


def test_what_is_bright_beside_the_face_does_not_count():
    assert longer_exposure(picture(127, around=255), FACE) == longer_exposure(picture(127, around=0), FACE)


def test_a_bright_part_of_the_face_counts():
    frame = picture(63)
    frame.pixels[100:120, 130:150] = 240
    assert longer_exposure(frame, FACE) == 1.0


def test_a_face_out_of_the_picture_and_values_of_no_known_curve_change_nothing():
    assert longer_exposure(picture(63), FaceBox(left=330, top=60, width=80, height=100)) == 1.0
    assert longer_exposure(picture(63, tone=None), FACE) == 1.0
