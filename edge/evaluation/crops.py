"""Faces out of recorded pictures, cut as a network's manifest says and as a terminal cuts them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.config.quality import QualityLimits
from edge.contracts.enums import CaptureKind
from edge.errors import InputError
from edge.frames.frame import ColourOrder, Frame
from edge.frames.picture import PICTURE_SUFFIXES, read_picture, reading
from edge.inference.manifest import Manifest
from edge.vision.crops import cut
from edge.vision.detector import Detector
from edge.vision.landmarks import FaceMesh, five_points
from edge.vision.network import Networks
from edge.vision.tracking import FaceTracker


@dataclass(frozen=True)
class FaceCrops:
    """crops: (n, height, width, 3) uint8 in the manifest's colour order. faceless: pictures without a face.
    unreadable: what is wrong with each that cannot be read."""

    crops: NDArray[np.uint8]
    faceless: int
    unreadable: tuple[str, ...]

    @classmethod
    def none(cls, manifest: Manifest) -> FaceCrops:
        """Of no picture."""
        return cls(np.zeros((0, *manifest.input.shape[1:]), np.uint8), 0, ())


def picture_paths(source: Path) -> tuple[Path, ...]:
    """The pictures of a folder and its subfolders by name, or those of a CSV's column ``path``, relative to it.

    Raises InputError where there is none, and for a source of another kind.
    """
    if source.is_dir():
        with reading(source):
            paths = tuple(sorted(p for p in source.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES))
        if not paths:
            raise InputError(f"{source} holds no picture", remedy="give JPEG, PNG, WebP or BMP files")
        return paths
    try:
        with reading(source), source.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream, strict=True)
            if "path" not in (rows.fieldnames or []):
                raise InputError(
                    f"{source} has no column path",
                    remedy="give a folder of pictures, or a CSV whose first line names path",
                )
            named = [(row["path"] or "").strip() for row in rows]
    except csv.Error as error:
        raise InputError(f"{source} is not a CSV file: {error}", remedy="save it as CSV in UTF-8") from error
    if not any(named):
        raise InputError(f"{source} lists no picture", remedy="add a row for each picture")
    return tuple(source.parent / name for name in named if name)


def spread(paths: Sequence[Path], most: int) -> tuple[Path, ...]:
    """At most ``most`` of them, evenly from first to last."""
    if len(paths) <= most:
        return tuple(paths)
    return tuple(paths[round(n)] for n in np.linspace(0, len(paths) - 1, most))


def face_crops(
    paths: Sequence[Path], manifest: Manifest, networks: Networks, *, done: Callable[[], object] = lambda: None
) -> FaceCrops:
    """The most prominent face of each picture. done: called after each. Raises ModelError when a network fails."""
    tracker = FaceTracker(
        Detector(networks.detector), FaceMesh(networks.landmarks), min_other_share=QualityLimits().min_other_share
    )
    crops: list[NDArray[np.uint8]] = []
    unreadable: list[str] = []
    faceless = 0
    for path in paths:
        try:
            frame = Frame(
                pixels=read_picture(path),
                colour=ColourOrder.BGR,
                sequence=0,
                captured_at=0.0,
                capture=CaptureKind.REPLAY,
                still=True,
            )
        except InputError as error:
            unreadable.append(str(error))
        else:
            face = tracker.follow(frame).face
            if face is None:
                faceless += 1
            else:
                crops.append(cut(frame, manifest.crop, manifest.input, face.box, five_points(face.mesh)))
        done()
    stacked = np.stack(crops) if crops else FaceCrops.none(manifest).crops
    return FaceCrops(stacked, faceless, tuple(unreadable))
