"""The terminal's side of MQTT: one owner of the connection, and of bringing it back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiomqtt
from paho.mqtt.properties import Properties

from edge.contracts.base import Outgoing
from edge.contracts.config import DesiredConfig, ReportedConfig
from edge.contracts.device import CommandReply, DeviceEvent, Health, Info, State
from edge.contracts.enums import CommandErrorCode, TerminalState
from edge.contracts.session import SessionProgress
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.backoff import FullJitter
from edge.link.client import (
    ACCEPTED,
    FIRST_ERROR,
    NO_MATCHING_SUBSCRIBERS,
    Client,
    connected,
    publish_properties,
)
from edge.link.commands import (
    Accepted,
    Command,
    Refused,
    ReplyTo,
    error_reply,
    ok_reply,
    read_command,
)
from edge.link.desired import read_desired
from edge.link.options import LinkOptions
from edge.link.outbox import Outbox, Remembered
from edge.link.payloads import CommandRefused, Inbound
from edge.link.trouble import explain

log = logging.getLogger(__name__)

MAX_WAITING: Final = 500
MAX_INCOMING: Final = 100
FAREWELL_SECONDS: Final = 3.0
REDELIVERY_SECONDS: Final = 30.0


class CommandHandler(Protocol):
    """What the terminal does with a valid command. Awaited one at a time, in order: return soon.

    A connection that ends cancels it where it awaits: leave nothing half done there.
    """

    async def __call__(self, command: Command) -> dict[str, Any] | None:
        """The reply's ``data``. Raises CommandRefused to say no."""
        ...


class DesiredHandler(Protocol):
    """What the terminal does with a desired configuration, each time it is received: at every connection too.

    Awaited between commands: return soon.
    """

    async def __call__(self, desired: DesiredConfig | CommandRefused) -> None:
        """CommandRefused: it cannot be read, and why."""
        ...


async def _unheard(desired: DesiredConfig | CommandRefused) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Publication:
    """``lasting``: waits for the next connection when this one ends."""

    kind: str
    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    lasting: bool = False
    properties: Properties | None = None


