"""Where frames may come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
)

from edge.config.choices import Pace, PixelFormat
from edge.config.values import PRINTABLE_PATTERN, FilePath, Number, Section, Text, Whole, YesNo
from edge.contracts.enums import Spectrum

CapturePace = Annotated[
    Pace,
    Field(
        title="Pace",
        description=(
            "simulated: as fast as frames can be judged, on a clock made of their time stamps; "
            "realtime: as fast as they were taken, or would be"
        ),
    ),
]

_CAMERA_DRIVER = Field(title="Driver", description="What gives the frames")


class ReplayCamera(Section):
    """Recorded pictures in place of a camera. Its decisions are signed as replays and open no door."""

    driver: Annotated[Literal["replay"], _CAMERA_DRIVER]
    sources: Annotated[
        tuple[FilePath, ...],
        Field(
            title="Sources",
            description=(
                "Videos, folders of pictures and single pictures: one for each session, in this order, "
                "then again from the first. Relative to this file's folder"
            ),
            min_length=1,
            max_length=1000,
        ),
    ]
    pace: CapturePace = Pace.SIMULATED
    fps: Annotated[
        Number,
        Field(
            title="Frame rate",
            description="Frames per second of sources without time stamps: folders and single pictures",
            ge=1,
            le=120,
        ),
    ] = 15.0
    process: Annotated[
        YesNo,
        Field(
            title="Capture process",
            description="Capture in a child process, as a real camera does; needs pace realtime",
        ),
    ] = False

    @field_validator("process")
    @classmethod
    def _processes_run_in_real_time(cls, process: bool, info: ValidationInfo) -> bool:
        if process and info.data.get("pace") is Pace.SIMULATED:
            raise ValueError("a child process cannot follow a simulated clock: set pace to realtime")
        return process


class SimulatedCamera(Section):
    """A model of a terminal and of what stands before it. Its decisions are signed as simulated and open no door."""

    driver: Annotated[Literal["simulated"], _CAMERA_DRIVER]
    scenes: Annotated[
        tuple[FilePath, ...],
        Field(
            title="Scenes",
            description=(
                "Scene files, and folders of them: one scene for each session, in this order, then again from the "
                "first. Relative to this file's folder"
            ),
            min_length=1,
            max_length=1000,
        ),
    ]
    head: Annotated[
        FilePath | None,
        Field(title="Head", description="Wavefront OBJ file: the shape of every person's head; null: as scenes say"),
    ] = None
    pace: CapturePace = Pace.SIMULATED


PictureSide = Annotated[Whole, Field(ge=64, le=4608, multiple_of=2)]
Seen = Annotated[
    Spectrum,
    Field(
        title="Spectrum",
        description="What its filters let through: visible light (ir_cut), infrared too (noir) or alone (ir_pass)",
    ),
]
Focal = Annotated[
    Annotated[Number, Field(ge=0.2, le=10)] | None,
    Field(
        title="Focal length",
        description="In widths of the picture: 0.5 / tan(half the horizontal angle of view); null: not known",
    ),
]
OwnProcess = Annotated[
    YesNo,
    Field(
        title="Own process",
        description="Capture in a child process, replaced when the camera stalls; false: to look for faults",
    ),
]


class Picamera2Camera(Section):
    """A camera module, or another camera that libcamera knows."""

    driver: Annotated[Literal["picamera2"], _CAMERA_DRIVER]
    number: Annotated[
        Whole,
        Field(title="Number", description="Of the camera, as `rpicam-hello --list-cameras` counts them", ge=0, le=15),
    ] = 0
    width: Annotated[PictureSide, Field(title="Width", description="Pixels of the picture; even")] = 1280
    height: Annotated[PictureSide, Field(title="Height", description="Pixels of the picture; even")] = 720
    frame_rate: Annotated[
        Number,
        Field(title="Frame rate of the sensor", description="Per second, kept in the dark too", ge=5, le=120),
    ] = 30.0
    raw: Annotated[
        YesNo,
        Field(
            title="Raw values",
            description=(
                "Take the values of the sensor's mosaic too, without which no light is measured on a face; width and "
                "height must be those of a mode of the sensor"
            ),
        ),
    ] = False
    exposure_metadata: Annotated[
        YesNo,
        Field(
            title="Exposure metadata",
            description="false: the camera does not tell how it exposed, and no light is measured on a face",
        ),
    ] = True
    spectrum: Seen = Spectrum.IR_CUT
    focal: Focal = None
    mains_hz: Annotated[
        Annotated[Number, Field(ge=16, le=70)] | None,
        Field(
            title="Mains frequency",
            description="Hz of the lamps around, 50 or 60, whose flicker exposure times keep to; null: not known",
        ),
    ] = None
    line_time_us: Annotated[
        Annotated[Number, Field(ge=0.5, le=1000)] | None,
        Field(
            title="Line time",
            description=(
                "Microseconds between the starts of two rows of the picture, by the data sheet; null: what the "
                "shortest frame leaves for each, which is a little too long"
            ),
        ),
    ] = None
    own_process: OwnProcess = True


class V4l2Camera(Section):
    """A USB camera, or another that the kernel's Video4Linux has. No light is measured on a face with it."""

    driver: Annotated[Literal["v4l2"], _CAMERA_DRIVER]
    device: Annotated[
        Annotated[Text, Field(min_length=1, max_length=256, pattern=PRINTABLE_PATTERN)] | None,
        Field(
            title="Device",
            description=(
                "Path of its file, best one below /dev/v4l/by-id, or its name as `v4l2-ctl --list-devices` prints it; "
                "null: the only camera, or the only USB camera, that there is"
            ),
        ),
    ] = None
    width: Annotated[PictureSide, Field(title="Width", description="Pixels of the picture; even")] = 1280
    height: Annotated[PictureSide, Field(title="Height", description="Pixels of the picture; even")] = 720
    frame_rate: Annotated[
        Number, Field(title="Frame rate to ask for", description="Per second; in the dark it may be less", ge=5, le=120)
    ] = 30.0
    pixel_format: Annotated[
        PixelFormat | None,
        Field(
            title="Pixel format",
            description=(
                "As `v4l2-ctl --list-formats-ext` prints it; null: one without compression where it is fast enough"
            ),
        ),
    ] = None
    spectrum: Seen = Spectrum.IR_CUT
    focal: Focal = None
    mains_hz: Annotated[
        Literal[50, 60] | None,
        Field(title="Mains frequency to tell", description="Hz, to cameras that can be told; null: as it is set"),
    ] = None
    own_process: OwnProcess = True


Camera = Annotated[ReplayCamera | SimulatedCamera | Picamera2Camera | V4l2Camera, Field(discriminator="driver")]
