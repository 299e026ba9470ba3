"""What strangers send as a reference image."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import time
import warnings
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from edge.contracts.enums import ErrorCode
from edge.frames import reference_image
from edge.frames.covered import CoveredBuffers
from edge.frames.picture_structure import MAX_PASSES
from edge.frames.reference_image import MAX_SIDE, open_reference, read_reference
from edge.frames.reference_refused import ReferenceRefused

WIDTH, HEIGHT = 96, 72
# Smooth, so that lossy formats keep it nearly; no two corners alike.
ACROSS, DOWN = np.linspace(0, 255, WIDTH), np.linspace(0, 255, HEIGHT)[:, None]
PIXELS = np.stack([ACROSS + 0 * DOWN, DOWN + 0 * ACROSS, (ACROSS + DOWN) / 2], axis=-1).astype(np.uint8)
PICTURE = Image.fromarray(PIXELS)
ORIENTATION = 0x0112


def encoded(kind, picture=PICTURE, **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


FILES = {
    "JPEG": encoded("JPEG", quality=95, subsampling=0),
    "progressive JPEG": encoded("JPEG", quality=95, subsampling=0, progressive=True),
    "PNG": encoded("PNG"),
    "WEBP": encoded("WEBP", quality=95),
    "lossless WEBP": encoded("WEBP", lossless=True),
    "WEBP with metadata": encoded("WEBP", lossless=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
    "BMP": encoded("BMP"),
    "palette PNG": encoded("PNG", PICTURE.quantize(64)),
    "palette BMP": encoded("BMP", PICTURE.quantize(64)),
    "grey JPEG": encoded("JPEG", PICTURE.convert("L")),
    "grey PNG": encoded("PNG", PICTURE.convert("L")),
    "opaque RGBA PNG": encoded("PNG", PICTURE.convert("RGBA")),
    "opaque RGBA WEBP": encoded("WEBP", PICTURE.convert("RGBA"), lossless=True),
}
RGB = [name for name in FILES if "grey" not in name]


def opened(content, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return open_reference(content, CoveredBuffers(), **options)


def refused(content, **options):
    with pytest.raises(ReferenceRefused) as caught:
        opened(content, **options)
    # Nobody who logs it finds pixels or a library's own words.
    assert caught.value.__context__ is None
    return caught.value.code


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, *chunks, bits=8, colour=2):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def inserted(content, *chunks):
    """Into a PNG, after its header."""
    return content[:33] + b"".join(chunks) + content[33:]


def webp(*chunks):
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(each)) + each + bytes(len(each) % 2) for kind, each in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def canvas(width, height, flags=0):
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes([flags, 0, 0, 0]) + size


def bitmap(width, height, bits=24, compression=0, start=54):
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + (abs(width) * bits + 31) // 32 * 4 * abs(height), 0, 0, start) + header


def jpeg_header(width, height, *, bits=8, channels=3, marker=0xC0, at_once=None):
    parts = b"".join(bytes([part + 1, 0x11, 0]) for part in range(channels))
    frame = struct.pack(">BHHB", bits, height, width, channels) + parts
    at_once = at_once or channels
    scan = bytes([at_once]) + b"".join(bytes([part + 1, 0]) for part in range(at_once)) + b"\0?\0"
    return (
        b"\xff\xd8"
        + bytes([0xFF, marker])
        + struct.pack(">H", 2 + len(frame))
        + frame
        + b"\xff\xda"
        + struct.pack(">H", 2 + len(scan))
        + scan
        + b"\xff\xd9"
    )


def oriented(kind, picture, orientation, **options):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(kind, picture, exif=exif, **options)


@pytest.mark.parametrize("name", RGB)
def test_every_format_gives_the_picture_in_rgb(name):
    picture = opened(FILES[name])
    assert picture.pixels.shape == (HEIGHT, WIDTH, 3)
    assert picture.scale == 1
    assert np.abs(picture.pixels.astype(int) - PIXELS).mean() < (12 if "palette" in name else 3)


@pytest.mark.parametrize("name", ["grey JPEG", "grey PNG"])
def test_grey_becomes_three_equal_channels(name):
    pixels = opened(FILES[name]).pixels
    assert (pixels == pixels[:, :, :1]).all()
    assert np.abs(pixels[:, :, 0].astype(int) - np.asarray(PICTURE.convert("L"))).mean() < 3


@pytest.mark.parametrize("content", [bytearray(FILES["PNG"]), bytearray(FILES["WEBP"])])
def test_bytes_that_can_be_overwritten_are_read_as_well_and_left_as_they_are(content):
    before = bytes(content)
    assert opened(content).pixels.shape == (HEIGHT, WIDTH, 3)
    assert content == before


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_comes_upright_by_each_orientation(kind, orientation):
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}, "PNG": {}}[kind]
    content = oriented(kind, PICTURE, orientation, **options)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
    pixels = opened(content).pixels
    assert pixels.shape == upright.shape
    assert np.abs(pixels.astype(int) - upright).mean() < 1


@pytest.mark.parametrize("orientation", [0, 9, 700])
def test_an_orientation_that_there_is_not_turns_nothing(orientation):
    assert np.array_equal(opened(oriented("PNG", PICTURE, orientation)).pixels, PIXELS)


def test_metadata_that_cannot_be_read_turns_nothing():
    content = encoded("JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(40))
    assert opened(content).pixels.shape == (HEIGHT, WIDTH, 3)


def test_nothing_of_the_metadata_comes_along():
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    picture = opened(encoded("PNG", exif=exif))
    assert not hasattr(picture, "__dict__")
    assert set(picture.__slots__) == {"pixels", "scale"}
    assert "pixels" not in repr(picture)
    assert "home" not in repr(vars(type(picture))) + repr(picture)


@pytest.mark.parametrize(("side", "scale"), [(MAX_SIDE, 1), (2 * MAX_SIDE, 2), (3 * MAX_SIDE, 4)])
def test_a_large_jpeg_is_decoded_smaller(side, scale):
    large = PICTURE.resize((side, side // 2))
    picture = opened(encoded("JPEG", large))
    assert picture.scale == scale
    assert picture.pixels.shape == (side // 2 // scale, side // scale, 3)
    assert np.abs(picture.pixels[:, :, 0].mean(axis=0) - np.linspace(0, 255, side // scale)).max() < 6


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP"])
def test_other_large_pictures_are_averaged_after_decoding(kind):
    large = PICTURE.resize((1401, 601))
    picture = opened(encoded(kind, large))
    assert picture.scale == 2
    assert picture.pixels.shape == (300, 700, 3)
    averaged = np.asarray(large, float)[:600, :1400].reshape(300, 2, 700, 2, 3).mean(axis=(1, 3))
    assert np.abs(picture.pixels - averaged).max() < (12 if kind == "WEBP" else 1)


def test_the_pixels_lie_in_covered_memory_and_go_with_it():
    buffers = CoveredBuffers()
    picture = open_reference(FILES["PNG"], buffers)
    assert picture.pixels.any()
    buffers.wipe()
    assert not picture.pixels.any()


@pytest.mark.parametrize("name", FILES)
def test_pillow_keeps_no_pixels(name, monkeypatch):
    images = []
    original = reference_image._opened

    def remembered(kind, stream):
        images.append(original(kind, stream))
        return images[-1]

    monkeypatch.setattr(reference_image, "_opened", remembered)
    opened(FILES[name])
    assert not any(images[0].im.getbbox() or ())


@pytest.mark.parametrize("content", [b"", bytearray()])
def test_an_empty_file_is_refused(content):
    assert refused(content) is ErrorCode.CONTENT_DECODING_ERROR


@pytest.mark.parametrize(
    "content",
    [
        b"not a picture at all",
        b"\0" * 100,
        encoded("GIF", PICTURE.quantize(16)),
        encoded("TIFF"),
        encoded("PPM"),
        b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"/>',
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
        b"%PDF-1.7\n",
    ],
    ids=["words", "zeros", "GIF", "TIFF", "PPM", "SVG", "EPS", "PDF"],
)
def test_what_is_no_picture_of_the_four_formats_is_refused(content):
    assert refused(content) is ErrorCode.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize("name", FILES)
def test_a_file_above_the_limit_is_refused_whatever_it_is(name):
    content = FILES[name]
    assert refused(content, max_bytes=len(content) - 1) is ErrorCode.IMAGE_SIZE_IS_TOO_LARGE
    assert opened(content, max_bytes=len(content)).pixels.any()


HUGE = {
    "PNG": png(50_000, 50_000, chunk(b"IDAT", zlib.compress(bytes(1000)))),
    "JPEG": jpeg_header(50_000, 50_000),
    "progressive JPEG": jpeg_header(2000, 2000, marker=0xC2),
    "JPEG of a channel after the other": jpeg_header(2000, 2000, at_once=1),
    "WEBP": webp((b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16_000, 16_000) + bytes(20))),
    "lossless WEBP": webp((b"VP8L", b"\x2f" + struct.pack("<I", 15_999 | 15_999 << 14) + bytes(20))),
    "WEBP with a canvas": webp(canvas(16_000, 16_000), (b"VP8L", b"\x2f" + struct.pack("<I", 15_999 | 15_999 << 14))),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(name, monkeypatch):
    monkeypatch.setattr(reference_image, "_decoded", None)
    assert refused(HUGE[name]) is ErrorCode.IMAGE_SIZE_IS_TOO_LARGE


def test_a_bitmap_that_claims_more_than_it_has_is_cut_off():
    assert refused(bitmap(30_000, 30_000) + bytes(1000)) is ErrorCode.CONTENT_DECODING_ERROR


def test_a_webp_whose_canvas_hides_a_larger_picture_is_refused():
    content = webp(canvas(100, 100), (b"VP8L", b"\x2f" + struct.pack("<I", 15_999 | 15_999 << 14)))
    assert refused(content) is ErrorCode.CONTENT_DECODING_ERROR


@pytest.mark.parametrize("size", [(63, 400), (400, 63), (1, 1)])
def test_a_tiny_picture_is_refused(size):
    assert refused(encoded("PNG", PICTURE.resize(size))) is ErrorCode.IMAGE_SIZE_IS_TOO_SMALL


@pytest.mark.parametrize("content", [png(0, 80), jpeg_header(0, 80), bitmap(0, 80), bitmap(-80, 80)])
def test_a_picture_without_pixels_is_refused(content):
    assert refused(content) is ErrorCode.CONTENT_DECODING_ERROR


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_an_animation_is_refused(kind):
    others = [PICTURE.transpose(Image.Transpose.ROTATE_180)]
    content = encoded(kind, PICTURE, save_all=True, append_images=others, duration=100)
    assert refused(content) is ErrorCode.UNSUPPORTED_MEDIA_TYPE


def test_several_pictures_in_one_jpeg_are_refused():
    content = encoded("MPO", PICTURE, save_all=True, append_images=[PICTURE])
    assert refused(content) is ErrorCode.CONTENT_DECODING_ERROR


SIXTEEN = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(80 * 6) for _ in range(80))))
RARE = {
    "CMYK JPEG": encoded("JPEG", PICTURE.convert("CMYK")),
    "JPEG of 12 bits": jpeg_header(80, 80, bits=12, marker=0xC1),
    "lossless JPEG": jpeg_header(80, 80, marker=0xC3),
    "arithmetic JPEG": jpeg_header(80, 80, marker=0xC9),
    "JPEG of two channels": jpeg_header(80, 80, channels=2),
    "grey PNG of 16 bits": encoded("PNG", Image.fromarray(np.zeros((80, 80), np.uint16))),
    "RGB PNG of 16 bits": png(80, 80, SIXTEEN, bits=16),
    "PNG of one bit": encoded("PNG", PICTURE.convert("1")),
    "PNG of grey with alpha": encoded("PNG", PICTURE.convert("LA")),
    "PNG with a transparent colour": encoded("PNG", transparency=(1, 2, 3)),
    "palette PNG with transparency": encoded("PNG", PICTURE.quantize(16), transparency=3),
    "transparent PNG": encoded("PNG", Image.fromarray(np.dstack([PIXELS, np.full((HEIGHT, WIDTH), 254, np.uint8)]))),
    "transparent WEBP": encoded("WEBP", Image.fromarray(np.dstack([PIXELS, PIXELS[:, :, 0]])), lossless=True),
    "compressed BMP": bitmap(80, 80, bits=8, compression=1) + bytes(100),
    "BMP that is a JPEG within": bitmap(80, 80, bits=0, compression=4) + FILES["JPEG"],
    "BMP of one bit": encoded("BMP", PICTURE.convert("1")),
    "PNG with many texts": inserted(FILES["PNG"], *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000)))] * 9),
}


@pytest.mark.parametrize("name", RARE)
def test_pictures_of_rare_kinds_are_refused(name):
    assert refused(RARE[name]) is ErrorCode.UNSUPPORTED_MEDIA_TYPE


def test_a_jpeg_that_asks_for_endless_passes_is_refused():
    content = FILES["progressive JPEG"]
    last = content.rindex(b"\xff\xda")
    assert refused(content[:-2] + content[last:-2] * (MAX_PASSES + 1) + b"\xff\xd9") is ErrorCode.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize(
    "content",
    [
        FILES["JPEG"][:2] + b"\xff" * 2_000_000 + FILES["JPEG"][2:],
        FILES["JPEG"][:2] + b"\xff\xfe\0\x02" * 500_000 + FILES["JPEG"][2:],
        inserted(FILES["PNG"], chunk(b"tEXt", b"") * 160_000),
        webp(*[(b"XMP ", b"")] * 240_000),
    ],
    ids=["fill bytes", "segments", "PNG chunks", "WEBP chunks"],
)
def test_a_file_in_endless_parts_is_refused_before_they_are_read(content, monkeypatch):
    monkeypatch.setattr(reference_image, "_decoded", None)
    begun = time.process_time()
    assert refused(content) in {ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.CONTENT_DECODING_ERROR}
    assert time.process_time() - begun < 0.5


def test_nothing_hides_in_the_last_chunk_of_a_png():
    content = FILES["PNG"][:-12] + chunk(b"IEND", b"an archive")
    assert refused(content) is ErrorCode.CONTENT_DECODING_ERROR


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("hidden", [b"PK\x03\x04 an archive", b"\0" * 40 + b"<script>", FILES["JPEG"], b"\xff\xd9"])
def test_a_file_that_goes_on_after_its_picture_is_refused(name, hidden):
    assert refused(FILES[name] + hidden) is ErrorCode.CONTENT_DECODING_ERROR


@pytest.mark.parametrize("name", FILES)
def test_zeros_that_fill_a_block_of_storage_do_no_harm(name):
    assert np.array_equal(opened(FILES[name] + bytes(512)).pixels, opened(FILES[name]).pixels)


def test_a_thumbnail_does_not_end_a_picture():
    thumbnail = FILES["JPEG"]
    content = thumbnail[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail + thumbnail[2:]
    assert np.array_equal(opened(content).pixels, opened(thumbnail).pixels)
    assert refused(content[:-40]) is ErrorCode.CONTENT_DECODING_ERROR


@given(st.sampled_from(sorted(FILES)), st.data())
@settings(deadline=None, max_examples=150)
def test_no_beginning_of_a_picture_passes_for_the_whole(name, data):
    length = data.draw(st.integers(12, len(FILES[name]) - 1))
    assert refused(FILES[name][:length]) is ErrorCode.CONTENT_DECODING_ERROR


@given(st.sampled_from(sorted(FILES)), st.data())
@settings(deadline=None, max_examples=300)
def test_damage_is_refused_or_read_and_never_ends_in_a_librarys_error(name, data):
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ReferenceRefused):
        assert max(opened(bytes(content)).pixels.shape) <= MAX_SIDE


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF\0\0\0\0WEBP"])
)
@settings(deadline=None)
def test_no_bytes_end_in_a_librarys_error(content, head):
    with pytest.raises(ReferenceRefused):
        opened(head + content)


def test_a_file_is_read_no_further_than_is_allowed(tmp_path):
    path = tmp_path / "endless.jpg"
    with path.open("wb") as stream:
        stream.write(FILES["JPEG"])
        stream.truncate(3_000_000_000)
    with pytest.raises(ReferenceRefused, match="larger than 6291456 bytes"):
        read_reference(path, CoveredBuffers())
    path.write_bytes(FILES["JPEG"])
    assert read_reference(path, CoveredBuffers()).pixels.shape == (HEIGHT, WIDTH, 3)


def test_a_refusal_crosses_processes_whole():
    refusal = ReferenceRefused(ErrorCode.FACE_NOT_FOUND, "nobody", remedy="somebody")
    again = pickle.loads(pickle.dumps(refusal))
    assert (again.code, str(again)) == (refusal.code, str(refusal))


def test_no_reader_of_another_format_is_ever_loaded():
    script = (
        "import sys; from edge.frames.covered import CoveredBuffers; from edge.frames.reference_image import *\n"
        "assert not [name for name in sys.modules if name.startswith('PIL')], 'loaded before it is needed'\n"
        "open_reference(sys.stdin.buffer.read(), CoveredBuffers())\n"
        "print(*sorted(name for name in sys.modules if name.startswith('PIL.') and name.endswith('Plugin')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=FILES["PNG"], capture_output=True, timeout=60, check=True
    )
    loaded = set(done.stdout.decode().split())
    assert "PIL.PngImagePlugin" in loaded
    # EXIF is a TIFF without pictures; its parser is in that plugin.
    assert loaded <= {"PIL.PngImagePlugin", "PIL.TiffImagePlugin"}
