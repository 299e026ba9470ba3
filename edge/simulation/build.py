"""From a scene as its file states it to a stage that can be played."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import numpy as np

from edge.contracts.enums import Prompt
from edge.frames.display import DisplayGeometry
from edge.frames.picture import Picture, read_picture
from edge.hardware.ports import LightBand
from edge.simulation import illuminants, scene
from edge.simulation.artefacts import HeldSheet, Holding, backlit, pixels_across, printed, shown
from edge.simulation.face_texture import FacePhoto, Skin, face_skin, plain_skin, read_face
from edge.simulation.hair import with_hair
from edge.simulation.head import Anthropometry, Head, KeyPoint, parametric_head
from edge.simulation.lamps import Distant, Dome, NearPoint, Panel, halves, infrared, white
from edge.simulation.obj import Axes, read_obj
from edge.simulation.optics import BANDS, Lamp, Layer, Material, Pinhole, Signal, Subject, Vector
from edge.simulation.person import Person, Place
from edge.simulation.scene import Finish, LightSource, Part, Printer, Scene
from edge.simulation.sensor import SensorModel
from edge.simulation.sheet import BendAxis, Sheet, glint_grid
from edge.simulation.signals import Commanded, Mains, Pulsed, Pwm, Steady
from edge.simulation.terminal import DisplayOutputs, SimulatedCamera, SimulatedTerminal, Stage
from edge.simulation.video import PlayingScreen, Video, read_video, record_turning
from edge.simulation.worn import WORN_RADIUS, WornPrint, cut_along_face
from edge.vision.network import Networks

# Width of a screen's edge, as a share of the lit area's.
_BEZEL: Final = 0.04
# How much larger than the picture a wall is.
_BEYOND: Final = 1.1
# Of plain skin where no tone is given.
_FAIRLY_LIGHT: Final = 0.3

_LIGHTS: Final = {
    LightSource.LED: illuminants.blackbody(illuminants.NEUTRAL_WHITE, infrared=False),
    LightSource.FLUORESCENT: illuminants.blackbody(illuminants.NEUTRAL_WHITE, infrared=False),
    LightSource.TUNGSTEN: illuminants.blackbody(illuminants.TUNGSTEN),
    LightSource.DAYLIGHT: illuminants.blackbody(illuminants.DAYLIGHT),
}
_SUNLIGHT: Final = illuminants.blackbody(illuminants.SUNLIGHT)

# The camera before which a video of somebody turning is recorded: upright, frames a second, metres, lux, degrees.
_RECORDING_SIZE: Final = (270, 360)
_RECORDING_FPS: Final = 15.0
_RECORDING_DISTANCE: Final = 0.6
_RECORDING_LUX: Final = 400.0
_RECORDING_VIEW: Final = 32.0


_HeldPrint = scene.Print | scene.BentPrint | scene.CutOut | scene.BacklitPrint


def build(given: Scene, networks: Networks) -> Stage:
    """The scene, at its beginning.

    networks: find the faces in photographs. Raises InputError where a photograph, video or OBJ file cannot be used.
    """
    return _Builder(given, networks).stage()


class _Deaf:
    """Somebody who does not do what the screen asks."""

    def __init__(self, person: Subject) -> None:
        self._person = person

    def layers(self, now: float) -> Sequence[Layer]:
        return self._person.layers(now)

    def told(self, prompt: Prompt | None, now: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _Builder:
    given: Scene
    networks: Networks

    def stage(self) -> Stage:
        terminal, surroundings = self.given.terminal, self.given.surroundings
        display = None if terminal.display is None else _display(terminal.display)
        illuminator = None if terminal.illuminator is None else Commanded(0.0)
        return Stage(
            subjects=self._subjects(),
            lamps=(*_surrounding(surroundings), *_own(terminal, display, illuminator)),
            camera=_pinhole(terminal.camera),
            sensor=_sensor(terminal.camera),
            fps=terminal.camera.fps,
            seed=self.given.seed,
            latency=terminal.camera.latency_frames,
            mains=terminal.camera.anti_flicker_hz,
            display=display,
            resting_level=0.0 if terminal.display is None else terminal.display.resting_level,
            illuminator=illuminator,
            band=LightBand.INFRARED if terminal.illuminator is None else terminal.illuminator.band,
            lux=_measured_lux(surroundings) if terminal.lux_sensor else None,
            raw=terminal.camera.raw,
        )

    def _subjects(self) -> Sequence[Subject]:
        """Farthest first."""
        wall = self.given.surroundings.wall
        behind = _wall(wall.distance, wall.reflectance, _pinhole(self.given.terminal.camera))
        made: list[tuple[float, Subject]] = [(wall.distance, behind)]
        for number, subject in enumerate(self.given.subjects):
            rng = np.random.default_rng([self.given.seed, number])
            made += self._made(subject, rng)
        return [subject for _, subject in sorted(made, key=lambda entry: -entry[0])]

    def _made(self, subject: scene.Subject, rng: np.random.Generator) -> list[tuple[float, Subject]]:
        """What a subject of the file consists of, each with its distance."""
        match subject:
            case scene.Person():
                return [(subject.distance, self._somebody(subject, rng)[0])]
            case scene.Screen():
                return [(subject.distance, self._screen(subject, rng))]
            case scene.WornPrint():
                return [(subject.wearer.distance, self._worn(subject, rng))]
            case scene.CutOut() if subject.behind is not None:
                behind = self._somebody(subject.behind, rng.spawn(1)[0])[0]
                return [(subject.behind.distance, behind), (subject.distance, self._held_print(subject, rng))]
            case _:
                return [(subject.distance, self._held_print(subject, rng))]

    def _somebody(self, person: scene.Somebody, rng: np.random.Generator) -> tuple[Subject, Head]:
        if person.seed is not None:
            rng = np.random.default_rng(person.seed)
        place = Place(
            person.distance,
            person.right,
            person.down,
            -math.inf if person.arrives is None else person.arrives,
            math.inf if person.leaves is None else person.leaves,
        )
        head, skin = self._painted(person.face, person.tone, _head(person.obj, rng), hair=person.obj is None)
        alive = Person(head, skin, rng, place)
        return (alive if person.obeys else _Deaf(alive)), head

    def _painted(self, face: Path | None, tone: float | None, head: Head, *, hair: bool) -> tuple[Head, Skin]:
        """A head with its skin. hair: whether it grows the photograph's; that of a mesh has its own or none."""
        if face is None:
            return head, Skin((plain_skin(_FAIRLY_LIGHT if tone is None else tone),))
        photo = read_face(face, self.networks)
        if hair:
            head = with_hair(photo, head)
        return head, face_skin(photo, head, tone=tone)

    def _held_print(self, paper: _HeldPrint, rng: np.random.Generator) -> Subject:
        picture = _part_of(read_picture(paper.photo), paper.part)
        pixels = pixels_across(paper.width, paper.distance, _pinhole(self.given.terminal.camera))
        height = paper.width * picture.shape[0] / picture.shape[1]
        if isinstance(paper, scene.BacklitPrint):
            material = backlit(picture, pixels, paper.lamp_lux)
        else:
            material = _inked(picture, pixels, paper)
        bend, axis, outline = None, BendAxis.VERTICAL, None
        if isinstance(paper, scene.BentPrint):
            bend, axis = -paper.radius if paper.hollow else paper.radius, paper.axis
        elif isinstance(paper, scene.CutOut):
            photo = read_face(paper.photo, self.networks)
            rows, columns = picture.shape[:2]
            outline = cut_along_face(photo, columns, rows, eye_holes=paper.eye_holes)
        grid = glint_grid(max(paper.width, height), material.roughness, paper.distance, bend)
        surface = Sheet(paper.width, height, bend=bend, axis=axis, outline=outline, grid=grid)
        return HeldSheet(surface, material, _holding(paper), rng)

    def _worn(self, paper: scene.WornPrint, rng: np.random.Generator) -> Subject:
        wearer, head = self._somebody(paper.wearer, rng)
        photo = read_face(paper.photo, self.networks)
        picture = _part_of(photo.pixels, paper.part)
        rows, columns = picture.shape[:2]
        pixels = pixels_across(paper.width, paper.wearer.distance, _pinhole(self.given.terminal.camera))
        height = paper.width * rows / columns
        material = _inked(picture, pixels, paper)
        surface = Sheet(
            paper.width,
            height,
            bend=WORN_RADIUS,
            outline=cut_along_face(photo, columns, rows, eye_holes=paper.eye_holes),
            grid=glint_grid(max(paper.width, height), material.roughness, paper.wearer.distance, WORN_RADIUS),
        )
        eyes = (_between_eyes(photo) - np.array([columns, rows]) / 2) * paper.width / columns
        return WornPrint(wearer, head, surface, material, (float(eyes[0]), float(eyes[1])))

    def _screen(self, screen: scene.Screen, rng: np.random.Generator) -> Subject:
        width, height = screen.size
        pixels = pixels_across(width, screen.distance, _pinhole(self.given.terminal.camera))
        pulse = None if screen.pwm_hz is None else Pulsed(screen.pwm_hz, screen.pwm_duty)

        def material(picture: Picture) -> Material:
            lit = shown(_filling(picture, width / height), pixels, screen.luminance, bezel=_BEZEL)
            return replace(lit, pulse=pulse)

        bezel = 2 * _BEZEL * width
        video = self._video(screen, rng)
        # A screen without a video has a photo, as the scene's own rules say.
        first = material(read_picture(cast(Path, screen.photo)) if video is None else video.pictures[0])
        grid = glint_grid(max(width, height) + bezel, first.roughness, screen.distance)
        held = HeldSheet(Sheet(width + bezel, height + bezel, grid=grid), first, _holding(screen), rng)
        return held if video is None else PlayingScreen(held, video, material)

    def _video(self, screen: scene.Screen, rng: np.random.Generator) -> Video | None:
        if screen.video is not None:
            return read_video(screen.video)
        if not screen.turning:
            return None
        own = rng.spawn(1)[0]
        head, skin = self._painted(screen.photo, None, parametric_head(Anthropometry.draw(own)), hair=True)
        person = Person(head, skin, own, Place(_RECORDING_DISTANCE))
        return record_turning(person, _recording_camera(person, self.given.seed), _RECORDING_FPS)


