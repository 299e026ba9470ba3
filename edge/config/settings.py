"""What a terminal can be told. `edge.config.loader` reads it from the site's YAML file.

Frozen. Each field is read by something and states its unit; a key that nobody reads is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from edge.config.choices import Pace, PixelFormat, RuntimeChoice, VideoDriver
from edge.config.policy import PRESETS, PolicyFloor, Preset, loosens
from edge.config.quality import QualityLimits
from edge.config.safety import LampFigures, RiskGroup, budget
from edge.contracts.enums import EvidenceKind, LightBand, Spectrum
from edge.contracts.topics import ID_PATTERN, PREFIX_PATTERN

MASK = "********"
LONGEST_PATH = 4096
MODEL_ID_PATTERN = r"^[a-z0-9][a-z0-9-]{1,62}$"
POLICY_NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,31}$"
HOST_PATTERN = r"^[A-Za-z0-9._:-]+$"
DEVICE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9:._@+,-]{0,63}$"
LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Z]{2})?$"
PRINTABLE_PATTERN = r"^[^\x00-\x1f\x7f]+$"

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
YesNo = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file whose content is secret: never read here, and not even its path is shown."""

    path: Path

    def __repr__(self) -> str:
        return f"SecretFile({MASK!r})"

    def __str__(self) -> str:
        return MASK


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, str):
        if value.startswith("~"):
            raise ValueError("~ is not expanded: write the whole path")
        if not value.strip() or not value.isprintable() or len(value) > LONGEST_PATH:
            raise ValueError(f"must be a path of 1 to {LONGEST_PATH} printable characters")
        value = Path(value)
    if not isinstance(value, Path):
        raise PydanticCustomError("path_type", "must be a path")
    folder = info.context.get("folder") if isinstance(info.context, Mapping) else None
    return value if folder is None else Path(folder) / value


def _secret_file(value: object, info: ValidationInfo) -> SecretFile:
    return value if isinstance(value, SecretFile) else SecretFile(_path(value, info))


_PATH_SCHEMA = {"type": "string", "format": "path", "minLength": 1, "maxLength": LONGEST_PATH}
FilePath = Annotated[Path, PlainValidator(_path), PlainSerializer(str, when_used="json"), WithJsonSchema(_PATH_SCHEMA)]
Secret = Annotated[
    SecretFile,
    PlainValidator(_secret_file),
    PlainSerializer(lambda _: MASK, return_type=str),
    WithJsonSchema({**_PATH_SCHEMA, "writeOnly": True}),
]


