"""Draws docs/pictures/relief.jpg: what the display's light and the room's show of a person, sheets and a screen."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edge.evaluation.attacks.pictures import draw_pictures, lit_pictures
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.simulation.scene import Scene

OUT: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "relief.jpg"
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


def main() -> int:
    networks = ModelBundle.load(default_models_dir(), verify=False)
    scenes = {
        name: Scene.model_validate({"title": name, "surroundings": SURROUNDINGS, "subjects": [subject]})
        for name, subject in SUBJECTS.items()
    }
    draw_pictures([(name, lit_pictures(scene, networks)) for name, scene in scenes.items()], OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
