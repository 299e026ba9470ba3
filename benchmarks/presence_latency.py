"""How long somebody who has come waits, and what it costs to look for them.

Starts `livegate run` with an embedded broker, and answers each event of presence as a controller does: with
`session.start` and a nonce, until the decision is there. A synthetic person's picture stands for a camera; a few visits
are to a simulated terminal, whose frames take far longer to make than to judge. Prints one JSON document; seconds count
from the event's own time, by the clock that both processes share. With `--idle` it also measures a terminal that nobody
comes to, with looks for a face and without. Times are of the machine it runs on, and of what else runs there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.process_memory import children, processor_seconds
from benchmarks.terminal_process import PATIENCE, TOPICS, TerminalProcess, live_face, machine, wall, write_config
from edge.contracts.device import DeviceEvent
from edge.inference.bundle import ModelChoice, default_models_dir
from edge.link.embedded import EmbeddedBroker
from edge.link.options import LinkOptions
from edge.link.requester import Requester, listen
from edge.simulation.scene import shipped_scenes

PERSON: Final = "bona-fide-dim.yaml"
LIGHTS: Final = {name: {"driver": "simulated"} for name in ("backlight", "screen", "ambient")}
SUBSCRIBED_SECONDS: Final = 1.0
DECISION_SECONDS: Final = 300.0
# Of the terminal's log, which tells the same from its own side.
VISIT: Final = "seconds since somebody came"
PRESENCE: Final[dict[str, dict[str, Any]]] = {
    "button": {"button": {"driver": "simulated", "every_seconds": 1.0}},
    "face": {"face": {"again_after_seconds": 1.0}},
}


def settings(file: Path, broker: EmbeddedBroker, camera: Mapping[str, Any], presence: Mapping[str, Any]) -> Path:
    """A kiosk's, with these two and a log that tells what sessions take."""
    content = json.loads(write_config(file, broker, camera).read_text("utf-8"))
    if camera.get("driver") == "simulated":
        content["lights"] = LIGHTS
    content |= {"presence": {**presence, "least_seconds": 1.0}, "log": {"level": "info", "format": "json"}}
    file.write_text(json.dumps(content), "utf-8")
    return file


async def answer(options: LinkOptions, visits: int) -> list[dict[str, float]]:
    """As a controller does. Seconds since each event's own time."""
    taken: list[dict[str, float]] = []
    messages = listen(options, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device)
    async with Requester(options, TOPICS) as requester, contextlib.aclosing(messages):
        async for heard in messages:
            event = heard.content
            if not isinstance(event, DeviceEvent) or event.kind != "presence":
                continue
            times = {"heard": time.time() - event.at}
            session = await requester.start(device_correlation_id=event.id)
            times["running"] = time.time() - event.at
            async for _ in requester.decisions(session, within=DECISION_SECONDS):
                times["decided"] = time.time() - event.at
            taken.append(times)
            if len(taken) == visits:
                break
    return taken


async def visited(config: Path, options: LinkOptions, visits: int) -> list[dict[str, float]]:
    """The controller first: a terminal says only once that somebody has come."""
    answering = asyncio.create_task(answer(options, visits))
    await asyncio.sleep(SUBSCRIBED_SECONDS)
    terminal = TerminalProcess(config)
    await asyncio.to_thread(terminal.__enter__)
    try:
        async with asyncio.timeout(PATIENCE + visits * DECISION_SECONDS):
            return await answering
    finally:
        await asyncio.to_thread(terminal.end)


def told_by(log: Path) -> list[dict[str, float]]:
    """What the terminal logged of each visit, seconds since somebody came."""
    lines = (json.loads(line) for line in log.read_text("utf-8").splitlines() if VISIT in line)
    return [{name: line[name] for name in ("session", "prompt", "decision", "published")} for line in lines]


