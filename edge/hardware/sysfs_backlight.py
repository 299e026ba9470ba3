"""The kernel's backlight class: /sys/class/backlight, whatever its nodes are called.

The level found at first use is kept in a small file for as long as the backlight is not as it was found, so that
``restore_left_over`` can bring it back after the process was killed.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import structlog

from edge.errors import HardwareError
from edge.hardware import sysfs
from edge.hardware.null import checked
from edge.hardware.ports import LightInterval

log = structlog.get_logger(__name__)

BACKLIGHTS: Final = sysfs.SYS / "class/backlight"
LEFT_OVER_FILE: Final = "backlight.json"
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
        self._runtime = runtime
        self._found: Found | None = None
        self._lock = threading.Lock()
        self._state()
        for attribute in (self._brightness, self._power):
            if attribute.exists():
                sysfs.check_writable(attribute)
        if runtime is not None:
            _check_runtime(runtime)

    @property
    def available(self) -> bool:
        return True

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
            if self._runtime is not None:
                (self._runtime / LEFT_OVER_FILE).unlink(missing_ok=True)
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
        if self._runtime is None:
            return found
        file = self._runtime / LEFT_OVER_FILE
        earlier = _read(file)
        if earlier is not None and earlier.node == found.node:
            return earlier
        fresh = file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(asdict(found)), encoding="utf-8")
            fresh.replace(file)
        except OSError as error:
            raise _runtime_trouble(self._runtime, error) from error
        return found


def restore_left_over(runtime: Path, *, root: Path = BACKLIGHTS) -> str | None:
    """Brings back what a process that was killed has left, and forgets it; the node's name, or None: nothing was left.

    For a time when no other process uses the backlight. Raises HardwareError where it cannot be brought back: the
    file stays.
    """
    file = runtime / LEFT_OVER_FILE
    found = _read(file)
    if found is None:
        return None
    _put(root / found.node, found)
    file.unlink(missing_ok=True)
    return found.node


def _put(node: Path, found: Found) -> None:
    steps = [("brightness", found.brightness)]
    if found.power is not None:
        # A node that was off goes off before it can show the level that it is off at.
        steps.insert(0 if found.power != _POWER_ON else 1, ("bl_power", found.power))
    for attribute, value in steps:
        sysfs.write(node / attribute, value)


def _read(file: Path) -> Found | None:
    """What is kept there; None for no file, and for one that makes no sense, which is removed."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise HardwareError(f"{file} cannot be read: {error}", remedy="remove it") from error
    found = _parsed(text)
    if found is None:
        log.warning("what was kept of a backlight makes no sense and is forgotten", file=str(file))
        file.unlink(missing_ok=True)
    return found


def _parsed(text: str) -> Found | None:
    """None unless it names one node, and values that the kernel takes."""
    try:
        kept = json.loads(text)
    except ValueError:
        return None
    match kept:
        case {"node": str(node), "brightness": int(brightness), "power": int() | None as power}:
            pass
        case _:
            return None
    if node in {"", ".", ".."} or node != Path(node).name or min(brightness, power or 0) < 0:
        return None
    return Found(node, brightness, power)


def _check_runtime(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f"{LEFT_OVER_FILE}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _runtime_trouble(folder, error) from error


def _runtime_trouble(folder: Path, error: OSError) -> HardwareError:
    return HardwareError(
        f"the level of the backlight cannot be kept in {folder}: {error.strerror}",
        remedy="make that folder the daemon's own, or name another in lights.backlight.runtime_directory (null: none)",
    )
