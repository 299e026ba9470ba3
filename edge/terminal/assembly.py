"""From settings to the objects that run a session. The one place that knows which driver is which."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from edge.config import settings as config
from edge.config.choices import Pace
from edge.config.settings import Settings
from edge.contracts.enums import CaptureKind
from edge.contracts.topics import Topics
from edge.frames.picture import MAX_SIDE
from edge.hardware.null import NullAmbientSensor, NullBacklight, NullIlluminator, NullScreen
from edge.hardware.ports import Camera, CameraTraits
from edge.hardware.replay import PlaylistCamera, ReplayCamera
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.link.options import LinkOptions, TlsOptions
from edge.session.clock import Clock, FrameClock, RealClock
from edge.session.runner import Devices, SessionRunner
from edge.terminal.capture import ProcessCamera
from edge.vision.pipeline import FaceVision


@dataclass(frozen=True, slots=True)
class Workbench:
    """All that a session needs. Belongs to the thread that opened it."""

    runner: SessionRunner
    model_hashes: dict[str, str]
    runtime: str

    @property
    def capture(self) -> CaptureKind:
        """What its decisions are signed as."""
        return self.runner.capture


def open_workbench(settings: Settings) -> Workbench:
    """Loads and checks the models. Raises ModelError and HardwareError; opens no camera yet."""
    bundle = open_models(settings.models)
    vision = FaceVision(bundle, settings.quality)
    return Workbench(
        runner=SessionRunner(devices(open_camera(settings.camera)), vision, make_clock(settings.camera)),
        model_hashes=bundle.hashes(),
        runtime=str(bundle.runtime),
    )


def open_models(models: config.Models) -> ModelBundle:
    """Raises ModelError."""
    return ModelBundle.load(
        models.directory or default_models_dir(),
        runtime=models.runtime,
        threads=models.threads,
        active=models.active,
        extra=models.extra_directories,
    )


def devices(camera: Camera) -> Devices:
    """The camera, with the lights that this release can drive: none."""
    return Devices(
        camera=camera,
        backlight=NullBacklight(),
        illuminator=NullIlluminator(),
        screen=NullScreen(),
        ambient=NullAmbientSensor(),
    )


def camera_traits(settings: Settings) -> CameraTraits:
    """Of the configured camera, without opening it."""
    return open_camera(settings.camera).traits


def open_camera(camera: config.Camera) -> Camera:
    """The configured driver; opened by each session. Several sources take turns, one to a session."""
    cameras = [_camera(camera, number) for number in range(len(camera.sources))]
    return cameras[0] if len(cameras) == 1 else PlaylistCamera(cameras)


def make_clock(camera: config.Camera) -> type[Clock]:
    """Frames' own time for a source that never waits, real time for one that does."""
    return FrameClock if camera.pace is Pace.SIMULATED else RealClock


def topics(device: config.Device) -> Topics:
    """The terminal's MQTT topics."""
    return Topics(device.prefix, device.site, device.id)


def link_options(link: config.Link) -> LinkOptions:
    """The broker, as the link wants it."""
    tls = None
    if link.tls is not None:
        tls = TlsOptions(link.tls.ca, link.tls.certificate, link.tls.key.path if link.tls.key else None)
    return LinkOptions(
        host=link.host,
        port=link.broker_port,
        tls=tls,
        username=link.username,
        password_file=link.password_file.path if link.password_file else None,
        keepalive=link.keepalive_seconds,
    )


def _camera(camera: config.Camera, number: int) -> Camera:
    make = functools.partial(ReplayCamera, camera.sources[number], fps=camera.fps, pace=camera.pace)
    return ProcessCamera(make, largest=(MAX_SIDE, MAX_SIDE)) if camera.process else make()
