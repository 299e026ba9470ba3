"""A simulated terminal behind the ports of edge/hardware: its lights light the scene that its camera sees.

Time is simulated: reading a frame moves the clock on to the moment when that frame would have arrived. Nothing
waits, unless a pace is asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

import numpy as np

from edge.contracts.enums import CaptureKind, LightBand, Prompt, Spectrum
from edge.errors import HardwareError
from edge.frames.display import DisplayGeometry
from edge.frames.frame import BayerOrder, ColourOrder, Frame, Mosaic, Tone
from edge.frames.lamp import PointGeometry
from edge.guidance.page import Standing
from edge.guidance.patterns import GUIDANCE_LIT
from edge.hardware.libcamera_metadata import Stamp, read_metadata
from edge.hardware.null import NullBacklight, checked
from edge.hardware.ports import Camera, CameraTraits, LightInterval, Pattern
from edge.simulation.exposure import ExposureControl, Setting
from edge.simulation.optics import Lamp, Layer, Pinhole, Subject
from edge.simulation.renderer import Renderer
from edge.simulation.sensor import Sensor, SensorModel
from edge.simulation.signals import Commanded

# Time constants, seconds: of a backlight's driver, of a liquid crystal cell, of a light-emitting diode's driver; and
# how long a picture takes to the panel.
_BACKLIGHT: Final = 0.005
_CRYSTAL: Final = 0.008
_DIODE: Final = 0.0005
_PICTURE_DELAY: Final = 0.025
# A black picture lets through what the panel's contrast leaves of the backlight.
_BLACK: Final = 0.001

_LIT: Final = {
    Pattern.GUIDANCE: (GUIDANCE_LIT, GUIDANCE_LIT),
    Pattern.FULL: (1.0, 1.0),
    Pattern.LEFT: (1.0, _BLACK),
    Pattern.RIGHT: (_BLACK, 1.0),
    Pattern.BLACK: (_BLACK, _BLACK),
}


@dataclass(slots=True, eq=False)
class DisplayOutputs:
    """The outputs of the display's halves, left and right as the person before it sees them, and where it is.

    began_at: seconds of the outputs' time when the scene began, from which subjects count.
    """

    left: Commanded
    right: Commanded
    geometry: DisplayGeometry | None = None
    began_at: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A scene, ready to be played.

    subjects: farthest first, the wall among them. lamps: all of them, the terminal's own with the outputs that are
    named beside. fps: frames a second. latency: frames from exposure to arrival, and the same for controls.
    mains: Hz, of the flicker that automatic exposure minds, or None. lamp: where the illuminator is, None where there
    is none. lux: what the terminal's light sensor measures, None where it has none. raw: whether frames carry the raw
    values.
    """

    subjects: Sequence[Subject]
    lamps: Sequence[Lamp]
    camera: Pinhole
    sensor: SensorModel
    fps: float
    seed: int
    latency: int = 3
    mains: float | None = 50.0
    display: DisplayOutputs | None = None
    resting_level: float = 0.6
    illuminator: Commanded | None = None
    band: LightBand = LightBand.INFRARED
    lamp: PointGeometry | None = None
    lux: float | None = None
    raw: bool = True


