"""A terminal's link in a process of its own, to be killed: real identity, outbox and connection, made-up decisions.

Writes lines to its standard output, each in one call, so that none is half there when it is killed:
``opening`` before the state folder is touched, ``boot N`` once the boot is counted, ``stored N SEQ SHA256`` when
``publish_decision`` has returned for that payload, ``empty`` when it was asked to deliver and nothing waits any more.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
import time
from pathlib import Path

from edge.contracts.decision import Decision, Provenance
from edge.contracts.device import Info, State
from edge.contracts.enums import CaptureKind, ErrorCode, LightLevel, LivenessOperationMode, SessionStatus, TerminalState
from edge.contracts.session import Assurance, AttemptError, AttemptReport
from edge.contracts.topics import Topics
from edge.link.backoff import FullJitter
from edge.link.commands import Command
from edge.link.files import claim
from edge.link.identity import Identity
from edge.link.link import Link
from edge.link.options import LinkOptions, TlsOptions
from edge.link.outbox import OUTBOX_FILE, Outbox

PREFIX = "chaos"
SITE = "hq"
# While the broker is away no more is stored than can be delivered soon.
MOST_UNDELIVERED = 40
# What has not settled is published again in the next life, which is to have time for more than that.
MOST_WAITING = 150
# Longer than the broker takes to write down what it has acknowledged; shorter than the longest lives here.
SETTLE_SECONDS = 1.5


def tell(line: str) -> None:
    """Raises BrokenPipeError when nobody listens."""
    os.write(1, f"{line}\n".encode("ascii"))


def made_up(identity: Identity, session_id: str) -> Decision:
    """About as large as a real one."""
    return Decision(
        device=identity.device,
        site=SITE,
        boot_count=identity.boot_count,
        seq=identity.next_seq(),
        session_id=session_id,
        liveness_operation_mode=LivenessOperationMode.PASSIVE,
        capture=CaptureKind.SIMULATED,
        issued_at=time.time(),
        attempt=AttemptReport(
            attempt_id=1,
            attempt_status=SessionStatus.FAILED,
            error=AttemptError(code=ErrorCode.NO_FACE_DETECTED, message="made up " * 60),
            light_level=LightLevel.NOT_MEASURED,
            light_reason="not measured",
            assurance=Assurance(confirmed=(), frames_judged=0, temporal=False),
            duration_seconds=0.0,
        ),
        last_attempt=True,
        provenance=Provenance(models={}, config="c" * 64, policy="made-up", software="0"),
    )


def info(identity: Identity) -> Info:
    """What it announces."""
    return Info(
        device=identity.device,
        site=SITE,
        software="0",
        python="3",
        machine="simulated",
        runtime="none",
        capture=CaptureKind.SIMULATED,
        modes=(LivenessOperationMode.PASSIVE,),
        policy="made-up",
        models={},
        config="c" * 64,
        public_key=identity.public_jwk(),
    )


async def _nothing(command: Command) -> None:
    del command


def feed(link: Link, identity: Identity, outbox: Outbox, pause: float) -> None:
    """Until the process is killed."""
    while True:
        if link.undelivered < MOST_UNDELIVERED and len(outbox) < MOST_WAITING:
            decision = made_up(identity, os.urandom(16).hex())
            sealed = identity.seal(decision)
            link.publish_decision(sealed)
            tell(f"stored {decision.boot_count} {decision.seq} {hashlib.sha256(sealed).hexdigest()}")
        time.sleep(pause)


async def deliver(link: Link, outbox: Outbox) -> None:
    """Until nothing waits."""
    running = asyncio.create_task(link.run(_nothing))
    while len(outbox):  # noqa: ASYNC110 - the outbox tells nobody
        await asyncio.sleep(0.02)
    await link.stop()
    await running
    tell("empty")


def main(folder: Path, device: str, port: int, ca: Path, pause: float) -> None:
    """pause: seconds between decisions; negative: make none, deliver what waits and end."""
    tell("opening")
    claim(folder)
    identity = Identity.open(folder, device)
    tell(f"boot {identity.boot_count}")
    outbox = Outbox(folder / OUTBOX_FILE)
    link = Link(
        LinkOptions("127.0.0.1", port, TlsOptions(ca)),
        Topics(PREFIX, SITE, device),
        outbox,
        state=State(state=TerminalState.READY, boot_count=identity.boot_count),
        info=info(identity),
        # Where a terminal has minutes, a life here has half a second.
        backoff=FullJitter(lambda: int.from_bytes(os.urandom(2)) / 65536, base=0.1, cap=0.5),
        redelivery_seconds=0.2,
        settle_seconds=SETTLE_SECONDS,
    )
    if pause < 0:
        asyncio.run(deliver(link, outbox))
    else:
        threading.Thread(target=feed, args=(link, identity, outbox, pause), daemon=True).start()
        asyncio.run(link.run(_nothing))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), float(sys.argv[5]))
