"""What a frame refuses to be, and what it keeps to itself."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.frames.frame import BayerOrder, ColourOrder, Frame, Mosaic


def frame(**fields):
    pixels = np.full((4, 6, 3), 77, np.uint8)
    return Frame(**{"pixels": pixels, "colour": ColourOrder.BGR, "sequence": 0, "captured_at": 0.0, **fields})


def mosaic(shape=(4, 6), kind=np.uint16, black=64, white=1023):
    return Mosaic(np.full(shape, 77, kind), BayerOrder.BGGR, black, white)


def test_raw_values_are_none_unless_the_source_gives_them():
    assert frame(capture=CaptureKind.LIVE).raw is None
    raw = mosaic()
    assert frame(capture=CaptureKind.LIVE, raw=raw).raw is raw


@pytest.mark.parametrize("change", [{"kind": np.uint8}, {"kind": np.int16}, {"shape": (4, 6, 1)}, {"shape": (24,)}])
def test_a_mosaic_has_one_value_of_sixteen_bits_to_a_pixel(change):
    with pytest.raises(ValueError, match="uint16"):
        mosaic(**change)


@pytest.mark.parametrize(("black", "white"), [(-1, 1023), (64, 64), (300, 200), (64, 65536)])
def test_a_mosaics_black_is_below_its_white_within_sixteen_bits(black, white):
    with pytest.raises(ValueError, match="black up to white"):
        mosaic(black=black, white=white)


@pytest.mark.parametrize("shape", [(4, 5), (6, 4), (8, 12), (2, 3)])
def test_a_mosaic_of_another_size_than_the_picture_is_refused(shape):
    with pytest.raises(ValueError, match="is not of a picture"):
        frame(capture=CaptureKind.LIVE, raw=mosaic(shape))


def test_no_pixel_and_no_raw_value_is_shown():
    shown = repr(frame(capture=CaptureKind.LIVE, raw=mosaic()))
    assert "77" not in shown
    assert "BGGR" in shown


@pytest.mark.parametrize(
    ("order", "even", "odd"),
    [(BayerOrder.BGGR, 1, 0), (BayerOrder.RGGB, 1, 0), (BayerOrder.GRBG, 0, 1), (BayerOrder.GBRG, 0, 1)],
)
def test_an_order_knows_its_green_columns(order, even, odd):
    assert order.value[even] == order.value[2 + odd] == "G"
    assert order.first_green == even
