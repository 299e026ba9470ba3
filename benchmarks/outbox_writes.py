"""What a decision and a command cost the disk: syncs and bytes that SQLite writes, counted by strace."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from edge.link.outbox import Outbox

ROUNDS: Final = 1000
# Of the example in docs/mqtt.md.
PAYLOAD_BYTES: Final = 4300
_CALL: Final = re.compile(r"(fsync|fdatasync|pwrite64|write)\((.*)\)\s+= (\d+)$")


def work(folder: Path, what: str, rounds: int) -> None:
    """Runs under strace. What ``empty`` does is in the others too, and is taken off."""
    outbox = Outbox(folder / "outbox.sqlite")
    match what:
        case "stored":
            for _ in range(rounds):
                outbox.add(os.urandom(PAYLOAD_BYTES))
        case "delivered":
            for _ in range(rounds):
                outbox.remove(outbox.add(os.urandom(PAYLOAD_BYTES)))
        case "command":
            now = time.time()
            for n in range(rounds):
                outbox.remember_command(f"{n}-{os.urandom(8).hex()}", now + 60.0, now)
    outbox.close()


def count(folder: Path, what: str, rounds: int) -> Counter[str]:
    """Syncs and bytes of one run."""
    trace = folder / "trace"
    command = [sys.executable, "-m", "benchmarks.outbox_writes", "--work", what, "--rounds", str(rounds), str(folder)]
    calls = "trace=fsync,fdatasync,pwrite64"
    subprocess.run(["strace", "-f", "-o", str(trace), "-e", calls, *command], check=True)  # noqa: S607
    counted: Counter[str] = Counter()
    for line in trace.read_text("utf-8", "replace").splitlines():
        if found := _CALL.search(line):
            call, _, result = found.groups()
            counted["bytes" if call == "pwrite64" else "syncs"] += int(result) if call == "pwrite64" else 1
    return counted


def main() -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", type=Path, help="on the disk to be looked at; default: a temporary one")
    options = parser.parse_args()
    if options.work:
        work(options.folder, options.work, options.rounds)
        return 0
    if shutil.which("strace") is None:
        print("strace is not installed: apt install strace", file=sys.stderr)
        return 3
    for what in ("stored", "delivered", "command"):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            empty = count(Path(folder), "empty", options.rounds)
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            used = count(Path(folder), what, options.rounds)
        syncs, written = (max(0, used[key] - empty[key]) / options.rounds for key in ("syncs", "bytes"))
        print(f"{what:10} {syncs:6.2f} syncs {written / 1024:8.1f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
