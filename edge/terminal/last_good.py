"""The last configuration with which this terminal was ready, and when it stands in for a file that cannot be used."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import structlog

from edge.config.loader import Loaded, load, load_bytes
from edge.config.problems import ConfigProblems, Problem
from edge.config.settings import Settings
from edge.config.stand_in import PROTECTS, Sections, told
from edge.config.yaml_tree import Unreadable, read_bytes
from edge.errors import ConfigError
from edge.guidance.texts import texts
from edge.link.files import write_atomically

log = structlog.get_logger(__name__)

LAST_GOOD_FILE = "last-good-config.json"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Of the site's file.

    message: what is wrong with it, and what is done now; repeats nothing of the file. trouble: why no session may run;
    None where the last good configuration stands in.
    """

    message: str
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Start:
    """What the daemon starts with: the site's own configuration, or the last good one and why."""

    loaded: Loaded
    rejection: Rejection | None = None


def remember(loaded: Loaded) -> None:
    """Keeps it as the last good one, where it is not that already. Never raises: what keeps it from that is logged."""
    path = loaded.settings.state_directory / LAST_GOOD_FILE
    record = {
        "source": str(loaded.source.absolute()),
        "sha256": hashlib.sha256(loaded.content).hexdigest(),
        "content": loaded.content.decode(),
    }
    content = json.dumps(record, indent=1).encode()
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        write_atomically(path, content)
    except OSError as error:
        log.warning("the configuration could not be kept as the last good one", error=error.strerror)


def load_or_last_good(source: Path) -> Start:
    """The site's file, or the last good configuration where it cannot be used.

    Raises ConfigError, that of the site's file, where there is no last good one of this file and this terminal.
    """
    try:
        loaded = load(source)
        texts(loaded.settings.guidance.language)
    except ConfigError as error:
        start = _without(source, error)
        if start is None:
            raise
        return start
    return Start(loaded)


def _without(source: Path, error: ConfigError) -> Start | None:
    try:
        content: bytes | None = read_bytes(source)
    except Unreadable:
        content = None
    sections = Sections(content, source)
    good = next((good for folder in _folders(sections) if (good := _last_good(folder, source)) is not None), None)
    if good is None or sections.differing(good.content, ["device"]):
        return None
    problems = error.problems if isinstance(error, ConfigProblems) else [_LANGUAGE]
    what = f"the site's file cannot be used: {told(problems)}"
    differing = sections.differing(good.content, PROTECTS)
    if not differing and not sections.strange:
        return Start(good, Rejection(f"{what}. The last good configuration stands in", None))
    named = ", ".join([*differing, *(["sections that nobody knows"] if sections.strange else [])])
    trouble = (
        f"{what}. The last good configuration does not stand in, since what protects may not be the same: {named}. "
        "Correct the file, then start again"
    )
    return Start(good, Rejection(trouble, trouble))


_LANGUAGE = Problem(0, 0, "guidance.language", "has no prompts", kind="no prompts in this language")


def _folders(sections: Sections) -> list[Path]:
    """Where the state may be: as the file says, else as systemd and then the default have it."""
    stated = sections.state_directory()
    if stated is not None:
        return [stated]
    units = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    default: Path = Settings.model_fields["state_directory"].default
    return [Path(units), default] if units else [default]


def _last_good(folder: Path, source: Path) -> Loaded | None:
    """None where there is none of this file, or it cannot be used any more."""
    try:
        record = json.loads((folder / LAST_GOOD_FILE).read_bytes())
        content = str(record["content"]).encode()
        if record["source"] != str(source.absolute()) or record["sha256"] != hashlib.sha256(content).hexdigest():
            return None
        good = load_bytes(content, source)
        texts(good.settings.guidance.language)
    except (OSError, ValueError, LookupError, TypeError, ConfigError):
        return None
    return good if good.settings.state_directory.absolute() == folder.absolute() else None
