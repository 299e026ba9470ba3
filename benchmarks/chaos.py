"""kill -9 of terminals' links and of the broker at random moments: what was sent, received, lost and repeated.

Terminals are processes that run the real link on a state folder and make decisions up; the broker is a mosquitto with
TLS and persistence; a subscriber with a session that lasts checks every signature. Ends 1 where an aim is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from paho.mqtt.client import MQTTMessage

from benchmarks.broker import Broker, NoBrokerError
from benchmarks.collector import Collector
from benchmarks.link_process import PREFIX, SITE
from edge.contracts.jws import EnrolledKeys, read_decision, read_public_keys
from edge.errors import LivegateError
from edge.link.identity import PUBLIC_KEY_FILE
from edge.link.outbox import OUTBOX_FILE

TERMINALS_AT_ONCE: Final = 3
# A state folder is begun again after so many: its first start is the one that makes the key.
KILLS_PER_TERMINAL: Final = 20
LIFE_SECONDS: Final = 0.9
# One life in five lasts up to so long: there decisions settle, and are removed.
LONG_LIFE_SECONDS: Final = 5.0
OPENING_SECONDS: Final = 0.03
DOWN_SECONDS: Final = 0.3
LOOK_SECONDS: Final = 0.01
PAUSES: Final = (0.0, 0.005, 0.02)
PATIENCE: Final = 60.0
BROKER_LINES: Final = (
    "max_inflight_messages 0",
    "max_queued_messages 0",
    "autosave_interval 1",
)

Id = tuple[str, int, int]


@dataclass
class Ledger:
    """What was told to be stored, what came, and what should not have happened. Filled by several threads."""

    folder: Path
    told: dict[Id, str] = field(default_factory=dict)
    received: dict[Id, str] = field(default_factory=dict)
    repeated: int = 0
    boots: dict[str, int] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in FAULTS})
    _keys: dict[str, EnrolledKeys] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, device: str, line: str) -> None:
        """A line of a terminal's process."""
        match line.split():
            case ["boot", boot]:
                if int(boot) <= self.boots.get(device, 0):
                    self.fault("boots counted twice", f"{device} {boot}")
                self.boots[device] = int(boot)
            case ["stored", boot, seq, digest]:
                with self._lock:
                    self._note(self.told, (device, int(boot), int(seq)), digest)
            case ["opening"] | ["empty"]:
                pass
            case _:
                self.fault("terminals that failed", f"{device}: {line}")

    def record(self, message: MQTTMessage) -> None:
        """A message on a ``decision`` topic."""
        device, payload = message.topic.split("/")[-2], bytes(message.payload)
        digest = hashlib.sha256(payload).hexdigest()
        try:
            decision = read_decision(payload, self.enrolled(device))
        except (LivegateError, OSError) as error:
            self.fault("unsigned", f"{device}: {error}")
            return
        if decision.device != device:
            self.fault("unsigned", f"{device}: speaks for {decision.device}")
        with self._lock:
            identity = (device, decision.boot_count, decision.seq)
            self.repeated += identity in self.received
            self._note(self.received, identity, digest)

    def enrolled(self, device: str) -> EnrolledKeys:
        """By hand, as it were: the file is carried from the terminal once. Raises OSError, SignatureError."""
        if device not in self._keys:
            self._keys[device] = read_public_keys((self.folder / device / PUBLIC_KEY_FILE).read_bytes(), device)
        return self._keys[device]

    def fault(self, kind: str, what: str) -> None:
        """Any thread."""
        self.faults[kind].append(what)

    def settle(self) -> None:
        """At the end: what is in one and not in the other, and what state folders came to."""
        for identity in sorted(self.told.keys() - self.received.keys()):
            self.fault("lost", f"{identity} was stored and never came")
        for device in self.boots:
            folder = self.folder / device
            with contextlib.closing(sqlite3.connect(folder / OUTBOX_FILE)) as outbox:
                waiting = outbox.execute("SELECT count(*) FROM decision").fetchone()[0]
            if waiting:
                self.fault("terminals that failed", f"{device}: {waiting} decisions still wait")
            for damaged in folder.glob(f"{OUTBOX_FILE}.damaged-*"):
                self.fault("outboxes set aside", str(damaged))
            if device in self._keys:
                now = read_public_keys((folder / PUBLIC_KEY_FILE).read_bytes(), device)
                if set(now) != set(self._keys[device]):
                    self.fault("keys that changed", device)

    def _note(self, noted: dict[Id, str], identity: Id, digest: str) -> None:
        known = self.told.get(identity) or self.received.get(identity)
        if known not in {None, digest}:
            self.fault("identities with two contents", str(identity))
        noted[identity] = digest


