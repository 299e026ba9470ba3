"""A simulated scene as its YAML file states it: who is shown to which terminal, in what light.

Frozen. Metres, degrees and seconds, from the camera: right and down are those of its picture. Each field is read by
``edge.simulation.build``, or by whoever plays the scene as a session.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)
from pydantic_core import InitErrorDetails

from edge.config.document import Kind
from edge.config.policy import Preset
from edge.config.safety import LampFigures, budget, white_intensity
from edge.config.values import FilePath, Number, Section, Text, Whole, YesNo
from edge.contracts.enums import ErrorCode, Label, LightBand, LightLevel, LivenessOperationMode, Spectrum
from edge.errors import InputError
from edge.simulation import openpeople
from edge.simulation.accessories import HeadCover
from edge.simulation.sheet import BendAxis

# How far a head reaches behind its face and before it, and to either side with the shoulders, metres.
_PERSON_BEHIND: Final = 0.22
_PERSON_BEFORE: Final = 0.03
_PERSON_ASIDE: Final = 0.17


def _is_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _photo(value: object, path: ValidatorFunctionWrapHandler) -> Path:
    if isinstance(value, str) and value.startswith(openpeople.PREFIX):
        try:
            return openpeople.photo(value.removeprefix(openpeople.PREFIX))
        except InputError as error:
            raise ValueError(f"{error.what}: {error.remedy}") from error
    return _is_file(path(value))


ExistingFile = Annotated[FilePath, AfterValidator(_is_file)]
Photo = Annotated[FilePath, WrapValidator(_photo), WithJsonSchema({"type": "string", "format": "photo"})]
Word = Annotated[Text, Field(min_length=1, max_length=64)]


class Presentation(Section):
    """The truth about what is shown, which the terminal is not told."""

    label: Annotated[Label, Field(title="Label", description="A live person, or a presentation attack")]
    pai_species: Annotated[
        Word | None,
        Field(title="PAI species", description="Kind of attack, under which its errors are counted; attacks only"),
    ] = Field(default=None, validate_default=True)

    @field_validator("pai_species")
    @classmethod
    def _attacks_have_a_species(cls, species: str | None, info: ValidationInfo) -> str | None:
        label = info.data.get("label")
        if label is Label.ATTACK and species is None:
            raise ValueError("an attack has a species: name it")
        if label is Label.BONA_FIDE and species is not None:
            raise ValueError("only an attack has a species: leave this key out")
        return species


class Session(Section):
    """What the terminal is asked for."""

    mode: Annotated[
        LivenessOperationMode, Field(title="Mode", description="What the session may ask of the person")
    ] = LivenessOperationMode.PASSIVE
    policy: Annotated[Preset, Field(title="Policy", description="Preset of what must be proven")] = Preset.KIOSK
    attempts: Annotated[
        Whole, Field(title="Attempts", description="Attempts that the session may have", ge=1, le=3)
    ] = 1


class Expect(Section):
    """How the session must go for the scene to count as played properly. What is decided is never expected."""

    light_level: Annotated[
        LightLevel | None, Field(title="Light level", description="As the terminal measures it; null: any")
    ] = None
    error: Annotated[
        ErrorCode | None,
        Field(
            title="Error",
            description="Code with which it must end; null: in a decision, or of an attack in HeadTurnNotPerformed",
        ),
    ] = None


class LightSource(StrEnum):
    """What lights the surroundings."""

    LED = "led"
    FLUORESCENT = "fluorescent"
    TUNGSTEN = "tungsten"
    DAYLIGHT = "daylight"


class Ambient(Section):
    """Light from all round."""

    lux: Annotated[
        Number, Field(title="Illuminance", description="Lux on a level surface that faces up", ge=0, le=50_000)
    ] = 150.0
    light: Annotated[
        LightSource, Field(title="Light", description="Its colour, and how much infrared comes with it")
    ] = LightSource.LED
    above: Annotated[
        Number,
        Field(
            title="From above",
            description="0: the same from everywhere; 1: what faces up has all of it and what faces down nothing",
            ge=0,
            le=1,
        ),
    ] = 0.5
    mains_hz: Annotated[
        Whole, Field(title="Mains", description="Frequency of the mains, Hz; light ripples twice as fast", ge=16, le=60)
    ] = 50
    flicker: Annotated[
        Number,
        Field(
            title="Flicker",
            description="Modulation by the mains: 0 steady, 1 down to darkness; daylight has none",
            ge=0,
            le=1,
        ),
    ] = 0.0

    @field_validator("flicker")
    @classmethod
    def _the_sky_is_not_on_the_mains(cls, flicker: float, info: ValidationInfo) -> float:
        if flicker > 0 and info.data.get("light") is LightSource.DAYLIGHT:
            raise ValueError("daylight does not flicker: leave this key out, or name another light")
        return flicker


class Sun(Section):
    """Direct sunlight."""

    lux: Annotated[
        Number, Field(title="Illuminance", description="Lux on a surface that faces the sun", ge=0, le=120_000)
    ]
    azimuth: Annotated[
        Number,
        Field(
            title="Azimuth",
            description="Degrees: 0 shines past the terminal into the face, 90 from the right of the picture, "
            "180 from behind the person",
            ge=-180,
            le=180,
        ),
    ] = 40.0
    elevation: Annotated[Number, Field(title="Elevation", description="Degrees above the horizon", ge=0, le=90)] = 35.0


class Wall(Section):
    """What is behind everybody."""

    distance: Annotated[Number, Field(title="Distance", description="Metres from the camera", ge=0.3, le=50)] = 2.5
    reflectance: Annotated[Number, Field(title="Reflectance", description="0 black, 1 white", ge=0, le=1)] = 0.5


class Surroundings(Section):
    """Where the terminal hangs."""

    ambient: Annotated[Ambient, Field(title="Ambient light", description="Light from all round")] = Ambient()
    sun: Annotated[Sun | None, Field(title="Sun", description="Direct sunlight; null: none")] = None
    wall: Annotated[Wall, Field(title="Wall", description="What is behind everybody")] = Wall()


class Camera(Section):
    """The terminal's camera."""

    width: Annotated[Whole, Field(title="Width", description="Pixels; even", ge=64, le=1920)] = 640
    height: Annotated[Whole, Field(title="Height", description="Pixels; even", ge=64, le=1080)] = 480
    fps: Annotated[Number, Field(title="Frame rate", description="Frames per second", ge=5, le=60)] = 30.0
    field_of_view: Annotated[
        Number,
        Field(
            title="Field of view", description="Degrees from the left edge of the picture to the right", ge=20, le=120
        ),
    ] = 60.0
    spectrum: Annotated[
        Spectrum,
        Field(
            title="Spectrum",
            description="ir_cut: visible light only; noir: visible and infrared; ir_pass: infrared only",
        ),
    ] = Spectrum.IR_CUT
    anti_flicker_hz: Annotated[
        Annotated[Whole, Field(ge=16, le=60)] | None,
        Field(
            title="Flicker avoidance",
            description="Mains frequency for whose ripple automatic exposure keeps to whole periods, Hz; null: none",
        ),
    ] = 50
    latency_frames: Annotated[
        Whole,
        Field(
            title="Latency",
            description="Frames from exposure to arrival, and from a control to its effect",
            ge=1,
            le=10,
        ),
    ] = 3
    line_time: Annotated[
        Number,
        Field(title="Line time", description="Seconds from the readout of a row to that of the next", ge=0, le=1e-4),
    ] = 30e-6
    read_noise: Annotated[
        Number, Field(title="Read noise", description="Electrons, standard deviation", ge=0, le=50)
    ] = 3.0
    full_well: Annotated[
        Number, Field(title="Full well", description="Electrons that fill a pixel", ge=500, le=100_000)
    ] = 10_000.0
    blur: Annotated[
        Number, Field(title="Blur", description="Pixels, standard deviation of the lens' point spread", ge=0, le=5)
    ] = 0.6
    raw: Annotated[
        YesNo,
        Field(
            title="Raw values",
            description="Whether frames carry the raw values of the colour mosaic beside the 8-bit picture",
        ),
    ] = True

    @field_validator("width", "height")
    @classmethod
    def _whole_colour_cells(cls, side: int) -> int:
        if side % 2:
            raise ValueError(f"{side} pixels cut a cell of the colour mosaic in half: give an even number")
        return side

    @field_validator("line_time")
    @classmethod
    def _rows_are_read_within_a_frame(cls, line_time: float, info: ValidationInfo) -> float:
        height, fps = info.data.get("height"), info.data.get("fps")
        if height is not None and fps is not None and line_time * height > 0.9 / fps:
            raise ValueError(
                f"{height} rows take {line_time * height * 1e3:.0f} ms to read, and a frame lasts {1e3 / fps:.0f} ms"
            )
        return line_time


