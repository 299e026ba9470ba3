"""What the terminal asks of its hardware. Every driver passes the suite in tests/hardware/contracts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from edge.contracts.enums import CaptureKind, LightBand, Prompt, Spectrum
from edge.errors import HardwareError
from edge.frames.display import DisplayGeometry
from edge.frames.frame import Frame
from edge.frames.lamp import PointGeometry

if TYPE_CHECKING:
    # A capture process, which shows nothing, would load all that a screen shows.
    from edge.guidance.page import Standing


class EndOfSource(Exception):  # noqa: N818 - an ending, not an error
    """A replayed source has no further frame."""


@dataclass(frozen=True, slots=True)
class CameraTraits:
    """What a camera can say of its frames.

    exposure_metadata: frames carry ``exposure``, and ``lock`` works; without it no light is measured on the face.
    focal: focal length in widths of the picture; None where it is not known.
    spectrum: a camera that passes infrared alone cannot see a display's light.
    mains_hz: of the lamps around, for whose ripple its automatic exposure keeps to whole periods; None: not known.
    sensitivity: share of full scale, mean of all colours of the raw values, that a surface gives of whose white light
    1 lx comes back, for each second of exposure at a gain of 1; None: not known, or frames carry no raw values.
    """

    name: str
    capture: CaptureKind
    exposure_metadata: bool
    focal: float | None = None
    spectrum: Spectrum = Spectrum.IR_CUT
    mains_hz: float | None = None
    sensitivity: float | None = None


class Camera(Protocol):
    """Frames in order of capture, each with its own ``sequence``, which leaves out what was dropped.

    Making a camera touches no hardware and imports no driver's library. After closing it may be opened again.
    All calls come from one thread. As a context it is opened on entering and closed on leaving.
    """

    @property
    def traits(self) -> CameraTraits:
        """Known before the camera is opened."""
        ...

    def open(self) -> None:
        """Raises HardwareError (missing, busy, denied, already open) or InputError (an unreadable replay).

        Where permission was refused, ``__cause__`` is a PermissionError.
        """
        ...

    def read(self, timeout: float) -> Frame | None:
        """The next frame, or None when ``timeout`` seconds pass without one.

        Raises EndOfSource when a replayed source is over, InputError when it turns out to be damaged, and
        HardwareError when the camera is lost or not open.
        """
        ...

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        """Hold exposure, gain and white balance as they are by themselves, until ``unlock`` or ``close``.

        longer: times the exposure time that the camera found, where its frame rate leaves time for it.
        flicker_period: seconds of one ripple of the mains light; an exposure of at least one goes to the nearest whole
        number of them below, and gain makes up for it; where the camera found half a ripple or more it is a whole one
        at least, which makes the picture brighter where gain cannot make up for that. None: not known.
        It takes effect some frames later: believe the frames' metadata alone. Raises HardwareError when the camera
        is not open, is lost, or cannot hold them.
        """
        raise HardwareError(f"{self.traits.name} cannot hold its exposure", remedy="measure the light without it")

    def unlock(self) -> None:
        """Automatic again. Never raises; may be repeated."""
        return

    def close(self) -> None:
        """Never raises; may be repeated. What frames the driver still holds are overwritten."""
        ...

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class LightInterval:
    """A change of a light: seconds on the session's clock from command to settled."""

    commanded_at: float
    settled_at: float


class Backlight(Protocol):
    """Luminance of the attached display."""

    @property
    def available(self) -> bool:
        """False: nothing to control; ``set_level`` then only remembers."""
        ...

    @property
    def quick(self) -> bool:
        """Whether the luminance follows a command within a frame or some. Else it is only set for a session, and
        nothing is measured by it.
        """
        ...

    def level(self) -> float | None:
        """Relative luminance 0..1, or None where it cannot be known."""
        ...

    def set_level(self, level: float, now: float) -> LightInterval:
        """Raises ValueError outside 0..1, HardwareError when the write fails: where it is not quick, that is logged."""
        ...

    def restore(self, now: float) -> None:
        """Back to the level found at first use. May be repeated."""
        ...


class Illuminator(Protocol):
    """A switched light beside the camera. Off when made, off when closed."""

    @property
    def available(self) -> bool: ...

    @property
    def band(self) -> LightBand: ...

    @property
    def geometry(self) -> PointGeometry | None:
        """None where it is not known; then no shape can be told from its light."""
        ...

    def set_output(self, output: float, now: float) -> LightInterval:
        """Relative output 0..1. Raises ValueError outside it, HardwareError when the light cannot be driven.

        Where nothing is available it is taken and has no effect.
        """
        ...

    def output(self) -> float: ...

    def close(self) -> None:
        """Off. Never raises; may be repeated."""
        ...


class Pattern(StrEnum):
    """What of the screen is lit in a light challenge."""

    GUIDANCE = "guidance"
    FULL = "full"
    LEFT = "left"
    RIGHT = "right"
    BLACK = "black"


class Screen(Protocol):
    """Draws guidance for the person and light patterns."""

    @property
    def available(self) -> bool: ...

    @property
    def geometry(self) -> DisplayGeometry | None:
        """None where it is not known; then no shape can be told from its light."""
        ...

    def show_prompt(self, prompt: Prompt | None) -> None:
        """Raises HardwareError when the screen is lost."""
        ...

    def show_standing(self, standing: Standing) -> None:
        """Beside the prompt, until another is shown. Raises HardwareError when the screen is lost."""
        ...

    def show_preview(self, frame: Frame | None) -> None:
        """The person, mirrored, in the place of the prompt's oval, where the screen was told to; its light stays that
        of guidance. None: not any more, and what was kept of them is overwritten.

        Raises HardwareError when the screen is lost.
        """
        ...

    def show_pattern(self, pattern: Pattern, now: float) -> LightInterval:
        """Raises HardwareError when the screen is lost."""
        ...

    def close(self) -> None: ...


class AmbientSensor(Protocol):
    """Light level of the surroundings."""

    @property
    def available(self) -> bool: ...

    def lux(self) -> float | None:
        """Lux, or None where it cannot be told. Raises HardwareError when the sensor is lost."""
        ...

    @property
    def direct(self) -> bool:
        """Whether the light that falls on it is measured. Else lux is told by what a scene returns, which may be some
        times more or less, and no attack is told by it.
        """
        ...

    def saw(self, frame: Frame) -> None:
        """Each frame of a session, for those that tell lux by frames. Never raises, and keeps no picture."""
        ...


class InputLine(Protocol):
    """A contact, such as a button's: active or not, as it bounces."""

    def level(self) -> bool:
        """Whether it is active. Raises HardwareError when the line is lost."""
        ...

    def on_edge(self, heard: Callable[[], None] | None) -> bool:
        """``heard`` is called soon after each change, on any thread; it must not raise. None: no more.

        False: this line tells no changes, and its level must be asked for. Raises HardwareError when the line is lost.
        """
        ...

    def close(self) -> None:
        """Never raises; may be repeated. Nothing is heard from then on."""
        ...
