"""Small videos and pictures, made when a test asks for them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge.frames.picture import quiet_decoders

# FFmpeg takes its level with the first video, which here is a written one.
quiet_decoders()

WIDTH, HEIGHT = 64, 48


def shade(number: int) -> np.ndarray:
    """A picture of one grey; neighbours differ by far more than a codec's error."""
    return np.full((HEIGHT, WIDTH, 3), 8 * number, np.uint8)


def write_video(path: Path, frames: int, *, fps: float = 20.0, codec: str = "MJPG") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(shade(number))
    writer.release()
    return path


def write_picture(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded, content = cv2.imencode(path.suffix, pixels)
    assert encoded
    path.write_bytes(content.tobytes())
    return path


def write_folder(folder: Path, frames: int) -> Path:
    for number in range(frames):
        write_picture(folder / f"frame{number}.png", shade(number))
    return folder


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path