class Display(Section):
    """The terminal's display, which looks where the camera looks."""

    width: Annotated[Number, Field(title="Width", description="Metres of the lit area", ge=0.02, le=2)] = 0.154
    height: Annotated[Number, Field(title="Height", description="Metres of the lit area", ge=0.02, le=2)] = 0.086
    right: Annotated[Number, Field(title="Right", description="Metres of its middle from the camera", ge=-2, le=2)] = (
        0.0
    )
    down: Annotated[Number, Field(title="Down", description="Metres of its middle from the camera", ge=-2, le=2)] = 0.06
    luminance: Annotated[
        Number, Field(title="Luminance", description="Of full white at full backlight, cd/m2", ge=10, le=3000)
    ] = 300.0
    resting_level: Annotated[
        Number, Field(title="Level at rest", description="Relative backlight level outside sessions", ge=0, le=1)
    ] = 0.6
    pwm_hz: Annotated[
        Annotated[Number, Field(ge=50, le=100_000)] | None,
        Field(
            title="Pulse frequency", description="Of a backlight dimmed by pulses, Hz; null: it is dimmed by current"
        ),
    ] = None


class Illuminator(Section):
    """A light-emitting diode beside the camera that the terminal switches."""

    band: Annotated[LightBand, Field(title="Band", description="Light that it gives")] = LightBand.INFRARED
    intensity: Annotated[
        Number,
        Field(
            title="Intensity",
            description="On its axis at full output: W/sr of infrared (up to 4, for the eyes' sake), candela of white",
            ge=0.001,
            le=1000,
        ),
    ]
    half_angle: Annotated[
        Number, Field(title="Half angle", description="Degrees from the axis to half of the intensity", ge=5, le=80)
    ] = 45.0
    right: Annotated[Number, Field(title="Right", description="Metres from the camera", ge=-1, le=1)] = 0.03
    down: Annotated[Number, Field(title="Down", description="Metres from the camera", ge=-1, le=1)] = 0.0

    @field_validator("intensity")
    @classmethod
    def _safe_for_eyes(cls, intensity: float, info: ValidationInfo) -> float:
        if "band" in info.data:
            problems = budget(_figures(info.data["band"], intensity)).problems
            if problems:
                raise ValueError(f"{'; '.join(problems)} (IEC 62471)")
        return intensity

    @property
    def figures(self) -> LampFigures:
        """What its safety budget is made of; nobody declares the risk groups of a simulated lamp."""
        return _figures(self.band, self.intensity)


