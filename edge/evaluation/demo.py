"""The demo: an embedded broker, the daemon as a process of its own, and a requester outside it.

Nothing here decides. Each picture is a session's only source; the truth about it stays on this side.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.contracts.decision import Decision
from edge.contracts.device import State
from edge.contracts.enums import ErrorCode, LivenessDecision, TerminalState
from edge.contracts.jws import EnrolledKeys, read_public_keys
from edge.contracts.topics import Topics
from edge.errors import LinkError, LivegateError
from edge.evaluation.demo_pictures import DemoPicture, make_pictures
from edge.evaluation.index import Label
from edge.evaluation.metrics import Figures, Judged, figures
from edge.link.embedded import EmbeddedBroker
from edge.link.identity import PUBLIC_KEY_FILE
from edge.link.options import LinkOptions
from edge.link.requester import Requester, Verification, listen

TOPICS = Topics("livegate", "demo", "demo-terminal")
START_SECONDS = 60.0
SESSION_SECONDS = 60.0
STOP_SECONDS = 15.0
LOG_TAIL = 2000

# What a person at the lens may be answered; any other code is a failure of the terminal.
PROPER_ERRORS = frozenset(ErrorCode) - {
    ErrorCode.CAMERA_PERMISSION_DENIED,
    ErrorCode.CAMERA_STARTUP_FAILURE,
    ErrorCode.GENERIC_FAILURE,
    ErrorCode.INVALID_TOKEN,
}


@dataclass(frozen=True, slots=True)
class DemoRow:
    """One session as the requester saw it. ``problem`` is empty where it ended properly."""

    picture: DemoPicture
    decision: Decision | None
    seconds: float
    problem: str

    @property
    def outcome(self) -> LivenessDecision | None:
        """None where the session ended with an error."""
        result = self.decision.attempt.result if self.decision else None
        return result.liveness_decision if result else None

    @property
    def error(self) -> ErrorCode | None:
        error = self.decision.attempt.error if self.decision else None
        return error.code if error else None

    @property
    def right(self) -> bool | None:
        """Whether the terminal was right about who stood there; None where it gave no decision."""
        if self.outcome is None:
            return None
        if self.picture.label is None:
            return self.outcome is not LivenessDecision.REALFACE
        return (self.picture.label is Label.BONA_FIDE) == (self.outcome is LivenessDecision.REALFACE)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "picture": self.picture.title,
            "label": self.picture.label.value if self.picture.label else None,
            "paiSpecies": self.picture.pai_species or None,
            "right": self.right,
            "seconds": round(self.seconds, 3),
            "problem": self.problem or None,
            "decision": self.decision.model_dump(mode="json", by_alias=True, exclude_none=True)
            if self.decision
            else None,
        }


@dataclass(frozen=True, slots=True)
class DemoReport:
    """``farewell`` is empty where the terminal stopped as it should."""

    rows: tuple[DemoRow, ...]
    farewell: str

    @property
    def proper(self) -> bool:
        """Every session ended properly and its decision came back signed, whatever was decided."""
        return bool(self.rows) and not self.farewell and not any(row.problem for row in self.rows)

    @property
    def figures(self) -> Figures:
        """Of the sessions that were about a person or an attack."""
        return figures(
            Judged(row.picture.label, row.picture.pai_species, row.outcome)
            for row in self.rows
            if row.picture.label is not None
        )


def run_demo(
    *, people: int, on_picture: Callable[[DemoPicture], None], on_row: Callable[[DemoRow], None]
) -> DemoReport:
    """Makes the pictures, runs the terminal over them and takes everything down again.

    Raises InputError or LinkError where the demo cannot begin.
    """
    with tempfile.TemporaryDirectory(prefix="livegate-demo-") as name:
        folder = Path(name)
        pictures = list(_told(make_pictures(folder, people=people), on_picture))
        with EmbeddedBroker() as broker:
            return asyncio.run(_sessions(folder, pictures, LinkOptions(broker.host, broker.port), on_row))


def _told(pictures: Iterator[DemoPicture], on_picture: Callable[[DemoPicture], None]) -> Iterator[DemoPicture]:
    for picture in pictures:
        on_picture(picture)
        yield picture


async def _sessions(
    folder: Path, pictures: Sequence[DemoPicture], options: LinkOptions, on_row: Callable[[DemoRow], None]
) -> DemoReport:
    rows = []
    async with _terminal(folder, pictures, options) as process:
        keys = _enrolled_by_hand(folder)
        async with Requester(options, TOPICS, keys=keys, name="demo") as requester:
            for picture in pictures:
                row = await _session(requester, picture)
                rows.append(row)
                on_row(row)
                await _wait_for(options, TerminalState.READY)
        process.terminate()
        farewell = await _farewell(process, options)
    return DemoReport(tuple(rows), farewell)


async def _session(requester: Requester, picture: DemoPicture) -> DemoRow:
    started_at = time.monotonic()
    decision, problem = None, "no decision came"
    try:
        session = await requester.start(user_correlation_id=picture.title)
        async for heard in requester.decisions(session, within=SESSION_SECONDS):
            decision, problem = heard.decision, heard.problem
            if heard.verification is not Verification.VERIFIED:
                break
    except LinkError as error:
        problem = str(error)
    if decision is not None and not problem:
        problem = _impropriety(decision, picture)
    return DemoRow(picture, decision, time.monotonic() - started_at, problem)


def _impropriety(decision: Decision, picture: DemoPicture) -> str:
    error = decision.attempt.error
    if decision.user_correlation_id != picture.title:
        return "the decision is about another session"
    if error is not None and error.code not in PROPER_ERRORS:
        return f"the terminal failed: {error.code}: {error.message}"
    return ""


@contextlib.asynccontextmanager
async def _terminal(
    folder: Path, pictures: Sequence[DemoPicture], options: LinkOptions
) -> AsyncIterator[asyncio.subprocess.Process]:
    config = folder / "demo.yaml"
    # JSON is YAML.
    config.write_text(json.dumps(_configuration(folder, pictures, options), indent=2))
    log = folder / "terminal.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge", "run", "--config", str(config), stdout=output, stderr=output
        )
    try:
        ready = asyncio.create_task(_wait_for(options, TerminalState.READY, TerminalState.DEGRADED))
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({ready, ended}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done() or ready.result().state is not TerminalState.READY:
            ready.cancel()
            raise LivegateError(
                f"the terminal did not become ready: {_tail(log)}", remedy="see what it said; run with --debug"
            )
        ended.cancel()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _farewell(process: asyncio.subprocess.Process, options: LinkOptions) -> str:
    try:
        code = await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        return f"the terminal did not stop within {STOP_SECONDS:.0f} s of SIGTERM"
    if code != 0:
        return f"the terminal ended with {code} after SIGTERM"
    await _wait_for(options, TerminalState.DISCONNECTED)
    return ""


async def _wait_for(options: LinkOptions, *states: TerminalState) -> State:
    """The retained state, once it is one of these."""
    messages = listen(options, TOPICS.prefix, site=TOPICS.site, device=TOPICS.device)
    try:
        async with asyncio.timeout(START_SECONDS), contextlib.aclosing(messages):
            async for heard in messages:
                if isinstance(heard.content, State) and heard.content.state in states:
                    return heard.content
    except TimeoutError:
        raise LinkError(
            f"the terminal was not {' or '.join(states)} within {START_SECONDS:g} s",
            remedy="free the machine of other work and try again",
        ) from None
    raise LinkError("the broker ended the subscription", remedy="look at the broker")


def _configuration(folder: Path, pictures: Sequence[DemoPicture], options: LinkOptions) -> dict[str, Any]:
    return {
        "device": {"prefix": TOPICS.prefix, "site": TOPICS.site, "id": TOPICS.device},
        "camera": {"driver": "replay", "sources": [str(picture.path) for picture in pictures]},
        "policy": {"preset": "kiosk"},
        "link": {"host": options.host, "port": options.port},
        "state_directory": str(folder / "state"),
    }


def _enrolled_by_hand(folder: Path) -> EnrolledKeys:
    """As an operator would do it: the public key is carried from the terminal's state folder, not from a topic."""
    path = folder / "state" / PUBLIC_KEY_FILE
    return read_public_keys(path.read_bytes(), str(path))


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-LOG_TAIL:].strip() or "it said nothing"
