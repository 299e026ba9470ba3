"""How long somebody who has come waits: for a session, for its first prompt, for the decision. For the log."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

import structlog

from edge.contracts.device import PresenceSource

log = structlog.get_logger(__name__)

# A session that is asked for later is no answer to a presence.
ANSWER_SECONDS: Final = 30.0


@dataclass(slots=True)
class _Visit:
    source: PresenceSource
    id: uuid.UUID
    came_at: float
    started_at: float | None = None
    prompted_at: float | None = None
    decided_at: float | None = None


class VisitTimes:
    """Of the presence that was announced last, by monotonic seconds. Any thread."""

    def __init__(self) -> None:
        self._visit: _Visit | None = None

    def announced(self, source: PresenceSource, identifier: uuid.UUID, now: float) -> None:
        """Somebody has come."""
        self._visit = _Visit(source, identifier, now)

    def started(self, correlation: uuid.UUID | None, now: float) -> None:
        """A session was asked for. correlation: its deviceCorrelationId; that of another presence, or of something
        else, is no answer to this one.
        """
        visit = self._visit
        if visit is None:
            return
        if visit.started_at is None and correlation in (None, visit.id) and now - visit.came_at <= ANSWER_SECONDS:
            visit.started_at = now
        else:
            self._visit = None

    def prompted(self, now: float) -> None:
        """A person was asked for something."""
        visit = self._visit
        if visit is not None and visit.started_at is not None and visit.prompted_at is None:
            visit.prompted_at = now

    def decided(self, now: float) -> None:
        """An attempt has ended; its decision is about to be stored."""
        visit = self._visit
        if visit is not None and visit.started_at is not None and visit.decided_at is None:
            visit.decided_at = now

    def delivered(self, now: float) -> None:
        """No decision waits any more: the broker has what was decided. Logs a visit, once."""
        visit = self._visit
        if visit is None or visit.decided_at is None:
            return
        self._visit = None

        def since(moment: float | None) -> float | None:
            return None if moment is None else round(moment - visit.came_at, 3)

        log.info(
            "seconds since somebody came",
            source=visit.source,
            presence=str(visit.id),
            session=since(visit.started_at),
            prompt=since(visit.prompted_at),
            decision=since(visit.decided_at),
            published=since(now),
        )