def _pinhole(camera: scene.Camera) -> Pinhole:
    return Pinhole(camera.width, camera.height, camera.width / 2 / math.tan(math.radians(camera.field_of_view) / 2))


def _sensor(camera: scene.Camera) -> SensorModel:
    return SensorModel(
        spectrum=camera.spectrum,
        full_well=camera.full_well,
        read_noise=camera.read_noise,
        line_time=camera.line_time,
        blur=camera.blur,
    )


def _surrounding(surroundings: scene.Surroundings) -> Sequence[Lamp]:
    ambient, sun = surroundings.ambient, surroundings.sun
    output: Signal = Mains(ambient.mains_hz, ambient.flicker) if ambient.flicker > 0 else Steady()
    dome = Dome(ambient.lux, _LIGHTS[ambient.light], output, ambient.above)
    return (dome,) if sun is None else (dome, Distant(sun.lux, _towards(sun), _SUNLIGHT, Steady()))


def _display(given: scene.Display) -> DisplayOutputs:
    geometry = DisplayGeometry(given.width, given.height, given.right, given.down)
    return DisplayOutputs(Commanded(0.0), Commanded(0.0), geometry)


def _own(terminal: scene.Terminal, outputs: DisplayOutputs | None, diode: Commanded | None) -> Sequence[Lamp]:
    """The terminal's own lamps."""
    lamps: list[Lamp] = []
    display, illuminator = terminal.display, terminal.illuminator
    if display is not None and outputs is not None:
        panel = Panel(
            np.array([display.right, display.down, 0.0]),
            display.width,
            display.height,
            display.luminance,
            white(),
            Steady(),
        )
        left, right = (
            half if display.pwm_hz is None else Pwm(half, display.pwm_hz) for half in (outputs.left, outputs.right)
        )
        lamps += halves(panel, left, right)
    if illuminator is not None and diode is not None:
        spectrum = infrared() if illuminator.band is LightBand.INFRARED else white()
        position = np.array([illuminator.right, illuminator.down, 0.0])
        lamps.append(NearPoint(position, illuminator.intensity, illuminator.half_angle, spectrum, diode))
    return lamps


