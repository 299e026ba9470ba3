"""Draws docs/pictures/relief.jpg: what the display's light and that of the room show of a person, sheets and a screen.

Of each, on the grid that goes with the face: the room's light, what the display adds, and the ratio of the two without
what a sheet could show: grey where there is nothing left, white where the display gives half as much again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.display import DisplayGeometry
from edge.frames.frame import Exposure
from edge.hardware.ports import LightInterval, Pattern
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.session.exposure_timing import exposure_windows, light_seen
from edge.session.lit_face import LitFace
from edge.simulation.build import build
from edge.simulation.contact_sheet import Captioned, contact_sheet, write_sheet
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.light_response import LightResponse
from edge.vision.pipeline import FaceVision
from edge.vision.relief import sheet_shapes

OUT: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "relief.jpg"
WIDTH: Final = 200
SURROUNDINGS: Final = {"ambient": {"lux": 150, "light": "led"}}
PHOTO: Final = "openpeople:P003"
SUBJECTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "person": {"kind": "person", "face": PHOTO, "distance": 0.45},
    "bent print": {"kind": "bent_print", "photo": PHOTO, "width": 0.29, "radius": 0.12, "distance": 0.4},
    "worn print": {
        "kind": "worn_print",
        "photo": PHOTO,
        "width": 0.38,
        "wearer": {"face": "openpeople:P007", "distance": 0.45},
    },
    "tablet": {"kind": "screen", "device": "tablet", "photo": PHOTO, "luminance": 300, "distance": 0.32},
}
PATTERNS: Final = (Pattern.FULL, Pattern.BLACK) * 6
SECONDS: Final = 0.25
SETTLING_FRAMES: Final = 40


def main() -> int:
    networks = ModelBundle.load(default_models_dir(), verify=False)
    columns = []
    for name, subject in SUBJECTS.items():
        response = lit(
            Scene.model_validate({"title": name, "surroundings": SURROUNDINGS, "subjects": [subject]}), networks
        )
        display, _ = response.all_lights()
        columns.append(
            [
                Captioned(grey(response.ambient, response.ambient.max()), f"{name}, room"),
                Captioned(grey(display, np.percentile(display, 99)), f"{name}, display"),
                Captioned(relief_of(display, response.ambient), f"{name}, ratio"),
            ]
        )
    rows = [picture for row in zip(*columns, strict=True) for picture in row]
    write_sheet(contact_sheet(rows, columns=len(columns), width=WIDTH), OUT)
    return 0


def lit(scene: Scene, networks: ModelBundle) -> LightResponse:
    """The response to a display that goes on and off."""
    terminal = SimulatedTerminal([lambda: build(scene, networks)])
    vision = FaceVision(networks)
    display = terminal.screen.geometry
    assert isinstance(display, DisplayGeometry)  # noqa: S101 - the scene has one
    face = LitFace(display, terminal.camera.traits)
    changes: list[LightInterval] = []

    def seen(exposure: Exposure, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        steps = light_seen(changes, *exposure_windows(exposure, rows))
        levels = np.array([float(pattern is Pattern.FULL) for pattern in PATTERNS])
        return np.where(steps >= 0, levels[steps], np.nan)[:, None]

    terminal.backlight.set_level(1.0, 0.0)
    with terminal.camera as camera:
        for number in range(SETTLING_FRAMES):
            if number == SETTLING_FRAMES // 2:
                camera.lock(0.01)
            camera.read(1.0)
        while len(changes) < len(PATTERNS) or terminal.clock.now() < changes[-1].commanded_at + 2 * SECONDS:
            now = terminal.clock.now()
            if len(changes) < len(PATTERNS) and (not changes or now >= changes[-1].commanded_at + SECONDS):
                changes.append(terminal.screen.show_pattern(PATTERNS[len(changes)], now))
            frame = camera.read(1.0)
            if frame is not None:
                vision.see(frame, judge=False)
                face.saw(frame, vision.landmarks, seen)
    found = face.response()
    assert found is not None  # noqa: S101 - every subject shows a face
    return found[0]


def grey(values: NDArray[np.float64], white: float) -> NDArray[np.uint8]:
    """(h, w, 3) BGR, on a curve near sRGB's."""
    return drawn(np.clip(values / white, 0, 1) ** (1 / 2.2))


def relief_of(display: NDArray[np.float64], room: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(h, w, 3) BGR."""
    ratio = np.log(np.maximum(display, 1e-6) / np.maximum(room, 1e-6))
    shapes = sheet_shapes().reshape(ratio.size, -1)
    middle = np.zeros(ratio.shape, bool)
    middle[4:-4, 6:-6] = True
    kept = middle.ravel()
    for _ in range(3):
        found, *_ = np.linalg.lstsq(shapes[kept], ratio.ravel()[kept], rcond=None)
        left = ratio.ravel() - shapes @ found
        kept = middle.ravel() & (np.abs(left) < 3 * np.std(left[kept]))
    return drawn(np.clip(0.5 + left.reshape(ratio.shape) / (2 * np.log(1.5)), 0, 1))


def drawn(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    large = cv2.resize(shares.astype(np.float32), (WIDTH, WIDTH), interpolation=cv2.INTER_CUBIC)
    return np.dstack([np.clip(large * 255, 0, 255).astype(np.uint8)] * 3)


if __name__ == "__main__":
    sys.exit(main())
