"""Commands beside sessions: ping, identify, selftest, restart, diagnostics.

What takes longer than a moment is deferred, so that a session can be started or cancelled meanwhile; a session always
comes first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from edge.contracts.device import Diagnostics, Identify, Ping, Restart, SelfTest, State
from edge.contracts.doctor import Check, worst
from edge.contracts.enums import CommandErrorCode, TerminalState
from edge.errors import LivegateError
from edge.link.answering import Data, Deferred
from edge.link.commands import Command
from edge.link.outbox import Outbox
from edge.link.payloads import CommandRefused
from edge.terminal.assembly import Workbench
from edge.terminal.doctor.checking import fail
from edge.terminal.inference import InferenceThread
from edge.terminal.self_test import Interrupted, self_test

log = structlog.get_logger(__name__)

SELF_TEST_SECONDS: Final = 10.0
SESSION_FIRST: Final = "a session came first; try again when it is over"


class Terminal(Protocol):
    """What is asked of the daemon, on the event loop's thread, but ``session_wanted`` on any."""

    def state(self) -> State: ...

    def opened(self) -> Workbench | None:
        """None before models and devices are open."""
        ...

    def session_wanted(self) -> bool:
        """Whether a session runs, or the terminal is stopping."""
        ...

    def screen_wanted(self) -> None:
        """The result of the last session has been read long enough."""
        ...

    def restart(self) -> None:
        """End in good order, to be started again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """watched: whether a look at the camera takes nothing away from it. config: the site's file."""

    device: str
    config: Path
    watched: bool


async def _diagnosed(config: Path) -> dict[str, Any]:
    # Only where it is asked for: the daemon itself needs none of it.
    from edge.terminal.doctor.answer import ask  # noqa: PLC0415

    return await ask(config)


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


