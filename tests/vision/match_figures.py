"""Measures the figures of face match in docs/verify.md: ``python -m tests.vision.match_figures --help``."""

from __future__ import annotations

import csv
import logging
import resource
import time
from collections import defaultdict
from itertools import product
from pathlib import Path

import click
import cv2
import numpy as np
import structlog

from edge.evaluation.index import read_rows
from edge.evaluation.picture_faces import PictureFaces
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.inference.manifest import read_manifest
from edge.inference.model import LoadedModel
from edge.inference.runtime import find_runtime
from edge.simulation.build import build
from edge.simulation.openpeople import photo
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.vision.pipeline import FaceVision

PEOPLE = tuple(f"P{number:03d}" for number in range(1, 11))
TEXTURES = ("portrait", "selfie")
# The sheet of expressions: where its panels begin and how far they are apart, shares of height and width.
ROWS, COLUMNS = (0.055, 0.235), (0.025, 0.234)
CHANGES = {
    "a third of the light": lambda picture: (picture * 0.33).astype(np.uint8),
    "blurred": lambda picture: cv2.GaussianBlur(picture, (0, 0), picture.shape[0] / 160),
    "JPEG quality 10": lambda picture: cv2.imdecode(
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 10])[1], cv2.IMREAD_COLOR
    ),
    "mirrored": lambda picture: picture[:, ::-1],
}
# lux; of a simulated camera the pictures from when exposure has settled, at the pace of a session, seconds.
ROOMS = (60, 600)
SETTLING, PACE, UNTIL = 0.6, 0.25, 1.6
DRAWS = 40


def panels(person):
    """The sixteen expressions of a person, as pictures."""
    sheet = cv2.imread(str(photo(person).parent / "emotions_sheet.jpg"))
    height, width = sheet.shape[:2]
    for row, column in product(range(4), range(4)):
        top, left = ROWS[0] + row * ROWS[1], COLUMNS[0] + column * COLUMNS[1]
        yield sheet[
            int(top * height) : int((top + ROWS[1]) * height), int(left * width) : int((left + COLUMNS[1]) * width)
        ]


def ways(reference, pictures):
    """Similarities of references (n, d) and pictures (k, d), by way of combining the latter."""
    mean = pictures.sum(axis=0)
    each = reference @ pictures.T
    return {
        "mean direction": reference @ (mean / np.linalg.norm(mean)),
        "largest similarity": each.max(axis=1),
        "mean similarity": each.mean(axis=1),
    }


