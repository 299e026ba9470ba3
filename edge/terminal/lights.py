"""From settings to the terminal's real lights and light sensor, and what a daemon that was killed has left of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import structlog

from edge.config import lights as config
from edge.errors import HardwareError
from edge.frames.lamp import PointGeometry
from edge.hardware import ddc_backlight, sysfs_backlight
from edge.hardware.camera_ambient import CameraLux, EstimatedLux
from edge.hardware.ddc_backlight import DdcBacklight
from edge.hardware.ddcutil import Monitor, find_monitor
from edge.hardware.gpio_illuminator import GpioIlluminator, line_factory
from edge.hardware.iio_ambient import IIO_DEVICES, IioAmbientSensor
from edge.hardware.led_class import LEDS, LedClassIlluminator
from edge.hardware.null import NullAmbientSensor, NullBacklight, NullIlluminator
from edge.hardware.ports import AmbientSensor, Backlight, CameraTraits, Illuminator
from edge.hardware.pwm_illuminator import PWM_CHIPS, PwmIlluminator
from edge.hardware.switched_lamp import LampPlace
from edge.hardware.sysfs import SYS
from edge.hardware.sysfs_backlight import BACKLIGHTS, SysfsBacklight

log = structlog.get_logger(__name__)


class OpenLights(NamedTuple):
    """Each as configured; where nothing is, one that is not available."""

    backlight: Backlight
    illuminator: Illuminator
    ambient: AmbientSensor


def open_lights(lights: config.Lights, *, sys: Path = SYS) -> OpenLights:
    """Brings back a backlight that a killed process has left, and switches the lamp off.

    Simulated ones belong to a scene, and are none here; nor is what tells lux by frames.
    sys: where the kernel shows its devices.
    Raises HardwareError for what is missing, denied, or held by another program.
    """
    # The lamp last: what was opened before it needs no closing.
    backlight, ambient = open_backlight(lights.backlight, sys), open_ambient(lights.ambient, sys)
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


def open_backlight(backlight: config.Backlight, sys: Path = SYS) -> Backlight:
    """As a killed process has not left it, where that can be. Raises HardwareError."""
    if isinstance(backlight, config.NoLight | config.SimulatedLight):
        return NullBacklight()
    try:
        _restore_backlight(backlight, sys)
    except HardwareError as error:
        # Another display may be there by now, or its node may be opened all the same.
        log.warning("a backlight stays as a killed process has left it", error=error.what, remedy=error.remedy)
    settle_seconds, runtime = backlight.settle_seconds, backlight.runtime_directory
    if isinstance(backlight, config.DdcBacklight):
        monitor = find_monitor(display=backlight.display) if backlight.bus is None else Monitor(backlight.bus)
        return DdcBacklight(monitor, settle_seconds=settle_seconds, runtime=runtime)
    return SysfsBacklight(backlight.name, settle_seconds=settle_seconds, runtime=runtime, root=_below(sys, BACKLIGHTS))


def _restore_backlight(backlight: config.Backlight, sys: Path) -> str:
    if isinstance(backlight, config.NoLight | config.SimulatedLight):
        return "backlight: none is configured"
    if backlight.runtime_directory is None:
        return "backlight: no level is kept"
    if isinstance(backlight, config.DdcBacklight):
        restored = ddc_backlight.restore_left_over(backlight.runtime_directory)
    else:
        restored = sysfs_backlight.restore_left_over(backlight.runtime_directory, root=_below(sys, BACKLIGHTS))
    return "backlight: nothing was left to restore" if restored is None else f"backlight: {restored} is as it was found"


def open_ambient(sensor: config.AmbientSensor, sys: Path = SYS) -> AmbientSensor:
    """Raises HardwareError."""
    if isinstance(sensor, config.IioSensor):
        return IioAmbientSensor(sensor.name, root=_below(sys, IIO_DEVICES))
    return NullAmbientSensor()


def ambient_of_camera(sensor: config.AmbientSensor, camera: CameraTraits) -> AmbientSensor | None:
    """What tells lux by the camera's frames; None where another sensor is configured, or none.

    Raises HardwareError for a camera that cannot serve.
    """
    match sensor:
        case config.CameraSensor():
            return CameraLux()
        case config.EstimatedSensor():
            return EstimatedLux(camera, sensor.constant)
        case _:
            return None


def _below(sys: Path, folder: Path) -> Path:
    return sys / folder.relative_to(SYS)
