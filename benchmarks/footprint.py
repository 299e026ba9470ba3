"""How long a terminal takes to be ready, what memory it holds, and what it costs while nobody is there.

Starts `livegate run` as its service does, on a synthetic person's picture with an embedded broker: several times for
the time to be ready, then once with a capture process and once with capture in process, for memory right after the
start and over sessions, and for the share of a core over `--idle` seconds. Prints one JSON document; times and sizes
are of the machine it runs on, with its files in the page cache. Needs root: the daemon's memory is closed to others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import cv2

from benchmarks.process_memory import Memory, memory, processor_seconds, wake_ups
from benchmarks.soak import Peak, ready
from benchmarks.terminal_process import (
    PATIENCE,
    TOPICS,
    TerminalProcess,
    environment,
    live_face,
    machine,
    translate,
    write_config,
)
from edge.link.embedded import EmbeddedBroker
from edge.link.options import LinkOptions
from edge.link.requester import Requester

# Prints what the process has run after each step of a start, seconds.
STEPS: Final = """\
import sys
from time import process_time as told
times = [told()]
import edge.cli.main, edge.cli.run
times.append(told())
from pathlib import Path
from edge.config.loader import load
settings = load(Path(sys.argv[1])).settings
times.append(told())
from edge.terminal.assembly import open_models, open_workbench
from edge.terminal.daemon import keep_to_one_thread
keep_to_one_thread()
models = open_models(settings.models)
times.append(told())
open_workbench(settings, models)
times.append(told())
print(*times)
"""


def step_seconds(config: Path, runs: int) -> dict[str, float]:
    """Medians of what a start's steps take a processor, however busy it is with others; without the loop and the link,
    which begin beside the models.
    """
    marks = []
    for _ in range(runs):
        told = subprocess.run(
            [sys.executable, "-c", STEPS, str(config)],
            capture_output=True,
            text=True,
            check=True,
            # As the command has it.
            env={**environment(), "OPENBLAS_NUM_THREADS": "1"},
        ).stdout
        marks.append([float(mark) for mark in told.split()])
    # The interpreter alone first: what it takes tells how fast a machine is, and the rest is a multiple of it.
    steps = ("interpreter", "imports", "configuration", "models", "devices")
    taken = [[later - earlier for earlier, later in zip([0.0, *mark], mark, strict=False)] for mark in marks]
    medians = map(statistics.median, zip(*taken, strict=True))
    return {name: round(seconds, 3) for name, seconds in zip(steps, medians, strict=True)}


def ready_seconds(config: Path, runs: int) -> dict[str, float]:
    taken, ran = [], []
    for _ in range(runs):
        with TerminalProcess(config) as terminal:
            taken.append(terminal.ready_seconds)
            ran.append(terminal.processor_seconds)
    return {
        "median": round(statistics.median(taken), 2),
        "least": round(min(taken), 2),
        "most": round(max(taken), 2),
        "processorMedian": round(statistics.median(ran), 2),
        "runs": runs,
    }


def idle(pid: int, seconds: float) -> dict[str, float]:
    """Of a terminal for which nobody asks."""
    before, woken, started = processor_seconds(pid), wake_ups(pid), time.perf_counter()
    time.sleep(seconds)
    spent = time.perf_counter() - started
    return {
        "percentOfACore": round(100 * (processor_seconds(pid) - before) / spent, 2),
        "wakeUpsPerSecond": round((wake_ups(pid) - woken) / spent, 2),
        "seconds": round(spent, 1),
    }


async def over_sessions(pid: int, options: LinkOptions, sessions: int) -> dict[str, Any]:
    peak = Peak(pid)
    seconds = []
    async with Requester(options, TOPICS) as requester, asyncio.TaskGroup() as tasks:
        sampling = tasks.create_task(peak.keep_sampling())
        for _ in range(sessions):
            await ready(requester)
            begun = time.perf_counter()
            session = await requester.start()
            async for _heard in requester.decisions(session, within=PATIENCE):
                pass
            seconds.append(time.perf_counter() - begun)
        await ready(requester)
        sampling.cancel()
    return {
        "sessions": sessions,
        "sessionMedianMs": round(statistics.median(seconds) * 1e3, 1),
        "most": {"rssSum": round(peak.rss, 1), "once": round(peak.once, 1), "captureRss": round(peak.capture_rss, 1)},
    }


def held(of: Memory) -> dict[str, float]:
    return {"rss": round(of.rss, 1), "pss": round(of.pss, 1), "anonymous": round(of.anonymous, 1)}


def main() -> None:
    """Prints the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--idle", type=float, default=60.0)
    given = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("the daemon's memory is closed to all but root (PR_SET_DUMPABLE)")
    document: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="livegate-footprint-") as temporary:
        folder = Path(temporary)
        picture = folder / "face.png"
        cv2.imwrite(str(picture), live_face())
        for own in (True, False):
            # A broker each: the retained state of the first terminal would pass for that of the second.
            with EmbeddedBroker() as broker:
                camera = {"sources": [str(picture)], "process": own, "pace": "realtime" if own else "simulated"}
                config = write_config(folder / f"process-{own}.yaml", broker, camera)
                translate(config)
                if own:
                    document["startProcessorSeconds"] = step_seconds(config, given.starts)
                    document["readySeconds"] = ready_seconds(config, given.starts)
                with TerminalProcess(config) as terminal:
                    options = LinkOptions(broker.host, broker.port)
                    document["withCaptureProcess" if own else "captureInProcess"] = {
                        "afterStart": held(memory(terminal.pid)),
                        "idle": idle(terminal.pid, given.idle),
                        "duringSessions": asyncio.run(over_sessions(terminal.pid, options, given.sessions)),
                        "afterSessions": held(memory(terminal.pid)),
                    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
