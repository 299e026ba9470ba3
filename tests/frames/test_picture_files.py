from __future__ import annotations

import struct
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.frames.picture import MAX_PIXELS, decode_picture, inspect_picture, is_picture, read_picture, shrink

WIDTH, HEIGHT = 40, 24
NOISE = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
PNG_START = b"\x89PNG\r\n\x1a\n"


def encoded(suffix, pixels=NOISE, *options):
    done, content = cv2.imencode(suffix, pixels, list(options))
    assert done
    return content.tobytes()


PICTURES = {
    "JPEG": encoded(".jpg"),
    "progressive JPEG": encoded(".jpg", NOISE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "PNG": encoded(".png"),
    "lossy WebP": encoded(".webp", NOISE, cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless WebP": encoded(".webp", NOISE, cv2.IMWRITE_WEBP_QUALITY, 101),
    "BMP": encoded(".bmp"),
}


def extended_webp(width, height):
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little")
    body = b"WEBP" + chunk + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def png_header(width, height):
    return PNG_START + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", width, height, 8, 2, 0, 0, 0, 0)


def jpeg_header(width, height):
    return b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width) + bytes(10) + b"\xff\xda\x00\x02"


def bitmap_header(width, height):
    return b"BM" + bytes(12) + struct.pack("<Iii", 40, width, -height) + bytes(24)


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)
def test_the_header_tells_size_and_completeness(data):
    header = inspect_picture(data, "x")
    assert (header.width, header.height, header.complete) == (WIDTH, HEIGHT, True)
    assert is_picture(data[:12])


def test_the_header_of_an_extended_webp_tells_its_size():
    header = inspect_picture(extended_webp(5000, 70), "x")
    assert (header.width, header.height) == (5000, 70)


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)
def test_pixels_are_rows_of_bgr(data):
    pixels = decode_picture(data, "x")
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert pixels.dtype == np.uint8


def test_alpha_is_dropped():
    transparent = np.dstack([NOISE, np.zeros((HEIGHT, WIDTH), np.uint8)])
    assert np.array_equal(decode_picture(encoded(".png", transparent), "x"), NOISE)


def test_sixteen_bits_are_scaled_to_eight():
    assert np.array_equal(decode_picture(encoded(".png", NOISE.astype(np.uint16) << 8), "x"), NOISE)


def test_grey_becomes_three_equal_channels():
    pixels = decode_picture(encoded(".png", NOISE[:, :, 0]), "x")
    assert np.array_equal(pixels, np.repeat(NOISE[:, :, :1], 3, axis=2))


def test_a_large_picture_is_scaled_down_to_the_longest_side():
    assert decode_picture(encoded(".png"), "x", max_side=10).shape == (6, 10, 3)


def test_scaling_down_keeps_at_least_one_pixel():
    assert shrink(np.zeros((1, 4000, 3), np.uint8), 100).shape == (1, 100, 3)


@pytest.mark.parametrize("header", [png_header, jpeg_header, bitmap_header, extended_webp])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(header):
    side = 16_000
    assert side * side > MAX_PIXELS
    with pytest.raises(InputError, match="huge has 16000 x 16000 pixels, above 50 megapixels"):
        decode_picture(header(side, side), "huge")


@pytest.mark.parametrize("header", [png_header, jpeg_header, bitmap_header])
def test_a_picture_without_pixels_is_refused(header):
    with pytest.raises(InputError, match="header is damaged"):
        inspect_picture(header(0, 10), "x")


def test_a_thumbnail_in_the_header_does_not_make_a_cut_off_picture_complete():
    data = PICTURES["JPEG"]
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(data)) + data
    whole = data[:2] + thumbnail + data[2:]
    assert inspect_picture(whole, "x").complete
    assert not inspect_picture(whole[:-20], "x").complete


def test_what_follows_the_end_of_a_picture_is_not_missed():
    assert decode_picture(PICTURES["JPEG"] + b"appended by a camera", "x").shape == (HEIGHT, WIDTH, 3)


def test_an_empty_file_and_no_picture_are_told_apart():
    with pytest.raises(InputError, match="x is empty"):
        decode_picture(b"", "x")
    with pytest.raises(InputError, match="x is not a picture"):
        decode_picture(b"GIF89a", "x")


def test_a_picture_whose_data_is_damaged_is_refused():
    data = bytearray(PICTURES["lossless WebP"])
    data[40:] = bytes(len(data) - 40)
    with pytest.raises(InputError, match="x is a damaged WebP picture"):
        decode_picture(bytes(data), "x")


def test_a_file_of_endless_bytes_is_refused_by_its_size(tmp_path):
    path = tmp_path / "endless.bmp"
    with path.open("wb") as stream:
        stream.write(b"BM")
        stream.truncate(300_000_000)
    with pytest.raises(InputError, match=r"endless\.bmp is larger than 200 MB"):
        read_picture(path)


@given(st.sampled_from(sorted(PICTURES)), st.data())
@settings(deadline=None)
def test_no_beginning_of_a_picture_passes_for_the_whole(name, data):
    whole = PICTURES[name]
    length = data.draw(st.integers(0, len(whole) - 1))
    if name == "BMP":
        # Rows are padded to four bytes; here none is, so every byte counts.
        assert WIDTH % 4 == 0
    with pytest.raises(InputError):
        decode_picture(whole[:length], "x")


@given(st.sampled_from(sorted(PICTURES)), st.data())
def test_a_damaged_header_is_refused_in_words_or_read(name, data):
    content = bytearray(PICTURES[name])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, min(len(content), 200) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        header = inspect_picture(bytes(content), "x")
        assert 0 < header.width * header.height <= MAX_PIXELS
