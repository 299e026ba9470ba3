"""An illuminator that the kernel drives as a light-emitting diode: /sys/class/leds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edge.hardware import sysfs
from edge.hardware.switched_lamp import LampPlace, SwitchedLamp, whole_steps

LEDS: Final = sysfs.SYS / "class/leds"
_NO_TRIGGER: Final = "none"


class LedClassIlluminator(SwitchedLamp):
    """Relative output is the share of ``max_brightness``."""

    def __init__(self, name: str, place: LampPlace, *, root: Path = LEDS) -> None:
        """Off, and free of the kernel's triggers, which would switch it by themselves. Raises HardwareError."""
        super().__init__(f"LED {name}", place)
        found = sysfs.by_name(sysfs.devices(root, "max_brightness"))
        self._node = sysfs.chosen(found, name, what="LED", root=root, key="lights.illuminator.name")
        self._most = sysfs.read_whole(self._node / "max_brightness", least=1)
        trigger = self._node / "trigger"
        if trigger.exists() and f"[{_NO_TRIGGER}]" not in sysfs.read_text(trigger).split():
            sysfs.write(trigger, _NO_TRIGGER)
        self._switch_off_first()

    def _drive(self, output: float) -> float:
        steps = whole_steps(output, self._most, self._name)
        sysfs.write(self._node / "brightness", steps)
        return steps / self._most