class Section(BaseModel):
    """A mapping of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Device(Section):
    """Who this terminal is on the broker: its topics begin with prefix/v1/site/id."""

    id: Annotated[
        Text,
        Field(
            title="Device id",
            description="Also the MQTT client id and the common name of a client certificate",
            pattern=ID_PATTERN,
        ),
    ] = "terminal-1"
    site: Annotated[Text, Field(title="Site", description="Groups the terminals of one place", pattern=ID_PATTERN)] = (
        "default"
    )
    prefix: Annotated[
        Text,
        Field(
            title="Topic prefix",
            description="First part of every topic",
            pattern=PREFIX_PATTERN,
            max_length=128,
        ),
    ] = "livegate"


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
_LIGHT_DRIVER = Field(title="Driver", description="What drives it; simulated: the scene's own")


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


class NoLight(Section):
    """Nothing is there to be driven."""

    driver: Annotated[Literal["none"], _LIGHT_DRIVER]


class SimulatedLight(Section):
    """The one of the simulated terminal, which its camera sees."""

    driver: Annotated[Literal["simulated"], _LIGHT_DRIVER]


class Lamp(Section):
    """What eyes get of an illuminator, from the data sheets of its parts. Refused beyond what docs/safety.md allows."""

    band: Annotated[LightBand, Field(title="Band", description="Light that it gives")]
    radiant_intensity: Annotated[
        Number,
        Field(
            title="Radiant intensity",
            description=(
                "W/sr of one emitter on its axis, behind its lens, at the largest current that its driver can give; "
                "the data sheet's greatest value"
            ),
            ge=0.0001,
            le=1000,
        ),
    ]
    emitters: Annotated[
        Whole, Field(title="Emitters", description="That shine together; all are taken to meet in one eye", ge=1, le=64)
    ] = 1
    closest_approach: Annotated[
        Number,
        Field(
            title="Closest approach",
            description="Metres from an eye to the lamp, as near as the housing lets anybody come",
            ge=0.01,
            le=5,
        ),
    ]
    source_size: Annotated[
        Annotated[Number, Field(ge=0.0001, le=0.5)] | None,
        Field(
            title="Source size",
            description=(
                "Metres across what seems to shine of one emitter, through its lens; null: not known, and the retina "
                "is covered by the declared risk group alone"
            ),
        ),
    ] = None
    max_output: Annotated[
        Number, Field(title="Largest output", description="Relative; a command beyond it is refused", ge=0.01, le=1)
    ] = 1.0
    max_on_share: Annotated[
        Number,
        Field(
            title="Largest duty",
            description="Share of any minute, at full output, after which the lamp is switched off",
            ge=0.01,
            le=1,
        ),
    ] = 1.0
    retinal_risk: Annotated[
        RiskGroup,
        Field(
            title="Retinal risk group",
            description="IEC 62471 thermal hazard of the retina, as declared: exempt; of white light rg1 too",
        ),
    ]
    blue_light_risk: Annotated[
        RiskGroup | None,
        Field(
            title="Blue-light risk group",
            description="IEC 62471, as declared: exempt or rg1; white lamps only, which must have one",
        ),
    ] = Field(default=None, validate_default=True)

    @field_validator("blue_light_risk")
    @classmethod
    def _white_light_has_blue_in_it(cls, group: RiskGroup | None, info: ValidationInfo) -> RiskGroup | None:
        if "band" in info.data and (info.data["band"] is LightBand.WHITE) != (group is not None):
            raise ValueError(
                "a white lamp has one declared, an infrared one has none: see the data sheet's IEC 62471 part"
            )
        return group

    @model_validator(mode="after")
    def _safe_for_eyes(self) -> Lamp:
        problems = budget(self.figures).problems
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def figures(self) -> LampFigures:
        """What its safety budget is made of."""
        return LampFigures(
            band=self.band,
            radiant_intensity=self.radiant_intensity,
            emitters=self.emitters,
            closest_approach=self.closest_approach,
            source_size=self.source_size,
            retinal_risk=self.retinal_risk,
            blue_light_risk=self.blue_light_risk,
        )


_LAMP_TITLE = "Lamp"
_LAMP_TOLD = (
    "Its figures, for the safety of eyes. Required, but with simulated: there null leaves it to the scenes, and what "
    "is stated none of their lamps may outshine"
)


class SimulatedIlluminator(SimulatedLight):
    """The lamp of the scene that is played."""

    lamp: Annotated[Lamp | None, Field(title=_LAMP_TITLE, description=_LAMP_TOLD)] = None


DeviceName = Annotated[Text, Field(pattern=DEVICE_PATTERN)]
Chip = Annotated[
    DeviceName | None,
    Field(
        title="Chip",
        description=(
            "pwm: pwmchipN, or its device such as fe20c000.pwm; gpio: its label, such as pinctrl-rp1; "
            "null: the only one, and of GPIO a Raspberry Pi's header"
        ),
    ),
]


RuntimeFolder = Annotated[
    FilePath | None,
    Field(
        title="Runtime folder",
        description=(
            "Folder that a boot empties, for the level to go back to if the daemon is killed; null: it is not kept"
        ),
    ),
]


class SysfsBacklight(Section):
    """One of the kernel's, below /sys/class/backlight."""

    driver: Annotated[Literal["sysfs"], _LIGHT_DRIVER]
    name: Annotated[
        DeviceName | None,
        Field(title="Node", description="Folder below /sys/class/backlight; null: the only one that there is"),
    ] = None
    settle_seconds: Annotated[
        Number,
        Field(
            title="Settling time",
            description="Seconds from a command until the panel gives its new luminance",
            ge=0,
            le=1,
        ),
    ] = 0.05
    runtime_directory: RuntimeFolder = Path("/run/livegate")