def _figures(band: LightBand, intensity: float) -> LampFigures:
    return LampFigures(band, white_intensity(intensity) if band is LightBand.WHITE else intensity)


class Terminal(Section):
    """The terminal's hardware."""

    camera: Annotated[Camera, Field(title="Camera", description="What sees the scene")] = Camera()
    display: Annotated[Display | None, Field(title="Display", description="What lights the face; null: none")] = (
        Display()
    )
    illuminator: Annotated[
        Illuminator | None, Field(title="Illuminator", description="A switched light beside the camera; null: none")
    ] = None
    lux_sensor: Annotated[
        YesNo, Field(title="Light sensor", description="Whether a sensor beside the camera measures the ambient light")
    ] = True


@dataclass(frozen=True, slots=True)
class Extent:
    """What of the room a subject takes up, metres from the camera."""

    near: float
    far: float
    left: float
    right: float

    def joined_with(self, other: Extent) -> Extent:
        return Extent(
            min(self.near, other.near),
            max(self.far, other.far),
            min(self.left, other.left),
            max(self.right, other.right),
        )

    def meets(self, other: Extent) -> bool:
        return self.near < other.far and other.near < self.far and self.left < other.right and other.left < self.right


class Placed(Section):
    """Something before the camera."""

    distance: Annotated[
        Number, Field(title="Distance", description="Metres from the camera to its front", ge=0.15, le=5)
    ] = 0.5
    right: Annotated[Number, Field(title="Right", description="Metres from the camera's axis", ge=-3, le=3)] = 0.0
    down: Annotated[Number, Field(title="Down", description="Metres from the camera's axis", ge=-2, le=2)] = 0.0


