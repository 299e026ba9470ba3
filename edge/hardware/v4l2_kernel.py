"""The part of the kernel's Video4Linux interface that a camera takes (linux/videodev2.h), by the standard library.

Calls raise OSError with the kernel's number.
"""

from __future__ import annotations

import ctypes
import fcntl
import glob
import mmap
import os
import select
import time
from typing import Final

CAPTURE: Final = 1
"""V4L2_BUF_TYPE_VIDEO_CAPTURE."""
MMAP: Final = 1
"""V4L2_MEMORY_MMAP."""
DISCRETE: Final = 1
"""V4L2_FRMSIZE_TYPE_DISCRETE and V4L2_FRMIVAL_TYPE_DISCRETE; the other types are spans."""

CAP_VIDEO_CAPTURE: Final = 0x0000_0001
CAP_STREAMING: Final = 0x0400_0000
CAP_DEVICE_CAPS: Final = 0x8000_0000

BUFFER_ERROR: Final = 0x40
BUFFER_STAMP: Final = 0xE000
BUFFER_STAMP_MONOTONIC: Final = 0x2000

COLORSPACE_REC709: Final = 3
COLORSPACE_JPEG: Final = 7
COLORSPACE_BT2020: Final = 10
COLORSPACE_DCI_P3: Final = 12
YCBCR_601: Final = 1
YCBCR_709: Final = 2
YCBCR_BT2020: Final = 6
QUANTIZATION_FULL: Final = 1
QUANTIZATION_LIMITED: Final = 2

POWER_LINE_FREQUENCY: Final = 0x0098_0918
"""V4L2_CID_POWER_LINE_FREQUENCY."""
POWER_LINE_50_HZ: Final = 1
POWER_LINE_60_HZ: Final = 2


def fourcc(name: str) -> int:
    """A pixel format's number, of its four letters."""
    return int.from_bytes(name.encode("ascii"), "little")


def letters(number: int) -> str:
    """The inverse of ``fourcc``, for people."""
    return number.to_bytes(4, "little").decode("ascii", "replace").strip()


class Capability(ctypes.Structure):
    """struct v4l2_capability."""

    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class FormatDescription(ctypes.Structure):
    """struct v4l2_fmtdesc."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("description", ctypes.c_char * 32),
        ("pixelformat", ctypes.c_uint32),
        ("mbus_code", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class _Stepwise(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in ("min_width", "max_width", "step_width", "min_height", "max_height", "step_height")
    )


class FrameSize(ctypes.Structure):
    """struct v4l2_frmsizeenum. Of a discrete size, min_width and max_width are its width and height."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("size", _Stepwise),
        ("reserved", ctypes.c_uint32 * 2),
    )


class Fraction(ctypes.Structure):
    """struct v4l2_fract."""

    _fields_ = (("numerator", ctypes.c_uint32), ("denominator", ctypes.c_uint32))


class FrameInterval(ctypes.Structure):
    """struct v4l2_frmivalenum. shortest: the interval where it is discrete, else the least of the span."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("shortest", Fraction),
        ("longest", Fraction),
        ("step", Fraction),
        ("reserved", ctypes.c_uint32 * 2),
    )


class _Picture(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in (
            "width",
            "height",
            "pixelformat",
            "field",
            "bytesperline",
            "sizeimage",
            "colorspace",
            "priv",
            "flags",
            "ycbcr_enc",
            "quantization",
            "xfer_func",
        )
    )


class _AnyFormat(ctypes.Union):
    # The pointer is that of v4l2_window, which aligns the union.
    _fields_ = (("pix", _Picture), ("raw_data", ctypes.c_uint8 * 200), ("aligned", ctypes.c_void_p))


class Format(ctypes.Structure):
    """struct v4l2_format."""

    _fields_ = (("type", ctypes.c_uint32), ("fmt", _AnyFormat))


class _CaptureParameters(ctypes.Structure):
    _fields_ = (
        ("capability", ctypes.c_uint32),
        ("capturemode", ctypes.c_uint32),
        ("timeperframe", Fraction),
        ("extendedmode", ctypes.c_uint32),
        ("readbuffers", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 4),
    )


class _AnyParameters(ctypes.Union):
    _fields_ = (("capture", _CaptureParameters), ("raw_data", ctypes.c_uint8 * 200))


class StreamParameters(ctypes.Structure):
    """struct v4l2_streamparm."""

    _fields_ = (("type", ctypes.c_uint32), ("parm", _AnyParameters))


class BufferRequest(ctypes.Structure):
    """struct v4l2_requestbuffers."""

    _fields_ = (
        ("count", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("memory", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("flags", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 3),
    )


class _Time(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


class _TimeCode(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("fields", ctypes.c_uint8 * 8),
    )


class _Where(ctypes.Union):
    _fields_ = (("offset", ctypes.c_uint32), ("userptr", ctypes.c_ulong))


class Buffer(ctypes.Structure):
    """struct v4l2_buffer."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("bytesused", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("field", ctypes.c_uint32),
        ("timestamp", _Time),
        ("timecode", _TimeCode),
        ("sequence", ctypes.c_uint32),
        ("memory", ctypes.c_uint32),
        ("m", _Where),
        ("length", ctypes.c_uint32),
        ("reserved2", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    )


