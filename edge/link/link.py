"""The terminal's side of MQTT: carries out what ``Connection`` decides, over one broker connection at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, assert_never

import aiomqtt
from paho.mqtt.properties import Properties

from edge.contracts.base import Outgoing
from edge.contracts.config import DesiredConfig, ReportedConfig
from edge.contracts.device import CommandReply, DeviceEvent, Health, Info, State
from edge.contracts.enums import CommandErrorCode
from edge.contracts.session import SealedImage, SessionProgress
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.answering import Answering, CommandHandler
from edge.link.backoff import FullJitter
from edge.link.causes import BrokerError, Cause, cause_of
from edge.link.client import Client, connected, publish_properties
from edge.link.commands import ReplyTo
from edge.link.connection import (
    SPREAD_SECONDS,
    Announce,
    Announced,
    Close,
    Closed,
    Connect,
    Connected,
    Connection,
    Effect,
    Event,
    Lost,
    Phase,
    Refused,
    RepublishRest,
    Serve,
    Started,
    StopWanted,
    TakeLeave,
    TellConnected,
    TellTrouble,
    TimePassed,
)
from edge.link.delivery import REDELIVERY_SECONDS, SETTLE_SECONDS, Delivery
from edge.link.desired import read_desired
from edge.link.options import LinkOptions
from edge.link.outbox import Outbox
from edge.link.payloads import CommandRefused, Inbound
from edge.link.sending import Publication, Refusals, SendQueue
from edge.link.trouble import explain

log = logging.getLogger(__name__)

MAX_INCOMING: Final = 100
FAREWELL_SECONDS: Final = 3.0


class DesiredHandler(Protocol):
    """What the terminal does with a desired configuration, each time it is received: at every connection too.

    Awaited between commands: return soon.
    """

    async def __call__(self, desired: DesiredConfig | CommandRefused) -> None:
        """CommandRefused: it cannot be read, and why."""
        ...


async def _unheard(desired: DesiredConfig | CommandRefused) -> None: ...


async def _unanswered(command: object) -> None: ...


@dataclass(slots=True)
class _Line:
    """What runs on the connection that is open. ``leaving``: send what waits, then no more. ``left``: close it."""

    client: Client
    tasks: asyncio.TaskGroup
    hearing: asyncio.Task[None] | None = None
    sending: tuple[asyncio.Task[None], ...] = ()
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None] | None:
        """None where the connection is breaking, which is about to be told: a task has failed, and the others end."""
        try:
            return self.tasks.create_task(work, name=name)
        except RuntimeError:
            work.close()
            return None


class Link:
    """Keeps a terminal reachable, and its decisions on their way.

    Everything is for the event loop's thread, except ``publish_decision``, which any thread may call.
    Lost connections, a refusing broker and unreadable certificates never end ``run``: they are logged in
    plain words when they begin, and tried again. ``trouble`` holds the current one. ``refused`` counts the commands
    that were refused, by why.
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
        spread_seconds: float = SPREAD_SECONDS,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        redelivery_seconds: float = REDELIVERY_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
        answer_seconds: float = 10.0,
    ) -> None:
        """state, info: what the first connection announces. on_outbox: called on the loop's thread after the outbox
        was used, when its ``full`` and ``trouble`` may have changed.

        spread_seconds: see Connection. sleep: what ends early counts as waited. redelivery_seconds,
        settle_seconds: see Delivery.
        answer_seconds: how long the broker may take.
        """
        self.refused: Counter[CommandErrorCode] = Counter()
        self._options = options
        self._topics = topics
        self._outbox = outbox
        self._state = state
        self._retained: dict[str, tuple[str, Outgoing]] = {"info": (topics.info, info)}
        self._unpublished: set[str] = set()
        self._on_outbox = on_outbox
        self._sleep = sleep
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._answer_seconds = answer_seconds
        refusals = Refusals()
        self._queue = SendQueue(refusals)
        self._delivery = Delivery(
            outbox,
            topics.decision,
            refusals,
            on_outbox=on_outbox,
            on_damage=lambda message: self.publish_event(
                DeviceEvent(kind="fault", message=message, at=self._wall_clock())
            ),
            redelivery_seconds=redelivery_seconds,
            settle_seconds=settle_seconds,
            monotonic=monotonic,
        )
        self._connection = Connection(
            backoff or FullJitter(secrets.SystemRandom().random), state.boot_count, spread_seconds=spread_seconds
        )
        self._handler: CommandHandler = _unanswered
        self._on_desired: DesiredHandler = _unheard
        self._loop: asyncio.AbstractEventLoop | None = None
        self._now = monotonic()
        self._changed = asyncio.Event()
        self._finished = asyncio.Event()
        self._holding: asyncio.Task[None] | None = None
        self._line: _Line | None = None

    @property
    def undelivered(self) -> int:
        """Decisions that the broker has not acknowledged on this connection."""
        return self._delivery.undelivered

    @property
    def connected(self) -> bool:
        """Subscribed to commands and announced."""
        return self._line is not None and self._connection.phase is Phase.SERVING

    @property
    def trouble(self) -> LinkError | None:
        """Why there is no connection; None while there is one, and before the first try."""
        return self._connection.trouble

    @property
    def connections(self) -> int:
        """How often the terminal was announced to the broker since the start."""
        return self._connection.connections

    async def run(self, handler: CommandHandler, on_desired: DesiredHandler = _unheard) -> None:
        """Connect and serve until ``stop``. Only once."""
        if self._loop is not None:
            raise RuntimeError("a link runs once")
        self._loop = asyncio.get_running_loop()
        self._handler, self._on_desired = handler, on_desired
        self._delivery.tell_damage()
        try:
            self._happened(Started())
            while self._connection.phase is not Phase.ENDED:
                await self._until_something_happens()
        finally:
            if self._holding is not None:
                # Cut down: nobody is told, and the will says it.
                self._holding.remove_done_callback(self._is_closed)
                self._holding.cancel()
                await asyncio.wait((self._holding,))
            self._finished.set()

    async def stop(self) -> None:
        """Send what waits, say ``disconnected``, close, and wait for the end of ``run``. May be repeated.

        With a silent broker this takes a few seconds; decisions then stay in the outbox.
        """
        self._happened(StopWanted())
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

    def publish_progress(self, progress: SessionProgress) -> None:
        """QoS 0; dropped while there is no connection."""
        self._publish("session event", self._topics.session_event(progress.session_id), progress, qos=0)

    def publish_image(self, image: SealedImage) -> None:
        """QoS 0, once; dropped while there is no connection. Raises LinkError for one that is too large."""
        self._publish("session image", self._topics.session_image(image.session_id), image, qos=0)

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
                    self._loop.call_soon_threadsafe(self._delivery.wake)

    def _retain(self, kind: str, topic: str, message: Outgoing) -> None:
        self._retained[kind] = topic, message
        if self._line is not None:
            self._unpublished.discard(kind)
        self._publish(kind, topic, message, qos=1, retain=True)

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
        if self._line is not None or lasting:
            self._queue.put(Publication(kind, topic, message.to_json(), qos, retain, lasting, properties))

    async def _until_something_happens(self) -> None:
        self._changed.clear()
        deadline = self._connection.deadline
        waiting: list[asyncio.Future[object]] = [asyncio.ensure_future(self._changed.wait())]
        if deadline is not None:
            waiting.append(asyncio.ensure_future(self._sleep(max(0.0, deadline - self._time()))))
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
        if deadline is not None and waiting[-1] in done:
            self._now = max(self._now, deadline)
            self._happened(TimePassed())

    def _time(self) -> float:
        self._now = max(self._now, self._monotonic())
        return self._now

    def _happened(self, event: Event) -> None:
        for effect in self._connection.handle(event, self._time()):
            self._carry_out(effect)
        self._changed.set()

    def _carry_out(self, effect: Effect) -> None:
        line = self._line
        match effect:
            case Connect(will):
                self._unpublished = set(self._retained)
                self._holding = asyncio.create_task(self._hold(will), name="link-connection")
                self._holding.add_done_callback(self._is_closed)
            case Announce() if line is not None:
                line.hearing = line.begin(self._announce(line.client), "link-announce")
            case Serve() if line is not None:
                line.hearing = line.begin(self._receive(line.client), "link-receive")
                self._begin_sending(line)
            case RepublishRest():
                for kind in sorted(self._unpublished):
                    self._retain(kind, *self._retained[kind])
            case TakeLeave(farewell) if line is not None:
                line.begin(self._take_leave(line, farewell), "link-farewell")
            case Close() if self._holding is not None:
                self._holding.cancel()
            case TellTrouble(trouble, again):
                words = "connections come and go, told no more until one holds" if again else "no connection"
                log.warning("%s: %s", words, trouble)
            case TellConnected():
                log.info("connected to %s as %s", self._options.address, self._topics.device)
            case Announce() | Serve() | TakeLeave() | Close():
                pass  # The connection is breaking, which is about to be told.
            case _:
                assert_never(effect)

    async def _hold(self, will: State) -> None:
        """One connection from its opening to its closing. Raises what ended it."""
        async with connected(
            self._options,
            self._topics.device,
            will=aiomqtt.Will(self._topics.state, will.to_json(), qos=1, retain=True),
            answer_seconds=self._answer_seconds,
            max_incoming=MAX_INCOMING,
        ) as client:
            try:
                async with asyncio.TaskGroup() as tasks:
                    self._line = line = _Line(client, tasks)
                    self._happened(Connected())
                    await line.left.wait()
            finally:
                self._line = None

    def _is_closed(self, holding: asyncio.Task[None]) -> None:
        self._holding = None
        self._queue.keep_what_lasts()
        phase = self._connection.phase
        error = asyncio.CancelledError() if holding.cancelled() else holding.exception()
        if phase is Phase.LEAVING and (error is None or isinstance(error, asyncio.CancelledError)):
            self._happened(Closed())
            return
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        trouble, cause = self._explained(error)
        announced = phase not in {Phase.CONNECTING, Phase.ANNOUNCING}
        self._happened(Lost(trouble, cause) if announced else Refused(trouble, cause))

    def _explained(self, error: BaseException | None) -> tuple[LinkError, Cause]:
        if isinstance(error, aiomqtt.MqttError | LinkError):
            trouble = explain(error, self._options, self._topics.device)
        else:
            log.error("the link failed by a fault of its own; connecting anew", exc_info=error)
            trouble = BrokerError(f"the link failed: {error!r}", remedy="report it with the log", cause=Cause.FAULT)
        return trouble, cause_of(trouble)

    async def _announce(self, client: Client) -> None:
        # Retained as published: a command with the retain flag is refused, also when it comes fresh.
        await client.subscribe_all([self._topics.command("+"), self._topics.config_desired], retain_as_published=True)
        state = Publication("state", self._topics.state, self._state.to_json(), qos=1, retain=True)
        await self._queue.send(client, state)
        self._happened(Announced())

    def _begin_sending(self, line: _Line) -> None:
        begun = (
            line.begin(self._queue.pump(line.client, line.leaving), "link-publish"),
            line.begin(self._delivery.run(line.client, line.leaving), "link-outbox"),
        )
        line.sending = tuple(task for task in begun if task is not None)

    async def _take_leave(self, line: _Line, farewell: State) -> None:
        line.leaving.set()
        if line.hearing is not None:
            line.hearing.cancel()
        if not line.sending:
            self._begin_sending(line)
        self._queue.wake()
        self._delivery.wake()
        if line.sending:
            await asyncio.wait(line.sending, timeout=FAREWELL_SECONDS)
        for task in line.sending:
            task.cancel()
        line.client.timeout = FAREWELL_SECONDS
        await line.client.publish_acknowledged(self._topics.state, farewell.to_json(), retain=True)
        line.left.set()

    async def _receive(self, client: Client) -> None:
        async with Answering(
            self._topics,
            self._outbox,
            self._handler,
            self._send_reply,
            wall_clock=self._wall_clock,
            on_outbox=self._outbox_failed,
        ) as answering:
            async for message in client.messages:
                inbound = Inbound(
                    topic=message.topic.value,
                    payload=bytes(message.payload),
                    retain=message.retain,
                    response_topic=getattr(message.properties, "ResponseTopic", None),
                    correlation=getattr(message.properties, "CorrelationData", None),
                    qos=0 if self._options.trusts_every_qos else message.qos,
                )
                if inbound.topic == self._topics.config_desired:
                    await self._hear_desired(inbound)
                else:
                    await answering.hear(inbound)

    def _send_reply(self, reply_to: ReplyTo, reply: CommandReply) -> None:
        if reply.error is not None:
            self.refused[reply.error.code] += 1
        self._publish(
            "reply", reply_to.topic, reply, qos=1, properties=publish_properties(correlation=reply_to.correlation)
        )

    def _outbox_failed(self) -> None:
        self._on_outbox()
        # To try from then on whether it works again.
        self._delivery.wake()

    async def _hear_desired(self, inbound: Inbound) -> None:
        desired: DesiredConfig | CommandRefused | None
        try:
            desired = read_desired(inbound)
        except CommandRefused as refused:
            log.warning("refused %s: %s: %s", inbound.topic, refused.code, refused.message)
            desired = refused
        try:
            if desired is not None:
                await self._on_desired(desired)
        except Exception:
            # It is retained, and would end each further connection too.
            log.exception("the desired configuration could not be taken")
