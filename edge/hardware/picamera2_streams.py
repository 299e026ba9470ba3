"""What the streams of a camera hold, by what Picamera2 told after it was configured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.errors import HardwareError
from edge.frames.frame import BayerOrder, ColourOrder, Mosaic
from edge.hardware.yuv import Encoding, PlaneLayout, YuvFormat

PICTURE_FORMAT: Final = "RGB888"
"""To be asked for: BGR in memory, since libcamera names formats by their bytes from the last to the first."""

_ORDERS: Final = {
    "RGB888": ColourOrder.BGR,
    "XRGB8888": ColourOrder.BGR,
    "BGR888": ColourOrder.RGB,
    "XBGR8888": ColourOrder.RGB,
}
_RAW: Final = re.compile(r"S?(BGGR|RGGB|GRBG|GBRG)(8|10|12|14|16)?(?:_(\w+))?")
# libcamera tells black levels as of so many bits, and the Raspberry Pi 5 gives raw values so.
_WIDEST: Final = 16
# Of the sensors with fewest. The others reach further by a thousandth, which is lost.
_SENSOR_BITS: Final = 10


def raw_stream(sensor_format: Any, size: tuple[int, int], name: str) -> dict[str, Any]:
    """What to ask for, unpacked. size: width and height. Raises HardwareError for a sensor without colours.

    sensor_format: as Picamera2 tells it, SRGGB10_CSI2P or BGGR_PISP_COMP1. name: of the camera, for errors.
    """
    found = _RAW.fullmatch(str(sensor_format))
    if found is None:
        raise HardwareError(
            f"{name} has no mosaic of colours: its sensor gives {sensor_format}",
            remedy="set camera.raw to false",
        )
    order, bits, _ = found.groups()
    return {"format": f"S{order}{bits or _WIDEST}", "size": size}


@dataclass(frozen=True, slots=True)
class Streams:
    """What the camera gives, as it told after it was configured. line_time: seconds."""

    picture: PictureFormat
    raw: RawFormat | None
    line_time: float


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """yuv: None where the camera gives colours itself, in ``order``."""

    width: int
    height: int
    order: ColourOrder
    yuv: YuvFormat | None

    @classmethod
    def read(cls, told: Mapping[str, Any], name: str) -> PictureFormat:
        """Raises HardwareError for a format that is not known here."""
        main, space = told["main"], told.get("colour_space")
        width, height = main["size"]
        form = str(main["format"])
        if form in _ORDERS:
            return cls(width, height, _ORDERS[form], None)
        if form not in list(PlaneLayout):
            raise HardwareError(
                f"{name} gives pictures in the format {form}, which is not known here",
                remedy=f"take a camera that gives one of {', '.join([*_ORDERS, *PlaneLayout])}",
            )
        encoding = _enum_name(space, "ycbcrEncoding")
        yuv = YuvFormat(
            PlaneLayout(form),
            Encoding(encoding) if encoding in list(Encoding) else Encoding.REC601,
            full=_enum_name(space, "range") == "Full",
        )
        return cls(width, height, ColourOrder.BGR, yuv)

    def read_out(self, array: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ColourOrder]:
        """(height, width, 3) uint8, and its order."""
        if self.yuv is not None:
            return self.yuv.to_bgr(array, self.width, self.height), self.order
        return np.ascontiguousarray(array[:, :, :3]), self.order


@dataclass(frozen=True, slots=True)
class RawFormat:
    """bits: of each value in memory. sensor_bits: the upper ones of them, which the sensor fills."""

    width: int
    height: int
    order: BayerOrder
    bits: int
    sensor_bits: int

    @classmethod
    def read(cls, told: Mapping[str, Any], name: str) -> RawFormat:
        """Raises HardwareError where the raw values are not those of the picture."""
        raw, main = told.get("raw"), told["main"]
        if raw is None:
            raise HardwareError(f"{name} gives no raw values", remedy="set camera.raw to false")
        found = _RAW.fullmatch(str(raw["format"]))
        if found is None or found[2] is None or found[3] is not None:
            raise HardwareError(
                f"{name} gives raw values as {raw['format']}, which is not known here", remedy="set camera.raw to false"
            )
        if tuple(raw["size"]) != tuple(main["size"]):
            raise HardwareError(
                f"{name} gives {_by(raw['size'])} raw values, and pictures of {_by(main['size'])} pixels",
                remedy=f"set camera.width and camera.height to {_by(raw['size'])}, or camera.raw to false",
            )
        bits = int(found[2])
        stated = (told.get("sensor") or {}).get("bit_depth") or bits
        width, height = raw["size"]
        sensor_bits = min(bits, stated if stated < _WIDEST else _SENSOR_BITS)
        return cls(width, height, BayerOrder(found[1]), bits, sensor_bits)

    def read_out(self, array: NDArray[np.uint8], metadata: Mapping[str, Any]) -> Mosaic | None:
        """None where the frame does not tell its black level."""
        levels = metadata.get("SensorBlackLevels")
        if not levels:
            return None
        values = array.astype(np.uint16) if self.bits == 8 else array.view("<u2").astype(np.uint16, copy=False)
        return Mosaic(
            np.ascontiguousarray(values[:, : self.width]),
            self.order,
            black=round(levels[0] / 2 ** (_WIDEST - self.bits)),
            white=((1 << self.sensor_bits) - 1) << (self.bits - self.sensor_bits),
        )


def _enum_name(space: Any, attribute: str) -> str | None:
    name = getattr(getattr(space, attribute, None), "name", None)
    return None if name is None else str(name)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
