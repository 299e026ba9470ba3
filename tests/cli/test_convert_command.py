"""``livegate models convert`` as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ExitCode
from edge.inference.manifest import installed_models
from tests.inference.convert.graphs import model, node, skip_module_without_converter, whole

skip_module_without_converter()

DRAFT = """\
schemaVersion: 1
id: small
stage: pad
licence: CC0-1.0
provenance: {package: a test, version: "1", path: small.onnx, documented: true, note: random weights}
input: {shape: [1, 16, 16, 3], colour: rgb, scale: 0.00392156862745098}
crop: {kind: box_scaled, scale: 2.0, side: longer, edges: shifted}
outputs: [{meaning: logits, shape: [1, 3]}]
pad: {liveIndex: 2, threshold: 0.4, thresholdFrom: a guess}
"""


@pytest.fixture
def convert(tmp_path):
    (tmp_path / "small.yaml").write_text(DRAFT, encoding="utf-8")

    def run(content: bytes, *more: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "small.onnx").write_bytes(content)
        return subprocess.run(
            [
                *(sys.executable, "-m", "edge", "models", "convert", str(tmp_path / "small.onnx")),
                *("--manifest", str(tmp_path / "small.yaml"), "--out", str(tmp_path / "out"), *more),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            check=False,
        )

    return run


def test_a_network_with_ranges_becomes_a_model_once(convert, tmp_path):
    done = convert(whole().content())
    assert done.returncode == ExitCode.OK, done.stderr
    assert "all 23 kept" in done.stdout
    assert "Traceback" not in done.stderr
    assert "port.cc" not in done.stderr  # TensorFlow's pages stay away
    (model_,) = installed_models(tmp_path / "out")
    assert model_.manifest.id == "small"
    again = convert(whole().content())
    assert again.returncode == ExitCode.MODEL
    assert "there already" in again.stderr


def test_a_network_without_ranges_asks_for_pictures(convert, tmp_path):
    plain = model([node("GlobalAveragePool", ["picture"], "g"), node("Flatten", ["g"], "result")], {})
    done = convert(plain)
    assert done.returncode == ExitCode.INPUT
    assert "--pictures" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_operator_that_cannot_be_converted_is_named(convert):
    done = convert(model([node("Erf", ["picture"], "result")], {}))
    assert done.returncode == ExitCode.MODEL
    assert "Erf (1)" in done.stderr
