"""Crops for training and validation: synthetic frames cut as the terminal cuts them, and plain pictures beside them.

The frames are the same for every student. Each is made from a seed of its own, so that the number of processes changes
nothing. They stay in the work folder for the next student.
"""

from __future__ import annotations

import csv
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import synthesis
from students import PLANS, StudentPlan
from synthesis import BONA_FIDE, SPECIES, Portrait, load_backgrounds, load_portraits, make, split

from edge.contracts.enums import CaptureKind
from edge.errors import InputError
from edge.frames.frame import ColourOrder, Frame
from edge.liveness.evidence import FaceBox
from edge.vision.crops import cut

PLAIN = "plain"
# Half of all presentations are bona fide, the attacks share the other half.
BONA_FIDE_SHARE = 0.5
TRAIN_FRAMES, VALIDATION_FRAMES, PLAIN_CROPS = 12_000, 2_400, 6_000
CROPS_PER_FRAME = 2
# Of crops that go by the box alone.
NO_POINTS = np.zeros((0, 2), np.float32)
# Detectors draw boxes a little differently, and differently from frame to frame.
BOX_SCALE, BOX_SHIFT = 0.06, 0.04


@dataclass(frozen=True)
class Crops:
    """pixels: (n, side, side, 3) uint8 in the student's colour order. species: of each, PLAIN for no presentation."""

    pixels: np.ndarray
    species: np.ndarray
    subject: np.ndarray

    @property
    def label(self) -> np.ndarray:
        """1 bona fide, -1 attack, 0 neither; float32."""
        attack = (self.species != BONA_FIDE) & (self.species != PLAIN)
        return (self.species == BONA_FIDE).astype(np.float32) - attack.astype(np.float32)


def prepared(pad: Path, work: Path, plan: StudentPlan, seed: int) -> tuple[Crops, Crops]:
    """Training and validation crops for a student; made for all students where they are not there yet."""
    found = []
    for part, frames, plain in (("train", TRAIN_FRAMES, PLAIN_CROPS), ("validation", VALIDATION_FRAMES, 0)):
        folder = work / f"pictures-{part}-{seed}"
        if not (folder / "index.csv").exists():
            _make(pad, folder, part, frames, plain, seed)
        with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found.append(
            Crops(
                np.load(folder / f"{plan.name}.npy", mmap_mode="r"),
                np.array([row["species"] for row in rows]),
                np.array([row["subject"] for row in rows]),
            )
        )
    return found[0], found[1]


@dataclass(frozen=True)
class _Task:
    pad: Path
    part: str
    species: str
    seed: tuple[int, ...]


def _make(pad: Path, folder: Path, part: str, frames: int, plain: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chosen = np.random.default_rng([seed, len(part)])
    species = np.where(
        chosen.random(frames) < BONA_FIDE_SHARE, BONA_FIDE, chosen.choice(np.array(SPECIES[1:]), size=frames)
    )
    tasks = [_Task(pad, part, str(kind), (seed, len(part), number)) for number, kind in enumerate(species)]
    tasks += [_Task(pad, part, PLAIN, (seed, len(part), frames + number)) for number in range(plain)]
    each = CROPS_PER_FRAME if part == "train" else 1
    count = frames * each + plain
    stores = {
        plan.name: np.lib.format.open_memmap(
            folder / f"{plan.name}.npy", "w+", np.uint8, (count, plan.side, plan.side, 3)
        )
        for plan in PLANS.values()
    }
    rows: list[tuple[str, str, str]] = []
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for done in pool.imap(_crops_of, tasks, chunksize=16):
            for crops, row in done:
                for name, pixels in crops.items():
                    stores[name][len(rows)] = pixels
                rows.append(row)
                if len(rows) % 2000 == 0:
                    print(f"pictures {part}: {len(rows)} of {count}", flush=True)
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("species", "subject", "source"))
        writer.writerows(rows)


