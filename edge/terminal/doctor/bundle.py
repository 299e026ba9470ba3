"""``livegate diagnose``: what somebody elsewhere needs to understand a terminal, in one archive without secrets.

What goes in is made here, as text; no file of the terminal is copied. There are no pictures, no keys, no environment
variables and no decisions in it.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import platform
import re
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edge.config.loader import show
from edge.config.values import MASK
from edge.contracts.doctor import DoctorReport
from edge.errors import InputError, LivegateError
from edge.link.outbox import OUTBOX_FILE
from edge.terminal.doctor import board
from edge.terminal.doctor.checking import UNREAD
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.outbox import read_counts
from edge.terminal.doctor.redaction import Redactor, secrets_of
from edge.terminal.doctor.registry import run

JOURNAL_LINES: Final = 500
JOURNAL_SECONDS: Final = 15.0
FOLDER: Final = "livegate-diagnose"
# What a session came to is for its requester alone.
_OF_SESSIONS: Final = re.compile(
    r"session ended|outcome|realface|spoofface|uncertain|light measured|light challenge|motion challenge|decided"
)
LONGEST_LINE: Final = 2000


def contents(context: Context, report: DoctorReport | None = None) -> dict[str, bytes]:
    """The archive's files by name. report: of a run of the doctor; None: it is run now."""
    redact = Redactor(secrets_of(context))
    report = run(context) if report is None else report
    texts = {
        "doctor.json": _json(report.model_dump(mode="json", by_alias=True, exclude_none=True)),
        "configuration.yaml": _configuration(context),
        "packages.json": _json(_packages()),
        "system.json": _json(_system(context)),
        "outbox.json": _json(_outbox(context)),
        "journal.txt": redact.log(_journal(context)),
    }
    files = {name: redact.known(text).encode(errors="backslashreplace") for name, text in texts.items()}
    for name, content in files.items():
        if redact.holds_secret(content):
            raise RuntimeError(f"{name} still holds a secret")
    return files


def check_free(path: Path) -> None:
    """Before the work is done. Raises InputError where something is there already."""
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} is there already", remedy="name another file, or remove it first")


def write(path: Path, files: Mapping[str, bytes], now: float) -> None:
    """A gzipped tar that its owner alone may read. Raises InputError where the path is taken or cannot be written.

    now: Unix seconds, of all files in it.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mode, member.mtime = len(content), 0o600, int(now)
            archive.addfile(member, io.BytesIO(content))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        check_free(path)
        raise InputError(f"cannot write {path}: {error.strerror}", remedy="name a file in another folder") from None
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            file.write(packed.getvalue())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error.strerror}", remedy="make room, or name another file") from None


def _configuration(context: Context) -> str:
    if context.settings is None:
        return f"# {UNREAD}: doctor.json says why\n"
    settings = context.settings
    link = settings.link
    if link.username is not None:
        # Who the terminal is at the broker is half of what it needs there.
        settings = settings.model_copy(update={"link": link.model_copy(update={"username": MASK})})
    return show(settings)


def _packages() -> dict[str, Any]:
    found = {each.name: each.version for each in importlib.metadata.distributions()}
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "packages": dict(sorted(found.items(), key=lambda each: each[0].lower())),
    }


def _system(context: Context) -> dict[str, Any]:
    roots, kernel = context.roots, platform.uname()
    memory = board.memory(roots)
    place = Path("/") if context.settings is None else context.settings.state_directory
    place = next(each for each in (place, *place.absolute().parents) if each.exists())
    disk = os.statvfs(place)
    try:
        throttled = board.throttling(roots, context.command)
    except TimeoutError:
        throttled = None
    return {
        "kernel": f"{kernel.system} {kernel.release} {kernel.version}",
        "machine": kernel.machine,
        "board": board.model(roots),
        "os": _os_release(roots.etc / "os-release"),
        "processors": os.cpu_count(),
        "memoryMiB": None if memory is None else {"available": round(memory.free), "total": round(memory.total)},
        "diskMiB": {"free": disk.f_bavail * disk.f_frsize >> 20, "total": disk.f_blocks * disk.f_frsize >> 20},
        "swapMiB": {each.name: round(each.mebibytes) for each in board.swaps(roots)},
        "temperatures": board.temperatures(roots),
        "throttled": None if throttled is None else hex(throttled),
        "time": context.wall(),
    }


def _os_release(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    return {key: told[key].strip('"') for key in ("PRETTY_NAME", "VERSION_ID", "VERSION_CODENAME") if key in told}


def _outbox(context: Context) -> dict[str, Any]:
    if context.settings is None:
        return {"unread": UNREAD}
    try:
        counts = read_counts(context.settings.state_directory / OUTBOX_FILE)
    except LivegateError as error:
        return {"unread": error.what}
    except OSError as error:
        return {"unread": str(error.strerror)}
    return {"there": False} if counts is None else {"there": True, **counts.to_dict()}


def _journal(context: Context) -> str:
    asked = ["journalctl", "--unit=livegate", f"--lines={JOURNAL_LINES}", "--no-pager", "--output=short-iso", "--quiet"]
    try:
        done = context.command(asked, JOURNAL_SECONDS)
    except TimeoutError as error:
        return f"not read: {error}\n"
    if done is None:
        return "not read: there is no journalctl\n"
    if done.status != 0:
        return f"not read: journalctl ended with status {done.status}: {done.stderr.strip()}\n"
    lines = done.stdout.splitlines()
    kept = [line[:LONGEST_LINE] for line in lines if not _OF_SESSIONS.search(line)]
    left_out = len(lines) - len(kept)
    return "\n".join([*kept, f"({len(lines)} lines; {left_out} about what sessions came to are left out)"]) + "\n"


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
