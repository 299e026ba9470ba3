"""Whether a face pulses as a screen does, and the room around it does not.

A rolling shutter exposes its rows one after the other, so a light that is switched some hundred times a second lies
over the picture in bands, which drift from frame to frame. Mains lamps do that to the whole room; a screen's own light
does it to what the screen shows. Bands vanish where the exposure is much longer than a pulse, where they drift by less
than a sixth of a period from one frame to the next, and where the light is steady: a face without bands proves nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.frames.covered import Scratch
from edge.frames.frame import Exposure, Frame
from edge.frames.linear import row_levels
from edge.liveness.evidence import FaceBox
from edge.vision.boxes import centre

_Values = NDArray[np.float64]

# Frames that are looked at together, of a face that moves no further meanwhile than this share of its width.
_FRAMES: Final = 12
_STAYS: Final = 0.06
# Of the face's box: columns, and what lies at least so far beside it is the room. More columns only cost more.
_FACE_COLUMNS: Final = (0.3, 0.7)
_BESIDE: Final = 0.4
_LEAST_COLUMNS: Final = 30
_MOST_COLUMNS: Final = 60
_LEAST_ROWS: Final = 80
# Rows that are averaged, hertz that are looked at.
_ROWS: Final = 4
_FREQUENCIES: Final[_Values] = np.arange(50.0, 1200.0, 1.0)
# The second difference from frame to frame gains at least this where bands drift by a sixth of a period or more.
_LEAST_GAIN: Final = 1.0
_MOST_CLIPPED: Final = 0.02
_DARK: Final = 1e-4
# Neighbouring frequencies are the same tone: 12 frames at 30 a second tell 3 Hz apart.
_NEIGHBOURS: Final = 3


@dataclass(frozen=True, slots=True)
class Banding:
    """The strongest tone in a face's rows.

    frequency: Hz; one of several that bands on these rows cannot be told from, a frame rate apart. depth: its amplitude
    as a share of the light. share: of the rows' change from frame to frame that it explains, 0..1. room: amplitude at
    that frequency beside the face.
    """

    frequency: float
    depth: float
    share: float
    room: float


@dataclass(frozen=True, slots=True)
class _Windows:
    """Rows and columns; of the room one or two ranges of columns."""

    top: int
    bottom: int
    face: tuple[int, int]
    room: tuple[tuple[int, int], ...]


class BandSearch:
    """Gathers rows of a face and of the room beside it. Keeps mean levels of rows, and pixels only in
    memory that ``forget`` overwrites.
    """

    def __init__(self) -> None:
        self._scratch = Scratch()
        self._box: FaceBox | None = None
        self._windows: _Windows | None = None
        self._sequence = 0
        self._times: list[float] = []
        self._face: list[_Values] = []
        self._room: list[_Values] = []

    def saw(self, frame: Frame, box: FaceBox) -> Banding | None:
        """The strongest tone of every twelve frames on end in which the face stays; None in between, and where frames
        have no exposure or no linear values, or the room is not in sight.

        The terminal's own lights must be settled, and none of them pulse.
        """
        if frame.exposure is None or frame.exposure.line_time <= 0:
            return None
        if self._box is None or frame.sequence != self._sequence + 1 or not _stays(self._box, box):
            self._begin(frame, box)
        self._sequence = frame.sequence
        if self._windows is None or not self._take(frame, frame.exposure, self._windows):
            self.restart()
            return None
        if len(self._times) < _FRAMES:
            return None
        found = _strongest(self._face, self._room, np.array(self._times), self._windows.top, frame.exposure.line_time)
        self.restart()
        return found

    def restart(self) -> None:
        """The next frame does not go on from the one before."""
        self._box = self._windows = None
        for levels in (*self._face, *self._room):
            levels.fill(0)
        self._times, self._face, self._room = [], [], []

    def forget(self) -> None:
        """At the end of a session. May be repeated."""
        self.restart()
        self._scratch.wipe()

    def _begin(self, frame: Frame, box: FaceBox) -> None:
        self.restart()
        self._box, self._windows = box, _windows(frame, box)

    def _take(self, frame: Frame, exposure: Exposure, windows: _Windows) -> bool:
        ranges = (windows.face, *windows.room)
        seen = [row_levels(frame, windows.top, windows.bottom, left, right, self._scratch) for left, right in ranges]
        levels = [rows.levels for rows in seen if rows is not None and rows.clipped <= _MOST_CLIPPED]
        if len(levels) < len(ranges):
            return False
        # A row's light is that of the middle of its exposure, whatever the exposure is.
        self._times.append(exposure.start + exposure.duration / 2)
        self._face.append(_profile(levels[0]))
        self._room.append(_profile(np.mean(levels[1:], axis=0)))
        return True


def _stays(first: FaceBox, box: FaceBox) -> bool:
    (x, y), (first_x, first_y) = centre(box), centre(first)
    return max(abs(x - first_x), abs(y - first_y), abs(box.width - first.width)) <= _STAYS * first.width


def _windows(frame: Frame, box: FaceBox) -> _Windows | None:
    top, bottom = max(0, int(box.top)), min(frame.height, int(box.top + box.height))
    left, right = (min(max(0, int(box.left + share * box.width)), frame.width) for share in _FACE_COLUMNS)
    end, start = int(box.left - _BESIDE * box.width), int(box.left + (1 + _BESIDE) * box.width)
    beside = (max(0, end - _MOST_COLUMNS), end), (start, min(frame.width, start + _MOST_COLUMNS))
    room = tuple((first, last) for first, last in beside if last - first >= _LEAST_COLUMNS)
    if bottom - top < _LEAST_ROWS or right - left < _LEAST_COLUMNS or not room:
        return None
    return _Windows(top, bottom, (left, right), room)


def _profile(levels: NDArray[Any]) -> _Values:
    """(n,) logarithm of the light of each few rows, without what changes slowly down the picture."""
    count = len(levels) // _ROWS
    light = np.log(np.maximum(levels[: count * _ROWS].astype(np.float64), _DARK)).reshape(count, _ROWS).mean(axis=1)
    slow = _slow(count)
    return np.asarray(light - slow @ (slow.T @ light), np.float64)


@lru_cache(maxsize=8)
def _slow(count: int) -> _Values:
    """(count, 3) orthonormal: what changes by a quadratic at most."""
    places = np.linspace(-1.0, 1.0, count)
    basis, _ = np.linalg.qr(np.stack([np.ones(count), places, places**2], axis=1))
    return np.asarray(basis, np.float64)


def _strongest(face: list[_Values], room: list[_Values], times: _Values, top: int, line_time: float) -> Banding | None:
    step = (times[-1] - times[0]) / (len(times) - 1)
    if step <= 0:
        return None
    rows = line_time * (top + _ROWS * (np.arange(len(face[0])) + 0.5))
    # A second difference in time leaves bands that move on, and little of a face that sways.
    gain = (2 * np.sin(math.pi * _FREQUENCIES * step)) ** 2
    seen = gain >= _LEAST_GAIN
    tones = _FREQUENCIES[seen]
    if not seen.any():
        return None
    over_rows = np.exp(-2j * math.pi * rows[:, None] * tones)
    over_time = np.exp(-2j * math.pi * (times[1:-1, None] - times[0]) * tones)
    (heights, share), (beside, _) = (
        _tones(np.diff(np.array(levels), n=2, axis=0), over_rows, over_time) for levels in (face, room)
    )
    best = int(np.argmax(share))
    near = np.abs(tones - tones[best]) <= _NEIGHBOURS
    return Banding(
        frequency=float(tones[best]),
        depth=float(heights[best] / gain[seen][best]),
        share=float(share[best]),
        room=float((beside[near] / gain[seen][near]).max()),
    )


def _tones(changes: _Values, over_rows: NDArray[Any], over_time: NDArray[Any]) -> tuple[_Values, _Values]:
    """Amplitude of each tone in changes (frames, rows), and what share of them it explains."""
    sums = np.abs(((changes @ over_rows) * over_time).sum(axis=0))
    power = max(float((changes**2).sum()), 1e-12)
    return 2 * sums / changes.size, 2 * sums**2 / (changes.size * power)
