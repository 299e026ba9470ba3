"""What attackers hold before the camera: prints, screens, and prints with a lamp behind; and the wall behind all.

The picture on a print or a screen is averaged down to about two samples for each pixel of the camera that it will
cover: what is finer than that, halftone dots and stripes of colour, shows by its mean. Moire is not modelled here
(``recapture`` models it for stills).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.contracts.enums import Prompt
from edge.simulation.optics import BANDS, INFRARED, Layer, Map, Material, Pinhole, Pose, turn
from edge.simulation.recapture import PAPER_WHITE, Picture, print_surface, to_linear
from edge.simulation.sheet import Sheet
from edge.simulation.waves import Waves

# Carbon black in toner absorbs infrared as it does light; the dyes of coloured ink let it pass to the paper.
_CARBON: Final = 0.04
_GLOSSY: Final = (0.04, 0.06)
_MATT: Final = (0.04, 0.5)
_GLASS: Final = (0.04, 0.02)
# A screen that is off, seen past the reflection of its glass.
_SCREEN_BLACK: Final = 0.01
_BEZEL: Final = 0.02
# Of light from behind, paper of 80 g/m2 lets through about so much.
_PAPER_TRANSMITS: Final = 0.2
# Standard deviations of a hand that holds something: metres, degrees. Slow drift, and the tremor of 8 to 12 Hz.
_DRIFT: Final = (0.003, 0.003, 0.004, 1.0, 1.0, 0.7)
_DRIFT_HERTZ: Final = (0.1, 1.5)
_TREMOR: Final = (2e-4, 2e-4, 2e-4, 0.08, 0.08, 0.08)
_TREMOR_HERTZ: Final = (8.0, 12.0)


@dataclass(frozen=True, slots=True)
class Holding:
    """Where a sheet's middle is, metres from the camera and from its axis, and how it is turned, degrees.

    steady: fixed to something instead of held in a hand.
    """

    distance: float
    right: float = 0.0
    down: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    steady: bool = False


class HeldSheet:
    """Implements ``edge.simulation.optics.Subject``: a sheet in a hand, deaf to what is asked."""

    def __init__(self, sheet: Sheet, material: Material, holding: Holding, rng: np.random.Generator) -> None:
        self._sheet = sheet
        self._material = material
        self._holding = holding
        self._drift = Waves(rng, _DRIFT, _DRIFT_HERTZ)
        self._tremor = Waves(rng, _TREMOR, _TREMOR_HERTZ)
        self._fixed = self._layer(np.zeros(6)) if holding.steady else None

    def layers(self, now: float) -> Sequence[Layer]:
        return (self._fixed or self._layer(self._drift.at(now) + self._tremor.at(now)),)

    def told(self, prompt: Prompt | None, now: float) -> None: ...

    def _layer(self, shift: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Layer:
        at = self._holding
        position = np.array([at.right, at.down, at.distance]) + shift[:3]
        rotation = turn(at.yaw + shift[3], at.pitch + shift[4], at.roll + shift[5])
        return Layer(self._sheet, Pose(rotation, position), self._material)


class Wall:
    """A plain wall behind everything, of one reflectance, so wide that it fills any picture."""

    def __init__(self, distance: float, reflectance: float) -> None:
        """distance: metres."""
        sheet = Sheet(20 * distance, 20 * distance)
        albedo = np.full((2, 2, BANDS), reflectance, np.float32)
        self._layers = (Layer(sheet, Pose(position=np.array([0.0, 0.0, distance])), Material(albedo)),)

    def layers(self, now: float) -> Sequence[Layer]:
        return self._layers

    def told(self, prompt: Prompt | None, now: float) -> None: ...


def printed(picture: Picture, pixels: int, *, glossy: bool = False, laser: bool = False) -> Material:
    """Of a picture printed in four colours.

    picture: (h, w, 3) BGR sRGB. pixels: width that it will have in the camera's picture. laser: black is carbon.
    """
    surface = _averaged(print_surface(picture), pixels)
    infrared = np.full(surface.shape[:2], PAPER_WHITE, np.float32)
    if laser:
        ink = cv2.resize(to_linear(picture), surface.shape[1::-1], interpolation=cv2.INTER_AREA)
        black = 0.7 * (1 - np.clip(ink.max(axis=2), 0, 1) ** np.float32(1 / 2.2))
        infrared = infrared * (1 - black) + np.float32(_CARBON) * black
    f0, roughness = _GLOSSY if glossy else _MATT
    return Material(np.dstack([surface, infrared]), f0=f0, roughness=roughness)


def shown(picture: Picture, pixels: int, luminance: float, *, bezel: float = 0.06) -> Material:
    """Of a screen that shows a picture. luminance: of its white, cd/m2. bezel: its width, as a share of the screen's.

    A screen sends no infrared.
    """
    light = _averaged(to_linear(picture), pixels) * np.float32(math.pi * luminance)
    emission = np.dstack([light, np.zeros(light.shape[:2], np.float32)])
    border = max(1, round(bezel * emission.shape[1]))
    emission = cv2.copyMakeBorder(emission, border, border, border, border, cv2.BORDER_CONSTANT, value=(0.0,) * BANDS)
    albedo = np.full(emission.shape, _BEZEL, np.float32)
    albedo[border:-border, border:-border] = _SCREEN_BLACK
    f0, roughness = _GLASS
    return Material(albedo, f0=f0, roughness=roughness, emission=np.asarray(emission, np.float32))


def backlit(picture: Picture, pixels: int, lux: float) -> Material:
    """Of a print with a lamp behind. lux: on its back; a white LED, so without infrared."""
    paper = printed(picture, pixels)
    # The light passes the ink once, where reflected light passes it twice.
    through = np.sqrt(paper.albedo / PAPER_WHITE) * np.float32(_PAPER_TRANSMITS * lux)
    through[:, :, INFRARED] = 0
    return Material(paper.albedo, f0=paper.f0, roughness=paper.roughness, emission=through)


def pixels_across(width: float, distance: float, camera: Pinhole) -> int:
    """How many of the camera's pixels something ``width`` metres wide covers."""
    return max(8, round(camera.focal * width / distance))


def _averaged(light: Map, pixels: int) -> Map:
    """Scaled down to two samples for each camera pixel; what is coarser stays as it is."""
    scale = 2 * pixels / light.shape[1]
    if scale >= 1:
        return light
    size = (2 * pixels, max(2, round(light.shape[0] * scale)))
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float32)
