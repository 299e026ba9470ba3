"""A camera made of files: a video, a folder of pictures as one sequence, or one still picture."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config.choices import Pace
from edge.contracts.enums import CaptureKind
from edge.errors import HardwareError, InputError
from edge.frames.frame import ColourOrder, Frame
from edge.frames.picture import (
    MAX_PIXELS,
    MAX_SIDE,
    PICTURE_SUFFIXES,
    is_picture,
    open_input,
    quiet_decoders,
    read_picture,
    reading,
    shrink,
)
from edge.hardware.ports import Camera, CameraTraits, EndOfSource

# Of a folder, and of a video that does not say.
DEFAULT_FPS = 15.0
# What FFmpeg reports of a file without a rate is the clock of its container (90000, 1000000).
MAX_FPS = 1000.0
# A video that ends before this share of its stated frames and of its stated time was cut off. The stated
# count of an intact file may be an estimate and miss by a few frames.
WHOLE = 0.9

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".mpeg", ".3gp"})
_HEAD_BYTES = 512
_TRANSPORT_PACKET = 188
_QUICKTIME_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})


class _Source(Protocol):
    @property
    def exhausted(self) -> bool: ...

    def next(self) -> tuple[float, NDArray[np.uint8]] | None:
        """Seconds since the first picture, and BGR pixels; None at the end."""
        ...

    def close(self) -> None: ...


class ReplayCamera(Camera):
    """Plays ``path``: a video file, a folder of pictures in natural order of their names, or one picture.

    Several paths are the pictures of one sequence, in that order.
    fps: rate of a folder, and of a video that does not state its own.
    max_side: larger pictures are scaled down to this many pixels on the longer side.
    pace: ``simulated`` never waits; ``realtime`` gives each frame when it is due, a late one at once, and
        drops none.
    clock: monotonic seconds; a frame's ``captured_at`` is the clock at opening plus its time in the file.
        Without one, ``simulated`` counts from 0 and ``realtime`` takes ``time.monotonic``.
    sleep: waits the given seconds; ``realtime`` only.

    Frames are BGR, without exposure metadata. The only picture of a source is a ``still``.
    ``open`` and ``read`` raise InputError that names the file.
    """

    def __init__(
        self,
        path: Path | Sequence[Path],
        *,
        fps: float = DEFAULT_FPS,
        max_side: int = MAX_SIDE,
        pace: Pace = Pace.SIMULATED,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < fps <= MAX_FPS:
            raise ValueError(f"fps is above 0 and at most {MAX_FPS:.0f}, not {fps}")
        if max_side < 1:
            raise ValueError(f"max_side is at least 1, not {max_side}")
        self._paths = (path,) if isinstance(path, Path) else tuple(path)
        if not self._paths:
            raise ValueError("a replay needs a path")
        self._path = self._paths[0]
        self._fps = fps
        self._max_side = max_side
        self._pace = pace
        self._clock = time.monotonic if clock is None and self._pace is Pace.REALTIME else clock
        self._sleep = sleep
        self._source: _Source | None = None
        self._held: tuple[float, NDArray[np.uint8]] | None = None
        self._origin = 0.0
        self._sequence = 0

    @property
    def traits(self) -> CameraTraits:
        return CameraTraits(name=self._path.name, capture=CaptureKind.REPLAY, exposure_metadata=False)

    def open(self) -> None:
        if self._source is not None:
            raise HardwareError(f"{self._path} is already open", remedy="close the camera before opening it again")
        source: _Source
        if len(self._paths) > 1:
            source = _Pictures(self._paths, self._fps, self._max_side)
        else:
            source = _open_source(self._path, self._fps, self._max_side)
        try:
            self._held = source.next()
        except InputError:
            source.close()
            raise
        self._source = source
        self._sequence = 0
        self._origin = self._clock() if self._clock is not None else 0.0

    def read(self, timeout: float) -> Frame | None:
        if self._source is None:
            raise HardwareError(f"{self._path} is not open", remedy="open the camera before reading from it")
        if self._held is None:
            self._held = self._source.next()
        if self._held is None:
            raise EndOfSource
        elapsed, pixels = self._held
        captured_at = self._origin + elapsed
        if self._pace is Pace.REALTIME and self._clock is not None:
            wait = captured_at - self._clock()
            if wait > 0:
                self._sleep(max(0.0, min(wait, timeout)))
            if wait > timeout:
                return None
        self._held = None
        frame = Frame(
            pixels=pixels,
            colour=ColourOrder.BGR,
            sequence=self._sequence,
            captured_at=captured_at,
            capture=CaptureKind.REPLAY,
            still=self._sequence == 0 and self._source.exhausted,
        )
        self._sequence += 1
        return frame

    def close(self) -> None:
        source, self._source = self._source, None
        held, self._held = self._held, None
        if held is not None:
            held[1].fill(0)
        if source is not None:
            source.close()


class PlaylistCamera(Camera):
    """Several cameras in turn: each opening moves on to the next, also past one that did not open.

    ``traits`` are those of the camera opened last. Raises ValueError for an empty list, and for cameras that
    differ in capture kind or exposure metadata, since a session asks for these once.
    """

    def __init__(self, cameras: Sequence[Camera]) -> None:
        if len({(camera.traits.capture, camera.traits.exposure_metadata) for camera in cameras}) != 1:
            raise ValueError("a playlist is one or more cameras of the same capture kind and exposure metadata")
        self._cameras = tuple(cameras)
        self._next = 0
        self._current = self._cameras[0]
        self._opened = False

    @property
    def traits(self) -> CameraTraits:
        return self._current.traits

    def open(self) -> None:
        if self._opened:
            raise HardwareError("the playlist is already open", remedy="close the camera before opening it again")
        self._current = self._cameras[self._next]
        self._next = (self._next + 1) % len(self._cameras)
        self._current.open()
        self._opened = True

    def read(self, timeout: float) -> Frame | None:
        return self._current.read(timeout)

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        self._current.lock(flicker_period, longer)

    def unlock(self) -> None:
        self._current.unlock()

    def close(self) -> None:
        self._opened = False
        self._current.close()


def _open_source(path: Path, fps: float, max_side: int) -> _Source:
    with reading(path):
        is_folder = path.is_dir()
    if is_folder:
        return _Pictures(_pictures_in(path), fps, max_side)
    with open_input(path) as stream, reading(path):
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise InputError(f"{path} is empty", remedy="give a picture or a video that has content")
    if is_picture(head):
        return _Pictures([path], fps, max_side)
    if _is_video(head):
        return _Video(path, fps, max_side)
    raise InputError(
        f"{path} is neither a picture nor a video",
        remedy="give a JPEG, PNG, WebP or BMP picture, an MP4, MOV, MKV, WebM, AVI or MPEG video or a folder",
    )


def _is_video(head: bytes) -> bool:
    """By content. FFmpeg would also play text, and playlists that name other files and servers."""
    return (
        head[4:8] in _QUICKTIME_ATOMS
        or head.startswith((b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba"))
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or (head[:1] == b"G" and head[_TRANSPORT_PACKET : _TRANSPORT_PACKET + 1] == b"G")
    )


def _pictures_in(folder: Path) -> list[Path]:
    with reading(folder):
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
        pictures = [entry for entry in entries if entry.suffix.lower() in PICTURE_SUFFIXES]
        if pictures:
            return sorted(pictures, key=_natural)
        videos = any(entry.suffix.lower() in VIDEO_SUFFIXES for entry in entries)
        folders = any(entry.is_dir() for entry in entries)
    remedy = "give a folder with JPEG, PNG, WebP or BMP files, the pictures of one sequence"
    if videos:
        remedy = "a folder is one sequence of pictures: give one of its videos"
    elif folders:
        remedy = "a folder is one sequence of pictures: give one of its folders"
    raise InputError(f"{folder} holds no pictures", remedy=remedy)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Order of names in which frame 10 follows frame 9."""
    parts = re.split(r"([0-9]+)", path.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts] + [(0, path.name)]


