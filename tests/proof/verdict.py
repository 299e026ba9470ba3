"""What a life left: every file, byte and message of it is looked at, by the kind of session in which it came."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.terminal_process import TOPICS
from tests.proof import messages
from tests.proof.crops import INPUT
from tests.proof.fanotify import Witness
from tests.proof.files import Allowed, Doings, Judge, gather
from tests.proof.lives import OUTCOMES, Life
from tests.proof.marks import Marks
from tests.proof.memory import Where
from tests.proof.mqtt import packets
from tests.proof.search import look
from tests.proof.strace import read

START: Final = "start"
END: Final = "end"
# Networks are let run on an even picture after a session, so nobody's is left in them, wherever their memory lies.
FORGOTTEN: Final = (INPUT,)
CORE_PATTERN: Final = Path("/proc/sys/kernel/core_pattern")
# Where the usual collectors of cores put them.
CORE_FOLDERS: Final = ("/var/lib/systemd/coredump", "/var/crash", "/var/lib/apport/coredump", "/var/spool/abrt")


@dataclass(slots=True)
class Row:
    """Of one kind of session. size: bytes that went to files, pipes and sockets."""

    sessions: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    files: set[str] = field(default_factory=set)
    size: int = 0
    messages: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    """rows: by kind of session, and of start and end. covered: what should have been overwritten and was not.
    remnants: marks elsewhere in the daemon's memory, which are told and no failure. scanned: bytes of that
    memory, ``covered_bytes`` of them of covered buffers.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    covered: list[str] = field(default_factory=list)
    remnants: Counter[tuple[Where, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    scanned: int = 0
    covered_bytes: int = 0

    @property
    def findings(self) -> list[str]:
        return [*(finding for row in self.rows.values() for finding in row.findings), *self.covered]


def judge(life: Life, marks: Marks, cores_before: frozenset[Path], witness: Witness | None) -> Verdict:
    """cores_before: of ``cores`` before it began."""
    verdict = Verdict({START: Row()})
    for kind, _, came in life.sessions:
        row = verdict.rows.setdefault(kind, Row())
        row.sessions += 1
        row.outcomes[came] += 1
        if came != OUTCOMES[kind]:
            row.findings.append(f"came to {came!r}, not to {OUTCOMES[kind]!r}: this kind of session was not seen")
    last = verdict.rows.setdefault(END, Row())
    doings, processes = _doings(life)
    for name, done in doings.items():
        row = verdict.rows[name]
        row.files |= {_short(path, life) for path in done.files}
        row.size += done.size
        row.findings += done.findings
        for target, content in done.sent.items():
            row.findings += [
                f"to {_short(target, life)}: {finding}" for finding in _sent(target, bytes(content), marks)
            ]
    spans = _spans(life)
    for message in life.heard:
        name = next((name for name, begin in reversed(spans) if message.at >= begin), START)
        verdict.rows[name].messages += 1
        if not message.topic.startswith(f"{TOPICS.base}/cmd/"):
            verdict.rows[name].findings += messages.judge(message, TOPICS, marks)
    last.findings += list(_left(life, marks, doings, cores_before))
    if witness is not None:
        last.findings += list(_unseen(life, doings, processes, witness))
    _memory(life, verdict)
    return verdict


def cores() -> frozenset[Path]:
    """Cores that the system keeps."""
    folders = {Path(folder) for folder in CORE_FOLDERS}
    pattern = CORE_PATTERN.read_text().strip()
    if pattern.startswith("/"):
        folders.add(Path(pattern).parent)
    return frozenset(file for folder in folders if folder.is_dir() for file in folder.iterdir())


def _spans(life: Life) -> list[tuple[str, float]]:
    spans = [(str(kind), begin) for kind, begin, _ in life.sessions]
    return [*spans, (END, life.ending)] if life.ending else spans


def _doings(life: Life) -> tuple[dict[str, Doings], frozenset[int]]:
    """By kind of session, and the numbers of all its processes and threads."""
    allowed = Allowed(
        state=life.state,
        log=life.log,
        programs=frozenset({sys.executable}),
        peers=(f"sin_port=htons({life.port})", f'sun_path="{life.config.with_suffix(".notify")}"'),
    )
    with life.trace.open(encoding="utf-8", errors="replace") as trace:
        events = list(read(trace))
    return gather(events, Judge(allowed, life.cwd), _spans(life), START), frozenset(event.pid for event in events)


def _sent(target: str, content: bytes, marks: Marks) -> Iterator[str]:
    """What of a picture went there. A broker is sent packets; each is judged by its topic."""
    if not target.startswith("TCP"):
        yield from map(str, look(content, marks))
        return
    for packet in packets(content):
        sealed = messages.kind_of(packet.topic, TOPICS) == messages.IMAGE
        yield from (f"{packet.topic}: {finding}" for finding in look(packet.content, marks, sealed=sealed))


def _left(life: Life, marks: Marks, doings: dict[str, Doings], cores_before: frozenset[Path]) -> Iterator[str]:
    """What is there when it has ended: files of the state folder, also written through mappings, and all it opened."""
    for core in cores() - cores_before:
        yield f"a core: {core}"
    for folder in (life.cwd, life.temporary):
        yield from (f"a new file: {_short(str(path), life)}" for path in folder.rglob("*"))
    opened = {Path(path) for done in doings.values() for path in done.files}
    for path in sorted({*life.state.rglob("*"), *opened, life.log}):
        if not path.is_file() or not stat.S_ISREG(path.stat().st_mode):
            continue
        for finding in look(path.read_bytes(), marks):
            yield f"in {_short(str(path), life)} afterwards: {finding}"
    for path in life.broker.rglob("*"):
        if path.is_file():
            yield from (f"the broker keeps, in {path.name}: {finding}" for finding in look(path.read_bytes(), marks))
    for pid in life.left:
        yield f"process {pid} outlived the terminal by seconds"


def _unseen(life: Life, doings: dict[str, Doings], processes: frozenset[int], witness: Witness) -> Iterator[str]:
    """Files that the kernel says were written to, and the trace does not."""
    if witness.lost:
        yield "fanotify lost events"
    seen = {path for done in doings.values() for path in done.files}
    for pid in processes:
        for path in sorted(witness.written.get(pid, set()) - seen):
            name = path.removesuffix(" (deleted)")
            if name not in seen:
                yield f"fanotify: process {pid} wrote to {_short(path, life)}, which the trace does not show"


def _memory(life: Life, verdict: Verdict) -> None:
    if life.during and not any(scan.of(Where.COVERED) for scan in life.during):
        verdict.covered.append(
            "nothing was found in covered buffers in the middle of a session, where frames must be: the scan is blind"
        )
    for scan in (*life.during, *([life.after] if life.after else ())):
        verdict.notes += [f"memory that cannot be read: {name}" for name in scan.unread]
    if life.after is None:
        return
    verdict.scanned, verdict.covered_bytes = life.after.size, life.after.covered_size
    for (where, name), count in life.after.pieces.items():
        if where is Where.COVERED or name.startswith(FORGOTTEN):
            verdict.covered.append(f"in {where} after the sessions: {count} marks of {name}")
        else:
            verdict.remnants[where, name] += count


def _short(path: str, life: Life) -> str:
    for folder, name in ((life.state, "STATE"), (life.folder, "RUN")):
        if path.startswith(f"{folder}{os.sep}"):
            return f"{name}/{path.removeprefix(f'{folder}{os.sep}')}"
    return path
