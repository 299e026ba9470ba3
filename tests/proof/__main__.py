"""See scripts/prove-no-media."""

from __future__ import annotations

import argparse
import itertools
import logging
import multiprocessing
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.broker import NoBrokerError, program
from benchmarks.terminal_process import RUN
from tests.proof import planted
from tests.proof.fanotify import NoFanotifyError, Witness
from tests.proof.lives import Kind, live
from tests.proof.pictures import Stage, set_up
from tests.proof.verdict import END, START, Row, Verdict, cores, judge

CANNOT_RUN: Final = 3
MIB: Final = 1024 * 1024
WORKERS: Final = 2
# Each once, then these in turn.
FIRST: Final = (
    *(Kind.ACCEPTED, Kind.REFUSED, Kind.NOBODY, Kind.CANCELLED),
    *(Kind.AWAY, Kind.IMAGE, Kind.REFERENCE, Kind.TEMPLATE),
)
THEN: Final = (Kind.ACCEPTED, Kind.REFUSED, Kind.IMAGE, Kind.NOBODY, Kind.REFERENCE, Kind.ACCEPTED, Kind.TEMPLATE)
# Lives that end in the middle of a session.
BROKEN_OFF: Final = (Kind.KILLED, Kind.CRASHED)

# Made before workers are, which have it without a copy.
_stages: list[Stage] = []


def main() -> int:
    parser = argparse.ArgumentParser(prog="prove-no-media", description="Watches a terminal keep no media.")
    parser.add_argument("--sessions", type=int, default=10, help="of the terminal that ends in good order")
    parser.add_argument("--planted", action="store_true", help="also that every planted leak is caught")
    parser.add_argument("--leak", action="append", choices=planted.CAUGHT, help="only this planted leak; repeatable")
    parser.add_argument("--keep", type=Path, help="a folder for traces, logs and state folders, which must not exist")
    given = parser.parse_args()
    reason = _why_not()
    if reason is not None:
        print(f"prove-no-media: {reason}", file=sys.stderr)
        return CANNOT_RUN
    # Brokers are killed here: who listens to them has nothing to report.
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)
    # So that a terminal that does not see to it itself leaves a core.
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if given.keep is not None:
        given.keep.mkdir(parents=True)
        return _prove(given.keep, given)
    with tempfile.TemporaryDirectory(prefix="livegate-proof-") as folder:
        return _prove(Path(folder), given)


