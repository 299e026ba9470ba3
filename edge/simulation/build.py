"""From a scene as its file states it to a stage that can be played."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar, cast

import numpy as np

from edge.contracts.enums import LightBand, Prompt
from edge.frames.display import DisplayGeometry
from edge.frames.lamp import PointGeometry
from edge.frames.linear import to_linear
from edge.frames.picture import Picture, read_picture
from edge.simulation import illuminants, scene
from edge.simulation.accessories import Glasses, in_relief, painted
from edge.simulation.artefacts import HeldSheet, Holding, backlit, blank, pixels_across, printed, shining, shown
from edge.simulation.face_texture import FacePhoto, Skin, face_skin, plain_skin, read_face
from edge.simulation.hair import with_hair
from edge.simulation.head import Anthropometry, Head, KeyPoint, parametric_head
from edge.simulation.lamps import Distant, Dome, NearPoint, Panel, halves, infrared, white
from edge.simulation.mask import mask_over, silicone
from edge.simulation.obj import Axes, read_obj
from edge.simulation.optics import BANDS, Lamp, Layer, Map, Material, Pinhole, Pose, Signal, Subject, Vector, turn
from edge.simulation.person import Person, Place, cloth
from edge.simulation.projector import Projected, beam_onto_head, beam_onto_sheet
from edge.simulation.reactive import (
    FACE_DISTANCE,
    LitPuppet,
    ReactiveScreen,
    RelitPhoto,
    Shown,
    Watching,
    light_of_halves,
)
from edge.simulation.scene import Finish, LightSource, Part, Printer, Scene, Surface
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
# Of the draws for what people wear on their heads.
_ACCESSORIES: Final = 1
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
_RECORDING_WALL: Final = 2.0
# Of a picture that is thrown on a head, each way around it.
_HEAD_TEXELS: Final = 512

_Pixels = TypeVar("_Pixels", Picture, Map)
_HeldPrint = scene.Print | scene.BentPrint | scene.CutOut | scene.BacklitPrint


def build(given: Scene, networks: Networks) -> Stage:
    """The scene, at its beginning.

    networks: find the faces in photographs. Raises InputError where a photograph, video or OBJ file cannot be used.
    """
    display = given.terminal.display
    return _Builder(given, networks, None if display is None else _display(display)).stage()


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
    display: DisplayOutputs | None

    def stage(self) -> Stage:
        terminal, surroundings, display = self.given.terminal, self.given.surroundings, self.display
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
            lamp=_lamp(terminal.illuminator),
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
            case scene.ReactiveScreen():
                return [(subject.distance, self._reactive(subject, rng))]
            case scene.SiliconeMask():
                return [(subject.wearer.distance, self._masked(subject, rng))]
            case scene.Projector():
                return [(subject.distance, self._projected(subject, rng))]
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
        head, skin = self._painted(person.face, person.tone, _head(person.obj, rng), person, hair=person.obj is None)
        return self._alive(person, head, skin, rng), head

    def _alive(self, person: scene.Somebody, head: Head, skin: Skin, rng: np.random.Generator) -> Subject:
        place = Place(
            person.distance,
            person.right,
            person.down,
            -math.inf if person.arrives is None else person.arrives,
            math.inf if person.leaves is None else person.leaves,
        )
        alive: Subject = Person(head, skin, rng, place)
        if person.glasses:
            alive = Glasses(alive, head, person.distance)
        return alive if person.obeys else _Deaf(alive)

    def _painted(
        self, face: Path | None, tone: float | None, head: Head, person: scene.Somebody | None = None, *, hair: bool
    ) -> tuple[Head, Skin]:
        """A head with its skin. person: whose beard and cover it has. hair: whether it grows the photograph's, which
        a cover presses flat; a mesh has its own or none.
        """
        photo = None if face is None else read_face(face, self.networks)
        if photo is not None and hair and (person is None or person.head_cover is None):
            head = with_hair(photo, head)
        if person is not None:
            head = in_relief(head, self._of_accessories(person), beard=person.beard, cover=person.head_cover)
        skin = self._skin(photo, tone, head)
        return head, skin if person is None else self._dressed(person, head, skin)

    def _skin(self, photo: FacePhoto | None, tone: float | None, head: Head) -> Skin:
        if photo is None:
            return Skin((plain_skin(_FAIRLY_LIGHT if tone is None else tone),))
        return face_skin(photo, head, tone=tone)

    def _dressed(self, person: scene.Somebody, head: Head, skin: Skin) -> Skin:
        rng = self._of_accessories(person)
        colour = cloth(rng).albedo[0, 0].astype(np.float64)
        return painted(
            skin, head, rng, beard=person.beard, cover=person.head_cover, glasses=person.glasses, cloth=colour
        )

    def _of_accessories(self, person: scene.Somebody) -> np.random.Generator:
        """Of its own: whoever puts something on stays the same person."""
        return np.random.default_rng([self.given.seed if person.seed is None else person.seed, _ACCESSORIES])

    def _masked(self, mask: scene.SiliconeMask, rng: np.random.Generator) -> Subject:
        wearer = mask.wearer
        shown_by = rng.spawn(1)[0]
        if wearer.seed is not None:
            rng = np.random.default_rng(wearer.seed)
        inside = _head(wearer.obj, rng)
        photo = read_face(mask.photo, self.networks)
        shown = _head(mask.obj, shown_by)
        if mask.obj is None and wearer.head_cover is None:
            shown = with_hair(photo, shown)
        head = mask_over(shown, inside, mask.thickness)
        head = in_relief(head, self._of_accessories(wearer), beard=wearer.beard, cover=wearer.head_cover)
        own = photo if wearer.face is None else read_face(wearer.face, self.networks)
        skin = silicone(face_skin(photo, head, tone=mask.tone), face_skin(own, head, tone=wearer.tone), head)
        return self._alive(wearer, head, self._dressed(wearer, head, skin), rng)

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

        video = self._video(screen, rng)
        # A screen without a video has a photo, as the scene's own rules say.
        first = material(read_picture(cast(Path, screen.photo)) if video is None else video.pictures[0])
        held = _held_screen(screen, first, rng)
        return held if video is None else PlayingScreen(held, video, material)

    def _reactive(self, screen: scene.ReactiveScreen, rng: np.random.Generator) -> Subject:
        width, height = screen.size
        pixels = pixels_across(width, screen.distance, _pinhole(self.given.terminal.camera))

        def material(picture: Map) -> Material:
            return shining(_filling(picture, width / height), pixels, screen.luminance, bezel=_BEZEL)

        geometry = self.given.terminal.display or scene.Display()
        panel = _panel(geometry)
        own = rng.spawn(1)[0]
        picture: Shown
        person: Subject | None = None
        if screen.obeys:
            person = self._recorded(screen.photo, own, FACE_DISTANCE)
            camera = _recording_pinhole(FACE_DISTANCE)
            subjects = (_wall(_RECORDING_WALL, 0.5, camera), person)
            picture = LitPuppet(subjects, camera, panel, screen.gain, material, relit=screen.relit)
        else:
            photo = read_face(screen.photo, self.networks)
            even = np.full(photo.pixels.shape[:2], 0.5, np.float32)
            light = light_of_halves(photo, panel) if screen.relit else (even, even)
            picture = RelitPhoto(to_linear(photo.pixels), light, screen.gain, material)
        display = self.display or DisplayOutputs(Commanded(0.0), Commanded(0.0))
        watching = Watching(display, 1 / self.given.terminal.camera.fps, screen.delay)
        held = _held_screen(screen, picture(0.0, 0.0, 0.0), rng)
        return ReactiveScreen(held, watching, picture, person)

    def _projected(self, projector: scene.Projector, rng: np.random.Generator) -> Subject:
        lens = np.array([projector.lens_right, projector.lens_down, projector.lens_distance])
        material = blank(projector.reflectance)
        holding = _holding(projector)
        rotation = turn(holding.yaw, holding.pitch, holding.roll)
        at = np.array([holding.right, holding.down, holding.distance])
        if projector.onto is Surface.HEAD:
            head = _head(None, rng)
            photo = read_face(projector.photo, self.networks)
            at = at - head.face
            holding = replace(holding, right=float(at[0]), down=float(at[1]), distance=float(at[2]))
            beam = beam_onto_head(to_linear(photo.pixels), photo, head, Pose(rotation, at), lens, projector.lux)
            return Projected(HeldSheet(head.relief, material, holding, rng), beam, _HEAD_TEXELS)
        picture = to_linear(_part_of(read_picture(projector.photo), projector.part))
        sheet = Sheet(projector.width, projector.width * picture.shape[0] / picture.shape[1])
        beam = beam_onto_sheet(picture, sheet, Pose(rotation, at), lens, projector.lux)
        pixels = pixels_across(projector.width, projector.distance, _pinhole(self.given.terminal.camera))
        return Projected(HeldSheet(sheet, material, holding, rng), beam, 2 * pixels)

    def _video(self, screen: scene.Screen, rng: np.random.Generator) -> Video | None:
        if screen.video is not None:
            return read_video(screen.video)
        if not screen.turning:
            return None
        person = self._recorded(screen.photo, rng.spawn(1)[0])
        return record_turning(person, _recording_camera(person, self.given.seed), _RECORDING_FPS)

    def _recorded(self, face: Path | None, rng: np.random.Generator, distance: float = _RECORDING_DISTANCE) -> Person:
        """Whom a screen shows, before a camera elsewhere."""
        head, skin = self._painted(face, None, parametric_head(Anthropometry.draw(rng)), hair=True)
        return Person(head, skin, rng, Place(distance))


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
    geometry = DisplayGeometry(given.width, given.height, given.right, given.down, given.luminance)
    return DisplayOutputs(Commanded(0.0), Commanded(0.0), geometry)


def _panel(display: scene.Display) -> Panel:
    middle = np.array([display.right, display.down, 0.0])
    return Panel(middle, display.width, display.height, display.luminance, white(), Steady())


def _lamp(given: scene.Illuminator | None) -> PointGeometry | None:
    return None if given is None else PointGeometry(given.right, given.down)


def _own(terminal: scene.Terminal, outputs: DisplayOutputs | None, diode: Commanded | None) -> Sequence[Lamp]:
    """The terminal's own lamps."""
    lamps: list[Lamp] = []
    display, illuminator = terminal.display, terminal.illuminator
    if display is not None and outputs is not None:
        panel = _panel(display)
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


