"""Measures the figures of docs/verify.md on your own pictures: ``python -m tests.vision.reference_figures --help``."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import click
import cv2
import numpy as np

from edge.frames.reference_image import ReferencePicture
from edge.frames.reference_refused import ReferenceRefused
from edge.vision.detector import Detector
from edge.vision.identity import Embedding
from edge.vision.landmarks import FaceMesh, Mesh, roi_of_detection
from edge.vision.pipeline import FaceVision
from edge.vision.reference import Reference
from tests.vision.figures import Spoil, blurred, csv_argument, every_option, lit, load, rows
from tests.vision.scene import Bundle, Pixels, frame_of

COVERS = {
    "mask": [(234, 93, 132, 58, 172, 136, 150, 176, 152, 400, 379, 365, 397, 288, 361, 323, 454, 6)],
    "hand over the mouth": [(205, 186, 57, 202, 210, 200, 430, 422, 287, 410, 425, 2)],
    "dark glasses": [(70, 105, 55, 193, 128, 118, 116, 127), (300, 334, 285, 417, 357, 347, 345, 356)],
    "bar over the eyes": [(127, 70, 107, 336, 300, 356, 345, 347, 6, 118, 116)],
}
PAINTS = {"black": (15, 15, 15), "white": (235, 235, 235), "blue": (200, 150, 80), "skin": None}

rng = np.random.default_rng(1)


def picture_of(pixels: Pixels) -> ReferencePicture:
    """BGR."""
    return ReferencePicture(np.ascontiguousarray(pixels[:, :, ::-1]), 1)


def covered(pixels: Pixels, mesh: Mesh, cover: str, paint: str) -> Pixels:
    """Painted over with shades, folds and noise, and a soft edge."""
    high, wide = pixels.shape[:2]
    mask = np.zeros((high, wide), np.uint8)
    for part in COVERS[cover]:
        cv2.fillPoly(mask, [mesh.points[list(part), :2].astype(np.int32)], 255)
    x, y = np.clip(mesh.points[205, :2].astype(int), 0, (wide - 1, high - 1))
    colour = np.array(PAINTS[paint] or pixels[y, x].tolist(), float)
    across, down = np.arange(wide) / wide, np.arange(high)[:, None] / mesh.extent.height
    shade = 1 + 0.15 * np.sin(6 * across + rng.uniform(0, 6)) + 0.05 * np.sin(2 * np.pi * down * rng.uniform(4, 12))
    layer = np.clip(colour * shade[..., None] + rng.normal(0, 3, pixels.shape), 0, 255)
    share = cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None] / 255.0
    return (pixels * (1 - share) + layer * share).astype(np.uint8)


def read(vision: FaceVision, pixels: Pixels) -> Reference | ReferenceRefused:
    try:
        return vision.reference(picture_of(pixels))
    except ReferenceRefused as refused:
        return refused


def word(outcome: Reference | ReferenceRefused) -> str:
    return str(outcome.quality if isinstance(outcome, Reference) else outcome.code)


def shares(counts: Counter[str]) -> str:
    total = max(sum(counts.values()), 1)
    return f"n {total:4}  " + ", ".join(f"{name} {count / total:.1%}" for name, count in counts.most_common())


def eyes() -> FaceVision:
    models = load()
    return FaceVision(Bundle(models.detector, models.landmarks, (), models.embedding))


@click.group()
def main() -> None:
    """CSV files name pictures by ``path``, relative to themselves."""


@main.command()
@csv_argument
@every_option
@click.option("--names", is_flag=True, help="name what is refused")
@click.option("--turns", default=0, help="quarters by which the pictures are turned first")
def population(table: Path, every: int, names: bool, turns: int) -> None:
    """What pictures of one face each are worth as references, by folder."""
    vision = eyes()
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for row, pixels in rows(table, every):
        outcome = read(vision, np.rot90(pixels, turns))
        seen[row["path"].split("/")[0]][word(outcome)] += 1
        if names and isinstance(outcome, ReferenceRefused):
            click.echo(f"{row['path']}: {outcome.what}")
    for folder, counts in seen.items():
        click.echo(f"{folder:20} {shares(counts)}")
    click.echo(f"{'together':20} {shares(sum(seen.values(), Counter()))}")


@main.command()
@csv_argument
@every_option
def covers(table: Path, every: int) -> None:
    """What becomes of references with eyes or mouth painted over."""
    vision, models = eyes(), load()
    detector, face_mesh = Detector(models.detector), FaceMesh(models.landmarks)
    seen: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for _, pixels in rows(table, every):
        for found in detector.search(frame_of(pixels))[:1]:
            mesh = face_mesh.see(frame_of(pixels), roi_of_detection(found, face_mesh.roi_scale))
            for cover in COVERS:
                for paint in PAINTS:
                    seen[cover, paint][word(read(vision, covered(pixels, mesh, cover, paint)))] += 1
    for (cover, paint), counts in seen.items():
        click.echo(f"{cover:20} {paint:6} {shares(counts)}")


@main.command()
@csv_argument
@every_option
@click.option("--size", default=256, show_default=True, help="take faces from this width on, pixels")
def worse(table: Path, every: int, size: int) -> None:
    """How alike a face stays to itself in worse and worse pictures; which are refused is not asked."""
    models = load()
    vision = FaceVision(Bundle(models.detector, models.landmarks, (), models.embedding))
    spoils: dict[str, Spoil] = {}
    for width in (200, 128, 96, 80, 64, 48, 40):
        spoils[f"face {width} px"] = _scaled(width / size)
    for share in (1, 2, 3, 4, 5):
        spoils[f"blur {share} % of the face"] = blurred(size * share / 100)
    for light in (0.3, 0.1, 0.05, 0.02, 0.01):
        spoils[f"light x {light}"] = lit(light, 0.03)
    for light in (1.5, 2, 3, 5):
        spoils[f"light x {light}"] = lit(light)
    alike: dict[str, list[float]] = defaultdict(list)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for _, pixels in rows(table, every):
        box = vision.see(frame_of(pixels, still=True), judge=False).box
        if box is None or box.width < size:
            continue
        face = _scaled(size / box.width)(pixels)
        whole = _seen(vision, face)
        for name, spoil in spoils.items():
            spoiled = spoil(face)
            found[name][word(read(vision, spoiled))] += 1
            other = _seen(vision, spoiled)
            if whole is not None and other is not None:
                alike[name].append(float(whole @ other))
    for name, values in alike.items():
        five, fifty = np.percentile(values, [5, 50])
        click.echo(f"{name:22} median {fifty:.2f}, 5th percentile {five:.2f}   {shares(found[name])}")


def _scaled(factor: float) -> Spoil:
    return lambda pixels: cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def _seen(vision: FaceVision, pixels: Pixels) -> Embedding | None:
    frame = frame_of(pixels, still=True)
    vision.see(frame, judge=False)
    return vision.embedding(frame)


if __name__ == "__main__":
    main()
