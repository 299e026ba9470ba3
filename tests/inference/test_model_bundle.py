"""Which models a terminal uses, and an integrator's own among them."""

import shutil
from pathlib import Path

import pytest

from edge.errors import ModelError
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.inference.manifest import Stage, installed_models


def _own_model(folder: Path, name: str = "site-network") -> None:
    """What an integrator does: a file and a manifest, no code."""
    shipped = default_models_dir()
    folder.mkdir(exist_ok=True)
    shutil.copy(shipped / "livegate-head.tflite", folder / f"{name}.tflite")
    text = (shipped / "livegate-head.yaml").read_text(encoding="utf-8")
    text = text.replace("id: livegate-head", f"id: {name}").replace("file: livegate-head", f"file: {name}", 1)
    before, _, after = text.partition("golden:\n")
    text = before + after[after.index("enabled:") :]
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _shipped_pad() -> list[str]:
    models = (model.manifest for model in installed_models(default_models_dir()))
    return [manifest.id for manifest in models if manifest.stage is Stage.PAD and manifest.enabled]


def test_the_shipped_bundle_loads_with_its_enabled_networks() -> None:
    bundle = ModelBundle.load(default_models_dir())

    assert bundle.detector.manifest.stage is Stage.DETECTOR
    assert bundle.landmarks.manifest.stage is Stage.LANDMARKS
    assert "livegate-head" in _shipped_pad()
    assert [model.id for model in bundle.pad] == _shipped_pad()
    assert set(bundle.hashes()) == {"blazeface-short-range", "face-mesh-468", *_shipped_pad()}


def test_the_embedding_is_loaded_when_it_is_asked_for() -> None:
    bundle = ModelBundle.load(default_models_dir(), verify=False)
    assert "fr-feature-w8" not in bundle.hashes()

    embedding = bundle.embedding

    assert embedding is not None
    assert embedding is bundle.embedding
    assert bundle.hashes()["fr-feature-w8"] == embedding.sha256


def test_the_active_networks_can_be_chosen_in_their_order(models: Path) -> None:
    _own_model(models)

    bundle = ModelBundle.load(models, active=["site-network", "livegate-head"], verify=False)

    assert [model.id for model in bundle.pad] == ["site-network", "livegate-head"]


def test_an_integrators_network_in_the_same_folder_is_picked_up(models: Path) -> None:
    _own_model(models)

    bundle = ModelBundle.load(models)

    assert [model.id for model in bundle.pad] == [*_shipped_pad(), "site-network"]


def test_an_integrators_network_in_a_folder_of_its_own_is_picked_up(tmp_path: Path) -> None:
    _own_model(tmp_path / "own")

    bundle = ModelBundle.load(default_models_dir(), extra=[tmp_path / "own"], active=["site-network"], verify=False)

    assert [model.id for model in bundle.pad] == ["site-network"]
    assert "site-network" in bundle.hashes()


def test_the_same_id_in_two_folders_is_refused(models: Path) -> None:
    with pytest.raises(ModelError, match="have the same id"):
        ModelBundle.load(default_models_dir(), extra=[models])


def test_an_unknown_network_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ModelError, match=r'no PAD network "livgate-head".*did you mean "livegate-head"'):
        ModelBundle.load(default_models_dir(), active=["livgate-head"])


def test_a_bundle_without_a_pad_network_is_refused() -> None:
    with pytest.raises(ModelError, match="no PAD network is active"):
        ModelBundle.load(default_models_dir(), active=[])


def test_two_enabled_detectors_are_refused(models: Path) -> None:
    shutil.copy(models / "blazeface-short-range.tflite", models / "second.tflite")
    text = (models / "blazeface-short-range.yaml").read_text(encoding="utf-8")
    text = text.replace("id: blazeface-short-range", "id: second").replace(
        "file: blazeface-short-range.t", "file: second.t"
    )
    (models / "second.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(ModelError, match="several detector models are enabled: blazeface-short-range, second"):
        ModelBundle.load(models)


def test_a_stage_without_a_model_is_refused(models: Path) -> None:
    for suffix in (".tflite", ".yaml", ".npz"):
        (models / f"face-mesh-468{suffix}").unlink()

    with pytest.raises(ModelError, match="no enabled landmarks model"):
        ModelBundle.load(models)


def test_a_damaged_network_stops_the_bundle(models: Path) -> None:
    with (models / "livegate-head.tflite").open("ab") as file:
        file.write(b"\0")

    with pytest.raises(ModelError, match="SHA-256"):
        ModelBundle.load(models)
