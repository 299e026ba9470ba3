"""The brightness of a monitor on HDMI or DisplayPort by the program ddcutil, which talks DDC/CI with it (VCP 0x10).

Each call takes a monitor some hundred milliseconds, and now and then it gives no answer.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from edge.errors import HardwareError

PROGRAM: Final = "ddcutil"
TRIES: Final = 3
# Seconds of one call. ddcutil itself tries again up to ten times within it.
PATIENCE: Final = 8.0
_KILL: Final = 1.0
_BRIGHTNESS: Final = "10"
_VALUE: Final = re.compile(r"^VCP 10 C (\d+) (\d+)$", re.MULTILINE)
# "Display 2", and "Invalid display", which gives no answer; then, indented, what it is.
_BLOCK: Final = re.compile(r"^(?:Display (?P<number>\d+)|\S.*)$(?P<told>(?:\n[ \t]+.*)*)", re.MULTILINE)
_BUS: Final = re.compile(r"I2C bus:\s*/dev/i2c-(\d+)")
_MODEL: Final = re.compile(r"Monitor:\s*(.+)")
_LARGEST: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Brightness:
    """In the monitor's own steps, from 0 to ``most``."""

    value: int
    most: int


class Monitor:
    """One monitor. Calls wait for it, and come from one thread at a time."""

    def __init__(self, bus: int, *, program: str = PROGRAM, patience: float = PATIENCE) -> None:
        """bus: N of /dev/i2c-N. patience: seconds of one call."""
        self.bus = bus
        self._program = program
        self._patience = patience

    def __str__(self) -> str:
        return f"the monitor on /dev/i2c-{self.bus}"

    def read(self) -> Brightness:
        """Raises HardwareError; where permission is missing, ``__cause__`` is a PermissionError."""
        said = self._called("getvcp", _BRIGHTNESS, "--brief", expected=_VALUE)
        value, most = (int(number) for number in said.groups())
        if not 0 < most <= _LARGEST or value > most:
            raise HardwareError(
                f"{self} tells a brightness of {value} of {most}", remedy="set lights.backlight.driver to none"
            )
        return Brightness(value, most)

    def write(self, value: int) -> None:
        """ddcutil reads it back. Raises HardwareError as ``read`` does."""
        self._called("setvcp", _BRIGHTNESS, str(value), "--brief")

    def _called(self, *arguments: str, expected: re.Pattern[str] | None = None) -> re.Match[str]:
        """What it said where that is as ``expected``, which is looked for where the exit code is 0 alone."""
        said = "nothing"
        for _ in range(TRIES):
            code, said = _call([self._program, "--bus", str(self.bus), *arguments], self._patience)
            found = (expected or _ANYTHING).search(said)
            if code == 0 and found is not None:
                return found
            if _is_for_good(said):
                break
        raise _refusal(str(self), said)


def find_monitor(*, display: int | None = None, program: str = PROGRAM, patience: float = 4 * PATIENCE) -> Monitor:
    """The one that `ddcutil detect` counts as ``display``, or the only one. Raises HardwareError, naming all."""
    code, said = _call([program, "detect", "--brief"], patience)
    found: dict[int, tuple[int, str]] = {}
    for block in _BLOCK.finditer(said):
        place, model = _BUS.search(block["told"]), _MODEL.search(block["told"])
        if block["number"] is not None and place is not None:
            found[int(block["number"])] = int(place[1]), "unknown" if model is None else model[1].strip()
    listed = ", ".join(f"{number} (/dev/i2c-{bus}, {model})" for number, (bus, model) in found.items()) or "none"
    if not found and (code != 0 or _is_for_good(said)):
        raise _refusal("the monitor", said)
    if display is not None and display not in found:
        raise HardwareError(
            f"no display {display} that answers ddcutil; there: {listed}",
            remedy="correct lights.backlight.display; `ddcutil detect` lists what there is",
        )
    if display is None and len(found) > 1:
        raise HardwareError(
            f"more than one display answers ddcutil: {listed}", remedy="name one of them in lights.backlight.bus"
        )
    if not found:
        raise HardwareError(
            "no display answers ddcutil",
            remedy="switch DDC/CI on in the monitor's menu, or set lights.backlight.driver to none",
        )
    bus, _ = found[display] if display is not None else next(iter(found.values()))
    return Monitor(bus, program=program)


_ANYTHING: Final = re.compile(r"\A")


def _call(command: Sequence[str], patience: float) -> tuple[int, str]:
    """Exit code and what it said. Raises HardwareError where the program is missing."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed program and numbers
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise HardwareError(
            f"{command[0]} cannot be started: {error.strerror}", remedy="install it: `sudo apt install ddcutil`"
        ) from error
    try:
        said, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            # One that hangs in the kernel is left there.
            process.communicate(timeout=_KILL)
        return -1, f"no answer within {patience:g} s"
    return process.returncode, said.strip()


def _is_for_good(said: str) -> bool:
    """Whether another try would not help."""
    return any(words in said for words in ("EACCES", "Permission denied", "i2c-dev", "No such file"))


def _refusal(name: str, said: str) -> HardwareError:
    last = said.splitlines()[-1] if said else "no word"
    if "EACCES" in said or "Permission denied" in said:
        error = HardwareError(
            f"{name} may not be used by this user: {last}",
            remedy="add the user to the group i2c and log in anew; `ls -l /dev/i2c-*` shows who may",
        )
        error.__cause__ = PermissionError(last)
        return error
    if "i2c-dev" in said:
        return HardwareError(
            f"{name} cannot be reached: {last}", remedy="load the kernel's module i2c-dev, also in /etc/modules-load.d"
        )
    return HardwareError(
        f"{name} does not do what ddcutil asks: {last}",
        remedy="switch DDC/CI on in its menu, and see that it is on; `ddcutil environment` tells more",
    )