FAULTS: Final = (
    "lost",
    "unsigned",
    "identities with two contents",
    "boots counted twice",
    "keys that changed",
    "outboxes set aside",
    "terminals that failed",
)


class Terminals:
    """Starts and kills links until there were enough kills, ``goes_on`` kept it going, or ``enough`` was said."""

    def __init__(self, ledger: Ledger, broker: Broker, kills: int, seed: int) -> None:
        self._ledger = ledger
        self._broker = broker
        self._left = kills
        self._seed = seed
        self._lock = threading.Lock()
        self.kills = 0
        self.goes_on = threading.Event()
        self.enough = threading.Event()

    def run(self, lane: int) -> None:
        """One after the other; several lanes at once are several terminals."""
        draw = random.Random(f"{self._seed} {lane}")  # noqa: S311 - to be the same again
        for number in range(sys.maxsize):
            device = f"gate-{lane}-{number}"
            for _ in range(KILLS_PER_TERMINAL):
                with self._lock:
                    if self.enough.is_set() or (self._left <= 0 and not self.goes_on.is_set()):
                        return
                    self._left -= 1
                self._live_and_die(device, draw)

    def _live_and_die(self, device: str, draw: random.Random) -> None:
        process = self._start(device, draw.choice(PAUSES))
        lines = Lines(process)
        # From the start of the interpreter, from the opening of the state folder, or some time into its work.
        kind, share = draw.random(), draw.random()
        if kind < 0.1:
            end = time.monotonic() + share * LIFE_SECONDS
        else:
            for line in lines.until(time.monotonic() + PATIENCE):
                self._ledger.hear(device, line)
                if line == "opening":
                    break
            longest = OPENING_SECONDS if kind < 0.4 else LIFE_SECONDS if kind < 0.8 else LONG_LIFE_SECONDS
            end = time.monotonic() + share * longest
        for line in lines.until(end):
            self._ledger.hear(device, line)
        if process.poll() is not None:
            self._ledger.fault("terminals that failed", f"{device} ended by itself with {process.returncode}")
        process.kill()
        for line in lines.until(None):
            self._ledger.hear(device, line)
        _bury(process)
        with self._lock:
            self.kills += 1
            if self.kills % 100 == 0:
                print(f"{self.kills} kills of terminals", file=sys.stderr, flush=True)

    def deliver(self, device: str) -> None:
        """Let it live until nothing waits."""
        process = self._start(device, -1.0)
        lines = Lines(process)
        heard = []
        for line in lines.until(time.monotonic() + PATIENCE):
            self._ledger.hear(device, line)
            heard.append(line)
        if "empty" not in heard:
            self._ledger.fault("terminals that failed", f"{device} does not become empty")
        process.kill()
        _bury(process)

    def _start(self, device: str, pause: float) -> subprocess.Popen[bytes]:
        arguments = [
            str(self._ledger.folder / device),
            device,
            str(self._broker.port),
            str(self._broker.ca),
            str(pause),
        ]
        with (self._ledger.folder / f"{device}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "benchmarks.link_process", *arguments],
                cwd=Path(__file__).parents[1],
                stdout=subprocess.PIPE,
                stderr=log,
            )


