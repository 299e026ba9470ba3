"""The unit, its user's groups, and the rules that give devices to groups."""

from __future__ import annotations

import grp
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.config import settings as config
from edge.config.settings import Settings
from edge.contracts.doctor import Check
from edge.terminal.doctor.checking import UNREAD, fail, ok, one_by_one, skipped, warn
from edge.terminal.doctor.context import Context

UNIT: Final = "livegate.service"
RULES: Final = "60-livegate.rules"
SECONDS: Final = 5.0
PAGE: Final = "docs/service.md"


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from one_by_one("service", context, groups, udev_rules, unit, running)


def needed_groups(settings: Settings) -> dict[str, str]:
    """By group, what for. As systemd/60-livegate.rules gives devices away."""
    lights = settings.lights
    needed: dict[str, list[str]] = {}
    if isinstance(settings.camera, config.Picamera2Camera):
        needed.setdefault("video", []).append("camera")
    if isinstance(lights.backlight, config.SysfsBacklight):
        needed.setdefault("video", []).append("backlight")
    if isinstance(lights.screen, config.SdlScreen) and lights.screen.window is None:
        for group in ("video", "render"):
            needed.setdefault(group, []).append("screen")
    if isinstance(lights.illuminator, config.RealIlluminator):
        needed.setdefault("gpio", []).append("illuminator")
    return {group: " and ".join(devices) for group, devices in needed.items()}


def groups(context: Context) -> Check:
    """Of the user that the daemon runs as."""
    name = "service.groups"
    if context.settings is None:
        return skipped(name, UNREAD)
    user, needed = context.user, needed_groups(context.settings)
    if not needed:
        return skipped(name, "no configured driver needs one")
    if user.uid == 0:
        return ok(name, f"{user.name} needs none; there is no user livegate to look at")
    lacking = {group: devices for group, devices in needed.items() if group not in user.groups}
    if lacking:
        told = ", ".join(f"{group} ({devices})" for group, devices in lacking.items())
        unknown = [group for group in lacking if not _group_exists(group)]
        if unknown:
            remedy = f"there is no group {' or '.join(unknown)} yet: install systemd/livegate.sysusers ({PAGE})"
        else:
            remedy = f"usermod -aG {','.join(lacking)} {user.name}, then start it anew"
        return fail(name, f"{user.name} is not in {told}", remedy)
    told = ", ".join(f"{group} ({devices})" for group, devices in needed.items())
    return ok(name, f"{user.name} is in {told}")


def udev_rules(context: Context) -> Check:
    """That they are installed, where a configured driver needs them."""
    name = "service.udev_rules"
    if context.settings is None:
        return skipped(name, UNREAD)
    if not needed_groups(context.settings):
        return skipped(name, "no configured driver needs them")
    found = _first(
        context.roots.etc / "udev/rules.d" / RULES,
        context.roots.run / "udev/rules.d" / RULES,
        context.roots.usr / "lib/udev/rules.d" / RULES,
    )
    if found is None:
        return warn(name, f"{RULES} is not installed: lights may not be writable", f"install it as {PAGE} tells")
    return ok(name, f"{found}")


def unit(context: Context) -> Check:
    """That it is installed, starts at boot, and reads this file."""
    name = "service.unit"
    if context.settings is None:
        return skipped(name, UNREAD)
    roots = context.roots
    found = _first(
        roots.etc / "systemd/system" / UNIT,
        roots.run / "systemd/system" / UNIT,
        roots.usr / "lib/systemd/system" / UNIT,
    )
    if found is None:
        seen = f"{UNIT} is not installed: nothing starts livegate at boot"
        if not needed_groups(context.settings):
            return skipped(name, f"{seen}; without real devices it need not")
        return warn(name, seen, f"install it as {PAGE} tells")
    used = re.search(r"^ExecStart=.*--config[ =](\S+)", found.read_text(errors="replace"), re.MULTILINE)
    if used and Path(used[1]) != context.config.absolute():
        return warn(
            name, f"{found} runs with {used[1]}, not with {context.config}", "run the doctor with the file of the unit"
        )
    if not list((roots.etc / "systemd/system").glob(f"*.wants/{UNIT}")):
        return warn(name, f"{found} is installed and not enabled", "systemctl enable --now livegate")
    return ok(name, f"{found}, enabled")


def running(context: Context) -> Check:
    """What systemd says of it."""
    name = "service.running"
    if not (context.roots.run / "systemd/system").is_dir():
        return skipped(name, "systemd does not run here")
    asked = ["systemctl", "show", UNIT, "--property=LoadState,ActiveState,SubState,Result,NRestarts,StatusText"]
    done = context.command(asked, SECONDS)
    if done is None or done.status != 0:
        return skipped(name, "systemd does not answer")
    told = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if told.get("LoadState") != "loaded":
        return skipped(name, f"systemd knows no {UNIT}")
    state = told.get("ActiveState", "unknown")
    seen = f"{state} ({told.get('SubState', '')}), restarted {told.get('NRestarts', '0')} times"
    if told.get("StatusText"):
        seen = f"{seen}, it says {told['StatusText']!r}"
    look = "journalctl -u livegate -n 50"
    if state == "failed" or told.get("SubState") == "auto-restart":
        return fail(name, f"{seen}, because of {told.get('Result', 'something')}", f"see why: {look}")
    if state != "active":
        return warn(name, seen, "systemctl start livegate")
    if told.get("NRestarts", "0") not in {"", "0"}:
        return warn(name, seen, f"see why: {look}")
    return ok(name, seen)


def _group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _first(*files: Path) -> Path | None:
    return next((file for file in files if file.is_file()), None)
