"""What a V4L2 camera offers, what of it is taken, and how its pictures are read."""

from __future__ import annotations

import ctypes
import errno
import mmap
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config.choices import PixelFormat
from edge.errors import HardwareError
from edge.frames.frame import ColourOrder
from edge.frames.picture import quiet_decoders
from edge.hardware import v4l2_kernel as v4l2
from edge.hardware.yuv import Encoding, PackedLayout, PlaneLayout, YuvFormat

COMPRESSED: Final = frozenset({PixelFormat.MJPG, PixelFormat.JPEG})
_LAYOUTS: Final[dict[PixelFormat, PlaneLayout | PackedLayout]] = {
    PixelFormat.YUYV: PackedLayout.YUYV,
    PixelFormat.UYVY: PackedLayout.UYVY,
    PixelFormat.NV12: PlaneLayout.NV12,
    PixelFormat.YU12: PlaneLayout.YUV420,
}
# Bytes to a row of brightness or, where there is none, of everything.
_BYTES: Final = {PixelFormat.YUYV: 2, PixelFormat.UYVY: 2, PixelFormat.BGR3: 3, PixelFormat.RGB3: 3}
# A rate is a quotient of whole numbers: 30 may be told as 29.97.
_ABOUT: Final = 0.98
_MOST_LISTED: Final = 12
_MOST_OFFERS: Final = 256
_JPEG_END: Final = b"\xff\xd9"
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_Part = TypeVar("_Part", v4l2.FormatDescription, v4l2.FrameSize, v4l2.FrameInterval)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Widths and heights from the least to the most in steps; of a single size both are the same. Pixels."""

    width: tuple[int, int]
    height: tuple[int, int]
    step: tuple[int, int] = (1, 1)

    def hold(self, size: tuple[int, int]) -> bool:
        """Whether this size is one of them."""
        return all(
            low <= side <= high and (side - low) % max(step, 1) == 0
            for side, (low, high), step in zip(size, (self.width, self.height), self.step, strict=True)
        )

    def __str__(self) -> str:
        least = f"{self.width[0]}x{self.height[0]}"
        most = f"{self.width[1]}x{self.height[1]}"
        return least if least == most else f"{least} to {most}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A pixel format and its sizes; None: the driver does not tell them. rate: frames a second of the size that was
    asked for, at most; None: not told, or no such size.
    """

    form: PixelFormat
    sizes: tuple[Sizes, ...] | None
    rate: float | None

    def has(self, size: tuple[int, int]) -> bool:
        """As far as the driver tells."""
        return self.sizes is None or any(one.hold(size) for one in self.sizes)

    def __str__(self) -> str:
        if self.sizes is None:
            return f"{self.form} in sizes that it does not tell"
        listed = [str(one) for one in self.sizes[:_MOST_LISTED]]
        return f"{self.form} {', '.join(listed)}{', …' if len(self.sizes) > _MOST_LISTED else ''}"


def chosen_format(
    kernel: v4l2.Kernel,
    device: int,
    size: tuple[int, int],
    fps: float,
    wanted: PixelFormat | None,
    name: str,
) -> PixelFormat:
    """Which to ask for: ``wanted``, else the first that gives this size at this rate, else the fastest.

    Those that are not compressed come first, since the marks of compression are not those of a face.
    Raises HardwareError, with what there is, where nothing fits; OSError of the kernel's. name: of the camera.
    """
    told = [v4l2.letters(one.pixelformat) for one in _each(kernel, device, v4l2.ENUM_FMT, _any_format)]
    known = [form for form in PixelFormat if form in told and wanted in (None, form)]
    if not known:
        raise HardwareError(
            f"{name} gives no pictures as {wanted or 'any format that is known here'}; it gives "
            f"{', '.join(told) or 'none'}",
            remedy=f"set camera.pixel_format to one of these, or null: {', '.join(PixelFormat)} are known here",
        )
    offers = [_offer(kernel, device, form, size) for form in known]
    fitting = [offer for offer in offers if offer.has(size)]
    if not fitting:
        raise HardwareError(
            f"{name} gives no pictures of {size[0]}x{size[1]}; it gives {'; '.join(map(str, offers))}",
            remedy="set camera.width and camera.height to a size that it gives",
        )
    for offer in fitting:
        if offer.rate is None or offer.rate >= _ABOUT * fps:
            return offer.form
    return max(fitting, key=lambda offer: offer.rate or 0.0).form