class DdcBacklight(Section):
    """Of a monitor on HDMI or DisplayPort, by the program ddcutil. Too slow to measure with: set for each session."""

    driver: Annotated[Literal["ddcutil"], _LIGHT_DRIVER]
    bus: Annotated[
        Annotated[Whole, Field(ge=0, le=255)] | None,
        Field(title="Bus", description="N of /dev/i2c-N; null: as display says"),
    ] = None
    display: Annotated[
        Annotated[Whole, Field(ge=1, le=32)] | None,
        Field(title="Display", description="As `ddcutil detect` counts; null: the only one that answers"),
    ] = None
    settle_seconds: Annotated[
        Number,
        Field(
            title="Settling time",
            description="Seconds from a command until the monitor gives its new luminance",
            ge=0.5,
            le=2,
        ),
    ] = 1.0
    runtime_directory: RuntimeFolder = Path("/run/livegate")

    @field_validator("display")
    @classmethod
    def _one_of_both(cls, display: int | None, info: ValidationInfo) -> int | None:
        if display is not None and info.data.get("bus") is not None:
            raise ValueError("bus says which monitor it is already: leave one of both out")
        return display


class Place(Section):
    """Where a lamp is, as the camera sees."""

    right: Annotated[Number, Field(title="Right", description="Metres right of the camera", ge=-1, le=1)]
    down: Annotated[Number, Field(title="Down", description="Metres below the camera", ge=-1, le=1)]


class RealIlluminator(Section):
    """What every lamp that shines states."""

    lamp: Annotated[Lamp, Field(title=_LAMP_TITLE, description=_LAMP_TOLD)]
    place: Annotated[
        Place | None,
        Field(title="Place", description="Where it is; null: not known, and no shape is told from its light"),
    ] = None
    settle_seconds: Annotated[
        Number,
        Field(
            title="Settling time",
            description="Seconds from a command until the lamp gives its new output",
            ge=0,
            le=1,
        ),
    ] = 0.01


class LedIlluminator(RealIlluminator):
    """The kernel's LED class."""

    driver: Annotated[Literal["led"], _LIGHT_DRIVER]
    name: Annotated[DeviceName, Field(title="LED", description="Folder below /sys/class/leds")]


class PwmIlluminator(RealIlluminator):
    """A channel of a hardware PWM, below /sys/class/pwm."""

    driver: Annotated[Literal["pwm"], _LIGHT_DRIVER]
    chip: Chip = None
    channel: Annotated[Whole, Field(title="Channel", description="Of the chip", ge=0, le=255)] = 0
    frequency: Annotated[
        Number,
        Field(
            title="Frequency",
            description="Hertz; too low a one stripes the rows of a short exposure",
            ge=1000,
            le=100_000,
        ),
    ] = 20_000.0


class GpioIlluminator(RealIlluminator):
    """A line that lights the lamp while it is high."""

    driver: Annotated[Literal["gpio"], _LIGHT_DRIVER]
    chip: Chip = None
    line: Annotated[Whole, Field(title="Line", description="GPIO number, not the header's pin", ge=0, le=27)]

    @field_validator("lamp")
    @classmethod
    def _on_or_off(cls, lamp: Lamp) -> Lamp:
        if lamp.max_output < 1:
            raise ValueError("a GPIO line is on or off: leave max_output out, or drive the lamp by pwm")
        return lamp


class IioSensor(Section):
    """A light sensor of the kernel's, below /sys/bus/iio/devices."""

    driver: Annotated[Literal["iio"], _LIGHT_DRIVER]
    name: Annotated[
        DeviceName | None,
        Field(title="Sensor", description="Its name, as tsl2591, or its folder; null: the only one that there is"),
    ] = None