def _bury(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


class Lines:
    """A process's whole lines; what a dead one has written is still to be read."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            raise ValueError("a process whose output is not read")
        self._handle = process.stdout.fileno()
        self._rest = b""

    def until(self, end: float | None) -> Iterator[str]:
        """Until that monotonic time, or to the end of its output."""
        while True:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                yield line.decode("ascii", "replace")
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            if not select.select([self._handle], [], [], left)[0]:
                return
            chunk = os.read(self._handle, 65536)
            if not chunk:
                return
            self._rest += chunk


def trouble_the_broker(broker: Broker, kills: int, terminals: Terminals, terminal_kills: int, seed: int) -> int:
    """Kills it so often, spread over the kills of terminals, and leaves it running. How often it was."""
    draw = random.Random(f"{seed} broker")  # noqa: S311 - to be the same again
    for done in range(kills):
        due = (done + draw.random()) * terminal_kills / kills
        while terminals.kills < due:
            if terminals.enough.wait(LOOK_SECONDS):
                return done
        time.sleep(draw.uniform(0.0, LIFE_SECONDS))
        broker.kill()
        time.sleep(draw.uniform(0.0, DOWN_SECONDS))
        broker.start()
    return kills


@dataclass(frozen=True, slots=True)
class Outcome:
    """terminal_kills, broker_kills: that there were. seconds: of the whole run."""

    terminal_kills: int
    broker_kills: int
    seconds: float
    ledger: Ledger

    @property
    def passed(self) -> bool:
        """Whether every aim is met."""
        return bool(self.ledger.received) and not any(self.ledger.faults.values())


def run(folder: Path, daemon_kills: int, broker_kills: int, seed: int) -> Outcome:
    """Raises NoBrokerError."""
    began = time.monotonic()
    ledger = Ledger(folder)
    broker = Broker(folder / "broker", BROKER_LINES)
    collector = Collector(broker.port, broker.ca, f"{PREFIX}/v1/{SITE}/+/decision", ledger.record)
    terminals = Terminals(ledger, broker, daemon_kills, seed)
    # What was killed until then is settled and reported.
    before = signal.signal(signal.SIGINT, lambda *_: terminals.enough.set())
    broker.start()
    try:
        broker.wait()
        collector.start()
        if not collector.wait(PATIENCE):
            raise NoBrokerError("the broker takes no subscriber")
        lanes = [threading.Thread(target=terminals.run, args=(n,)) for n in range(TERMINALS_AT_ONCE)]
        terminals.goes_on.set()
        for lane in lanes:
            lane.start()
        try:
            broker_kills = trouble_the_broker(broker, broker_kills, terminals, daemon_kills, seed)
        finally:
            terminals.goes_on.clear()
            for lane in lanes:
                lane.join()
        broker.wait()
        if not collector.wait(PATIENCE):
            raise NoBrokerError("the broker takes no subscriber any more")
        with ThreadPoolExecutor(TERMINALS_AT_ONCE) as pool:
            list(pool.map(terminals.deliver, sorted(ledger.boots)))
        # What the broker still has of it.
        end = time.monotonic() + 10.0
        while ledger.told.keys() - ledger.received.keys() and time.monotonic() < end:
            time.sleep(0.05)
        collector.stop()
    finally:
        broker.stop()
        signal.signal(signal.SIGINT, before)
    ledger.settle()
    return Outcome(terminals.kills, broker_kills, time.monotonic() - began, ledger)


def report(outcome: Outcome) -> None:
    """To standard output."""
    ledger = outcome.ledger
    rows: list[tuple[str, int, str]] = [
        ("kills of terminals", outcome.terminal_kills, f"{len(ledger.boots)} state folders"),
        ("kills of the broker", outcome.broker_kills, ""),
        ("sent", len(ledger.told), "publish_decision returned"),
        ("received", len(ledger.received), "each counted once, signature verified"),
        (
            "more than told",
            len(ledger.received.keys() - ledger.told.keys()),
            "stored, and killed before it could say so",
        ),
        ("repeated", ledger.repeated, "same identity, same bytes"),
        *((name, len(ledger.faults[name]), "aim 0") for name in FAULTS),
    ]
    for name, count, note in rows:
        print(f"{name:30} {count:8}  {note}".rstrip())
    print(f"{'seconds':30} {outcome.seconds:8.0f}")
    for name, found in ledger.faults.items():
        for what in found[:10]:
            print(f"{name}: {what}")


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 1 where an aim is missed, 3 where it cannot run."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--daemon-kills", type=int, default=1000)
    parser.add_argument("--broker-kills", type=int, default=200)
    parser.add_argument("--seed", type=int, help="of the moments; default: another one each time")
    parser.add_argument("--keep", type=Path, help="an empty folder for state folders and logs, to be looked at")
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            outcome = run(folder, options.daemon_kills, options.broker_kills, seed)
        except NoBrokerError as error:
            print(error, file=sys.stderr)
            return 3
    report(outcome)
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main())
