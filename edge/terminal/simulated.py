"""From settings to the ports of a simulated terminal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from edge.config.choices import Pace
from edge.config.settings import Lights, SimulatedCamera, SimulatedLight
from edge.session.clock import Clock
from edge.session.runner import Devices
from edge.simulation.build import build
from edge.simulation.cast import with_head
from edge.simulation.scene import load_scene, scene_files
from edge.simulation.terminal import Pacer, SimulatedTerminal
from edge.terminal.assembly import unlit
from edge.vision.network import Networks


def open_simulated(camera: SimulatedCamera, lights: Lights, networks: Networks) -> tuple[Devices, Callable[[], Clock]]:
    """The terminal that plays the configured scenes, with those lights that are configured, and its clock.

    Lights that are not stay as the scene has them. networks: find the faces in photographs. Raises ConfigError for
    mistakes in a scene file, and InputError where there is none or where what the first scene names cannot be used.
    """
    files = [file for path in camera.scenes for file in (scene_files(path) if path.is_dir() else [path])]
    scenes = [with_head(load_scene(file), camera.head) for file in files]
    terminal = SimulatedTerminal(
        [partial(build, scene, networks) for scene in scenes],
        wait=Pacer() if camera.pace is Pace.REALTIME else None,
    )
    none = unlit(terminal.camera)
    hardware = Devices(
        camera=terminal.camera,
        backlight=terminal.backlight if isinstance(lights.backlight, SimulatedLight) else none.backlight,
        illuminator=terminal.illuminator if isinstance(lights.illuminator, SimulatedLight) else none.illuminator,
        screen=terminal.screen if isinstance(lights.screen, SimulatedLight) else none.screen,
        ambient=terminal.ambient if isinstance(lights.ambient, SimulatedLight) else none.ambient,
    )
    return hardware, lambda: terminal.clock
