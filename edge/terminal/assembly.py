"""From settings to the objects that run a session. The one place that knows which driver is which."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from edge.config import cameras as camera_config
from edge.config import lights as light_config
from edge.config import settings as config
from edge.config.choices import Pace, VideoDriver
from edge.config.settings import Settings
from edge.contracts.enums import CaptureKind
from edge.contracts.topics import Topics
from edge.errors import HardwareError
from edge.frames.display import DisplayGeometry
from edge.frames.picture import MAX_SIDE
from edge.guidance.page import Guidance
from edge.hardware.camera_ambient import CameraLux
from edge.hardware.light_guard import UNCAPPED, LampCaps
from edge.hardware.null import NullBacklight, NullIlluminator, NullScreen
from edge.hardware.picamera2_camera import Picamera2Camera
from edge.hardware.ports import Camera, CameraTraits, Screen
from edge.hardware.replay import PlaylistCamera, ReplayCamera
from edge.hardware.v4l2_camera import V4l2Camera
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.inference.calibration import CameraIdentity, SiteCalibration, read_calibration
from edge.session.clock import Clock, FrameClock, RealClock
from edge.session.runner import Devices, SessionRunner
from edge.terminal.capture import ProcessCamera
from edge.terminal.frame_watch import RebootLimits, WatchLimits
from edge.terminal.lights import ambient_of_camera, open_lights
from edge.vision.network import Networks
from edge.vision.pipeline import FaceVision

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Workbench:
    """All that a session needs. Belongs to the thread that opened it."""

    runner: SessionRunner
    model_hashes: dict[str, str]
    runtime: str
    calibration: SiteCalibration | None = None
    networks: Networks | None = None
    faces: FaceVision | None = None

    @property
    def camera(self) -> CameraIdentity:
        """By what a calibration knows it again."""
        return camera_identity(self.runner.camera)

    @property
    def capture(self) -> CaptureKind:
        """What its decisions are signed as."""
        return self.runner.capture

    def close(self) -> None:
        """Gives the lights back, on the thread that ran the sessions. Never raises; may be repeated."""
        self.runner.close()


def open_workbench(settings: Settings, bundle: ModelBundle | None = None) -> Workbench:
    """Loads and checks the models, unless ``bundle`` has them. Opens no camera yet.

    Raises ModelError and HardwareError; ConfigError for a calibration that is damaged or another camera's; of a
    simulated terminal ConfigError and InputError, for what its scenes hold.
    """
    bundle = bundle or open_models(settings.models)
    hardware, make_clock = open_hardware(settings, bundle)
    try:
        calibration = open_calibration(settings.models, hardware.camera.traits)
        faces = FaceVision(bundle, settings.quality, calibration)
        return Workbench(
            runner=SessionRunner(hardware, faces, make_clock),
            model_hashes=bundle.hashes(),
            runtime=str(bundle.runtime),
            calibration=calibration,
            networks=bundle,
            faces=faces,
        )
    except BaseException:
        hardware.close()
        raise


def open_calibration(models: config.Models, camera: CameraTraits) -> SiteCalibration | None:
    """The configured one, if any. Raises ConfigError where it cannot be read, or was made with another camera."""
    if models.calibration is None:
        return None
    calibration = read_calibration(models.calibration)
    calibration.check_camera(camera_identity(camera))
    return calibration


def camera_identity(traits: CameraTraits) -> CameraIdentity:
    """By what a calibration knows the camera again. Recordings are named by their files; here they are all one."""
    name = traits.capture.value if traits.capture is CaptureKind.REPLAY else traits.name
    return CameraIdentity(name=name, capture=traits.capture, spectrum=traits.spectrum)


def open_models(models: config.Models) -> ModelBundle:
    """Raises ModelError."""
    return ModelBundle.load(
        models.directory or default_models_dir(),
        runtime=models.runtime,
        threads=models.threads,
        active=models.active,
        extra=models.extra_directories,
    )


def capture_kind(camera: camera_config.Camera) -> CaptureKind:
    """What the decisions of a terminal with this camera are signed as."""
    match camera:
        case camera_config.ReplayCamera():
            return CaptureKind.REPLAY
        case camera_config.SimulatedCamera():
            return CaptureKind.SIMULATED
        case camera_config.Picamera2Camera() | camera_config.V4l2Camera():
            return CaptureKind.LIVE


def is_watched(camera: camera_config.Camera) -> bool:
    """Whether it can fail between sessions: real cameras, and one recording that a capture process plays.

    Of several recordings each look would pass one over.
    """
    if isinstance(camera, camera_config.ReplayCamera):
        return camera.process and len(camera.sources) == 1
    return capture_kind(camera) is CaptureKind.LIVE


def watch_limits(recovery: config.Recovery) -> WatchLimits:
    """When to look at the camera, and from when on only a reboot is left."""
    return WatchLimits(
        every=recovery.probe_seconds,
        reboot_after=recovery.reboot_after_seconds if recovery.reboot else None,
    )


def reboot_limits(recovery: config.Recovery) -> RebootLimits:
    """How often the board may be rebooted."""
    return RebootLimits(recovery.reboots_per_day, recovery.reboot_apart_seconds)


def unlit(camera: Camera) -> Devices:
    """A camera alone: nothing else of the terminal's gives light, or measures it."""
    return Devices(
        camera=camera,
        backlight=NullBacklight(),
        illuminator=NullIlluminator(),
        screen=NullScreen(),
        ambient=CameraLux(),
    )


