"""What keeps pictures in memory and nowhere else, as far as the system has to help."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from edge.contracts.doctor import Check
from edge.terminal.doctor.checking import ok, skipped, warn
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.daemon import daemon_pid
from edge.terminal.landlock import LandlockUnavailableError, version

# MiB that the daemon's memory for pictures takes with frames of 640 x 480 pixels, and a little.
LEAST_LOCKED: Final = 8
_LIMIT: Final = re.compile(r"^Max locked memory\s+(\d+|unlimited)", re.MULTILINE)


def landlock(context: Context, known: Callable[[], int] = version) -> Check:
    """Whether the daemon can give up writing outside its state folder."""
    name = "service.landlock"
    try:
        seen = known()
    except LandlockUnavailableError as error:
        return warn(
            name,
            f"no Landlock ({error}): the daemon may write wherever its user may",
            "take a kernel that has it (CONFIG_SECURITY_LANDLOCK), and name landlock in its parameter lsm=",
        )
    return ok(name, f"Landlock {seen}: the daemon gives up writing outside its state folder")


def locked_memory(context: Context) -> Check:
    """Whether the daemon may keep its pictures out of a swap."""
    name = "service.locked_memory"
    pid = daemon_pid(context)
    if pid is None:
        return skipped(name, "no daemon runs")
    found = _LIMIT.search((context.roots.proc / str(pid) / "limits").read_text())
    if found is None:
        return skipped(name, "the kernel does not tell")
    if found[1] == "unlimited":
        return ok(name, "the daemon may lock any amount")
    mebibytes = int(found[1]) / 2**20
    if mebibytes < LEAST_LOCKED:
        return warn(
            name,
            f"the daemon may lock {mebibytes:.2g} MiB: pictures may reach a swap, if there is one",
            "run it as its service (LimitMEMLOCK=128M), or switch swap off: `swapoff -a`",
        )
    return ok(name, f"the daemon may lock {mebibytes:.0f} MiB")
