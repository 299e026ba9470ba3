"""Decisions that wait for a subscriber: stored before they are published, removed when one has them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from edge.errors import LinkError

OUTBOX_FILE: Final = "outbox.sqlite"
MAX_ROWS: Final = 2000
MAX_COMMAND_IDS: Final = 4096
LAYOUT: Final = 1
# SQLite keeps up to 2 MiB of pages otherwise, and with each command's id a little more: one page here serves one row.
CACHE_KIB: Final = 64
KEPT_DAMAGED: Final = 5

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS decision (id INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS command (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, expires_at REAL NOT NULL
);
"""
_FORGET_EXPIRED: Final = (
    "DELETE FROM command WHERE n IN (SELECT n FROM command WHERE expires_at < ? ORDER BY n LIMIT ?)"
)

T = TypeVar("T")


class Remembered(Enum):
    """What became of a command's id."""

    NEW = "new"
    KNOWN = "known"
    NO_PLACE = "no place"


@dataclass(frozen=True, slots=True)
class Row:
    """One stored payload; ``id`` rises in the order of storing."""

    id: int
    payload: bytes


class Outbox:
    """A SQLite file (WAL, synchronous=FULL). May be used from any thread.

    max_rows: at this many waiting decisions ``full`` is True and no new session may start; what a running
    session still decides is stored all the same. A damaged file is set aside and a new one begun.
    """

    def __init__(self, path: Path, *, max_rows: int = MAX_ROWS, max_command_ids: int = MAX_COMMAND_IDS) -> None:
        """Raises LinkError when the file cannot be opened, or a newer version wrote it."""
        self._path = path
        self._max_rows = max_rows
        self._max_command_ids = max_command_ids
        self._lock = threading.Lock()
        self._set_aside: list[Path] = []
        self._rows = 0
        self._unusable: str | None = None
        try:
            self._db = self._open()
        except sqlite3.Error as error:
            if not _damaged(error):
                raise self._trouble(error) from None
            self._begin_anew()
        self._use(lambda _: None)

    @property
    def full(self) -> bool:
        """True: start no session."""
        return self._rows >= self._max_rows

    @property
    def trouble(self) -> str | None:
        """Why the last use failed, until storing works again: start no session."""
        return self._unusable

    def __len__(self) -> int:
        return self._rows

    def take_set_aside(self) -> list[Path]:
        """Damaged files renamed since the last call, to be told in an event."""
        with self._lock:
            taken, self._set_aside = self._set_aside, []
        return taken

    def add(self, payload: bytes) -> int:
        """On disk when it returns. Raises LinkError when it could not be stored (disk full, read-only)."""

        def insert(db: sqlite3.Connection) -> int:
            return int(db.execute("INSERT INTO decision (payload) VALUES (?)", (payload,)).lastrowid or 0)

        return self._use(insert)

    def oldest(self) -> Row | None:
        """What to publish next."""
        found = self._use(
            lambda db: db.execute("SELECT id, payload FROM decision ORDER BY id LIMIT 1").fetchone(), writes=False
        )
        return Row(*found) if found else None

    def remove(self, row_id: int) -> None:
        """Somebody has it. Removing twice does nothing."""
        self._use(lambda db: db.execute("DELETE FROM decision WHERE id = ?", (row_id,)))

    def probe(self) -> None:
        """Whether storing works: writes and takes it back. Raises LinkError."""

        def write(db: sqlite3.Connection) -> None:
            row = db.execute("INSERT INTO decision (payload) VALUES (x'')").lastrowid
            db.execute("DELETE FROM decision WHERE id = ?", (row,))

        self._use(write)

    def remember_command(self, command_id: str, expires_at: float, now: float) -> Remembered:
        """On disk before the command is carried out. Times are Unix seconds.

        Expired ids are forgotten only to make place, so that a clock set back does not revive them at once.
        """

        def insert(db: sqlite3.Connection) -> Remembered:
            if db.execute("SELECT 1 FROM command WHERE id = ?", (command_id,)).fetchone():
                return Remembered.KNOWN
            if db.execute("SELECT count(*) FROM command").fetchone()[0] >= self._max_command_ids:
                forgotten = db.execute(_FORGET_EXPIRED, (now, 1 + self._max_command_ids // 4)).rowcount
                if forgotten == 0:
                    return Remembered.NO_PLACE
            db.execute("INSERT INTO command (id, expires_at) VALUES (?, ?)", (command_id, expires_at))
            return Remembered.NEW

        return self._use(insert)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its journal the permissions of the file; correlation ids are for nobody else.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise self._trouble(error) from None
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the file fails its integrity check")
        layout = int(db.execute("PRAGMA user_version").fetchone()[0])
        if layout > LAYOUT:
            raise LinkError(
                f"the outbox {self._path} was written by a newer version (layout {layout})",
                remedy="install that version again, let it deliver, then go back",
            )
        db.executescript(_TABLES)
        db.execute(f"PRAGMA user_version={LAYOUT}")

    def _use(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> T:
        with self._lock:
            try:
                result = self._mended(work)
            except LinkError as error:
                self._unusable = error.what
                raise
            # A full disk can still be read.
            if writes:
                self._unusable = None
            return result

    def _mended(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return self._transact(work)
        except sqlite3.Error as error:
            if not _damaged(error):
                raise self._trouble(error) from None
        self._db.close()
        self._begin_anew()
        try:
            return self._transact(work)
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            result = work(self._db)
            rows = int(self._db.execute("SELECT count(*) FROM decision").fetchone()[0])
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._rows = rows
        return result

    def _begin_anew(self) -> None:
        aside = _free_name(self._path)
        try:
            self._path.replace(aside)
            for suffix in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    self._path.with_name(self._path.name + suffix).replace(aside.with_name(aside.name + suffix))
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from None
        self._set_aside.append(aside)

    def _trouble(self, error: Exception) -> LinkError:
        return LinkError(
            f"the outbox {self._path} cannot be used: {error}",
            remedy="check that its disk has room and is not read-only; until then no session should start",
        )


def _free_name(path: Path) -> Path:
    """The last name is used again, so that a failing disk is not filled with damaged files."""
    names = [path.with_name(f"{path.name}.damaged-{n}") for n in range(1, KEPT_DAMAGED + 1)]
    return next((name for name in names if not name.exists()), names[-1])


def _damaged(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return (code is None and type(error) is sqlite3.DatabaseError) or (
        code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    )
