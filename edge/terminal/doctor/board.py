"""What a board tells of itself below /sys and /proc. Figures are None where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from edge.terminal.doctor.context import Context, Roots

# Bits of the firmware's answer (documentation of `vcgencmd get_throttled`): now, and since the start.
NOW = {
    0: "the voltage is too low",
    1: "the processor's clock is capped",
    2: "the processor is throttled",
    3: "it is near its temperature limit",
}
SINCE = 16


class Space(NamedTuple):
    """MiB."""

    free: float
    total: float


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


def throttling(context: Context, seconds: float = 5.0) -> int | None:
    """The firmware's bits of a Raspberry Pi: by sysfs, or by its own program. Raises TimeoutError."""
    text = _text(context.roots.sys / "devices/platform/soc/soc:firmware/get_throttled")
    if text is None:
        done = context.command(["vcgencmd", "get_throttled"], seconds)
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


def told(bits: int) -> tuple[list[str], list[str]]:
    """What is now, and what was since the start, in words."""
    return (
        [words for bit, words in NOW.items() if bits >> bit & 1],
        [words for bit, words in NOW.items() if bits >> (bit + SINCE) & 1],
    )


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


def process_memory(roots: Roots, pid: int) -> tuple[float, float] | None:
    """Resident and swapped MiB of a process."""
    values = _numbers(roots.proc / str(pid) / "status")
    if "VmRSS" not in values:
        return None
    return values["VmRSS"] / 1024, values.get("VmSwap", 0) / 1024


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