class Link:
    """Keeps a terminal reachable, and its decisions on their way.

    Everything is for the event loop's thread, except ``publish_decision``, which any thread may call.
    Lost connections, a refusing broker and unreadable certificates never end ``run``: they are logged in
    plain words when they begin, and tried again. ``trouble`` holds the current one.
    """

    def __init__(
        self,
        options: LinkOptions,
        topics: Topics,
        outbox: Outbox,
        *,
        state: State,
        info: Info,
        on_outbox: Callable[[], None] = lambda: None,
        backoff: FullJitter | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        redelivery_seconds: float = REDELIVERY_SECONDS,
        answer_seconds: float = 10.0,
    ) -> None:
        """state, info: what the first connection announces. on_outbox: called on the loop's thread after the outbox
        was used, when its ``full`` and ``trouble`` may have changed.

        redelivery_seconds: how long a decision that nobody subscribed to, or that the broker refused, waits
        before it is offered again on the same connection. answer_seconds: how long the broker may take.
        """
        self._options = options
        self._topics = topics
        self._outbox = outbox
        self._state = state
        self._retained: dict[str, tuple[str, Outgoing]] = {"info": (topics.info, info)}
        self._on_outbox = on_outbox
        self._backoff = backoff or FullJitter(secrets.SystemRandom().random)
        self._sleep = sleep
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._redelivery_seconds = redelivery_seconds
        self._answer_seconds = answer_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._finished = asyncio.Event()
        self._waiting: deque[_Publication] = deque()
        self._work = asyncio.Event()
        self._stored = asyncio.Event()
        self._client: Client | None = None
        self._announced_at: float | None = None
        self._trouble: LinkError | None = None
        self._refusals: dict[str, int] = {}

    @property
    def connected(self) -> bool:
        """Subscribed to commands and announced."""
        return self._announced_at is not None

    @property
    def trouble(self) -> LinkError | None:
        """Why there is no connection; None while there is one, and before the first try."""
        return self._trouble

    async def run(self, handler: CommandHandler, on_desired: DesiredHandler = _unheard) -> None:
        """Connect and serve until ``stop``. Only once."""
        if self._loop is not None:
            raise RuntimeError("a link runs once")
        self._loop = asyncio.get_running_loop()
        self._tell_set_aside()
        stopped = asyncio.create_task(self._stopping.wait(), name="link-stop")
        try:
            while not self._stopping.is_set():
                held = await self._connect_and_serve(handler, on_desired, stopped)
                if not self._stopping.is_set():
                    pause = asyncio.ensure_future(self._sleep(self._backoff.delay(held)))
                    await _first(pause, stopped)
        finally:
            stopped.cancel()
            self._finished.set()

    async def stop(self) -> None:
        """Send what waits, say ``disconnected``, close, and wait for the end of ``run``. May be repeated.

        With a silent broker this takes a few seconds; decisions then stay in the outbox.
        """
        self._stopping.set()
        self._work.set()
        self._stored.set()
        if self._loop is not None:
            await self._finished.wait()

    def publish_state(self, state: State) -> None:
        """Retained; the latest one is announced again at each connection."""
        self._state = state
        self._publish("state", self._topics.state, state, qos=1, retain=True)

    def publish_info(self, info: Info) -> None:
        """Retained; the latest one is announced again at each connection."""
        self._retain("info", self._topics.info, info)

    def publish_health(self, health: Health) -> None:
        """Retained; the latest one is announced again at each connection."""
        self._retain("health", self._topics.health, health)

    def publish_reported(self, reported: ReportedConfig) -> None:
        """Retained; the latest one is announced again at each connection."""
        self._retain("reported configuration", self._topics.config_reported, reported)

    def _retain(self, kind: str, topic: str, message: Outgoing) -> None:
        self._retained[kind] = topic, message
        self._publish(kind, topic, message, qos=1, retain=True)

    def publish_progress(self, progress: SessionProgress) -> None:
        """QoS 0; dropped while there is no connection."""
        self._publish("session event", self._topics.session_event(progress.session_id), progress, qos=0)

    def publish_event(self, event: DeviceEvent) -> None:
        """QoS 1; waits in memory while there is no connection. If too many wait, the oldest goes, logged."""
        self._publish("event", self._topics.event, event, qos=1, lasting=True)

    def publish_decision(self, sealed: bytes) -> None:
        """Store a payload of ``Identity.seal``, then have it published. Any thread; on disk when it returns.

        Raises LinkError when it could not be stored.
        """
        try:
            self._outbox.add(sealed)
        finally:
            # Also where storing failed, to try from then on whether it works again.
            if self._loop is not None:
                # The loop may be gone already; the row then waits for the next start.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._stored.set)

    async def _connect_and_serve(
        self, handler: CommandHandler, on_desired: DesiredHandler, stopped: asyncio.Task[bool]
    ) -> float | None:
        """How long the connection held, seconds; None when none came about."""
        connection = asyncio.create_task(self._connection(handler, on_desired, stopped), name="link-connection")
        try:
            await asyncio.wait((connection, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not connection.done() and self._client is not None:
                # It takes its leave by itself: the rest, the farewell, the closing.
                await asyncio.wait((connection,), timeout=4 * FAREWELL_SECONDS)
        finally:
            connection.cancel()
            await asyncio.wait((connection,))
            announced_at, self._announced_at = self._announced_at, None
            self._client = None
            self._waiting = deque(p for p in self._waiting if p.lasting)
        if not connection.cancelled():
            self._tell(connection.exception())
        return None if announced_at is None else self._monotonic() - announced_at

    def _tell(self, error: BaseException | None) -> None:
        if error is None:
            return
        if isinstance(error, aiomqtt.MqttError | LinkError):
            trouble = explain(error, self._options, self._topics.device)
        else:
            log.error("the link failed by a fault of its own; connecting anew", exc_info=error)
            trouble = LinkError(f"the link failed: {error!r}", remedy="report it with the log")
        if str(trouble) != str(self._trouble):
            log.warning("no connection: %s", trouble)
        self._trouble = trouble

    async def _connection(
        self, handler: CommandHandler, on_desired: DesiredHandler, stopped: asyncio.Task[bool]
    ) -> None:
        lost = State(state=TerminalState.LOST, boot_count=self._state.boot_count)
        will = aiomqtt.Will(self._topics.state, lost.to_json(), qos=1, retain=True)
        async with connected(
            self._options,
            self._topics.device,
            will=will,
            answer_seconds=self._answer_seconds,
            max_incoming=MAX_INCOMING,
        ) as client:
            self._client = client
            await self._announce(client)
            receiving = asyncio.create_task(self._receive(client, handler, on_desired), name="link-receive")
            sending = (
                asyncio.create_task(self._pump(client), name="link-publish"),
                asyncio.create_task(self._deliver(client), name="link-outbox"),
            )
            tasks = (receiving, *sending)
            try:
                await asyncio.wait((*tasks, stopped), return_when=asyncio.FIRST_COMPLETED)
                if self._stopping.is_set():
                    receiving.cancel()
                    await asyncio.wait(sending, timeout=FAREWELL_SECONDS)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    task.result()
            await self._say_farewell(client)

    async def _announce(self, client: Client) -> None:
        # Retained as published: a command with the retain flag is refused, also when it comes fresh.
        await client.subscribe_all([self._topics.command("+"), self._topics.config_desired], retain_as_published=True)
        latest: list[tuple[str, str, Outgoing]] = [("state", self._topics.state, self._state)]
        latest += [(kind, topic, message) for kind, (topic, message) in self._retained.items()]
        for kind, topic, message in latest:
            await self._send(client, _Publication(kind, topic, message.to_json(), qos=1, retain=True))
        self._announced_at = self._monotonic()
        self._trouble = None
        log.info("connected to %s as %s", self._options.address, self._topics.device)

    async def _say_farewell(self, client: Client) -> None:
        goodbye = State(state=TerminalState.DISCONNECTED, boot_count=self._state.boot_count)
        client.timeout = FAREWELL_SECONDS
        await client.publish_acknowledged(self._topics.state, goodbye.to_json(), retain=True)

    def _publish(
        self,
        kind: str,
        topic: str,
        message: Outgoing,
        *,
        qos: int,
        retain: bool = False,
        lasting: bool = False,
        properties: Properties | None = None,
    ) -> None:
        if self._client is None and not lasting:
            return
        if len(self._waiting) >= MAX_WAITING:
            dropped = next((p for p in self._waiting if not p.lasting), self._waiting[0])
            self._waiting.remove(dropped)
            log.warning("too many messages wait for the broker; the oldest was dropped (%s)", dropped.kind)
        self._waiting.append(_Publication(kind, topic, message.to_json(), qos, retain, lasting, properties))
        self._work.set()

    async def _pump(self, client: Client) -> None:
        while True:
            self._work.clear()
            while self._waiting:
                publication = self._waiting[0]
                await self._send(client, publication)
                if self._waiting and self._waiting[0] is publication:
                    self._waiting.popleft()
            if self._stopping.is_set():
                return
            await self._work.wait()

    async def _send(self, client: Client, publication: _Publication) -> None:
        if publication.qos == 0:
            await client.publish(publication.topic, publication.payload, properties=publication.properties)
            return
        reason = await client.publish_acknowledged(
            publication.topic,
            publication.payload,
            retain=publication.retain,
            properties=publication.properties,
        )
        self._note(publication.kind, publication.topic, reason)

    def _note(self, kind: str, topic: str, reason: int) -> None:
        """Log a refused publication when the refusing begins, not each time."""
        if reason >= FIRST_ERROR and self._refusals.get(kind) != reason:
            log.warning("the broker does not take %s on %s: 0x%02x; see its access list", kind, topic, reason)
        self._refusals[kind] = reason

    async def _deliver(self, client: Client) -> None:
        """Decisions in the order of storing, each until somebody has it."""
        while True:
            self._stored.clear()
            waits = await self._deliver_waiting(client)
            self._on_outbox()
            if self._stopping.is_set():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._redelivery_seconds if waits else None):
                    await self._stored.wait()

    async def _deliver_waiting(self, client: Client) -> bool:
        """True when a decision stays behind."""
        while True:
            try:
                if self._outbox.trouble is not None:
                    await asyncio.to_thread(self._outbox.probe)
                row = await asyncio.to_thread(self._outbox.oldest)
                self._tell_set_aside()
                if row is None:
                    return False
                reason = await client.publish_acknowledged(self._topics.decision, row.payload)
                self._note_delivery(reason)
                if reason != ACCEPTED:
                    return True
                await asyncio.to_thread(self._outbox.remove, row.id)
            except LinkError as error:
                log.warning("%s", error)
                return True

    def _note_delivery(self, reason: int) -> None:
        if reason == NO_MATCHING_SUBSCRIBERS and self._refusals.get("decision") != reason:
            log.warning("nobody is subscribed to %s; decisions are kept", self._topics.decision)
        self._note("decision", self._topics.decision, reason)

    def _tell_set_aside(self) -> None:
        for path in self._outbox.take_set_aside():
            message = f"the outbox was damaged; it is kept as {path.name} and a new one was begun"
            log.error("%s", message)
            self.publish_event(DeviceEvent(kind="fault", message=message, at=self._wall_clock()))

    async def _receive(self, client: Client, handler: CommandHandler, on_desired: DesiredHandler) -> None:
        async for message in client.messages:
            inbound = Inbound(
                topic=message.topic.value,
                payload=bytes(message.payload),
                retain=message.retain,
                response_topic=getattr(message.properties, "ResponseTopic", None),
                correlation=getattr(message.properties, "CorrelationData", None),
            )
            if inbound.topic == self._topics.config_desired:
                await self._hear_desired(inbound, on_desired)
                continue
            answer = await self._answer(inbound, handler)
            if answer is None:
                log.warning("ignored a message on %.200s", inbound.topic)
                continue
            reply, reply_to = answer
            if reply.error is not None:
                log.info("refused %s: %s: %s", inbound.topic, reply.error.code, reply.error.message)
            self._publish(
                "reply",
                reply_to.topic,
                reply,
                qos=1,
                properties=publish_properties(correlation=reply_to.correlation),
            )

    async def _hear_desired(self, inbound: Inbound, on_desired: DesiredHandler) -> None:
        try:
            desired = read_desired(inbound)
        except CommandRefused as refused:
            log.warning("refused %s: %s: %s", inbound.topic, refused.code, refused.message)
            await on_desired(refused)
        else:
            if desired is not None:
                await on_desired(desired)

    async def _answer(self, inbound: Inbound, handler: CommandHandler) -> tuple[CommandReply, ReplyTo] | None:
        now = self._wall_clock()
        verdict = read_command(inbound, self._topics, now)
        if isinstance(verdict, Refused):
            return None if verdict.reply_to is None else (verdict.reply, verdict.reply_to)
        return await self._carry_out(verdict, now, handler), verdict.reply_to

    async def _carry_out(self, accepted: Accepted, now: float, handler: CommandHandler) -> CommandReply:
        command = accepted.command
        try:
            match await asyncio.to_thread(self._outbox.remember_command, command.id, command.expires_at, now):
                case Remembered.KNOWN:
                    return error_reply(
                        CommandErrorCode.REPEATED,
                        "this id was received before; give each a new one",
                        command.id,
                    )
                case Remembered.NO_PLACE:
                    return error_reply(
                        CommandErrorCode.BUSY,
                        "too many commands that have not expired; try later",
                        command.id,
                    )
            return ok_reply(command.id, await handler(command))
        except CommandRefused as refused:
            return error_reply(refused.code, refused.message, command.id)
        except LinkError as error:
            self._on_outbox()
            self._stored.set()
            return error_reply(CommandErrorCode.DEGRADED, error.what, command.id)
        except Exception:
            log.exception("%s failed", accepted.verb)
            return error_reply(CommandErrorCode.INTERNAL, "a fault of the terminal; its log says more", command.id)


async def _first(*tasks: asyncio.Future[Any]) -> None:
    """Until one is done; all but the last are then cancelled if need be."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks[:-1]:
            task.cancel()