class Axis(StrEnum):
    """An axis of an OBJ file."""

    X = "x"
    Y = "y"
    Z = "z"
    MINUS_X = "-x"
    MINUS_Y = "-y"
    MINUS_Z = "-z"


class Obj(Section):
    """A head's shape from a file."""

    file: Annotated[ExistingFile, Field(title="File", description="A Wavefront OBJ file")]
    up: Annotated[Axis, Field(title="Up", description="Axis of the file that points up")] = Axis.Y
    front: Annotated[Axis, Field(title="Front", description="Axis of the file that points out of the face")] = Axis.Z
    metres: Annotated[
        Annotated[Number, Field(ge=1e-6, le=100)] | None,
        Field(title="Unit", description="Metres of one unit of the file; null: the face is given an average length"),
    ] = None

    @field_validator("front")
    @classmethod
    def _two_axes(cls, front: Axis, info: ValidationInfo) -> Axis:
        if "up" in info.data and info.data["up"][-1] == front[-1]:
            raise ValueError(f"a face does not point along {front.value} where {info.data['up'].value} is up")
        return front


class Somebody(Placed):
    """A living person, where the key around says who that is."""

    face: Annotated[
        Photo | None,
        Field(title="Face", description="Frontal photograph that gives the skin its colours; null: plain skin"),
    ] = None
    tone: Annotated[
        Annotated[Number, Field(ge=-0.2, le=1.3)] | None,
        Field(
            title="Skin tone",
            description="0 light, 1 dark, beyond them the bounds of skin: green reflects 0.60 at -0.2, 0.45, 0.08, and "
            "0.05 at 1.3; null: as the photograph suggests, and fairly light without one",
        ),
    ] = None
    obj: Annotated[
        Obj | None, Field(title="Shape", description="Shape of the head; null: one drawn from the sizes of adults")
    ] = None
    seed: Annotated[
        Annotated[Whole, Field(ge=0, le=2**31)] | None,
        Field(
            title="Seed",
            description="Draws the head's shape and the person's ways; null: the scene's seed and place in the list do",
        ),
    ] = None
    arrives: Annotated[
        Annotated[Number, Field(ge=0, le=600)] | None,
        Field(title="Arrives", description="Seconds after the beginning; null: is there from the beginning"),
    ] = None
    leaves: Annotated[
        Annotated[Number, Field(ge=0, le=600)] | None,
        Field(title="Leaves", description="Seconds after the beginning; null: stays"),
    ] = None
    obeys: Annotated[YesNo, Field(title="Obeys", description="Whether the person does what the screen asks")] = True
    glasses: Annotated[
        YesNo, Field(title="Glasses", description="Dark rims and lenses that mirror the terminal's light")
    ] = False
    beard: Annotated[
        YesNo, Field(title="Beard", description="A full, dark one; a photograph's own beard is there without")
    ] = False
    head_cover: Annotated[
        HeadCover | None,
        Field(title="Head cover", description="A knitted cap, or a scarf round all but the face; null: none"),
    ] = None

    @field_validator("leaves")
    @classmethod
    def _arrives_before_leaving(cls, leaves: float | None, info: ValidationInfo) -> float | None:
        arrives = info.data.get("arrives")
        if leaves is not None and arrives is not None and leaves <= arrives:
            raise ValueError(f"leaves at {leaves:g} s, before having arrived at {arrives:g} s")
        return leaves

    @property
    def extent(self) -> Extent:
        return Extent(
            near=self.distance - _PERSON_BEFORE,
            far=self.distance + _PERSON_BEHIND,
            left=self.right - _PERSON_ASIDE,
            right=self.right + _PERSON_ASIDE,
        )


class Person(Somebody):
    """A living person."""

    kind: Annotated[Literal["person"], Field(title="Kind", description="A living person")]