class _Pictures:
    def __init__(self, paths: Sequence[Path], fps: float, max_side: int) -> None:
        self._paths = paths
        self._fps = fps
        self._max_side = max_side
        self._index = 0

    @property
    def exhausted(self) -> bool:
        return self._index == len(self._paths)

    def next(self) -> tuple[float, NDArray[np.uint8]] | None:
        if self.exhausted:
            return None
        pixels = read_picture(self._paths[self._index], max_side=self._max_side)
        elapsed = self._index / self._fps
        self._index += 1
        return elapsed, pixels

    def close(self) -> None: ...


class _Video:
    """One frame is decoded ahead, so that the end is known with the last frame."""

    def __init__(self, path: Path, fps: float, max_side: int) -> None:
        quiet_decoders()
        self._path = path
        self._max_side = max_side
        self._capture = cv2.VideoCapture(_name_for_opencv(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise InputError(
                f"{path} cannot be opened as a video: it is cut off or damaged, or its codec is not built in",
                remedy="copy it again, or convert it to H.264 in MP4",
            )
        width, height = self._stated(cv2.CAP_PROP_FRAME_WIDTH), self._stated(cv2.CAP_PROP_FRAME_HEIGHT)
        if width * height > MAX_PIXELS:
            raise InputError(
                f"{path} has {width:.0f} x {height:.0f} pixels, above {MAX_PIXELS // 1_000_000} megapixels",
                remedy="scale it down first",
            )
        rate = self._stated(cv2.CAP_PROP_FPS)
        self._interval = 1 / (rate if 0 < rate <= MAX_FPS else fps)
        self._expected = self._stated(cv2.CAP_PROP_FRAME_COUNT)
        self._count = 0
        self._first: float | None = None
        self._last = 0.0
        self._ahead = self._grab()
        if not self._ahead:
            raise InputError(
                f"no frame of {path} can be decoded", remedy="copy it again, or convert it to H.264 in MP4"
            )

    @property
    def exhausted(self) -> bool:
        return not self._ahead and not self._cut_off

    def next(self) -> tuple[float, NDArray[np.uint8]] | None:
        if not self._ahead:
            if self._cut_off:
                raise InputError(
                    f"{self._path} is cut off after {self._count} of about {self._expected:.0f} frames",
                    remedy="copy it again",
                )
            return None
        decoded, pixels = self._capture.retrieve()
        if not decoded:
            raise InputError(f"frame {self._count} of {self._path} cannot be decoded", remedy="copy it again")
        elapsed = self._last
        self._ahead = self._grab()
        return elapsed, shrink(np.asarray(pixels, np.uint8), self._max_side)

    def close(self) -> None:
        self._capture.release()

    def _stated(self, what: int) -> float:
        value = self._capture.get(what)
        return value if math.isfinite(value) else 0.0

    @property
    def _cut_off(self) -> bool:
        stated_time = self._expected * self._interval
        return self._count < WHOLE * self._expected and self._last + self._interval < WHOLE * stated_time

    def _grab(self) -> bool:
        if not self._capture.grab():
            return False
        position = self._stated(cv2.CAP_PROP_POS_MSEC) / 1000
        if self._first is None:
            self._first = position
        else:
            elapsed = position - self._first
            # Files exist whose frames have no time of their own, or the same one twice.
            self._last = elapsed if elapsed > self._last else self._last + self._interval
        self._count += 1
        return True


def _name_for_opencv(path: Path) -> str:
    """OpenCV ends the process on a name that is not UTF-8; an absolute one is never taken for a protocol."""
    name = str(path.absolute())
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the name of {path!r} is not UTF-8", remedy="rename the file") from error
    return name
