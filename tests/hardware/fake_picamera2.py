"""A stand-in for the module picamera2: requests, metadata and controls of a camera module, without one.

Each frame is one `capture_request`; its automatic exposure never rests, and controls show some frames later.
"""

from __future__ import annotations

import sys
import types
from collections import deque
from concurrent.futures import CancelledError
from types import SimpleNamespace

import numpy as np

LATENCY = 3
CONTROLS = {
    "ExposureTime": (100, 60_000, 20_000),
    "AnalogueGain": (1.0, 16.0, 1.0),
    "AeEnable": (False, True, True),
    "AwbEnable": (False, True, True),
    "ColourGains": (0.0, 32.0, None),
    "FrameDurationLimits": (10_000, 1_000_000, 33_333),
    "AeFlickerMode": (0, 2, 0),
    "AeFlickerPeriod": (100, 1_000_000, 10_000),
}


def colour_space(encoding="Rec601", range_="Limited"):
    return SimpleNamespace(ycbcrEncoding=SimpleNamespace(name=encoding), range=SimpleNamespace(name=range_))


class World:
    """What the camera is like, and what was done to it. frames: they end after so many, None: never.

    adjusted: what the camera makes of the streams that it was asked for. without: keys that metadata leaves out.
    """

    def __init__(self):
        self.controls = dict(CONTROLS)
        self.sensor_format = "SBGGR10_CSI2P"
        self.adjusted = {}
        self.sensor = {"bit_depth": 10}
        self.space = colour_space()
        self.without = set()
        self.extra = {}
        self.stamps = None
        self.frames = None
        self.paint = None
        self.on_open = None
        self.on_array = None
        self.on_close = None
        self.found = (12_000, 2.0, (2.5, 1.5))
        self.taken = 0
        self.out = 0
        self.opened = 0
        self.configured = []
        self.set = []
        self.closed = 0

    def module(self):
        world = self
        return types.SimpleNamespace(Picamera2=lambda number=0: Camera(world, number))

    def install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "picamera2", self.module())


class Job:
    def __init__(self, camera):
        self._camera = camera
        self._cancelled = False

    def get_result(self, timeout=None):
        if self._cancelled:
            raise CancelledError
        return self._camera.complete()

    def cancel(self):
        self._cancelled = True


class Request:
    def __init__(self, camera, number):
        self._camera = camera
        self._number = number
        self._released = False
        camera.world.out += 1
        self._metadata = camera.metadata(number)

    def get_metadata(self):
        return dict(self._metadata)

    def make_array(self, name):
        world = self._camera.world
        if world.on_array is not None:
            raise world.on_array
        return self._camera.picture(name, self._number)

    def release(self):
        assert not self._released
        self._released = True
        self._camera.world.out -= 1


class Camera:
    def __init__(self, world, number):
        if world.on_open is not None:
            raise world.on_open
        self.world = world
        self.number = number
        world.opened += 1
        self._configuration = None
        self._started = False
        self._coming = deque([{}] * LATENCY)
        self._wanted = {}
        self._number = 0
        self._jobs = []

    @property
    def camera_controls(self):
        return self.world.controls

    @property
    def sensor_format(self):
        return self.world.sensor_format

    def create_video_configuration(self, main, raw, buffer_count, controls):
        return {"main": main, "raw": raw, "buffer_count": buffer_count, "controls": controls}

    def configure(self, configuration):
        assert set(configuration["controls"]) <= set(self.world.controls)
        self.world.configured.append(configuration)
        self._configuration = configuration

    def camera_configuration(self):
        streams = {name: self._configuration[name] for name in ("main", "raw")}
        return {**streams, "sensor": self.world.sensor, "colour_space": self.world.space, **self.world.adjusted}

    def start(self):
        self._started = True

    def capture_request(self, wait=None):
        assert wait is False
        assert self._started
        job = Job(self)
        self._jobs.append(job)
        return job

    def wait(self, job, timeout=None):
        assert timeout is not None
        assert timeout >= 0
        return job.get_result(timeout)

    def complete(self):
        if self.world.frames is not None and self._number >= self.world.frames:
            raise TimeoutError
        # Four buffers: with all of them held, nothing comes.
        if self.world.out >= self._configuration["buffer_count"]:
            raise TimeoutError
        self._coming.append(dict(self._wanted))
        request = Request(self, self._number)
        self._number += 1
        self.world.taken += 1
        return request

    def metadata(self, number):
        world = self.world
        held = self._coming.popleft()
        exposure, gain, gains = world.found
        # Never at rest.
        exposure, gains = exposure + number % 2, (gains[0] + 0.01 * (number % 2), gains[1])
        automatic = held.get("AeEnable", True)
        told = {
            "SensorTimestamp": world.stamps[number] if world.stamps else 10**12 + number * 33_333_000,
            "ExposureTime": exposure if automatic else held["ExposureTime"],
            "AnalogueGain": gain if automatic else held["AnalogueGain"],
            "DigitalGain": 1.0,
            "ColourGains": gains if held.get("AwbEnable", True) else held["ColourGains"],
            "FrameDuration": 33_333,
            "Lux": 120.0,
            "SensorBlackLevels": (4096, 4096, 4096, 4096),
            **world.extra,
        }
        return {key: value for key, value in told.items() if key not in world.without}

    def picture(self, name, number):
        stream = self.camera_configuration()[name]
        width, height = stream["size"]
        if self.world.paint is not None:
            return self.world.paint(name, number)
        if name == "raw":
            return np.full((height, width), 64 + number, "<u2").view(np.uint8)
        return np.full((height, width, 3), number % 256, np.uint8)

    def set_controls(self, controls):
        unknown = set(controls) - set(self.world.controls)
        if unknown:
            raise RuntimeError(f"Control {unknown} is not advertised by libcamera")
        self.world.set.append(dict(controls))
        self._wanted = {**self._wanted, **controls}

    def cancel_all_and_flush(self):
        for job in self._jobs:
            job.cancel()

    def close(self):
        self.world.closed += 1
        self._started = False
        if self.world.on_close is not None:
            raise self.world.on_close
