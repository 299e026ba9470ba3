"""Identities, decisions, terminals and brokers."""

import asyncio
import contextlib
import inspect
import signal
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge.contracts.config import DesiredConfig
from edge.contracts.decision import Decision, Provenance
from edge.contracts.device import Info, State
from edge.contracts.enums import (
    CaptureKind,
    ErrorCode,
    LightLevel,
    LivenessOperationMode,
    SessionStatus,
    TerminalState,
)
from edge.contracts.session import Assurance, AttemptError, AttemptReport
from edge.contracts.topics import Topics
from edge.link.answering import Deferred
from edge.link.backoff import FullJitter
from edge.link.commands import Command
from edge.link.embedded import EmbeddedBroker, free_port
from edge.link.identity import Identity
from edge.link.link import Link
from edge.link.options import LinkOptions
from edge.link.outbox import Outbox
from edge.link.payloads import CommandRefused
from tests.link.fleet import wait_for_port

PATIENCE = 15.0


@pytest.fixture
def make_decision():
    """A decision of an identity; an attempt without a face is enough to send."""

    def make(
        identity: Identity,
        *,
        session_id: str = "0" * 32,
        nonce: str | None = None,
        attempt: int = 1,
        last: bool = True,
        site: str = "hq",
    ) -> Decision:
        return Decision(
            device=identity.device,
            site=site,
            boot_count=identity.boot_count,
            seq=identity.next_seq(),
            session_id=session_id,
            liveness_operation_mode=LivenessOperationMode.PASSIVE,
            nonce=nonce,
            capture=CaptureKind.SIMULATED,
            issued_at=1_700_000_000.0,
            attempt=AttemptReport(
                attempt_id=attempt,
                attempt_status=SessionStatus.FAILED,
                error=AttemptError(code=ErrorCode.NO_FACE_DETECTED, message="no face"),
                light_level=LightLevel.NOT_MEASURED,
                light_reason="no light",
                assurance=Assurance(confirmed=(), frames_judged=0, temporal=True),
                duration_seconds=1.0,
            ),
            last_attempt=last,
            provenance=Provenance(models={}, config="c" * 64, policy="test", software="0"),
        )

    return make


@pytest.fixture
def run():
    """Runs a coroutine to its end, or fails."""

    def run_bounded(coroutine: Any, seconds: float = 2 * PATIENCE) -> Any:
        return asyncio.run(asyncio.wait_for(coroutine, seconds))

    return run_bounded


@pytest.fixture
def until():
    """Waits for a condition, or fails."""

    async def wait(condition: Callable[[], Any], what: str = "the condition") -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := condition()):  # noqa: ASYNC110 - nobody tells when it comes true
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"waited {PATIENCE} s for {what}")
        return found

    return wait


@pytest.fixture(scope="session")
def embedded():
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def topics() -> Topics:
    """Nobody else's: brokers are shared between tests."""
    return Topics(f"t{uuid.uuid4().hex[:8]}", "hq", f"gate-{uuid.uuid4().hex[:8]}")


@dataclass
class Terminal:
    """A running link with what it is made of."""

    link: Link
    identity: Identity
    outbox: Outbox
    topics: Topics
    commands: list[Command] = field(default_factory=list)
    answer: Callable[[Command], Any] = lambda _: {"sessionId": "0" * 32}
    running: asyncio.Task[None] | None = None
    desired: list[DesiredConfig | CommandRefused] = field(default_factory=list)

    async def handle(self, command: Command) -> dict[str, Any] | Deferred | None:
        self.commands.append(command)
        answer = self.answer(command)
        return await answer if inspect.isawaitable(answer) else answer

    async def hear_desired(self, desired: DesiredConfig | CommandRefused) -> None:
        self.desired.append(desired)

    def state(self, state: TerminalState) -> State:
        return State(state=state, boot_count=self.identity.boot_count)


@pytest.fixture
def start_terminal(tmp_path: Path, topics: Topics, until):
    """An async context manager: a link against a broker. Started again, it is the same terminal's next boot."""

    @contextlib.asynccontextmanager
    async def start(options: LinkOptions, *, wait: bool = True, **link_options: Any) -> AsyncIterator[Terminal]:
        identity = Identity.open(tmp_path / "state", topics.device)
        outbox = Outbox(tmp_path / "state" / "outbox.db")
        link = Link(
            options,
            topics,
            outbox,
            state=State(state=TerminalState.READY, boot_count=identity.boot_count),
            info=Info(
                device=topics.device,
                site=topics.site,
                software="0",
                python="3",
                machine="test",
                runtime="none",
                capture=CaptureKind.SIMULATED,
                modes=(LivenessOperationMode.PASSIVE,),
                policy="test",
                models={},
                config="c" * 64,
                public_key=identity.public_jwk(),
            ),
            **{
                "backoff": FullJitter(lambda: 1.0, base=0.05, cap=0.2),
                "redelivery_seconds": 0.1,
                "spread_seconds": 0.05,
                "settle_seconds": 0.0,
                **link_options,
            },
        )
        terminal = Terminal(link, identity, outbox, topics)
        terminal.running = asyncio.create_task(link.run(terminal.handle, terminal.hear_desired))
        try:
            if wait:
                await until(lambda: link.connected, "the link")
            yield terminal
        finally:
            await link.stop()
            await asyncio.wait((terminal.running,))
            outbox.close()

    return start


@pytest.fixture
def observe(topics: Topics):
    """An async context manager: what a plain MQTT client sees of the test's topics, as (suffix, message)."""

    @contextlib.asynccontextmanager
    async def watch(
        options: LinkOptions, suffix: str = "#"
    ) -> AsyncIterator[tuple[aiomqtt.Client, list[tuple[str, aiomqtt.Message]]]]:
        seen: list[tuple[str, aiomqtt.Message]] = []
        client = aiomqtt.Client(
            options.host,
            options.port,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=options.tls.context() if options.tls else None,
            username=options.username,
            password=options.password(),
        )

        async def read() -> None:
            async for message in client.messages:
                seen.append((message.topic.value.removeprefix(f"{topics.prefix}/v1/hq/{topics.device}/"), message))  # noqa: PERF401

        async with client:
            await client.subscribe(f"{topics.prefix}/v1/{suffix}", qos=1)
            reading = asyncio.create_task(read())
            try:
                yield client, seen
            finally:
                reading.cancel()
                await asyncio.wait((reading,))

    return watch


class Mosquitto:
    """A broker process that may be killed and started again on the same port."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port("127.0.0.1")

    def start(self, *lines: str) -> LinkOptions:
        # Started by root it becomes another user, who cannot read the test's files.
        config = ["user root", f"listener {self.port} 127.0.0.1", *(lines or ("allow_anonymous true",))]
        (self._folder / "mosquitto.conf").write_text("\n".join(config) + "\n")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        process, told = self._process, self._folder / "mosquitto.log"
        wait_for_port(self.port, lambda: None if process.poll() is None else told.read_text())
        return LinkOptions("127.0.0.1", self.port)

    def tell(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None


@pytest.fixture
def mosquitto(tmp_path: Path, need_program):
    """Not started yet."""
    program = need_program("mosquitto", "mosquitto")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(program, folder)
    yield broker
    broker.end()
