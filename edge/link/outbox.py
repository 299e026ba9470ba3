"""Decisions that wait for a subscriber: stored before they are published, removed when one has them."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from edge.contracts.device import OutboxHealth
from edge.errors import LinkError
from edge.link.journal import header_is_damaged, lost_transactions
from edge.link.waiting import Limits, SteadyClock

OUTBOX_FILE: Final = "outbox.sqlite"
MAX_COMMAND_IDS: Final = 4096
LAYOUT: Final = 2
# SQLite keeps up to 2 MiB of pages otherwise, and with each command's id a little more: one page here serves one row.
CACHE_KIB: Final = 64
KEPT_DAMAGED: Final = 5
HEADER_BYTES: Final = 100

# No AUTOINCREMENT, and one tree for each table: every further page is 4 KiB of the card's life at each row.
_TABLES: Final = (
    "CREATE TABLE decision (id INTEGER PRIMARY KEY, payload BLOB NOT NULL, created_at REAL NOT NULL)",
    "CREATE TABLE command (id TEXT PRIMARY KEY, expires_at REAL NOT NULL) WITHOUT ROWID",
)
_OF_LAYOUT_1: Final = ("decision", "command")
_FORGET_EXPIRED: Final = (
    "DELETE FROM command WHERE id IN (SELECT id FROM command WHERE expires_at < ? ORDER BY expires_at LIMIT ?)"
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
    payload: bytes = field(repr=False)


class Outbox:
    """A SQLite file (WAL, synchronous=FULL). May be used from any thread; one process at a time.

    limits: at any of them ``full`` is True and no new session may start; what a running session still decides is
    stored all the same. A damaged file is set aside and a new one begun.

    Age counts time that passed while an outbox was open, or between two by the wall clock as it then was: a clock that
    is set makes no decision older or younger, so age never says too much.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        *,
        max_command_ids: int = MAX_COMMAND_IDS,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Clocks: seconds. Raises LinkError when the file cannot be opened, or a newer version wrote it."""
        self._path = path
        self._limits = limits
        self._max_command_ids = max_command_ids
        self._clock = SteadyClock(wall_clock, monotonic)
        self._lock = threading.Lock()
        self._set_aside: list[Path] = []
        self._rows = 0
        self._bytes = 0
        self._oldest_since: float | None = None
        self._last_id = 0
        self._unusable: str | None = None
        try:
            self._db = self._open()
        except sqlite3.Error as error:
            if not _damaged(error):
                raise self._trouble(error) from None
            self._begin_anew()

    @property
    def full(self) -> bool:
        """True: start no session."""
        return self.why_full is not None

    @property
    def why_full(self) -> str | None:
        """Which limit is reached, in words for ``state``; None: there is room."""
        return self._limits.reached(self._rows, self._bytes, self.oldest_age())

    @property
    def trouble(self) -> str | None:
        """Why the last use failed, until storing works again: start no session."""
        return self._unusable

    def __len__(self) -> int:
        return self._rows

    @property
    def waiting_bytes(self) -> int:
        """Of the payloads that wait."""
        return self._bytes

    def oldest_age(self) -> float | None:
        """Seconds that the oldest has waited; None: none waits."""
        since = self._oldest_since
        return None if since is None else max(0.0, self._clock.monotonic() - since)

    def health(self) -> OutboxHealth:
        """For ``health``."""
        return OutboxHealth(
            waiting=self._rows, waiting_bytes=self._bytes, oldest_seconds=self.oldest_age(), full=self.full
        )

    def take_set_aside(self) -> list[Path]:
        """Damaged files that were kept since the last call, to be told in an event."""
        with self._lock:
            taken, self._set_aside = self._set_aside, []
        return taken

    def add(self, payload: bytes) -> int:
        """On disk when it returns. Raises LinkError when it could not be stored (disk full, read-only)."""

        def insert(db: sqlite3.Connection) -> tuple[int, float]:
            # Never an id of before: a removal that comes late must not meet another decision.
            row_id, now = self._last_id + 1, self._clock.now()
            db.execute("INSERT INTO decision (id, payload, created_at) VALUES (?, ?, ?)", (row_id, payload, now))
            return row_id, now

        with self._lock:
            self._last_id, created_at = self._use(insert)
            self._rows += 1
            self._bytes += len(payload)
            if self._oldest_since is None:
                self._oldest_since = self._clock.since(created_at)
            return self._last_id

    def oldest(self, after: int = 0) -> Row | None:
        """What to publish next. after: of those that were stored after this row."""

        def read(db: sqlite3.Connection) -> Row | None:
            found = db.execute("SELECT id, payload FROM decision WHERE id > ? ORDER BY id LIMIT 1", (after,)).fetchone()
            return Row(*found) if found else None

        with self._lock:
            return self._use(read, writes=False)

    def remove(self, row_id: int) -> None:
        """Somebody has it. Removing twice does nothing.

        A power cut may undo it, and the decision is then published again: not worth a sync of its own.
        """

        def delete(db: sqlite3.Connection) -> tuple[int, float | None] | None:
            found = db.execute("SELECT length(payload) FROM decision WHERE id = ?", (row_id,)).fetchone()
            if found is None:
                return None
            db.execute("DELETE FROM decision WHERE id = ?", (row_id,))
            oldest = db.execute("SELECT created_at FROM decision ORDER BY id LIMIT 1").fetchone()
            return int(found[0]), oldest[0] if oldest else None

        with self._lock:
            removed = self._use(delete, synced=False)
            if removed is not None:
                size, next_at = removed
                self._oldest_since = None if next_at is None else self._clock.since(next_at)
                self._rows -= 1
                self._bytes -= size

    def probe(self) -> None:
        """Whether storing works: writes and takes it back. Raises LinkError."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO decision (id, payload, created_at) VALUES (?, x'', 0)", (self._last_id + 1,))
            db.execute("DELETE FROM decision WHERE id = ?", (self._last_id + 1,))

        with self._lock:
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

        with self._lock:
            return self._use(insert)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its journal the permissions of the file; correlation ids are for nobody else.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            if header_is_damaged(self._journal):
                self._keep_copy()
        except OSError as error:
            raise self._trouble(error) from None
        # SQLite takes these for a new file; an empty one is what a start leaves that was killed at once.
        if 0 < self._path.stat().st_size < HEADER_BYTES:
            raise sqlite3.DatabaseError("the file has no whole header")
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            self._prepare(db)
        except OSError as error:
            db.close()
            raise self._trouble(error) from None
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        # What was delivered is overwritten in the file, however SQLite was built.
        db.execute("PRAGMA secure_delete=ON")
        db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self._look_behind_the_journal(db)
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the file fails its integrity check")
        layout = int(db.execute("PRAGMA user_version").fetchone()[0])
        if layout > LAYOUT:
            raise LinkError(
                f"the outbox {self._path} was written by a newer version (layout {layout})",
                remedy="install that version again, let it deliver, then go back",
            )
        if layout < LAYOUT:
            self._lay_out(db)
        self._take_stock(db)

    def _look_behind_the_journal(self, db: sqlite3.Connection) -> None:
        """Only after a start without a good end is there one."""
        if not self._journal.exists() or self._journal.stat().st_size == 0:
            return
        frames = int(db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
        if lost_transactions(self._journal, max(0, frames)):
            self._keep_copy()

    def _lay_out(self, db: sqlite3.Connection) -> None:
        """A new file, or layout 1: its rows count as stored now."""
        db.execute("BEGIN IMMEDIATE")
        try:
            found = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            before = [name for name in _OF_LAYOUT_1 if name in found]
            for name in before:
                db.execute(f"ALTER TABLE {name} RENAME TO {name}_1")
            for statement in _TABLES:
                db.execute(statement)
            if "decision" in before:
                db.execute(
                    "INSERT INTO decision SELECT id, payload, ? FROM decision_1 ORDER BY id", (self._clock.now(),)
                )
            if "command" in before:
                db.execute("INSERT INTO command SELECT id, expires_at FROM command_1")
            for name in before:
                db.execute(f"DROP TABLE {name}_1")
            db.execute(f"PRAGMA user_version={LAYOUT}")
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _take_stock(self, db: sqlite3.Connection) -> None:
        now = self._clock.now()
        # Stored by a clock that was ahead, or read by one that is behind: counted from now on.
        db.execute("UPDATE decision SET created_at = ? WHERE created_at > ?", (now, now))
        self._rows, self._bytes, last_id, oldest_at = db.execute(
            "SELECT count(*), coalesce(sum(length(payload)), 0), coalesce(max(id), 0), min(created_at) FROM decision"
        ).fetchone()
        self._oldest_since = None if oldest_at is None else self._clock.since(oldest_at)
        self._last_id = max(self._last_id, last_id)

    def _use(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True, synced: bool = True) -> T:
        try:
            result = self._mended(work, writes=writes, synced=synced)
        except LinkError as error:
            self._unusable = error.what
            raise
        # A full disk can still be read.
        if writes:
            self._unusable = None
        return result

    def _mended(self, work: Callable[[sqlite3.Connection], T], *, writes: bool, synced: bool) -> T:
        try:
            return self._transact(work, writes=writes, synced=synced)
        except sqlite3.Error as error:
            if not _damaged(error):
                raise self._trouble(error) from None
        self._db.close()
        self._begin_anew()
        try:
            return self._transact(work, writes=writes, synced=synced)
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _transact(self, work: Callable[[sqlite3.Connection], T], *, writes: bool, synced: bool) -> T:
        if writes:
            self._follow_clock()
        if not synced:
            # The next transaction that is synced takes this one along (https://www.sqlite.org/wal.html#fast).
            self._db.execute("PRAGMA synchronous=NORMAL")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            result = work(self._db)
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            if not synced:
                self._db.execute("PRAGMA synchronous=FULL")
        return result

    def _follow_clock(self) -> None:
        """Rows move with the wall clock, so that their age stays what it is, also for the next process."""
        step = self._clock.step()
        if not step:
            return
        if self._oldest_since is not None:
            self._db.execute("UPDATE decision SET created_at = created_at + ?", (step,))
        self._clock.follow(step)

    @property
    def _journal(self) -> Path:
        return self._path.with_name(f"{self._path.name}-wal")

    def _keep_copy(self) -> None:
        """Of a journal that is not read to its end, with its file; what could be read stays in use."""
        aside = _free_name(self._path)
        shutil.copy(self._path, aside)
        shutil.copy(self._journal, aside.with_name(f"{aside.name}-wal"))
        self._set_aside.append(aside)

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
