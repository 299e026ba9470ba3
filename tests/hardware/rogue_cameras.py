"""Cameras that behave and cameras that do not, importable by a capture process."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.contracts.enums import CaptureKind
from edge.errors import HardwareError
from edge.frames.frame import BayerOrder, ColourOrder, Exposure, Frame, LightState, Mosaic
from edge.hardware.ports import CameraTraits

WIDTH, HEIGHT = 64, 48


def hang() -> None:
    """For good, like a driver that waits in the kernel with the interpreter's lock held."""
    ctypes.PyDLL(None).pause()


def crash() -> None:
    """As a driver does that reads where it must not."""
    ctypes.string_at(0)


class GoodCamera:
    """A frame at each read, on the system's clock. openings: a file that gets one line at each opening."""

    def __init__(self, openings: Path | None = None) -> None:
        self._openings = openings
        self._sequence: int | None = None

    @property
    def traits(self) -> CameraTraits:
        return CameraTraits(type(self).__name__, CaptureKind.SIMULATED, exposure_metadata=True)

    def open(self) -> None:
        if self._openings is not None:
            with self._openings.open("a") as stream:
                stream.write(f"{os.getpid()}\n")
        self._sequence = 0

    def read(self, timeout: float) -> Frame | None:
        if self._sequence is None:
            raise HardwareError("not open", remedy="open it")
        now = time.monotonic()
        frame = Frame(
            pixels=np.full((HEIGHT, WIDTH, 3), 1 + self._sequence % 250, np.uint8),
            colour=ColourOrder.RGB,
            sequence=self._sequence,
            captured_at=now,
            capture=CaptureKind.SIMULATED,
            exposure=Exposure(now - 0.02, 0.01, 1e-5, 1.5),
            light=LightState(display=0.5, infrared=1.0),
            lux=120.0,
        )
        self._sequence += 1
        return frame

    def close(self) -> None:
        self._sequence = None

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def openings_before(self) -> int:
        return len(self._openings.read_text().splitlines()) - 1 if self._openings else 0


class RawCamera(GoodCamera):
    """Its frames carry raw values, 100 more with each frame."""

    def read(self, timeout: float) -> Frame | None:
        frame = super().read(timeout)
        if frame is None:
            return None
        values = np.full((HEIGHT, WIDTH), 100 * (1 + frame.sequence % 600), np.uint16)
        return replace(frame, raw=Mosaic(values, BayerOrder.RGGB, 64, 65535))


class HoldingCamera(GoodCamera):
    """Its exposure grows from frame to frame, by 1 ms up to 20 ms, until it is held. refuses: it cannot be."""

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__()
        self._refuses = refuses
        self._held: float | None = None

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        if self._refuses:
            raise HardwareError("no frame has told of its exposure", remedy="read one")
        self._held = 0.1 * longer

    def unlock(self) -> None:
        self._held = None

    def read(self, timeout: float) -> Frame | None:
        frame = super().read(timeout)
        if frame is None or frame.exposure is None:
            return frame
        found = 0.001 * (1 + frame.sequence % 20)
        duration = found if self._held is None else self._held
        return replace(frame, exposure=replace(frame.exposure, duration=duration))


class FailingCamera(GoodCamera):
    """Gives ``good`` frames after its opening, then does ``fail``; only in its first ``bad_openings`` openings."""

    def __init__(self, fail, good: int = 3, openings: Path | None = None, bad_openings: int = 1000) -> None:
        super().__init__(openings)
        self._fail = fail
        self._good = good
        self._bad_openings = bad_openings

    def read(self, timeout: float) -> Frame | None:
        if self._sequence == self._good and self.openings_before < self._bad_openings:
            self._fail()
        return super().read(timeout)


class UnopenableCamera(GoodCamera):
    """Does ``fail`` when it is opened."""

    def __init__(self, fail) -> None:
        super().__init__()
        self._fail = fail

    def open(self) -> None:
        self._fail()


class TellsOfItself(GoodCamera):
    """It cannot be opened; the error says whether its process may be dumped."""

    def open(self) -> None:
        dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE of linux/prctl.h
        core = resource.getrlimit(resource.RLIMIT_CORE)
        raise HardwareError(f"dumpable {dumpable}, core files up to {core}", remedy="see hygiene")


class TalkativeCamera(GoodCamera):
    """Writes to standard output, as libraries of cameras do."""

    def open(self) -> None:
        super().open()
        sys.stdout.write("configuring streams\n")
        sys.stdout.flush()


class UnclosableCamera(GoodCamera):
    def close(self) -> None:
        hang()


def exit_at_once() -> None:
    os._exit(7)


def lose_camera() -> None:
    raise HardwareError("the cable is out", remedy="put it back")


def deny() -> None:
    raise HardwareError("/dev/video0 may not be read", remedy="add the user to the group video") from PermissionError()


def be_buggy() -> None:
    raise ZeroDivisionError("a programmer's error")


def give_nothing() -> None:
    """A driver that answers, but has no frames any more."""
    while True:
        time.sleep(3600)
