"""A model of the kernel's side of /dev/video*: devices, their formats, buffers and what they refuse.

Written from linux/videodev2.h by byte offsets, so that the driver's own structures are held against it. Time goes on
only while somebody waits. The memory of buffers stays readable after it was unmapped.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import struct
from collections import deque
from typing import ClassVar

import cv2
import numpy as np

CAPTURE_CAPS = 0x0420_0001
METADATA_CAPS = 0x04A0_0000
MONOTONIC = 0x2000
ERROR = 0x40
PAGE = mmap.PAGESIZE

QUERYCAP, STREAMON, STREAMOFF = 0x80685600, 0x40045612, 0x40045613
ENUM_FMT, S_FMT, REQBUFS = 0xC0405602, 0xC0D05605, 0xC0145608
QUERYBUF, QBUF, DQBUF = 0xC0585609, 0xC058560F, 0xC0585611
S_PARM, S_CTRL = 0xC0CC5616, 0xC008561C
ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0xC02C564A, 0xC034564B


def refused(number):
    return OSError(number, os.strerror(number))


def code(name):
    return int.from_bytes(name.encode(), "little")


class Device:
    """formats: by four letters, sizes to the rates of each. refuse: what an ioctl is answered, by its number.

    paint: (number, layout, width, height) -> bytes of a frame. flags, stamps, sequences: of frames by their number.
    """

    def __init__(self, card="Model Camera", bus="usb-0000:01:00.0-1", caps=CAPTURE_CAPS):
        self.card, self.bus, self.caps = card, bus, caps
        self.formats = {"YUYV": {(64, 48): [30.0]}, "MJPG": {(64, 48): [30.0], (128, 96): [30.0, 15.0]}}
        self.span = None
        self.lists_sizes = True
        self.colours = (8, 0, 0)
        self.stride = None
        self.refuse = {}
        self.on_open = None
        self.adjust = None
        self.paint = painted
        self.flags = {}
        self.stamps = {}
        self.sequences = None
        self.frames = None
        self.stays = True
        self.controls = {}
        self.rate = None
        self.period = 1 / 30
        self.buffers = []
        self.busy = None
        self.opened = 0
        self.reset()

    def reset(self):
        self.streaming = False
        self.queued, self.done = deque(), deque()
        self.number = 0
        self.taken = 0
        self.due = 0.0

    def size(self, layout, width, height):
        stride = self.stride or width * (2 if layout in ("YUYV", "UYVY") else 3 if layout.endswith("3") else 1)
        rows = height * 3 // 2 if layout in ("NV12", "YU12") else height
        return stride, stride * rows


def painted(number, layout, width, height):
    """A grey that tells the frame's number."""
    grey = number % 200 + 20
    if layout in ("MJPG", "JPEG"):
        return cv2.imencode(".jpg", np.full((height, width, 3), grey, np.uint8))[1].tobytes()
    if layout in ("YUYV", "UYVY"):
        pair = [grey, 128] if layout == "YUYV" else [128, grey]
        return bytes(pair * (width * height))
    if layout in ("NV12", "YU12"):
        return bytes([grey]) * (width * height) + bytes([128]) * (width * height // 2)
    return bytes([grey, grey + 1, grey + 2] * (width * height))


class Kernel:
    def __init__(self, **devices):
        self.devices = {f"/dev/{name}": device for name, device in devices.items()}
        self.links = {}
        self.time = 1000.0
        self.files = {}
        self.waited = []

    def nodes(self):
        return sorted(self.devices)

    def now(self):
        return self.time

    def open(self, path):
        device = self.devices.get(self.links.get(path, path))
        if device is None or not device.stays:
            raise refused(errno.ENOENT)
        if device.on_open is not None:
            raise refused(device.on_open)
        number = 100 + len(self.files)
        self.files[number] = device
        device.opened += 1
        return number

    def close(self, number):
        device = self._device(number)
        self.files[number] = None
        device.opened -= 1
        if device.busy == number:
            device.busy = None
            device.reset()

    def map(self, number, length, offset):
        device = self._device(number)
        return mmap.mmap(device.buffers[offset // (1 << 20)].memory, length)

    def wait(self, number, seconds):
        device = self._device(number)
        assert seconds > 0
        self.waited.append(seconds)
        until = self.time + seconds
        while device.stays and device.streaming and not device.done and self.time < until:
            if device.due > until or (device.frames is not None and device.number >= device.frames):
                break
            self.time = max(self.time, device.due)
            self.expose(device)
        if device.stays and not device.done:
            self.time = until

    def expose(self, device):
        """One frame, into the buffer that waits longest; without one it is lost."""
        number, device.number = device.number, device.number + 1
        device.due = self.time + device.period
        if device.queued:
            buffer = device.queued.popleft()
            content = device.paint(number, *device.form)
            ctypes.memmove(buffer.address, content, len(content))
            buffer.used = len(content)
            buffer.flags = device.flags.get(number, MONOTONIC)
            buffer.stamp = device.stamps.get(number, self.time)
            buffer.sequence = number if device.sequences is None else device.sequences(number)
            device.done.append(buffer)

    def ioctl(self, number, request, argument):
        device = self._device(number)
        if not device.stays:
            raise refused(errno.ENODEV)
        if request in device.refuse:
            raise refused(device.refuse[request])
        data = bytearray(bytes(argument))
        assert request >> 16 & 0x3FFF == len(data)
        self.CALLS[request](self, device, number, data)
        ctypes.memmove(ctypes.addressof(argument), bytes(data), len(data))

    def _device(self, number):
        device = self.files.get(number)
        if device is None:
            raise refused(errno.EBADF)
        return device

    def _querycap(self, device, _, data):
        every = CAPTURE_CAPS | METADATA_CAPS | 0x8000_0000
        struct.pack_into(
            "16s32s32sIII", data, 0, b"model", device.card.encode(), device.bus.encode(), 0x060100, every, device.caps
        )

    def _enum_fmt(self, device, _, data):
        index, kind = struct.unpack_from("II", data)
        if kind != 1 or index >= len(device.formats):
            raise refused(errno.EINVAL)
        struct.pack_into("I", data, 44, code(list(device.formats)[index]))

    def _sizes(self, device, layout):
        return next((sizes for name, sizes in device.formats.items() if code(name) == layout), {})

    def _enum_framesizes(self, device, _, data):
        index, layout = struct.unpack_from("II", data)
        if not device.lists_sizes:
            raise refused(errno.ENOTTY)
        if device.span is not None:
            if index:
                raise refused(errno.EINVAL)
            struct.pack_into("I6I", data, 8, 3, *device.span)
            return
        sizes = list(self._sizes(device, layout))
        if index >= len(sizes):
            raise refused(errno.EINVAL)
        struct.pack_into("III", data, 8, 1, *sizes[index])

    def _enum_frameintervals(self, device, _, data):
        index, layout, width, height = struct.unpack_from("IIII", data)
        rates = self._sizes(device, layout).get((width, height), [])
        if index >= len(rates):
            raise refused(errno.EINVAL)
        struct.pack_into("III", data, 16, 1, 1000, round(rates[index] * 1000))

    def _s_fmt(self, device, number, data):
        if device.busy not in (None, number):
            raise refused(errno.EBUSY)
        kind, width, height, layout = struct.unpack_from("I4xIII", data)
        assert kind == 1
        if device.adjust is not None:
            width, height, layout = device.adjust[0], device.adjust[1], code(device.adjust[2])
        name = layout.to_bytes(4, "little").decode()
        device.form = (name, width, height)
        stride, size = device.size(name, width, height)
        space, encoding, quantization = device.colours
        struct.pack_into("IIIIIII", data, 8, width, height, layout, 1, 0 if name == "MJPG" else stride, size, space)
        struct.pack_into("II", data, 8 + 36, encoding, quantization)
        device.image = max(size, 4 * width * height)

    def _s_parm(self, device, _, data):
        numerator, denominator = struct.unpack_from("II", data, 12)
        device.rate = denominator / numerator
        device.period = 1 / device.rate

    def _s_ctrl(self, device, _, data):
        name, value = struct.unpack("Ii", data)
        device.controls[name] = value

    def _reqbufs(self, device, number, data):
        count, kind, memory = struct.unpack_from("III", data)
        assert (kind, memory) == (1, 1)
        if device.busy not in (None, number):
            raise refused(errno.EBUSY)
        if not count:
            assert not device.streaming
            device.busy = None
            return
        device.busy = number
        device.reset()
        device.buffers = [BufferMemory(index, device.image) for index in range(count)]

    def _querybuf(self, device, _, data):
        buffer = device.buffers[struct.unpack_from("I", data)[0]]
        struct.pack_into("=I4xI", data, 64, buffer.index << 20, buffer.length)

    def _qbuf(self, device, _, data):
        buffer = device.buffers[struct.unpack_from("I", data)[0]]
        assert struct.unpack_from("I", data, 60)[0] == 1
        if buffer in device.queued or buffer in device.done:
            raise refused(errno.EINVAL)
        device.queued.append(buffer)

    def _dqbuf(self, device, _, data):
        if not device.streaming:
            raise refused(errno.EINVAL)
        if not device.done:
            raise refused(errno.EAGAIN)
        buffer = device.done.popleft()
        device.taken += 1
        seconds, part = divmod(round(buffer.stamp * 1e6), 1_000_000)
        struct.pack_into("IIII", data, 0, buffer.index, 1, buffer.used, buffer.flags)
        struct.pack_into("qq", data, 24, seconds, part)
        struct.pack_into("I", data, 56, buffer.sequence)

    def _streamon(self, device, _, data):
        assert struct.unpack("i", data) == (1,)
        device.streaming = True
        device.due = self.time + device.period

    def _streamoff(self, device, *_):
        device.streaming = False
        device.queued.clear()
        device.done.clear()

    CALLS: ClassVar = {
        QUERYCAP: _querycap,
        ENUM_FMT: _enum_fmt,
        S_FMT: _s_fmt,
        REQBUFS: _reqbufs,
        QUERYBUF: _querybuf,
        QBUF: _qbuf,
        DQBUF: _dqbuf,
        STREAMON: _streamon,
        STREAMOFF: _streamoff,
        S_PARM: _s_parm,
        S_CTRL: _s_ctrl,
        ENUM_FRAMESIZES: _enum_framesizes,
        ENUM_FRAMEINTERVALS: _enum_frameintervals,
    }


class BufferMemory:
    def __init__(self, index, size):
        self.index = index
        self.length = -(-size // PAGE) * PAGE
        self.memory = os.memfd_create("buffer")
        os.ftruncate(self.memory, self.length)
        self.view = mmap.mmap(self.memory, self.length)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.view))
        self.used, self.flags, self.stamp, self.sequence = 0, 0, 0.0, 0

    @property
    def dark(self):
        return not any(self.view[:])
