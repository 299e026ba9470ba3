"""A terminal's life under a trace: sessions of several kinds, and what came of each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.broker import Broker
from benchmarks.process_memory import children
from benchmarks.terminal_process import PATIENCE, RUN, TOPICS, TerminalProcess, log_of, state_of, write_config
from edge.contracts.enums import TerminalState
from edge.contracts.sealing import OpeningKey, read_sealing_keys
from edge.contracts.session import AttemptReport
from edge.errors import LivegateError
from edge.link.options import LinkOptions
from edge.link.requester import Requester, StartedSession, hear_decision
from edge.link.sealing_key import SEALING_PUBLIC_KEY_FILE
from edge.link.session_image import OpenedImage
from tests.proof import memory, strace
from tests.proof.marks import Picture
from tests.proof.messages import Ear, Message
from tests.proof.pictures import FPS, Stage

ROOT: Final = Path(__file__).parents[2]
ATTEMPT_SECONDS: Final = 20


class Kind(StrEnum):
    """Of a session. KILLED and CRASHED are the last ones of their terminal's life."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOBODY = "nobody there"
    CANCELLED = "cancelled"
    AWAY = "broker away"
    IMAGE = "session image"
    REFERENCE = "reference image"
    TEMPLATE = "template"
    KILLED = "SIGKILL"
    CRASHED = "SIGSEGV"


OUTCOMES: Final = {
    Kind.ACCEPTED: "realface",
    Kind.REFUSED: "spoofface",
    Kind.NOBODY: "NoFaceDetected",
    Kind.CANCELLED: "UserCanceledSession",
    Kind.AWAY: "realface",
    Kind.IMAGE: "realface, and its image",
    Kind.REFERENCE: "realface, identical",
    Kind.TEMPLATE: "realface, identical",
    Kind.KILLED: "killed by SIGKILL",
    Kind.CRASHED: "killed by SIGSEGV",
}
ENDED_BY: Final = {Kind.KILLED: signal.SIGKILL, Kind.CRASHED: signal.SIGSEGV}


@dataclass(slots=True)
class Life:
    """sessions: kinds, when they began (Unix seconds) and what came of them. during: covered buffers of daemon and
    capture process in the middle of a session. after: all memory of the daemon after the last one. left: processes that
    outlived it.
    """

    name: str
    folder: Path
    config: Path
    cwd: Path
    temporary: Path
    pid: int = 0
    sessions: list[tuple[Kind, float, str]] = field(default_factory=list)
    ending: float = 0.0
    during: list[memory.Scan] = field(default_factory=list)
    after: memory.Scan | None = None
    heard: list[Message] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    broker: Path = Path()
    port: int = 0

    @property
    def trace(self) -> Path:
        return self.folder / "strace.txt"

    @property
    def state(self) -> Path:
        return state_of(self.config)

    @property
    def log(self) -> Path:
        return log_of(self.config)


def live(
    name: str, folder: Path, stage: Stage, kinds: Sequence[Kind], *, command: Sequence[str] = RUN, scans: bool = True
) -> Life:
    """One terminal from its start to its end, with a broker of its own. kinds: of its sessions.

    command: what runs the terminal. scans: also of memory.
    """
    folder.mkdir()
    life = Life(name, folder, folder / "terminal.yaml", folder / "cwd", folder / "tmp")
    life.cwd.mkdir()
    life.temporary.mkdir()
    life.broker = folder / "broker"
    broker = Broker(life.broker, tls=False)
    broker.start()
    broker.wait()
    life.port = broker.port
    try:
        camera = {
            "sources": [str(_source(stage, kind)) for kind in kinds],
            "fps": FPS,
            "process": True,
            "pace": "realtime",
        }
        more = {"verification": {"allowed": True}, "session_image": {"allow": "any_key"}}
        write_config(life.config, broker, camera, {"attempt_timeout_seconds": ATTEMPT_SECONDS}, more)
        asyncio.run(_live(life, broker, stage, kinds, command, scans=scans))
    finally:
        broker.stop()
    return life


def _source(stage: Stage, kind: Kind) -> Path:
    return {
        Kind.ACCEPTED: stage.face,
        Kind.REFUSED: stage.print,
        Kind.NOBODY: stage.wall,
        Kind.AWAY: stage.late,
        Kind.IMAGE: stage.moving,
        Kind.REFERENCE: stage.face,
        Kind.TEMPLATE: stage.face,
    }.get(kind, stage.waiting)


