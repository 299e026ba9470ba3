"""How full a terminal's outbox is, read without leaving a trace beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from edge.errors import LinkError

SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """decisions: that wait. waiting_bytes: of their payloads. oldest_at: Unix time, None where none waits or a former
    version stored it. commands: ids that are remembered. bytes: of the file and its journal. set_aside: files.
    """

    decisions: int
    waiting_bytes: int
    oldest_at: float | None
    commands: int
    bytes: int
    layout: int
    set_aside: int

    def to_dict(self) -> dict[str, int]:
        """JSON-ready."""
        return {
            "decisions": self.decisions,
            "waitingBytes": self.waiting_bytes,
            "commands": self.commands,
            "bytes": self.bytes,
            "layout": self.layout,
            "setAside": self.set_aside,
        }


def read_counts(file: Path) -> OutboxCounts | None:
    """None where there is no outbox yet. Raises LinkError where it cannot be read, PermissionError."""
    try:
        file.stat()
    except FileNotFoundError:
        return None
    journal, index = (file.with_name(file.name + suffix) for suffix in ("-wal", "-shm"))
    waiting = journal.is_file() and journal.stat().st_size > 0
    if waiting and not index.is_file():
        raise LinkError(
            f"the outbox {file} was left with a journal and no index; it is read when the daemon starts next",
            remedy="start the daemon once",
        )
    # SQLite (www.sqlite.org/wal.html, read-only databases): what has a journal is read through its index, which is not
    # to be written; what has none is not changing, and would otherwise be given both files.
    how = "mode=ro&readonly_shm=1" if waiting else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?{how}", uri=True, timeout=SECONDS)) as db:
            if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("it fails its integrity check")
            decisions, commands = (
                int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - two names of our own
                for table in ("decision", "command")
            )
            layout = int(db.execute("PRAGMA user_version").fetchone()[0])
            (waiting_bytes,) = db.execute("SELECT coalesce(sum(length(payload)), 0) FROM decision").fetchone()
            oldest_at = db.execute("SELECT min(created_at) FROM decision").fetchone()[0] if layout > 1 else None
    except sqlite3.Error as error:
        raise LinkError(
            f"the outbox {file} cannot be read: {error}",
            remedy="see the daemon's log: a damaged outbox is set aside at its next start",
        ) from None
    return OutboxCounts(
        decisions=decisions,
        waiting_bytes=waiting_bytes,
        oldest_at=oldest_at,
        commands=commands,
        bytes=sum(each.stat().st_size for each in (file, journal) if each.is_file()),
        layout=layout,
        set_aside=sum(not each.name.endswith(("-wal", "-shm")) for each in file.parent.glob(f"{file.name}.damaged-*")),
    )
