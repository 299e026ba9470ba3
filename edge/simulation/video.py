"""Screens that play a video: from a file, or of a simulated person who turns the head."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from edge.contracts.enums import Prompt
from edge.errors import InputError
from edge.frames.frame import Frame
from edge.frames.picture import Picture
from edge.hardware.ports import Camera, EndOfSource
from edge.hardware.replay import ReplayCamera
from edge.simulation.optics import Layer, Material, Subject

# Of a video so much is kept in memory: pixels of the longer side, and frames.
MOST_SIDE: Final = 480
MOST_FRAMES: Final = 300

# What the recorded person does, seconds after the beginning: holds still, then turns every way and back.
_TURNS: Final = (
    (1.5, Prompt.TURN_LEFT),
    (3.5, Prompt.TURN_RIGHT),
    (5.5, Prompt.TURN_UP),
    (7.5, Prompt.TURN_DOWN),
    (9.5, Prompt.LOOK_AT_CAMERA),
)
_RECORDED: Final = 11.0
# What exposure control needs to settle, seconds.
_SETTLING: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """Pictures, and since when each is shown, seconds from 0. duration: seconds of all, after which it begins anew."""

    pictures: Sequence[Picture]
    begins: Sequence[float]
    duration: float

    def number_at(self, now: float) -> int:
        return bisect_right(self.begins, now % self.duration) - 1


def read_video(path: Path) -> Video:
    """The first 300 frames of a file, at most 480 pixels on the longer side.

    Raises InputError where it cannot be read or is no video.
    """
    with ReplayCamera(path, max_side=MOST_SIDE) as camera:
        frames = _frames(camera, MOST_FRAMES)
    if len(frames) < 2:
        raise InputError(f"{path} is no video", remedy="give it as a photo, or a video of two frames or more")
    return _video(frames)


def record_turning(person: Subject, camera: Camera, fps: float) -> Video:
    """A recording of somebody who looks into the lens and then turns the head left, right, up and down."""
    turns = list(_TURNS)
    frames: list[Frame] = []
    with camera:
        for number in range(round(_RECORDED * fps)):
            if turns and number / fps >= turns[0][0]:
                person.told(turns[0][1], turns.pop(0)[0])
            frame = camera.read(1.0)
            if frame is not None and number >= _SETTLING * fps:
                frames.append(frame)
    return _video(frames)


class PlayingScreen:
    """Implements ``edge.simulation.optics.Subject``: a screen whose picture changes."""

    def __init__(self, screen: Subject, video: Video, shown: Callable[[Picture], Material]) -> None:
        """screen: moves it; its own material counts for nothing. shown: the material while it shows a picture."""
        self._screen = screen
        self._video = video
        self._shown = shown
        self._last: tuple[int, Material] | None = None

    def layers(self, now: float) -> Sequence[Layer]:
        number = self._video.number_at(now)
        if self._last is None or self._last[0] != number:
            self._last = number, self._shown(self._video.pictures[number])
        return [replace(layer, material=self._last[1]) for layer in self._screen.layers(now)]

    def told(self, prompt: Prompt | None, now: float) -> None:
        self._screen.told(prompt, now)


def _frames(camera: Camera, most: int) -> list[Frame]:
    frames: list[Frame] = []
    try:
        while len(frames) < most:
            frame = camera.read(1.0)
            if frame is not None:
                frames.append(frame)
    except EndOfSource:
        pass
    return frames


def _video(frames: Sequence[Frame]) -> Video:
    begins = [frame.captured_at - frames[0].captured_at for frame in frames]
    interval = begins[-1] / (len(begins) - 1)
    return Video([np.asarray(frame.pixels, np.uint8) for frame in frames], begins, begins[-1] + interval)
