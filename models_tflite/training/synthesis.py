"""Frames of bona fide people and of recaptured pictures, as webcams, phones and small boards' cameras deliver them.

`make` first draws the capture (camera, place of the face, exposure, compression) and only then builds what stands
before the camera. The same seed gives the same capture for every species, so none of it can tell the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from camera import Lattice, capture
from portraits import Portrait, load_backgrounds, load_portraits, split
from presentation import draw_capture
from prints import PRINTS, printed
from scene import box_of, person_in_place
from screens import SCREENS, displayed

__all__ = ["SPECIES", "Frame", "Portrait", "load_backgrounds", "load_portraits", "make", "split"]

BONA_FIDE = "bonafide"
SPECIES = (BONA_FIDE, *PRINTS, *SCREENS)


@dataclass(frozen=True)
class Frame:
    """One picture from a camera.

    pixels: (height, width, 3) uint8, BGR, after the camera's own processing and compression.
    box: left, top, width, height of the face as a detector draws it, in pixels. details: what was drawn.
    """

    pixels: np.ndarray
    box: tuple[float, float, float, float]
    label: Literal["bonafide", "attack"]
    species: str
    subject: str
    source: str
    details: dict[str, float | str]


def make(portrait: Portrait, backgrounds: Sequence[Path], rng: np.random.Generator, species: str) -> Frame:
    """One frame of the person: live, or of an attack with a picture of them.

    Raises ValueError for a species that is not in SPECIES.
    """
    if species not in SPECIES:
        raise ValueError(f"{species!r} is no species; choose one of {', '.join(SPECIES)}")
    settled = draw_capture(portrait, rng)
    before, sensor = (np.random.default_rng(int(seed)) for seed in rng.integers(2**63, size=2))
    details: dict[str, float | str] = {}
    lattice: Lattice | None = None
    if species == BONA_FIDE:
        light = person_in_place(portrait, backgrounds, before, settled.camera.sensor_size, settled.pose)
        box = box_of(portrait, settled.pose)
    elif species in PRINTS:
        light, box, lattice = printed(portrait, backgrounds, before, settled, species, details)
    else:
        light, box, lattice = displayed(portrait, backgrounds, before, settled, species, details)
    camera = settled.camera
    focus = settled.x / camera.width, settled.y / camera.height
    pixels = capture(light, camera, sensor, focus, lattice)
    k = pixels.shape[1] / camera.sensor_size[0], pixels.shape[0] / camera.sensor_size[1]
    details |= {
        "camera": camera.maker,
        "blur": camera.blur,
        "motion": float(np.hypot(*camera.motion)),
        "gain": camera.gain,
        "quality": float(min(camera.qualities)),
        "target": camera.target,
        "face": settled.face,
    }
    return Frame(
        pixels=pixels,
        box=(box[0] * k[0], box[1] * k[1], box[2] * k[0], box[3] * k[1]),
        label="bonafide" if species == BONA_FIDE else "attack",
        species=species,
        subject=portrait.subject,
        source=portrait.source,
        details=details,
    )
