"""What stands before the camera in each kind of session: planted pictures, in files that a replay plays."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.terminal_process import live_face, printed_face, wall
from edge.evaluation.template import write_template
from edge.inference.bundle import ModelBundle, default_models_dir
from tests.proof.crops import add_crops, add_reference
from tests.proof.marks import Marks, Picture, plant

FPS: Final = 15
# Longer than a session that somebody ends from outside.
WAITING_FRAMES: Final = 40 * FPS
# Time for a broker to go while nobody can be judged yet.
LATE_FRAMES: Final = 2 * FPS
# From then on crops of a face that stands still are the same in each frame.
SETTLED_FRAMES: Final = 6


class Shown(StrEnum):
    """Each with marks of its own."""

    FACE = "the live face"
    PRINT = "the print"
    WALL = "the empty wall"
    SEVERAL = "the two faces"
    REFERENCE = "the reference"


# Moves by so many pixels to each side.
MOVING: Final = 6


@dataclass(slots=True)
class Stage:
    """Pictures by who is shown, the marks of all of them, and below ``folder`` what a replay camera plays."""

    folder: Path
    shown: dict[Shown, Picture]
    marks: Marks = field(default_factory=Marks)

    @property
    def face(self) -> Path:
        return self.folder / "face.png"

    @property
    def print(self) -> Path:
        return self.folder / "print.png"

    @property
    def wall(self) -> Path:
        return self.folder / "wall.png"

    @property
    def reference(self) -> Path:
        """The same person, with marks of its own."""
        return self.folder / "reference.png"

    @property
    def template(self) -> Path:
        """Of ``reference``."""
        return self.folder / "template.json"

    @property
    def moving(self) -> Path:
        """A sequence of the face, which is never quite where it was."""
        return self.folder / "moving"

    @property
    def waiting(self) -> Path:
        """Two faces for a long time: they are looked at, and nobody is judged."""
        return self.folder / "waiting"

    @property
    def late(self) -> Path:
        """The same, and then one face, several times."""
        return self.folder / "late"


def set_up(folder: Path, *, attack: bool = True) -> Stage:
    """attack: False leaves out the print, which takes seconds to be made."""
    pictures = {
        Shown.FACE: live_face(),
        Shown.WALL: wall(),
        Shown.SEVERAL: _several(),
        Shown.REFERENCE: live_face(),
    }
    if attack:
        pictures[Shown.PRINT] = printed_face()
    stage = Stage(folder, {who: plant(picture, seed) for seed, (who, picture) in enumerate(pictures.items())})
    _write(stage)
    bundle = ModelBundle.load(default_models_dir(), verify=False)
    for who, picture in stage.shown.items():
        stage.marks.add_frame(who, picture)
        if who is Shown.REFERENCE:
            template = add_reference(stage.marks, who, stage.reference, bundle)
            write_template(stage.template, template)
        elif who is Shown.SEVERAL:
            add_crops(stage.marks, who, [picture] * SETTLED_FRAMES, bundle, FPS)
        else:
            add_crops(stage.marks, who, [picture], bundle, FPS)
    add_crops(stage.marks, Shown.FACE, _moved(stage), bundle, FPS)
    return stage


def _moved(stage: Stage) -> list[Picture]:
    face = stage.shown[Shown.FACE]
    return [np.roll(face, round(MOVING * np.sin(number / 2)), axis=1) for number in range(SETTLED_FRAMES)]


def _several() -> Picture:
    picture = wall()
    face = cv2.resize(live_face(), (320, 240), interpolation=cv2.INTER_AREA)
    picture[120:360, :320] = face
    picture[120:360, 320:] = face
    return np.asarray(picture, np.uint8)


def _write(stage: Stage) -> None:
    stage.folder.mkdir()
    for who, path in (
        (Shown.FACE, stage.face),
        (Shown.PRINT, stage.print),
        (Shown.WALL, stage.wall),
        (Shown.REFERENCE, stage.reference),
    ):
        if who in stage.shown:
            cv2.imwrite(str(path), stage.shown[who])
    several = stage.folder / "several.png"
    cv2.imwrite(str(several), stage.shown[Shown.SEVERAL])
    for folder in (stage.waiting, stage.late, stage.moving):
        folder.mkdir()
    for number, picture in enumerate(_moved(stage)):
        cv2.imwrite(str(stage.moving / f"{number}.png"), picture)
    for number in range(WAITING_FRAMES):
        (stage.waiting / f"{number}.png").hardlink_to(several)
    for number in range(LATE_FRAMES):
        (stage.late / f"{number}.png").hardlink_to(several)
    for number in range(LATE_FRAMES, LATE_FRAMES + SETTLED_FRAMES):
        (stage.late / f"{number}.png").hardlink_to(stage.face)
