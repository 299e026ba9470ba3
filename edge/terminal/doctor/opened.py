"""The configured camera and lights, each opened for itself, so that one that is missing hides no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from edge.config.cameras import ReplayCamera, SimulatedCamera
from edge.config.choices import Pace
from edge.config.settings import Models, Settings
from edge.contracts.enums import CaptureKind
from edge.errors import LivegateError
from edge.inference.bundle import ModelBundle
from edge.session.clock import Clock, FrameClock, RealClock
from edge.session.runner import Devices
from edge.terminal.assembly import capture_kind, lamp_caps, open_models, open_screen, unlit
from edge.terminal.doctor.context import Context
from edge.terminal.lights import ambient_of_camera, open_ambient, open_backlight, open_illuminator
from edge.vision.network import Network

_Part = TypeVar("_Part")


@dataclass(slots=True)
class Opened:
    """Devices, and for each part that could not be opened why; what stands in its place gives no light.

    To be closed by ``devices.close()``. The camera is not opened yet.
    """

    devices: Devices
    clock: Clock
    trouble: dict[str, LivegateError] = field(default_factory=dict)


def camera_alone(context: Context, settings: Settings) -> Opened:
    """Raises LivegateError where the camera's driver cannot even be made."""
    if isinstance(settings.camera, SimulatedCamera):
        simulated = _simulated(settings)
        return replace(simulated, devices=unlit(simulated.devices.camera))
    return Opened(unlit(context.open_camera(settings)), _clock(settings))


def terminal(context: Context, settings: Settings) -> Opened:
    """The camera and all lights. Raises LivegateError where there is no camera that could see them."""
    if isinstance(settings.camera, SimulatedCamera):
        return _simulated(settings)
    opened = camera_alone(context, settings)
    if capture_kind(settings.camera) is not CaptureKind.LIVE:
        return opened
    lights, sys = settings.lights, context.roots.sys
    nothing = opened.devices

    def part(name: str, make: Callable[[], _Part], instead: _Part) -> _Part:
        try:
            return make()
        except LivegateError as error:
            opened.trouble[name] = error
            return instead

    backlight = part("backlight", lambda: open_backlight(lights.backlight, sys), nothing.backlight)
    traits = nothing.camera.traits
    ambient = part(
        "ambient",
        lambda: ambient_of_camera(lights.ambient, traits) or open_ambient(lights.ambient, sys),
        nothing.ambient,
    )
    screen = part("screen", lambda: open_screen(lights.screen, settings.guidance), nothing.screen)
    try:
        # The last, since it may shine.
        illuminator = part("illuminator", lambda: open_illuminator(lights.illuminator, sys=sys), nothing.illuminator)
    except BaseException:
        screen.close()
        raise
    opened.devices = replace(
        nothing,
        backlight=backlight,
        ambient=ambient,
        screen=screen,
        illuminator=illuminator,
        caps=lamp_caps(lights),
    )
    return opened


def _clock(settings: Settings) -> Clock:
    camera = settings.camera
    return FrameClock() if isinstance(camera, ReplayCamera) and camera.pace is Pace.SIMULATED else RealClock()


def _simulated(settings: Settings) -> Opened:
    # A board with a real camera never loads it.
    from edge.terminal.simulated import open_simulated  # noqa: PLC0415

    assert isinstance(settings.camera, SimulatedCamera)  # noqa: S101 - for the type checker
    devices, make_clock = open_simulated(settings.camera, settings.lights, _Networks(settings.models))
    return Opened(devices, make_clock())


class _Networks:
    """Loaded when a scene asks for them: most photographs do, and nothing else."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._bundle: ModelBundle | None = None

    @property
    def _loaded(self) -> ModelBundle:
        if self._bundle is None:
            self._bundle = open_models(self._models)
        return self._bundle

    @property
    def detector(self) -> Network:
        return self._loaded.detector

    @property
    def landmarks(self) -> Network:
        return self._loaded.landmarks

    @property
    def pad(self) -> Sequence[Network]:
        return self._loaded.pad

    @property
    def embedding(self) -> Network | None:
        return self._loaded.embedding
