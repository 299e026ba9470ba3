"""What a frame costs, beside what the same models cost bare in the same run."""

from __future__ import annotations

import platform
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from edge.contracts.enums import CaptureKind
from edge.errors import InputError
from edge.frames.frame import ColourOrder, Frame
from edge.frames.picture import Picture, read_picture
from edge.inference.bundle import ModelBundle
from edge.inference.model import LoadedModel
from edge.simulation import openpeople
from edge.vision.pipeline import FaceVision

# Width and height of the frame of one's own, pixels.
FRAME = (640, 480)
WARM_UP = 5
DRIFT = 6  # pixels that the face wanders, so that tracking has something to do


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds, or a ratio of two times."""

    median: float
    p95: float
    n: int


@dataclass(frozen=True, slots=True)
class BenchReport:
    """One run. Ratios are frame time over the bare invokes of the models that the frame needed, frame by frame.

    stages: milliseconds by stage. invokes: milliseconds of the bare interpreter, by model.
    tracked, detected: frame to evidence in milliseconds, with the track kept, and with the detector. The bare ones are
    the sums of those invokes: landmarks and all active PAD networks, and besides the detector.
    """

    machine: str
    runtime: str
    threads: int
    frame: str
    stages: dict[str, Spread]
    invokes: dict[str, Spread]
    tracked: Spread
    tracked_bare: Spread
    tracked_ratio: Spread
    detected: Spread
    detected_bare: Spread
    detected_ratio: Spread
    load_seconds: float
    peak_rss_mib: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Stopwatch:
    """A StageTimer that keeps milliseconds by stage."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.times[stage].append((time.perf_counter() - started) * 1e3)


def selfie() -> Picture:
    """A synthetic person's selfie as a camera of 640 x 480 pixels has it. Raises InputError without ``openpeople``."""
    picture = read_picture(openpeople.photo("P001/selfie"))
    height = min(picture.shape[0], round(picture.shape[1] * FRAME[1] / FRAME[0]))
    top = (picture.shape[0] - height) // 2
    return np.asarray(cv2.resize(picture[top : top + height], FRAME, interpolation=cv2.INTER_AREA), np.uint8)


def bench(
    picture: Picture,
    load: Callable[[], ModelBundle],
    *,
    threads: int,
    frames: int,
    on_frame: Callable[[], None] = lambda: None,
) -> BenchReport:
    """Measures ``frames`` tracked and ``frames`` detected frames of the picture.

    Raises InputError when vision finds nothing in the picture that the networks may judge.
    """
    started = time.perf_counter()
    bundle = load()
    load_seconds = time.perf_counter() - started
    stopwatch = Stopwatch()
    vision = FaceVision(bundle, timer=stopwatch)
    models = {"detector": bundle.detector, "landmarks": bundle.landmarks} | {f"pad.{m.id}": m for m in bundle.pad}
    _check(vision, picture)
    tracked: list[tuple[float, float]] = []
    detected: list[tuple[float, float]] = []
    for number in range(WARM_UP + 2 * frames):
        frame = _frame(picture, number)
        forget = number % 2 == 0
        if forget:
            vision.reset()
        if number == WARM_UP:
            stopwatch.times.clear()
        sample = _one(vision, frame, stopwatch, models)
        if number >= WARM_UP:
            (detected if forget else tracked).append(sample)
            on_frame()
    raw = {name: times for name, times in stopwatch.times.items() if name.startswith("raw.")}
    return BenchReport(
        machine=f"{platform.machine()} {platform.python_implementation()} {platform.python_version()}",
        runtime=str(bundle.runtime),
        threads=threads,
        frame=f"{picture.shape[1]}x{picture.shape[0]}",
        stages={name: _spread(times) for name, times in sorted(stopwatch.times.items()) if name not in raw},
        invokes={name.removeprefix("raw."): _spread(times) for name, times in sorted(raw.items())},
        tracked=_spread([total for total, _ in tracked]),
        tracked_bare=_spread([bare for _, bare in tracked]),
        tracked_ratio=_spread([total / bare for total, bare in tracked]),
        detected=_spread([total for total, _ in detected]),
        detected_bare=_spread([bare for _, bare in detected]),
        detected_ratio=_spread([total / bare for total, bare in detected]),
        load_seconds=load_seconds,
        peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _one(vision: FaceVision, frame: Frame, stopwatch: Stopwatch, models: dict[str, LoadedModel]) -> tuple[float, float]:
    counts = {name: len(stopwatch.times[name]) for name in models}
    started = time.perf_counter()
    vision.see(frame)
    total = (time.perf_counter() - started) * 1e3
    bare = 0.0
    for name, model in models.items():
        for _ in range(len(stopwatch.times[name]) - counts[name]):
            with stopwatch(f"raw.{name}"):
                model.invoke_raw()
            bare += stopwatch.times[f"raw.{name}"][-1]
    return total, bare


def _frame(picture: Picture, number: int) -> Frame:
    shift = round(DRIFT * np.sin(number / 5))
    return Frame(
        pixels=np.ascontiguousarray(np.roll(picture, shift, axis=1)),
        colour=ColourOrder.BGR,
        sequence=number,
        captured_at=number / 15,
        capture=CaptureKind.REPLAY,
    )


def _check(vision: FaceVision, picture: Picture) -> None:
    evidence = vision.see(_frame(picture, 0))
    if not evidence.pad:
        why = ", ".join(evidence.failures) or "no network looked at it"
        raise InputError(f"the picture cannot be judged: {why}", remedy="give one with one frontal, sharp face")


def _spread(values: list[float]) -> Spread:
    return Spread(float(np.median(values)), float(np.percentile(values, 95)), len(values))