@cache
def _material(pad: Path, part: str) -> tuple[list[Portrait], list[Path]]:
    """Raises InputError where there is none."""
    cv2.setNumThreads(1)
    portraits = [p for p in load_portraits(pad / "faces") if split(p.subject) == part]
    backgrounds = load_backgrounds(pad / "faces")
    for found, kind in ((portraits, f"portrait to take for {part}"), (backgrounds, "picture in backgrounds")):
        if not found:
            raise InputError(f"{pad / 'faces'} has no {kind}", remedy="add some; README.md says of which form")
    return portraits, backgrounds


def _crops_of(task: _Task) -> list[tuple[dict[str, np.ndarray], tuple[str, str, str]]]:
    rng = np.random.default_rng(task.seed)
    portraits, backgrounds = _material(task.pad, task.part)
    if task.species == PLAIN:
        return [_plain(portraits, backgrounds, rng)]
    frame = make(portraits[int(rng.integers(len(portraits)))], backgrounds, rng, task.species)
    row = (frame.species, frame.subject, frame.source)
    if task.part != "train":
        return [(_cut(frame.pixels, frame.box), row)]
    return [(_cut(frame.pixels, _redrawn(frame, rng)), row) for _ in range(CROPS_PER_FRAME)]


def _redrawn(frame: synthesis.Frame, rng: np.random.Generator) -> tuple[float, float, float, float]:
    left, top, width, height = frame.box
    factor = float(np.exp(rng.normal(0, BOX_SCALE)))
    x = left + width / 2 + float(rng.normal(0, BOX_SHIFT)) * width
    y = top + height / 2 + float(rng.normal(0, BOX_SHIFT)) * height
    return x - factor * width / 2, y - factor * height / 2, factor * width, factor * height


def _cut(pixels: np.ndarray, box: Sequence[float]) -> dict[str, np.ndarray]:
    frame = Frame(
        pixels=pixels, colour=ColourOrder.BGR, sequence=0, captured_at=0.0, capture=CaptureKind.SIMULATED, still=True
    )
    rules = {plan.name: plan.manifest for plan in PLANS.values()}
    return {name: cut(frame, rule.crop, rule.input, FaceBox(*box), NO_POINTS) for name, rule in rules.items()}


def _plain(
    portraits: Sequence[Portrait], backgrounds: Sequence[Path], rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], tuple[str, str, str]]:
    """A part of any picture, changed in colour, sharpness, noise and compression: teacher and student are to agree on
    whatever comes along (function matching: Beyer et al., arXiv 2106.05237)."""
    if rng.random() < 0.5:
        portrait = portraits[int(rng.integers(len(portraits)))]
        picture, (left, top, width, height) = cv2.imread(str(portrait.path)), portrait.box
        subject, source = portrait.subject, portrait.source
    else:
        path = backgrounds[int(rng.integers(len(backgrounds)))]
        picture, subject, source = cv2.imread(str(path)), path.stem, "backgrounds"
        width = height = float(rng.uniform(0.1, 0.35)) * min(picture.shape[:2])
        left, top = (float(rng.uniform(0, span - width)) for span in (picture.shape[1], picture.shape[0]))
    return _cut(_changed(picture, rng), (left, top, width, height)), (PLAIN, subject, source)


def _changed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x = picture.astype(np.float32) / 255
    x = x ** rng.uniform(0.5, 2.0) * rng.uniform(0.6, 1.25, 3).astype(np.float32)
    if rng.random() < 0.5:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 3.0))
    if rng.random() < 0.6:
        x = x + rng.normal(0, rng.uniform(0.003, 0.05), x.shape).astype(np.float32)
    if rng.random() < 0.3:
        x = x * rng.uniform(0.5, 0.9) + rng.uniform(0.05, 0.2)
    changed = (np.clip(x, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.6:
        changed = cv2.imdecode(
            cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])[1], 1
        )
    return changed


def batches(crops: Crops, rng: np.random.Generator, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Without end: pixels (size, side, side, 3) and labels; mirrored by chance. Every crop once before any twice."""
    labels = crops.label
    while True:
        order = rng.permutation(len(labels))
        for start in range(0, len(order) - size + 1, size):
            chosen = np.sort(order[start : start + size])
            pixels = crops.pixels[chosen]
            mirrored = rng.random(size) < 0.5
            pixels[mirrored] = pixels[mirrored, :, ::-1]
            yield pixels, labels[chosen]
