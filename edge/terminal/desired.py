"""What became of what the fleet wants, over all starts: revisions, trials, the way back. Pure: no clock, no file."""

from __future__ import annotations

import hashlib
import json
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from edge.contracts.config import ConfigProblem, DesiredConfig, Revision
from edge.contracts.enums import ConfigStatus, Service

MOST_STARTS: Final = 3


class Overlay(BaseModel):
    """Settings that were pushed and could be put on top of the site's file."""

    model_config = ConfigDict(frozen=True)

    rev: Revision
    settings: dict[str, Any]


class Record(BaseModel):
    """Kept in the state folder.

    rev, content: newest desired configuration that could be read, and the SHA-256 of what it says; service, reason,
    status, problems: of that one. good: what has shown that it works; None: the site's file alone. trial: what has
    not yet, with how many starts. untold: of a rollback.
    """

    # What a newer version wrote is of no use to this one, but no damage either.
    model_config = ConfigDict(frozen=True, extra="ignore")

    rev: Revision | None = None
    content: str = ""
    service: Service = Service.ACTIVE
    reason: str | None = None
    status: ConfigStatus = ConfigStatus.NONE
    problems: tuple[ConfigProblem, ...] = ()
    good: Overlay | None = None
    trial: Overlay | None = None
    starts: int = Field(default=0, ge=0)
    untold: str | None = None


class Receipt(Enum):
    """What a desired configuration is to one that was received before."""

    NEW = "new"
    REPEATED = "repeated"
    OTHER_CONTENT = "other content"
    OLD = "old"


def receipt(record: Record, desired: DesiredConfig) -> Receipt:
    """A terminal that lost its record takes any revision."""
    if record.rev is None or desired.rev > record.rev:
        return Receipt.NEW
    if desired.rev < record.rev:
        return Receipt.OLD
    return Receipt.REPEATED if content_hash(desired) == record.content else Receipt.OTHER_CONTENT


def content_hash(desired: DesiredConfig) -> str:
    """SHA-256 hex over all that it wants, however it was written."""
    said = desired.model_dump(mode="json", exclude={"rev", "schema_version"})
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def taken(record: Record, desired: DesiredConfig) -> Record:
    """Its service counts from now on, whatever becomes of its settings."""
    active = desired.service is Service.ACTIVE
    return record.model_copy(
        update={
            "rev": desired.rev,
            "content": content_hash(desired),
            "service": desired.service,
            "reason": None if active else desired.reason,
            "problems": (),
        }
    )


def rejected(record: Record, problems: tuple[ConfigProblem, ...]) -> Record:
    """Settings stay as they are, a trial goes on."""
    return record.model_copy(update={"status": ConfigStatus.REJECTED, "problems": problems})


def to_be_tried(record: Record, overlay: Overlay, remarks: tuple[ConfigProblem, ...]) -> Record:
    """From the next start on, in place of an earlier trial."""
    return record.model_copy(
        update={"status": ConfigStatus.PENDING, "problems": remarks, "trial": overlay, "starts": 0}
    )


def adopted(record: Record, overlay: Overlay, remarks: tuple[ConfigProblem, ...], *, trying: bool) -> Record:
    """It makes the configuration that is in effect already. trying: that one is on trial."""
    if trying:
        return record.model_copy(update={"status": ConfigStatus.PENDING, "problems": remarks, "trial": overlay})
    return record.model_copy(
        update={"status": ConfigStatus.APPLIED, "problems": remarks, "good": overlay, "trial": None, "starts": 0}
    )


def begun(record: Record) -> Record:
    """At a start, before anything is tried: a trial counts it, and ends where too many were in vain."""
    if record.trial is None:
        return record
    if record.starts >= MOST_STARTS:
        return rolled_back(record, f"{MOST_STARTS} starts with it ended before it had shown that it works")
    return record.model_copy(update={"starts": record.starts + 1})


def ended_in_order(record: Record) -> Record:
    """A start that somebody ended says nothing about what it tried."""
    return record.model_copy(update={"starts": max(record.starts - 1, 0)})


def committed(record: Record) -> Record:
    """The trial has shown that it works."""
    if record.trial is None:
        return record
    newest = record.trial.rev == record.rev
    return record.model_copy(
        update={
            "status": ConfigStatus.APPLIED if newest else record.status,
            "good": record.trial,
            "trial": None,
            "starts": 0,
        }
    )


def rolled_back(record: Record, reason: str) -> Record:
    """Back to what worked. The same revision is not tried again."""
    if record.trial is None:
        return record
    newest = record.trial.rev == record.rev
    return record.model_copy(
        update={
            "status": ConfigStatus.ROLLED_BACK if newest else record.status,
            "problems": (ConfigProblem(path="", message=reason),) if newest else record.problems,
            "trial": None,
            "starts": 0,
            "untold": f"the pushed configuration of rev {record.trial.rev} is taken back: {reason}",
        }
    )
