"""Draws docs/pictures/light.jpg: how a person, a glossy print and a tablet answer the terminal's own light.

The camera has no infrared filter. The exposure that it finds under the whole display is held while the display
changes, so that rows compare; under the infrared lamp, the display dark, it finds another. The last row is the light of
the left half over that of the right, the room's taken off: grey where they are equal, white where the left gives twice
as much or more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Frame
from edge.frames.linear import to_linear
from edge.hardware.ports import Pattern
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.build import build
from edge.simulation.contact_sheet import Captioned, contact_sheet, write_sheet
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal, Stage

OUT: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "light.jpg"
WIDTH: Final = 220

PHOTO: Final = "openpeople:P001"
SUBJECTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "person": {"kind": "person", "face": PHOTO, "distance": 0.45},
    "glossy print": {"kind": "print", "photo": PHOTO, "finish": "glossy", "distance": 0.36, "pitch": 8},
    "tablet": {"kind": "screen", "photo": PHOTO, "luminance": 100, "distance": 0.32},
}
SURROUNDINGS: Final = {"ambient": {"lux": 3}}
TERMINAL: Final = {
    "camera": {"spectrum": "noir", "field_of_view": 45, "width": 480, "height": 480},
    "display": {"width": 0.22, "height": 0.13, "down": 0.08, "luminance": 400},
    "illuminator": {"band": "infrared", "intensity": 0.3},
}

LIT: Final[Mapping[str, Pattern]] = {
    "display dark": Pattern.BLACK,
    "left half": Pattern.LEFT,
    "right half": Pattern.RIGHT,
    "full": Pattern.FULL,
}
# Seconds until exposure and white balance are found, and until frames under other light arrive.
FOUND: Final = 1.5
ARRIVED: Final = 0.5
# Pixels, standard deviation: noise is averaged over so much before one picture is divided by another.
BLUR: Final = 3.0


def main() -> int:
    networks = ModelBundle.load(default_models_dir())
    columns = []
    for name, subject in SUBJECTS.items():
        scene = Scene.model_validate(
            {"title": name, "surroundings": SURROUNDINGS, "terminal": TERMINAL, "subjects": [subject]}
        )
        # Each light has a stage of its own, played to the same moment: nobody has moved from one to the next.
        seen = {light: under_display(build(scene, networks), pattern) for light, pattern in LIT.items()}
        seen["infrared lamp"] = under_lamp(build(scene, networks))
        seen["left over right"] = quotient(seen["left half"], seen["right half"], seen["display dark"])
        columns.append([Captioned(pixels, f"{name}, {light}") for light, pixels in seen.items()])
    rows = [picture for row in zip(*columns, strict=True) for picture in row]
    write_sheet(contact_sheet(rows, columns=len(columns), width=WIDTH), OUT)
    return 0


def under_display(stage: Stage, pattern: Pattern) -> NDArray[np.uint8]:
    """(h, w, 3) BGR under a light pattern, exposed as for the whole display."""
    terminal = SimulatedTerminal([lambda: stage])
    terminal.backlight.set_level(1.0, 0.0)
    terminal.screen.show_pattern(Pattern.FULL, 0.0)
    with terminal.camera as camera:
        *_, _ = frames(terminal, FOUND)
        camera.lock(None)
        terminal.screen.show_pattern(pattern, terminal.clock.now())
        *_, last = frames(terminal, ARRIVED)
    return last.pixels


def under_lamp(stage: Stage) -> NDArray[np.uint8]:
    """(h, w, 3) BGR under the lamp beside the camera, with a display that shows black."""
    terminal = SimulatedTerminal([lambda: stage])
    terminal.screen.show_pattern(Pattern.BLACK, 0.0)
    terminal.illuminator.set_output(1.0, 0.0)
    with terminal.camera:
        *_, last = frames(terminal, FOUND + ARRIVED)
    return last.pixels


def frames(terminal: SimulatedTerminal, seconds: float) -> Iterator[Frame]:
    """What arrives from now on for so many seconds."""
    end = terminal.clock.now() + seconds
    while terminal.clock.now() < end:
        frame = terminal.camera.read(1.0)
        if frame is not None:
            yield frame


def quotient(left: NDArray[np.uint8], right: NDArray[np.uint8], dark: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, 3) grey: from a half (black) over one (grey) to twice (white), of the green light."""
    first, second, off = (cv2.GaussianBlur(to_linear(one)[:, :, 1], (0, 0), BLUR) for one in (left, right, dark))
    powers = np.log2(np.maximum(first - off, 1e-4) / np.maximum(second - off, 1e-4))
    grey = np.clip((powers + 1) * 127.5, 0, 255).astype(np.uint8)
    return np.dstack([grey] * 3)


if __name__ == "__main__":
    sys.exit(main())