class CameraSensor(Section):
    """The camera, where it tells lux with its frames, as libcamera does on a Raspberry Pi."""

    driver: Annotated[Literal["camera"], _LIGHT_DRIVER]


class EstimatedSensor(Section):
    """The camera, by how long it exposes: within about a factor of three. For cameras with exposure metadata."""

    driver: Annotated[Literal["estimate"], _LIGHT_DRIVER]
    constant: Annotated[
        Annotated[Number, Field(ge=0.001, le=1_000_000)] | None,
        Field(
            title="Constant",
            description=(
                "Lux seconds: lux = constant * level / (exposure * gain), set by a lux meter (docs/hardware.md); "
                "null: by the camera's sensitivity, where that is known"
            ),
        ),
    ] = None


class Panel(Section):
    """Where the display's lit area is, as the camera sees it, and what light it gives."""

    width: Annotated[Number, Field(title="Width", description="Metres, of the lit area", ge=0.02, le=2)]
    height: Annotated[Number, Field(title="Height", description="Metres, of the lit area", ge=0.02, le=2)]
    right: Annotated[
        Number,
        Field(
            title="To the right",
            description="Metres from the camera to the display's middle, to the right as the camera sees",
            ge=-1,
            le=1,
        ),
    ] = 0.0
    down: Annotated[
        Number, Field(title="Down", description="Metres from the camera down to the display's middle", ge=-2, le=2)
    ]
    luminance: Annotated[
        Annotated[Number, Field(ge=10, le=5000)] | None,
        Field(title="Luminance", description="cd/m2 of white at the backlight's full level; null: not known"),
    ] = None


class Window(Section):
    """Of a desktop."""

    width: Annotated[Whole, Field(title="Width", description="Pixels", ge=240, le=7680)]
    height: Annotated[Whole, Field(title="Height", description="Pixels", ge=240, le=7680)]


class SdlScreen(Section):
    """The attached display, drawn by SDL2."""

    driver: Annotated[Literal["sdl"], _LIGHT_DRIVER]
    video: Annotated[
        VideoDriver,
        Field(
            title="Video driver",
            description="auto: SDL's choice; kmsdrm: without a desktop; dummy: drawn for nobody",
        ),
    ] = VideoDriver.AUTO
    window: Annotated[
        Window | None, Field(title="Window", description="For trying out on a desktop; null: the whole display")
    ] = None
    rotation: Annotated[
        Literal[0, 90, 180, 270],
        Field(
            title="Rotation",
            description="Degrees clockwise by which pictures are turned, for a display that is mounted turned",
        ),
    ] = 0
    font: Annotated[
        FilePath | None,
        Field(
            title="Font",
            description="TrueType or OpenType file with the language's letters; null: one of the system's",
        ),
    ] = None
    refresh_hz: Annotated[
        Number, Field(title="Refresh rate", description="Pictures that the display shows each second", ge=20, le=240)
    ] = 60.0
    latency_seconds: Annotated[
        Number,
        Field(
            title="Latency",
            description=(
                "Seconds that the display takes beyond two refreshes, until what it was sent is shown and has settled"
            ),
            ge=0,
            le=0.5,
        ),
    ] = 0.03
    panel: Annotated[
        Panel | None,
        Field(title="Panel", description="Where the display is; null: not known, and no shape is told from its light"),
    ] = None
    preview: Annotated[
        YesNo,
        Field(
            title="Preview",
            description="Persons see themselves in the oval, mirrored, grey and small, while they find their place",
        ),
    ] = False


