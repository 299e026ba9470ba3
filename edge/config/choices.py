"""Choices that a setting names and a driver or runtime acts on. Light to import: the capture process needs it too."""

from __future__ import annotations

from enum import StrEnum


class Pace(StrEnum):
    """How a replayed source passes time: ``simulated`` never waits."""

    SIMULATED = "simulated"
    REALTIME = "realtime"


class RuntimeChoice(StrEnum):
    """Which TFLite runtime to use; ``auto`` takes LiteRT where it is installed."""

    AUTO = "auto"
    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"


class VideoDriver(StrEnum):
    """By what SDL reaches the display; ``auto`` leaves it the choice."""

    AUTO = "auto"
    KMSDRM = "kmsdrm"
    X11 = "x11"
    WAYLAND = "wayland"
    DUMMY = "dummy"


class PixelFormat(StrEnum):
    """How a V4L2 camera lays out its pictures, as `v4l2-ctl --list-formats` prints it."""

    YUYV = "YUYV"
    UYVY = "UYVY"
    NV12 = "NV12"
    YU12 = "YU12"
    BGR3 = "BGR3"
    RGB3 = "RGB3"
    MJPG = "MJPG"
    JPEG = "JPEG"