class Commands:
    """For the event loop's thread."""

    def __init__(
        self,
        site: Site,
        terminal: Terminal,
        inference: InferenceThread,
        outbox: Outbox,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = _sleep,
        diagnosed: Callable[[Path], Awaitable[dict[str, Any]]] = _diagnosed,
        self_test_seconds: float = SELF_TEST_SECONDS,
    ) -> None:
        """The terminal's uptime counts from now. diagnosed: the doctor's report of a site's file."""
        self._site = site
        self._terminal = terminal
        self._inference = inference
        self._outbox = outbox
        self._monotonic = monotonic
        self._sleep = sleep
        self._diagnosed = diagnosed
        self._self_test_seconds = self_test_seconds
        self._started_at = monotonic()
        self._identity: asyncio.Task[None] | None = None
        self._tried: asyncio.Future[None] | None = None
        self._examined = False

    @property
    def uptime(self) -> float:
        """Seconds."""
        return self._monotonic() - self._started_at

    def handle(self, command: Command) -> Data | Deferred:
        """Raises CommandRefused, also for a command that is of sessions."""
        match command:
            case Ping():
                return self._ping()
            case Identify():
                return self._identify(command.seconds)
            case SelfTest():
                return self._self_test()
            case Restart():
                return self._restart()
            case Diagnostics():
                return self._diagnostics()
            case _:
                raise CommandRefused(CommandErrorCode.UNKNOWN_COMMAND, "it is not carried out here")

    def session_begins(self) -> None:
        """The screen is the session's. What else is under way sees by itself that it is in the way."""
        if self._identity is not None:
            self._identity.cancel()
            self._identity = None

    def _ping(self) -> dict[str, Any]:
        state = self._terminal.state()
        told: dict[str, Any] = {
            "state": state.state.value,
            "bootCount": state.boot_count,
            "uptimeSeconds": round(self.uptime, 1),
        }
        return told if state.reason is None else {**told, "reason": state.reason}

    def _identify(self, seconds: float) -> Deferred:
        self._refuse_in_a_session()
        if not self._opened().runner.devices.screen.available:
            raise CommandRefused(CommandErrorCode.UNSUPPORTED, "this terminal has no screen to show its name on")

        async def show() -> dict[str, Any]:
            self._refuse_in_a_session()
            self._terminal.screen_wanted()
            if self._identity is not None:
                self._identity.cancel()
            try:
                await self._inference.work(lambda workbench: workbench.runner.identify(self._site.device))
            except LivegateError as error:
                raise CommandRefused(CommandErrorCode.DEGRADED, f"the screen cannot be used: {error.what}") from error
            self._refuse_in_a_session()
            self._identity = asyncio.create_task(self._take_off(seconds), name="identify")
            return {"device": self._site.device, "seconds": seconds}

        return Deferred(show)

    async def _take_off(self, seconds: float) -> None:
        await self._sleep(seconds)
        try:
            await self._inference.rest()
        except LivegateError as error:
            # The next session finds out for itself, and tells its requester.
            log.warning("the terminal's name stays on the screen", error=str(error))

    def _self_test(self) -> Deferred:
        self._refuse_in_a_session()
        self._opened()
        if self._tried is not None and not self._tried.done():
            raise CommandRefused(CommandErrorCode.BUSY, "a self-test is under way")
        checks: list[Check] = []

        def run(workbench: Workbench) -> None:
            wanted = self._terminal.session_wanted
            made = self_test(workbench, self._outbox, watched=self._site.watched, unwanted=wanted)
            checks.extend(made)

        async def carry_out() -> dict[str, Any]:
            self._tried = asyncio.ensure_future(self._inference.work(run))
            # Nobody may be waiting for it any more when it ends.
            self._tried.add_done_callback(lambda tried: tried.cancelled() or tried.exception())
            try:
                async with asyncio.timeout(self._self_test_seconds):
                    await asyncio.shield(self._tried)
            except Interrupted:
                raise CommandRefused(CommandErrorCode.BUSY, SESSION_FIRST) from None
            except TimeoutError:
                made = (*checks, _unfinished(self._self_test_seconds, checks))
            else:
                made = tuple(checks)
            return {
                "verdict": worst(made).value,
                "checks": [check.model_dump(mode="json", by_alias=True, exclude_none=True) for check in made],
            }

        return Deferred(carry_out)

    def _restart(self) -> dict[str, Any]:
        self._terminal.restart()
        return {"bootCount": self._terminal.state().boot_count}

    def _diagnostics(self) -> Deferred:
        self._refuse_in_a_session()
        if self._examined:
            raise CommandRefused(CommandErrorCode.BUSY, "the doctor is looking already")

        async def examine() -> dict[str, Any]:
            self._examined = True
            try:
                return await self._diagnosed(self._site.config)
            except TimeoutError:
                raise CommandRefused(CommandErrorCode.INTERNAL, "the doctor did not end in time") from None
            except (OSError, ValueError) as error:
                log.warning("the doctor gave no report", error=str(error))
                raise CommandRefused(CommandErrorCode.INTERNAL, "the doctor gave no report") from None
            finally:
                self._examined = False

        return Deferred(examine)

    def _refuse_in_a_session(self) -> None:
        if self._terminal.session_wanted():
            raise CommandRefused(CommandErrorCode.BUSY, SESSION_FIRST)

    def _opened(self) -> Workbench:
        workbench = self._terminal.opened()
        if workbench is None:
            state = self._terminal.state()
            if state.state is TerminalState.DEGRADED:
                raise CommandRefused(CommandErrorCode.DEGRADED, f"models and devices are not open: {state.reason}")
            raise CommandRefused(CommandErrorCode.BUSY, "the terminal is starting; wait for the state ready")
        return workbench


def _unfinished(seconds: float, made: list[Check]) -> Check:
    last = f"after {made[-1].name}" if made else "at the camera"
    return fail(
        "selftest.end",
        f"not over after {seconds:g} s: it waits {last}",
        "try again; if it stays so, see the state and the terminal's log",
    )