def _towards(sun: scene.Sun) -> Vector:
    """(3,) unit vector from the scene to the sun."""
    azimuth, elevation = math.radians(sun.azimuth), math.radians(sun.elevation)
    level = math.cos(elevation)
    return np.array([math.sin(azimuth) * level, -math.sin(elevation), -math.cos(azimuth) * level])


def _measured_lux(surroundings: scene.Surroundings) -> float:
    """What falls on a sensor that looks where the camera looks; the scene's own reflection is left out."""
    ambient, sun = surroundings.ambient, surroundings.sun
    level = ambient.lux / (1 + ambient.above)
    return level if sun is None else level + sun.lux * max(0.0, float(_towards(sun)[2]))


def _head(obj: scene.Obj | None, rng: np.random.Generator) -> Head:
    # Drawn in any case: another head makes nothing else of a person another.
    sizes = Anthropometry.draw(rng)
    return (
        parametric_head(sizes) if obj is None else read_obj(obj.file, axes=Axes(obj.up, obj.front), metres=obj.metres)
    )


def _holding(held: scene.Held) -> Holding:
    return Holding(held.distance, held.right, held.down, held.yaw, held.pitch, held.roll, held.steady)


def _inked(picture: Picture, pixels: int, paper: scene.Inked) -> Material:
    return printed(picture, pixels, glossy=paper.finish is Finish.GLOSSY, laser=paper.printer is Printer.LASER)


