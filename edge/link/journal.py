"""What SQLite would pass over in silence: damage in a write-ahead log ends what it reads, and is no error to it.

Layout of the file: https://www.sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_LITTLE_ENDIAN_SUMS: Final = 0x377F0682
_BIG_ENDIAN_SUMS: Final = 0x377F0683
# The last transaction may be half written by a process that was killed: its end is there, a page before it is not.
_ORDINARY: Final = 1


def header_is_damaged(journal: Path) -> bool:
    """True: SQLite takes the whole file for empty. A file too short for a header was never used."""
    head = _head(journal)
    return head is not None and not _holds(head)


def lost_transactions(journal: Path, frames_read: int) -> bool:
    """True: behind the ``frames_read`` that SQLite accepted, transactions of the same generation follow.

    A power cut may do that to removals, which are not synced; damage may do it to anything.
    """
    head = _head(journal)
    if head is None or not _holds(head):
        return False
    page_size, salts = _HEADER.unpack(head)[2], _HEADER.unpack(head)[4:6]
    ends = 0
    with journal.open("rb") as file:
        at = _HEADER.size + frames_read * (_FRAME.size + page_size)
        while len(frame := _at(file, at)) == _FRAME.size:
            _, pages_after_commit, *rest = _FRAME.unpack(frame)
            if tuple(rest[:2]) == salts and pages_after_commit:
                ends += 1
            at += _FRAME.size + page_size
    return ends > _ORDINARY


def _at(file: BinaryIO, offset: int) -> bytes:
    file.seek(offset)
    return file.read(_FRAME.size)


def _head(journal: Path) -> bytes | None:
    try:
        with journal.open("rb") as file:
            head = file.read(_HEADER.size)
    except FileNotFoundError:
        return None
    return head if len(head) == _HEADER.size else None


def _holds(head: bytes) -> bool:
    magic, *_, first, second = _HEADER.unpack(head)
    if magic not in {_LITTLE_ENDIAN_SUMS, _BIG_ENDIAN_SUMS}:
        return False
    words = struct.unpack(f"{'<' if magic == _LITTLE_ENDIAN_SUMS else '>'}6I", head[:24])
    one = two = 0
    for left, right in zip(words[::2], words[1::2], strict=True):
        one = (one + left + two) & 0xFFFFFFFF
        two = (two + right + one) & 0xFFFFFFFF
    return (one, two) == (first, second)
