"""What the terminal's light and that of the room show of a presentation, as pictures.

Of each, on the grid that goes with the face: the room's light A, what the display adds D, and quotients: D over A less
what a sheet could show, as the relief is taken from it, and the left half of the display over the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.frames.frame import Exposure
from edge.guidance.patterns import HALVES
from edge.hardware.ports import LightInterval, Pattern
from edge.inference.bundle import ModelBundle
from edge.liveness.plans import Chip
from edge.session.exposure_timing import lit_rows
from edge.session.lit_face import LitFace
from edge.simulation.build import build
from edge.simulation.contact_sheet import Captioned, contact_sheet, write_sheet
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.light_response import LightResponse
from edge.vision.pipeline import FaceVision
from edge.vision.relief import sheet_shapes

WIDTH: Final = 200
"""Pixels of one picture."""

# What the display shows.
_PATTERNS: Final = (Pattern.FULL, Pattern.BLACK, Pattern.LEFT, Pattern.RIGHT) * 3
_SECONDS: Final = 0.25
_SETTLING_FRAMES: Final = 40
_FLICKER_PERIOD: Final = 0.01
# A ratio that is drawn white, and its inverse black.
_WHITEST: Final = 1.5

_Values = NDArray[np.float64]
_Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class LitPictures:
    """(h, w, 3) BGR each. room: A. display: D. relief: D over A without what a sheet could show, grey where nothing is
    left. halves: the left half's light over the right's, without the same.
    """

    room: _Pixels
    display: _Pixels
    relief: _Pixels
    halves: _Pixels

    def captioned(self, name: str) -> list[Captioned]:
        return [
            Captioned(self.room, f"{name}, room A"),
            Captioned(self.display, f"{name}, display D"),
            Captioned(self.relief, f"{name}, D / A"),
            Captioned(self.halves, f"{name}, left / right"),
        ]


def lit_pictures(scene: Scene, networks: ModelBundle) -> LitPictures:
    """Plays light on the presentation and draws what comes back.

    Raises InputError where the terminal has no display, or too little of a face is seen.
    """
    response = _response(scene, networks)
    display, _ = response.all_lights()
    return LitPictures(
        _grey(response.ambient, float(response.ambient.max())),
        _grey(display, float(np.percentile(display, 99))),
        _quotient(display, response.ambient),
        _quotient(response.ours[..., 0], response.ours[..., 1]),
    )


def draw_pictures(named: Sequence[tuple[str, LitPictures]], out: Path) -> None:
    """One picture of all, a column each. Raises InputError where it cannot be written."""
    columns = [pictures.captioned(name) for name, pictures in named]
    rows = [picture for row in zip(*columns, strict=True) for picture in row]
    write_sheet(contact_sheet(rows, columns=len(columns), width=WIDTH), out)


def _response(scene: Scene, networks: ModelBundle) -> LightResponse:
    """To a display whose halves go on and off."""
    terminal = SimulatedTerminal([lambda: build(scene, networks)])
    display = terminal.screen.geometry
    if display is None:
        raise InputError(f"{scene.title}: the terminal has no display", remedy="give a scene with one")
    vision = FaceVision(networks)
    face = LitFace(display, terminal.camera.traits)
    changes: list[LightInterval] = []

    def seen(exposure: Exposure, rows: _Values) -> _Values:
        return lit_rows(changes, [HALVES[Chip(pattern.value)] for pattern in _PATTERNS], exposure, rows)

    terminal.backlight.set_level(1.0, 0.0)
    with terminal.camera as camera:
        for number in range(_SETTLING_FRAMES):
            if number == _SETTLING_FRAMES // 2:
                camera.lock(_FLICKER_PERIOD)
            camera.read(1.0)
        while len(changes) < len(_PATTERNS) or terminal.clock.now() < changes[-1].commanded_at + 2 * _SECONDS:
            now = terminal.clock.now()
            if len(changes) < len(_PATTERNS) and (not changes or now >= changes[-1].commanded_at + _SECONDS):
                changes.append(terminal.screen.show_pattern(_PATTERNS[len(changes)], now))
            frame = camera.read(1.0)
            if frame is not None:
                vision.see(frame, judge=False)
                face.saw(frame, vision.landmarks, seen)
    found = face.response()
    if found is None:
        raise InputError(f"{scene.title}: too little of a face answers the display's light", remedy="draw another case")
    return found[0]


def _grey(values: _Values, white: float) -> _Pixels:
    """On a curve near sRGB's."""
    return _drawn(np.clip(values / max(white, 1e-9), 0, 1) ** (1 / 2.2))


def _quotient(above: _Values, below: _Values) -> _Pixels:
    """Less what a sheet could show, which is fitted to the middle without what stands out."""
    ratio = np.log(np.maximum(above, 1e-6) / np.maximum(below, 1e-6))
    shapes = sheet_shapes().reshape(ratio.size, -1)
    middle = np.zeros(ratio.shape, bool)
    middle[4:-4, 6:-6] = True
    kept = middle.ravel()
    left = ratio.ravel()
    for _ in range(3):
        found, *_ = np.linalg.lstsq(shapes[kept], ratio.ravel()[kept], rcond=None)
        left = ratio.ravel() - shapes @ found
        kept = middle.ravel() & (np.abs(left) < 3 * np.std(left[kept]))
    return _drawn(np.clip(0.5 + left.reshape(ratio.shape) / (2 * np.log(_WHITEST)), 0, 1))


def _drawn(shares: _Values) -> _Pixels:
    large = cv2.resize(shares.astype(np.float32), (WIDTH, WIDTH), interpolation=cv2.INTER_CUBIC)
    return np.dstack([np.clip(large * 255, 0, 255).astype(np.uint8)] * 3)
