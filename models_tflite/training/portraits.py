"""Portraits with their mattes, and background pictures.

A matte tells the person from the backdrop (grabCut seeded by the face box, then a guided filter); it is computed once
and kept in a cache folder outside the repository. Pictures are (height, width, 3) uint8, BGR, sRGB-encoded.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from edge.errors import InputError

DEFAULT_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "livegate" / "mattes"
LEAST_CHROMA = 6.0
"""CIELAB chroma of a face below which a portrait is black and white, or tinted out of recognition."""
VALIDATION_SHARE = 0.12
BACKGROUNDS = "backgrounds"
_POINTS = ("re", "le", "nose", "mouth", "rear", "lear")


@dataclass(frozen=True)
class Portrait:
    """One picture of one person.

    box: left, top, width and height of the face in pixels of the picture, as MediaPipe's detector draws it.
    points: (6, 2) float32, its key points: right eye, left eye, nose, mouth, right ear, left ear.
    matte_path: where the cut-out is kept.
    """

    path: Path
    box: tuple[float, float, float, float]
    points: np.ndarray
    subject: str
    source: str
    matte_path: Path

    def picture(self) -> np.ndarray:
        """(height, width, 3) uint8, BGR."""
        return read(self.path)

    def matte(self) -> np.ndarray:
        """(height, width) uint8, 255 where the person is; from the cache, or computed and kept there."""
        if self.matte_path.exists():
            kept = cv2.imread(str(self.matte_path), cv2.IMREAD_GRAYSCALE)
            if kept is not None:
                return np.asarray(kept)
        matte = cut_out(self.picture(), self.box)
        self.matte_path.parent.mkdir(parents=True, exist_ok=True)
        # Two processes may meet here: a rename never shows half a file.
        part = self.matte_path.with_suffix(f".{os.getpid()}.png")
        cv2.imwrite(str(part), matte)
        part.replace(self.matte_path)
        return matte


def read(path: Path) -> np.ndarray:
    """(height, width, 3) uint8, BGR. Raises InputError if it is no picture."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError(f"{path} is missing or no picture", remedy="fetch the data set again")
    return np.asarray(picture)


def split(subject: str) -> Literal["train", "validation"]:
    """The half a person belongs to, by a hash of the name: every picture of a person is in one half only."""
    share = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:4], "big") / 2**32
    return "validation" if share < VALIDATION_SHARE else "train"


def load_portraits(root: Path, cache: Path = DEFAULT_CACHE) -> list[Portrait]:
    """Portraits of a folder with `index.csv` (path, subject_id) and `faces_bbox.csv`, in the index's order.

    Pictures without a face box, of fewer than 90 pixels across the face, and black and white ones are left out.
    Raises InputError where a table lacks a column.
    """
    index = _table(root / "index.csv", ("path", "subject_id"))
    rows = [row for row in index if not row["path"].startswith(f"{BACKGROUNDS}/")]
    keys = [f"{point}_{axis}" for point in _POINTS for axis in "xy"]
    faces = {row["path"]: row for row in _table(root / "faces_bbox.csv", ("path", "x", "y", "w", "h", *keys))}
    coloured = _coloured(root, [row["path"] for row in rows if row["path"] in faces], faces, cache)
    portraits = []
    for row in rows:
        name = row["path"]
        if name not in coloured:
            continue
        face = faces[name]
        points = np.array([[float(face[f"{point}_x"]), float(face[f"{point}_y"])] for point in _POINTS], np.float32)
        portraits.append(
            Portrait(
                path=root / name,
                box=(float(face["x"]), float(face["y"]), float(face["w"]), float(face["h"])),
                points=points,
                subject=row["subject_id"],
                source=name.split("/")[0],
                matte_path=(cache / name).with_suffix(".png"),
            )
        )
    return portraits


def _table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Raises InputError."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
            raise InputError(f"{path} has no column {missing[0]}", remedy=f"give {', '.join(columns)}")
        return list(reader)


def load_backgrounds(root: Path) -> list[Path]:
    """Pictures of places without people, sorted by name."""
    return sorted((root / BACKGROUNDS).glob("*.jpg"))


