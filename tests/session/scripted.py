"""Scripted camera, vision and lights for tests of the runner and of the daemon."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edge.contracts.enums import CaptureKind, QualityFailure
from edge.frames.frame import ColourOrder, Frame
from edge.hardware.null import NullBacklight
from edge.hardware.ports import CameraTraits, EndOfSource, LightInterval
from edge.liveness.evidence import FaceBox, FrameEvidence, PadScore

PIXELS = np.zeros((4, 4, 3), np.uint8)


def frame(number: int, *, still: bool = False, lux: float | None = None) -> Frame:
    return Frame(PIXELS, ColourOrder.BGR, number, number / 10, CaptureKind.REPLAY, still=still, lux=lux)


class ScriptedCamera:
    traits = CameraTraits("scripted", CaptureKind.REPLAY, exposure_metadata=False)

    def __init__(self, script: Iterable[Frame | Exception | None], opening: Exception | None = None):
        self.script = iter(script)
        self.opening = opening
        self.closed = 0

    def open(self):
        if self.opening is not None:
            raise self.opening

    def read(self, timeout):
        item = next(self.script, EndOfSource())
        if isinstance(item, Exception):
            raise item
        return item

    def close(self):
        self.closed += 1


class ScriptedVision:
    """Finds a face in every frame; ``margin`` and ``failures`` are what it says of it, ``share`` what a glance says. It
    knows no landmarks.
    """

    landmarks = None

    def __init__(self, margin: float = 3.0, failures: tuple[QualityFailure, ...] = ()):
        self.margin = margin
        self.failures = failures
        self.judged: list[int] = []
        self.share: float | None = 0.4
        self.fault: Exception | None = None

    def embedding(self, frame):
        return None

    def glance(self, frame):
        return self.share

    def reset(self): ...

    def forget(self): ...

    def see(self, frame, *, judge=True):
        if self.fault is not None:
            raise self.fault
        scores = ()
        if judge and not self.failures:
            self.judged.append(frame.sequence)
            scores = (PadScore("net", "0" * 64, self.margin),)
        return FrameEvidence(
            sequence=frame.sequence,
            captured_at=frame.captured_at,
            faces=1,
            box=FaceBox(10.4, 20.6, 100, 100),
            failures=self.failures,
            quality=0.5,
            pad=scores,
            still=frame.still,
            track=1,
        )


class SlowBacklight(NullBacklight):
    """Takes half a second to come up, as an LCD may, and records what was done to it."""

    def __init__(self, delay: float = 0.5):
        super().__init__()
        self.delay = delay
        self.calls: list[str] = []

    def set_level(self, level, now):
        self.calls.append(f"set {level}")
        return LightInterval(now, now + self.delay)

    def restore(self, now):
        self.calls.append("restore")


class Lux:
    available = True

    def __init__(self, value: float):
        self.value = value

    direct = True

    def saw(self, frame): ...

    def lux(self):
        return self.value


def frames(count: int, **fields) -> list[Frame]:
    return [frame(number, **fields) for number in range(count)]
