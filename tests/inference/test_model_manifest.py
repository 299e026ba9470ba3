"""A manifest says everything about a file, and nothing that nobody reads."""

import math
import re
from pathlib import Path

import pytest

from edge.errors import ModelError
from edge.frames.frame import ColourOrder
from edge.inference.bundle import default_models_dir
from edge.inference.manifest import Stage, installed_models, read_manifest


def test_every_shipped_manifest_is_read_and_every_stage_is_served() -> None:
    stages = [model.manifest.stage for model in installed_models(default_models_dir())]

    assert set(stages) == set(Stage)


def test_every_shipped_model_has_golden_vectors_and_a_stated_origin() -> None:
    for model in installed_models(default_models_dir()):
        assert model.golden_path is not None
        assert model.golden_path.is_file()
        assert model.manifest.provenance.package
        assert model.manifest.licence in {"MIT", "Apache-2.0"}


def test_an_unknown_key_is_refused_with_its_line_and_a_suggestion(rewrite) -> None:
    path = rewrite("  threshold: ", "  treshold: ")
    line = (
        path.read_text(encoding="utf-8")
        .splitlines()
        .index(next(text for text in path.read_text(encoding="utf-8").splitlines() if "treshold" in text))
    )

    with pytest.raises(ModelError, match=rf'line {line + 1}: pad\.treshold: unknown key, did you mean "threshold"'):
        read_manifest(path)


def test_a_key_in_the_wrong_place_is_told_where_it_belongs(rewrite) -> None:
    path = rewrite("enabled: true", "enabled: true\nliveIndex: 1")

    with pytest.raises(ModelError, match='liveIndex: unknown key here; it belongs into "pad"'):
        read_manifest(path)


def test_all_mistakes_are_named_at_once(rewrite) -> None:
    rewrite("dtype: uint8", "dtype: float16")
    rewrite("scale: 2.7", "scale: large")
    path = rewrite("licence: Apache-2.0\n", "")

    with pytest.raises(ModelError) as refused:
        read_manifest(path)

    for part in ("input.dtype", "crop.scale", "licence: is missing"):
        assert part in refused.value.what


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("liveIndex: 1", "liveIndex: 3", "not one of 3 classes"),
        ("liveIndex: 1", "lowIsLive: true", 'need "liveIndex"'),
        ("liveIndex: 1", "liveIndex: 1\n  spread: 0", "pad.spread"),
        ("liveIndex: 1", "liveIndex: 1\n  spread: .inf", "pad.spread"),
        ("liveIndex: 1", "liveIndex: 1\n  lowestThreshold: 0.7", '"lowestThreshold" 0.7 is above "threshold" 0.6'),
        ("liveIndex: 1", "liveIndex: 1\n  bonaFideLocation: 4", "go together"),
        ("liveIndex: 1", "liveIndex: 1\n  bonaFideSpread: 2", "go together"),
        ("liveIndex: 1", "liveIndex: 1\n  cameraSpread: 2", '"cameraSpread"'),
        ("stage: pad", "stage: embedding", '"pad" section'),
        (
            "schemaVersion: 1",
            "schemaVersion: 1\nmatch: {threshold: 0.5, thresholdFrom: a guess, spread: 0.1, spreadFrom: a guess}",
            '"match" section belongs to stage embedding',
        ),
        ("meaning: logits", "meaning: embedding", "does not belong to stage pad"),
        ("meaning: logits", "meaning: logit", "is one number"),
        ("kind: box_scaled", "kind: roi_rotated", "crop"),
        ("file: livegate-head.tflite", "file: ../livegate-head.tflite", "file"),
        ("id: livegate-head", "id: something-else", "names the model something-else"),
        ("schemaVersion: 1", "schemaVersion: 2", "schemaVersion"),
        ("schemaVersion: 1", "schemaVersion: 1\nschemaVersion: 1", "duplicate key"),
        ("schemaVersion: 1", "schemaVersion: [1", "is not YAML"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(rewrite, old: str, new: str, said: str) -> None:
    path = rewrite(old, new)

    with pytest.raises(ModelError, match=re.escape(said)):
        read_manifest(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  threshold: 0.53", "  threshold: 1", "match.threshold"),
        ("  threshold: 0.53", "  threshold: -1", "match.threshold"),
        ("  spread: 0.054", "  spread: 0", "match.spread"),
        ("  spread: 0.054", "  spread: .nan", "match.spread"),
        ("  spread: 0.054", "", "match.spread: is missing"),
        ("  spread: 0.054", "  spread: 0.054\n  weight: 1", 'it belongs into "pad"'),
    ],
)
def test_a_match_section_that_cannot_be_is_refused(rewrite, old: str, new: str, said: str) -> None:
    path = rewrite(old, new, name="fr-feature-w8")

    with pytest.raises(ModelError, match=re.escape(said)):
        read_manifest(path)


def test_an_embedding_needs_no_match_section(rewrite) -> None:
    path = rewrite("match:\n", "golden:\n", name="fr-feature-w8")
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("golden:")] + text[text.rindex("golden:") :], encoding="utf-8")

    assert read_manifest(path).manifest.match is None


def test_the_shipped_embedding_says_where_its_threshold_comes_from() -> None:
    match = read_manifest(default_models_dir() / "fr-feature-w8.yaml").manifest.match

    assert match is not None
    assert "FMR" in match.threshold_from
    assert "FMR" in match.spread_from


def test_a_manifest_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- one\n", encoding="utf-8")

    with pytest.raises(ModelError, match="does not hold a mapping"):
        read_manifest(path)


def test_a_model_file_without_a_manifest_is_refused(models: Path) -> None:
    (models / "livegate-head.yaml").unlink()

    with pytest.raises(ModelError, match=r"livegate-head\.tflite has no manifest"):
        installed_models(models)


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model folder"):
        installed_models(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="holds no model"):
        installed_models(tmp_path)


def test_scale_may_be_given_for_each_channel(rewrite) -> None:
    path = rewrite("  dtype: uint8", "  dtype: uint8\n  scale: [1, 0.5, 0.25]\n  offset: -1")

    given = read_manifest(path).manifest.input

    assert given.scale == (1.0, 0.5, 0.25)
    assert given.offset == -1.0
    assert given.colour is ColourOrder.BGR


def test_what_a_manifest_does_not_say_of_calibration_changes_nothing(pad) -> None:
    said = pad.manifest.pad

    assert (said.spread, said.floor, said.lowest_shift) == (1.0, said.threshold, 0.0)
    assert said.bona_fide_location is None
    assert said.margin(said.threshold_logit + 2.5) == 2.5


def test_the_floor_is_a_probability_and_the_lowest_shift_its_distance_in_logits(rewrite) -> None:
    said = read_manifest(rewrite("threshold: 0.6", "threshold: 0.8\n  lowestThreshold: 0.5")).manifest.pad

    assert said.floor == 0.5
    assert said.lowest_shift == pytest.approx(-math.log(4))
