"""Students against their teachers, on a network small enough to train in a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.extras import skip_module_without

skip_module_without("training", "torch", "onnx", "onnxruntime", "tensorflow")

import onnx
import torch
from distil import distil, live_logits
from network import BlockShape, Shape, Student
from onnx import TensorProto, helper, numpy_helper
from pictures import Crops
from students import StudentPlan
from teachers import Teacher
from train import exported

from edge.errors import ModelError
from edge.inference.convert import libraries
from edge.inference.manifest import Manifest

SIDE = 16
SMALL = Shape(
    side=SIDE,
    stem=8,
    blocks=(
        BlockShape(inner=8, width=8, stride=2),
        BlockShape(inner=8, width=8, residual=True, squeeze=4),
        BlockShape(inner=16, width=8, stride=2),
    ),
    head=16,
    outputs=3,
)
PLAN = StudentPlan(
    manifest=Manifest.model_validate(
        {
            "schemaVersion": 1,
            "id": "small",
            "stage": "pad",
            "file": "small.tflite",
            "sha256": "0" * 64,
            "licence": "CC0-1.0",
            "provenance": {"package": "a test", "version": "1", "path": "-", "documented": True, "note": "random"},
            "input": {"shape": (1, SIDE, SIDE, 3), "dtype": "uint8", "colour": "bgr"},
            "crop": {"kind": "box_scaled", "scale": 2.0, "side": "as_box", "edges": "shifted"},
            "outputs": ({"meaning": "logits", "shape": (1, 3)},),
            "pad": {"liveIndex": 1, "threshold": 0.5, "thresholdFrom": "a test"},
        }
    ),
    teacher="small.onnx",
    teacher_scale=1.0,
    steps=(300, 600, 200),
    batch=16,
)
BRIEF = replace(PLAN, steps=(6, 6, 4))


def write_teacher(path: Path) -> None:
    """A network with the operators of the published ones, as their exporter wrote them, of random weights."""
    rng = np.random.default_rng(5)
    nodes, weights = [], {}

    def add(op: str, inputs: list[str], *arrays: np.ndarray, **attributes: object) -> str:
        name = f"t{len(nodes)}"
        given = list(inputs)
        for n, array in enumerate(arrays):
            weights[f"{name}_{n}"] = array.astype(np.float32)
            given.append(f"{name}_{n}")
        nodes.append(helper.make_node(op, given, [name], **attributes))
        return name

    def conv(x: str, before: int, after: int, kernel: int, *, stride: int = 1, pad: int = 0, groups: int = 1) -> str:
        scale = (2.0 / (before // groups * kernel * kernel)) ** 0.5
        kernels = rng.normal(0, scale, (after, before // groups, kernel, kernel))
        bias = rng.normal(0, 0.05, after)
        return add(
            "Conv", [x], kernels, bias, strides=[stride] * 2, pads=[pad] * 4, group=groups, kernel_shape=[kernel] * 2
        )

    def act(x: str, channels: int) -> str:
        return add("PRelu", [x], rng.uniform(-0.1, 0.1, (channels, 1, 1)))

    def bottleneck(x: str, before: int, inner: int, width: int, stride: int) -> str:
        x = act(conv(x, before, inner, 1), inner)
        x = act(conv(x, inner, inner, 3, stride=stride, pad=1, groups=inner), inner)
        return conv(x, inner, width, 1)

    x = act(conv("input", 3, 8, 3, stride=2, pad=1), 8)
    x = act(conv(x, 8, 8, 3, pad=1, groups=8), 8)
    x = bottleneck(x, 8, 8, 8, 2)
    y = bottleneck(x, 8, 8, 8, 1)
    gate = add("Relu", [conv(add("GlobalAveragePool", [y]), 8, 4, 1)])
    gate = add("Sigmoid", [conv(gate, 4, 8, 1)])
    x = add("Add", [x, add("Mul", [y, gate])])
    x = bottleneck(x, 8, 16, 8, 2)
    x = act(conv(x, 8, 16, 1), 16)
    x = conv(x, 16, 16, 2, groups=16)
    x = add("Flatten", [x])
    x = add("MatMul", [x], rng.normal(0, 0.3, (16, 12)))
    x = add(
        "BatchNormalization",
        [x],
        rng.uniform(0.5, 1.5, 12),
        rng.normal(0, 0.1, 12),
        rng.normal(0, 0.1, 12),
        rng.uniform(0.5, 1.5, 12),
        epsilon=1e-5,
    )
    weights["last"] = rng.normal(0, 0.5, (12, 3)).astype(np.float32)
    nodes.append(helper.make_node("MatMul", [x, "last"], ["output"]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teachers") / PLAN.teacher
    write_teacher(path)
    return path


@pytest.fixture(scope="module")
def crops() -> Crops:
    rng = np.random.default_rng(6)
    smooth = rng.integers(0, 256, (192, 4, 4, 3), np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    blurred = np.stack([cv2.GaussianBlur(picture, (0, 0), 2.0) for picture in smooth])
    return Crops(blurred, np.array(["plain"] * 192), np.array(["nobody"] * 192))


def test_a_teacher_computes_what_its_onnx_file_says(teacher_file: Path, crops: Crops) -> None:
    teacher = PLAN.load_teacher(teacher_file.parent)
    session = libraries.inference_session(teacher_file.read_bytes())
    pixels = torch.from_numpy(crops.pixels[:4]).permute(0, 3, 1, 2).float()
    wanted = np.concatenate([session.run(None, {"input": one[None].numpy()})[0] for one in pixels])
    assert teacher(pixels).numpy() == pytest.approx(wanted, rel=1e-4, abs=1e-4 * float(np.abs(wanted).max()))


def test_a_contrast_is_the_first_output_minus_the_second(teacher_file: Path, crops: Crops) -> None:
    pixels = torch.from_numpy(crops.pixels[:4]).permute(0, 3, 1, 2).float()
    both = Teacher(teacher_file, pixel_scale=1.0, contrast=False)(pixels)
    one = Teacher(teacher_file, pixel_scale=1.0, contrast=True)(pixels)
    assert one[:, 0].numpy() == pytest.approx((both[:, 0] - both[:, 1]).numpy(), rel=1e-3)


def test_a_student_has_a_place_to_be_held_against_every_part_of_its_teacher(teacher_file: Path) -> None:
    teacher = PLAN.load_teacher(teacher_file.parent)
    shape = teacher.shape()
    assert shape.stem == 16  # half as wide again, in eights
    assert shape.blocks == SMALL.blocks
    assert (shape.head, shape.outputs, shape.last_map) == (16, 3, 2)
    pixels = torch.zeros(2, 3, SIDE, SIDE)
    given, branches = teacher.walk(pixels)
    student = Student(shape).eval()
    assert len(student) == len(branches)
    given[0] = student.scaled(pixels)
    for block, x, branch in zip(student, given, branches, strict=True):
        assert block.branch(x).shape == branch.shape


def test_another_network_is_no_teacher(tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    y = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    graph = helper.make_graph([helper.make_node("Relu", ["input"], ["output"])], "other", [x], [y])
    onnx.save(helper.make_model(graph), str(tmp_path / "other.onnx"))
    with pytest.raises(ModelError, match=r"other\.onnx is not built like a MiniFASNet"):
        Teacher(tmp_path / "other.onnx", pixel_scale=1.0, contrast=False)


def test_folding_changes_nothing(crops: Crops) -> None:
    torch.manual_seed(1)
    student = Student(SMALL)
    pixels = torch.from_numpy(crops.pixels[:32]).permute(0, 3, 1, 2).float()
    for _ in range(5):  # batch normalization with something to fold
        student(pixels)
    student.eval()
    before = student(pixels).detach()
    student.fold()
    assert student(pixels).detach().numpy() == pytest.approx(before.numpy(), abs=1e-5)


def test_equalizing_changes_nothing_but_the_size_of_channels(crops: Crops) -> None:
    torch.manual_seed(1)
    student = Student(SMALL)
    pixels = torch.from_numpy(crops.pixels[:32]).permute(0, 3, 1, 2).float()
    for _ in range(5):
        student(pixels)
    student.eval()
    student.fold()
    before = student(pixels).detach()
    student.equalize(pixels)
    assert student(pixels).detach().numpy() == pytest.approx(before.numpy(), rel=1e-3, abs=1e-5)
    peaks = student[0].first(student.scaled(pixels)).detach().amax((0, 2, 3))
    alive = peaks[peaks > 0]
    assert float(alive.max() / alive.min()) < 1.01


def test_quantizing_needs_folded_batch_normalization() -> None:
    with pytest.raises(ValueError, match="fold the batch normalization"):
        Student(SMALL).quantize()


@dataclass(frozen=True)
class Trained:
    """Live logits of the teacher and of both forms of the student; the int8 one and its ONNX file."""

    teacher: np.ndarray
    float32: np.ndarray
    int8: np.ndarray
    student: Student
    onnx: bytes


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Two wait for each other longer than networks this small run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(teacher_file: Path, crops: Crops) -> Trained:
    teacher = PLAN.load_teacher(teacher_file.parent)
    logits = [live_logits(teacher, PLAN, crops.pixels)]
    for student in distil(PLAN, teacher, crops, label_weight=0.0, seed=3):
        logits.append(live_logits(student, PLAN, crops.pixels))
        last = student
    return Trained(*logits, last, exported(last, PLAN))


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_a_student_comes_to_agree_with_its_teacher(trained: Trained) -> None:
    assert agreement(trained.float32, trained.teacher) > 0.8


def test_int8_loses_little_of_it(trained: Trained) -> None:
    assert agreement(trained.int8, trained.teacher) > agreement(trained.float32, trained.teacher) - 0.05


def test_the_exported_network_carries_its_ranges(trained: Trained, crops: Crops) -> None:
    operators = [node.op_type for node in onnx.load_from_string(trained.onnx).graph.node]
    # Stem 2, three bottlenecks, attention 2, head 2.
    assert operators.count("Conv") == 2 + 3 * 3 + 2 + 2
    assert operators.count("QuantizeLinear") > operators.count("Conv")
    session = libraries.inference_session(trained.onnx)
    pixels = torch.from_numpy(crops.pixels[:8]).permute(0, 3, 1, 2).float()
    got = np.concatenate([session.run(None, {"pixels": one[None].numpy()})[0] for one in pixels])
    wanted = trained.student(pixels).detach().numpy()
    # A value between two steps of a layer may fall either way.
    assert got == pytest.approx(wanted, abs=float(np.ptp(wanted)) / 20)


def test_the_same_seed_trains_the_same_student(teacher_file: Path, crops: Crops) -> None:
    def brief(seed: int) -> np.ndarray:
        students = distil(BRIEF, BRIEF.load_teacher(teacher_file.parent), crops, label_weight=0.0, seed=seed)
        return live_logits(next(students), BRIEF, crops.pixels)

    assert np.array_equal(brief(4), brief(4))
    assert not np.array_equal(brief(4), brief(5))


def test_labels_pull_the_live_logit_to_their_side(teacher_file: Path, crops: Crops) -> None:
    species = np.array(["bonafide"] * 96 + ["print_full"] * 96)
    labelled = Crops(crops.pixels, species, crops.subject)
    longer = replace(PLAN, steps=(20, 200, 4))
    gaps = []
    for weight in (0.0, 50.0):
        students = distil(longer, longer.load_teacher(teacher_file.parent), labelled, label_weight=weight, seed=3)
        logits = live_logits(next(students), longer, crops.pixels)
        gaps.append(logits[:96].mean() - logits[96:].mean())
    assert gaps[1] > gaps[0]