def _part_of(picture: Picture, part: Part) -> Picture:
    return picture[: picture.shape[1]] if part is Part.UPPER_SQUARE else picture


def _filling(picture: Picture, shape: float) -> Picture:
    """The middle of a picture with a ratio of width to height."""
    rows, columns = picture.shape[:2]
    width, height = min(columns, round(rows * shape)), min(rows, round(columns / shape))
    top, left = (rows - height) // 2, (columns - width) // 2
    return picture[top : top + height, left : left + width]


def _between_eyes(photo: FacePhoto) -> Vector:
    points: Mapping[KeyPoint, Vector] = photo.points
    return np.asarray((points[KeyPoint.RIGHT_EYE] + points[KeyPoint.LEFT_EYE]) / 2, np.float64)


def _wall(distance: float, reflectance: float, camera: Pinhole) -> Subject:
    """A matt wall, no larger than the camera sees: its grid then follows the light of lamps near the camera."""
    width, height = (_BEYOND * side / camera.focal * distance for side in (camera.width, camera.height))
    material = Material(np.full((2, 2, BANDS), reflectance, np.float32))
    return HeldSheet(Sheet(width, height), material, Holding(distance, steady=True), np.random.default_rng(0))


def _recording_camera(person: Person, seed: int) -> SimulatedCamera:
    width, height = _RECORDING_SIZE
    camera = Pinhole(width, height, width / 2 / math.tan(math.radians(_RECORDING_VIEW) / 2))
    stage = Stage(
        subjects=(_wall(2.0, 0.5, camera), person),
        lamps=(Dome(_RECORDING_LUX, _LIGHTS[LightSource.DAYLIGHT], Steady()),),
        camera=camera,
        sensor=SensorModel(),
        fps=_RECORDING_FPS,
        seed=seed,
    )
    return SimulatedTerminal([lambda: stage]).camera
