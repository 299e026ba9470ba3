"""Picture files to pixels: what may be decoded is told from the header first, and errors name the file."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

# (height, width, 3) BGR on sRGB's curve.
Picture = NDArray[np.uint8]

# Four bytes a pixel while decoding: 200 MB, about what a board can spare for one picture.
MAX_PIXELS = 50_000_000
# Bytes of an uncompressed 32-bit bitmap of MAX_PIXELS and its header.
MAX_BYTES = 4 * MAX_PIXELS + 4096
# A terminal's camera gives 1080p at most, so nothing is gained by judging more.
MAX_SIDE = 1920

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_END = b"\xff\xd9"
_BITMAP_CORE_HEADER = 12


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a picture file says of itself before it is decoded.

    width, height: as stored, before an EXIF orientation turns them.
    complete: False where the end of the file is missing. A bitmap does not tell, and is left to the decoder.
    """

    format: str
    width: int
    height: int
    complete: bool


@cache
def quiet_decoders() -> None:
    """Keeps OpenCV and FFmpeg from writing to stderr; a level set in the environment is respected.

    libpng and libjpeg still print a line of their own for some damaged files: they know no switch.
    """
    # OpenCV's FFmpeg backend reads this when it opens its first video. -8 is AV_LOG_QUIET.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        # OpenCV 5 moved the function.
        set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
        set_level(0)


def is_picture(head: bytes) -> bool:
    """Whether a file that begins so (12 bytes or more) is a JPEG, PNG, WebP or BMP picture."""
    return _format(head) is not None


def _format(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(_PNG_SIGNATURE):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    return "BMP" if head.startswith(b"BM") else None


def inspect_picture(data: bytes, name: str) -> PictureHeader:
    """Reads the header without decoding. ``name`` is what an error calls the picture.

    Raises InputError: empty, not one of the four formats, damaged header, no pixels, more than MAX_PIXELS.
    """
    if not data:
        raise InputError(f"{name} is empty", remedy="give a picture that has content")
    picture_format = _format(data)
    if picture_format is None:
        raise InputError(f"{name} is not a picture", remedy="give a JPEG, PNG, WebP or BMP file")
    try:
        header = _HEADERS[picture_format](data)
    except (struct.error, IndexError):
        header = None
    if header is None or header.width < 1 or header.height < 1:
        raise InputError(
            f"{name} begins like a {picture_format} picture, but its header is damaged or cut off",
            remedy="copy or export it again",
        )
    if header.width * header.height > MAX_PIXELS:
        raise InputError(
            f"{name} has {header.width} x {header.height} pixels, above {MAX_PIXELS // 1_000_000} megapixels",
            remedy="scale it down first",
        )
    return header


def _png(data: bytes) -> PictureHeader | None:
    kind, width, height = struct.unpack_from(">4sII", data, 12)
    if kind != b"IHDR":
        return None
    position = len(_PNG_SIGNATURE)
    complete = False
    while position + 12 <= len(data) and not complete:
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + length
        complete = kind == b"IEND" and position <= len(data)
    return PictureHeader("PNG", width, height, complete)


def _jpeg(data: bytes) -> PictureHeader | None:
    width = height = 0
    position = 2
    while True:
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _JPEG_WITHOUT_LENGTH:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 5)
        position += 2 + length
        if marker == 0xDA:
            # This picture's end, not a thumbnail's in its header: coded data never holds the end marker.
            return PictureHeader("JPEG", width, height, data.find(_JPEG_END, position) >= 0)


def _webp(data: bytes) -> PictureHeader | None:
    (size,) = struct.unpack_from("<I", data, 4)
    complete = 8 + size <= len(data)
    chunk = data[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return PictureHeader("WebP", width & 0x3FFF, height & 0x3FFF, complete)
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return PictureHeader("WebP", (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, complete)
    if chunk == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        return PictureHeader("WebP", low_width + (high_width << 16) + 1, low_height + (high_height << 16) + 1, complete)
    return None


def _bmp(data: bytes) -> PictureHeader | None:
    (header_size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_size == _BITMAP_CORE_HEADER else "<ii", data, 18)
    return PictureHeader("BMP", width, abs(height), True)


_HEADERS = {"PNG": _png, "JPEG": _jpeg, "WebP": _webp, "BMP": _bmp}


def decode_picture(data: bytes, name: str, *, max_side: int = MAX_SIDE) -> Picture:
    """Pixels (height, width, 3) uint8, BGR: turned as EXIF says, alpha dropped, 16 bit scaled to 8.

    Larger pictures are scaled down to ``max_side`` on their longer side; of an animation the first picture
    counts. Raises InputError as inspect_picture does, and where the file is cut off or does not decode.
    """
    quiet_decoders()
    header = inspect_picture(data, name)
    if not header.complete:
        raise InputError(f"{name} is cut off before its end", remedy="copy it again")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    # The stubs do not say that imdecode gives None for what it cannot read.
    if pixels is None:
        raise InputError(f"{name} is a damaged {header.format} picture", remedy="copy or export it again")
    return shrink(np.asarray(pixels, np.uint8), max_side)


def shrink(pixels: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """The same picture with its longer side at most ``max_side`` pixels, averaged over area."""
    height, width = pixels.shape[:2]
    factor = max_side / max(height, width)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """A regular file for reading. Raises InputError: missing, denied, a device or pipe (may block)."""
    with reading(path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is not a regular file", remedy="give a picture, a video or a folder of pictures")
        stream = path.open("rb")
    with stream:
        yield stream


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what the operating system says of ``path`` into InputError; the cause stays attached."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", remedy="check the path") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read", remedy="give this user permission to read it") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path} cannot be read: {reason}", remedy="check the path and the disk") from error


def read_picture(path: Path, *, max_side: int = MAX_SIDE) -> Picture:
    """decode_picture of a file. Raises InputError, naming the path."""
    with open_input(path) as stream, reading(path):
        size = os.fstat(stream.fileno()).st_size
        data = stream.read() if size <= MAX_BYTES else b""
    if size > MAX_BYTES:
        raise InputError(
            f"{path} is larger than {MAX_BYTES // 1_000_000} MB",
            remedy="give a picture, compressed or scaled down",
        )
    return decode_picture(data, str(path), max_side=max_side)
