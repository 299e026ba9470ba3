"""From settings to the ports of a simulated terminal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.config.cameras import SimulatedCamera
from edge.config.choices import Pace
from edge.config.lights import Lamp, Lights, SimulatedLight
from edge.errors import ConfigError
from edge.hardware.null import NullAmbientSensor
from edge.session.clock import Clock
from edge.session.runner import Devices
from edge.simulation.build import build
from edge.simulation.cast import with_head
from edge.simulation.scene import Illuminator, load_scene, scene_files
from edge.simulation.terminal import Pacer, SimulatedTerminal
from edge.terminal.assembly import configured_lamp, lamp_caps, unlit
from edge.terminal.lights import ambient_of_camera
from edge.vision.network import Networks


def open_simulated(camera: SimulatedCamera, lights: Lights, networks: Networks) -> tuple[Devices, Callable[[], Clock]]:
    """The terminal that plays the configured scenes, with those lights that are configured, and its clock.

    Lights that are not stay as the scene has them. networks: find the faces in photographs. Raises ConfigError for
    mistakes in a scene file, InputError where there is none or where what the first scene names cannot be used, and
    HardwareError where the first scene's camera cannot tell lux as it is to.
    """
    files = scenes_of(camera)
    scenes = [with_head(load_scene(file), camera.head) for file in files]
    # A real lamp is none of the scene's, and stays dark.
    stated = configured_lamp(lights) if isinstance(lights.illuminator, SimulatedLight) else None
    for file, scene in zip(files, scenes, strict=True):
        _check_lamp(file, scene.terminal.illuminator, stated)
    terminal = SimulatedTerminal(
        [partial(build, scene, networks) for scene in scenes],
        wait=Pacer() if camera.pace is Pace.REALTIME else None,
    )
    none = unlit(terminal.camera)
    by_camera = ambient_of_camera(lights.ambient, terminal.camera.traits) or NullAmbientSensor()
    hardware = Devices(
        camera=terminal.camera,
        backlight=terminal.backlight if isinstance(lights.backlight, SimulatedLight) else none.backlight,
        illuminator=terminal.illuminator if isinstance(lights.illuminator, SimulatedLight) else none.illuminator,
        screen=terminal.screen if isinstance(lights.screen, SimulatedLight) else none.screen,
        ambient=terminal.ambient if isinstance(lights.ambient, SimulatedLight) else by_camera,
        caps=lamp_caps(lights),
    )
    return hardware, lambda: terminal.clock


def scenes_of(camera: SimulatedCamera) -> list[Path]:
    """The scene files that play, in their order. Raises InputError where a folder has none."""
    return [file for path in camera.scenes for file in (scene_files(path) if path.is_dir() else [path])]


def _check_lamp(file: Path, shown: Illuminator | None, stated: Lamp | None) -> None:
    """Raises ConfigError for a scene's lamp that the configured one does not cover."""
    if shown is None or stated is None:
        return
    given, most = shown.figures.radiant_intensity, stated.radiant_intensity * stated.emitters
    if shown.band is not stated.band or given > most:
        raise ConfigError(
            f"{file}: its illuminator gives {given:g} W/sr of {shown.band} light, and lights.illuminator.lamp states "
            f"{most:g} W/sr of {stated.band}",
            remedy="state the lamp that there is, or play another scene",
        )