class Held(Placed):
    """Something flat before the camera; its middle is where right and down say."""

    distance: Annotated[
        Number, Field(title="Distance", description="Metres from the camera to its middle", ge=0.05, le=5)
    ] = 0.35
    yaw: Annotated[
        Number, Field(title="Yaw", description="Degrees that it is turned to the right of the picture", ge=-80, le=80)
    ] = 0.0
    pitch: Annotated[Number, Field(title="Pitch", description="Degrees that it is tilted upwards", ge=-80, le=80)] = 0.0
    roll: Annotated[
        Number, Field(title="Roll", description="Degrees that it is turned in its plane", ge=-180, le=180)
    ] = 0.0
    steady: Annotated[
        YesNo,
        Field(title="Steady", description="true: fixed to something; false: held in a hand that drifts and trembles"),
    ] = False
    turned: Annotated[
        Annotated[Number, Field(ge=1, le=60)] | None,
        Field(
            title="Turned",
            description="Degrees that it is turned about its middle, as fast as a person reacts, when asked for a "
            "turn; null: it does not move",
        ),
    ] = None

    def _extent(self, width: float) -> Extent:
        return Extent(
            near=self.distance - 0.01,
            far=self.distance + 0.01,
            left=self.right - width / 2,
            right=self.right + width / 2,
        )


class Finish(StrEnum):
    """Surface of paper."""

    MATTE = "matte"
    GLOSSY = "glossy"


class Printer(StrEnum):
    """What printed a sheet."""

    INKJET = "inkjet"
    LASER = "laser"


class Part(StrEnum):
    """Part of a picture."""

    WHOLE = "whole"
    UPPER_SQUARE = "upper_square"


class Paper(Section):
    """A picture on paper."""

    photo: Annotated[Photo, Field(title="Photo", description="What is printed")]
    part: Annotated[
        Part,
        Field(title="Part", description="Of the photo; upper_square: head and shoulders of an upright portrait"),
    ] = Part.UPPER_SQUARE
    width: Annotated[
        Number, Field(title="Width", description="Metres; the height follows from the picture", ge=0.02, le=2)
    ] = 0.29


class HeldPaper(Paper, Held):
    """A picture on paper that is held before the camera."""

    @property
    def extent(self) -> Extent:
        return self._extent(self.width)


class Inked(Section):
    """What of a print counts where light falls on its front."""

    finish: Annotated[Finish, Field(title="Finish", description="Whether the paper mirrors")] = Finish.MATTE
    printer: Annotated[
        Printer, Field(title="Printer", description="A laser printer's black is black in infrared too; dyes are not")
    ] = Printer.INKJET


class Print(Inked, HeldPaper):
    """A flat print."""

    kind: Annotated[Literal["print"], Field(title="Kind", description="A flat print")]


class BentPrint(Inked, HeldPaper):
    """A print bent to a part of a cylinder."""

    kind: Annotated[Literal["bent_print"], Field(title="Kind", description="A print bent to a part of a cylinder")]
    radius: Annotated[Number, Field(title="Radius", description="Of the bend, metres", ge=0.03, le=5)] = 0.15
    axis: Annotated[BendAxis, Field(title="Axis", description="Line about which it is bent")] = BendAxis.VERTICAL
    hollow: Annotated[
        YesNo, Field(title="Hollow", description="true: its middle is away from the camera; false: towards it")
    ] = False

    @field_validator("radius")
    @classmethod
    def _half_a_turn_at_most(cls, radius: float, info: ValidationInfo) -> float:
        width = info.data.get("width")
        if width is not None and width > math.pi * radius:
            raise ValueError(f"a print {width:g} m wide goes more than half round {radius:g} m: bend it less")
        return radius


class CutOut(Inked, HeldPaper):
    """A print cut out along the face."""

    kind: Annotated[Literal["cut_out"], Field(title="Kind", description="A print cut out along the face")]
    eye_holes: Annotated[YesNo, Field(title="Eye holes", description="Whether the eyes are cut out")] = True
    behind: Annotated[
        Somebody | None,
        Field(title="Behind", description="Who looks through the holes: keys of a person; null: nobody"),
    ] = None

    @field_validator("behind")
    @classmethod
    def _behind_is_farther(cls, person: Somebody | None, info: ValidationInfo) -> Somebody | None:
        distance = info.data.get("distance")
        if person is not None and distance is not None and person.distance < distance + _PERSON_BEFORE:
            raise ValueError(
                f"whoever looks through a print at {distance:g} m is farther away, not at {person.distance:g} m"
            )
        return person

    @property
    def extent(self) -> Extent:
        own = super().extent
        return own if self.behind is None else own.joined_with(self.behind.extent)


