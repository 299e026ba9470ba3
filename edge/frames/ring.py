"""Frames from one process to another through shared memory: the newest wins, and the writer never waits.

Every slot has a token, one byte with its number, that exists once: in the pipe of free slots, in the pipe of ready
ones, or in the hands of the writer or the reader. Who holds the token owns the slot, so a torn frame cannot be read,
also when the writer is killed half-way: its token is lost, not passed on. A pipe's lock in the kernel orders memory
between the processes too, which stores to shared memory from Python could not promise on ARM.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import select
import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import CaptureKind
from edge.errors import HardwareError
from edge.frames.covered import CoveredBuffers, cover
from edge.frames.frame import BayerOrder, ColourOrder, Exposure, Frame, LightState, Mosaic, Tone

# One with the newest frame, one in the hands of the writer or, for as long as copying takes, of the reader.
SLOTS = 2
CHANNELS = 3
RAW_BYTES = 2


# linux/memfd.h and linux/fcntl.h; Python has no name for the first, since Linux 6.3.
_MFD_NOEXEC_SEAL = 0x0008
_SEALS = fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL

# width, height, sequence; captured_at, exposure (4), display, infrared, white, lux, gains of red and blue; flags,
# capture kind, colour order, tone, order of the raw values; their black and white
_HEADER = struct.Struct("<IIQ11d5B2H")
_HEADER_SPACE = 128
_CAPTURE_KINDS = tuple(CaptureKind)
_COLOUR_ORDERS = tuple(ColourOrder)
_TONES = (None, *Tone)
_BAYER_ORDERS = (None, *BayerOrder)
_STILL, _SETTLED, _HAS_EXPOSURE, _HAS_DISPLAY, _HAS_LUX, _HAS_GAINS = (1 << bit for bit in range(6))


def pack_header(frame: Frame) -> bytes:
    """Everything of a frame but its pixels and its raw values."""
    exposure, light, raw = frame.exposure, frame.light, frame.raw
    flags = (
        _STILL * frame.still
        | _SETTLED * light.settled
        | _HAS_EXPOSURE * (exposure is not None)
        | _HAS_DISPLAY * (light.display is not None)
        | _HAS_LUX * (frame.lux is not None)
        | _HAS_GAINS * (frame.colour_gains is not None)
    )
    timing = (exposure.start, exposure.duration, exposure.line_time, exposure.gain) if exposure else (0.0,) * 4
    return _HEADER.pack(
        frame.width,
        frame.height,
        frame.sequence,
        frame.captured_at,
        *timing,
        light.display or 0.0,
        light.infrared,
        light.white,
        frame.lux or 0.0,
        *(frame.colour_gains or (0.0, 0.0)),
        flags,
        _CAPTURE_KINDS.index(frame.capture),
        _COLOUR_ORDERS.index(frame.colour),
        _TONES.index(frame.tone),
        *((_BAYER_ORDERS.index(raw.order), raw.black, raw.white) if raw is not None else (0, 0, 0)),
    )


def size_of(header: bytes) -> tuple[int, int]:
    """Width and height of the frame of which ``header`` was packed, pixels."""
    width, height, *_ = _HEADER.unpack(header)
    return width, height


def has_raw(header: bytes) -> bool:
    """Whether the frame of which ``header`` was packed carries raw values."""
    *_, order, _, _ = _HEADER.unpack(header)
    return bool(order)


def unpack_header(header: bytes, pixels: NDArray[np.uint8], values: NDArray[np.uint16] | None = None) -> Frame:
    """The frame of which ``header`` was packed, around ``pixels`` and, where it has them, raw ``values``."""
    _, _, sequence, captured_at, *numbers, flags, capture, colour, tone, bayer, dark, full = _HEADER.unpack(header)
    order = _BAYER_ORDERS[bayer]
    start, duration, line_time, gain, display, infrared, white, lux, red, blue = numbers
    return Frame(
        pixels=pixels,
        colour=_COLOUR_ORDERS[colour],
        sequence=sequence,
        captured_at=captured_at,
        capture=_CAPTURE_KINDS[capture],
        exposure=Exposure(start, duration, line_time, gain) if flags & _HAS_EXPOSURE else None,
        light=LightState(
            display=display if flags & _HAS_DISPLAY else None,
            infrared=infrared,
            white=white,
            settled=bool(flags & _SETTLED),
        ),
        still=bool(flags & _STILL),
        lux=lux if flags & _HAS_LUX else None,
        tone=_TONES[tone],
        colour_gains=(red, blue) if flags & _HAS_GAINS else None,
        raw=Mosaic(values, order, dark, full) if values is not None and order is not None else None,
    )


@dataclass(frozen=True, slots=True)
class RingHandle:
    """The writer's end as file descriptors, to be inherited by the capture process; picklable.

    width, height: of the largest frame, pixels. raw: whether there is room for raw values.
    """

    width: int
    height: int
    raw: bool
    memory: int
    free_out: int
    ready_in: int
    ready_out: int

    @property
    def fds(self) -> tuple[int, int, int, int]:
        """What the writing process must inherit under the same numbers."""
        return (self.memory, self.free_out, self.ready_in, self.ready_out)

    def close(self) -> None:
        """Once the writing process has its own."""
        for fd in self.fds:
            os.close(fd)


def create_ring(width: int, height: int, *, raw: bool = False) -> tuple[RingReader, RingHandle]:
    """A ring for frames of up to ``width`` x ``height`` pixels: the reader, and what to hand to the writing process.

    raw: frames may carry raw values, for which two bytes a pixel are kept in each slot.
    The memory has no name and no file: it is gone with the last process that holds it, however that ends.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a ring is for frames of 1 x 1 pixels or more, not {width} x {height}")
    layout = _Layout(width * height, raw)
    memory = _anonymous_file(layout.size * SLOTS)
    free_out, free_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    ready_out, ready_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    handle = RingHandle(width, height, raw, memory, free_out, ready_in, ready_out)
    return RingReader(_Slots(memory, layout), os.dup(free_out), free_in, os.dup(ready_out)), handle