@click.group()
def main():
    """What docs/verify.md tells of networks and of combining pictures."""
    cv2.setNumThreads(1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def people(folder):
    """Writes pictures of ten synthetic people into FOLDER, and pairs.csv for ``livegate evaluate-verify``: portraits
    with selfies, and by condition with expressions, full-length pictures and changed selfies."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = defaultdict(list)
    for person in PEOPLE:
        selfie = cv2.imread(str(photo(f"{person}/selfie")))
        made = [("", selfie)]
        made += [("an expression", panel) for panel in panels(person)]
        assets = photo(person).parent
        made += [("full length", cv2.imread(str(path))) for path in sorted(assets.glob("*_posture.jpg"))]
        made += [(f"selfie, {name}", change(selfie)) for name, change in CHANGES.items()]
        for number, (condition, picture) in enumerate(made):
            path = folder / f"{person}-{number:02d}.png"
            cv2.imwrite(str(path), picture)
            shown[person].append((condition, path.name))
    with (folder / "pairs.csv").open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(("path_a", "path_b", "same", "subject_a", "subject_b", "condition"))
        for one, other in product(PEOPLE, PEOPLE):
            same = "yes" if one == other else "no"
            rows.writerows((photo(one), path, same, one, other, condition) for condition, path in shown[other])


@main.command()
@click.argument("index", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def combined(index, folder):
    """One to eight expressions of a person of FOLDER (by ``people``) against her selfie, and against the faces of
    INDEX (path, subject) without openpeople's, by how the pictures are combined."""
    faces, chance = PictureFaces(), np.random.default_rng(1)
    rows = read_rows(index, "index", ("path", "subject"), needed=("path", "subject"))
    found = (faces.picture(index.parent / row["path"]) for _, row in rows if "openpeople" not in row["path"])
    strangers = np.array([one for one in found if not isinstance(one, str)])
    own = defaultdict(lambda: defaultdict(list))
    others = defaultdict(lambda: defaultdict(list))
    for person in PEOPLE:
        reference = faces.picture(photo(f"{person}/selfie"))[None]
        seen = (faces.picture(folder / f"{person}-{number:02d}.png") for number in range(1, 17))
        pool = np.array([one for one in seen if not isinstance(one, str)])
        for count, _ in product((1, 2, 3, 5, 8), range(DRAWS)):
            pictures = pool[chance.choice(len(pool), count, replace=False)]
            for kept, references in ((own, reference), (others, strangers)):
                for way, values in ways(references, pictures).items():
                    kept[count, way][person].extend(values)
    for (count, way), by_person in own.items():
        mated, non_mated = (np.concatenate(list(each.values())) for each in (by_person, others[count, way]))
        apart = (mated.mean() - non_mated.mean()) / np.sqrt((mated.var() + non_mated.var()) / 2)
        at = np.quantile(non_mated, 0.999)
        click.echo(
            f"{count} pictures, {way}: d' {apart:.2f}; at FMR 0.1 % ({at:.3f}) FNMR {np.mean(mated < at):.2%}; "
            f"mated from {mated.min():.3f}, 1 % below {np.quantile(mated, 0.01):.3f}"
        )


def seen_by_camera(stage, networks):
    """(embedding, quality) of the pictures of a stage that a session would judge."""
    unit = SimulatedTerminal([lambda: stage])
    vision = FaceVision(networks)
    pictures, last = [], 0.0
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        while unit.clock.now() < UNTIL:
            frame = unit.camera.read(1.0)
            if frame is None or unit.clock.now() < SETTLING:
                continue
            evidence = vision.see(frame, judge=False)
            if evidence.box is not None and not evidence.failures and evidence.captured_at - last >= PACE:
                last = evidence.captured_at
                pictures.append(vision.embedding(frame))
    return np.array(pictures)


def scene_of(person, texture, lux, chance):
    subject = {"kind": "person", "face": f"openpeople:{person}/{texture}", "distance": float(chance.uniform(0.4, 0.7))}
    surroundings = {"ambient": {"lux": lux, "light": str(chance.choice(["daylight", "led"]))}}
    return Scene.model_validate(
        {"title": person, "surroundings": surroundings, "subjects": [subject], "seed": int(chance.integers(1 << 31))}
    )


@main.command()
@click.option("--people", "count", type=click.IntRange(2, 10), default=10, help="So many of the people.")
def camera(count):
    """Simulated people before a simulated camera against photographs, their own and those of others."""
    networks = ModelBundle.load(default_models_dir(), verify=False)
    faces = PictureFaces()
    chosen = PEOPLE[:count]
    photographs = {key: faces.picture(photo("/".join(key))) for key in product(chosen, TEXTURES)}
    directions = {}
    for number, (person, texture) in enumerate(product(chosen, TEXTURES)):
        for lux in ROOMS:
            stage = build(scene_of(person, texture, lux, np.random.default_rng([number, lux])), networks)
            pictures = seen_by_camera(stage, networks)
            if len(pictures):
                mean = pictures.sum(axis=0)
                directions[person, texture, lux] = mean / np.linalg.norm(mean)
    kinds = defaultdict(list)
    for (person, texture, _), direction in directions.items():
        for (other, of), photograph in photographs.items():
            whose = "another person's" if other != person else "the one it was made of" if of == texture else "another"
            kinds[f"photograph, {whose}"].append(direction @ photograph)
    for (one, this), (other, that) in product(directions.items(), repeat=2):
        if one < other:
            whose = "another person" if one[0] != other[0] else "same" if one[1] == other[1] else "same, other texture"
            kinds[f"camera, {whose}"].append(this @ that)
    for kind, values in sorted(kinds.items()):
        low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
        click.echo(
            f"{kind}: n {len(values)}, least {min(values):.2f}, 5 % {low:.2f}, median {middle:.2f}, 95 % {high:.2f}, "
            f"most {max(values):.2f}"
        )


@main.command()
@click.argument("manifest", type=click.Path(path_type=Path))
def cost(manifest):
    """Processor time of a run of the network of MANIFEST, and the memory of the process that it takes."""
    runtime, before = find_runtime(), resident()
    network = LoadedModel(read_manifest(manifest), runtime, verify=False)
    crop = np.zeros(network.manifest.input.shape[1:], np.uint8)
    spent = []
    for _ in range(60):
        began = time.thread_time()
        network.run(crop)
        spent.append((time.thread_time() - began) * 1e3)
    click.echo(
        f"{network.id}: median {np.median(spent):.1f} ms, least {min(spent):.1f} ms; "
        f"memory {resident() - before:.1f} MiB"
    )


def resident():
    """MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
