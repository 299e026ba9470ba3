"""The record of what the fleet wants, in the state folder: whole or not there, and known to be damaged where it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from edge.contracts.enums import Service
from edge.link.files import write_atomically
from edge.terminal.desired import Record

log = structlog.get_logger(__name__)

DESIRED_FILE: Final = "desired-config.json"
DAMAGED: Final = (
    f"the record {DESIRED_FILE} of what the fleet wants is damaged; no session runs until the broker has given it anew"
)


def read_record(folder: Path) -> Record:
    """An empty one where there is none.

    Of a damaged one nobody knows whether the terminal was in quarantine, so it counts as paused; any revision may
    take its place.
    """
    try:
        document = json.loads((folder / DESIRED_FILE).read_bytes())
        if document["sha256"] == _digest(document["record"]):
            return Record.model_validate(document["record"])
        trouble = "its hash is another one"
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError, LookupError, TypeError, RecursionError, ValidationError) as error:
        trouble = type(error).__name__
    log.error("the record of what the fleet wants cannot be used", error=trouble)
    return Record(service=Service.PAUSED, reason=DAMAGED)


def write_record(folder: Path, record: Record) -> None:
    """On disk when it returns. Raises OSError."""
    content = record.model_dump(mode="json")
    document = {"sha256": _digest(content), "record": content}
    write_atomically(folder / DESIRED_FILE, json.dumps(document, indent=1).encode())


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