async def _live(
    life: Life, broker: Broker, stage: Stage, kinds: Sequence[Kind], command: Sequence[str], *, scans: bool
) -> None:
    options = LinkOptions(broker.host, broker.port)
    # The tracer is a grandchild: what is started here is the daemon itself.
    traced = [_strace(), "-D", *strace.ARGUMENTS, "-o", str(life.trace), *command]
    environment = {
        "PYTHONPATH": os.pathsep.join((str(ROOT), *sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(life.temporary),
    }
    async with Ear(options) as ear:
        terminal = TerminalProcess(life.config, command=traced, more_environment=environment, folder=life.cwd)
        await asyncio.to_thread(terminal.__enter__)
        life.pid = terminal.pid
        tracer = _tracer(terminal.pid)
        try:
            for kind in kinds:
                begun = time.time()
                life.sessions.append((kind, begun, ""))
                came = await _session(kind, life, terminal, broker, options, ear, stage, scans=scans)
                life.sessions[-1] = (kind, begun, came)
            if kinds[-1] not in ENDED_BY:
                if scans:
                    life.after = await asyncio.to_thread(memory.scan, terminal.pid, stage.marks)
                life.ending = time.time()
                terminal.end()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.kill(terminal.pid, signal.SIGKILL)
            raise
        finally:
            await asyncio.to_thread(_wait_for_end, tracer)
        life.heard = ear.heard


async def _session(
    kind: Kind,
    life: Life,
    terminal: TerminalProcess,
    broker: Broker,
    options: LinkOptions,
    ear: Ear,
    stage: Stage,
    *,
    scans: bool,
) -> str:
    async with Requester(options, TOPICS) as requester:
        await _until(lambda: requester.state is not None and requester.state.state is TerminalState.READY)
        session = await requester.start(**_asked(kind, life, stage))
        if kind is Kind.IMAGE:
            image = await _image(requester, session)
            if image is not None:
                # From now on it is looked for too.
                stage.marks.add_bytes("the session's JPEG", image.jpeg)
                stage.marks.add_frame("the session's JPEG, decoded", _decoded(image.jpeg))
        if kind is Kind.AWAY:
            broker.kill()
            await _until(lambda: _rows(life.state) > 0)
        elif kind in {Kind.CANCELLED, *ENDED_BY}:
            await _watched(requester, session, terminal.pid)
            if scans:
                for pid in (terminal.pid, *children(terminal.pid)):
                    life.during.append(await asyncio.to_thread(memory.scan, pid, stage.marks, (memory.Where.COVERED,)))
            if kind is Kind.CANCELLED:
                await requester.cancel(session.session_id)
            else:
                return await _ended(kind, life, terminal)
    if kind is Kind.AWAY:
        broker.start()
        await asyncio.to_thread(broker.wait)
    # Delivered twice where its acknowledgement was lost with the broker.
    told = await ear.until(lambda: _outcome(ear, session, terminal), PATIENCE)
    await _ready(options)
    return f"{told}, and its image" if kind is Kind.IMAGE and image is not None else told


def _asked(kind: Kind, life: Life, stage: Stage) -> dict[str, Any]:
    """What a session is asked for."""
    if kind is Kind.IMAGE:
        return {"enable_session_image": True, "session_image_key": OpeningKey.generate()}
    if kind not in {Kind.REFERENCE, Kind.TEMPLATE}:
        return {}
    ((key, _),) = read_sealing_keys((life.state / SEALING_PUBLIC_KEY_FILE).read_bytes(), "the terminal")
    what = {"verify_image": stage.reference} if kind is Kind.REFERENCE else {"verify_template": stage.template}
    return {"sealing_key": key, **{name: path.read_bytes() for name, path in what.items()}}


def _decoded(jpeg: bytes) -> Picture:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


async def _image(requester: Requester, session: StartedSession) -> OpenedImage | None:
    """None where none came, or none that opens."""
    try:
        return await requester.image(session, within=PATIENCE)
    except LivegateError:
        return None


async def _watched(requester: Requester, session: StartedSession, pid: int) -> None:
    """Until faces are seen in the session."""
    await _until(lambda: len(requester.progress(session)) > 1 and bool(children(pid)))
    # Some frames more, so that crops are there too.
    await asyncio.sleep(SEEN_SECONDS)


SEEN_SECONDS: Final = 0.7


async def _ended(kind: Kind, life: Life, terminal: TerminalProcess) -> str:
    helpers = children(terminal.pid)
    os.kill(terminal.pid, ENDED_BY[kind])
    status = await asyncio.to_thread(terminal.wait)
    with contextlib.suppress(TimeoutError):
        await _until(lambda: not _alive(helpers), 5.0)
    life.left = _alive(helpers)
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def _alive(pids: Sequence[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


async def _ready(options: LinkOptions) -> None:
    async with Requester(options, TOPICS) as requester:
        await _until(lambda: requester.state is not None and requester.state.state is TerminalState.READY)


async def _until(done: Callable[[], bool], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not done():  # noqa: ASYNC110 - what is asked has no event
            await asyncio.sleep(0.02)


def _rows(state: Path) -> int:
    with closing(sqlite3.connect(f"file:{state / 'outbox.sqlite'}?mode=ro", uri=True)) as outbox:
        return int(outbox.execute("SELECT count(*) FROM decision").fetchone()[0])


def _outcome(ear: Ear, session: StartedSession, terminal: TerminalProcess) -> str | None:
    """What the last decision of a session says; None: it has not come."""
    if terminal.ended:
        return "an end of the terminal"
    for message in reversed(ear.heard):
        if message.topic != TOPICS.decision:
            continue
        decision = hear_decision(message.payload, None).decision
        if decision is not None and decision.session_id == session.session_id and decision.last_attempt:
            return _told(decision.attempt)
    return None


def _told(attempt: AttemptReport) -> str:
    if attempt.result is None:
        return str(attempt.error and attempt.error.code)
    verified = attempt.result.verify_result
    identical = "" if verified is None else ", identical" if verified.is_identical else ", another"
    return f"{attempt.result.liveness_decision}{identical}"


def _strace() -> str:
    found = shutil.which("strace")
    if found is None:
        raise FileNotFoundError("strace is not installed: apt install strace")
    return found


def _tracer(pid: int) -> int:
    """Of strace, held open so that its end can be waited for."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("TracerPid:"):
            return os.pidfd_open(int(line.split()[1]))
    raise ProcessLookupError(pid)


def _wait_for_end(tracer: int) -> None:
    """strace ends when the last of its processes has, and all is in its file."""
    ready, _, _ = select.select([tracer], [], [], PATIENCE)
    os.close(tracer)
    if not ready:
        raise TimeoutError("a process of the terminal does not end, and strace waits for it")
