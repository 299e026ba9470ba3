"""The board: disk, memory, temperature, power, clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from edge.contracts.doctor import Check
from edge.terminal.doctor import board
from edge.terminal.doctor.checking import fail, ok, one_by_one, skipped, warn
from edge.terminal.doctor.clock import kernel_clock_synchronised, set_by_timesyncd
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.daemon import daemon_pid, family

MIB: Final = 1024.0 * 1024.0
DISK_LOW: Final = 200.0
DISK_FULL: Final = 20.0
# What the daemon with its capture process and all networks is to need at most.
RSS_AIM: Final = 160.0
MEMORY_LOW: Final = 200.0
MEMORY_OUT: Final = 60.0
WARM: Final = 75.0
HOT: Final = 85.0
# Before livegate was written: a board without a battery that has not been told the time.
EARLIEST: Final = 1_735_689_600.0


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from one_by_one("system", context, model, disk, memory, swap, temperature, power, clock)


def model(context: Context) -> Check:
    """What the board calls itself."""
    found = board.model(context.roots)
    return skipped("system.model", "the board has no device tree") if found is None else ok("system.model", found)


def disk(context: Context) -> Check:
    """Room for the outbox."""
    name = "system.disk"
    wanted = Path("/") if context.settings is None else context.settings.state_directory
    place = next(each for each in (wanted, *wanted.absolute().parents) if each.exists())
    found = os.statvfs(place)
    free, total = found.f_bavail * found.f_frsize / MIB, found.f_blocks * found.f_frsize / MIB
    seen = f"{_size(free)} of {_size(total)} free at {place}"
    remedy = "make room: `du -xh --max-depth=2 / | sort -h`, `journalctl --vacuum-size=50M`"
    if free < DISK_FULL:
        return fail(name, f"{seen}: decisions may not be stored", remedy)
    if free < DISK_LOW:
        return warn(name, seen, remedy)
    return ok(name, seen)


def memory(context: Context) -> Check:
    """What the daemon has, or can have."""
    name = "system.memory"
    found = board.memory(context.roots)
    if found is None:
        return skipped(name, "the kernel does not tell")
    seen = f"{_size(found.free)} of {_size(found.total)} available"
    pid = daemon_pid(context)
    if pid is not None:
        used = _daemon(context, pid).memory
        seen = f"{seen}; the daemon and its children have {used:.0f} MiB"
        # Models of scenes and recordings take what they take.
        live = context.settings is not None and context.settings.camera.driver not in {"replay", "simulated"}
        if live and used > RSS_AIM:
            remedy = "look again in some hours, and report it if it grows; a restart of the service frees it"
            return warn(name, f"{seen}, more than the {RSS_AIM:.0f} aimed at", remedy)
    remedy = "stop other programs, or take a board with more memory"
    if found.free < MEMORY_OUT:
        return fail(name, seen, remedy)
    if pid is None and found.free < MEMORY_LOW:
        return warn(name, f"{seen}; the daemon needs up to {RSS_AIM:.0f} MiB", remedy)
    return ok(name, seen)


def swap(context: Context) -> Check:
    """Whether frames may reach a disk."""
    name = "system.swap"
    pid = daemon_pid(context)
    if pid is not None:
        swapped = _daemon(context, pid).swapped
        if swapped > 0 and board.swaps(context.roots):
            return fail(
                name,
                f"{swapped:.1f} MiB of the daemon are swapped out: frames may be on the disk",
                "run it as its service (MemorySwapMax=0), or switch swap off: `swapoff -a`",
            )
    found = board.swaps(context.roots)
    if not found:
        return ok(name, "no swap on a disk")
    names = ", ".join(f"{each.name} ({each.mebibytes:.0f} MiB)" for each in found)
    controllers = context.roots.sys / "fs/cgroup/cgroup.controllers"
    try:
        limited = "memory" in controllers.read_text().split()
    except OSError:
        limited = False
    if limited:
        return ok(name, f"swap on {names}; the service may not use it (MemorySwapMax=0)")
    return warn(
        name,
        f"swap on {names}, and this kernel cannot keep the service out of it: frames may reach the disk",
        "switch swap off, or add `cgroup_enable=memory` to the kernel's command line (cmdline.txt)",
    )


def temperature(context: Context) -> Check:
    """The hottest zone."""
    name = "system.temperature"
    found = board.temperatures(context.roots)
    if not found:
        return skipped(name, "no temperature is told here")
    zone = max(found, key=lambda each: found[each])
    seen = f"{found[zone]:.0f} °C at {zone}"
    remedy = "give the board air or a cooler; from 80 °C on a Raspberry Pi slows down"
    if found[zone] >= HOT:
        return fail(name, seen, remedy)
    if found[zone] >= WARM:
        return warn(name, seen, remedy)
    return ok(name, seen)


def power(context: Context) -> Check:
    """What a Raspberry Pi's firmware says of voltage and throttling."""
    name = "system.power"
    if "Raspberry Pi" not in (board.model(context.roots) or ""):
        return skipped(name, "not a Raspberry Pi: nothing tells of its power")
    bits = board.power(context.roots, context.command)
    if bits is None:
        return skipped(name, "the firmware is not asked: neither its sysfs file nor vcgencmd is there")
    now, _ = board.told(bits)
    supply = "use a power supply and cable that hold 5.1 V under load, and cool the board"
    if bits & 1:
        return fail(name, f"now: {', '.join(now)}", supply)
    told = board.power_told(bits)
    if told:
        return warn(name, "; ".join(told), supply)
    return ok(name, "no low voltage and no throttling since the start")


def clock(context: Context, synchronised: Callable[[], bool | None] = kernel_clock_synchronised) -> Check:
    """Certificates and the expiry of commands are judged by it."""
    name = "system.clock"
    now = context.wall()
    seen = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    remedy = "enable a time service (systemd-timesyncd, chrony) and let its port 123 through; or fit a clock's battery"
    if now < EARLIEST:
        return fail(name, f"{seen} cannot be", remedy)
    if set_by_timesyncd(context.roots):
        return ok(name, f"{seen}, synchronised by systemd-timesyncd")
    kept = synchronised()
    if kept is None:
        return skipped(name, f"{seen}; the kernel does not say whether it is synchronised")
    if kept:
        return ok(name, f"{seen}, synchronised")
    return warn(name, f"{seen}, not synchronised", remedy)


def _daemon(context: Context, pid: int) -> board.Resident:
    """With its children."""
    asked = (board.process_memory(context.roots, process) for process in family(context.roots, pid))
    found = [each for each in asked if each is not None]
    return board.Resident(sum(each.memory for each in found), sum(each.swapped for each in found))


def _size(mebibytes: float) -> str:
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"