def _why_not() -> str | None:
    if os.geteuid() != 0:
        return "needs root: the daemon's memory is closed to all others"
    if shutil.which("strace") is None:
        return "strace is not installed: apt install strace"
    trial = ["strace", "--seccomp-bpf", "-f", "-o", os.devnull, "true"]
    tried = subprocess.run(trial, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"this system lets nobody trace: {tried.stderr.strip()}"
    try:
        program()
    except NoBrokerError as error:
        return str(error)
    return None


def _prove(folder: Path, given: argparse.Namespace) -> int:
    begun = time.monotonic()
    stage = set_up(folder / "pictures", attack=not given.leak)
    # Its index is built once, before it is shared.
    stage.marks.find(bytes(64))
    _stages.append(stage)
    failed = False
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("fork")) as workers:
        honest = [] if given.leak else _honest(given.sessions)
        leaks = given.leak or (list(planted.CAUGHT) if given.planted else [])
        lives = [workers.submit(_whole, folder / name, name, kinds) for name, kinds in honest]
        leaking = [workers.submit(_leaking, folder / leak, leak) for leak in leaks]
        if lives:
            failed |= _tell([(name, kinds, life.result()) for (name, kinds), life in zip(honest, lives, strict=True)])
        if leaking:
            failed |= _tell_leaks([(leak, verdict.result()) for leak, verdict in zip(leaks, leaking, strict=True)])
    print(f"\n{time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def _honest(sessions: int) -> list[tuple[str, tuple[Kind, ...]]]:
    more = max(0, sessions - len(FIRST))
    whole = (*FIRST, *itertools.islice(itertools.cycle(THEN), more))
    return [("whole", whole), *((kind.lower(), (kind,)) for kind in BROKEN_OFF)]


def _whole(folder: Path, name: str, kinds: Sequence[Kind]) -> tuple[Verdict, str]:
    return _judged(folder, name, kinds, RUN, scans=True)


def _leaking(folder: Path, leak: str) -> Verdict:
    with _without_stray():
        scans = leak in planted.SCANNED
        verdict, _ = _judged(folder, leak, planted.kinds(leak), planted.command(leak), scans=scans)
    return verdict


def _judged(
    folder: Path, name: str, kinds: Sequence[Kind], command: Sequence[str], *, scans: bool
) -> tuple[Verdict, str]:
    """And what fanotify could do."""
    (stage,) = _stages
    before = cores()
    witness: Witness | None = Witness(folder.parent)
    told = "fanotify was a second witness"
    try:
        with witness:
            life = live(name, folder, stage, kinds, command=command, scans=scans)
    except NoFanotifyError as error:
        witness, told = None, f"fanotify is not available here: {error}"
        life = live(name, folder, stage, kinds, command=command, scans=scans)
    return judge(life, stage.marks, before, witness), told


@contextmanager
def _without_stray() -> Iterator[None]:
    # Importing the module plants nothing.
    from tests.proof.leaking import STRAY  # noqa: PLC0415

    try:
        yield
    finally:
        STRAY.unlink(missing_ok=True)


def _tell(lives: Sequence[tuple[str, Sequence[Kind], tuple[Verdict, str]]]) -> bool:
    rows: dict[str, Row] = {}
    for _, _, (verdict, _) in lives:
        for name, row in verdict.rows.items():
            _add(rows.setdefault(name, Row()), row)
    order = [START, *(name for name in rows if name not in {START, END}), END]
    print(f"{'sessions':22}{'came to':26}{'files written':>14}{'bytes looked at':>17}{'messages':>10}{'findings':>10}")
    for name in order:
        row = rows[name]
        label = f"{row.sessions} x {name}" if row.sessions else name
        came = ", ".join(row.outcomes)
        print(f"{label:22}{came:26}{len(row.files):14}{row.size:17,}{row.messages:10}{len(row.findings):10}")
    print(f"\nfiles: {', '.join(sorted({path for row in rows.values() for path in row.files}))}")
    print("; ".join(dict.fromkeys(told for _, _, (_, told) in lives)))
    for name, kinds, (verdict, _) in lives:
        if verdict.scanned:
            whole, covered = verdict.scanned / MIB, verdict.covered_bytes / MIB
            print(
                f"memory after {len(kinds)} sessions ({name}): {whole:.0f} MiB, {covered:.1f} of them covered buffers"
            )
        for (where, what), count in sorted(verdict.remnants.items()):
            print(f"  remnant, no failure: {where}: {count} marks of {what}")
        for note in verdict.notes:
            print(f"note ({name}): {note}")
    findings = list(dict.fromkeys(finding for _, _, (verdict, _) in lives for finding in verdict.findings))
    for finding in findings:
        print(f"FOUND: {finding}")
    if not findings:
        print("nothing in files, messages and covered buffers")
    return bool(findings)


def _add(total: Row, row: Row) -> None:
    total.sessions += row.sessions
    total.outcomes += row.outcomes
    total.files |= row.files
    total.size += row.size
    total.messages += row.messages
    total.findings += row.findings


def _tell_leaks(leaks: Sequence[tuple[str, Verdict]]) -> bool:
    missed = False
    print("\nplanted leaks")
    for leak, verdict in leaks:
        pattern = re.compile(planted.CAUGHT[leak])
        finding = next((finding for finding in verdict.findings if pattern.search(finding)), None)
        missed |= finding is None
        print(f"{leak:20}{'caught: ' + finding[:160] if finding else f'MISSED; found: {verdict.findings}'}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
