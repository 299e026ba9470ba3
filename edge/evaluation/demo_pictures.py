"""What the demo shows the terminal: synthetic people, and recaptures made from them.

People come from ``openpeople`` (MIT): ten synthetic persons, several pictures each.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.errors import InputError
from edge.evaluation.index import Label
from edge.simulation.recapture import (
    CameraModel,
    Holding,
    Picture,
    photograph,
    recapture_print,
    recapture_screen,
    room,
    to_srgb,
)

SEED = 20
VIDEO_FRAMES = 16
VIDEO_FPS = 15.0
SELFIE = "assets/amateur_selfie.jpg"
PORTRAIT = "assets/studio_portrait.jpg"


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """One presentation. ``label`` is None where nobody should be judged at all."""

    title: str
    label: Label | None
    pai_species: str
    path: Path


def make_pictures(folder: Path, *, people: int = 3) -> Iterator[DemoPicture]:
    """Makes them one by one in ``folder``, so that a caller can show progress; the same ones every time.

    Raises InputError when ``openpeople`` is not installed.
    """
    camera = CameraModel()
    folders = _people(people)
    for number, person in enumerate(folders):
        rng = np.random.default_rng([SEED, number])
        selfie, portrait = _square(_read(person / SELFIE)), _square(_read(person / PORTRAIT))
        for title, label, species, make in _of_person(selfie, portrait, camera, rng):
            path = folder / f"{person.name}-{title.replace(' ', '-')}.png"
            _write(path, make())
            yield DemoPicture(f"{person.name}, {title}", label, species, path)
    rng = np.random.default_rng([SEED, people])
    yield _screen_video(folders[0], folder, camera, rng)
    crowd = folder / "two-people.png"
    pair = [_square(_read(person / PORTRAIT)) for person in _people(2)]
    _write(crowd, photograph(np.hstack(pair), camera, rng))
    yield DemoPicture("two people", None, "", crowd)
    empty = folder / "nobody.png"
    _write(empty, to_srgb(room(camera, rng)))
    yield DemoPicture("empty room", None, "", empty)


Make = Callable[[], Picture]


def _of_person(
    selfie: Picture, portrait: Picture, camera: CameraModel, rng: np.random.Generator
) -> Iterator[tuple[str, Label, str, Make]]:
    yield "selfie", Label.BONA_FIDE, "", lambda: photograph(selfie, camera, rng)
    yield "portrait", Label.BONA_FIDE, "", lambda: photograph(portrait, camera, rng)
    yield "print in hand", Label.ATTACK, "print", lambda: recapture_print(selfie, camera, rng)
    yield (
        "print filling the frame",
        Label.ATTACK,
        "print_full_frame",
        lambda: recapture_print(portrait, camera, rng, Holding(share=1.35, turn=4.0)),
    )
    yield "tablet", Label.ATTACK, "screen", lambda: recapture_screen(selfie, camera, rng)


def _screen_video(person: Path, folder: Path, camera: CameraModel, rng: np.random.Generator) -> DemoPicture:
    """A hand-held screen: the hand drifts, the sensor's noise is fresh in each frame."""
    path = folder / "tablet-in-a-shaking-hand.avi"
    portrait = _square(_read(person / PORTRAIT))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), VIDEO_FPS, (camera.width, camera.height))
    drift = np.cumsum(rng.normal(0, 0.15, (VIDEO_FRAMES, 3)), axis=0)
    for turn, tilt, roll in drift:
        holding = Holding(0.75, 5.0 + turn, tilt, roll, (0.002 * turn, 0.002 * tilt))
        writer.write(recapture_screen(portrait, camera, rng, holding))
    writer.release()
    return DemoPicture(f"{person.name}, tablet, as a video", Label.ATTACK, "screen", path)


def _square(picture: Picture) -> Picture:
    """The upper square of a picture in portrait format: head and shoulders."""
    return picture[: picture.shape[1]]


def _people(count: int) -> list[Path]:
    """The folders of pictures of the first people."""
    package = importlib.util.find_spec("openpeople")
    if package is None or package.origin is None:
        raise InputError(
            "the demo's people are not installed",
            remedy="pip install 'livegate[demo]', or run ./scripts/demo",
        )
    # Read as files: importing the package would validate all its metadata for nothing.
    return sorted((Path(package.origin).parent / "data" / "curated").iterdir())[:count]


def _read(path: Path) -> Picture:
    picture = cv2.imread(str(path))
    if picture is None:
        raise InputError(f"cannot read {path}", remedy="reinstall openpeople")
    return np.asarray(picture, dtype=np.uint8)


def _write(path: Path, picture: Picture) -> None:
    if not cv2.imwrite(str(path), picture):
        raise InputError(f"cannot write {path}", remedy="free some space in the temporary folder")
