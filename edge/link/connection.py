"""The life of a terminal's connection to its broker: ``Connection.handle(event, now) -> effects``.

Rules. What may happen stands in ``TRANSITIONS``; the diagram in ``docs/mqtt.md`` is drawn from it, and a handler that
leads anywhere else fails. ``now`` is given by the caller, in monotonic seconds, and so is chance: nothing here reads a
clock, opens a socket or waits. The driver carries the effects out and tells what came of them. There is one connection
at most: Refused, Lost and Closed mean that nothing is open any more, and only then another is asked for. A deadline
that has passed is acted upon when TimePassed says so; an event that does not belong to the phase changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from edge.contracts.device import State
from edge.contracts.enums import TerminalState
from edge.errors import LinkError
from edge.link.backoff import FullJitter
from edge.link.causes import Cause

# A site's terminals come back to their broker within a second; what nobody waits for need not come in that second.
SPREAD_SECONDS: Final = 2.0
LEAVE_SECONDS: Final = 12.0
SLOW_CAUSES: Final = frozenset({Cause.TAKEN_OVER, Cause.CREDENTIALS, Cause.ACCESS, Cause.TLS, Cause.REFUSED})
"""A person must do something first, or trying again makes it worse."""


class Phase(StrEnum):
    IDLE = "idle"
    CONNECTING = "connecting"
    ANNOUNCING = "announcing"
    SERVING = "serving"
    BACKING_OFF = "backing_off"
    LEAVING = "leaving"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Started:
    """The terminal wants a connection from now on."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker's CONNACK is there."""


@dataclass(frozen=True, slots=True)
class Announced:
    """Commands are subscribed to, and the broker has the state."""


@dataclass(frozen=True, slots=True)
class Refused:
    """No connection came about, or none that can be used. Nothing is open any more."""

    trouble: LinkError
    cause: Cause


@dataclass(frozen=True, slots=True)
class Lost:
    """An announced connection ended, or one that was being left. Nothing is open any more."""

    trouble: LinkError
    cause: Cause


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection ended as it was asked to. Nothing is open any more."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The ``deadline`` may be over."""


@dataclass(frozen=True, slots=True)
class StopWanted:
    """The terminal wants no connection any more."""