def _held_screen(screen: scene.Lit, material: Material, rng: np.random.Generator) -> HeldSheet:
    width, height = screen.size
    bezel = 2 * _BEZEL * width
    grid = glint_grid(max(width, height) + bezel, material.roughness, screen.distance)
    return HeldSheet(Sheet(width + bezel, height + bezel, grid=grid), material, _holding(screen), rng)


def _holding(held: scene.Held) -> Holding:
    return Holding(held.distance, held.right, held.down, held.yaw, held.pitch, held.roll, held.steady, held.turned)


def _inked(picture: Picture, pixels: int, paper: scene.Inked) -> Material:
    return printed(picture, pixels, glossy=paper.finish is Finish.GLOSSY, laser=paper.printer is Printer.LASER)


def _part_of(picture: Picture, part: Part) -> Picture:
    return picture[: picture.shape[1]] if part is Part.UPPER_SQUARE else picture


def _filling(picture: _Pixels, shape: float) -> _Pixels:
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


def _recording_pinhole(distance: float = _RECORDING_DISTANCE) -> Pinhole:
    """Shows somebody there as large as at the distance of recordings."""
    width, height = _RECORDING_SIZE
    focal = width / 2 / math.tan(math.radians(_RECORDING_VIEW) / 2)
    return Pinhole(width, height, focal * distance / _RECORDING_DISTANCE)


def _recording_camera(person: Person, seed: int) -> SimulatedCamera:
    camera = _recording_pinhole()
    stage = Stage(
        subjects=(_wall(_RECORDING_WALL, 0.5, camera), person),
        lamps=(Dome(_RECORDING_LUX, _LIGHTS[LightSource.DAYLIGHT], Steady()),),
        camera=camera,
        sensor=SensorModel(),
        fps=_RECORDING_FPS,
        seed=seed,
    )
    return SimulatedTerminal([lambda: stage]).camera
