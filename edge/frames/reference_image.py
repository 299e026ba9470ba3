"""A reference image, which anybody may have made, to upright pixels.

What a decoder would have to do is known before it does it (``picture_structure``), and Pillow's plugin for that format
alone is used: its search among all the formats that it knows is never asked.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import ErrorCode
from edge.contracts.verification import MAX_IMAGE_BYTES
from edge.frames.covered import CoveredBuffers
from edge.frames.picture import open_input, reading
from edge.frames.picture_structure import MAX_PASSES, PictureKind, Structure, structure_of
from edge.frames.reference_refused import ReferenceRefused
from edge.frames.wiping import overwrite

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Pixels = NDArray[np.uint8]

MAX_SIDE: Final = 1280
"""Of what is handed on: a face that fills an eighth of it is as large as the networks see any."""
# What decoding takes grows with pixels, whatever bytes there are: Pillow holds 4 bytes for each, the coefficients of a
# progressive JPEG take 6, and libwebp's decoder of animations, the only one that Pillow has, 12, or 16 without loss.
# A JPEG of one pass is decoded at a half, a quarter or an eighth; its limit is for time. docs/verify.md has what was
# measured.
_MAX_PIXELS: Final[Mapping[PictureKind, int]] = MappingProxyType(
    {
        PictureKind.JPEG: 25_000_000,
        PictureKind.PNG: 2_500_000,
        PictureKind.BMP: 2_500_000,
        PictureKind.WEBP: 1_000_000,
    }
)
_MAX_PIXELS_IN_PASSES: Final[Mapping[PictureKind, int]] = MappingProxyType(
    {PictureKind.JPEG: 2_100_000, PictureKind.WEBP: 700_000}
)
MIN_SIDE: Final = 64
"""Pixels: a smaller picture holds no face of a size that is compared."""

_MODES: Final = frozenset({"RGB", "RGBA", "P", "L"})
_SCALES: Final = (1, 2, 4, 8)
_OPAQUE: Final = 255
_ORIENTATION: Final = 0x0112
# By EXIF's orientation, how the upright picture becomes the stored one: transposed, then rows turned, columns turned.
_TO_STORED: Final[Mapping[int, tuple[bool, bool, bool]]] = MappingProxyType(
    {
        1: (False, False, False),
        2: (False, False, True),
        3: (False, True, True),
        4: (False, True, False),
        5: (True, False, False),
        6: (True, True, False),
        7: (True, True, True),
        8: (True, False, True),
    }
)
# Bytes: what passes from Pillow to numpy at a time, through memory that is not overwritten.
_STRIP: Final = 64 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class ReferencePicture:
    """A decoded reference. ``repr`` shows no values.

    pixels: (height, width, 3) uint8 RGB, upright, in covered memory; whoever has it overwrites it.
    scale: pixels of the file, upright, to one of ``pixels``.
    """

    pixels: Pixels = field(repr=False)
    scale: int


class _Bytes(io.RawIOBase):
    """A stream over somebody's bytes, of which ``io.BytesIO`` would make a copy that is not overwritten."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._content)}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        end = None if size is None or size < 0 else self._position + size
        part = bytes(self._content[self._position : end])
        self._position += len(part)
        return part


def open_reference(
    content: bytes | bytearray, buffers: CoveredBuffers, *, max_bytes: int = MAX_IMAGE_BYTES
) -> ReferencePicture:
    """Pixels of a JPEG, PNG, WEBP or BMP file; metadata is left behind, after its orientation was followed.

    buffers: where the pixels lie. ``content`` is read only.
    Raises ReferenceRefused and nothing else: ImageSizeIsTooLarge, ImageSizeIsTooSmall, UnsupportedMediaType and
    ContentDecodingError.
    """
    if len(content) > max_bytes:
        raise ReferenceRefused(
            ErrorCode.IMAGE_SIZE_IS_TOO_LARGE,
            f"the reference image is larger than {max_bytes} bytes",
            remedy="scale it down, or compress it more",
        )
    structure = structure_of(content)
    _check(structure)
    refused: ReferenceRefused | None = None
    # Pillow warns of what is odd in metadata, and raises of almost every kind. What it raises is not told along: its
    # traceback holds pixels.
    with warnings.catch_warnings(), memoryview(content) as view, _Bytes(view) as stream:
        warnings.simplefilter("ignore")
        try:
            return _decoded(structure, cast(IO[bytes], stream), buffers)
        except ReferenceRefused as error:
            refused = error
        except Exception:  # whatever a library makes of what strangers send
            refused = ReferenceRefused(
                ErrorCode.CONTENT_DECODING_ERROR,
                f"the {structure.kind} reference cannot be decoded",
                remedy="export the picture again",
            )
    raise refused.with_traceback(None)


def read_reference(path: Path, buffers: CoveredBuffers, *, max_bytes: int = MAX_IMAGE_BYTES) -> ReferencePicture:
    """``open_reference`` of a file, of which no more is read than is allowed, and what was read is overwritten.

    Raises InputError where it cannot be read.
    """
    with open_input(path) as stream, reading(path):
        content = bytearray(min(path.stat().st_size, max_bytes + 1))
        del content[cast(io.BufferedReader, stream).readinto(content) :]
    try:
        return open_reference(content, buffers, max_bytes=max_bytes)
    finally:
        overwrite(content)


