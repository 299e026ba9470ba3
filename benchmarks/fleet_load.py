"""Many terminals' links on one mosquitto with TLS: a storm after the broker's restart, then decisions.

The links are the terminal's own, each with an identity and an outbox on disk; nothing of a session is there. Times are
of one clock, from the call of ``publish_decision`` to the subscriber that receives it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import MQTTMessage

from benchmarks import fleet_process
from benchmarks.broker import Broker, NoBrokerError
from benchmarks.collector import Collector
from benchmarks.fleet_process import PREFIX, Sent
from benchmarks.link_process import SITE

LINKS_PER_PROCESS: Final = 125
# Sockets, the outbox's three files and a waker for each link, with room.
FILES_PER_LINK: Final = 12
DOWN_SECONDS: Final = 5.0
BURST_PER_LINK: Final = 5
PATIENCE: Final = 60.0
AIM_PUBLISH_MS: Final = 20.0
AIM_WRITE_MS: Final = 5.0


def raise_file_limit(links: int) -> str:
    """Of this process, those it starts, and the broker among them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(hard, max(links + 100, LINKS_PER_PROCESS * FILES_PER_LINK + 100)))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return f"{wanted} (soft limit was {soft}, hard {hard})"


def disk_of(folder: Path) -> str:
    """What a folder lies on, as findmnt tells it."""
    try:
        command = ["findmnt", "-no", "SOURCE,FSTYPE,OPTIONS", "-T", str(folder)]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return " ".join(found.split())
    except (OSError, subprocess.CalledProcessError):
        return "unknown: findmnt is not there"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest that so many are not above."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def told(name: str, figures: str) -> None:
    """One line of the report."""
    print(f"{name:38} {figures}", flush=True)


