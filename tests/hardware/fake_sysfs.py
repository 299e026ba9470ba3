"""Trees as the kernel shows them below /sys, with what it refuses where that matters."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from edge.hardware import sysfs


def node(folder, **attributes):
    """A device's folder, with a file for each attribute."""
    folder.mkdir(parents=True)
    for name, value in attributes.items():
        (folder / name).write_text(f"{value}\n")
    return folder


def linked(root, name, target):
    """An entry of a class, which links to the device as the kernel's do."""
    root.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(target, target_is_directory=True)
    return root / name


def backlight(sys, name="10-0045", *, brightness=120, most=255, **more):
    device = node(sys / "devices/platform" / name, brightness=brightness, max_brightness=most, **more)
    return linked(sys / "class/backlight", name, device)


def led(sys, name="ir", *, brightness=0, most=255, trigger="[none] timer heartbeat"):
    device = node(sys / "devices/platform" / name, brightness=brightness, max_brightness=most, trigger=trigger)
    return linked(sys / "class/leds", name, device)


def sensor(sys, number=0, name="tsl2591", **attributes):
    device = node(sys / f"devices/i2c/iio:device{number}", name=name, **attributes)
    return linked(sys / "bus/iio/devices", device.name, device)


def value(file):
    return file.read_text().strip()


class PwmChip:
    """A chip of the class whose writes are refused as the kernel's pwm core does (drivers/pwm/core.c, sysfs.c)."""

    def __init__(self, monkeypatch, sys, number=0, *, device="fe20c000.pwm", channels=2):
        self.folder = node(sys / "devices/platform" / device / f"pwm/pwmchip{number}", npwm=channels)
        (self.folder / "device").symlink_to(sys / "devices/platform" / device, target_is_directory=True)
        (self.folder / "export").touch()
        (self.folder / "unexport").touch()
        linked(sys / "class/pwm", f"pwmchip{number}", self.folder)
        self.written = []
        self._write = sysfs.write
        monkeypatch.setattr(sysfs, "write", self.write)

    def export(self, channel, *, period=0, duty_cycle=0, enable=0, polarity="normal"):
        return node(
            self.folder / f"pwm{channel}", period=period, duty_cycle=duty_cycle, enable=enable, polarity=polarity
        )

    def channel(self, channel=0):
        return {name: value(self.folder / f"pwm{channel}" / name) for name in ("period", "duty_cycle", "enable")}

    def write(self, file, content):
        if self.folder not in file.resolve().parents:
            self._write(file, content)
            return
        self.written.append((file.name, content))
        if file.name == "export":
            self.export(content)
        elif file.name == "unexport":
            channel = self.folder / f"pwm{content}"
            for attribute in channel.iterdir():
                attribute.unlink()
            channel.rmdir()
        else:
            self._apply(file, content)

    def _apply(self, file, content):
        was = {name: value(file.with_name(name)) for name in ("period", "duty_cycle", "enable", "polarity")}
        then = was | {file.name: str(content)}
        invalid = int(then["period"]) == 0 or int(then["duty_cycle"]) > int(then["period"])
        if invalid or (file.name == "polarity" and was["enable"] == "1"):
            error = OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            raise sysfs.told(file, error, "written") from error
        self._write(file, content)


def deny(monkeypatch, *names, number=errno.EACCES):
    """Files of these names cannot be opened for writing; a test may run as root, whom no mode stops."""
    really = os.open

    def denied(file, flags, *others, **more):
        if Path(file).name in names and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(number, os.strerror(number), str(file))
        return really(file, flags, *others, **more)

    monkeypatch.setattr(sysfs.os, "open", denied)
