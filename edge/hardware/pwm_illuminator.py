"""An illuminator behind a hardware PWM: /sys/class/pwm. Which number a chip has differs by board and kernel."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge.errors import HardwareError
from edge.hardware import sysfs
from edge.hardware.switched_lamp import LampPlace, SwitchedLamp, whole_steps

PWM_CHIPS: Final = sysfs.SYS / "class/pwm"
# Udev gives a channel's files to their group some time after the channel was exported.
EXPORT_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.02


class PwmIlluminator(SwitchedLamp):
    """Relative output is the duty cycle. The line is low while the lamp is off."""

    def __init__(
        self,
        chip: str | None,
        channel: int,
        place: LampPlace,
        *,
        hertz: float,
        patience: float = EXPORT_SECONDS,
        root: Path = PWM_CHIPS,
    ) -> None:
        """Exports the channel where nobody has, and sets its period. Raises HardwareError.

        chip: ``pwmchip0``, or its device's name such as ``fe20c000.pwm``; None: the only one.
        patience: seconds for an exported channel to become ours.
        """
        super().__init__(f"PWM channel {channel}", place)
        folder = _chip(root, chip)
        self._name = f"channel {channel} of {folder.name}"
        self._period = round(1e9 / hertz)
        count = sysfs.read_whole(folder / "npwm", least=1)
        if channel >= count:
            raise HardwareError(
                f"{folder} has channels 0 to {count - 1}, not {channel}", remedy="correct lights.illuminator.channel"
            )
        self._folder, self._number = folder, channel
        self._node = folder / f"pwm{channel}"
        self._exported = not self._node.exists()
        if self._exported:
            sysfs.write(folder / "export", channel)
        try:
            self._wait(patience)
            self._prepare()
        except BaseException:
            for step in (self._off, self._release):
                with suppress(HardwareError):
                    step()
            raise

    def _wait(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while True:
            try:
                for attribute in ("period", "duty_cycle", "enable"):
                    sysfs.check_writable(self._node / attribute)
            except HardwareError:
                if time.monotonic() >= deadline:
                    raise
            else:
                return
            time.sleep(_LOOK_SECONDS)

    def _prepare(self) -> None:
        """Off, then the period. The kernel refuses everything but a period while there is none (pwm_apply_state), a
        duty cycle longer than the period, and another polarity while it is enabled.
        """
        if sysfs.read_whole(self._node / "period") > 0:
            sysfs.write(self._node / "duty_cycle", 0)
            sysfs.write(self._node / "enable", 0)
        sysfs.write(self._node / "period", self._period)
        polarity = self._node / "polarity"
        if polarity.exists() and sysfs.read_text(polarity) != "normal":
            # Inversed, a duty cycle of 0 would be a lamp that is always on.
            sysfs.write(polarity, "normal")
        self._off()
        # On with a duty cycle of 0: on some chips a line that is disabled stays as it was.
        sysfs.write(self._node / "enable", 1)

    def _drive(self, output: float) -> float:
        lit = whole_steps(output, self._period, self._name)
        sysfs.write(self._node / "duty_cycle", lit)
        return lit / self._period

    def _release(self) -> None:
        if not self._node.exists():
            return
        # One that got no period yet cannot even be disabled.
        if sysfs.read_whole(self._node / "enable"):
            sysfs.write(self._node / "enable", 0)
        if self._exported:
            sysfs.write(self._folder / "unexport", self._number)


def _chip(root: Path, chip: str | None) -> Path:
    found = {}
    for folder in sysfs.devices(root, "npwm"):
        found[folder.name] = folder
        device = folder / "device"
        if device.exists():
            found[device.resolve().name] = folder
    return sysfs.chosen(found, chip, what="PWM chip", root=root, key="lights.illuminator.chip")
