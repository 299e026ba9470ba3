"""What is counted since the daemon's start, and how Prometheus reads it together with state and health."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge.contracts.device import Health, State
from edge.contracts.enums import CommandErrorCode, TerminalState
from edge.contracts.session import AttemptReport
from edge.errors import ConfigError

PREFIX: Final = "livegate_"


class Counters:
    """Fed by the daemon. Any thread may feed it, each kind from one at a time.

    sessions: that ended, by outcome. decisions: by kind and result. health: the latest that was published; None while
    there is none.
    """

    def __init__(self) -> None:
        self.sessions_begun = 0
        self.sessions: Counter[str] = Counter()
        self.decisions: Counter[tuple[str, str]] = Counter()
        self.presences: Counter[str] = Counter()
        self.health: Health | None = None

    def session_ended(self, outcome: str) -> None:
        """outcome: of its last attempt, or ``fault``."""
        self.sessions[outcome] += 1

    def decided(self, attempt: AttemptReport) -> None:
        """A decision was made for an attempt."""
        result = outcome_of(attempt)
        self.decisions[("error" if attempt.result is None else "judged", result)] += 1

    def somebody_came(self, source: str) -> None:
        """An event of presence was published."""
        self.presences[source] += 1


def outcome_of(attempt: AttemptReport) -> str:
    """What it was judged as, or why it was not: the words of the contract."""
    if attempt.result is not None:
        return attempt.result.liveness_decision.value
    return attempt.error.code.value if attempt.error is not None else attempt.attempt_status.value


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """connections: made to the broker since the start. refusals: commands that were refused, by code."""

    connected: bool
    connections: int
    refusals: Mapping[CommandErrorCode, int]


@dataclass(frozen=True, slots=True)
class Sources:
    """Asked at each reading. waiting: decisions in the outbox."""

    state: Callable[[], State]
    link: Callable[[], LinkFigures]
    waiting: Callable[[], int]


def exposition(counters: Counters, sources: Sources) -> Callable[[], bytes]:
    """Makes what a reading gives: Prometheus' text format 0.0.4. Raises ConfigError without the library."""
    try:
        import prometheus_client.core as core  # noqa: PLC0415, PLR0402 - an extra
        import prometheus_client.exposition as written  # noqa: PLC0415 - the same
    except ImportError:
        raise ConfigError(
            "metrics need the library prometheus-client",
            remedy="pip install 'livegate[metrics]', or set no metrics.port",
        ) from None
    registry = core.CollectorRegistry(auto_describe=False)
    registry.register(_Collector(core, counters, sources))
    return lambda: bytes(written.generate_latest(registry))


class _Collector:
    def __init__(self, core: Any, counters: Counters, sources: Sources) -> None:
        self._core, self._counters, self._sources = core, counters, sources

    def collect(self) -> Iterator[Any]:
        yield from self._state()
        yield from self._counted()
        yield from self._link()
        health = self._counters.health
        if health is not None:
            yield from self._health(health)

    def _gauge(self, name: str, told: str, value: float) -> Any:
        return self._core.GaugeMetricFamily(PREFIX + name, told, value=float(value))

    def _counter(self, name: str, told: str, labels: tuple[str, ...], counts: Mapping[Any, int]) -> Any:
        family = self._core.CounterMetricFamily(PREFIX + name, told, labels=labels)
        for key, count in sorted(counts.items()):
            family.add_metric(key if isinstance(key, tuple) else (str(key),), count)
        return family

    def _state(self) -> Iterator[Any]:
        state = self._sources.state()
        family = self._core.GaugeMetricFamily(PREFIX + "state", "1 for the state that it is in", labels=("state",))
        for one in TerminalState:
            family.add_metric((one.value,), float(one is state.state))
        yield family
        yield self._gauge("boot_count", "Starts of the daemon", state.boot_count)

    def _counted(self) -> Iterator[Any]:
        counters = self._counters
        yield self._counter("sessions", "Sessions that ended, by what became of them", ("outcome",), counters.sessions)
        yield self._counter("decisions", "Decisions made, one for each attempt", ("kind", "result"), counters.decisions)
        yield self._counter("presences", "Events of presence", ("source",), counters.presences)

    def _link(self) -> Iterator[Any]:
        link = self._sources.link()
        yield self._gauge("link_connected", "1 while the broker is connected", link.connected)
        connections = self._core.CounterMetricFamily(PREFIX + "link_connections", "Connections to the broker")
        connections.add_metric((), link.connections)
        yield connections
        refusals = {code.value: count for code, count in link.refusals.items()}
        yield self._counter("command_refusals", "Commands that were refused", ("code",), refusals)
        yield self._gauge("outbox_waiting", "Decisions that wait for a subscriber", self._sources.waiting())

    def _health(self, health: Health) -> Iterator[Any]:
        told = {
            "health_timestamp_seconds": ("Unix time of the health below", health.at),
            "uptime_seconds": ("Of the daemon", health.uptime_seconds),
            "clock_synchronised": ("1: the kernel says so", health.clock_synchronised),
            "frame_age_seconds": ("Since the camera's last frame", health.frame_age_seconds),
            "frames_per_second": ("Of the last session", health.frames_per_second),
            "temperature_celsius": ("Of the processor", health.temperature_celsius),
            "resident_bytes": ("Daemon and capture process", health.rss_bytes),
            "disk_free_bytes": ("Where the state folder is", health.disk_free_bytes),
            "outbox_waiting_bytes": ("Of decisions that wait", health.outbox.waiting_bytes),
            "outbox_oldest_seconds": ("Age of the oldest that waits", health.outbox.oldest_seconds),
            "outbox_full": ("1: no session starts", health.outbox.full),
        }
        for name, (description, value) in told.items():
            if value is not None:
                yield self._gauge(name, description, value)
        if health.throttling is not None:
            family = self._core.GaugeMetricFamily(
                PREFIX + "throttling", "1 for each that the board's firmware tells of", labels=("what",)
            )
            for what in sorted(set(health.throttling)):
                family.add_metric((what,), 1.0)
            yield family
