from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import InputError
from edge.evaluation.crops import face_crops, picture_paths, spread
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.inference.manifest import read_manifest


def write(path: Path, value: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((64, 64, 3), value, np.uint8))
    return path


def test_pictures_of_a_folder_come_by_name_from_all_of_it(tmp_path):
    wanted = [write(tmp_path / "a.png"), write(tmp_path / "b" / "c.JPG")]
    (tmp_path / "notes.txt").write_text("no picture")
    assert picture_paths(tmp_path) == tuple(wanted)


def test_an_index_names_pictures_beside_it(tmp_path):
    index = tmp_path / "index.csv"
    index.write_text("label,path\nbonafide,a.png\nattack, b/c.png \n", encoding="utf-8")
    assert picture_paths(index) == (tmp_path / "a.png", tmp_path / "b" / "c.png")


@pytest.mark.parametrize(
    ("text", "problem"),
    [("file\na.png\n", "no column path"), ("path\n", "lists no picture"), ('path\n"a\n', "not a CSV file")],
)
def test_an_index_that_names_none_is_refused(tmp_path, text, problem):
    index = tmp_path / "index.csv"
    index.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=problem):
        picture_paths(index)


def test_nothing_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        picture_paths(tmp_path / "gone")
    with pytest.raises(InputError, match="holds no picture"):
        picture_paths(tmp_path)


def test_a_limit_spreads_over_all():
    paths = [Path(str(n)) for n in range(101)]
    assert spread(paths, 5) == tuple(Path(n) for n in ("0", "25", "50", "75", "100"))
    assert spread(paths, 500) == tuple(paths)


def test_faces_are_cut_as_the_manifest_says_and_the_rest_is_counted(tmp_path):
    openpeople = pytest.importorskip("edge.simulation.openpeople", reason="the people are in the extra 'demo'")
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    manifest = read_manifest(default_models_dir() / "livegate-head.yaml").manifest
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    paths = [openpeople.photo("P001/selfie"), write(tmp_path / "grey.png"), broken]
    seen = []
    found = face_crops(paths, manifest, ModelBundle.load(default_models_dir()), done=lambda: seen.append(1))
    assert found.crops.shape == (1, 80, 80, 3)
    assert found.crops.dtype == np.uint8
    assert found.crops.std() > 20
    assert found.faceless == 1
    assert len(found.unreadable) == 1
    assert "broken.png" in found.unreadable[0]
    assert len(seen) == 3