def _check(structure: Structure) -> None:
    """What must not reach the decoder."""
    kind, width, height = structure.kind, structure.width, structure.height
    most = (_MAX_PIXELS_IN_PASSES if structure.passes else _MAX_PIXELS)[kind]
    if width * height > most:
        how = {PictureKind.JPEG: "progressive ", PictureKind.WEBP: "lossless "}[kind] if structure.passes else ""
        raise ReferenceRefused(
            ErrorCode.IMAGE_SIZE_IS_TOO_LARGE,
            f"the {how}{kind} reference has {width} x {height} pixels, above {most / 1e6:g} megapixels",
            remedy="scale it down, or save it as a JPEG that is not progressive",
        )
    if min(width, height) < MIN_SIDE:
        raise ReferenceRefused(
            ErrorCode.IMAGE_SIZE_IS_TOO_SMALL,
            f"the reference image has {width} x {height} pixels, below {MIN_SIDE} on one side",
            remedy="send one whose face is 200 pixels wide or more",
        )
    if structure.animated:
        raise _unsupported("has several pictures")
    if structure.transparent:
        raise _unsupported("is transparent in places")
    if structure.channels not in {0, 1, 3}:
        raise _unsupported("is not in RGB or grey: CMYK or the like")
    if structure.bits > 8 and kind is not PictureKind.BMP:
        raise _unsupported(f"has {structure.bits} bits to a sample")
    if structure.passes > MAX_PASSES:
        raise _unsupported(f"is coded in {structure.passes} passes")


def _decoded(structure: Structure, stream: IO[bytes], buffers: CoveredBuffers) -> ReferencePicture:
    image = _opened(structure.kind, stream)
    try:
        if image.size != (structure.width, structure.height) or getattr(image, "n_frames", 1) != 1:
            raise _unsupported("says two things of itself")
        if image.mode not in _MODES:
            raise _unsupported(f"has pixels of kind {image.mode}")
        longer = max(image.size)
        scale = 1
        if structure.kind is PictureKind.JPEG:
            scale = next((each for each in _SCALES if longer <= each * MAX_SIDE), _SCALES[-1])
            image.draft(None, (image.width // scale, image.height // scale))
        image.load()
        if "transparency" in image.info or not _opaque(image):
            raise _unsupported("is transparent in places")
        further = -(-max(image.size) // MAX_SIDE)
        return ReferencePicture(_copied(image, further, _orientation(image), buffers), scale * further)
    finally:
        _overwrite(image)


def _opened(kind: PictureKind, stream: IO[bytes]) -> ImageFile:
    """Reads the header. Libraries are loaded here: most terminals never see a reference."""
    match kind:
        case PictureKind.JPEG:
            from PIL.JpegImagePlugin import JpegImageFile  # noqa: PLC0415

            return JpegImageFile(stream)
        case PictureKind.PNG:
            from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415

            return PngImageFile(stream)
        case PictureKind.WEBP:
            from PIL.WebPImagePlugin import WebPImageFile  # noqa: PLC0415

            return WebPImageFile(stream)
        case PictureKind.BMP:
            from PIL.BmpImagePlugin import BmpImageFile  # noqa: PLC0415

            return BmpImageFile(stream)


def _opaque(image: ImageFile) -> bool:
    return image.mode != "RGBA" or image.getextrema()[-1] == (_OPAQUE, _OPAQUE)


def _orientation(image: ImageFile) -> int:
    """1 where there is none, or none that can be read: then the face will be found, or not."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # metadata that strangers wrote
        return 1
    return value if value in _TO_STORED else 1


def _copied(image: ImageFile, shrunk: int, orientation: int, buffers: CoveredBuffers) -> Pixels:
    """Upright RGB, each pixel the mean of ``shrunk`` x ``shrunk``; rows pass by in strips."""
    width, height = image.width // shrunk, image.height // shrunk
    transposed, rows_turned, columns_turned = _TO_STORED[orientation]
    upright = buffers.take((width, height, 3) if transposed else (height, width, 3), np.uint8)
    stored = upright.transpose(1, 0, 2) if transposed else upright
    stored = stored[:: -1 if rows_turned else 1, :: -1 if columns_turned else 1]
    rows = max(_STRIP // (4 * image.width * shrunk), 1)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = image.crop((0, top * shrunk, width * shrunk, bottom * shrunk))
        rgb = strip.convert("RGB")
        values = np.frombuffer(rgb.tobytes(), np.uint8).reshape(rgb.height, rgb.width, 3)
        if shrunk == 1:
            stored[top:bottom] = values
        else:
            stored[top:bottom] = cv2.resize(values, (width, bottom - top), interpolation=cv2.INTER_AREA)
        for used in (strip, rgb):
            used.paste(0, (0, 0, *used.size))
    return upright


def _overwrite(image: ImageFile) -> None:
    """Pillow's own pixels, as far as they were decoded."""
    try:
        # Not load(), which would go on decoding what has failed.
        image.im.paste(0, (0, 0, *image.im.size))
    except Exception:  # there are none
        return


def _unsupported(what: str) -> ReferenceRefused:
    return ReferenceRefused(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        f"the reference image {what}",
        remedy="save it as a plain JPEG or PNG of 8 bits, RGB",
    )
