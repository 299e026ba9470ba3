"""From an ONNX file and a manifest to a model that a terminal loads; and nothing where a check fails."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ModelError
from edge.inference.convert import bundle, compare
from edge.inference.convert.bundle import LEAST_CROPS, convert
from edge.inference.convert.draft import read_draft
from edge.inference.convert.network import network_from
from edge.inference.convert.rebuild import rebuild
from edge.inference.convert.tflite import Precision, converted
from edge.inference.manifest import Dtype, read_manifest
from edge.inference.model import LoadedModel
from edge.inference.runtime import find_runtime
from tests.inference.convert.graphs import SIDE, model, needs_converter, node, random, whole

DRAFT = """\
schemaVersion: 1
id: small
stage: pad
licence: CC0-1.0
provenance: {package: a test, version: "1", path: small.onnx, documented: true, note: random weights}
input:
  shape: [1, 16, 16, 3]
  colour: rgb
  scale: 0.0078125 # the maker's own
  offset: -0.9921875
crop: {kind: box_scaled, scale: 2.0, side: longer, edges: shifted}
outputs:
  - {meaning: logits, shape: [1, 3]}
pad:
  liveIndex: 2
  threshold: 0.4
  thresholdFrom: a guess
enabled: true
"""


@pytest.fixture
def written(tmp_path):
    """A draft with some of its text replaced."""

    def write(**replaced: tuple[str, str]) -> Path:
        text = DRAFT
        for old, new in replaced.values():
            assert text.count(old) == 1
            text = text.replace(old, new)
        path = tmp_path / "draft.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def source() -> bytes:
    nodes = [
        node("Conv", ["picture", "w", "b"], "x", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("PRelu", ["x", "a"], "y"),
        node("Conv", ["y", "v", "c"], "z", pads=[1, 1, 1, 1], group=8),
        node("GlobalAveragePool", ["z"], "g"),
        node("Flatten", ["g"], "f"),
        node("Gemm", ["f", "d", "e"], "result", transB=1),
    ]
    uneven = np.geomspace(0.01, 1, 8, dtype=np.float32)
    weights = {
        "w": random(8, 3, 3, 3, seed=1) * uneven[:, None, None, None],
        "b": random(8, seed=2, scale=0.1) * uneven,
        "a": np.linspace(0.1, 0.4, 8, dtype=np.float32).reshape(8, 1, 1),
        "v": random(8, 1, 3, 3, seed=3) / uneven[:, None, None, None],
        "c": random(8, seed=4, scale=0.1),
        "d": random(3, 8, seed=5),
        "e": random(3, seed=6, scale=0.1),
    }
    return model(nodes, weights)


def crops(count: int) -> np.ndarray:
    rng = np.random.default_rng(21)
    coarse = rng.integers(0, 256, (count, 4, 4, 3)) * rng.uniform(0.2, 1, (count, 1, 1, 1))
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("replaced", "problem"),
    [
        (("stage: pad\n", ""), "stage: is missing"),
        (("licence: CC0-1.0\n", ""), "licence: is missing"),
        (("  liveIndex: 2\n", ""), 'need "liveIndex"'),
        (("  threshold: 0.4\n", ""), "pad.threshold: is missing"),
        (("crop: {kind: box_scaled, scale: 2.0, side: longer, edges: shifted}\n", ""), "crop: is missing"),
        (("colour: rgb", "color: rgb"), 'did you mean "colour"'),
        (("stage: pad\n", "stage: pad\nsha256: " + "0" * 64 + "\n"), "has sha256 already"),
        (("enabled: true", "golden: {file: a.npz, tolerance: 0.1}"), "has golden already"),
        (("id: small", "id: Small One"), "id: "),
        (("schemaVersion: 1", "- 1"), "is not YAML"),
    ],
)
def test_a_manifest_with_a_mistake_is_refused_by_name(written, replaced, problem):
    with pytest.raises(ModelError) as caught:
        read_draft(written(text=replaced))
    assert "draft.yaml" in caught.value.what
    assert problem in caught.value.what


def test_a_draft_needs_neither_file_nor_dtype(written):
    manifest = read_draft(written()).manifest
    assert (manifest.file, manifest.input.dtype) == ("small.tflite", Dtype.FLOAT32)


@needs_converter
class TestConversion:
    def test_full_int8_gives_a_model_that_loads_and_tells_how_far_it_is(self, written, tmp_path):
        draft = read_draft(written())
        out = tmp_path / "out"
        report = convert(network_from(source(), "small.onnx"), draft, crops(60), out, runtime=find_runtime())
        assert report.precision is Precision.CALIBRATED
        assert sorted(p.name for p in out.iterdir()) == ["small.npz", "small.tflite", "small.yaml"]
        installed = read_manifest(out / "small.yaml")
        manifest = installed.manifest
        assert manifest.sha256 == hashlib.sha256((out / "small.tflite").read_bytes()).hexdigest()
        assert (manifest.input.dtype, manifest.input.scale, manifest.input.offset) == (Dtype.UINT8, 1.0, 0.0)
        found = LoadedModel(installed, find_runtime())
        decisions = report.comparison
        assert isinstance(decisions, compare.Decisions)
        wanted = compare.network_outputs(network_from(source(), ""), draft.manifest, crops(60))
        got = compare.file_outputs(found, crops(60))
        assert np.abs(got - wanted).max() < 0.1 * np.abs(wanted).max()
        assert decisions == compare.decisions(draft.manifest, wanted, got)

    def test_the_threshold_moves_with_the_file_and_says_so(self, written, tmp_path, monkeypatch):
        monkeypatch.setattr(bundle, "LEAST_SHIFT", 0.0)
        draft = read_draft(written())
        report = convert(network_from(source(), "small.onnx"), draft, crops(60), tmp_path, runtime=find_runtime())
        pad = read_manifest(tmp_path / "small.yaml").manifest.pad
        assert pad is not None
        assert isinstance(report.comparison, compare.Decisions)
        assert pad.threshold == report.comparison.threshold
        assert pad.threshold_from.startswith("a guess; moved from 0.4 by ")

    def test_weights_only_stays_close_and_keeps_the_input(self, written, tmp_path):
        report = convert(
            network_from(source(), "small.onnx"),
            read_draft(written()),
            crops(0),
            tmp_path,
            runtime=find_runtime(),
            weights_only=True,
        )
        manifest = read_manifest(tmp_path / "small.yaml").manifest
        assert (manifest.input.dtype, manifest.input.scale, manifest.input.offset) == (
            Dtype.FLOAT32,
            0.0078125,
            -0.9921875,
        )
        assert report.comparison is None
        assert "# the maker's own" in (tmp_path / "small.yaml").read_text(encoding="utf-8")

    @pytest.mark.parametrize("precision", [Precision.WEIGHTS, Precision.CALIBRATED])
    def test_dense_layers_have_one_scale_because_tflite_runtime_knows_no_more(self, precision):
        """Several make version 12 of the operator, which tflite-runtime 2.14 refuses to load."""
        nodes = [node("Flatten", ["picture"], "f"), node("MatMul", ["f", "d"], "result")]
        network = network_from(model(nodes, {"d": random(3 * SIDE * SIDE, 16)}), "dense.onnx")
        content = converted(rebuild(network), precision, crops(4).astype(np.float32))
        interpreter = find_runtime().interpreter_class(model_content=content)
        (scales,) = (
            d["quantization_parameters"]["scales"]
            for d in interpreter.get_tensor_details()
            if d["dtype"] is np.int8 and tuple(d["shape"]) == (16, 3 * SIDE * SIDE)
        )
        assert len(scales) == 1

    def test_learned_ranges_need_no_pictures(self, written, tmp_path):
        draft = read_draft(
            written(scale=("0.0078125 # the maker's own", "0.00392156862745098"), offset=("  offset: -0.9921875\n", ""))
        )
        network = network_from(whole().content(), "whole.onnx")
        report = convert(network, draft, crops(0), tmp_path, runtime=find_runtime())
        assert report.precision is Precision.LEARNED
        assert report.ranges == 23
        assert report.steps is not None
        assert report.steps[0] < 1
        pad = read_manifest(tmp_path / "small.yaml").manifest.pad
        assert pad is not None
        assert (pad.threshold, pad.threshold_from) == (0.4, "a guess")

    def test_a_learned_range_that_the_manifest_does_not_feed_is_refused(self, written, tmp_path):
        network = network_from(whole().content(), "whole.onnx")
        with pytest.raises(ModelError, match=re.escape("learned the range 0 .. 1 for its picture")):
            convert(network, read_draft(written()), crops(0), tmp_path / "out", runtime=find_runtime())
        assert not (tmp_path / "out").exists()

    def test_nothing_is_overwritten_without_force(self, written, tmp_path):
        draft, network = read_draft(written()), network_from(source(), "small.onnx")
        (tmp_path / "small.npz").write_bytes(b"mine")
        with pytest.raises(ModelError, match=r"small\.npz is there already"):
            convert(network, draft, crops(0), tmp_path, runtime=find_runtime(), weights_only=True)
        assert not (tmp_path / "small.tflite").exists()
        assert (tmp_path / "small.npz").read_bytes() == b"mine"
        convert(network, draft, crops(0), tmp_path, runtime=find_runtime(), weights_only=True, force=True)
        assert (tmp_path / "small.tflite").exists()

    @pytest.mark.parametrize(
        ("replaced", "problem"),
        [
            (("[1, 16, 16, 3]", "[1, 32, 16, 3]"), "takes pictures of 16 x 16"),
            (("[1, 3]", "[1, 4]"), "gives [1, 3]"),
        ],
    )
    def test_a_manifest_of_another_network_is_refused(self, written, tmp_path, replaced, problem):
        draft = read_draft(written(text=replaced))
        with pytest.raises(ModelError, match=re.escape(problem)):
            convert(network_from(source(), ""), draft, crops(20), tmp_path / "out", runtime=find_runtime())
        assert not (tmp_path / "out").exists()

    def test_too_few_crops_are_refused(self, written, tmp_path):
        few = crops(LEAST_CROPS - 1)
        with pytest.raises(ModelError, match="15 crops are too few"):
            convert(network_from(source(), ""), read_draft(written()), few, tmp_path / "out", runtime=find_runtime())

    def test_a_rebuild_that_computes_something_else_is_refused(self, written, tmp_path, monkeypatch):
        other = network_from(source(), "other.onnx")
        other.constants["d"][0] += 0.01
        rebuild = bundle.rebuild
        monkeypatch.setattr(bundle, "rebuild", lambda _, **how: rebuild(other, **how))
        with pytest.raises(ModelError, match="not rebuilt faithfully"):
            convert(
                network_from(source(), "small.onnx"),
                read_draft(written()),
                crops(20),
                tmp_path / "out",
                runtime=find_runtime(),
            )
        assert not (tmp_path / "out").exists()

    def test_logits_that_are_probabilities_are_noticed(self, written, tmp_path):
        nodes = [
            node("GlobalAveragePool", ["picture"], "g"),
            node("Flatten", ["g"], "f"),
            node("Softmax", ["f"], "result"),
        ]
        with pytest.raises(ModelError, match="ends with Softmax"):
            convert(
                network_from(model(nodes, {}), "soft.onnx"),
                read_draft(written()),
                crops(0),
                tmp_path,
                runtime=find_runtime(),
                weights_only=True,
            )

    def test_a_folder_that_cannot_be_is_told(self, written, tmp_path):
        (tmp_path / "out").write_bytes(b"a file")
        with pytest.raises(ModelError, match="cannot be written to"):
            convert(
                network_from(source(), "small.onnx"),
                read_draft(written()),
                crops(0),
                tmp_path / "out",
                runtime=find_runtime(),
                weights_only=True,
            )

    def test_golden_vectors_show_nobody(self, written, tmp_path):
        given = crops(80)
        convert(network_from(source(), ""), read_draft(written()), given, tmp_path, runtime=find_runtime())
        with np.load(tmp_path / "small.npz") as golden:
            inputs = [golden[name] for name in golden.files if name.startswith("input")]
        assert len(inputs) == 2
        for image in inputs:
            nearest = np.abs(given.astype(int) - image.astype(int)).mean(axis=(1, 2, 3)).min()
            assert nearest > 10

    def test_an_embedding_tells_how_far_descriptors_turn(self, written, tmp_path):
        pad = "pad:\n  liveIndex: 2\n  threshold: 0.4\n  thresholdFrom: a guess\n"
        draft = read_draft(
            written(stage=("stage: pad", "stage: embedding"), pad=(pad, ""), meaning=("logits", "embedding"))
        )
        report = convert(network_from(source(), ""), draft, crops(40), tmp_path, runtime=find_runtime())
        assert isinstance(report.comparison, compare.Angles)
        assert 0 < report.comparison.mean < 10


def test_the_shift_is_the_median_near_the_threshold(written):
    manifest = read_draft(written()).manifest
    near = np.linspace(-1, 1, 9)
    wanted = np.stack([np.zeros(10), np.full(10, -50.0), np.append(near, 12.0)], axis=1).astype(np.float32)
    got = wanted.copy()
    got[:, 2] += np.append(np.full(9, 0.5), 3.0)
    found = compare.decisions(manifest, wanted, got)
    assert (found.near, found.crops) == (9, 10)
    assert found.shift == pytest.approx(0.5)
    # 0.4 has the log-odds -0.405; half a logit more is 0.524.
    assert found.threshold == pytest.approx(0.5236, abs=1e-4)
    assert found.flips == 2
    assert found.flips_moved == 0


def test_angles_are_between_directions():
    a = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)
    b = np.array([[3.0, 0.0], [1.0, 1.0]], np.float32)
    found = compare.angles(a, b)
    assert (found.mean, found.largest) == (pytest.approx(22.5), pytest.approx(45.0))


def test_sides_are_as_in_the_drafts():
    assert f"[1, {SIDE}, {SIDE}, 3]" in DRAFT
