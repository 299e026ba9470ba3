"""A camera and lights that the doctor tries: frames are looked at while lights are switched, and kept as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import numpy as np

from edge.errors import HardwareError
from edge.frames.frame import Frame
from edge.hardware.ports import EndOfSource, LightInterval
from edge.hardware.safe_lights import SafeLights
from edge.session.clock import Clock, RealClock
from edge.session.exposure_timing import HeldExposure
from edge.session.runner import Devices
from edge.terminal.doctor.frame_series import Seen, seen
from edge.terminal.doctor.light_answer import Epoch

READ_SECONDS: Final = 0.5
# A camera that has given nothing for so long gives nothing.
PATIENCE_SECONDS: Final = 3.0
# Of one level of a light: it comes to no more than 1.25 flashes in a second. More, where frames arrive late.
LEAST_SECONDS: Final = 0.4
_MOST_SECONDS: Final = 1.5
_BESIDE_AGE: Final = 0.3
# Frames that automatic exposure is given to find its way, and that holding it may take to show.
_SETTLING: Final = 30
# So far into the time between two frames commands go, in turns: evenly spread, and in step with nothing.
_GOLDEN: Final = 0.618034
_NO_TIME: Final = 1e-4

Command = Callable[[float], LightInterval]
Look = Callable[[Frame], None]


class Silent(HardwareError):  # noqa: N818 - the family has the suffix
    """A camera that gives no frame."""


def _nothing(_: Frame) -> None: ...


class Bench:
    """Devices with their lights behind the guard, and what their camera sees. For use within ``running``."""

    def __init__(self, devices: Devices, clock: Clock) -> None:
        self._lights = SafeLights(devices.backlight, devices.screen, devices.illuminator, devices.caps)
        self.devices = replace(
            devices,
            backlight=self._lights.backlight,
            screen=self._lights.screen,
            illuminator=self._lights.illuminator,
        )
        self._clock = clock
        self._age = 0.0
        self._interval = 1 / 30
        self._turn = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """The camera is open, and every light is back as it was found at the end, however that comes.

        Raises LivegateError where the camera does not open.
        """
        camera, clock = self.devices.camera, self._clock
        with self._lights.minded(clock.now if isinstance(clock, RealClock) else None):
            try:
                camera.open()
                yield
            finally:
                # Without asking the clock, and before the camera, which may take its time.
                self._lights.put_back()
                camera.close()

    @contextmanager
    def lit(self) -> Iterator[None]:
        """Lights that are switched within are as they were found afterwards."""
        try:
            yield
        finally:
            self._lights.put_back(self._clock.now())

    def now(self) -> float:
        """Seconds on the session's clock."""
        return self._clock.now()

    def next(self, timeout: float = READ_SECONDS, look: Look = _nothing) -> Seen | None:
        """The next frame, or None where ``timeout`` seconds pass without one; ``look`` is shown it.

        Raises EndOfSource of a recording, and LivegateError of a camera or lights.
        """
        frame = self.devices.camera.read(timeout)
        if frame is None:
            self._clock.waited(timeout)
            self._lights.tick(self._clock.now())
            return None
        self._clock.frame_arrived(frame)
        now = self._clock.now()
        self._lights.renew(now)
        self.devices.ambient.saw(frame)
        look(frame)
        return seen(frame, now)

    def watch(self, frames: int, look: Look = _nothing) -> list[Seen]:
        """So many frames, or fewer where a recording ends.

        Raises Silent where none comes for three seconds, and LivegateError of a camera or lights.
        """
        found: list[Seen] = []
        waited = self._clock.now()
        while len(found) < frames:
            try:
                frame = self.next(look=look)
            except EndOfSource:
                break
            if frame is not None:
                found.append(frame)
                waited = self._clock.now()
            elif self._clock.now() - waited >= PATIENCE_SECONDS:
                raise Silent(
                    f"no frame came for {PATIENCE_SECONDS:g} s",
                    remedy="check the camera's cable, its power and the system's log (`journalctl -k`)",
                )
        self._learn(found)
        return found

    @contextmanager
    def held(self) -> Iterator[HeldExposure | None]:
        """Exposure as it was found for what is before the camera now; None where the camera holds none."""
        self.watch(_SETTLING)
        try:
            exposure = HeldExposure(self.devices.camera)
        except HardwareError:
            yield None
            return
        try:
            waited: list[bool] = []
            while len(waited) < _SETTLING and not all((*waited[-3:], len(waited) >= 3)):
                self.watch(1, look=lambda frame: waited.append(exposure.holds(frame)))
            yield exposure if exposure.held else None
        finally:
            exposure.free()

    def switch(self, on: Command, off: Command, times: int) -> list[Epoch]:
        """Off, and so many times on and off again. Raises as ``watch`` does."""
        lit = [False, *[True, False] * times]
        steps: list[tuple[bool, Command]] = [(way, on if way else off) for way in lit]
        return [
            Epoch(way, change, tuple(frames))
            for (way, _), (change, frames) in zip(steps, self.play([command for _, command in steps]), strict=True)
        ]

    def play(self, commands: Sequence[Command]) -> list[tuple[LightInterval, list[Seen]]]:
        """One after the other, and the frames that arrived after each. Raises as ``watch`` does."""
        return [self._step(command) for command in commands]

    def seconds_lit(self, times: int) -> float:
        """That finding an exposure for a light, and switching it on so often, takes of it at most."""
        return 2 * _SETTLING * self._interval + times * (self._dwell + 2 * self._interval)

    @property
    def _dwell(self) -> float:
        return min(max(LEAST_SECONDS, self._age + _BESIDE_AGE, 9 * self._interval), _MOST_SECONDS)

    def _step(self, command: Command) -> tuple[LightInterval, list[Seen]]:
        change = command(self._clock.now())
        until = change.settled_at + self._dwell
        frames: list[Seen] = []
        while self._clock.now() < until:
            frames += self.watch(1)
        # Into the time between two frames: rows that are exposed while a light changes are others each time.
        self._turn += 1
        until = self._clock.now() + self._turn * _GOLDEN % 1.0 * self._interval
        while (left := until - self._clock.now()) > _NO_TIME:
            late = self.next(left)
            if late is not None:
                frames.append(late)
        return change, frames

    def _learn(self, frames: Sequence[Seen]) -> None:
        if len(frames) > 1:
            self._age = float(np.median([frame.arrived_at - frame.captured_at for frame in frames]))
            self._interval = float(np.median(np.diff([frame.captured_at for frame in frames])))


def level(value: float, command: Callable[[float, float], LightInterval]) -> Command:
    """A command to one level of a light."""
    return lambda now: command(value, now)
