"""Pixels in, numbers out: one thread, copies, the file's own quantization."""

import threading
from pathlib import Path

import numpy as np
import pytest

from edge.inference.bundle import default_models_dir
from edge.inference.manifest import InstalledModel, read_manifest
from edge.inference.model import LoadedModel
from edge.inference.runtime import Runtime, WrongThreadError

BY_NAME = default_models_dir()


def _golden_input(model: InstalledModel) -> np.ndarray:
    assert model.golden_path is not None
    with np.load(model.golden_path) as archive:
        image: np.ndarray = archive["input_0"]
    return image


def test_outputs_are_copies(runtime: Runtime) -> None:
    installed = read_manifest(BY_NAME / "face-mesh-468.yaml")
    model = LoadedModel(installed, runtime, verify=False)
    image = _golden_input(installed)

    points, presence = model.run(image)
    kept = points.copy()
    model.run(255 - image)

    np.testing.assert_array_equal(points, kept)
    points[:] = 0
    again, _ = model.run(image)
    np.testing.assert_array_equal(again, kept)
    assert presence.item() > 0


def test_outputs_come_in_the_order_of_the_manifest(models: Path, runtime: Runtime) -> None:
    path = models / "blazeface-short-range.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = lines.index("outputs:")
    lines[at + 1], lines[at + 2] = lines[at + 2], lines[at + 1]
    path.write_text("\n".join(lines), encoding="utf-8")
    model = LoadedModel(read_manifest(path), runtime, verify=False)

    logits, boxes = model.run(np.zeros((128, 128, 3), np.uint8))

    assert (logits.shape, boxes.shape) == ((1, 896, 1), (1, 896, 16))


def test_a_model_refuses_another_thread(runtime: Runtime) -> None:
    model = LoadedModel(read_manifest(BY_NAME / "blazeface-short-range.yaml"), runtime, verify=False)
    caught: list[BaseException] = []

    def misuse() -> None:
        try:
            model.run(np.zeros((128, 128, 3), np.uint8))
        except WrongThreadError as error:
            caught.append(error)

    thread = threading.Thread(target=misuse)
    thread.start()
    thread.join(timeout=30)

    assert len(caught) == 1
    assert "belongs to the thread that loaded it" in str(caught[0])


@pytest.mark.parametrize(
    "image",
    [np.zeros((128, 128, 3), np.uint8), np.zeros((80, 80, 3), np.float32), np.zeros((1, 80, 80, 3), np.uint8)],
    ids=["size", "dtype", "batch"],
)
def test_a_crop_of_another_kind_is_a_programmers_error(runtime: Runtime, image: np.ndarray) -> None:
    model = LoadedModel(read_manifest(BY_NAME / "livegate-head.yaml"), runtime, verify=False)

    with pytest.raises(ValueError, match=r"livegate-head takes \(80, 80, 3\) uint8"):
        model.run(image)


def test_a_view_that_is_not_contiguous_gives_the_same(runtime: Runtime) -> None:
    installed = read_manifest(BY_NAME / "livegate-head.yaml")
    model = LoadedModel(installed, runtime, verify=False)
    image = _golden_input(installed)
    flipped = np.ascontiguousarray(image[:, :, ::-1])[:, :, ::-1]

    assert not flipped.flags.c_contiguous
    np.testing.assert_array_equal(model.run(image)[0], model.run(flipped)[0])


def test_value_range_is_applied_to_float_and_quantized_inputs_alike(models: Path, rewrite, runtime: Runtime) -> None:
    """Feeding half the pixel value by the manifest is feeding pixels of half the value."""
    for name in ("fr-feature-w8", "livegate-head"):
        plain = LoadedModel(read_manifest(BY_NAME / f"{name}.yaml"), runtime, verify=False)
        dtype = plain.manifest.input.dtype
        path = rewrite(f"  dtype: {dtype}", f"  dtype: {dtype}\n  scale: [0.5, 0.5, 0.5]\n  offset: 10", name)
        scaled = LoadedModel(read_manifest(path), runtime, verify=False)
        image = _golden_input(read_manifest(BY_NAME / f"{name}.yaml")) & 0xFE

        np.testing.assert_allclose(scaled.run(image)[0], plain.run(image // 2 + 10)[0], atol=1e-4)