def _anonymous_file(size: int) -> int:
    try:
        # Where vm.memfd_noexec is 2 only this is allowed.
        memory = os.memfd_create("livegate-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | _MFD_NOEXEC_SEAL)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        memory = os.memfd_create("livegate-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, size)
    # A process that shrank it would end the other with SIGBUS.
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
    return memory


@dataclass(frozen=True, slots=True)
class _Layout:
    """Of a slot: header, raw values where there are any, pixels. most: pixels of the largest frame."""

    most: int
    raw: bool

    @property
    def pixels(self) -> int:
        """Where the pixels begin, bytes."""
        return _HEADER_SPACE + RAW_BYTES * self.most * self.raw

    @property
    def size(self) -> int:
        """Bytes, in whole pages."""
        return -(-(self.pixels + CHANNELS * self.most) // mmap.PAGESIZE) * mmap.PAGESIZE


class _Slots:
    """The shared memory, mapped; covered, and not mapped in processes that this one forks."""

    def __init__(self, memory: int, layout: _Layout) -> None:
        self._pixels = layout.pixels
        self._size = layout.size
        self._file = os.dup(memory)
        self._map = mmap.mmap(self._file, self._size * SLOTS)
        # The other process opens it by its descriptor.
        self._map.madvise(mmap.MADV_DONTFORK)
        cover(self._map)

    # The arrays are made for each use: as long as one lives, the memory cannot be unmapped.

    def pixels(self, slot: int, width: int, height: int) -> NDArray[np.uint8]:
        start = slot * self._size + self._pixels
        return np.ndarray((height, width, CHANNELS), np.uint8, buffer=self._map, offset=start)

    def values(self, slot: int, width: int, height: int) -> NDArray[np.uint16]:
        start = slot * self._size + _HEADER_SPACE
        return np.ndarray((height, width), np.uint16, buffer=self._map, offset=start)

    def header(self, slot: int) -> bytes:
        start = slot * self._size
        return self._map[start : start + _HEADER.size]

    def set_header(self, slot: int, header: bytes) -> None:
        start = slot * self._size
        self._map[start : start + len(header)] = header

    def wipe(self, slot: int) -> None:
        """Overwrites what was ever written. The rest has no memory yet, and would take some to be overwritten."""
        at, end = slot * self._size, (slot + 1) * self._size
        while (at := self._next(at, os.SEEK_DATA)) < end:
            hole = min(self._next(at, os.SEEK_HOLE), end)
            np.ndarray(hole - at, np.uint8, buffer=self._map, offset=at).fill(0)
            at = hole

    def _next(self, at: int, what: int) -> int:
        """Where pages with or without memory begin, from ``at``; the end where there are none."""
        try:
            return os.lseek(self._file, at, what)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return self._size * SLOTS

    def close(self) -> None:
        self._map.close()
        os.close(self._file)


class RingWriter:
    """The capture process's end. Takes over the handle's file descriptors."""

    def __init__(self, handle: RingHandle) -> None:
        self._slots = _Slots(handle.memory, _Layout(handle.width * handle.height, handle.raw))
        self._handle = handle
        self._poll = select.poll()
        self._poll.register(handle.free_out, 0)

    @property
    def closed(self) -> bool:
        """The reader wants no more, or is gone."""
        return bool(self._poll.poll(0))

    def write(self, frame: Frame) -> bool:
        """Publishes a copy of ``frame``, in place of the oldest one that was not read. Never waits.

        False: dropped, since the reader holds every slot; that is so while it wipes them.
        Raises HardwareError for a frame with more pixels than the ring was made for, and ValueError for one with raw
        values where it was made without.
        """
        largest = self._handle
        if frame.width * frame.height > largest.width * largest.height:
            raise HardwareError(
                f"the camera gives frames of {frame.width} x {frame.height} pixels, "
                f"more than the {largest.width} x {largest.height} that were expected",
                remedy="set the camera's width and height to what it gives",
            )
        if frame.raw is not None and not largest.raw:
            raise ValueError("the frame carries raw values, and the ring was made for frames without")
        header = pack_header(frame)
        slot = self._take_slot()
        if slot is None:
            return False
        if frame.raw is not None:
            np.copyto(self._slots.values(slot, frame.width, frame.height), frame.raw.values)
        np.copyto(self._slots.pixels(slot, frame.width, frame.height), frame.pixels)
        self._slots.set_header(slot, header)
        _put(self._handle.ready_in, slot)
        return True

    def close(self) -> None:
        """What was published stays readable."""
        self._slots.close()
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_slot(self) -> int | None:
        # Twice: the reader may have moved a token from the second pipe to the first between the two looks.
        for fd in (self._handle.free_out, self._handle.ready_out) * 2:
            slot = _take(fd)
            if slot is not None:
                return slot
        return None


class RingReader:
    """The reading process's end. Calls come from one thread."""

    def __init__(self, slots: _Slots, free_out: int, free_in: int, ready_out: int) -> None:
        self._slots = slots
        self._free_out = free_out
        self._free_in: int | None = free_in
        self._ready_out = ready_out
        self._copies = CoveredBuffers()
        self._raw_copies = CoveredBuffers()
        self._closed = False
        for slot in range(SLOTS):
            _put(free_in, slot)

    def fileno(self) -> int:
        """Readable while a frame waits, hung up once the writer is gone: for poll and select."""
        return self._ready_out

    def read(self, timeout: float = 0.0) -> Frame | None:
        """The newest frame that was not read yet, or None when ``timeout`` seconds pass, or the writer goes, without.

        The pixels and raw values are a private copy: they stay as they are for as long as anybody refers to them, until
        ``wipe`` or ``close`` blackens them.
        """
        slot = self._newest()
        if slot is None and timeout > 0:
            poll = select.poll()
            poll.register(self._ready_out, select.POLLIN)
            poll.poll(timeout * 1000)
            slot = self._newest()
        if slot is None:
            return None
        header = self._slots.header(slot)
        width, height = size_of(header)
        pixels = self._copies.take((height, width, CHANNELS), np.uint8)
        np.copyto(pixels, self._slots.pixels(slot, width, height))
        values = self._raw_copies.take((height, width), np.uint16) if has_raw(header) else None
        if values is not None:
            np.copyto(values, self._slots.values(slot, width, height))
        self._give_back(slot)
        return unpack_header(header, pixels, values)

    def stop(self) -> None:
        """Tells the writer that no more is wanted. What it published can still be read."""
        if self._free_in is not None:
            os.close(self._free_in)
            self._free_in = None

    def wipe(self) -> int:
        """Overwrites every frame that waits or was read, and returns how many waited.

        The slot that the writer is filling at this moment is left to it: it becomes the next frame.
        """
        waiting = _take_all(self._ready_out)
        free = _take_all(self._free_out)
        for slot in (*waiting, *free):
            self._slots.wipe(slot)
            self._give_back(slot)
        self._wipe_copies()
        return len(waiting)

    def close(self) -> None:
        """Overwrites everything and lets the memory go; to be called when the writer has ended. May be repeated."""
        if self._closed:
            return
        self._closed = True
        self.stop()
        for slot in range(SLOTS):
            self._slots.wipe(slot)
        self._wipe_copies()
        self._slots.close()
        os.close(self._free_out)
        os.close(self._ready_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _newest(self) -> int | None:
        newest = _take(self._ready_out)
        while newest is not None:
            # One at a time, so that the writer always finds a slot in one of the pipes.
            newer = _take(self._ready_out)
            if newer is None:
                break
            self._give_back(newest)
            newest = newer
        return newest

    def _wipe_copies(self) -> None:
        self._copies.wipe()
        self._raw_copies.wipe()

    def _give_back(self, slot: int) -> None:
        if self._free_in is not None:
            _put(self._free_in, slot)


def _put(fd: int, slot: int) -> None:
    os.write(fd, bytes((slot,)))


def _take(fd: int) -> int | None:
    try:
        token = os.read(fd, 1)
    except BlockingIOError:
        return None
    return token[0] if token else None


def _take_all(fd: int) -> list[int]:
    slots = []
    while (slot := _take(fd)) is not None:
        slots.append(slot)
    return slots
