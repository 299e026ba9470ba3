from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.frames.frame import BayerOrder, ColourOrder, Exposure, Frame, Mosaic
from edge.liveness.evidence import FaceBox
from edge.vision.banding import BandSearch

BOX = FaceBox(240, 140, 160, 200)
LINE = 30e-6
BLANK = np.zeros((480, 640, 3), np.uint8)


def frames(*, face=0.0, room=0.0, hertz=400.0, fps=30.0, exposure=0.001, count=12, seed=1, line_time=LINE):
    """A grey picture with noise whose light is modulated row by row, by ``face`` of it between two columns."""
    rng = np.random.default_rng(seed)
    texture = 300 + 100 * rng.random((480, 640))
    for number in range(count):
        start = number / fps
        middles = start + exposure / 2 + np.arange(480) * line_time
        wave = np.sinc(hertz * exposure) * np.cos(2 * np.pi * hertz * middles)[:, None]
        light = texture.copy()
        light[:, 180:460] *= 1 + face * wave
        light[:, :180] *= 1 + room * wave
        light[:, 460:] *= 1 + room * wave
        raw = Mosaic((64 + light + 4 * rng.standard_normal(light.shape)).astype(np.uint16), BayerOrder.BGGR, 64, 1023)
        seen = Exposure(start, exposure, line_time, 1.0)
        yield Frame(BLANK, ColourOrder.BGR, number, start + exposure, CaptureKind.SIMULATED, exposure=seen, raw=raw)


def search(given, box=BOX):
    bands = BandSearch()
    found = [bands.saw(frame, box) for frame in given]
    assert all(banding is None for banding in found[:-1])
    return found[-1]


@pytest.mark.parametrize("hertz", [217.0, 400.0, 733.0])
def test_a_face_that_pulses_shows_its_frequency_and_depth(hertz):
    banding = search(frames(face=0.05, hertz=hertz))
    # Between two tones a frame rate apart a few rows tell little.
    assert min(abs(banding.frequency - hertz) % 30, 30 - abs(banding.frequency - hertz) % 30) <= 1.5
    assert banding.depth == pytest.approx(0.05 * np.sinc(hertz * 0.001), rel=0.4)
    assert banding.share > 0.7
    assert banding.room < 0.002


def test_lamps_that_pulse_show_in_the_room_as_well():
    banding = search(frames(face=0.05, room=0.05))
    assert banding.room == pytest.approx(banding.depth, rel=0.2)


def test_noise_is_no_tone():
    assert search(frames()).share < 0.1


def test_an_exposure_of_whole_pulses_shows_nothing():
    assert search(frames(face=0.05, hertz=400.0, exposure=0.005)).share < 0.1


def test_bands_that_stand_still_are_not_seen():
    assert search(frames(face=0.05, hertz=240.2)).share < 0.1


def test_a_face_that_moves_begins_anew():
    bands = BandSearch()
    boxes = [BOX] * 8 + [FaceBox(260, 140, 160, 200)] * 8
    assert [bands.saw(frame, box) for frame, box in zip(frames(count=16), boxes, strict=True)] == [None] * 16


@pytest.mark.parametrize(
    ("box", "changes"),
    [
        (FaceBox(10, 10, 620, 460), {}),
        (FaceBox(240, 140, 30, 40), {}),
        (BOX, {"line_time": 0.0}),
    ],
    ids=["no room in sight", "a small face", "a global shutter"],
)
def test_what_cannot_be_judged_gives_nothing(box, changes):
    assert search(frames(face=0.05, **changes), box) is None