class Pacer:
    """Keeps simulated time from running ahead of real time; where a machine is slower, it lags and never hurries."""

    def __init__(self, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        """now, sleep: real seconds."""
        self._now = now
        self._sleep = sleep
        # Real less simulated seconds.
        self._lag = -math.inf

    def __call__(self, seconds: float) -> None:
        """Waits until simulated ``seconds`` are due."""
        real = self._now()
        self._lag = max(self._lag, real - seconds)
        due = seconds + self._lag
        if due > real:
            self._sleep(due - real)


def _at_once(_: float) -> None: ...


@dataclass(slots=True)
class SimulatedClock:
    """Implements edge.session.clock.Clock: reading the camera is what moves it."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def frame_arrived(self, frame: Frame) -> None: ...

    def waited(self, seconds: float) -> None: ...


class SimulatedCamera(Camera):
    """The camera of a simulated terminal. Each opening begins a scene."""

    def __init__(self, playing: _Playing, wait: Callable[[float], None]) -> None:
        self._playing = playing
        self._wait = wait
        self._run: _Run | None = None

    @property
    def traits(self) -> CameraTraits:
        stage = self._playing.stage
        return CameraTraits(
            "simulated",
            CaptureKind.SIMULATED,
            exposure_metadata=True,
            focal=stage.camera.focal / stage.camera.width,
            spectrum=stage.sensor.spectrum,
            mains_hz=stage.mains,
            sensitivity=stage.sensor.sensitivity if stage.raw else None,
        )

    def open(self) -> None:
        if self._run is not None:
            raise HardwareError("the simulated camera is already open", remedy="close it before opening it again")
        self._playing.begin()
        self._run = _Run(self._playing.stage, self._playing.began_at)

    def read(self, timeout: float) -> Frame | None:
        run, clock = self._opened(), self._playing.clock
        arrives_at, until = max(clock.seconds, run.arrives_at), clock.seconds + timeout
        if arrives_at > until:
            self._wait(until)
            clock.seconds = until
            return None
        frame = run.next()
        self._wait(arrives_at)
        clock.seconds = arrives_at
        return frame

    def close(self) -> None:
        self._run = None

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        self._opened().control.lock(flicker_period, longer)

    def unlock(self) -> None:
        if self._run is not None:
            self._run.control.unlock()

    def _opened(self) -> _Run:
        if self._run is None:
            raise HardwareError("the simulated camera is not open", remedy="open the camera before using it")
        return self._run


@dataclass(slots=True, eq=False)
class _Run:
    """One opening of the camera."""

    stage: Stage
    opened_at: float
    control: ExposureControl = field(init=False)
    sensor: Sensor = field(init=False)
    renderer: Renderer = field(init=False)
    sequence: int = 0

    def __post_init__(self) -> None:
        stage = self.stage
        interval = 1 / stage.fps
        readout = stage.sensor.line_time * stage.camera.height
        period = None if stage.mains is None else 1 / (2 * stage.mains)
        self.control = ExposureControl(
            min(interval - 1e-3, interval - readout / 2),
            latency=stage.latency,
            flicker_period=period,
            grey_world=stage.sensor.spectrum is not Spectrum.IR_CUT,
        )
        self.sensor = Sensor(stage.sensor, stage.camera, np.random.default_rng(stage.seed))
        self.renderer = Renderer(stage.camera, stage.lamps)

    @property
    def arrives_at(self) -> float:
        """Seconds when the next frame reaches whoever reads."""
        return self.opened_at + (self.sequence + self.stage.latency) / self.stage.fps

    def next(self) -> Frame:
        stage = self.stage
        setting = self.control.next()
        # Rows are read at a fixed beat; a longer exposure begins earlier.
        start = self.opened_at + (self.sequence + 1) / stage.fps - setting.duration
        rows = stage.camera.height
        begins = start + np.arange(rows, dtype=np.float64) * stage.sensor.line_time
        moment = start + (setting.duration + rows * stage.sensor.line_time) / 2
        layers: list[Layer] = [layer for subject in stage.subjects for layer in subject.layers(moment - self.opened_at)]
        exitance = self.renderer.render(layers, begins, setting.duration)
        mosaic = self.sensor.expose(exitance, setting.duration, setting.gain)
        self.control.seen(mosaic, stage.sensor.black, stage.sensor.white, setting)
        frame = self._frame(mosaic, setting, start)
        self.sequence += 1
        return frame

    def _frame(self, mosaic: Any, setting: Setting, start: float) -> Frame:
        sensor = self.stage.sensor
        told = read_metadata(self._metadata(setting, start), line_time=sensor.line_time, stamp=Stamp.READOUT)
        return Frame(
            pixels=self.sensor.develop(mosaic, setting.colour_gains),
            colour=ColourOrder.BGR,
            sequence=self.sequence,
            captured_at=start + setting.duration + sensor.line_time * mosaic.shape[0],
            capture=CaptureKind.SIMULATED,
            exposure=told.exposure,
            lux=told.lux,
            tone=Tone.SRGB,
            colour_gains=told.colour_gains,
            raw=Mosaic(mosaic, BayerOrder.BGGR, sensor.black, sensor.white) if self.stage.raw else None,
        )

    def _metadata(self, setting: Setting, start: float) -> Mapping[str, Any]:
        """Of a frame whose first row began to integrate at ``start``: names and units are libcamera's, and times are
        rounded to them. Lux and FocusFoM, which not all cameras tell, are left out.
        """
        return {
            **self.control.metadata(setting),
            "SensorTimestamp": round((start + setting.duration) * 1e9),
            "FrameDuration": round(1e6 / self.stage.fps),
        }


class SimulatedBacklight:
    """The display's backlight, at rest until it is set. A scene without a display has one that only remembers."""

    def __init__(self, playing: _Playing) -> None:
        self._playing = playing
        self._nothing = NullBacklight()

    @property
    def available(self) -> bool:
        return self._playing.display is not None

    @property
    def quick(self) -> bool:
        return True

    def level(self) -> float | None:
        display = self._playing.display
        return display.level if display is not None else self._nothing.level()

    def set_level(self, level: float, now: float) -> LightInterval:
        checked(level)
        display = self._playing.display
        return display.dim(level, now) if display is not None else self._nothing.set_level(level, now)

    def restore(self, now: float) -> None:
        display = self._playing.display
        if display is not None:
            display.dim(self._playing.stage.resting_level, now)
        self._nothing.restore(now)


class SimulatedScreen:
    """The display's picture: prompts, which the people of the scene read, and light patterns."""

    def __init__(self, playing: _Playing) -> None:
        self._playing = playing

    @property
    def available(self) -> bool:
        return self._playing.display is not None

    @property
    def geometry(self) -> DisplayGeometry | None:
        outputs = self._playing.stage.display
        return None if outputs is None else outputs.geometry

    def show_prompt(self, prompt: Prompt | None) -> None:
        if self.available:
            for subject in self._playing.stage.subjects:
                subject.told(prompt, self._playing.clock.seconds - self._playing.began_at)

    def show_standing(self, standing: Standing) -> None: ...

    def show_preview(self, frame: Frame | None) -> None: ...

    def show_name(self, name: str) -> None: ...

    def show_pattern(self, pattern: Pattern, now: float) -> LightInterval:
        display = self._playing.display
        return display.show(pattern, now) if display is not None else LightInterval(now, now)

    def close(self) -> None: ...


class SimulatedIlluminator:
    """An infrared or white lamp beside the camera."""

    def __init__(self, playing: _Playing) -> None:
        self._playing = playing
        self._output = 0.0

    @property
    def available(self) -> bool:
        return self._playing.stage.illuminator is not None

    @property
    def band(self) -> LightBand:
        return self._playing.stage.band

    @property
    def geometry(self) -> PointGeometry | None:
        return self._playing.stage.lamp

    def set_output(self, output: float, now: float) -> LightInterval:
        checked(output)
        lamp = self._playing.stage.illuminator
        if lamp is None:
            return LightInterval(now, now)
        self._output = output
        return LightInterval(now, lamp.command(output, now, constant=_DIODE))

    def output(self) -> float:
        return self._output

    def close(self) -> None:
        self.set_output(0.0, self._playing.clock.seconds)


class SimulatedLuxSensor:
    """Lux of the surroundings, as the scene states it."""

    def __init__(self, playing: _Playing) -> None:
        self._playing = playing

    @property
    def available(self) -> bool:
        return self._playing.stage.lux is not None

    def lux(self) -> float | None:
        return self._playing.stage.lux

    @property
    def direct(self) -> bool:
        return True

    def saw(self, frame: Frame) -> None: ...


class SimulatedTerminal:
    """All ports, on one simulated clock. Each opening of the camera plays the next scene, after the last the first."""

    def __init__(self, stages: Sequence[Callable[[], Stage]], *, wait: Callable[[float], None] | None = None) -> None:
        """stages: each makes a scene anew.

        wait: called with simulated seconds before time moves on to them, as a ``Pacer`` is; None: nothing waits.
        """
        playing = _Playing(stages)
        self.clock = playing.clock
        self.camera = SimulatedCamera(playing, wait or _at_once)
        self.backlight = SimulatedBacklight(playing)
        self.screen = SimulatedScreen(playing)
        self.illuminator = SimulatedIlluminator(playing)
        self.ambient = SimulatedLuxSensor(playing)


class _Playing:
    """What all ports share: the scene that is on, and since when."""

    def __init__(self, stages: Sequence[Callable[[], Stage]]) -> None:
        if not stages:
            raise ValueError("a simulated terminal needs a scene")
        self._stages = cycle(stages)
        self.clock = SimulatedClock()
        self._fresh = False
        self._load()

    def begin(self) -> None:
        """The next scene begins now; the one that was loaded ahead, at first."""
        if not self._fresh:
            self._load()
        self._fresh = False
        self._begin()

    def _load(self) -> None:
        self.stage = next(self._stages)()
        self._begin()
        outputs = self.stage.display
        self.display = None if outputs is None else _Display(outputs, self.stage.resting_level, self.began_at)
        self._fresh = True

    def _begin(self) -> None:
        self.began_at = self.clock.seconds
        if self.stage.display is not None:
            self.stage.display.began_at = self.began_at


class _Display:
    """Backlight and picture together: what each half gives is the product of both."""

    def __init__(self, outputs: DisplayOutputs, level: float, now: float) -> None:
        self.level = level
        self._outputs = outputs
        self._pattern = Pattern.GUIDANCE
        self._drive(now, constant=_DIODE)

    def dim(self, level: float, now: float) -> LightInterval:
        self.level = level
        return LightInterval(now, self._drive(now, constant=_BACKLIGHT))

    def show(self, pattern: Pattern, now: float) -> LightInterval:
        self._pattern = pattern
        return LightInterval(now, self._drive(now, constant=_CRYSTAL, delay=_PICTURE_DELAY))

    def _drive(self, now: float, *, constant: float, delay: float = 0.0) -> float:
        return max(
            half.command(self.level * lit, now, constant=constant, delay=delay)
            for half, lit in zip((self._outputs.left, self._outputs.right), _LIT[self._pattern], strict=True)
        )