def _coloured(root: Path, names: Sequence[str], faces: dict[str, dict[str, str]], cache: Path) -> set[str]:
    """Those of the names whose face is large enough and in colour; the measurement is kept in the cache."""
    known: dict[str, float] = {}
    notes = cache / "chroma.csv"
    if notes.exists():
        with notes.open(newline="", encoding="utf-8") as file:
            known = {row[0]: float(row[1]) for row in csv.reader(file)}
    missing = [name for name in names if name not in known]
    for name in missing:
        picture = read(root / name)
        left, top, width, height = (float(faces[name][key]) for key in ("x", "y", "w", "h"))
        face = picture[
            int(max(top + 0.3 * height, 0)) : int(top + 0.9 * height),
            int(max(left + 0.2 * width, 0)) : int(left + 0.8 * width),
        ]
        lab = cv2.cvtColor(np.float32(face) / 255, cv2.COLOR_BGR2LAB)
        a, b = np.median(lab[..., 1]), np.median(lab[..., 2])
        # Skin is between red and yellow under any light a camera balances.
        known[name] = float(np.hypot(a, b)) if a > 0 and b > 0 else 0.0
    if missing:
        cache.mkdir(parents=True, exist_ok=True)
        part = notes.with_suffix(f".{os.getpid()}.csv")
        with part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(sorted(known.items()))
        part.replace(notes)
    return {name for name in names if known[name] >= LEAST_CHROMA and float(faces[name]["w"]) >= 90}


def cut_out(picture: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """A soft matte of the person whose face is in the box: (height, width) uint8.

    grabCut (Rother et al. 2004) on a small copy, seeded by a head ellipse and shoulders; then a guided filter
    (He et al. 2010) draws the hair's edge at full size.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, 224 / max(height, width))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top, face_width, face_height = (value * scale for value in box)
    cx, cy = left + face_width / 2, top + face_height / 2
    rows, columns = np.mgrid[0 : small.shape[0], 0 : small.shape[1]].astype(np.float32)

    def ellipse(x: float, y: float, a: float, b: float) -> np.ndarray:
        return np.asarray(((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1)

    head = ellipse(cx, cy - 0.12 * face_height, 0.68 * face_width, 0.95 * face_height)
    below = rows - (cy + 0.55 * face_height)
    shoulders = (below > 0) & (np.abs(columns - cx) < 0.45 * face_width + 1.6 * below)
    near = ellipse(cx, cy - 0.1 * face_height, 1.1 * face_width, 1.25 * face_height) | (rows > cy + 0.6 * face_height)
    seeds = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    seeds[~near] = cv2.GC_BGD
    seeds[head | shoulders] = cv2.GC_PR_FGD
    seeds[ellipse(cx, cy - 0.02 * face_height, 0.42 * face_width, 0.52 * face_height)] = cv2.GC_FGD
    seeds[(below > 0) & (np.abs(columns - cx) < 0.25 * face_width + 0.4 * below)] = cv2.GC_FGD
    if not np.isin(seeds, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():  # the face fills the picture
        return np.full((height, width), 255, np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(small, seeds, None, *models, 3, cv2.GC_INIT_WITH_MASK)
    person = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(person)
    if count > 1:
        middle = labels[min(max(int(cy), 0), labels.shape[0] - 1), min(max(int(cx), 0), labels.shape[1] - 1)]
        person = (labels == (middle or 1)).astype(np.uint8)
    # Holes (glasses, a shirt like the backdrop) belong to the person.
    outside = np.pad(person, 1)[:-1]
    outside[:1] = 0
    flood = outside.copy()
    cv2.floodFill(flood, None, (0, 0), 1)
    person = person | (1 - flood[1:, 1:-1])
    coarse = cv2.resize(person.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    fine = _guided(grey, coarse, max(2, round(max(height, width) / 120)), 3e-4)
    fine = np.clip((fine - 0.12) / 0.76, 0, 1)
    return np.asarray((fine * 255 + 0.5).astype(np.uint8))


def _guided(guide: np.ndarray, mask: np.ndarray, radius: int, smoothness: float) -> np.ndarray:
    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)))

    guide_mean, mask_mean = mean(guide), mean(mask)
    gain = (mean(guide * mask) - guide_mean * mask_mean) / (mean(guide * guide) - guide_mean**2 + smoothness)
    return mean(gain) * guide + mean(mask_mean - gain * guide_mean)
