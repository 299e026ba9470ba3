"""A USB camera, or any other whose pictures the kernel's Video4Linux gives in one plane.

Its frames do not tell how they were exposed, so no light is measured with it.
"""

from __future__ import annotations

import errno
import glob
import logging
import mmap
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from edge.config.choices import PixelFormat
from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import HardwareError
from edge.frames.frame import Frame
from edge.hardware import device_files
from edge.hardware import v4l2_kernel as v4l2
from edge.hardware.ports import Camera, CameraTraits
from edge.hardware.v4l2_formats import PictureLayout, chosen_format

# Not structlog: this runs in the capture process.
log = logging.getLogger(__name__)

# Few, since old frames wait in them; below, frames are lost.
BUFFERS: Final = 4
# Seconds by which a time stamp may be older than now, or newer by rounding. Beyond it, it is of another clock:
# uvcvideo stamps with the wall clock if its parameter says so, and calls it monotonic all the same.
_OLDEST: Final = 10.0
_NEWEST: Final = 0.01
_LOOK: Final = "check its cable and camera.device; `v4l2-ctl --list-devices` (v4l-utils) lists what there is"
_USB: Final = "usb-"
_POWER_LINES: Final = {50: v4l2.POWER_LINE_50_HZ, 60: v4l2.POWER_LINE_60_HZ}


