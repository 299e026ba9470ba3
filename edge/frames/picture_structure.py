"""A picture file from its first byte to its last, without decoding it: what a decoder would have to do, and where the
picture ends.

``edge.frames.picture`` reads headers of files that somebody keeps; this reads what somebody sends, and is stricter.
Formats: ITU-T T.81 (JPEG), the PNG specification (W3C), RFC 9649 (WebP), BITMAPCOREHEADER and its
successors (BMP).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edge.contracts.enums import ErrorCode
from edge.frames.reference_refused import ReferenceRefused

# Each pass over a progressive picture costs time for all its pixels, and a few bytes may ask for one. Usual encoders
# write 10 or fewer.
MAX_PASSES: Final = 64
# Chunks or segments: usual encoders write hundreds at the most. Reading each takes time, here and in a decoder.
_MAX_PARTS: Final = 10_000
# Each may become a megabyte before a decoder leaves it.
_MAX_COMPRESSED_WORDS: Final = 8

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PROGRESSIVE: Final = 0xC2
_FRAMES: Final = frozenset({0xC0, 0xC1, _PROGRESSIVE})
_OTHER_FRAMES: Final = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_END_OF_IMAGE: Final = 0xD9
_START_OF_SCAN: Final = 0xDA
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
# In coded data 0xFF 0x00 stands for the byte 0xFF, and restart markers belong to it.
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_NOT_ZERO: Final = re.compile(rb"[^\x00]")
_BITMAP_CORE: Final = 12
# BI_RGB, BI_BITFIELDS and BI_ALPHABITFIELDS: pixels one after the other.
_BITMAP_PLAIN: Final = frozenset({0, 3, 6})


class PictureKind(StrEnum):
    """What a reference image may be."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    BMP = "BMP"


@dataclass(frozen=True, slots=True)
class Structure:
    """width, height: as stored, before an orientation turns them.
    end: number of bytes from the first to the picture's last.
    bits: of one sample; of a bitmap, of one pixel. channels: of a JPEG; 0 elsewhere.
    passes: how often a decoder goes over the picture, with all of it in memory besides its pixels; 0: rows are decoded
        as they come.
    """

    kind: PictureKind
    width: int
    height: int
    end: int
    bits: int
    channels: int = 0
    passes: int = 0
    animated: bool = False
    transparent: bool = False


def structure_of(content: bytes | bytearray) -> Structure:
    """Raises ReferenceRefused: UnsupportedMediaType for what is none of the four formats, or of a rare kind;
    ContentDecodingError for what is empty, damaged, cut off, or goes on after its picture.
    """
    if not content:
        raise ReferenceRefused(
            ErrorCode.CONTENT_DECODING_ERROR, "the reference image is empty", remedy="send one that has content"
        )
    kind = _kind(bytes(content[:12]))
    if kind is None:
        raise ReferenceRefused(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            "the reference is no picture of a known format",
            remedy="send a JPEG, PNG, WEBP or BMP file",
        )
    structure = None
    with suppress(struct.error, IndexError):
        structure = _READERS[kind](content)
    if structure is None or structure.end > len(content):
        raise _broken(kind, "is cut off")
    if structure.width < 1 or structure.height < 1:
        raise _broken(kind, "has no pixels")
    # Zeros fill blocks of some storage; anything else is another file behind this one.
    if _NOT_ZERO.search(content, structure.end):
        raise _broken(kind, f"goes on after its picture, which ends at byte {structure.end}")
    return structure


def _kind(head: bytes) -> PictureKind | None:
    if head.startswith(b"\xff\xd8\xff"):
        return PictureKind.JPEG
    if head.startswith(_PNG_SIGNATURE):
        return PictureKind.PNG
    if head.startswith(b"RIFF") and head[8:] == b"WEBP":
        return PictureKind.WEBP
    return PictureKind.BMP if head.startswith(b"BM") else None


def _jpeg(content: bytes | bytearray) -> Structure:
    header: tuple[int, int, int, int] | None = None
    passes = 0
    whole = False
    position = 2
    for _ in range(_MAX_PARTS):
        if content[position] != 0xFF:
            raise _broken(PictureKind.JPEG, "is damaged")
        marker = content[position + 1]
        if marker == _END_OF_IMAGE:
            break
        if marker == 0xFF or marker in _ALONE:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, position + 2)
        if marker in _OTHER_FRAMES:
            raise _rare(PictureKind.JPEG, "is coded in a way that few programs read")
        if marker in _FRAMES:
            if header is not None:
                raise _broken(PictureKind.JPEG, "has two headers")
            header = struct.unpack_from(">BHHB", content, position + 4)
            whole = marker == _PROGRESSIVE
        elif marker == _START_OF_SCAN and header is not None:
            passes += 1
            # Channels in scans of their own are put together when the last has come.
            whole = whole or passes > 1 or content[position + 4] < header[-1]
            found = _AFTER_SCAN.search(content, position + 2 + length)
            if found is None:
                raise _broken(PictureKind.JPEG, "is cut off")
            position = found.start()
            continue
        position += 2 + length
    else:
        raise _rare(PictureKind.JPEG, "is in too many parts")
    if header is None or not passes:
        raise _broken(PictureKind.JPEG, "holds no picture")
    bits, height, width, channels = header
    return Structure(PictureKind.JPEG, width, height, position + 2, bits, channels, passes if whole else 0)


