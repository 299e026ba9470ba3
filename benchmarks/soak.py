"""Whether a terminal's memory grows: `livegate run` over many sessions of all kinds, asked for over MQTT.

Two terminals one after the other, each over `--sessions` sessions: one with its camera in a capture process, at the
pace of the recordings, and one with capture in process, as fast as it can judge. Writes a row for each session to a CSV
file, draws both as SVG, and prints one JSON document. Needs root: the daemon's memory is closed to others.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import itertools
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.plot import Line, chart
from benchmarks.process_memory import children, handles, memory, resident_once
from benchmarks.terminal_process import (
    PATIENCE,
    TOPICS,
    TerminalProcess,
    live_face,
    machine,
    printed_face,
    state_of,
    translate,
    wall,
    write_config,
)
from edge.contracts.enums import TerminalState
from edge.link.embedded import EmbeddedBroker
from edge.link.options import LinkOptions
from edge.link.requester import Requester, TerminalRefusedError

FPS: Final = 15
ATTEMPT_SECONDS: Final = 10
SEQUENCE: Final = 8
WARM_UP: Final = 50
COMPARED: Final = 100
BLOCK: Final = 50
AIM_MIB: Final = 160.0
# Of a normal distribution, two-sided: the interval that holds 95 of 100.
Z: Final = statistics.NormalDist().inv_cdf(0.975)


class Kind(StrEnum):
    """What stands before the camera, and what the requester does. Each is one entry of the playlist."""

    ACCEPTED = "accepted"
    SEQUENCE = "sequence"
    REFUSED = "refused"
    NOBODY = "nobody"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"


# What must come of each.
OUTCOMES: Final = {
    Kind.ACCEPTED: {"realface"},
    Kind.SEQUENCE: {"realface"},
    Kind.REFUSED: {"spoofface"},
    Kind.NOBODY: {"NoFaceDetected"},
    # At simulated pace the attempt's time may have passed before the request to cancel is there.
    Kind.CANCELLED: {"UserCanceledSession", "TimedOut"},
    Kind.TIMED_OUT: {"TimedOut"},
}
_ROUND: Final = (Kind.ACCEPTED, Kind.REFUSED, Kind.NOBODY, Kind.SEQUENCE, Kind.CANCELLED)
# One in fifty: at the pace of the recordings it takes ATTEMPT_SECONDS.
PLAYLIST: Final = (*_ROUND * 9, *(Kind.TIMED_OUT if kind is Kind.NOBODY else kind for kind in _ROUND))


@dataclass(frozen=True, slots=True)
class Row:
    """One session, and what the terminal held after it. MiB; ``peak`` during it, over both processes."""

    terminal: str
    session: int
    at: float
    kind: str
    outcome: str
    seconds: float
    daemon_rss: float
    daemon_pss: float
    daemon_uss: float
    daemon_anonymous: float
    capture_rss: float
    capture_uss: float
    peak_rss: float
    peak_once: float
    files: int
    threads: int
    shared_memory: int
    outbox_rows: int


class Peak:
    """Most that daemon and capture process held together, of the samples since ``restart``."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.restart()

    def restart(self) -> None:
        self.rss = self.once = self.capture_rss = self.capture_uss = 0.0

    def sample(self) -> None:
        pids = [self._pid, *children(self._pid)]
        # A capture process may end in between.
        with suppress(FileNotFoundError, ProcessLookupError):
            held = [memory(pid) for pid in pids]
            self.capture_rss = max(self.capture_rss, sum(one.rss for one in held[1:]))
            self.capture_uss = max(self.capture_uss, sum(one.uss for one in held[1:]))
            rss = sum(one.rss for one in held)
            if rss > self.rss:
                self.rss = rss
                self.once = max(self.once, resident_once(pids))

    async def keep_sampling(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(0.1)


def sources(folder: Path) -> list[Path]:
    """The playlist's pictures and folders, written below ``folder``."""
    face, attack, nobody = live_face(), printed_face(), wall()
    files = {name: folder / f"{name}.png" for name in ("face", "attack", "nobody")}
    for name, picture in (("face", face), ("attack", attack), ("nobody", nobody)):
        cv2.imwrite(str(files[name]), picture)
    moving, waiting = folder / "moving", folder / "waiting"
    moving.mkdir()
    for number in range(SEQUENCE):
        shifted = np.roll(face, round(6 * np.sin(number / 2)), axis=1)
        cv2.imwrite(str(moving / f"{number}.png"), shifted)
    waiting.mkdir()
    for number in range(2 * ATTEMPT_SECONDS * FPS):
        (waiting / f"{number}.png").hardlink_to(files["nobody"])
    paths = {
        Kind.ACCEPTED: files["face"],
        Kind.SEQUENCE: moving,
        Kind.REFUSED: files["attack"],
        Kind.NOBODY: files["nobody"],
        Kind.CANCELLED: waiting,
        Kind.TIMED_OUT: waiting,
    }
    return [paths[kind] for kind in PLAYLIST]


async def outcome(requester: Requester, kind: Kind) -> str:
    """Asks for one session; what its last decision says."""
    session = await requester.start()
    if kind is Kind.CANCELLED:
        with suppress(TerminalRefusedError):
            await requester.cancel(session.session_id)
    told = ""
    async for heard in requester.decisions(session, within=PATIENCE):
        if heard.decision is not None:
            attempt = heard.decision.attempt
            told = str(attempt.result.liveness_decision if attempt.result else attempt.error and attempt.error.code)
    return told


async def ready(requester: Requester) -> None:
    async with asyncio.timeout(PATIENCE):
        while requester.state is None or requester.state.state is not TerminalState.READY:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def outbox_rows(state: Path) -> int:
    with closing(sqlite3.connect(f"file:{state / 'outbox.sqlite'}?mode=ro", uri=True)) as outbox:
        return int(outbox.execute("SELECT count(*) FROM decision").fetchone()[0])


async def soak(
    name: str, terminal: TerminalProcess, state: Path, options: LinkOptions, sessions: int, keep: Callable[[Row], None]
) -> None:
    """keep: is given a row after each session."""
    peak = Peak(terminal.pid)
    begun = time.perf_counter()
    async with Requester(options, TOPICS) as requester, asyncio.TaskGroup() as tasks:
        sampling = tasks.create_task(peak.keep_sampling())
        for number, kind in zip(range(1, sessions + 1), itertools.cycle(PLAYLIST), strict=False):
            await ready(requester)
            peak.restart()
            started = time.perf_counter()
            came = await outcome(requester, kind)
            seconds = time.perf_counter() - started
            await ready(requester)
            held, others = memory(terminal.pid), handles(terminal.pid)
            row = Row(
                terminal=name,
                session=number,
                at=round(time.perf_counter() - begun, 2),
                kind=kind.value,
                outcome=came,
                seconds=round(seconds, 3),
                daemon_rss=round(held.rss, 2),
                daemon_pss=round(held.pss, 2),
                daemon_uss=round(held.uss, 2),
                daemon_anonymous=round(held.anonymous, 2),
                capture_rss=round(peak.capture_rss, 2),
                capture_uss=round(peak.capture_uss, 2),
                peak_rss=round(peak.rss, 2),
                peak_once=round(peak.once, 2),
                files=others.files,
                threads=others.threads,
                shared_memory=others.shared_memory,
                outbox_rows=outbox_rows(state),
            )
            keep(row)
            if number % COMPARED == 0:
                print(f"{name}: {number} sessions, {row.daemon_rss:.1f} MiB", file=sys.stderr, flush=True)
        sampling.cancel()


def slope(values: Sequence[float]) -> tuple[float, float, float] | None:
    """MiB per 1000 sessions and its 95 % interval: Theil and Sen's, over the medians of blocks of BLOCK sessions.

    Blocks hold the same kinds of sessions each, and steps of the allocator weigh no more than their height. Sen, JASA
    63 (1968) 1379. None for fewer than four blocks.
    """
    blocks = [statistics.median(values[at : at + BLOCK]) for at in range(0, len(values) - BLOCK + 1, BLOCK)]
    n = len(blocks)
    if n < 4:
        return None
    slopes = sorted(
        (later - earlier) / (j - i) * 1000 / BLOCK
        for (i, earlier), (j, later) in itertools.combinations(enumerate(blocks), 2)
    )
    half = Z * (n * (n - 1) * (2 * n + 5) / 18) ** 0.5 / 2
    low, high = int(len(slopes) / 2 - half), int(len(slopes) / 2 + half) + 1
    return statistics.median(slopes), slopes[max(0, low)], slopes[min(len(slopes) - 1, high)]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Of one terminal, as the document has it. MiB."""
    settled = rows[WARM_UP:] if len(rows) > WARM_UP + BLOCK else rows
    compared = min(COMPARED, len(settled) // 2)
    first, last = settled[:compared], settled[-compared:]
    growth = {}
    for what in ("daemon_rss", "daemon_uss", "daemon_anonymous", "peak_rss", "peak_once"):
        values = [getattr(row, what) for row in settled]
        fitted = slope(values)
        growth[what] = {
            "first": round(statistics.median(values[:compared]), 2),
            "last": round(statistics.median(values[-compared:]), 2),
            "peak": max(getattr(row, what) for row in rows),
            "per1000Sessions": None if fitted is None else round(fitted[0], 2),
            "interval95": None if fitted is None else [round(bound, 2) for bound in fitted[1:]],
        }
    return {
        "sessions": len(rows),
        "minutes": round(rows[-1].at / 60, 1),
        "warmUp": len(rows) - len(settled),
        "compared": compared,
        "outcomes": dict(Counter(f"{row.kind}: {row.outcome}" for row in rows)),
        "growth": growth,
        "captureProcess": {"rss": max(row.capture_rss for row in rows), "uss": max(row.capture_uss for row in rows)},
        "handles": {
            what: [max(getattr(row, what) for row in part) for part in (first, last)]
            for what in ("files", "threads", "shared_memory", "outbox_rows")
        },
    }


def drawn(rows: Sequence[Row], name: str, what: str, told: str) -> Line:
    """The most of each five sessions."""
    values = [(float(row.session), float(getattr(row, what))) for row in rows if row.terminal == name]
    groups = [values[at : at + 5] for at in range(0, len(values), 5)]
    return Line(told, [(group[-1][0], max(y for _, y in group)) for group in groups])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000, help="of each terminal")
    parser.add_argument("--terminal", choices=("process", "in-process", "both"), default="both")
    parser.add_argument("--csv", type=Path, default=Path("soak.csv"))
    parser.add_argument("--svg", type=Path, help="default: no picture")
    given = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("the daemon's memory is closed to all but root (PR_SET_DUMPABLE)")
    names = ("process", "in-process") if given.terminal == "both" else (given.terminal,)
    rows: list[Row] = []
    with (
        given.csv.open("w", newline="", buffering=1) as file,
        tempfile.TemporaryDirectory(prefix="livegate-soak-") as temporary,
    ):
        table = csv.DictWriter(file, [field.name for field in fields(Row)])
        table.writeheader()

        def keep(row: Row) -> None:
            rows.append(row)
            table.writerow(asdict(row))

        folder = Path(temporary)
        paths = [str(path) for path in sources(folder)]
        for name in names:
            # A broker each: the retained state of the first terminal would pass for that of the second.
            with EmbeddedBroker() as broker:
                own = name == "process"
                camera = {"sources": paths, "fps": FPS, "process": own, "pace": "realtime" if own else "simulated"}
                config = write_config(
                    folder / f"{name}.yaml", broker, camera, {"attempt_timeout_seconds": ATTEMPT_SECONDS}
                )
                translate(config)
                with TerminalProcess(config) as terminal:
                    options = LinkOptions(broker.host, broker.port)
                    asyncio.run(soak(name, terminal, state_of(config), options, given.sessions, keep))
    if given.svg is not None:
        lines = []
        if "process" in names:
            lines += [
                drawn(rows, "process", "peak_rss", "daemon and capture process, most in a session: RSS, summed"),
                drawn(rows, "process", "peak_once", "the same, with the pages that both have counted once"),
                drawn(rows, "process", "daemon_rss", "daemon after a session: RSS"),
            ]
        if "in-process" in names:
            lines.append(drawn(rows, "in-process", "daemon_rss", "daemon with capture in process, after a session"))
        given.svg.write_text(
            chart("Memory over sessions", machine(), "session", "MiB", lines, limit=AIM_MIB), encoding="utf-8"
        )
    document = {name: summary([row for row in rows if row.terminal == name]) for name in names}
    print(json.dumps({"machine": machine(), **document}, indent=2))
    unexpected = [row for row in rows if row.outcome not in OUTCOMES[Kind(row.kind)]]
    for row in unexpected[:10]:
        print(f"{row.terminal}, session {row.session}: {row.kind} came to {row.outcome!r}", file=sys.stderr)
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