class V4l2Camera(Camera):
    """Frames of one device, configured once at each opening.

    device: path of its file, best one below /dev/v4l/by-id, which stays the same; or its name, as `v4l2-ctl
        --list-devices` prints it; None: the only camera, or the only USB camera, that there is.
    width, height: pixels of the picture. fps: frames a second that are asked for.
    pixel_format: None: see ``chosen_format``. mains_hz: of the lamps around, told to cameras that can be told.
    spectrum, focal: as in CameraTraits. kernel: what is asked for frames.
    """

    def __init__(
        self,
        device: str | None = None,
        *,
        width: int = 1280,
        height: int = 720,
        fps: float = 30.0,
        pixel_format: PixelFormat | None = None,
        spectrum: Spectrum = Spectrum.IR_CUT,
        focal: float | None = None,
        mains_hz: Literal[50, 60] | None = None,
        kernel: v4l2.Kernel | None = None,
    ) -> None:
        self._device = device
        self._size = (width, height)
        self._fps = fps
        self._pixel_format = pixel_format
        self._kernel = kernel or v4l2.Kernel()
        self._traits = CameraTraits(
            "v4l2", CaptureKind.LIVE, exposure_metadata=False, focal=focal, spectrum=spectrum, mains_hz=mains_hz
        )
        self._mains = mains_hz
        self._run: _Run | None = None

    @property
    def traits(self) -> CameraTraits:
        return self._traits

    def open(self) -> None:
        if self._run is not None:
            raise HardwareError(f"{self._run.name} is already open", remedy="close it before opening it again")
        path = find_camera(self._kernel, self._device)
        name = f"camera {path}"
        try:
            device = self._kernel.open(path)
            try:
                layout = self._configure(device, name)
                buffers = _Buffers(self._kernel, device)
            except BaseException:
                self._kernel.close(device)
                raise
        except OSError as error:
            raise _refusal(name, path, error) from error
        self._run = _Run(self._kernel, device, name, layout, buffers)
        try:
            self._run.start()
        except OSError as error:
            self.close()
            raise _refusal(name, path, error) from error

    def read(self, timeout: float) -> Frame | None:
        if self._run is None:
            raise HardwareError("the camera is not open", remedy="open the camera before reading from it")
        try:
            return self._run.next(timeout)
        except OSError as error:
            raise HardwareError(
                f"{self._run.name} is lost: {error.strerror}",
                remedy="check its cable, its power and the system's log, then try again",
            ) from error

    def close(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def _configure(self, device: int, name: str) -> PictureLayout:
        width, height = self._size
        node = _asked(self._kernel, device)
        if not node.captures:
            raise HardwareError(
                f"{name} gives no pictures: it is another device file of {node.card}, or of no camera",
                remedy=f"name one of these in camera.device: {_listed(cameras(self._kernel)[0])}",
            )
        form = chosen_format(self._kernel, device, self._size, self._fps, self._pixel_format, name)
        told = v4l2.Format(type=v4l2.CAPTURE)
        pix = told.fmt.pix
        pix.width, pix.height, pix.pixelformat = width, height, v4l2.fourcc(form)
        self._kernel.ioctl(device, v4l2.S_FMT, told)
        # What was asked for may have been adjusted in silence.
        if (pix.width, pix.height, v4l2.letters(pix.pixelformat)) != (width, height, form):
            raise HardwareError(
                f"{name} gives {v4l2.letters(pix.pixelformat)} of {pix.width}x{pix.height} where {form} of "
                f"{width}x{height} was asked for",
                remedy="set camera.pixel_format, camera.width and camera.height to what it gives",
            )
        self._set_rate(device, name)
        if self._mains is not None:
            self._set_mains(device, self._mains)
        return PictureLayout.read(told)

    def _set_rate(self, device: int, name: str) -> None:
        asked = v4l2.StreamParameters(type=v4l2.CAPTURE)
        each = asked.parm.capture.timeperframe
        each.numerator, each.denominator = 1000, round(self._fps * 1000)
        try:
            self._kernel.ioctl(device, v4l2.S_PARM, asked)
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                raise
            return
        if each.numerator and each.denominator / each.numerator < 0.98 * self._fps:
            log.warning("%s gives %.4g frames a second at most", name, each.denominator / each.numerator)

    def _set_mains(self, device: int, mains: int) -> None:
        with suppress(OSError):
            # Not every camera can be told.
            control = v4l2.Control(id=v4l2.POWER_LINE_FREQUENCY, value=_POWER_LINES[mains])
            self._kernel.ioctl(device, v4l2.S_CTRL, control)


@dataclass(frozen=True, slots=True)
class Node:
    """A device file. captures: it gives pictures in one plane. bus: where it is, usb-… for USB."""

    card: str
    bus: str
    captures: bool


def cameras(kernel: v4l2.Kernel) -> tuple[dict[str, Node], list[str]]:
    """By path, those that give pictures; and the paths that this user may not open."""
    found, closed = {}, []
    for path in kernel.nodes():
        try:
            device = kernel.open(path)
        except PermissionError:
            closed.append(path)
            continue
        except OSError:
            # Gone by now, or another program's alone.
            continue
        try:
            node = _asked(kernel, device)
        except OSError:
            continue
        finally:
            kernel.close(device)
        if node.captures:
            found[path] = node
    return found, closed


def find_camera(kernel: v4l2.Kernel, device: str | None) -> str:
    """The path of what the configuration means by ``device``. Raises HardwareError.

    A path is taken as it is: opening it tells whether it can be used.
    """
    if device is not None and device.startswith("/"):
        return device
    found, closed = cameras(kernel)
    named = {path: node for path, node in found.items() if device in (None, node.card)}
    if device is None and len(named) > 1:
        named = {path: node for path, node in named.items() if node.bus.startswith(_USB)} or named
    if len(named) == 1:
        return next(iter(named))
    what = "camera" if device is None else f"camera {device!r}"
    if named:
        raise HardwareError(
            f"more than one {what}: {_listed(named)}",
            remedy="name one of them in camera.device by a path below /dev/v4l/by-id or by-path",
        )
    if closed:
        cause = PermissionError(f"no permission for {', '.join(closed)}")
        raise device_files.denied(what, str(cause), "ls -l /dev/video*") from cause
    raise HardwareError(f"no {what}; there: {_listed(found)}", remedy=_LOOK)


def _listed(found: dict[str, Node]) -> str:
    return ", ".join(f"{path} ({node.card})" for path, node in found.items()) or "none"


def _asked(kernel: v4l2.Kernel, device: int) -> Node:
    told = v4l2.Capability()
    kernel.ioctl(device, v4l2.QUERYCAP, told)
    # capabilities are those of all its files together: a camera's file for metadata has its pictures' there too.
    able = told.device_caps if told.capabilities & v4l2.CAP_DEVICE_CAPS else told.capabilities
    needed = v4l2.CAP_VIDEO_CAPTURE | v4l2.CAP_STREAMING
    return Node(_text(told.card), _text(told.bus_info), captures=able & needed == needed)


def _text(told: bytes) -> str:
    return told.decode("utf-8", "replace").strip()


def _refusal(name: str, path: str, error: OSError) -> HardwareError:
    said = os.strerror(error.errno or 0)
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return device_files.denied(name, said, f"ls -lL {path}")
        case errno.EBUSY:
            return device_files.busy(name, said, [glob.escape(os.path.realpath(path))])
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return HardwareError(f"{name} is not there: {said}", remedy=_LOOK)
        case errno.ENOTTY | errno.EINVAL:
            return HardwareError(f"{name} is no camera: {said}", remedy="name a camera in camera.device")
        case _:
            return HardwareError(
                f"{name} could not be opened: {said}", remedy="look at `dmesg` for what its driver says"
            )


class _Buffers:
    """The kernel's memory for frames, which both sides see."""

    def __init__(self, kernel: v4l2.Kernel, device: int) -> None:
        """Raises OSError, with nothing left behind."""
        self._kernel = kernel
        self._device = device
        self._maps: list[mmap.mmap] = []
        asked = v4l2.BufferRequest(count=BUFFERS, type=v4l2.CAPTURE, memory=v4l2.MMAP)
        kernel.ioctl(device, v4l2.REQBUFS, asked)
        try:
            for index in range(asked.count):
                told = self._numbered(index)
                kernel.ioctl(device, v4l2.QUERYBUF, told)
                self._maps.append(kernel.map(device, told.length, told.m.offset))
        except BaseException:
            self.close()
            raise

    def __getitem__(self, index: int) -> mmap.mmap:
        return self._maps[index]

    def queue_all(self) -> None:
        for index in range(len(self._maps)):
            self.queue(index)

    def queue(self, index: int) -> None:
        """Gives it to the camera, to be filled."""
        self._kernel.ioctl(self._device, v4l2.QBUF, self._numbered(index))

    def filled(self) -> v4l2.Buffer | None:
        """The oldest, or None while there is none."""
        told = self._numbered(0)
        try:
            self._kernel.ioctl(self._device, v4l2.DQBUF, told)
        except BlockingIOError:
            return None
        return told

    def close(self) -> None:
        """Overwritten and given back. Nothing may fill them any more."""
        for memory in self._maps:
            memory[:] = bytes(len(memory))
            # An error that is on its way may still hold a view of it; it is dark by now.
            with suppress(BufferError):
                memory.close()
        self._maps.clear()
        with suppress(OSError):
            none = v4l2.BufferRequest(count=0, type=v4l2.CAPTURE, memory=v4l2.MMAP)
            self._kernel.ioctl(self._device, v4l2.REQBUFS, none)

    def _numbered(self, index: int) -> v4l2.Buffer:
        return v4l2.Buffer(index=index, type=v4l2.CAPTURE, memory=v4l2.MMAP)


class _Run:
    """One opening of the camera."""

    def __init__(self, kernel: v4l2.Kernel, device: int, name: str, layout: PictureLayout, buffers: _Buffers) -> None:
        self.name = name
        self._kernel = kernel
        self._device = device
        self._layout = layout
        self._buffers = buffers
        self._first: int | None = None
        self._sequence = -1
        self._last = -1.0

    def start(self) -> None:
        self._buffers.queue_all()
        self._kernel.ioctl(self._device, v4l2.STREAMON, v4l2.BufferType(v4l2.CAPTURE))

    def next(self, timeout: float) -> Frame | None:
        until = self._kernel.now() + timeout
        while True:
            filled = self._buffers.filled()
            if filled is not None:
                try:
                    frame = self._frame(filled)
                finally:
                    # One that is kept is a buffer less, and soon the camera stands still.
                    self._buffers.queue(filled.index)
                if frame is not None:
                    return frame
            left = until - self._kernel.now()
            if left <= 0:
                return None
            if filled is None:
                self._kernel.wait(self._device, left)

    def close(self) -> None:
        with suppress(OSError):
            self._kernel.ioctl(self._device, v4l2.STREAMOFF, v4l2.BufferType(v4l2.CAPTURE))
        self._buffers.close()
        with suppress(OSError):
            self._kernel.close(self._device)

    def _frame(self, filled: v4l2.Buffer) -> Frame | None:
        """None for one that is damaged, or not newer than the one before."""
        taken = self._taken(filled)
        if taken <= self._last:
            return None
        if self._first is None:
            self._first = filled.sequence
        if filled.flags & v4l2.BUFFER_ERROR:
            return None
        pixels = self._layout.read_out(self._buffers[filled.index], filled.bytesused)
        if pixels is None:
            return None
        self._last = taken
        # Some drivers number every frame 0.
        self._sequence = max(self._sequence + 1, filled.sequence - self._first)
        return Frame(
            pixels=pixels,
            colour=self._layout.order,
            sequence=self._sequence,
            captured_at=taken,
            capture=CaptureKind.LIVE,
        )

    def _taken(self, filled: v4l2.Buffer) -> float:
        """By the kernel's stamp where that is of this clock, else now."""
        now = self._kernel.now()
        stamp = filled.timestamp.tv_sec + filled.timestamp.tv_usec * 1e-6
        monotonic = filled.flags & v4l2.BUFFER_STAMP == v4l2.BUFFER_STAMP_MONOTONIC
        return float(stamp) if monotonic and now - _OLDEST <= stamp <= now + _NEWEST else now