Event = Started | Connected | Announced | Refused | Lost | Closed | TimePassed | StopWanted


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection with this will; Connected or Refused tells."""

    will: State


@dataclass(frozen=True, slots=True)
class Announce:
    """Subscribe, then publish the state; Announced or Refused tells."""


@dataclass(frozen=True, slots=True)
class Serve:
    """Hear commands, and send what waits, until Lost or another effect."""


@dataclass(frozen=True, slots=True)
class RepublishRest:
    """Publish what is retained beside the state, as far as it was not published on this connection."""


@dataclass(frozen=True, slots=True)
class TakeLeave:
    """Hear nothing any more, send what waits, publish the farewell, close; Closed or Lost tells."""

    farewell: State


@dataclass(frozen=True, slots=True)
class Close:
    """Give up whatever is going on; Closed tells. The broker publishes the will."""


@dataclass(frozen=True, slots=True)
class TellTrouble:
    """Say why there is no connection. again: connections come, and go soon for the same cause."""

    trouble: LinkError
    again: bool = False


@dataclass(frozen=True, slots=True)
class TellConnected:
    """Say that there is a connection."""


Effect = Connect | Announce | Serve | RepublishRest | TakeLeave | Close | TellTrouble | TellConnected
Effects = tuple[Effect, ...]


class Connection:
    """One terminal's connection from its start to its end, in any number of tries.

    phase: where it is. deadline: monotonic seconds at which TimePassed is wanted; None: not before something else
    happens. trouble: why there is no connection; None while there is one, and before the first try.
    connections: how many were announced.
    """

    def __init__(self, backoff: FullJitter, boot_count: int, *, spread_seconds: float = SPREAD_SECONDS) -> None:
        """boot_count: the persisted one, which will and farewell name. spread_seconds: within how many the retained
        messages beside the state are published again, at a moment drawn by ``backoff.random``; the first time at once.
        """
        self.phase = Phase.IDLE
        self.trouble: LinkError | None = None
        self.connections = 0
        self._backoff = backoff
        self._boot_count = boot_count
        self._spread_seconds = spread_seconds
        self._again_at: float | None = None
        self._announced_at = 0.0
        self._rest_at: float | None = None
        self._stable_at: float | None = None
        self._given_up_at: float | None = None
        self._told: str | None = None
        self._unsteady = False

    @property
    def deadline(self) -> float | None:
        times = (self._again_at, self._rest_at, self._stable_at, self._given_up_at)
        return min((time for time in times if time is not None), default=None)

    def handle(self, event: Event, now: float) -> Effects:
        """What is to be done about it."""
        transition = TRANSITIONS.get((self.phase, type(event)))
        if transition is None:
            return ()
        before = self.phase
        effects = transition.handler(self, event, now)
        if self.phase is not before and self.phase not in transition.to:
            raise AssertionError(f"{before} led to {self.phase}, which TRANSITIONS does not name")
        return effects

    def _connect(self, _: Event, now: float) -> Effects:
        self.phase = Phase.CONNECTING
        self._again_at = None
        return (Connect(self._state(TerminalState.LOST)),)

    def _announce(self, _: Connected, now: float) -> Effects:
        self.phase = Phase.ANNOUNCING
        return (Announce(),)

    def _serve(self, _: Announced, now: float) -> Effects:
        self.phase = Phase.SERVING
        self.trouble = None
        self.connections += 1
        self._announced_at = now
        self._stable_at = now + self._backoff.stable_after
        effects: Effects = (Serve(),) if self._unsteady else (Serve(), TellConnected())
        if self.connections == 1:
            # What an earlier start left with the broker may be wrong by now, and boards do not boot in step.
            return (*effects, RepublishRest())
        self._rest_at = now + self._backoff.random() * self._spread_seconds
        return effects

    def _refused(self, event: Refused, now: float) -> Effects:
        return self._back_off(event.trouble, event.cause, None, now)

    def _lost(self, event: Lost, now: float) -> Effects:
        return self._back_off(event.trouble, event.cause, now - self._announced_at, now)

    def _back_off(self, trouble: LinkError, cause: Cause, held: float | None, now: float) -> Effects:
        self.phase = Phase.BACKING_OFF
        if held is not None and held >= self._backoff.stable_after:
            self._steady()
        self.trouble = trouble
        self._rest_at = self._stable_at = None
        self._again_at = now + self._backoff.delay(held, slow=cause in SLOW_CAUSES)
        if str(trouble) != self._told:
            self._told = str(trouble)
            return (TellTrouble(trouble),)
        if held is not None and not self._unsteady:
            self._unsteady = True
            return (TellTrouble(trouble, again=True),)
        return ()

    def _steady(self) -> None:
        self._told = None
        self._unsteady = False

    def _served_for(self, _: TimePassed, now: float) -> Effects:
        effects: Effects = ()
        if self._rest_at is not None and now >= self._rest_at:
            self._rest_at = None
            effects += (RepublishRest(),)
        if self._stable_at is not None and now >= self._stable_at:
            self._stable_at = None
            if self._unsteady:
                effects += (TellConnected(),)
            self._steady()
        return effects

    def _waited(self, event: TimePassed, now: float) -> Effects:
        return self._connect(event, now) if self._again_at is not None and now >= self._again_at else ()

    def _leave(self, _: StopWanted, now: float) -> Effects:
        rest: Effects = (RepublishRest(),) if self._rest_at is not None else ()
        self.phase = Phase.LEAVING
        self._rest_at = self._stable_at = None
        self._given_up_at = now + LEAVE_SECONDS
        return (*rest, TakeLeave(self._state(TerminalState.DISCONNECTED)))

    def _abandon(self, _: StopWanted, now: float) -> Effects:
        self.phase = Phase.LEAVING
        return (Close(),)

    def _left_for(self, _: TimePassed, now: float) -> Effects:
        if self._given_up_at is None or now < self._given_up_at:
            return ()
        self._given_up_at = None
        return (Close(),)

    def _end(self, _: Event, now: float) -> Effects:
        self.phase = Phase.ENDED
        self._again_at = self._given_up_at = None
        return ()

    def _end_in_trouble(self, event: Lost, now: float) -> Effects:
        self.trouble = event.trouble
        told = str(event.trouble) == self._told
        return self._end(event, now) + (() if told else (TellTrouble(event.trouble),))

    def _state(self, state: TerminalState) -> State:
        return State(state=state, boot_count=self._boot_count)


class Transition(NamedTuple):
    """What handles an event in a phase, where else it may lead, and when it does."""

    handler: Callable[[Connection, Any, float], Effects]
    to: Mapping[Phase, str]


_C = Connection

TRANSITIONS: Mapping[tuple[Phase, type[Event]], Transition] = MappingProxyType(
    {
        (Phase.IDLE, Started): Transition(_C._connect, {Phase.CONNECTING: "with the will"}),
        (Phase.IDLE, StopWanted): Transition(_C._end, {Phase.ENDED: "never began"}),
        (Phase.CONNECTING, Connected): Transition(_C._announce, {Phase.ANNOUNCING: "the broker accepts"}),
        (Phase.CONNECTING, Refused): Transition(_C._refused, {Phase.BACKING_OFF: "no connection"}),
        (Phase.CONNECTING, StopWanted): Transition(_C._abandon, {Phase.LEAVING: "given up"}),
        (Phase.ANNOUNCING, Announced): Transition(_C._serve, {Phase.SERVING: "subscribed, the state is out"}),
        (Phase.ANNOUNCING, Refused): Transition(_C._refused, {Phase.BACKING_OFF: "no subscription, or no answer"}),
        (Phase.ANNOUNCING, StopWanted): Transition(_C._leave, {Phase.LEAVING: "takes its leave"}),
        (Phase.SERVING, TimePassed): Transition(_C._served_for, {}),
        (Phase.SERVING, Lost): Transition(_C._lost, {Phase.BACKING_OFF: "the connection ended"}),
        (Phase.SERVING, StopWanted): Transition(_C._leave, {Phase.LEAVING: "takes its leave"}),
        (Phase.BACKING_OFF, TimePassed): Transition(_C._waited, {Phase.CONNECTING: "the delay is over"}),
        (Phase.BACKING_OFF, StopWanted): Transition(_C._end, {Phase.ENDED: "nothing is open"}),
        (Phase.LEAVING, TimePassed): Transition(_C._left_for, {}),
        (Phase.LEAVING, Closed): Transition(_C._end, {Phase.ENDED: "closed"}),
        (Phase.LEAVING, Lost): Transition(_C._end_in_trouble, {Phase.ENDED: "broke while leaving"}),
    }
)
