"""Scene files: who or what stands before which terminal in which light, in YAML. docs/simulation.md has every key."""

from __future__ import annotations

import importlib.util
import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationInfo, WithJsonSchema, WrapValidator, field_validator
from pydantic.functional_validators import AfterValidator, ModelWrapValidatorHandler

from edge.config.document import Kind
from edge.config.settings import LONGEST_PATH, FilePath, Number, Section, Text, Whole, YesNo
from edge.contracts.enums import ErrorCode, LightLevel, LivenessOperationMode

PEOPLE: Final = "openpeople:"
_PORTRAIT: Final = "assets/studio_portrait.jpg"
_FARTHEST: Final = 5.0


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _photo(value: Any, as_path: ModelWrapValidatorHandler[Path]) -> Path:
    if isinstance(value, str) and value.startswith(PEOPLE):
        return _portrait(value.removeprefix(PEOPLE))
    return _existing(as_path(value))


def _portrait(name: str) -> Path:
    package = importlib.util.find_spec("openpeople")
    if package is None or package.origin is None:
        raise ValueError("the synthetic people are not installed: pip install 'livegate[demo]'")
    folder = Path(package.origin).parent / "data" / "curated"
    names = sorted(person.name for person in folder.iterdir())
    if name not in names:
        raise ValueError(f"openpeople has nobody of this name; it has {', '.join(names)}")
    return folder / name / _PORTRAIT


_PHOTO_SCHEMA = {"type": "string", "format": "photo", "minLength": 1, "maxLength": LONGEST_PATH}
ExistingFile = Annotated[FilePath, AfterValidator(_existing)]
Photo = Annotated[FilePath, WrapValidator(_photo), WithJsonSchema(_PHOTO_SCHEMA)]


class PresentationLabel(StrEnum):
    """Whether a presentation is a person or an attack."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"


class SourceKind(StrEnum):
    """Spectra of surrounding light."""

    LED = "led"
    DAYLIGHT = "daylight"
    TUNGSTEN = "tungsten"
    FLUORESCENT = "fluorescent"


class CameraSpectrum(StrEnum):
    """What the camera's filter lets through."""

    IR_CUT = "ir_cut"
    NOIR = "noir"
    IR_PASS = "ir_pass"  # noqa: S105 - a filter


class ScreenSize(StrEnum):
    """A presented screen."""

    PHONE = "phone"
    TABLET = "tablet"
    LARGE = "large"


Share = Annotated[Number, Field(ge=0, le=1)]
Degrees = Annotated[Number, Field(ge=-90, le=90)]


class Presentation(Section):
    """What is presented, in the words of ISO/IEC 30107-3."""

    label: Annotated[PresentationLabel, Field(title="Label", description="What it truly is")]
    pai_species: Annotated[
        Annotated[Text, Field(min_length=1, max_length=64)] | None,
        Field(title="PAI species", description="Kind of instrument; attacks only"),
    ] = Field(default=None, validate_default=True)

    @field_validator("pai_species")
    @classmethod
    def _attacks_have_a_species(cls, species: str | None, info: ValidationInfo) -> str | None:
        label = info.data.get("label")
        if label is PresentationLabel.ATTACK and species is None:
            raise ValueError("an attack needs the name of its PAI species")
        if label is PresentationLabel.BONA_FIDE and species is not None:
            raise ValueError("a bona fide presentation has no PAI species")
        return species


class Session(Section):
    """The session that the terminal is asked for."""

    mode: Annotated[LivenessOperationMode, Field(title="Mode", description="Liveness operation mode")] = (
        LivenessOperationMode.PASSIVE
    )


class Expectation(Section):
    """What the process must come to. Decisions are reported and never expected."""

    light_level: Annotated[LightLevel | None, Field(title="Light level", description="Measured level; null: any")] = (
        None
    )
    error: Annotated[ErrorCode | None, Field(title="Error", description="Code that ends the session; null: none")] = (
        None
    )


class Ambient(Section):
    """Light from all around."""

    lux: Annotated[Number, Field(title="Illuminance", description="On a level surface, lux", ge=0, le=100_000)] = 150.0
    light: Annotated[SourceKind, Field(title="Light source", description="Sets colour and infrared share")] = (
        SourceKind.LED
    )
    above: Annotated[Share, Field(title="From above", description="0: evenly from everywhere; 1: from above")] = 0.5
    mains_hz: Annotated[Literal[50, 60], Field(title="Mains", description="Frequency of the mains, Hz")] = 50
    flicker: Annotated[Share, Field(title="Flicker", description="Modulation at twice the mains frequency")] = 0.0


class Sun(Section):
    """Light from one direction."""

    lux: Annotated[Number, Field(title="Illuminance", description="On a surface that faces it", ge=0, le=130_000)]
    azimuth: Annotated[
        Number,
        Field(title="Azimuth", description="Degrees: 0 behind the camera, 90 to the picture's right", ge=-180, le=180),
    ] = 45.0
    elevation: Annotated[Number, Field(title="Elevation", description="Degrees above the horizon", ge=0, le=90)] = 40.0


