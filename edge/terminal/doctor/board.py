"""What a board tells of itself below /sys and /proc. Figures are None where it does not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from edge.terminal.doctor.context import Command, Roots

# Bits of the firmware's answer (documentation of `vcgencmd get_throttled`): now, and since the start.
NOW = {
    0: "the voltage is too low",
    1: "the processor's clock is capped",
    2: "the processor is throttled",
    3: "it is near its temperature limit",
}
SINCE = 16
# What thermal zones of processors are called: cpu-thermal, cpu0_thermal, soc_thermal, x86_pkg_temp.
PROCESSOR = ("cpu", "soc", "pkg")


class Space(NamedTuple):
    """MiB."""

    free: float
    total: float


class Resident(NamedTuple):
    """MiB."""

    memory: float
    swapped: float


class Swap(NamedTuple):
    """One of /proc/swaps."""

    name: str
    mebibytes: float


def model(roots: Roots) -> str | None:
    """As the device tree names the board."""
    for file in (roots.proc / "device-tree/model", roots.sys / "firmware/devicetree/base/model"):
        text = _text(file)
        if text:
            return text.rstrip("\0").strip()
    return None


def temperatures(roots: Roots) -> dict[str, float]:
    """Degrees Celsius by thermal zone."""
    found = {}
    for zone in sorted((roots.sys / "class/thermal").glob("thermal_zone*")):
        text = _text(zone / "temp")
        if text is not None and text.strip().lstrip("-").isdecimal():
            kind = (_text(zone / "type") or "").strip()
            found[f"{zone.name} ({kind})" if kind else zone.name] = int(text) / 1000
    return found


def processor_temperature(roots: Roots) -> float | None:
    """Degrees Celsius of the hottest zone that is called after a processor; of all where none is."""
    found = temperatures(roots)
    named = [degrees for zone, degrees in found.items() if any(word in zone.lower() for word in PROCESSOR)]
    return max(named or found.values(), default=None)


def throttling(roots: Roots, command: Command, seconds: float = 5.0) -> int | None:
    """The firmware's bits of a Raspberry Pi: by sysfs, or by its own program. Raises TimeoutError."""
    text = _text(roots.sys / "devices/platform/soc/soc:firmware/get_throttled")
    if text is None:
        done = command(["vcgencmd", "get_throttled"], seconds)
        text = None if done is None or done.status != 0 else done.stdout.partition("=")[2]
    try:
        return None if text is None else int(text.strip(), 16)
    except ValueError:
        return None


def low_voltage_alarm(roots: Roots) -> bool | None:
    """Of the kernel's voltage watch (rpi_volt), which knows of now alone."""
    for name in sorted((roots.sys / "class/hwmon").glob("hwmon*/name")):
        if (_text(name) or "").strip() == "rpi_volt":
            text = _text(name.parent / "in0_lcrit_alarm")
            return None if text is None else text.strip() != "0"
    return None


def power(roots: Roots, command: Command) -> int | None:
    """The firmware's bits, or of those the first, by the kernel's voltage watch. Raises TimeoutError."""
    bits = throttling(roots, command)
    if bits is None:
        alarm = low_voltage_alarm(roots)
        return None if alarm is None else int(alarm)
    return bits


def told(bits: int) -> tuple[list[str], list[str]]:
    """What is now, and what was since the start, in words."""
    return (
        [words for bit, words in NOW.items() if bits >> bit & 1],
        [words for bit, words in NOW.items() if bits >> (bit + SINCE) & 1],
    )


def power_told(bits: int) -> list[str]:
    """The same as one list; what is now is not told again of the past."""
    now, since = told(bits)
    return [
        *(f"now: {words}" for words in now),
        *(f"since the start: {words}" for words in since if words not in now),
    ]


def memory(roots: Roots) -> Space | None:
    """What programs can still have, of all."""
    values = _numbers(roots.proc / "meminfo")
    try:
        return Space(values["MemAvailable"] / 1024, values["MemTotal"] / 1024)
    except KeyError:
        return None


def swaps(roots: Roots) -> list[Swap]:
    """On a disk; compressed memory (zram) is memory."""
    lines = (_text(roots.proc / "swaps") or "").splitlines()[1:]
    rows = [line.split() for line in lines]
    return [Swap(row[0], int(row[2]) / 1024) for row in rows if len(row) > 2 and "/zram" not in row[0]]


def process_memory(roots: Roots, pid: int) -> Resident | None:
    """What a process has in memory, and on a swap device.

    By its share of pages that it has in common with others, where this user may ask for that; else with all of them.
    """
    values = _numbers(roots.proc / str(pid) / "status")
    if "VmRSS" not in values:
        return None
    resident = _numbers(roots.proc / str(pid) / "smaps_rollup").get("Pss", values["VmRSS"]) / 1024
    return Resident(resident, values.get("VmSwap", 0) / 1024)


def resident_bytes(roots: Roots, pid: int, others: Iterable[int]) -> int | None:
    """What a process and ``others`` have in memory together, pages that they share once.

    By their shares, where this user may ask for those of all; else all pages of the first, and what the others have
    that no file or shared memory is behind. Their own libraries are missing then.
    """
    pids = (pid, *others)
    shares = [_numbers(roots.proc / str(each) / "smaps_rollup").get("Pss") for each in pids]
    known = [share for share in shares if share is not None]
    if len(known) < len(shares):
        statuses = [_numbers(roots.proc / str(each) / "status") for each in pids]
        if "VmRSS" not in statuses[0]:
            return None
        known = [statuses[0]["VmRSS"], *(status.get("RssAnon", 0) for status in statuses[1:])]
    return 1024 * sum(known)


def _numbers(file: Path) -> dict[str, int]:
    found = {}
    for line in (_text(file) or "").splitlines():
        key, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdecimal():
            found[key] = int(words[0])
    return found


def _text(file: Path) -> str | None:
    try:
        return file.read_bytes().decode(errors="replace")
    except OSError:
        return None