class WornPrint(Inked, Paper):
    """A print bent round a face and worn."""

    kind: Annotated[Literal["worn_print"], Field(title="Kind", description="A cut-out print bent round a face")]
    # A wider one would go round the whole head and meet itself: 2 pi times the 0.085 m of a face's radius.
    width: Annotated[
        Number, Field(title="Width", description="Metres; the height follows from the picture", ge=0.02, le=0.53)
    ] = 0.29
    eye_holes: Annotated[YesNo, Field(title="Eye holes", description="Whether the wearer's eyes show")] = True
    wearer: Annotated[
        Somebody,
        Field(title="Wearer", description="Who wears it and moves it: keys of a person"),
    ]

    @property
    def extent(self) -> Extent:
        return self.wearer.extent


class SiliconeMask(Section):
    """A mask of silicone over a whole head."""

    kind: Annotated[
        Literal["silicone_mask"],
        Field(title="Kind", description="A mask of silicone over a whole head, with somebody else's face"),
    ]
    photo: Annotated[Photo, Field(title="Photo", description="Frontal photograph of whom it shows")]
    tone: Annotated[
        Annotated[Number, Field(ge=-0.2, le=1.3)] | None,
        Field(title="Skin tone", description="That it is painted in, as of a person; null: as the photograph suggests"),
    ] = None
    obj: Annotated[
        Obj | None,
        Field(title="Shape", description="Shape of whom it shows; null: one drawn from the sizes of adults"),
    ] = None
    thickness: Annotated[Number, Field(title="Thickness", description="Of the silicone, metres", ge=0.001, le=0.01)] = (
        0.003
    )
    wearer: Annotated[
        Somebody,
        Field(
            title="Wearer",
            description="Who wears it and moves it, whose eyes and lips show: keys of a person; beard and head cover "
            "are on the mask",
        ),
    ]

    @property
    def extent(self) -> Extent:
        return self.wearer.extent


class BacklitPrint(HeldPaper):
    """A print with a lamp behind."""

    kind: Annotated[Literal["backlit_print"], Field(title="Kind", description="A print with a lamp behind")]
    lamp_lux: Annotated[
        Number, Field(title="Lamp", description="Lux of white light on the back of the paper", ge=0, le=50_000)
    ] = 2000.0


class Device(StrEnum):
    """A common size of screen."""

    PHONE = "phone"
    TABLET = "tablet"
    LARGE = "large"


# Lit areas upright, metres: a phone of 6.1 inches, a tablet of 11, a monitor of 24 on its side as it stands.
_DEVICES: Final = {Device.PHONE: (0.065, 0.141), Device.TABLET: (0.160, 0.229), Device.LARGE: (0.531, 0.299)}