Light = Annotated[NoLight | SimulatedLight, Field(discriminator="driver")]
Backlight = Annotated[NoLight | SimulatedLight | SysfsBacklight | DdcBacklight, Field(discriminator="driver")]
Illuminator = Annotated[
    NoLight | SimulatedIlluminator | LedIlluminator | PwmIlluminator | GpioIlluminator, Field(discriminator="driver")
]
AmbientSensor = Annotated[
    NoLight | SimulatedLight | IioSensor | CameraSensor | EstimatedSensor, Field(discriminator="driver")
]
Screen = Annotated[NoLight | SimulatedLight | SdlScreen, Field(discriminator="driver")]
_NO_LIGHT = NoLight(driver="none")


class Lights(Section):
    """The terminal's own lights, and what measures the light around it."""

    backlight: Annotated[Backlight, Field(title="Backlight", description="Luminance of the attached display")] = (
        _NO_LIGHT
    )
    illuminator: Annotated[
        Illuminator, Field(title="Illuminator", description="Infrared or white light beside the camera")
    ] = _NO_LIGHT
    screen: Annotated[Screen, Field(title="Screen", description="Draws guidance and light patterns")] = _NO_LIGHT
    ambient: Annotated[AmbientSensor, Field(title="Ambient sensor", description="Measures lux")] = CameraSensor(
        driver="camera"
    )


ModelId = Annotated[Text, Field(pattern=MODEL_ID_PATTERN)]


class Models(Section):
    """Networks and what runs them."""

    directory: Annotated[
        FilePath | None,
        Field(
            title="Model folder",
            description="Folder of models and manifests; null: the models that come with the software",
        ),
    ] = None
    extra_directories: Annotated[
        tuple[FilePath, ...],
        Field(
            title="More model folders",
            description="Folders with PAD networks of your own, each with its manifest",
            max_length=16,
        ),
    ] = ()
    active: Annotated[
        Annotated[tuple[ModelId, ...], Field(min_length=1, max_length=16)] | None,
        Field(
            title="Active PAD networks",
            description="Ids of the PAD networks that judge; null: those that their manifests enable",
        ),
    ] = None
    calibration: Annotated[
        FilePath | None,
        Field(
            title="Site's calibration",
            description="File that `livegate calibrate` wrote for this camera and these networks; null: none",
        ),
    ] = None
    runtime: Annotated[
        RuntimeChoice, Field(title="Runtime", description="auto: litert where it is installed, else tflite-runtime")
    ] = RuntimeChoice.AUTO
    threads: Annotated[
        Whole,
        Field(
            title="Threads",
            description="Threads of each interpreter; more are not always faster",
            ge=1,
            le=4,
        ),
    ] = 1


class PresetChoice(BaseModel):
    """Stands before the floor's own fields, so that they can be held against it."""

    preset: Annotated[
        Preset | None,
        Field(
            title="Preset",
            description=(
                "Floor to start from: beside it, other keys can only tighten. null: the defaults of this "
                "table, which other keys may loosen"
            ),
        ),
    ] = None


