"""The unit, its user's groups, and the rules that give devices to groups."""

from __future__ import annotations

import grp
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.config import lights as config
from edge.config.presence import GpioButton
from edge.config.settings import Settings
from edge.contracts.doctor import Check
from edge.terminal.doctor.checking import UNREAD, fail, ok, one_by_one, skipped, warn
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.hygiene import landlock, locked_memory
from edge.terminal.doctor.permissions import is_missing, may_read
from edge.terminal.reboot import PATH_UNIT, reboot_unit_enabled

UNIT: Final = "livegate.service"
RULES: Final = "60-livegate.rules"
SECONDS: Final = 5.0
BACKLIGHT_GROUPS: Final = {"sysfs": "video", "ddcutil": "i2c"}
PAGE: Final = "docs/service.md"


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from one_by_one("service", context, groups, files, udev_rules, unit, running, reboot, landlock, locked_memory)


def needed_groups(settings: Settings) -> dict[str, str]:
    """By group, what for. As systemd/60-livegate.rules gives devices away."""
    lights = settings.lights
    needed: dict[str, list[str]] = {}
    if settings.camera.driver not in {"replay", "simulated"}:
        needed.setdefault("video", []).append("camera")
    backlight = BACKLIGHT_GROUPS.get(settings.lights.backlight.driver)
    if backlight is not None:
        needed.setdefault(backlight, []).append("backlight")
    if isinstance(lights.screen, config.SdlScreen) and lights.screen.window is None:
        for group in ("video", "render"):
            needed.setdefault(group, []).append("screen")
    if isinstance(lights.illuminator, config.RealIlluminator):
        needed.setdefault("gpio", []).append("illuminator")
    if isinstance(settings.presence.button, GpioButton):
        needed.setdefault("gpio", []).append("button")
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


def files(context: Context) -> Check:
    """Whether the daemon's user may read what the configuration names."""
    name = "service.files"
    settings, user = context.settings, context.user
    if settings is None:
        return skipped(name, UNREAD)
    link, models = settings.link, settings.models
    tls = link.tls
    named: dict[str, Path | None] = {
        str(context.config): context.config,
        "models.directory": models.directory,
        "models.calibration": models.calibration,
        # Where secrets lie is not told.
        "link.password_file": link.password_file.path if link.password_file else None,
        "link.tls.ca": tls.ca if tls else None,
        "link.tls.certificate": tls.certificate if tls else None,
        "link.tls.key": tls.key.path if tls and tls.key else None,
    }
    there = {key: path.absolute() for key, path in named.items() if path is not None and not is_missing(path)}
    shut = [key for key, path in there.items() if not may_read(user, path)]
    if shut:
        return fail(
            name,
            f"{user.name} may not read {', '.join(shut)}",
            f"give the files and their folders to its group: chgrp {user.name}, chmod g+r (folders g+rx)",
        )
    others = [key for key in there if key != str(context.config)]
    return ok(name, f"{user.name} may read {' and '.join(['the configuration', *others])}")


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
            return skipped(name, f"{UNIT} is not installed, and this terminal has no real devices that would need it")
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


def reboot(context: Context) -> Check:
    """That somebody acts on the daemon's request to reboot the board, where it may make one."""
    name = "service.reboot"
    if context.settings is None:
        return skipped(name, UNREAD)
    if not context.settings.recovery.reboot:
        return skipped(name, "not configured: the board is never rebooted")
    if not reboot_unit_enabled(context.roots.etc / "systemd/system"):
        return warn(name, f"{PATH_UNIT} is not enabled: no reboot will come", f"systemctl enable --now {PATH_UNIT}")
    return ok(name, f"{PATH_UNIT} is enabled")


def _group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _first(*files: Path) -> Path | None:
    return next((file for file in files if file.is_file()), None)
