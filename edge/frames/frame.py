"""One captured picture and everything needed to judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import CaptureKind

_LARGEST: Final = 0xFFFF


class ColourOrder(StrEnum):
    """Order of the last axis of ``Frame.pixels``."""

    RGB = "rgb"
    BGR = "bgr"


class Tone(StrEnum):
    """The curve between light and ``Frame.pixels``, where it is fixed and known."""

    SRGB = "srgb"


class BayerOrder(StrEnum):
    """Colours of the 2 x 2 cell at the top left of a mosaic, row by row, as libcamera names formats (SBGGR10)."""

    BGGR = "BGGR"
    RGGB = "RGGB"
    GRBG = "GRBG"
    GBRG = "GBRG"

    @property
    def first_green(self) -> int:
        """Column of the first green pixel of even rows, 0 or 1; odd rows have the other."""
        return self.value.index("G")


@dataclass(frozen=True, slots=True)
class LightState:
    """What the terminal's own lights did while the frame was exposed.

    display: relative luminance commanded of the attached display, 0..1; None where there is none.
    infrared, white: relative output of the illuminators, 0..1.
    settled: False while a light is between two levels.
    """

    display: float | None = None
    infrared: float = 0.0
    white: float = 0.0
    settled: bool = True


DARK = LightState()


@dataclass(frozen=True, slots=True)
class Exposure:
    """When the rows of a frame saw light.

    start: seconds on the clock of ``Frame.captured_at`` when the first row began to integrate.
    duration: integration time of each row, seconds.
    line_time: seconds between the starts of two rows.
    gain: analogue times digital gain.
    """

    start: float
    duration: float
    line_time: float
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """What the sensor gave behind its mosaic of colour filters. ``repr`` shows no values.

    values: (height, width) uint16, one colour to a pixel, rising in proportion with light from ``black`` on; without
        white balance, correction of the lens or a curve. Negative noise may leave them a little below ``black``.
    order: of the colours.
    black: value of darkness. white: the largest value there is. Both in the units of ``values``.
    """

    values: NDArray[np.uint16] = field(repr=False)
    order: BayerOrder
    black: int
    white: int

    def __post_init__(self) -> None:
        if self.values.dtype != np.uint16 or self.values.ndim != 2:
            raise ValueError(f"a mosaic is (height, width) uint16, not {self.values.shape} {self.values.dtype}")
        if not 0 <= self.black < self.white <= _LARGEST:
            raise ValueError(f"a mosaic is from black up to white in 16 bits, not from {self.black} to {self.white}")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture. Never written to disk, never logged: ``repr`` shows the shape only.

    pixels: (height, width, 3) uint8, in ``colour`` order, gamma-encoded as the source gives it.
    sequence: counts up from 0 within one opening of the camera.
    captured_at: seconds on the source's monotonic clock, end of exposure.
    exposure: None where the camera gives no exposure metadata; then there is no light challenge.
    still: the only picture of its source; it carries no temporal evidence.
    lux: what the camera's metadata estimates of the scene, if anything.
    tone: None where the curve is unknown or adapts to the scene; then the pixels give no linear values.
    colour_gains: of red and blue, as white balance set them; None where the camera does not say.
    raw: what ``pixels`` were made of; None where the source gives 8 bits only. It has their height and width, since a
        row of one must be the row of the other: ``exposure`` says of rows when they saw light, and a window found in
        ``pixels`` is then the same window of both. A raw stream that is scaled to make the picture does not fit.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    colour: ColourOrder
    sequence: int
    captured_at: float
    capture: CaptureKind
    exposure: Exposure | None = None
    light: LightState = DARK
    still: bool = False
    lux: float | None = None
    tone: Tone | None = None
    colour_gains: tuple[float, float] | None = None
    raw: Mosaic | None = None

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ValueError(f"a frame is (height, width, 3) uint8, not {self.pixels.shape} {self.pixels.dtype}")
        if self.raw is not None and self.raw.values.shape != self.pixels.shape[:2]:
            raise ValueError(f"a mosaic of {self.raw.values.shape} is not of a picture of {self.pixels.shape[:2]}")

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    def in_order(self, colour: ColourOrder) -> NDArray[np.uint8]:
        """The pixels in the asked colour order: a view, never a copy."""
        return self.pixels if colour is self.colour else self.pixels[:, :, ::-1]
