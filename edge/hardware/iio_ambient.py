"""An ambient light sensor of the kernel's Industrial I/O: /sys/bus/iio/devices."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from edge.errors import HardwareError
from edge.frames.frame import Frame
from edge.hardware import sysfs

IIO_DEVICES: Final = sysfs.SYS / "bus/iio/devices"
# Some drivers number their channels: in_illuminance0_input.
_PROCESSED: Final = "in_illuminance*_input"
_RAW: Final = "in_illuminance*_raw"


class IioAmbientSensor:
    """Lux as its driver worked it out (``_input``), else (raw + offset) · scale (kernel ABI, sysfs-bus-iio)."""

    def __init__(self, name: str | None = None, *, root: Path = IIO_DEVICES) -> None:
        """name: the sensor's, as ``tsl2591``, or its folder's; None: the only one. Raises HardwareError."""
        found = {}
        for folder in sysfs.devices(root, _PROCESSED, _RAW):
            found[folder.name] = folder
            if (folder / "name").exists():
                found[sysfs.read_text(folder / "name")] = folder
        folder = sysfs.chosen(found, name, what="light sensor", root=root, key="lights.ambient.name")
        self._file = next(iter([*sorted(folder.glob(_PROCESSED)), *sorted(folder.glob(_RAW))]))
        self.lux()

    @property
    def available(self) -> bool:
        return True

    def lux(self) -> float | None:
        value = sysfs.read_number(self._file)
        if self._file.name.endswith("_raw"):
            value = (value + self._factor("offset", 0.0)) * self._factor("scale", 1.0)
        if not math.isfinite(value):
            raise HardwareError(f"{self._file} gives {value} lx", remedy="look at `dmesg` for what its driver says")
        # An offset may lead below darkness by a little.
        return max(value, 0.0)

    @property
    def direct(self) -> bool:
        return True

    def saw(self, frame: Frame) -> None: ...

    def _factor(self, what: str, absent: float) -> float:
        """The channel's own, or the one that all channels share."""
        own = self._file.name.removesuffix("_raw")
        for name in (own, own.rstrip("0123456789")):
            file = self._file.with_name(f"{name}_{what}")
            if file.exists():
                return sysfs.read_number(file)
        return absent
