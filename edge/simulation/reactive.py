"""Screens that answer the terminal's light: what a camera beside them sees of its display goes into their picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import Prompt
from edge.simulation.face_texture import FacePhoto, places_of
from edge.simulation.head import Anthropometry, FaceRegion, face_regions, parametric_head
from edge.simulation.lamps import Dome, Panel, halves, white
from edge.simulation.optics import Layer, Map, Material, Pinhole, Placed, Pose, Subject, Vector, mean_output
from edge.simulation.person import shoulders
from edge.simulation.relief import Relief
from edge.simulation.renderer import Renderer
from edge.simulation.sampling import sampled
from edge.simulation.signals import Steady
from edge.simulation.terminal import DisplayOutputs

# A face that is relit is taken to be so far from the display, metres.
FACE_DISTANCE: Final = 0.5
# Side of the picture of a head from in front by which a photograph is relit: pixels, metres; seen from so far, metres,
# that it is no nearer at the nose.
_FRONT: Final = 256
_FRONT_SIDE: Final = 0.70
_AFAR: Final = 50.0
# Pixels of the longer side at which a photograph's light is worked out.
_RELIT: Final = 320
# Lux on a face that is rendered, and the reflectance that is shown as the screen's white.
_LUX: Final = 100.0
_SHOWN_WHITE: Final = 0.75
# Levels closer than this are shown by the same picture: a step of a screen with 8 bits.
_STEP: Final = 1 / 255


class Watching:
    """What a camera beside a screen sees of the terminal's display: its halves, some frames ago."""

    def __init__(self, display: DisplayOutputs, frame: float, delay: float) -> None:
        """frame: seconds over which it averages. delay: frames from what it sees to what is shown."""
        self._display = display
        self._frame = frame
        self._delay = delay

    def at(self, now: float) -> tuple[float, float]:
        """Level of the left and of the right half as the person sees them, that the screen shows at ``now``."""
        seen = self._display.began_at + now - self._delay * self._frame
        begin = np.array([seen - self._frame / 2])
        left, right = (
            float(mean_output(half, begin, self._frame)[0]) for half in (self._display.left, self._display.right)
        )
        return left, right


class Shown(Protocol):
    """What a screen shows at a moment, while its camera sees these levels of the display's halves."""

    def __call__(self, now: float, left: float, right: float) -> Material: ...


class ReactiveScreen:
    """Implements ``edge.simulation.optics.Subject``: a screen whose picture follows the terminal's display."""

    def __init__(self, screen: Subject, watching: Watching, shown: Shown, person: Subject | None = None) -> None:
        """screen: moves it; its own material counts for nothing. person: whom it shows, who is told what is asked."""
        self._screen = screen
        self._watching = watching
        self._shown = shown
        self._person = person

    def layers(self, now: float) -> Sequence[Layer]:
        material = self._shown(now, *self._watching.at(now))
        return [replace(layer, material=material) for layer in self._screen.layers(now)]

    def told(self, prompt: Prompt | None, now: float) -> None:
        self._screen.told(prompt, now)
        if self._person is not None:
            self._person.told(prompt, now)


class RelitPhoto:
    """A photograph whose brightness follows the display: photo x (1 - gain + gain x (left x its light + right x its)).

    What would be brighter than the screen's white is shown white.
    """

    def __init__(self, photo: Map, light: tuple[Map, Map], gain: float, shown: Callable[[Map], Material]) -> None:
        """photo: (h, w, 3) linear BGR 0..1. light: (h, w) of the left and the right half of the display, which add up
        to about 1 on a face. gain: 0..1, share of the screen's light that follows. shown: the screen's material for a
        picture like the photo.
        """
        self._dark = shown(np.zeros_like(photo))
        self._white = self._emission(shown, np.ones_like(photo))
        self._steady = self._emission(shown, photo * np.float32(1 - gain))
        self._left, self._right = (
            self._emission(shown, photo * (np.float32(gain) * part[..., None])) for part in light
        )
        self._last: tuple[tuple[int, int], Material] | None = None

    def __call__(self, now: float, left: float, right: float) -> Material:
        key = round(left / _STEP), round(right / _STEP)
        if self._last is None or self._last[0] != key:
            levels = (np.float32(step * _STEP) for step in key)
            light = self._steady + sum(
                part * level for part, level in zip((self._left, self._right), levels, strict=True)
            )
            self._last = key, replace(self._dark, emission=np.minimum(light, self._white))
        return self._last[1]

    @staticmethod
    def _emission(shown: Callable[[Map], Material], light: Map) -> Map:
        emission = shown(light).emission
        if emission is None:
            raise ValueError("a screen shines")
        return emission