@dataclass(frozen=True, slots=True)
class PictureLayout:
    """Of the pictures that a camera gives, as it told. stride: bytes from row to row. yuv: of those in YUV."""

    form: PixelFormat
    width: int
    height: int
    stride: int
    yuv: YuvFormat | None

    @classmethod
    def read(cls, told: v4l2.Format) -> PictureLayout:
        """Of what VIDIOC_S_FMT answered, in a format that is known here."""
        pix = told.fmt.pix
        form = PixelFormat(v4l2.letters(pix.pixelformat))
        layout = _LAYOUTS.get(form)
        least = pix.width * _BYTES.get(form, 1)
        return cls(
            form, pix.width, pix.height, max(pix.bytesperline, least), None if layout is None else _yuv(layout, pix)
        )

    def read_out(self, memory: mmap.mmap, used: int) -> NDArray[np.uint8] | None:
        """(height, width, 3) uint8, a copy of what the first ``used`` bytes show; None where it is damaged."""
        used = min(used, len(memory))
        if self.form in COMPRESSED:
            return self._decoded(memory, used)
        rows = self.height * 3 // 2 if isinstance(self.yuv and self.yuv.layout, PlaneLayout) else self.height
        if used < self.stride * rows:
            return None
        array = np.frombuffer(memory, np.uint8, self.stride * rows).reshape(rows, self.stride)
        if self.yuv is not None:
            return self.yuv.to_bgr(array, self.width, self.height)
        return array[:, : 3 * self.width].reshape(self.height, self.width, 3).copy()

    @property
    def order(self) -> ColourOrder:
        """Of ``read_out``."""
        return ColourOrder.RGB if self.form is PixelFormat.RGB3 else ColourOrder.BGR

    def _decoded(self, memory: mmap.mmap, used: int) -> NDArray[np.uint8] | None:
        quiet_decoders()
        # A cut picture would be filled up with grey, and one of another size is none of this camera's.
        if _whole_jpeg_size(memory, used) != (self.width, self.height):
            return None
        try:
            pixels = cv2.imdecode(
                np.frombuffer(memory, np.uint8, used), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            )
        except cv2.error:
            return None
        return None if pixels is None else np.asarray(pixels, np.uint8)


def _whole_jpeg_size(memory: mmap.mmap, used: int) -> tuple[int, int] | None:
    """Width and height, pixels; None where header or end are missing (ITU-T T.81 annex B). Decodes nothing."""
    if memory[:2] != b"\xff\xd8":
        return None
    size, position = None, 2
    while position + 9 <= used:
        mark, kind, length = struct.unpack_from(">BBH", memory, position)
        if mark != 0xFF:
            return None
        if kind in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", memory, position + 5)
            size = width, height
        if kind == 0xDA:
            return size if memory.find(_JPEG_END, position, used) >= 0 else None
        position += 2 + length
    return None


def _yuv(layout: PlaneLayout | PackedLayout, pix: ctypes.Structure) -> YuvFormat:
    """What the driver leaves open follows from its colour space (videodev2.h, V4L2_MAP_YCBCR_ENC_DEFAULT)."""
    encoding = pix.ycbcr_enc
    if not encoding:
        if pix.colorspace in (v4l2.COLORSPACE_REC709, v4l2.COLORSPACE_DCI_P3):
            encoding = v4l2.YCBCR_709
        elif pix.colorspace == v4l2.COLORSPACE_BT2020:
            encoding = v4l2.YCBCR_BT2020
    names = {v4l2.YCBCR_709: Encoding.REC709, v4l2.YCBCR_BT2020: Encoding.REC2020}
    full = pix.quantization == v4l2.QUANTIZATION_FULL or (
        not pix.quantization and pix.colorspace == v4l2.COLORSPACE_JPEG
    )
    return YuvFormat(layout, names.get(encoding, Encoding.REC601), full=full)


def _offer(kernel: v4l2.Kernel, device: int, form: PixelFormat, size: tuple[int, int]) -> Offer:
    number = v4l2.fourcc(form)
    sizes = tuple(
        _sizes(one)
        for one in _each(
            kernel, device, v4l2.ENUM_FRAMESIZES, lambda index: v4l2.FrameSize(index=index, pixel_format=number)
        )
    )
    intervals = _each(
        kernel,
        device,
        v4l2.ENUM_FRAMEINTERVALS,
        lambda index: v4l2.FrameInterval(index=index, pixel_format=number, width=size[0], height=size[1]),
    )
    rates = [one.shortest.denominator / one.shortest.numerator for one in intervals if one.shortest.numerator]
    return Offer(form, sizes or None, max(rates, default=None))


def _sizes(told: v4l2.FrameSize) -> Sizes:
    size = told.size
    if told.type == v4l2.DISCRETE:
        return Sizes((size.min_width, size.min_width), (size.max_width, size.max_width))
    return Sizes(
        (size.min_width, size.max_width), (size.min_height, size.max_height), (size.step_width, size.step_height)
    )


def _any_format(index: int) -> v4l2.FormatDescription:
    return v4l2.FormatDescription(index=index, type=v4l2.CAPTURE)


def _each(kernel: v4l2.Kernel, device: int, request: int, question: Callable[[int], _Part]) -> Iterator[_Part]:
    """What the driver lists; nothing where it has no such list."""
    for index in range(_MOST_OFFERS):
        part = question(index)
        try:
            kernel.ioctl(device, request, part)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ENODATA):
                return
            raise
        yield part