class Policy(PolicyFloor, PresetChoice):
    """The least that this site demands. Requests and pushed configuration can only add to it."""

    name: Annotated[
        Text,
        Field(
            title="Name",
            description="Every decision signs it; a preset brings its own",
            pattern=POLICY_NAME_PATTERN,
        ),
    ] = "site"

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, section: Any) -> Any:
        if not isinstance(section, Mapping):
            return section
        try:
            floor = PRESETS[Preset(section.get("preset", ""))]
        except ValueError:
            return section
        return {**floor.model_dump(), **section}

    @field_validator("*")
    @classmethod
    def _never_looser_than_the_preset(cls, value: Any, info: ValidationInfo) -> Any:
        preset = info.data.get("preset")
        if preset is None or info.field_name in (None, "preset", "name"):
            return value
        floor = PRESETS[preset]
        if loosens(floor, info.field_name, value):
            raise PydanticCustomError(
                "looser",
                "is looser than the {preset} preset",
                {"preset": preset.value, "demands": getattr(floor, info.field_name)},
            )
        return value

    @field_validator("name")
    @classmethod
    def _preset_names_mean_presets(cls, name: str, info: ValidationInfo) -> str:
        preset = info.data.get("preset")
        if preset is not None and name != preset:
            raise ValueError(f"a policy that starts from the preset {preset} has its name: leave this key out")
        if preset is None and name in list(Preset):
            raise ValueError(f"is a preset's name, and decisions sign it: write `preset: {name}`, or another name")
        return name

    @field_validator("require_passive")
    @classmethod
    def _nothing_moves_in_a_passive_attempt(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.MOTION in kinds:
            raise ValueError("motion is never there in a passive attempt, so none could pass")
        return kinds

    @field_validator("require_motion_alone")
    @classmethod
    def _overwhelmed_light_proves_nothing(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.LIGHT in kinds:
            raise ValueError("light is never there when it is overwhelmed, so no attempt could pass")
        return kinds

    @field_validator("require_without_flash")
    @classmethod
    def _no_light_without_flash(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.LIGHT in kinds:
            raise ValueError("light is never there without flash, so no attempt could pass")
        return kinds

    @field_validator("require_without_movement")
    @classmethod
    def _no_motion_without_movement(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.MOTION in kinds:
            raise ValueError("motion is never there without movement, so no attempt could pass")
        return kinds


class Tls(Section):
    """PEM files of an encrypted connection, read anew at each connection."""

    ca: Annotated[
        FilePath | None,
        Field(title="Authorities", description="Certificates that sign the broker's; null: the system's"),
    ] = None
    certificate: Annotated[
        FilePath | None,
        Field(title="Client certificate", description="This terminal's; null: the broker asks for none"),
    ] = None
    key: Annotated[
        Secret | None,
        Field(title="Client key", description="Belongs to the certificate; neither without the other"),
    ] = Field(default=None, validate_default=True)

    @field_validator("key")
    @classmethod
    def _certificate_and_key(cls, key: SecretFile | None, info: ValidationInfo) -> SecretFile | None:
        if "certificate" in info.data and (key is None) != (info.data["certificate"] is None):
            raise ValueError("certificate and key go together: set both or neither")
        return key


class Link(Section):
    """The MQTT 5 broker."""

    host: Annotated[
        Text,
        Field(
            title="Host",
            description="Name or address of the broker",
            min_length=1,
            max_length=253,
            pattern=HOST_PATTERN,
        ),
    ] = "localhost"
    port: Annotated[
        Annotated[Whole, Field(ge=1, le=65535)] | None,
        Field(title="Port", description="null: 8883 with tls, 1883 without"),
    ] = None
    tls: Annotated[Tls | None, Field(title="TLS", description="null: nothing is encrypted")] = None
    username: Annotated[
        Annotated[Text, Field(min_length=1, max_length=256, pattern=PRINTABLE_PATTERN)] | None,
        Field(title="User name", description="null: none is sent"),
    ] = None
    password_file: Annotated[
        Secret | None,
        Field(title="Password file", description="Its first line is the password; needs username"),
    ] = None
    keepalive_seconds: Annotated[
        Whole,
        Field(
            title="Keep-alive",
            description=(
                "Seconds of silence after which the connection is tested; the broker counts the terminal as "
                "lost after half as long again"
            ),
            ge=5,
            le=3600,
        ),
    ] = 30

    @field_validator("password_file")
    @classmethod
    def _password_of_somebody(cls, file: SecretFile | None, info: ValidationInfo) -> SecretFile | None:
        if file is not None and info.data.get("username", file) is None:
            raise ValueError("a password needs a username")
        return file

    @property
    def broker_port(self) -> int:
        """The port to connect to, 1..65535."""
        if self.port is not None:
            return self.port
        return 1883 if self.tls is None else 8883


class Level(StrEnum):
    """Least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """Form of a log line."""

    JSON = "json"
    TEXT = "text"


class Log(Section):
    """What goes to standard error. Never pictures, secrets or nonces."""

    level: Annotated[Level, Field(title="Level", description="Least severity that is logged")] = Level.INFO
    format: Annotated[LogFormat, Field(title="Format", description="text: for reading; json: one object a line")] = (
        LogFormat.TEXT
    )


class Guidance(Section):
    """What the person sees."""

    language: Annotated[
        Text,
        Field(
            title="Language",
            description="Language tag of the prompts",
            pattern=LANGUAGE_PATTERN,
        ),
    ] = "en"
    result_seconds: Annotated[
        Number, Field(title="Result", description="Seconds for which the screen shows how a session ended", ge=1, le=60)
    ] = 5.0


class Recovery(Section):
    """What the daemon does by itself about a camera that gives no frames."""

    probe_seconds: Annotated[
        Annotated[Number, Field(ge=10, le=86400)] | None,
        Field(
            title="Look at the camera",
            description=(
                "Seconds from a frame to the next look whether a real camera still gives one, while no session runs; "
                "null: only when the daemon starts, and after it failed"
            ),
        ),
    ] = 300.0
    reboot: Annotated[
        YesNo,
        Field(
            title="Reboot",
            description="Ask systemd to reboot the board when nothing else brings frames; livegate-reboot.path does it",
        ),
    ] = False
    reboot_after_seconds: Annotated[
        Number,
        Field(title="Reboot after", description="Seconds without a frame, all tries included", ge=120, le=86400),
    ] = 900.0
    reboots_per_day: Annotated[
        Whole, Field(title="Most reboots", description="That are asked for in any 24 hours", ge=1, le=10)
    ] = 2
    reboot_apart_seconds: Annotated[
        Number,
        Field(
            title="Time between reboots",
            description="Seconds from the board's start, and from one request to the next, without a reboot",
            ge=300,
            le=86400,
        ),
    ] = 1800.0


class Settings(Section):
    """The whole file."""

    device: Annotated[Device, Field(title="Device", description="Who this terminal is")] = Device()
    camera: Annotated[Camera, Field(title="Camera", description="Where frames come from")]
    lights: Annotated[Lights, Field(title="Lights", description="The terminal's own lights")] = Lights()
    models: Annotated[Models, Field(title="Models", description="Networks and what runs them")] = Models()
    quality: Annotated[QualityLimits, Field(title="Quality", description="What a frame must have to be judged")] = (
        QualityLimits()
    )
    policy: Annotated[Policy, Field(title="Policy", description="The least that this site demands")] = Policy()
    link: Annotated[Link, Field(title="Link", description="The MQTT 5 broker")] = Link()
    state_directory: Annotated[
        FilePath,
        Field(
            title="State folder",
            description="Folder of the outbox, device key and boot count; only the daemon's user may read it",
        ),
    ] = Path("/var/lib/livegate")
    log: Annotated[Log, Field(title="Log", description="What goes to standard error")] = Log()
    guidance: Annotated[Guidance, Field(title="Guidance", description="What the person sees")] = Guidance()
    recovery: Annotated[
        Recovery, Field(title="Recovery", description="What is done about a camera that gives no frames")
    ] = Recovery()

    @field_validator("lights")
    @classmethod
    def _a_simulated_light_needs_its_scene(cls, lights: Lights, info: ValidationInfo) -> Lights:
        camera = info.data.get("camera")
        if isinstance(camera, SimulatedCamera) and isinstance(lights.screen, SdlScreen):
            raise ValueError(  # noqa: TRY004 - pydantic gathers these alone
                "the people of a simulated camera see no real screen: name its driver simulated or none"
            )
        if camera is None or isinstance(camera, SimulatedCamera):
            return lights
        alone = [name for name in Lights.model_fields if isinstance(getattr(lights, name), SimulatedLight)]
        if alone:
            error = ValueError(
                "only a simulated camera sees simulated light: name the camera driver simulated, or this one none"
            )
            raise ValidationError.from_exception_data(
                "lights",
                [
                    InitErrorDetails(
                        type="value_error", loc=(name, "simulated", "driver"), input="simulated", ctx={"error": error}
                    )
                    for name in alone
                ],
            )
        return lights
