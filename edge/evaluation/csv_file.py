"""A file of rows that one run holds for itself; each row is on the disk as soon as it is written."""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge.errors import InputError


class CsvFile:
    """CSV in UTF-8, held by a lock. A last line that was cut off in writing is dropped at opening.

    Raises InputError where the file cannot be written, or another run holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise InputError(
                f"cannot write {path}: {error.strerror}", remedy="give a folder that can be written"
            ) from None
        try:
            self.content = self._take_over()
        except BaseException:
            self.close()
            raise

    def _take_over(self) -> bytes:
        """What is there, in whole lines."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another run is writing {self.path}", remedy="let it end, or give each run a folder of its own"
            ) from None
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        os.ftruncate(self._handle, len(whole))
        os.lseek(self._handle, 0, os.SEEK_END)
        return whole

    def append(self, row: Sequence[str]) -> None:
        """Raises InputError where the disk does not take it."""
        try:
            _write_all(self._handle, _line(row))
            os.fsync(self._handle)
        except OSError as error:
            # What got in of the row is a cut-off line, which the next writer drops.
            raise InputError(
                f"cannot write {self.path}: {error.strerror}", remedy="make room, then go on with the same command"
            ) from error

    def replace(self, rows: Iterable[Sequence[str]]) -> None:
        """The file with these rows alone, at once or not at all."""
        partial = self.path.with_name(f".{self.path.name}.partial")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            # Held before it has the name, so that no other run comes between.
            fcntl.flock(handle, fcntl.LOCK_EX)
            for row in rows:
                _write_all(handle, _line(row))
            os.fsync(handle)
            partial.replace(self.path)
        except BaseException:
            os.close(handle)
            raise
        os.close(self._handle)
        self._handle = handle

    def close(self) -> None:
        """Lets the file go."""
        os.close(self._handle)


def _line(row: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    # A file name that is not UTF-8 reaches us as surrogates.
    return text.getvalue().encode(errors="backslashreplace")


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]
