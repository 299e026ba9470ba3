"""A small data set of synthetic people and places, in the form that the training reads."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.inference.bundle import ModelBundle, default_models_dir
from edge.vision.detector import Detector
from tests.vision.scene import frame_of

# The training's modules are scripts beside each other, not a package of the device.
sys.path.append(str(Path(__file__).parents[2] / "models_tflite" / "training"))


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector(ModelBundle.load(default_models_dir(), verify=False).detector)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory, detector: Detector) -> Path:
    """A folder with four synthetic people, a black and white copy of one, and six backgrounds."""
    openpeople = pytest.importorskip("openpeople", reason="the package openpeople (extra: demo) has the pictures")
    root = tmp_path_factory.mktemp("faces")
    (root / "people").mkdir()
    (root / "backgrounds").mkdir()
    rows, boxes = [], []
    folder = Path(openpeople.__file__).parent / "data" / "curated"
    sources = sorted(folder.glob("P*/assets/studio_portrait.jpg"))[:4]
    for path in [*sources, sources[0]]:
        picture = cv2.resize(cv2.imread(str(path)), (512, 512), interpolation=cv2.INTER_AREA)
        name = f"people/{path.parent.parent.name}.jpg"
        if any(row["path"] == name for row in rows):
            name = "people/grey.jpg"
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        cv2.imwrite(str(root / name), picture)
        (face,) = detector.find(frame_of(picture))
        box = face.box
        points = np.zeros((6, 2))
        rows.append({"path": name, "subject_id": path.parent.parent.name})
        keys = ("re", "le", "nose", "mouth", "rear", "lear")
        located = {f"{key}_{axis}": points[n][a] for n, key in enumerate(keys) for a, axis in enumerate("xy")}
        boxes.append({"path": name, "x": box.left, "y": box.top, "w": box.width, "h": box.height} | located)
    rng = np.random.default_rng(0)
    for n in range(6):
        place = cv2.resize(
            rng.uniform(20, 235, (5, 5, 3)).astype(np.float32), (320, 320), interpolation=cv2.INTER_CUBIC
        )
        cv2.imwrite(str(root / "backgrounds" / f"place_{n}.jpg"), np.clip(place, 0, 255).astype(np.uint8))
        rows.append({"path": f"backgrounds/place_{n}.jpg", "subject_id": ""})
    for name, table in (("index.csv", rows), ("faces_bbox.csv", boxes)):
        with (root / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, table[0])
            writer.writeheader()
            writer.writerows(table)
    return root


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mattes")