def summary(values: Iterable[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    rows = list(values)
    return {
        name: {
            "p50": round(statistics.median(row[name] for row in rows), 4),
            "p95": round(float(np.percentile([row[name] for row in rows], 95)), 4),
        }
        for name in rows[0]
    }


def latency(folder: Path, source: str, camera: Mapping[str, Any], visits: int) -> dict[str, Any]:
    with EmbeddedBroker() as broker:
        config = settings(folder / f"{source}-{camera.get('driver', 'replay')}.yaml", broker, camera, PRESENCE[source])
        taken = asyncio.run(visited(config, LinkOptions(broker.host, broker.port), visits))
    return {
        "visits": len(taken),
        "byTheController": summary(taken),
        "byTheTerminal": summary(told_by(config.with_suffix(".log"))),
    }


def film_of_nobody(file: Path, seconds: float) -> Path:
    """Noise on a wall: 640 x 480, 15 frames a second."""
    dice, picture = np.random.default_rng(1), wall()
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 15.0, (640, 480))
    for _ in range(int(seconds * 15)):
        writer.write(cv2.add(picture, dice.integers(0, 6, picture.shape, np.uint8)))
    writer.release()
    return file


def bare_look() -> float:
    """Processor seconds of the detector's network alone, the median."""
    network = ModelChoice(default_models_dir()).open().detector
    image = np.full((128, 128, 3), 120, np.uint8)
    taken = []
    for _ in range(200):
        began = time.process_time()
        network.run(image)
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def share(pids: list[int], seconds: float) -> list[float]:
    """Of a core that each has run."""
    before, began = [processor_seconds(pid) for pid in pids], time.perf_counter()
    time.sleep(seconds)
    spent = time.perf_counter() - began
    return [(processor_seconds(pid) - then) / spent for pid, then in zip(pids, before, strict=True)]


def idle(folder: Path, seconds: float) -> dict[str, Any]:
    """Of a terminal with a capture process that nobody comes to, looking and not."""
    source = film_of_nobody(folder / "nobody.mp4", 3 * seconds)
    camera = {"driver": "replay", "sources": [str(source)], "process": True, "pace": "realtime"}
    document: dict[str, Any] = {}
    bare = bare_look()
    resting = 0.0
    for looks in (0, 4, 10):
        presence = {"face": {"looks_per_second": float(looks)}} if looks else {}
        with EmbeddedBroker() as broker:
            config = settings(folder / f"looks-{looks}.yaml", broker, camera, presence)
            with TerminalProcess(config) as terminal:
                time.sleep(2.0)
                daemon, *capture = share([terminal.pid, *children(terminal.pid)], seconds)
        told = {"daemonPercentOfACore": round(100 * daemon, 2), "capturePercentOfACore": round(100 * sum(capture), 2)}
        if looks:
            each = (daemon - resting) / looks
            told |= {"lookMs": round(1e3 * each, 2), "timesBareDetector": round(each / bare, 1)}
        else:
            resting = daemon
        document[f"{looks} looks a second"] = told
    return {"bareDetectorMs": round(1e3 * bare, 2), "seconds": seconds, **document}


def main() -> None:
    """Prints the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=20)
    parser.add_argument("--simulated", type=int, default=2, help="visits to a simulated terminal")
    parser.add_argument("--idle", type=float, default=0.0, help="seconds; as root, for the capture process")
    given = parser.parse_args()
    document: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="livegate-presence-") as temporary:
        folder = Path(temporary)
        picture = folder / "face.png"
        cv2.imwrite(str(picture), live_face())
        for source in PRESENCE:
            document[source] = latency(folder, source, {"sources": [str(picture)]}, given.visits)
        if given.idle:
            document["idle"] = idle(folder, given.idle)
        if given.simulated:
            scene = {"driver": "simulated", "scenes": [str(shipped_scenes() / PERSON)], "pace": "realtime"}
            document["faceSimulated"] = latency(folder, "face", scene, given.simulated)
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
