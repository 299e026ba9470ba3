"""Commands carried out and answered: one at a time, but an answer may come later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from edge.contracts.device import CommandReply
from edge.contracts.enums import CommandErrorCode
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.commands import Accepted, Command, ReplyTo, error_reply, ok_reply, read_command
from edge.link.outbox import Outbox, Remembered
from edge.link.payloads import CommandRefused, Inbound, refuse

log = logging.getLogger(__name__)

MAX_DEFERRED: Final = 4

Data = dict[str, Any] | None
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Deferred:
    """An answer that takes seconds. ``work`` gives the reply's ``data``, or raises CommandRefused to say no after all.

    It is called only once it may run, and awaited while further commands are handled. When the connection ends it is
    cancelled where it awaits, and nobody is answered: leave nothing half done there.
    """

    work: Callable[[], Awaitable[Data]]


class CommandHandler(Protocol):
    """What the terminal does with a valid command. Awaited one at a time, in order: return soon, or a Deferred.

    A connection that ends cancels it where it awaits: leave nothing half done there.
    """

    async def __call__(self, command: Command) -> Data | Deferred:
        """The reply's ``data``, now or later. Raises CommandRefused to say no."""
        ...


class Answering:
    """The commands of one connection, as a context: when it is left, what is still deferred is cancelled."""

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        handler: CommandHandler,
        send: Callable[[ReplyTo, CommandReply], None],
        *,
        wall_clock: Callable[[], float],
        on_outbox: Callable[[], None],
    ) -> None:
        """on_outbox: called after the outbox failed to remember a command."""
        self._topics = topics
        self._outbox = outbox
        self._handler = handler
        self._send = send
        self._wall_clock = wall_clock
        self._on_outbox = on_outbox
        self._deferred: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._deferred:
            task.cancel()
        if self._deferred:
            await asyncio.wait(self._deferred)

    async def hear(self, inbound: Inbound) -> None:
        """Carry out and answer, unless it is no command. Never raises for what was received."""
        now = self._wall_clock()
        verdict = read_command(inbound, self._topics, now)
        if isinstance(verdict, Accepted):
            reply = await self._told(verdict, lambda: self._carry_out(verdict, now))
            if reply is not None:
                self._reply(verdict.verb, reply, verdict.reply_to)
        elif verdict.reply_to is None:
            log.warning("ignored a message on %.200s", inbound.topic)
        else:
            self._reply(inbound.topic.removeprefix(self._topics.command("")), verdict.reply, verdict.reply_to)

    async def _carry_out(self, accepted: Accepted, now: float) -> CommandReply | None:
        command = accepted.command
        match await asyncio.to_thread(self._outbox.remember_command, command.id, command.expires_at, now):
            case Remembered.KNOWN:
                refuse(CommandErrorCode.REPEATED, "this id was received before; give each a new one")
            case Remembered.NO_PLACE:
                refuse(CommandErrorCode.BUSY, "too many commands that have not expired; try later")
        outcome = await self._handler(command)
        if not isinstance(outcome, Deferred):
            return ok_reply(command.id, outcome)
        if len(self._deferred) >= MAX_DEFERRED:
            refuse(CommandErrorCode.BUSY, f"{MAX_DEFERRED} commands are still being carried out; try later")
        task = asyncio.create_task(self._answer_later(accepted, outcome), name=f"link-{accepted.verb}")
        self._deferred.add(task)
        task.add_done_callback(self._deferred.discard)
        return None

    async def _answer_later(self, accepted: Accepted, deferred: Deferred) -> None:
        async def carry_out() -> CommandReply:
            return ok_reply(accepted.command.id, await deferred.work())

        try:
            self._reply(accepted.verb, await self._told(accepted, carry_out), accepted.reply_to)
        except asyncio.CancelledError:
            log.warning("%s is not answered: the connection ended first", accepted.verb)
            raise

    async def _told(self, accepted: Accepted, work: Callable[[], Awaitable[R]]) -> CommandReply | R:
        """What ``work`` gives, or the reply to what it raises."""
        transaction = accepted.command.id
        try:
            return await work()
        except CommandRefused as refused:
            return error_reply(refused.code, refused.message, transaction)
        except LinkError as error:
            self._on_outbox()
            return error_reply(CommandErrorCode.DEGRADED, error.what, transaction)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
                raise
            log.exception("%s failed", accepted.verb)
            return error_reply(CommandErrorCode.INTERNAL, "a fault of the terminal; its log says more", transaction)

    def _reply(self, verb: str, reply: CommandReply, reply_to: ReplyTo) -> None:
        if reply.error is not None:
            log.info("refused %s: %s: %s", verb, reply.error.code, reply.error.message)
        self._send(reply_to, reply)


def _is_being_cancelled() -> bool:
    """Whether this task is, and not merely something that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
