"""The camera: whether it opens, and what its frames are like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.config.settings import Settings
from edge.contracts.doctor import Check
from edge.contracts.enums import CaptureKind
from edge.errors import LivegateError
from edge.frames.frame import ColourOrder, Frame
from edge.terminal.doctor import frame_checks
from edge.terminal.doctor.alone import undisturbed
from edge.terminal.doctor.bench import Bench
from edge.terminal.doctor.checking import fail, ok, raised, skipped
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.focus import focus
from edge.terminal.doctor.frame_series import Seen
from edge.terminal.doctor.opened import Opened, camera_alone

# The first frames of an opening tell nothing of those that follow.
_BEFORE: Final = 10
_SECONDS: Final = 2.5
_LEAST, _MOST = 20, 90
_AVERAGED: Final = 8


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from undisturbed("camera.open", context, _of)


def _of(context: Context, settings: Settings) -> list[Check]:
    return look(camera_alone(context, settings), settings)


def look(opened: Opened, settings: Settings) -> list[Check]:
    """All of them. Raises LivegateError where the camera does not open; it is closed at the end."""
    bench = Bench(opened.devices, opened.clock)
    # Nobody asks in between: frames would grow old while somebody reads.
    with bench.running():
        try:
            return list(_checks(bench, settings))
        except LivegateError as error:
            return [raised("camera.frames", error)]


def _checks(bench: Bench, settings: Settings) -> Iterator[Check]:
    traits = bench.devices.camera.traits
    early, picture = _Mean(), _Mean()
    first = bench.watch(_BEFORE, early.add)
    frames = bench.watch(_count(first)) or first
    bench.watch(_AVERAGED, picture.add)
    if not frames:
        yield fail("camera.open", "the recording holds no frame", "name another in camera.sources")
        return
    yield ok("camera.open", f"{traits.name}, {len(frames[0].rows)} rows, spectrum {traits.spectrum.value}")
    if traits.capture is CaptureKind.REPLAY:
        yield skipped("camera.rate", "a recording comes as fast as it is asked for")
    else:
        yield frame_checks.rate(frames, getattr(settings.camera, "frame_rate", None))
        if len(frames) > 1:
            yield frame_checks.age(frames)
            yield frame_checks.sequence(frames)
    yield frame_checks.exposure(frames, traits)
    yield frame_checks.raw(frames, getattr(settings.camera, "raw", None))
    yield frame_checks.lux(frames)
    yield frame_checks.picture(frames, live=traits.capture is CaptureKind.LIVE)
    # A recording may be over by now.
    started, grey = early.taken(), picture.taken()
    grey = started if grey is None else grey
    if grey is not None:
        yield focus(grey)
        grey.fill(0)


def _count(frames: Sequence[Seen]) -> int:
    """For some seconds."""
    if len(frames) < 2:
        return 0
    interval = (frames[-1].captured_at - frames[0].captured_at) / (len(frames) - 1)
    return min(max(round(_SECONDS / max(interval, 1e-3)), _LEAST), _MOST)


class _Mean:
    """Of the green of some pictures, in memory alone."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float32] | None = None
        self._count = 0

    def add(self, frame: Frame) -> None:
        green = frame.in_order(ColourOrder.BGR)[:, :, 1].astype(np.float32)
        self._sum = green if self._sum is None else np.add(self._sum, green, out=self._sum)
        self._count += 1

    def taken(self) -> NDArray[np.uint8] | None:
        """(height, width) uint8; None where there was none. What it was made of is overwritten."""
        if self._sum is None:
            return None
        mean = (self._sum / self._count + 0.5).astype(np.uint8)
        self._sum.fill(0)
        self._sum = None
        return mean
