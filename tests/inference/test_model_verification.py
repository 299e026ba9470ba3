"""A file that is not what its manifest says is refused in plain words."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ExitCode, ModelError
from edge.inference.bundle import default_models_dir
from edge.inference.manifest import InstalledModel, installed_models, read_manifest
from edge.inference.model import LoadedModel
from edge.inference.runtime import Runtime


def _signed(model: InstalledModel) -> InstalledModel:
    """The same model with the hash that its changed file has."""
    digest = hashlib.sha256(model.model_path.read_bytes()).hexdigest()
    text = model.manifest_path.read_text(encoding="utf-8").replace(model.manifest.sha256, digest)
    model.manifest_path.write_text(text, encoding="utf-8")
    return read_manifest(model.manifest_path)


@pytest.mark.parametrize("model", installed_models(default_models_dir()), ids=lambda model: model.manifest.id)
def test_every_shipped_file_is_what_its_manifest_says(model: InstalledModel, runtime: Runtime) -> None:
    loaded = LoadedModel(model, runtime)

    assert loaded.sha256 == hashlib.sha256(model.model_path.read_bytes()).hexdigest()


def test_one_changed_byte_is_refused(pad: InstalledModel, runtime: Runtime) -> None:
    content = bytearray(pad.model_path.read_bytes())
    content[len(content) // 2] ^= 1
    pad.model_path.write_bytes(content)

    with pytest.raises(ModelError, match="is not the file its manifest describes: SHA-256") as refused:
        LoadedModel(pad, runtime, verify=False)

    assert refused.value.exit_code is ExitCode.MODEL


def test_a_truncated_file_is_refused_even_with_the_right_hash(pad: InstalledModel, runtime: Runtime) -> None:
    pad.model_path.write_bytes(pad.model_path.read_bytes()[:2000])

    with pytest.raises(ModelError, match="cannot load the file"):
        LoadedModel(_signed(pad), runtime)


def test_a_foreign_file_is_refused(pad: InstalledModel, runtime: Runtime) -> None:
    pad.model_path.write_bytes(b"PK\x03\x04" + bytes(2000))

    with pytest.raises(ModelError, match="is not a TFLite file"):
        LoadedModel(_signed(pad), runtime)


def test_a_missing_file_is_refused(pad: InstalledModel, runtime: Runtime) -> None:
    pad.model_path.unlink()

    with pytest.raises(ModelError, match=r"names livegate-head\.tflite, which is not there"):
        LoadedModel(pad, runtime)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("shape: [1, 80, 80, 3]", "shape: [1, 128, 128, 3]", "takes (1, 80, 80, 3) uint8, its manifest says"),
        ("dtype: uint8", "dtype: float32", "its manifest says (1, 80, 80, 3) float32"),
        ("shape: [1, 3]}", "shape: [1, 2]}", "gives logits as (1, 3), its manifest says (1, 2)"),
        ("meaning: logits,", "meaning: logits, name: scores,", "has no output scores; it has"),
    ],
)
def test_a_manifest_with_other_tensors_is_refused(
    models: Path, rewrite, runtime: Runtime, old: str, new: str, said: str
) -> None:
    model = read_manifest(rewrite(old, new))

    with pytest.raises(ModelError) as refused:
        LoadedModel(model, runtime)

    assert said in refused.value.what


def test_another_network_of_the_same_shape_fails_the_golden_vectors(
    models: Path, pad: InstalledModel, runtime: Runtime
) -> None:
    assert pad.golden_path is not None
    with np.load(pad.golden_path) as archive:
        vectors = dict(archive)
    vectors["output_1_0"] = vectors["output_1_0"][:, ::-1]
    np.savez(pad.golden_path, **vectors)

    with pytest.raises(ModelError, match="another logits for golden vector 1 than its manifest promises"):
        LoadedModel(pad, runtime)
    assert LoadedModel(pad, runtime, verify=False).id == pad.manifest.id


def test_a_network_that_gives_no_numbers_fails_the_golden_vectors(pad: InstalledModel, runtime: Runtime) -> None:
    assert pad.golden_path is not None
    with np.load(pad.golden_path) as archive:
        vectors = dict(archive)
    vectors["output_0_0"] = np.full_like(vectors["output_0_0"], np.nan)
    np.savez(pad.golden_path, **vectors)

    with pytest.raises(ModelError, match="golden vector 0"):
        LoadedModel(pad, runtime)


@pytest.mark.parametrize("damage", ["missing", "garbage", "empty", "no output"])
def test_golden_vectors_that_cannot_be_read_are_refused(pad: InstalledModel, runtime: Runtime, damage: str) -> None:
    path = pad.golden_path
    assert path is not None
    if damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"PK\x03\x04 no archive")
    elif damage == "empty":
        np.savez(path)
    else:
        np.savez(path, input_0=np.zeros((80, 80, 3), np.uint8))

    with pytest.raises(ModelError, match=r"livegate-head\.npz|vector"):
        LoadedModel(pad, runtime)


def test_golden_vectors_of_another_shape_are_refused(pad: InstalledModel, runtime: Runtime) -> None:
    assert pad.golden_path is not None
    np.savez(pad.golden_path, input_0=np.zeros((128, 128, 3), np.uint8), output_0_0=np.zeros((1, 3), np.float32))

    with pytest.raises(ModelError, match="golden input 0 of another shape"):
        LoadedModel(pad, runtime)


def test_a_model_is_verified_where_it_lies(models: Path, tmp_path: Path, runtime: Runtime) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for suffix in (".yaml", ".tflite", ".npz"):
        shutil.copy(models / f"face-mesh-468{suffix}", elsewhere)

    assert LoadedModel(installed_models(elsewhere)[0], runtime).id == "face-mesh-468"