class Control(ctypes.Structure):
    """struct v4l2_control."""

    _fields_ = (("id", ctypes.c_uint32), ("value", ctypes.c_int32))


BufferType = ctypes.c_int

_WRITE, _READ = 1, 2


def _number(direction: int, number: int, argument: type[ctypes.Structure] | type[ctypes.c_int]) -> int:
    """asm-generic/ioctl.h: direction, size, the letter V, number."""
    return direction << 30 | ctypes.sizeof(argument) << 16 | ord("V") << 8 | number


QUERYCAP: Final = _number(_READ, 0, Capability)
ENUM_FMT: Final = _number(_READ | _WRITE, 2, FormatDescription)
S_FMT: Final = _number(_READ | _WRITE, 5, Format)
REQBUFS: Final = _number(_READ | _WRITE, 8, BufferRequest)
QUERYBUF: Final = _number(_READ | _WRITE, 9, Buffer)
QBUF: Final = _number(_READ | _WRITE, 15, Buffer)
DQBUF: Final = _number(_READ | _WRITE, 17, Buffer)
STREAMON: Final = _number(_WRITE, 18, BufferType)
STREAMOFF: Final = _number(_WRITE, 19, BufferType)
S_PARM: Final = _number(_READ | _WRITE, 22, StreamParameters)
S_CTRL: Final = _number(_READ | _WRITE, 28, Control)
ENUM_FRAMESIZES: Final = _number(_READ | _WRITE, 74, FrameSize)
ENUM_FRAMEINTERVALS: Final = _number(_READ | _WRITE, 75, FrameInterval)


class Kernel:
    """The calls themselves. Tests put a model of a device in its place."""

    def nodes(self) -> list[str]:
        """Device files that there are, also those that are no cameras."""
        return sorted(glob.glob("/dev/video*"), key=lambda path: (len(path), path))  # noqa: PTH207 - absolute

    def now(self) -> float:
        """Seconds on the clock of the time stamps."""
        return time.monotonic()

    def open(self, path: str) -> int:
        """Without waiting at any later call."""
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def ioctl(self, device: int, request: int, argument: ctypes.Structure | ctypes.c_int) -> None:
        """The kernel reads ``argument``, and answers in it."""
        while True:
            try:
                fcntl.ioctl(device, request, argument, True)
            except InterruptedError:
                continue
            return

    def map(self, device: int, length: int, offset: int) -> mmap.mmap:
        """A buffer's memory, left out of core dumps."""
        memory = mmap.mmap(device, length, flags=mmap.MAP_SHARED, offset=offset)
        memory.madvise(mmap.MADV_DONTDUMP)
        return memory

    def wait(self, device: int, seconds: float) -> None:
        """Until a buffer is filled or the device is gone, at most so long."""
        poll = select.poll()
        poll.register(device, select.POLLIN)
        poll.poll(max(seconds, 0.0) * 1000)

    def close(self, device: int) -> None:
        os.close(device)
