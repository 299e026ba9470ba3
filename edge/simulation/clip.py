"""What the simulated camera sees, as a clip to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.frames.frame import Frame
from edge.hardware.ports import Pattern
from edge.simulation.terminal import SimulatedTerminal, Stage

# Letters of a code: what of the screen is lit.
CODE_LETTERS: Final[Mapping[str, Pattern]] = MappingProxyType(
    {
        "G": Pattern.GUIDANCE,
        "F": Pattern.FULL,
        "L": Pattern.LEFT,
        "R": Pattern.RIGHT,
        "B": Pattern.BLACK,
    }
)
# Seconds that each letter of a code is shown.
CHIP: Final = 0.25

VIDEO_CODECS: Final[Mapping[str, str]] = MappingProxyType({".mp4": "mp4v", ".avi": "MJPG"})


def film(
    stage: Stage, seconds: float, *, backlight: float | None = None, lamp: float = 0.0, code: Sequence[Pattern] = ()
) -> Iterator[Frame]:
    """Frames of the scene's first seconds.

    backlight, lamp: relative levels, 0..1; None: the display's at rest. code: shown over and over, each for 0.25 s;
    guidance where there is none.
    """
    terminal = SimulatedTerminal([lambda: stage])
    if backlight is not None:
        terminal.backlight.set_level(backlight, 0.0)
    terminal.illuminator.set_output(lamp, 0.0)
    shown = None
    # The first frame arrives this late.
    longest = 1.0 + stage.latency / stage.fps
    with terminal.camera as camera:
        for _ in range(max(1, round(seconds * stage.fps))):
            now = terminal.clock.now()
            if code and shown != (chip := int(now / CHIP)):
                shown = chip
                terminal.screen.show_pattern(code[chip % len(code)], now)
            frame = camera.read(longest)
            if frame is not None:
                yield frame


def write_clip(frames: Iterator[Frame], out: Path, fps: float) -> int:
    """Writes frames as a video (.mp4, .avi), the last of them as a picture (.png), or all as pictures in a folder.

    Gives the number of frames. Raises InputError where ``out`` is of another kind or cannot be written.
    """
    suffix = out.suffix.lower()
    if suffix in VIDEO_CODECS:
        return _video(frames, out, fps, VIDEO_CODECS[suffix])
    if suffix == ".png":
        return _picture(frames, out)
    if suffix:
        raise InputError(f"{out} is of no kind that can be written", remedy="name an .mp4, .avi or .png, or a folder")
    return _folder(frames, out)


def _video(frames: Iterator[Frame], out: Path, fps: float, codec: str) -> int:
    writer, count = None, 0
    for frame in frames:
        if writer is None:
            height, width = frame.pixels.shape[:2]
            writer = cv2.VideoWriter(str(out.absolute()), cv2.VideoWriter.fourcc(*codec), fps, (width, height))
            if not writer.isOpened():
                raise _unwritable(out)
        writer.write(frame.pixels)
        count += 1
    if writer is not None:
        writer.release()
    return count


def _picture(frames: Iterator[Frame], out: Path) -> int:
    count, last = 0, None
    for frame in frames:
        last = frame
        count += 1
    if last is not None:
        write_picture(out, last.pixels)
    return count


def _folder(frames: Iterator[Frame], out: Path) -> int:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out) from error
    count = 0
    for frame in frames:
        write_picture(out / f"{frame.sequence:06d}.png", frame.pixels)
        count += 1
    return count


def write_picture(path: Path, pixels: NDArray[np.uint8], options: Sequence[int] = ()) -> None:
    """Writes (h, w, 3) uint8 BGR in the format of the path's suffix.

    options: OpenCV's, as keys and values in turn; those of other formats count for nothing. Raises InputError where
    it cannot be written.
    """
    if not cv2.imwrite(str(path), pixels, options):
        raise _unwritable(path)


def _unwritable(path: Path) -> InputError:
    return InputError(f"{path} cannot be written", remedy="name a place in a folder that exists and may be written to")
