"""A folder with copies of the shipped models that a test may damage."""

import re
import shutil
from pathlib import Path

import pytest

from edge.inference.bundle import default_models_dir
from edge.inference.manifest import InstalledModel, read_manifest
from edge.inference.runtime import Runtime, find_runtime

PAD = "livegate-head"
THRESHOLD = 0.6


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    return find_runtime()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    for path in default_models_dir().iterdir():
        if path.suffix in {".tflite", ".yaml", ".npz"}:
            shutil.copy(path, folder)
    _forget_figures(folder / f"{PAD}.yaml")
    return folder


def _forget_figures(path: Path) -> None:
    """A round threshold and no reference in place of what training found, so that no test hangs on one training."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^  (lowestThreshold|spread|bonaFideLocation|bonaFideSpread|cameraSpread): .*\n", "", text)
    text, count = re.subn(r"(?m)^  threshold: .*$", f"  threshold: {THRESHOLD}", text)
    assert count == 1
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def pad(models: Path) -> InstalledModel:
    return read_manifest(models / f"{PAD}.yaml")


@pytest.fixture
def rewrite(models: Path):
    """Replace text in a manifest, once."""

    def change(old: str, new: str, name: str = PAD) -> Path:
        path = models / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path

    return change
