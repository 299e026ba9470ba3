"""The state folder: whose it is, what waits in it, the device's key. Nothing in it is opened for writing."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from edge.config.settings import Settings
from edge.contracts.doctor import Check
from edge.link.outbox import LAYOUT, OUTBOX_FILE
from edge.terminal.doctor.checking import UNREAD, fail, ok, one_by_one, skipped, warn
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.daemon import daemon_pid
from edge.terminal.doctor.outbox import read_counts
from edge.terminal.link_settings import outbox_limits


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    if context.settings is None:
        yield skipped("state.folder", UNREAD)
        return
    yield from one_by_one("state", context, daemon, folder, key, boot_count, outbox)


def daemon(context: Context) -> Check:
    """Whether one runs on it."""
    settings = _settings(context)
    pid = daemon_pid(context)
    if pid is not None:
        return ok("state.daemon", f"a daemon runs on {settings.state_directory} (process {pid})")
    return ok("state.daemon", f"no daemon runs on {settings.state_directory}")


def folder(context: Context) -> Check:
    """Owner, mode, and whether it can be written."""
    name = "state.folder"
    path, user = _settings(context).state_directory, context.user
    try:
        found = path.stat()
    except FileNotFoundError:
        return _missing_folder(name, path, context)
    except PermissionError:
        return _not_for_us(name, path)
    mode = stat.S_IMODE(found.st_mode)
    seen = f"{path}: mode {mode:04o}, owner {_owner(found.st_uid, context)}"
    if not stat.S_ISDIR(found.st_mode):
        return fail(name, f"{path} is not a folder", "name a folder in state_directory")
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return fail(name, f"{seen}; its disk is read-only", "mount it for writing; look at `dmesg` for a damaged card")
    if user.uid not in {found.st_uid, 0}:
        return fail(
            name,
            f"{seen}; the daemon's user {user.name} cannot use it",
            f"chown -R {user.name} {path}, or name a folder of its own in state_directory",
        )
    if mode & 0o700 != 0o700:
        return fail(name, f"{seen}; its owner may not use it", f"chmod 700 {path}")
    strangers = [] if user.uid == 0 else _of_others(path, user.uid)
    if strangers:
        told = ", ".join(strangers[:5])
        return fail(name, f"{seen}; not so in it: {told}", f"stop the daemon, then chown -R {user.name} {path}")
    if mode & 0o077:
        return warn(name, f"{seen}; others may look into it", f"chmod 700 {path}")
    return ok(name, seen)


def key(context: Context) -> Check:
    """That it is there, for nobody else to read. Its content is not looked at."""
    from edge.link.identity import BOOT_COUNT_FILE, PUBLIC_KEY_FILE  # noqa: PLC0415 - needs cryptography
    from edge.link.key_source import KEY_FILE  # noqa: PLC0415 - as above

    name = "state.key"
    state = _settings(context).state_directory
    path = state / KEY_FILE
    try:
        found = path.lstat()
        started = (state / BOOT_COUNT_FILE).exists()
    except FileNotFoundError:
        if (state / BOOT_COUNT_FILE).exists():
            return warn(
                name,
                f"{path} is gone, though the terminal was started before",
                "restore it from a backup, or enrol the new key that the next start makes; "
                "a key that the service has as a credential lies elsewhere, and nothing is wrong",
            )
        return ok(name, "none yet: the first start makes it")
    except PermissionError:
        return _not_for_us(name, path)
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        return fail(name, f"{path} is not a file", "restore it from a backup, or delete it and enrol the new key")
    if mode & 0o077:
        return fail(
            name,
            f"{path} may be read or written by others (mode {mode:04o}); the daemon refuses it",
            f"if nobody had access, chmod 600 {path}; otherwise delete it and enrol the new key",
        )
    if context.user.uid not in {found.st_uid, 0}:
        owner = _owner(found.st_uid, context)
        return fail(name, f"{path} belongs to {owner}, not to {context.user.name}", f"chown {context.user.name} {path}")
    public = (
        "" if not started or (state / PUBLIC_KEY_FILE).is_file() else f"; {PUBLIC_KEY_FILE} comes at the next start"
    )
    return ok(name, f"{path}, mode {mode:04o}{public}")


def boot_count(context: Context) -> Check:
    """Without a number the daemon does not start: two decisions would have one identity."""
    from edge.link.identity import BOOT_COUNT_FILE  # noqa: PLC0415 - as above

    name = "state.boot_count"
    path = _settings(context).state_directory / BOOT_COUNT_FILE
    try:
        text = path.read_bytes()[:64].decode("ascii", errors="replace").strip()
    except FileNotFoundError:
        return ok(name, "none yet: the first start makes it")
    except PermissionError:
        return _not_for_us(name, path)
    if not text.isdecimal():
        return fail(
            name,
            f"{path} is damaged, and the daemon does not start",
            "write a number into it that is above the last bootCount seen in 'state'",
        )
    return ok(name, f"the terminal was started {int(text)} time{'s' * (int(text) != 1)}")


def outbox(context: Context) -> Check:
    """How many decisions wait in it."""
    name = "state.outbox"
    path = _settings(context).state_directory / OUTBOX_FILE
    try:
        counts = read_counts(path)
    except PermissionError:
        return _not_for_us(name, path)
    if counts is None:
        return ok(name, "none yet: the first start makes it")
    limits = outbox_limits(_settings(context).link)
    seen = f"{counts.decisions} of {limits.rows} decisions wait, {counts.bytes / 1024:.0f} KiB"
    if counts.layout > LAYOUT:
        return fail(name, f"{seen}; a newer version wrote it (layout {counts.layout})", "install that version again")
    age = None if counts.oldest_at is None else context.wall() - counts.oldest_at
    why_full = limits.reached(counts.decisions, counts.waiting_bytes, age)
    if why_full is not None:
        told = f"{seen}; no session starts: {why_full}"
        return fail(name, told, "see that the broker is reached and somebody takes decisions")
    if counts.decisions >= limits.rows // 2 > 0:
        return warn(name, seen, "see that the broker is reached and that somebody is subscribed to decisions")
    if counts.set_aside:
        return warn(
            name,
            f"{seen}; {counts.set_aside} damaged ones were set aside",
            f"the card may be failing: look at `dmesg`; decisions in {path}.damaged-* were not delivered",
        )
    return ok(name, seen)


def _missing_folder(name: str, path: Path, context: Context) -> Check:
    parent = next(each for each in path.parents if each.is_dir())
    if context.user.uid == 0 or parent.stat().st_uid == context.user.uid:
        return ok(name, f"{path} is not there yet: the first start makes it")
    return warn(
        name,
        f"{path} is not there, and {context.user.name} may not make it below {parent}",
        "start livegate as its service, which makes it (docs/service.md), or name another state_directory",
    )


def _of_others(folder: Path, uid: int) -> list[str]:
    """What a start by another user has left."""
    try:
        return sorted(each.name for each in folder.iterdir() if each.lstat().st_uid != uid)
    except OSError:
        return []


def _not_for_us(name: str, path: Path) -> Check:
    return skipped(name, f"{path} is for another user: run the doctor as root or as the daemon's user")


def _owner(uid: int, context: Context) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return context.user.name if uid == context.user.uid else str(uid)


def _settings(context: Context) -> Settings:
    if context.settings is None:
        raise RuntimeError("asked for a folder that no configuration names")
    return context.settings