class Lit(Held):
    """A screen."""

    device: Annotated[
        Device, Field(title="Device", description="Size of the lit area; phone and tablet are upright")
    ] = Device.TABLET
    width: Annotated[
        Annotated[Number, Field(ge=0.02, le=3)] | None,
        Field(title="Width", description="Metres of the lit area; null: the device's"),
    ] = None
    height: Annotated[
        Annotated[Number, Field(ge=0.02, le=3)] | None,
        Field(title="Height", description="Metres of the lit area; null: the device's"),
    ] = None
    luminance: Annotated[Number, Field(title="Luminance", description="Of its white, cd/m2", ge=1, le=3000)] = 400.0

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the lit area, metres."""
        width, height = _DEVICES[self.device]
        return self.width or width, self.height or height

    @property
    def extent(self) -> Extent:
        return self._extent(self.size[0])


class Screen(Lit):
    """A screen that shows a photo or a video."""

    kind: Annotated[Literal["screen"], Field(title="Kind", description="A screen that shows a photo or a video")]
    pwm_hz: Annotated[
        Annotated[Number, Field(ge=50, le=100_000)] | None,
        Field(title="Pulse frequency", description="Hz at which its light is switched to dim it; null: it is steady"),
    ] = None
    pwm_duty: Annotated[
        Number, Field(title="Pulse duty", description="Share of a pulse's period for which it is lit", ge=0.02, le=1)
    ] = 0.5
    photo: Annotated[
        Photo | None, Field(title="Photo", description="What it shows; the middle of it that fills the screen")
    ] = None
    turning: Annotated[
        YesNo,
        Field(
            title="Turning",
            description="true: shows a video of the photo's person, who turns the head every which way, over and over",
        ),
    ] = False
    video: Annotated[
        ExistingFile | None,
        Field(title="Video", description="What it shows instead of a photo, over and over"),
    ] = Field(default=None, validate_default=True)

    @field_validator("turning")
    @classmethod
    def _somebody_turns(cls, turning: bool, info: ValidationInfo) -> bool:
        if turning and info.data.get("photo", turning) is None:
            raise ValueError("whoever turns has a photo: name it")
        return turning

    @field_validator("video")
    @classmethod
    def _photo_or_video(cls, video: Path | None, info: ValidationInfo) -> Path | None:
        if "photo" in info.data and (video is None) == (info.data["photo"] is None):
            raise ValueError("a screen shows either a photo or a video: name one of them")
        return video


class ReactiveScreen(Lit):
    """A screen whose camera sees the terminal's display and whose picture follows it."""

    kind: Annotated[
        Literal["reactive_screen"],
        Field(
            title="Kind", description="A screen whose camera sees the terminal's display and whose picture follows it"
        ),
    ]
    photo: Annotated[Photo, Field(title="Photo", description="A face; the middle of it that fills the screen")]
    obeys: Annotated[
        YesNo,
        Field(
            title="Obeys",
            description="true: shows a rendered person with the photo's face who does what the terminal asks, as a "
            "face swap in real time does; false: shows the photo",
        ),
    ] = False
    relit: Annotated[
        YesNo,
        Field(
            title="Relit",
            description="true: each half of the terminal's display lights the face shown as it would light a head; "
            "false: both make all of the picture brighter",
        ),
    ] = True
    gain: Annotated[
        Number,
        Field(
            title="Gain",
            description="Share of the light on the face shown that follows the display, when that is at full",
            ge=0,
            le=1,
        ),
    ] = 0.3
    delay: Annotated[
        Number,
        Field(
            title="Delay",
            description="Frames of the terminal's camera from a change of the display to the screen's answer",
            ge=0,
            le=60,
        ),
    ] = 1.0


class Surface(StrEnum):
    """What a picture is thrown on."""

    SHEET = "sheet"
    HEAD = "head"


class Projector(HeldPaper):
    """A projector that throws a face on a white sheet or on a white head."""

    kind: Annotated[
        Literal["projector"],
        Field(title="Kind", description="A projector that throws a face on a white sheet or on a white head"),
    ]
    photo: Annotated[Photo, Field(title="Photo", description="What is thrown on it")]
    width: Annotated[
        Number,
        Field(title="Width", description="Of the sheet, metres; the height follows from the picture", ge=0.02, le=2),
    ] = 0.29
    onto: Annotated[
        Surface,
        Field(title="Onto", description="A flat sheet that is held, or a head without colours as shops have it"),
    ] = Surface.SHEET
    reflectance: Annotated[
        Number, Field(title="Reflectance", description="Of the sheet or the head, in every band", ge=0, le=1)
    ] = 0.8
    lux: Annotated[
        Number,
        Field(
            title="Illuminance", description="Lux of the picture's white where it faces the projector", ge=0, le=50_000
        ),
    ] = 800.0
    lens_right: Annotated[
        Number, Field(title="Projector right", description="Metres of its lens from the camera's axis", ge=-3, le=3)
    ] = 0.0
    lens_down: Annotated[
        Number, Field(title="Projector down", description="Metres of its lens from the camera's axis", ge=-2, le=2)
    ] = -0.25
    lens_distance: Annotated[
        Number,
        Field(
            title="Projector's distance",
            description="Metres of its lens before the camera; negative: behind",
            ge=-3,
            le=4,
        ),
    ] = Field(default=0.0, validate_default=True)

    @field_validator("lens_distance")
    @classmethod
    def _it_shines_on_the_front(cls, lens: float, info: ValidationInfo) -> float:
        distance = info.data.get("distance")
        if distance is not None and lens > distance - 0.1:
            raise ValueError(
                f"a projector {lens:g} m before the camera does not light the front of what is at {distance:g} m"
            )
        return lens

    @property
    def extent(self) -> Extent:
        if self.onto is Surface.SHEET:
            return super().extent
        return Extent(
            near=self.distance - _PERSON_BEFORE,
            far=self.distance + _PERSON_BEHIND,
            left=self.right - _PERSON_ASIDE,
            right=self.right + _PERSON_ASIDE,
        )