class Wall(Section):
    """A flat matt wall behind everything."""

    distance: Annotated[Number, Field(title="Distance", description="From the camera, metres", ge=0.3, le=20)] = 2.0
    reflectance: Annotated[Share, Field(title="Reflectance", description="Diffuse, in all bands")] = 0.5


class Surroundings(Section):
    """Everything that is neither terminal nor subject."""

    ambient: Annotated[Ambient, Field(title="Ambient", description="Light from all around")] = Ambient()
    sun: Annotated[Sun | None, Field(title="Sun", description="null: none")] = None
    wall: Annotated[Wall, Field(title="Wall", description="Behind everything")] = Wall()


class Camera(Section):
    """The terminal's camera; it is the origin of all positions."""

    width: Annotated[Whole, Field(title="Width", description="Pixels", ge=64, le=1920)] = 640
    height: Annotated[Whole, Field(title="Height", description="Pixels", ge=64, le=1920)] = 480
    fps: Annotated[Number, Field(title="Frame rate", description="Frames per second", ge=1, le=120)] = 30.0
    spectrum: Annotated[CameraSpectrum, Field(title="Spectrum", description="What its filter lets through")] = (
        CameraSpectrum.IR_CUT
    )
    field_of_view: Annotated[
        Number, Field(title="Field of view", description="Across the picture's width, degrees", ge=20, le=120)
    ] = 62.0


class Display(Section):
    """The terminal's screen, an area light."""

    width: Annotated[Number, Field(title="Width", description="Metres", ge=0.02, le=1)] = 0.155
    height: Annotated[Number, Field(title="Height", description="Metres", ge=0.02, le=1)] = 0.087
    luminance: Annotated[Number, Field(title="Luminance", description="White at level 1, cd/m2", ge=1, le=3000)] = 300.0
    below: Annotated[Number, Field(title="Below", description="Its middle below the camera, metres", ge=-1, le=1)] = (
        0.07
    )
    level: Annotated[Share, Field(title="Level", description="Backlight at rest")] = 0.6
    pwm_hz: Annotated[
        Annotated[Number, Field(ge=50, le=100_000)] | None,
        Field(title="PWM", description="Frequency of its dimming, Hz; null: steady current"),
    ] = None
    settle: Annotated[
        Number, Field(title="Settling", description="Time constant of its pixels, seconds", ge=0.001, le=0.2)
    ] = 0.008


class Infrared(Section):
    """The terminal's infrared lamp."""

    intensity: Annotated[Number, Field(title="Intensity", description="On its axis, W/sr", ge=0.001, le=10)] = 0.3
    half_angle: Annotated[
        Number, Field(title="Half angle", description="Degrees from the axis to half of the intensity", ge=5, le=85)
    ] = 40.0
    aside: Annotated[Number, Field(title="Aside", description="To the camera's right, metres", ge=-0.5, le=0.5)] = 0.03


class Terminal(Section):
    """The simulated device."""

    camera: Annotated[Camera, Field(title="Camera", description="The one camera")] = Camera()
    display: Annotated[Display | None, Field(title="Display", description="null: none")] = Display()
    infrared: Annotated[Infrared | None, Field(title="Infrared", description="null: none")] = None
    lux_sensor: Annotated[YesNo, Field(title="Light sensor", description="Whether it measures lux")] = True


Distance = Annotated[Number, Field(title="Distance", description="From the camera, metres", ge=0.15, le=_FARTHEST)]
PictureWidth = Annotated[Number, Field(title="Width", description="Of the sheet, metres", ge=0.05, le=2)]
Picture = Annotated[Photo, Field(title="Photo", description="What it shows")]
Yaw = Annotated[Degrees, Field(title="Yaw", description="Degrees, positive to the picture's right")]
Pitch = Annotated[Degrees, Field(title="Pitch", description="Degrees, positive up")]
Roll = Annotated[Degrees, Field(title="Roll", description="Degrees")]


class Person(Section):
    """A living person, who breathes, sways, blinks and turns when asked."""

    kind: Annotated[Literal["person"], Field(title="Kind", description="A living person")]
    face: Annotated[Photo | None, Field(title="Face", description="Photograph of the skin; null: plain skin")] = None
    head: Annotated[
        ExistingFile | None, Field(title="Head", description="OBJ file; null: a parametric head drawn from seed")
    ] = None
    seed: Annotated[Whole, Field(title="Seed", description="Of the head and its ways", ge=0, le=2**31 - 1)] = 0
    tone: Annotated[
        Share | None, Field(title="Skin tone", description="0 lightest, 1 darkest; null: as the photograph suggests")
    ] = None
    distance: Distance = 0.5
    offset: Annotated[
        Number, Field(title="Offset", description="To the right of the optical axis, metres", ge=-2, le=2)
    ] = 0.0
    appears_at: Annotated[Number, Field(title="Appears", description="Seconds from the start", ge=0, le=600)] = 0.0
    leaves_at: Annotated[
        Annotated[Number, Field(ge=0, le=600)] | None, Field(title="Leaves", description="Seconds; null: stays")
    ] = None

    @field_validator("leaves_at")
    @classmethod
    def _leaves_after_appearing(cls, leaves: float | None, info: ValidationInfo) -> float | None:
        appears = info.data.get("appears_at")
        if leaves is not None and appears is not None and leaves <= appears:
            raise ValueError(f"must be later than appears_at ({appears:g} s): nobody would be seen")
        return leaves


