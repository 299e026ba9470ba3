"""What the training command says where something is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.extras import skip_module_without

skip_module_without("training", "torch", "onnx", "onnxruntime", "tensorflow")

import train
from students import PLANS

from edge.errors import ExitCode

PLAN = PLANS["livegate-head"]


@pytest.fixture
def pad(tmp_path: Path) -> Path:
    folder = tmp_path / "pad"
    for name in ("faces/index.csv", "faces/faces_bbox.csv", f"teachers/{PLAN.teacher}"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pad: Path, *more: str) -> str:
    given = ["train.py", PLAN.name, "--pad", str(pad), "--out", str(pad.parent / "out"), *more]
    if "--work" not in more:
        given += ["--work", str(pad.parent / "work")]
    monkeypatch.setattr(sys, "argv", given)
    assert train.main() == ExitCode.INPUT
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["faces/index.csv", "faces/faces_bbox.csv", f"teachers/{PLAN.teacher}"])
def test_what_the_folder_lacks_is_named(
    name: str, pad: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (pad / name).unlink()
    assert f"has no {name} (give the folder that README.md" in said(monkeypatch, capsys, pad)
    assert not (pad.parent / "out").exists()


def test_measuring_needs_a_training_that_ended(
    pad: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{PLAN.name}-20-float32.onnx (give the --work" in said(monkeypatch, capsys, pad, "--measure")


def test_a_folder_that_cannot_be_written_to_is_named_before_anything_is_made(
    pad: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (pad.parent / "file").write_bytes(b"")
    work = pad.parent / "file" / "work"
    assert f"{work} cannot be written to" in said(monkeypatch, capsys, pad, "--work", str(work))