class Workers:
    """The processes that have the links."""

    def __init__(self, folder: Path, broker: Broker, links: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        names = [f"gate-{n}" for n in range(links)]
        self.shares = [names[n : n + LINKS_PER_PROCESS] for n in range(0, links, LINKS_PER_PROCESS)]
        self._pipes: list[Connection] = []
        self._processes = []
        for share in self.shares:
            ours, theirs = spawn.Pipe()
            process = spawn.Process(
                target=fleet_process.main, args=(theirs, folder, broker.port, broker.ca, share), daemon=True
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def ask(self, what: str, *details: Any) -> None:
        """All of them."""
        for pipe in self._pipes:
            pipe.send((what, *details))

    def answers(self) -> list[Any]:
        """One of each. Raises EOFError when a process has ended."""
        return [pipe.recv() for pipe in self._pipes]

    def stop(self) -> None:
        """In good order."""
        self.ask("stop")
        self.answers()
        for process in self._processes:
            process.join(PATIENCE)


class Receipts:
    """When each decision was received first, monotonic seconds."""

    def __init__(self) -> None:
        self._raw: list[tuple[float, bytes]] = []

    def record(self, message: MQTTMessage) -> None:
        """On the subscriber's thread: what takes time comes later."""
        self._raw.append((time.monotonic(), message.payload))

    def __len__(self) -> int:
        return len(self._raw)

    def take(self) -> dict[tuple[str, int], float]:
        """By device and sequence, and forgets them."""
        raw, self._raw = self._raw, []
        at: dict[tuple[str, int], float] = {}
        for when, payload in raw:
            decision = json.loads(payload)["decision"]
            at.setdefault((decision["device"], decision["seq"]), when)
        return at


def storm(workers: Workers, broker: Broker, log: Path) -> None:
    """The broker is killed and comes back."""
    read = log.stat().st_size
    broker.kill()
    workers.ask("lost")
    workers.answers()
    time.sleep(DOWN_SECONDS)
    began = time.monotonic()
    broker.start()
    workers.ask("ready")
    ready = [at - began for times in workers.answers() for at in times]
    with log.open("rb") as file:
        file.seek(read)
        lines = file.read().decode("utf-8", "replace").splitlines()
    opened, accepted = (
        Counter(line.partition(":")[0] for line in lines if words in line)
        for words in ("New connection from", "New client connected")
    )
    told("storm: all ready after", f"{max(ready):.1f} s; half after {statistics.median(ready):.1f} s")
    told("storm: most in one second", f"{max(opened.values())} connections, {max(accepted.values())} terminals let in")
    told("storm: connections until then", f"{sum(opened.values())} for {len(ready)} terminals")


def load(workers: Workers, receipts: Receipts, rate: float, per_process: int) -> bool:
    """Decisions at a rate, all processes together; 0: as fast as they can be stored. Whether all came."""
    receipts.take()
    workers.ask("load", rate / len(workers.shares), per_process)
    sent: list[Sent] = [each for answer in workers.answers() for each in answer]
    workers.ask("delivered")
    workers.answers()
    end = time.monotonic() + PATIENCE
    while len(receipts) < len(sent) and time.monotonic() < end:
        time.sleep(0.01)
    received = receipts.take()
    came = [(received[each.device, each.seq] - each.called) for each in sent if (each.device, each.seq) in received]
    kind = f"{rate:g} decisions a second" if rate else "burst"
    if not rate:
        seconds = max(received.values()) - min(each.called for each in sent)
        told(f"{kind}: delivered", f"{len(came) / seconds:.0f} decisions/s ({len(came)} in {seconds:.1f} s)")
    told(f"{kind}: arrived", f"{len(came)} of {len(sent)}")
    _percentiles(f"{kind}: publish to receive", came, 0.99, AIM_PUBLISH_MS if rate else None)
    _percentiles(f"{kind}: outbox write", [each.stored - each.called for each in sent], 0.95, AIM_WRITE_MS)
    return len(came) == len(sent)


def _percentiles(name: str, seconds: Sequence[float], share: float, aim: float | None) -> None:
    high = 1000 * quantile(seconds, share)
    verdict = "" if aim is None else f" (aim {aim:g} ms: {'met' if high <= aim else 'missed'})"
    most = 1000 * max(seconds)
    told(name, f"p50 {1000 * quantile(seconds, 0.5):.2f} ms, p{100 * share:g} {high:.2f} ms{verdict}, most {most:.1f}")


def run(folder: Path, links: int, seconds: float, rate: float) -> bool:
    """Whether all decisions came. Raises NoBrokerError."""
    told("links", f"{links}, TLS on loopback")
    told("open files", raise_file_limit(links))
    told("outboxes on", disk_of(folder))
    told("processors, load before", f"{os.cpu_count()}, {os.getloadavg()[0]:.1f}")
    broker = Broker(folder / "broker", ("max_inflight_messages 0", "max_queued_messages 0"))
    receipts = Receipts()
    collector = Collector(broker.port, broker.ca, f"{PREFIX}/v1/{SITE}/+/decision", receipts.record)
    broker.start()
    try:
        broker.wait()
        collector.start()
        began = time.monotonic()
        workers = Workers(folder, broker, links)
        workers.ask("ready")
        ready = [at - began for times in workers.answers() for at in times]
        told("first start: all ready after", f"{max(ready):.1f} s, keys and outboxes made among it")
        workers.ask("memory")
        told("RSS for each link", f"{1024 * statistics.mean(workers.answers()):.0f} KiB")
        storm(workers, broker, folder / "broker" / "mosquitto.log")
        if not collector.wait(PATIENCE):
            raise NoBrokerError("the broker takes no subscriber any more")
        processes = len(workers.shares)
        all_came = load(workers, receipts, rate, math.ceil(rate * seconds / processes))
        all_came &= load(workers, receipts, 0, math.ceil(links * BURST_PER_LINK / processes))
        workers.ask("memory")
        told("RSS for each link, afterwards", f"{1024 * statistics.mean(workers.answers()):.0f} KiB")
        workers.stop()
        collector.stop()
    finally:
        broker.stop()
    return all_came


def main() -> int:
    """Exit status: 1 where a decision did not come, 3 where it cannot run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0, help="of decisions at a rate")
    parser.add_argument("--rate", type=float, default=50.0, help="decisions a second, of all links together")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; default: a temporary one")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleet-", dir=options.folder)))
        try:
            return 0 if run(folder, options.links, options.seconds, options.rate) else 1
        except NoBrokerError as error:
            print(error, file=sys.stderr)
            return 3


if __name__ == "__main__":
    sys.exit(main())
