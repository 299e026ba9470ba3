"""The terminal's own lights, with what eyes may get of them, and what measures the light around it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from edge.config.choices import VideoDriver
from edge.config.gpio_line import GpioLine
from edge.config.safety import LampFigures, RiskGroup, budget
from edge.config.values import DeviceName, FilePath, Number, Section, Whole, YesNo
from edge.contracts.enums import LightBand

_LIGHT_DRIVER = Field(title="Driver", description="What drives it; simulated: the scene's own")


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
    line: GpioLine

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
