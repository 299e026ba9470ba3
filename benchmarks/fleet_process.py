"""Many links in one process, each with its own identity and outbox; told what to do over a pipe."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from benchmarks.link_process import SITE, info, made_up
from benchmarks.process_memory import memory
from edge.contracts.device import State
from edge.contracts.enums import TerminalState
from edge.contracts.topics import Topics
from edge.link.commands import Command
from edge.link.identity import Identity
from edge.link.link import Link
from edge.link.options import LinkOptions, TlsOptions
from edge.link.outbox import OUTBOX_FILE, Outbox

PREFIX: Final = "fleet"
LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Sent:
    """One decision. called, stored: monotonic seconds, before and after ``publish_decision``."""

    device: str
    seq: int
    called: float
    stored: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """One terminal's link."""

    identity: Identity
    outbox: Outbox
    link: Link


class Fleet:
    """The links of this process."""

    def __init__(self, folder: Path, port: int, ca: Path, names: list[str]) -> None:
        # What a process takes without a link is taken off: imports, this class, a first TLS context.
        TlsOptions(ca).context()
        self._before = memory(os.getpid()).rss
        self._links = [self._make(folder / name, port, ca, name) for name in names]

    @staticmethod
    def _make(folder: Path, port: int, ca: Path, name: str) -> Simulated:
        identity = Identity.open(folder, name)
        outbox = Outbox(folder / OUTBOX_FILE)
        link = Link(
            LinkOptions("127.0.0.1", port, TlsOptions(ca)),
            Topics(PREFIX, SITE, name),
            outbox,
            state=State(state=TerminalState.READY, boot_count=identity.boot_count),
            info=info(identity),
        )
        return Simulated(identity, outbox, link)

    async def serve(self, pipe: Connection) -> None:
        """Until told to stop."""
        loop = asyncio.get_running_loop()
        # As many terminals connect at once as there are: each would have threads of its own.
        loop.set_default_executor(ThreadPoolExecutor(len(self._links) + 2))
        listening = ThreadPoolExecutor(1)
        running = [asyncio.create_task(each.link.run(_nothing)) for each in self._links]
        while True:
            what, *details = await loop.run_in_executor(listening, pipe.recv)
            if what == "stop":
                break
            pipe.send(await getattr(self, f"do_{what}")(*details))
        await asyncio.gather(*(each.link.stop() for each in self._links))
        await asyncio.gather(*running)
        for each in self._links:
            each.outbox.close()
        pipe.send(None)
        listening.shutdown()

    async def do_ready(self) -> list[float]:
        """When each was connected and announced, monotonic seconds."""
        at: dict[int, float] = {}
        while len(at) < len(self._links):
            now = time.monotonic()
            for n, each in enumerate(self._links):
                if n not in at and each.link.connected:
                    at[n] = now
            await asyncio.sleep(LOOK_SECONDS)
        return list(at.values())

    async def do_lost(self) -> None:
        """Until none is connected."""
        while any(each.link.connected for each in self._links):  # noqa: ASYNC110 - a link tells nobody
            await asyncio.sleep(LOOK_SECONDS)

    async def do_memory(self) -> float:
        """MiB for each link."""
        return (memory(os.getpid()).rss - self._before) / len(self._links)

    async def do_load(self, rate: float, count: int) -> list[Sent]:
        """``count`` decisions, one link after the other. rate: a second; 0: as fast as they can be stored."""
        sent: list[Sent] = []
        # A thread of its own, as a session has.
        worker = threading.Thread(target=self._load, args=(rate, count, sent))
        worker.start()
        while worker.is_alive():  # noqa: ASYNC110 - nor does a thread
            await asyncio.sleep(0.1)
        return sent

    def _load(self, rate: float, count: int, sent: list[Sent]) -> None:
        began = time.monotonic()
        for n in range(count):
            each = self._links[n % len(self._links)]
            decision = made_up(each.identity, f"{n:032x}")
            sealed = each.identity.seal(decision)
            if rate:
                time.sleep(max(0.0, began + n / rate - time.monotonic()))
            called = time.monotonic()
            each.link.publish_decision(sealed)
            sent.append(Sent(decision.device, decision.seq, called, time.monotonic()))

    async def do_delivered(self) -> None:
        """Until nothing waits."""
        while any(len(each.outbox) for each in self._links):  # noqa: ASYNC110 - nor an outbox
            await asyncio.sleep(LOOK_SECONDS)


async def _nothing(command: Command) -> None:
    del command


def main(pipe: Connection, *details: Any) -> None:
    """Runs in a process of its own. details: of ``Fleet``."""
    # A thousand terminals that say why they are not connected.
    logging.disable(logging.WARNING)
    fleet = Fleet(*details)
    asyncio.run(fleet.serve(pipe))