Subject = Annotated[
    Person | Print | BentPrint | CutOut | WornPrint | Screen | BacklitPrint | ReactiveScreen | SiliconeMask | Projector,
    Field(discriminator="kind"),
]


class Scene(Section):
    """The whole file."""

    title: Annotated[Word, Field(title="Title", description="Of the scene, in tables")]
    seed: Annotated[
        Whole, Field(title="Seed", description="Of all that is drawn by chance, noise included", ge=0, le=2**31)
    ] = 1
    presentation: Annotated[
        Presentation | None,
        Field(title="Presentation", description="What is truly shown; null: nobody who should be judged"),
    ] = None
    session: Annotated[Session, Field(title="Session", description="What the terminal is asked for")] = Session()
    expect: Annotated[
        Expect | None,
        Field(
            title="Expectation",
            description="How the session must go; what is decided is never expected. null: no matter",
        ),
    ] = None
    surroundings: Annotated[Surroundings, Field(title="Surroundings", description="Where the terminal hangs")] = (
        Surroundings()
    )
    terminal: Annotated[Terminal, Field(title="Terminal", description="The terminal's hardware")] = Terminal()
    subjects: Annotated[
        tuple[Subject, ...],
        Field(title="Subjects", description="Who and what is before the camera, in any order", max_length=8),
    ] = ()

    @field_validator("subjects")
    @classmethod
    def _nothing_is_inside_anything_else(
        cls, subjects: tuple[Subject, ...], info: ValidationInfo
    ) -> tuple[Subject, ...]:
        refused: list[tuple[int, str, str]] = []
        surroundings = info.data.get("surroundings")
        for number, subject in enumerate(subjects):
            if surroundings is not None and subject.extent.far >= surroundings.wall.distance:
                refused.append(
                    (number, "distance", f"reaches into the wall, which is at {surroundings.wall.distance:g} m")
                )
        for (one, first), (other, second) in combinations(enumerate(subjects), 2):
            if first.extent.meets(second.extent):
                refused.append((other, "distance", f"stands inside subjects[{one}]: move one of them"))
        if refused:
            _refuse(subjects, refused)
        return subjects


def _refuse(subjects: Sequence[Subject], refused: Sequence[tuple[int, str, str]]) -> NoReturn:
    raise ValidationError.from_exception_data(
        "subjects",
        [
            InitErrorDetails(
                type="value_error",
                loc=(number, subjects[number].kind, key),
                input=None,
                ctx={"error": ValueError(message)},
            )
            for number, key, message in refused
        ],
    )


_KIND: Final = Kind(Scene, page="docs/simulation.md", example="config/scenes/bona-fide-dim.yaml")


def load_scene(path: Path) -> Scene:
    """Read a scene file. Relative paths in it count from its folder.

    Raises ConfigProblems with every mistake in it, files that are not there among them. What is in photographs,
    videos and OBJ files is not looked at.
    """
    return _KIND.load(path)


def scene_files(folder: Path) -> Sequence[Path]:
    """The scene files of a folder, by name. Raises InputError where there are none."""
    try:
        files = sorted(entry for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml"))
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read: {error.strerror}", remedy="name a folder with scene files"
        ) from error
    if not files:
        raise InputError(f"{folder} holds no scene files", remedy="name a folder with .yaml files")
    return files


def shipped_scenes() -> Path:
    """``config/scenes`` of a working copy, else the scenes inside the installed package."""
    package = Path(__file__).resolve().parent.parent
    beside = package.parent / "config" / "scenes"
    return beside if beside.is_dir() else package / "_scenes"