@dataclass(slots=True, eq=False)
class _Level:
    """A lamp's output while one picture is made."""

    level: float = 0.0

    def integral(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.level * times


class LitPuppet:
    """A person as a computer draws one: by the model's own renderer, in the light of a display like the terminal's."""

    def __init__(
        self,
        subjects: Sequence[Subject],
        camera: Pinhole,
        panel: Panel,
        gain: float,
        shown: Callable[[Map], Material],
        *,
        relit: bool = True,
    ) -> None:
        """subjects: farthest first. panel: the terminal's, of any luminance. gain: 0..1, share of the light on a face
        at 0.5 m that comes from it when it is at full. shown: the screen's material for linear BGR 0..1 (h, w, 3).
        relit: by halves, as a head would be; else both halves make the light from all round brighter.
        """
        at_face = panel.luminance * panel.width * panel.height / FACE_DISTANCE**2
        own = replace(panel, luminance=panel.luminance * gain * _LUX / at_face)
        self._levels = _Level(), _Level()
        around = [Dome((1 - gain) * _LUX, white(), Steady(), above=0.0)]
        own_lamps = (
            halves(own, *self._levels)
            if relit
            else [Dome(gain * _LUX / 2, white(), level, above=0.0) for level in self._levels]
        )
        self._subjects = subjects
        self._renderer = Renderer(camera, (*around, *own_lamps))
        self._begins = np.zeros(camera.height)
        self._shown = shown

    def __call__(self, now: float, left: float, right: float) -> Material:
        for half, level in zip(self._levels, (left, right), strict=True):
            half.level = level
        layers = [layer for subject in self._subjects for layer in subject.layers(now)]
        exitance = self._renderer.render(layers, self._begins, 1.0)[..., :3]
        return self._shown(np.clip(exitance / np.float32(_LUX * _SHOWN_WHITE), 0, 1))


def light_of_halves(photo: FacePhoto, panel: Panel) -> tuple[Map, Map]:
    """(h, w) of the photograph's shape: the matt light of a display's left and right half on a head in its place.

    The head and shoulders are average ones, 0.5 m away; where the photograph shows neither there is no light. 1 is
    what both halves give forehead and cheeks on average.
    """
    head = parametric_head(Anthropometry())
    at = np.array([0.0, 0.0, FACE_DISTANCE]) - head.face
    shapes = (shoulders(head), head.relief)
    lit = [_light(shape, at, panel) for shape in shapes]
    regions = face_regions(head)
    bright = regions[FaceRegion.FOREHEAD] | regions[FaceRegion.CHEEKS]
    face = float(sum(part[bright].mean() for part in lit[-1]))
    focal = _FRONT / _FRONT_SIDE * _AFAR
    camera = Pinhole(_FRONT, _FRONT, focal)
    front = np.zeros((_FRONT, _FRONT, 2), np.float32)
    for shape, parts in zip(shapes, lit, strict=True):
        seen = shape.footprint(Pose(position=np.array([0.0, 0.0, _AFAR])), camera)
        if seen is not None:
            height, width = seen.coverage.shape
            window = front[seen.top : seen.top + height, seen.left : seen.left + width]
            light = sampled(np.dstack(parts), seen.x, seen.y) / np.float32(face)
            window += (light - window) * seen.coverage[..., None]
    rows, columns = photo.pixels.shape[:2]
    scale = min(1.0, _RELIT / max(rows, columns))
    places = places_of(photo, head, max(2, round(columns * scale)), max(2, round(rows * scale)))
    pixels = places * np.float32(_FRONT / _FRONT_SIDE) + np.float32((_FRONT - 1) / 2)
    small = sampled(front, pixels[..., 0], pixels[..., 1], outside=0.0)
    left, right = (_enlarged(small[..., half], columns, rows) for half in range(2))
    return left, right


def _light(shape: Relief, at: Vector, panel: Panel) -> tuple[Map, Map]:
    placed = Placed(Layer(shape, Pose(position=at), Material(np.ones((2, 2, 4), np.float32))))
    left, right = (half.arriving(placed)[0] for half in halves(panel, Steady(), Steady()))
    return left, right


def _enlarged(values: Map, columns: int, rows: int) -> Map:
    return np.asarray(cv2.resize(values, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)
