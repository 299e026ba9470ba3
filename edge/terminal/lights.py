"""From settings to the terminal's real lights and light sensor, and what a daemon that was killed has left of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import structlog

from edge.config import settings as config
from edge.errors import HardwareError
from edge.frames.lamp import PointGeometry
from edge.hardware.gpio_illuminator import GpioIlluminator, line_factory
from edge.hardware.iio_ambient import IIO_DEVICES, IioAmbientSensor
from edge.hardware.led_class import LEDS, LedClassIlluminator
from edge.hardware.null import NullAmbientSensor, NullBacklight, NullIlluminator
from edge.hardware.ports import AmbientSensor, Backlight, Illuminator
from edge.hardware.pwm_illuminator import PWM_CHIPS, PwmIlluminator
from edge.hardware.switched_lamp import LampPlace
from edge.hardware.sysfs import SYS
from edge.hardware.sysfs_backlight import BACKLIGHTS, SysfsBacklight, restore_left_over

log = structlog.get_logger(__name__)


class OpenLights(NamedTuple):
    """Each as configured; where nothing is, one that is not available."""

    backlight: Backlight
    illuminator: Illuminator
    ambient: AmbientSensor


def open_lights(lights: config.Lights, *, sys: Path = SYS) -> OpenLights:
    """Brings back a backlight that a killed process has left, and switches the lamp off.

    Simulated ones belong to a scene, and are none here. sys: where the kernel shows its devices.
    Raises HardwareError for what is missing, denied, or held by another program.
    """
    # The lamp last: what was opened before it needs no closing.
    backlight, ambient = _open_backlight(lights.backlight, sys), _open_ambient(lights.ambient, sys)
    return OpenLights(backlight, open_illuminator(lights.illuminator, sys=sys), ambient)


def restore_lights(lights: config.Lights, *, sys: Path = SYS) -> list[str]:
    """After a daemon that was killed, while none runs: backlight as it was found, lamp off. What was done, in words.

    Raises HardwareError where one of them cannot be, after the other was tried.
    """
    try:
        told = [_restore_backlight(lights.backlight, sys)]
    finally:
        # Off when it is made.
        lamp = open_illuminator(lights.illuminator, sys=sys)
        lamp.close()
    told.append("illuminator: off" if lamp.available else "illuminator: none is configured")
    return told


def open_illuminator(illuminator: config.Illuminator, *, sys: Path = SYS) -> Illuminator:
    """It is off. Raises HardwareError."""
    match illuminator:
        case config.LedIlluminator():
            return LedClassIlluminator(illuminator.name, _lamp_place(illuminator), root=_below(sys, LEDS))
        case config.PwmIlluminator():
            return PwmIlluminator(
                illuminator.chip,
                illuminator.channel,
                _lamp_place(illuminator),
                hertz=illuminator.frequency,
                root=_below(sys, PWM_CHIPS),
            )
        case config.GpioIlluminator():
            factory = line_factory(illuminator.chip)
            try:
                return GpioIlluminator(illuminator.line, _lamp_place(illuminator), factory=factory)
            except BaseException:
                factory.close()
                raise
        case _:
            return NullIlluminator()


def _lamp_place(illuminator: config.RealIlluminator) -> LampPlace:
    place = illuminator.place
    return LampPlace(
        band=illuminator.lamp.band,
        geometry=None if place is None else PointGeometry(place.right, place.down),
        settle_seconds=illuminator.settle_seconds,
    )


def _open_backlight(backlight: config.Backlight, sys: Path) -> Backlight:
    if not isinstance(backlight, config.SysfsBacklight):
        return NullBacklight()
    try:
        _restore_backlight(backlight, sys)
    except HardwareError as error:
        # Another display may be there by now, or its node may be opened all the same.
        log.warning("a backlight stays as a killed process has left it", error=error.what, remedy=error.remedy)
    return SysfsBacklight(
        backlight.name,
        settle_seconds=backlight.settle_seconds,
        runtime=backlight.runtime_directory,
        root=_below(sys, BACKLIGHTS),
    )


def _restore_backlight(backlight: config.Backlight, sys: Path) -> str:
    if not isinstance(backlight, config.SysfsBacklight):
        return "backlight: none is configured"
    if backlight.runtime_directory is None:
        return "backlight: no level is kept"
    node = restore_left_over(backlight.runtime_directory, root=_below(sys, BACKLIGHTS))
    return "backlight: nothing was left to restore" if node is None else f"backlight: {node} is as it was found"


def _open_ambient(sensor: config.AmbientSensor, sys: Path) -> AmbientSensor:
    if isinstance(sensor, config.IioSensor):
        return IioAmbientSensor(sensor.name, root=_below(sys, IIO_DEVICES))
    return NullAmbientSensor()


def _below(sys: Path, folder: Path) -> Path:
    return sys / folder.relative_to(SYS)
