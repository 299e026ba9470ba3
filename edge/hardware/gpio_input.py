"""A contact on a GPIO line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from edge.errors import HardwareError
from edge.hardware.gpio_illuminator import line_factory

if TYPE_CHECKING:
    from gpiozero import Factory

log = structlog.get_logger(__name__)


class GpioInput:
    """Pulled to the level at which it is not active, so that an open contact reads as such."""

    def __init__(
        self, chip: str | None, line: int, *, active_low: bool, key: str, factory: Factory | None = None
    ) -> None:
        """chip: label of the GPIO chip, as ``line_factory`` takes it. key: section of the configuration that is about
        the line. factory: in place of the chip, as gpiozero's mock is; it is closed with the line.

        Raises HardwareError: no such chip or line, no permission, no library, or another program holds it.
        """
        self._name = f"GPIO line {line}"
        self._factory = line_factory(chip, key=key) if factory is None else factory
        self._closed = False
        try:
            import gpiozero  # noqa: PLC0415 - an extra, for boards alone

            self._device: Any = gpiozero.DigitalInputDevice(line, pull_up=active_low, pin_factory=self._factory)
        except Exception as error:
            self._factory.close()
            # Whatever the pin factory's library raises.
            raise self._trouble(error, "is it on the header (0 to 27), and does no other program hold it?") from error

    def level(self) -> bool:
        """Whether the contact is active. Raises HardwareError when the line is lost or closed."""
        try:
            return bool(self._device.is_active)
        except Exception as error:
            raise self._trouble(error, "look at `dmesg`, and start the terminal again") from error

    def on_edge(self, heard: Callable[[], None] | None) -> bool:
        """As InputLine has it, on a thread of the library's."""
        try:
            self._device.when_activated = heard
            self._device.when_deactivated = heard
        except Exception as error:
            raise self._trouble(error, "look at `dmesg`, and start the terminal again") from error
        return True

    def close(self) -> None:
        """The line is given back. Never raises; may be repeated."""
        if self._closed:
            return
        self._closed = True
        for step in (self._device.close, self._factory.close):
            try:
                step()
            except Exception:
                log.exception("a GPIO line could not be given back", line=self._name)

    def _trouble(self, error: Exception, remedy: str) -> HardwareError:
        return HardwareError(f"{self._name} cannot be read: {type(error).__name__}: {error}", remedy=remedy)
