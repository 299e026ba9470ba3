"""An illuminator on a GPIO line: on or off. The chip is found by its label, since its number differs by kernel
(https://github.com/gpiozero/gpiozero/issues/1166).
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.errors import HardwareError
from edge.hardware import sysfs
from edge.hardware.switched_lamp import LampPlace, SwitchedLamp

if TYPE_CHECKING:
    from gpiozero import Factory

DEV: Final = Path("/dev")
ILLUMINATOR: Final = "lights.illuminator"
# Of the chips whose lines are on the header of a Raspberry Pi: 5, 4, and those before.
HEADER_LABELS: Final = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
# GPIO_GET_CHIPINFO_IOCTL of the kernel's gpio.h, and its structure: name and label of 32 bytes, number of lines.
_CHIP_INFO: Final = 0x8044B401
_INFO_BYTES: Final = 68
_LABEL: Final = slice(32, 64)
# A Raspberry Pi 4. gpiozero knows Raspberry Pis alone; all that it is asked is which line GPIO n is, which is n.
_SOME_BOARD: Final = 0xC03114


class GpioIlluminator(SwitchedLamp):
    """Lit while the line is high. In between there is nothing: a line that software pulses would stripe a picture."""

    def __init__(self, line: int, place: LampPlace, *, factory: Factory) -> None:
        """factory: of ``line_factory``, or gpiozero's mock. Raises HardwareError, as when others hold the line."""
        super().__init__(f"GPIO line {line}", place)
        import gpiozero  # noqa: PLC0415 - an extra, for boards alone

        try:
            self._device: Any = gpiozero.DigitalOutputDevice(line, initial_value=False, pin_factory=factory)
        except Exception as error:
            # Whatever the pin factory's library raises.
            raise self._trouble(error, "is it on the header (0 to 27), and does no other program hold it?") from error
        self._factory = factory
        self._switch_off_first()

    def _drive(self, output: float) -> float:
        if 0.0 < output < 1.0:
            raise HardwareError(
                f"{self._name} is on or off, and cannot give {output:g}",
                remedy="set lights.illuminator.lamp.max_output to 1, or drive the lamp by pwm",
            )
        try:
            self._device.value = output == 1.0
        except Exception as error:
            raise self._trouble(error, "look at `dmesg`, and start the terminal again") from error
        return output

    def _release(self) -> None:
        self._device.close()
        self._factory.close()

    def _trouble(self, error: Exception, remedy: str) -> HardwareError:
        return HardwareError(f"{self._name} cannot be driven: {type(error).__name__}: {error}", remedy=remedy)


def line_factory(label: str | None, *, dev: Path = DEV, key: str = ILLUMINATOR) -> Factory:
    """gpiozero's way to the chip of that label; None: to the one of a Raspberry Pi's header, or the only one.

    key: section of the configuration that is about the line.
    Raises HardwareError: no such chip, no permission (``__cause__`` is a PermissionError), or a library is missing.
    """
    number = chip_number(label, dev=dev, key=key)
    try:
        _import_lgpio()
        from gpiozero.exc import PinUnknownPi  # noqa: PLC0415 - an extra, for boards alone
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 - the same
    except ImportError as error:
        raise HardwareError(
            f"GPIO lines need {error.name}", remedy=f"pip install 'livegate[gpio]', or give {key} another driver"
        ) from error

    class AnyBoard(LGPIOFactory):  # type: ignore[misc]
        def _get_revision(self) -> int:
            try:
                revision: int = super()._get_revision()
            except PinUnknownPi:
                return _SOME_BOARD
            return revision

    try:
        factory: Factory = AnyBoard(chip=number)
    except Exception as error:
        raise HardwareError(f"gpiochip{number} cannot be opened: {error}", remedy="look at `dmesg`") from error
    return factory


def _import_lgpio() -> None:
    """It makes a pipe in the working folder when it is imported, which a service must not have to be able to write.

    Both ends are open from then on, so the pipe's name may go.
    """
    if "lgpio" not in sys.modules:
        with tempfile.TemporaryDirectory(prefix="livegate-") as folder, contextlib.chdir(folder):
            importlib.import_module("lgpio")


def chip_number(label: str | None, *, dev: Path = DEV, key: str = ILLUMINATOR) -> int:
    """Of ``/dev/gpiochipN``. Raises HardwareError."""
    # One chip may have several names: the newer kernels of a Raspberry Pi 5 link gpiochip4 to gpiochip0.
    files = sorted({file.resolve() for file in dev.glob("gpiochip[0-9]*")})
    found = {chip_label(file): file for file in files}
    if label is None:
        label = next((known for known in HEADER_LABELS if known in found), None)
    file = sysfs.chosen(found, label, what="GPIO chip", root=dev, key=f"{key}.chip")
    return int(file.name.removeprefix("gpiochip"))


def chip_label(file: Path) -> str:
    """As its driver calls it. Raises HardwareError."""
    info = bytearray(_INFO_BYTES)
    try:
        handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(handle, _CHIP_INFO, info)
        finally:
            os.close(handle)
    except OSError as error:
        raise sysfs.told(file, error, "opened") from error
    return info[_LABEL].rstrip(b"\0").decode(errors="replace")
