from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contracts.enums import CaptureKind
from edge.frames.frame import ColourOrder, Frame
from edge.guidance.patterns import GUIDANCE_LIT
from edge.hardware.mirror import COLUMNS, ROWS, Mirror, light, tones


def frame(pixels, order=ColourOrder.BGR):
    return Frame(np.ascontiguousarray(pixels, np.uint8), order, 0, 0.0, CaptureKind.LIVE)


def stretched(columns, rows=96):
    """A picture whose columns have these greys."""
    return np.repeat(np.repeat(np.asarray(columns, np.uint8)[None, :, None], rows, 0), 3, 2)


@given(left=st.floats(0.9, 1.0), apart=st.floats(-0.08, 0.08), share=st.floats(0.12, 0.3), seen=st.floats(0, 1))
def test_a_page_that_leaves_room_gives_the_light_of_guidance_whatever_is_seen(left, apart, share, seen):
    right = min(left + apart, 1.0)
    found = tones((left, right), share)
    assert 0.0 <= found.darkest <= found.brightest <= 1.0
    mirrored = found.darkest + seen * (found.brightest - found.darkest)
    for half in (left, right):
        assert half - share * (1 - mirrored) == pytest.approx(GUIDANCE_LIT, abs=0.05)


def test_a_page_that_leaves_no_room_gets_one_even_grey():
    found = tones((0.80, 0.99), 0.1)
    assert found.darkest == found.brightest
    assert len(set(found.codes.tolist())) == 1


@pytest.mark.parametrize(("code", "linear"), [(0, 0.0), (188, 0.503), (255, 1.0)])
def test_light_is_linear(code, linear):
    assert light(np.full((4, 6, 3), code, np.uint8)) == pytest.approx(linear, abs=0.001)


def test_codes_are_the_inverse_of_light():
    codes = tones((0.95, 0.95), 0.12).codes
    given_back = [light(np.full((1, 1, 1), code, np.uint8)) for code in codes.tolist()]
    found = tones((0.95, 0.95), 0.12)
    assert given_back == pytest.approx(np.linspace(found.darkest, found.brightest, 256), abs=0.005)


def test_the_middle_of_a_wide_picture_is_taken_at_its_full_height():
    # The outer parts are white, and nothing of them is seen.
    wide = np.full((480, 640, 3), 255, np.uint8)
    wide[:, 140:500] = np.linspace(20, 120, 360)[None, :, None]
    seen = Mirror().saw(frame(wide))
    assert seen.shape == (ROWS, COLUMNS)
    assert (np.diff(seen[10].astype(int)) <= 0).all()
    assert seen[10, 0] > 240
    assert seen[10, -1] < 15


def test_the_middle_of_a_tall_picture_is_taken_at_its_full_width():
    tall = np.full((640, 240, 3), 255, np.uint8)
    tall[160:480] = np.linspace(20, 120, 320)[:, None, None]
    seen = Mirror().saw(frame(tall))
    assert (np.diff(seen[:, 5].astype(int)) >= 0).all()


def test_red_and_blue_are_as_grey_whichever_comes_first():
    pixels = np.zeros((96, 72, 3), np.uint8)
    pixels[:48] = (200, 30, 10)
    pixels[48:] = (10, 30, 200)
    one, other = Mirror(), Mirror()
    blue_first = one.saw(frame(pixels)).copy()
    red_first = other.saw(frame(pixels[:, :, ::-1], ColourOrder.RGB))
    assert (blue_first == red_first).all()


def test_noise_alone_is_no_picture():
    noise = np.random.default_rng(0).integers(118, 122, (96, 72, 3), np.uint8)
    seen = Mirror().saw(frame(noise)).astype(int)
    assert seen.max() - seen.min() < 32


def test_what_was_seen_is_overwritten():
    mirror = Mirror()
    seen = mirror.saw(frame(stretched(range(0, 216, 3))))
    assert seen.any()
    mirror.forget()
    assert not seen.any()
    parts = [part for part in vars(mirror).values() if isinstance(part, np.ndarray)]
    assert len(parts) == 3
    assert not any(part.any() for part in parts)
