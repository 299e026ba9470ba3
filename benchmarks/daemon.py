"""How long a terminal takes to be ready, and what memory it holds over many sessions.

Starts `livegate run` on a synthetic person's picture with an embedded broker and asks for `--sessions` sessions, one
after the other: once with capture in process, once in a child process. Prints one JSON document; times and sizes are of
the machine it runs on. Needs root: the daemon's memory is closed to others.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2

from edge.contracts.device import State
from edge.contracts.enums import TerminalState
from edge.contracts.topics import Topics
from edge.evaluation.bench import selfie
from edge.link.embedded import EmbeddedBroker
from edge.link.options import LinkOptions
from edge.link.requester import Requester, listen

TOPICS = Topics("livegate", "bench", "bench-terminal")
PATIENCE = 60.0


async def ready(options: LinkOptions) -> None:
    """Waits for the retained state."""
    messages = listen(options, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device)
    async with asyncio.timeout(PATIENCE), contextlib.aclosing(messages):
        async for heard in messages:
            if isinstance(heard.content, State) and heard.content.state is TerminalState.READY:
                return


def memory(pid: int) -> dict[str, float]:
    """MiB of a process and its children: resident (shared pages counted in each), and proportional (counted once)."""
    listed = subprocess.run(["/usr/bin/pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    sums = {"Rss": 0.0, "Pss": 0.0}
    for process in (str(pid), *listed.split()):
        # A capture process may have ended in between.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in (Path("/proc") / process / "smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in sums:
                    sums[name] += int(value.split()[0]) / 1024
    return {"rssMiB": round(sums["Rss"], 1), "pssMiB": round(sums["Pss"], 1)}


async def measure(folder: Path, picture: Path, options: LinkOptions, *, process: bool, sessions: int) -> dict[str, Any]:
    """One terminal, from its start to its end."""
    config = folder / f"bench-{process}.yaml"
    config.write_text(
        json.dumps(
            {
                "device": {"prefix": TOPICS.prefix, "site": TOPICS.site, "id": TOPICS.device},
                "camera": {
                    "driver": "replay",
                    "sources": [str(picture)],
                    "pace": "realtime" if process else "simulated",
                    "process": process,
                },
                "policy": {"preset": "kiosk"},
                "link": {"host": options.host, "port": options.port},
                "state_directory": str(folder / f"state-{process}"),
                "log": {"level": "error"},
            }
        )
    )
    started = time.perf_counter()
    terminal = subprocess.Popen([sys.executable, "-m", "edge", "run", "--config", str(config)])
    try:
        await ready(options)
        ready_seconds = time.perf_counter() - started
        after_start = memory(terminal.pid)
        seconds, during = [], after_start
        async with Requester(options, TOPICS) as requester:
            for _ in range(sessions):
                await ready(options)
                begun = time.perf_counter()
                session = await requester.start()
                async for _heard in requester.decisions(session, within=PATIENCE):
                    now = memory(terminal.pid)
                    during = max(during, now, key=lambda sample: sample["pssMiB"])
                seconds.append(time.perf_counter() - begun)
        await ready(options)
        after = memory(terminal.pid)
    finally:
        terminal.terminate()
        terminal.wait(PATIENCE)
    return {
        "captureProcess": process,
        "readySeconds": round(ready_seconds, 2),
        "afterStart": after_start,
        "duringSessions": during,
        "afterSessions": after,
        "sessions": sessions,
        "sessionMedianMs": round(statistics.median(seconds) * 1e3, 1),
    }


def main() -> None:
    """Prints the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    sessions = parser.parse_args().sessions
    with tempfile.TemporaryDirectory(prefix="livegate-bench-") as name:
        folder = Path(name)
        picture = folder / "selfie.png"
        cv2.imwrite(str(picture), selfie())
        runs = []
        for process in (False, True):
            # A broker each: the retained state of the first terminal would pass for that of the second.
            with EmbeddedBroker() as broker:
                options = LinkOptions(broker.host, broker.port)
                runs.append(asyncio.run(measure(folder, picture, options, process=process, sessions=sessions)))
    machine = f"{platform.machine()} Python {platform.python_version()}"
    print(json.dumps({"machine": machine, "runs": runs}, indent=2))


main()
