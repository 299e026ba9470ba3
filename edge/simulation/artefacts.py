"""What attackers hold before the camera: prints, screens, and prints with a lamp behind; and the wall behind all.

The picture on a print or a screen is averaged down to about two samples for each pixel of the camera that it will
cover: what is finer than that, halftone dots and stripes of colour, shows by its mean. A lens that spreads a point by
0.6 pixels (standard deviation) passes exp(-2 pi^2 0.36) = 0.1 % of one cycle a pixel, so moire comes only from cells
coarser than a pixel; it is not modelled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.contracts.enums import Prompt
from edge.frames.linear import to_linear
from edge.frames.picture import Picture
from edge.simulation.inks import PAPER_OPACITY, PAPER_WHITE, separation, single_sheet, transmitted
from edge.simulation.optics import BANDS, INFRARED, Layer, Map, Material, Pinhole, Pose, Shape, Vector, turn
from edge.simulation.sheet import Sheet
from edge.simulation.turns import Turns
from edge.simulation.waves import Waves

# How much of the grey a laser printer prints in black (assumed); an ink-jet printer mixes a photograph's from its dyes.
_LASER_BLACK: Final = 0.9
_GLOSSY: Final = (0.04, 0.06)
_MATT: Final = (0.04, 0.5)
_GLASS: Final = (0.04, 0.02)
# A screen that is off, seen past the reflection of its glass.
_SCREEN_BLACK: Final = 0.01
_BEZEL: Final = 0.02
# Standard deviations of a hand that holds something: metres, degrees. No figures for the slow drift were at hand; it is
# assumed. Tremor peaks between 6 and 12 Hz (doi.org/10.1113/JP270464); its mode of 0.01 g, peak, at 7 Hz
# (doi.org/10.1001/archneur.1982.00510180036009) is 0.05 mm, peak, and at the edge of a sheet 0.1 m away 0.02 degrees.
_DRIFT: Final = (0.003, 0.003, 0.004, 1.0, 1.0, 0.7)
_DRIFT_HERTZ: Final = (0.1, 1.5)
_TREMOR: Final = (3.6e-5, 3.6e-5, 3.6e-5, 0.02, 0.02, 0.02)
_TREMOR_HERTZ: Final = (6.0, 12.0)


@dataclass(frozen=True, slots=True)
class Holding:
    """Where a sheet's middle is, metres from the camera and from its axis, and how it is turned, degrees.

    steady: fixed to something instead of held in a hand.
    turned: degrees that it is turned, about its own middle, when the terminal asks for a turn; None: not at all.
    """

    distance: float
    right: float = 0.0
    down: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    steady: bool = False
    turned: float | None = None


class HeldSheet:
    """Implements ``edge.simulation.optics.Subject``: a sheet in a hand, which may turn it as the terminal asks."""

    def __init__(self, sheet: Shape, material: Material, holding: Holding, rng: np.random.Generator) -> None:
        self._sheet = sheet
        self._material = material
        self._holding = holding
        self._drift = Waves(rng, _DRIFT, _DRIFT_HERTZ)
        self._tremor = Waves(rng, _TREMOR, _TREMOR_HERTZ)
        self._turns = None if holding.turned is None else Turns(rng, holding.turned)
        self._fixed = self._layer(np.zeros(6)) if holding.steady else None

    def layers(self, now: float) -> Sequence[Layer]:
        asked = None if self._turns is None else self._turns.at(now)
        if asked is not None and asked.any():
            return (self._layer(self._shift(now), asked),)
        return (self._fixed or self._layer(self._shift(now)),)

    def told(self, prompt: Prompt | None, now: float) -> None:
        if self._turns is not None:
            self._turns.told(prompt, now)

    def _shift(self, now: float) -> Vector:
        """(6,) metres and degrees by the hand that holds it."""
        return np.zeros(6) if self._holding.steady else self._drift.at(now) + self._tremor.at(now)

    def _layer(self, shift: Vector, asked: Vector | None = None) -> Layer:
        at = self._holding
        position = np.array([at.right, at.down, at.distance]) + shift[:3]
        rotation = turn(at.yaw + shift[3], at.pitch + shift[4], at.roll + shift[5])
        if asked is not None:
            rotation = turn(*asked) @ rotation
        return Layer(self._sheet, Pose(rotation, position), self._material)


class Wall:
    """A plain wall behind everything, of one reflectance, so wide that it fills the view of 120 degrees and more."""

    def __init__(self, distance: float, reflectance: float) -> None:
        """distance: metres. Raises ValueError where it is not positive or the reflectance is not 0..1."""
        if not 0 <= reflectance <= 1:
            raise ValueError(f"a wall of reflectance {reflectance}")
        # Light is worked out on the sheet's grid: a wider sheet would miss how it falls off from the middle.
        sheet = Sheet(6 * distance, 6 * distance)
        albedo = np.full((2, 2, BANDS), reflectance, np.float32)
        self._layers = (Layer(sheet, Pose(position=np.array([0.0, 0.0, distance])), Material(albedo)),)

    def layers(self, now: float) -> Sequence[Layer]:
        return self._layers

    def told(self, prompt: Prompt | None, now: float) -> None: ...


def printed(picture: Picture, pixels: int, *, glossy: bool = False, laser: bool = False) -> Material:
    """Of a picture printed in four colours, before a thick pile of paper.

    picture: (h, w, 3) BGR sRGB. pixels: width that it will have in the camera's picture. laser: black is carbon.
    """
    albedo = PAPER_WHITE * transmitted(_inked(picture, pixels, laser=laser), passes=2)
    f0, roughness = _GLOSSY if glossy else _MATT
    return Material(np.asarray(albedo, np.float32), f0=f0, roughness=roughness)


def shown(picture: Picture, pixels: int, luminance: float, *, bezel: float = 0.06) -> Material:
    """Of a screen that shows a picture. luminance: of its white, cd/m2. bezel: its width, as a share of the screen's.

    A screen sends no infrared.
    """
    return shining(to_linear(picture), pixels, luminance, bezel=bezel)


def shining(picture: Map, pixels: int, luminance: float, *, bezel: float = 0.06) -> Material:
    """The same of a picture whose light is told: (h, w, 3) linear BGR, 1 is the screen's white."""
    light = _averaged(picture, pixels) * np.float32(math.pi * luminance)
    emission = np.dstack([light, np.zeros(light.shape[:2], np.float32)])
    border = max(1, round(bezel * emission.shape[1]))
    emission = cv2.copyMakeBorder(emission, border, border, border, border, cv2.BORDER_CONSTANT, value=(0.0,) * BANDS)
    albedo = np.full(emission.shape, _BEZEL, np.float32)
    albedo[border:-border, border:-border] = _SCREEN_BLACK
    f0, roughness = _GLASS
    return Material(albedo, f0=f0, roughness=roughness, emission=np.asarray(emission, np.float32))