def _png(content: bytes | bytearray) -> Structure:
    length, kind, width, height, bits = struct.unpack_from(">I4sIIB", content, len(_PNG_SIGNATURE))
    if kind != b"IHDR" or length != 13:
        raise _broken(PictureKind.PNG, "is damaged")
    position = len(_PNG_SIGNATURE)
    seen: list[bytes] = []
    while not seen or seen[-1] != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, position)
        position += 12 + length
        seen.append(kind)
        if len(seen) > _MAX_PARTS:
            raise _rare(PictureKind.PNG, "is in too many parts")
    if length:
        raise _broken(PictureKind.PNG, "hides something behind its picture")
    if sum(kind in {b"zTXt", b"iTXt", b"iCCP"} for kind in seen) > _MAX_COMPRESSED_WORDS:
        raise _rare(PictureKind.PNG, "holds more text than a picture needs")
    return Structure(
        PictureKind.PNG,
        width,
        height,
        position,
        bits,
        animated=not {b"acTL", b"fcTL", b"fdAT"}.isdisjoint(seen),
        transparent=b"tRNS" in seen,
    )


def _webp(content: bytes | bytearray) -> Structure:
    (size,) = struct.unpack_from("<I", content, 4)
    end = 8 + size + size % 2
    if end > len(content):
        raise _broken(PictureKind.WEBP, "is cut off")
    position = 12
    canvas: tuple[int, int] | None = None
    pictures: list[tuple[int, int]] = []
    animated = False
    passes = 0
    for _ in range(_MAX_PARTS):
        if position + 8 > end:
            break
        kind, length = struct.unpack_from("<4sI", content, position)
        start, position = position + 8, position + 8 + length + length % 2
        if kind == b"VP8X":
            flags, low_x, high_x, low_y, high_y = struct.unpack_from("<B3xHBHB", content, start)
            animated = animated or bool(flags & 0x02)
            canvas = (low_x | high_x << 16) + 1, (low_y | high_y << 16) + 1
        elif kind == b"VP8 ":
            x, y = struct.unpack_from("<HH", content, start + 6)
            pictures.append((x & 0x3FFF, y & 0x3FFF))
        elif kind == b"VP8L":
            (size_bits,) = struct.unpack_from("<I", content, start + 1)
            pictures.append(((size_bits & 0x3FFF) + 1, (size_bits >> 14 & 0x3FFF) + 1))
            passes = 1
        animated = animated or kind in {b"ANIM", b"ANMF"}
    if not animated and (position != end or len(pictures) != 1 or canvas not in {None, pictures[0]}):
        raise _broken(PictureKind.WEBP, "is damaged")
    width, height = canvas or pictures[0]
    return Structure(PictureKind.WEBP, width, height, end, 8, passes=passes, animated=animated)


def _bmp(content: bytes | bytearray) -> Structure:
    size, start, header = struct.unpack_from("<2xI4xII", content)
    compression = 0
    if header == _BITMAP_CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", content, 18)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", content, 18)
    if compression not in _BITMAP_PLAIN:
        raise _rare(PictureKind.BMP, "is compressed")
    # Rows are whole words; a height below zero turns their order.
    height = abs(height)
    end = start + (width * bits + 31) // 32 * 4 * height
    if width > 0 and size < end:
        raise _broken(PictureKind.BMP, "is cut off")
    return Structure(PictureKind.BMP, width, height, end, bits)


_READERS: Final[Mapping[PictureKind, Callable[[bytes | bytearray], Structure]]] = MappingProxyType(
    {PictureKind.JPEG: _jpeg, PictureKind.PNG: _png, PictureKind.WEBP: _webp, PictureKind.BMP: _bmp}
)


def _broken(kind: PictureKind, what: str) -> ReferenceRefused:
    return ReferenceRefused(
        ErrorCode.CONTENT_DECODING_ERROR, f"the {kind} reference {what}", remedy="export the picture again"
    )


def _rare(kind: PictureKind, what: str) -> ReferenceRefused:
    return ReferenceRefused(
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        f"the {kind} reference {what}",
        remedy="save it as a plain JPEG or PNG of 8 bits, RGB",
    )
