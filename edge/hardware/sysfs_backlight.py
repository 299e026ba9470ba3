"""The kernel's backlight class: /sys/class/backlight, whatever its nodes are called.

The level found at first use is kept in a small file for as long as the backlight is not as it was found, so that
``restore_left_over`` can bring it back after the process was killed.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from edge.errors import HardwareError
from edge.hardware import sysfs
from edge.hardware.left_over import LeftOver
from edge.hardware.null import checked
from edge.hardware.ports import LightInterval

BACKLIGHTS: Final = sysfs.SYS / "class/backlight"
# FB_BLANK_UNBLANK of the kernel's fb.h; every other value of bl_power is dark.
_POWER_ON: Final = 0


@dataclass(frozen=True, slots=True)
class Found:
    """How a node was before it was used. power: of bl_power; None where the node has none."""

    node: str
    brightness: int
    power: int | None


class SysfsBacklight:
    """Relative luminance is the share of ``max_brightness``, which may be as small as 1: then there is on and off.

    settle_seconds: from a command until the panel gives the new luminance.
    runtime: folder of the file of the level found, which is made where it is missing; None: no file is kept.
    Calls may come from several threads.
    """

    def __init__(
        self, name: str | None = None, *, settle_seconds: float, runtime: Path | None, root: Path = BACKLIGHTS
    ) -> None:
        """Raises HardwareError: no node, several without a ``name``, no permission, strange contents."""
        found = sysfs.by_name(sysfs.devices(root, "max_brightness"))
        self._node = sysfs.chosen(found, name, what="backlight", root=root, key="lights.backlight.name")
        self._most = sysfs.read_whole(self._node / "max_brightness", least=1)
        self._settle_seconds = settle_seconds
        self._left_over = None if runtime is None else LeftOver(runtime, _parsed)
        self._found: Found | None = None
        self._lock = threading.Lock()
        self._state()
        for attribute in (self._brightness, self._power):
            if attribute.exists():
                sysfs.check_writable(attribute)
        if self._left_over is not None:
            self._left_over.check()

    @property
    def available(self) -> bool:
        return True

    @property
    def quick(self) -> bool:
        return True

    @property
    def node(self) -> str:
        """Its folder's name."""
        return self._node.name

    @property
    def steps(self) -> int:
        """Levels above darkness."""
        return self._most

    def level(self) -> float | None:
        try:
            state = self._state()
        except HardwareError:
            return None
        return 0.0 if state.power else min(state.brightness / self._most, 1.0)

    def set_level(self, level: float, now: float) -> LightInterval:
        brightness = round(checked(level) * self._most)
        with self._lock:
            if self._found is None:
                self._found = self._keep(self._state())
            # Before it is switched on, else it would show its old level for a moment.
            sysfs.write(self._brightness, brightness)
            if brightness > 0 and self._power.exists() and sysfs.read_whole(self._power) != _POWER_ON:
                sysfs.write(self._power, _POWER_ON)
        return LightInterval(now, now + self._settle_seconds)

    def restore(self, now: float) -> None:
        """Raises HardwareError where it cannot; the level found stays known."""
        with self._lock:
            if self._found is None:
                return
            _put(self._node, self._found)
            if self._left_over is not None:
                self._left_over.forget()
            self._found = None

    @property
    def _brightness(self) -> Path:
        return self._node / "brightness"

    @property
    def _power(self) -> Path:
        return self._node / "bl_power"

    def _state(self) -> Found:
        power = sysfs.read_whole(self._power) if self._power.exists() else None
        return Found(self._node.name, sysfs.read_whole(self._brightness), power)

    def _keep(self, found: Found) -> Found:
        """In the file. What is there of this node already is older: nobody has brought that back."""
        if self._left_over is None:
            return found
        earlier = self._left_over.read()
        if earlier is not None and earlier.node == found.node:
            return earlier
        self._left_over.keep(asdict(found))
        return found


def restore_left_over(runtime: Path, *, root: Path = BACKLIGHTS) -> str | None:
    """Brings back what a process that was killed has left, and forgets it; the node's name, or None: nothing was left.

    For a time when no other process uses the backlight. Raises HardwareError where it cannot be brought back: the
    file stays.
    """
    left_over = LeftOver(runtime, _parsed)
    found = left_over.read()
    if found is None:
        return None
    _put(root / found.node, found)
    left_over.forget()
    return found.node


def _put(node: Path, found: Found) -> None:
    steps = [("brightness", found.brightness)]
    if found.power is not None:
        # A node that was off goes off before it can show the level that it is off at.
        steps.insert(0 if found.power != _POWER_ON else 1, ("bl_power", found.power))
    for attribute, value in steps:
        sysfs.write(node / attribute, value)


def _parsed(kept: object) -> Found | None:
    """None unless it names one node, and values that the kernel takes."""
    match kept:
        case {"node": str(node), "brightness": int(brightness), "power": int() | None as power}:
            pass
        case _:
            return None
    if node in {"", ".", ".."} or node != Path(node).name or min(brightness, power or 0) < 0:
        return None
    return Found(node, brightness, power)