class Print(Section):
    """A photograph on paper; its height follows from the photo."""

    kind: Annotated[Literal["print"], Field(title="Kind", description="A photograph on paper")]
    photo: Picture
    width: PictureWidth = 0.2
    glossy: Annotated[YesNo, Field(title="Glossy", description="Glossy paper instead of matt")] = False
    laser: Annotated[YesNo, Field(title="Laser", description="Toner, dark in infrared, instead of dye ink")] = False
    distance: Distance = 0.4
    yaw: Yaw = 0.0
    pitch: Pitch = 0.0
    roll: Roll = 0.0
    bend_radius: Annotated[
        Annotated[Number, Field(ge=0.02, le=10)] | None,
        Field(title="Bend", description="Radius about its upright axis, metres; null: flat"),
    ] = None
    cut_out: Annotated[YesNo, Field(title="Cut out", description="Along the outline of the head")] = False
    held: Annotated[YesNo, Field(title="Held", description="In a hand that trembles")] = True

    @field_validator("bend_radius")
    @classmethod
    def _does_not_meet_itself(cls, radius: float | None, info: ValidationInfo) -> float | None:
        width = info.data.get("width")
        if radius is not None and width is not None and width >= 2 * math.pi * radius:
            raise ValueError(f"a sheet {width:g} m wide would meet itself: bend it less")
        return radius


class Screen(Section):
    """A screen that shows a photograph."""

    kind: Annotated[Literal["screen"], Field(title="Kind", description="A screen")]
    photo: Picture
    size: Annotated[ScreenSize, Field(title="Size", description="How large it is")] = ScreenSize.PHONE
    luminance: Annotated[Number, Field(title="Luminance", description="Of its white, cd/m2", ge=1, le=3000)] = 300.0
    distance: Distance = 0.35
    yaw: Yaw = 0.0
    pitch: Pitch = 0.0
    roll: Roll = 0.0


class BacklitPrint(Section):
    """Translucent paper before a lamp."""

    kind: Annotated[Literal["backlit_print"], Field(title="Kind", description="Translucent paper before a lamp")]
    photo: Picture
    width: PictureWidth = 0.2
    lamp: Annotated[Number, Field(title="Lamp", description="Lux on the back of the paper", ge=0, le=100_000)] = 1000.0
    distance: Distance = 0.4


AnySubject = Annotated[Person | Print | Screen | BacklitPrint, Field(discriminator="kind")]


class Scene(Section):
    """A whole scene file."""

    title: Annotated[Text, Field(title="Title", description="One line for tables", min_length=1, max_length=80)]
    seed: Annotated[Whole, Field(title="Seed", description="Of all that chance decides", ge=0, le=2**31 - 1)] = 0
    presentation: Annotated[
        Presentation | None, Field(title="Presentation", description="What is presented; null: nobody to judge")
    ] = None
    session: Annotated[Session, Field(title="Session", description="What the terminal is asked for")] = Session()
    expect: Annotated[Expectation, Field(title="Expected", description="What the process must come to")] = Expectation()
    surroundings: Annotated[Surroundings, Field(title="Surroundings", description="Light and wall")] = Surroundings()
    terminal: Annotated[Terminal, Field(title="Terminal", description="The simulated device")] = Terminal()
    subjects: Annotated[
        tuple[AnySubject, ...], Field(title="Subjects", description="Those before the camera", max_length=8)
    ] = ()

    @field_validator("subjects")
    @classmethod
    def _before_the_wall(cls, subjects: tuple[AnySubject, ...], info: ValidationInfo) -> tuple[AnySubject, ...]:
        surroundings = info.data.get("surroundings")
        for number, subject in enumerate(subjects):
            if surroundings is not None and subject.distance >= surroundings.wall.distance:
                raise ValueError(
                    f"subject {number + 1} ({subject.kind}) at {subject.distance:g} m is behind the wall at "
                    f"{surroundings.wall.distance:g} m"
                )
        return subjects


_SCENE: Final = Kind(Scene, page="docs/simulation.md", example="config/scenes/bona-fide-dim.yaml")


def load_scene(path: Path | str) -> Scene:
    """Read a scene file. Relative paths in it count from its folder.

    Raises ConfigProblems with every mistake in it, or with the one that keeps it from being read.
    """
    return _SCENE.load(Path(path))
