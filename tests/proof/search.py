"""Media in bytes: beginnings of known formats, contents that look compressed or sealed, and planted pictures."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.proof.marks import Marks

# A stretch of so many bytes is a large blob when its bytes are more various than any text, table or key: of 1024 random
# bytes the empirical entropy is 7.8 bits, of JSON, base64 and SQLite's pages below 6.3.
BLOB_BYTES: Final = 1024
BLOB_BITS: Final = 7.0

# By the formats' own specifications. Those with short beginnings are held to what must follow.
MAGIC: Final = {
    "JPEG": rb"\xff\xd8\xff[\xc0-\xfe]",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "WebP or AVI": rb"RIFF.{4}(?:WEBP|AVI )",
    "BMP": rb"BM.{4}\0{4}.{2}\0\0[\x0c\x28\x34\x38\x6c\x7c]\0\0\0",
    "TIFF": rb"II\*\0.{3}\0|MM\0\*\0.{3}",
    "JPEG 2000 or JPEG XL": rb"\0\0\0\x0c(?:jP  |JXL )\r\n\x87\n",
    "MP4 or HEIF": rb"\0\0\0.ftyp",
    "Matroska or WebM": rb"\x1aE\xdf\xa3",
    "MPEG": rb"\0\0\x01\xba[\x21\x40-\x7f]",
    "H.264": rb"\0\0\x01[\x07\x27\x47\x67][\x42\x4d\x58\x64\x6e\x7a\xf4].{2,256}?\0\0\x01[\x08\x28\x48\x68]",
    "H.265": rb"\0\0\x01\x40\x01.{2,256}?\0\0\x01\x42\x01",
    "PNM": rb"P[56]\s\d{1,5}\s\d{1,5}\s\d{1,5}\s",
    "NumPy array": rb"\x93NUMPY",
    "data URL of an image": rb"data:(?:image|video)/",
}
# Four bytes come by chance in one of two hundred sealed images; what JPEG's encoders write first does not.
_LONGER: Final = {"JPEG": rb"\xff\xd8\xff(?:\xe0..JFIF\0|\xe1..Exif\0|\xdb\0[\x43\x84]|\xee\0\x0eAdobe)"}
_MAGIC: Final = {name: re.compile(pattern, re.DOTALL) for name, pattern in MAGIC.items()}
_MAGIC_OF_SEALED: Final = {name: re.compile(pattern, re.DOTALL) for name, pattern in {**MAGIC, **_LONGER}.items()}

_LEAST_TEXT: Final = 48
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % _LEAST_TEXT)
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{%d,}" % _LEAST_TEXT)
_NUMBERS: Final = re.compile(rb"(?:\d{1,3}[\s,;\[\]()]+){23,}\d{1,3}")
_ESCAPES: Final = re.compile(rb"\\+(?:x[0-9a-fA-F]{2}|u00[0-9a-fA-F]{2}|[abfnrtv'\"])")
_LEAST_ESCAPES: Final = 8
_SIMPLE: Final = {b"a": 7, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9, b"v": 11, b"'": 39, b'"': 34}
_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """what: in words. how: in which form the bytes had it, from the outside in; "": as they are."""

    what: str
    how: str
    at: int

    def __str__(self) -> str:
        return f"{self.what}{f' in {self.how}' if self.how else ''}, at byte {self.at}"


def look(content: bytes, marks: Marks, *, sealed: bool = False) -> list[Finding]:
    """What of a picture is in these bytes, also within base64, hexadecimal, numbers in decimal and escapes of text, one
    in the other up to three deep. One finding of a kind is told, the first.

    sealed: a blob is expected, nothing else.
    """
    found: dict[tuple[str, str], Finding] = {}
    for how, inner in _views(content, _DEPTH):
        for finding in _look_at(inner, marks, how, sealed=sealed):
            found.setdefault((finding.what.split(":")[0], how), finding)
    return list(found.values())


def _look_at(content: bytes, marks: Marks, how: str, *, sealed: bool) -> Iterator[Finding]:
    for name, pattern in (_MAGIC_OF_SEALED if sealed else _MAGIC).items():
        if match := pattern.search(content):
            yield Finding(f"the beginning of {name}", how, match.start())
    for found in marks.find(content):
        yield Finding(f"marks of {found.name}: {found.count}", how, found.first)
    blob = None if sealed else large_blob(content)
    if blob is not None:
        yield Finding(f"a blob: {BLOB_BYTES} bytes of {blob[1]:.2f} bits each", how, blob[0])


def large_blob(content: bytes) -> tuple[int, float] | None:
    """Where the first stretch begins that is a blob, and its entropy in bits a byte."""
    for at in range(0, len(content) - BLOB_BYTES + 1, BLOB_BYTES // 2):
        bits = entropy(content[at : at + BLOB_BYTES])
        if bits >= BLOB_BITS:
            return at, bits
    return None


def entropy(content: bytes) -> float:
    """Empirical, of single bytes, in bits a byte (Shannon, 1948)."""
    counts = np.bincount(np.frombuffer(content, np.uint8), minlength=256)
    shares = counts[counts > 0] / len(content)
    return float(-(shares * np.log2(shares)).sum())


def _views(content: bytes, depth: int, how: str = "") -> Iterator[tuple[str, bytes]]:
    yield how, content
    if depth == 0:
        return
    for name, inner in _decoded(content):
        yield from _views(inner, depth - 1, f"{how}, {name}" if how else name)


def _decoded(content: bytes) -> Iterator[tuple[str, bytes]]:
    for match in _BASE64.finditer(content):
        run = match.group().translate(bytes.maketrans(b"-_", b"+/"))
        # What stands before it may belong to the alphabet too.
        for shift in range(4):
            yield "base64", base64.b64decode(run[shift : shift + (len(run) - shift) // 4 * 4])
    for match in _HEX.finditer(content):
        for shift in range(2):
            run = match.group()[shift:]
            yield "hexadecimal", bytes.fromhex(run[: len(run) // 2 * 2].decode())
    for match in _NUMBERS.finditer(content):
        numbers = [int(number) for number in re.findall(rb"\d+", match.group())]
        yield "decimal numbers", bytes(number & 0xFF for number in numbers)
    if len(_ESCAPES.findall(content)) >= _LEAST_ESCAPES:
        yield "escapes of text", _ESCAPES.sub(_unescape, content)
    try:
        narrowed = content.decode().encode("latin-1", "replace")
    except UnicodeDecodeError:
        return
    if len(narrowed) < len(content):
        yield "UTF-8", narrowed


def _unescape(match: re.Match[bytes]) -> bytes:
    escape = match.group().lstrip(b"\\")
    return bytes((_SIMPLE[escape] if escape in _SIMPLE else int(escape[-2:], 16),))