def blank(reflectance: float) -> Material:
    """Of something matt without colours: paper, or a head of foam or plaster."""
    f0, roughness = _MATT
    return Material(np.full((2, 2, BANDS), reflectance, np.float32), f0=f0, roughness=roughness)


def backlit(picture: Picture, pixels: int, lux: float) -> Material:
    """Of an ink-jet print with a lamp behind. lux: on its back; a white LED, so without infrared."""
    ink = _inked(picture, pixels, laser=False)
    reflectance, transmittance = single_sheet(PAPER_WHITE, PAPER_OPACITY)
    # The light passes the ink once, where reflected light passes it twice.
    through = transmitted(ink, passes=1) * np.float32(transmittance * lux)
    through[:, :, INFRARED] = 0
    albedo = np.asarray(reflectance * transmitted(ink, passes=2), np.float32)
    f0, roughness = _MATT
    return Material(albedo, f0=f0, roughness=roughness, emission=through)


def pixels_across(width: float, distance: float, camera: Pinhole) -> int:
    """How many of the camera's pixels something ``width`` metres wide covers."""
    return max(8, round(camera.focal * width / distance))


def _inked(picture: Picture, pixels: int, *, laser: bool) -> Map:
    return separation(_averaged(to_linear(picture), pixels), black=_LASER_BLACK if laser else 0.0)


def _averaged(light: Map, pixels: int) -> Map:
    """Scaled down to two samples for each camera pixel; what is coarser stays as it is."""
    scale = 2 * pixels / light.shape[1]
    if scale >= 1:
        return light
    size = (2 * pixels, max(2, round(light.shape[0] * scale)))
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float32)