def lit(camera: Camera, lights: light_config.Lights) -> Devices:
    """A live camera, and the lights and sensor that are configured. Raises HardwareError."""
    by_camera = ambient_of_camera(lights.ambient, camera.traits)
    opened = open_lights(lights)
    return replace(
        unlit(camera),
        backlight=opened.backlight,
        illuminator=opened.illuminator,
        ambient=by_camera or opened.ambient,
        caps=lamp_caps(lights),
    )


def lamp_caps(lights: light_config.Lights) -> LampCaps:
    """What the configured lamp may give at most."""
    lamp = configured_lamp(lights)
    return UNCAPPED if lamp is None else LampCaps(lamp.max_output, lamp.max_on_share)


def configured_lamp(lights: light_config.Lights) -> light_config.Lamp | None:
    """The illuminator's figures, where there is one that states them."""
    illuminator = lights.illuminator
    return None if isinstance(illuminator, light_config.NoLight) else illuminator.lamp


def topics(device: config.Device) -> Topics:
    """The terminal's MQTT topics."""
    return Topics(device.prefix, device.site, device.id)


def open_hardware(settings: Settings, networks: Networks) -> tuple[Devices, Callable[[], Clock]]:
    """The configured drivers, and what makes the clock of a session with them."""
    camera = settings.camera
    if isinstance(camera, camera_config.SimulatedCamera):
        # A board with a real camera never loads it.
        from edge.terminal.simulated import open_simulated  # noqa: PLC0415

        return open_simulated(camera, settings.lights, networks)
    made = make_camera(camera)
    if isinstance(camera, camera_config.ReplayCamera):
        devices = replace(unlit(made), screen=open_screen(settings.lights.screen, settings.guidance))
        return devices, FrameClock if camera.pace is Pace.SIMULATED else RealClock
    return live_devices(made, settings), RealClock


def make_camera(camera: camera_config.Camera) -> Camera:
    """The configured one alone, not opened. Raises HardwareError for a simulated one, which comes with its scene."""
    match camera:
        case camera_config.ReplayCamera():
            return _replay(camera)
        case camera_config.Picamera2Camera():
            return _camera_module(camera)
        case camera_config.V4l2Camera():
            return _usb_camera(camera)
        case camera_config.SimulatedCamera():
            raise HardwareError("a simulated camera comes with its scene", remedy="open it with its terminal")


def live_devices(camera: Camera, settings: Settings) -> Devices:
    """A real camera with the lights, sensor and screen that are configured. Raises HardwareError; ConfigError for a
    language without prompts.
    """
    screen = open_screen(settings.lights.screen, settings.guidance)
    try:
        devices = replace(lit(camera, settings.lights), screen=screen)
    except Exception:
        screen.close()
        raise
    if not (devices.backlight.available and devices.backlight.quick):
        log.warning(
            "no light level is measured on a face: the display's backlight cannot be switched, or not quickly",
            driver=settings.lights.backlight.driver,
            remedy="ask for PassiveActive, or take a display of /sys/class/backlight",
        )
    return devices


def _camera_module(camera: camera_config.Picamera2Camera) -> Camera:
    make = functools.partial(
        Picamera2Camera,
        camera.number,
        width=camera.width,
        height=camera.height,
        fps=camera.frame_rate,
        raw=camera.raw,
        exposure_metadata=camera.exposure_metadata,
        spectrum=camera.spectrum,
        focal=camera.focal,
        mains_hz=camera.mains_hz,
        line_time=None if camera.line_time_us is None else camera.line_time_us * 1e-6,
    )
    return ProcessCamera(make, largest=(camera.width, camera.height), raw=camera.raw) if camera.own_process else make()


def _usb_camera(camera: camera_config.V4l2Camera) -> Camera:
    make = functools.partial(
        V4l2Camera,
        camera.device,
        width=camera.width,
        height=camera.height,
        fps=camera.frame_rate,
        pixel_format=camera.pixel_format,
        spectrum=camera.spectrum,
        focal=camera.focal,
        mains_hz=camera.mains_hz,
    )
    return ProcessCamera(make, largest=(camera.width, camera.height)) if camera.own_process else make()


def open_screen(screen: light_config.Screen, guidance: config.Guidance) -> Screen:
    """The display, already showing that nobody is asked for anything. Call it in the thread that runs sessions.

    Raises HardwareError without a display, pygame or a font for the language; ConfigError for a language without texts.
    A simulated screen comes with its camera.
    """
    if not isinstance(screen, light_config.SdlScreen):
        return NullScreen()
    # A terminal without a screen never loads it.
    from edge.hardware.pygame_screen import PygameScreen, ScreenOptions  # noqa: PLC0415

    panel, window = screen.panel, screen.window
    options = ScreenOptions(
        video=None if screen.video is VideoDriver.AUTO else screen.video.value,
        window=None if window is None else (window.width, window.height),
        rotation=screen.rotation,
        font=screen.font,
        refresh=screen.refresh_hz,
        latency=screen.latency_seconds,
        mirror=screen.preview,
        geometry=None
        if panel is None
        else DisplayGeometry(panel.width, panel.height, panel.right, panel.down, panel.luminance),
    )
    return PygameScreen(options, Guidance(guidance.language))


def _replay(camera: camera_config.ReplayCamera) -> Camera:
    """Several sources take turns, one to a session."""
    cameras = [_recording(camera, source) for source in camera.sources]
    return cameras[0] if len(cameras) == 1 else PlaylistCamera(cameras)


def _recording(camera: camera_config.ReplayCamera, source: Path) -> Camera:
    make = functools.partial(ReplayCamera, source, fps=camera.fps, pace=camera.pace)
    return ProcessCamera(make, largest=(MAX_SIDE, MAX_SIDE)) if camera.process else make()
