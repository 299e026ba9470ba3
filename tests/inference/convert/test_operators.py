"""Each operator, rebuilt in TensorFlow, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge.errors import ModelError
from edge.inference.convert import libraries
from edge.inference.convert.network import network_from
from edge.inference.convert.rebuild import rebuild
from tests.inference.convert.graphs import SIDE, model, network, node, random, run_onnx, skip_module_without_converter

skip_module_without_converter()


def same(content: bytes, *, prelu: str = "native", side: int = SIDE) -> np.ndarray:
    """Runs both, compares, returns what onnxruntime gives."""
    picture = random(1, 3, side, side, seed=7)
    wanted = run_onnx(content, picture)
    tf = libraries.tensorflow()
    got = rebuild(network_from(content, "small.onnx"), prelu=prelu)(tf.constant(picture.transpose(0, 2, 3, 1)))
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-4, atol=1e-5)
    return wanted


def i64(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CONVOLUTIONS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "of one pixel": ((8, 3, 1, 1), {}),
    "padded by half": ((8, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
    "strided and padded on both sides": ((8, 3, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    "padded on one side": ((8, 3, 3, 3), {"pads": [0, 0, 1, 1], "strides": [2, 2]}),
    "of an even window, padded": ((8, 3, 2, 2), {"pads": [1, 1, 1, 1]}),
    "dilated": ((8, 3, 3, 3), {"pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    "by channel": ((3, 1, 5, 5), {"group": 3, "pads": [2, 2, 2, 2]}),
    "by channel, two of each": ((6, 1, 3, 3), {"group": 3}),
    "of the whole map by channel": ((3, 1, SIDE, SIDE), {"group": 3}),
    "oblong": ((4, 3, 1, 7), {"pads": [0, 3, 0, 3]}),
    "with automatic pads above": ((4, 3, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "with automatic pads below": ((4, 3, 3, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    "with pads of nothing": ((4, 3, 3, 3), {"auto_pad": "VALID"}),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("biased", [True, False], ids=["biased", "unbiased"])
def test_a_convolution(kind, biased):
    shape, attributes = CONVOLUTIONS[kind]
    weights = {"w": random(*shape), "b": random(shape[0], seed=1)}
    inputs = ["picture", "w", "b"] if biased else ["picture", "w"]
    same(model([node("Conv", inputs, "result", **attributes)], weights if biased else {"w": weights["w"]}))


def test_a_convolution_in_groups():
    weights = {"w": random(6, 3, 1, 1), "v": random(8, 3, 3, 3)}
    same(model([node("Conv", ["picture", "w"], "x"), node("Conv", ["x", "v"], "result", group=2)], weights))


ON_MAPS: dict[str, Any] = {
    "Relu": {},
    "LeakyRelu": {"alpha": 0.3},
    "Sigmoid": {},
    "Tanh": {},
    "HardSigmoid": {"alpha": 1 / 6, "beta": 0.5},
    "HardSwish": {},
    "GlobalAveragePool": {},
    "GlobalMaxPool": {},
    "Identity": {},
    "Flatten": {},
    "Softmax": {"axis": 1},
}


@pytest.mark.parametrize("op", ON_MAPS)
def test_an_operator_on_maps(op):
    weights = {"w": random(5, 3, 3, 3)}
    same(model([node("Conv", ["picture", "w"], "x"), node(op, ["x"], "result", **ON_MAPS[op])], weights, opset=14))


POOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "largest": ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "largest, padded on both sides": ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "largest, padded by half": ("MaxPool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "mean": ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "mean without the pads": ("AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "mean, padded by half": ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "mean with the pads": (
        "AveragePool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    ),
}


@pytest.mark.parametrize("kind", POOLS)
def test_a_pool(kind):
    op, attributes = POOLS[kind]
    same(model([node(op, ["picture"], "result", **attributes)], {}))


def test_a_pool_that_rounds_up_is_refused():
    pool = node("MaxPool", ["picture"], "result", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    with pytest.raises(ModelError, match="ceil_mode"):
        rebuild(network([pool], {}))


@pytest.mark.parametrize("prelu", ["native", "split"])
@pytest.mark.parametrize("steepest", [0.5, 3.0])
def test_prelu_in_both_forms(prelu, steepest):
    weights = {"w": random(5, 3, 3, 3), "a": np.linspace(-0.2, steepest, 5, dtype=np.float32).reshape(5, 1, 1)}
    same(model([node("Conv", ["picture", "w"], "x"), node("PRelu", ["x", "a"], "result")], weights), prelu=prelu)


@pytest.mark.parametrize("limits", [(0, 6), (0, None), (None, 1), (-1, 1), (0, 1)])
def test_clip(limits):
    given = {n: np.float32(v) for n, v in zip(("low", "high"), limits, strict=True) if v is not None}
    inputs = ["picture", *(n if n in given else "" for n in ("low", "high"))]
    same(model([node("Clip", inputs, "result")], given))


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (3, 1, 1), (1, 3, 1, 1), (1, 1, SIDE, SIDE), (SIDE,)])
def test_arithmetic_with_a_constant(op, shape):
    constant = np.abs(random(*shape)) + np.float32(0.5)
    same(model([node(op, ["picture", "c"], "result")], {"c": constant}))


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
def test_arithmetic_on_two_values_and_a_constant_first(op):
    nodes = [node(op, ["c", "picture"], "x"), node(op, ["picture", "x"], "result")]
    same(model(nodes, {"c": random(3, 1, 1)}))


def test_division_by_a_value_is_refused():
    with pytest.raises(ModelError, match="Div Div_result divides by a value"):
        rebuild(network([node("Relu", ["picture"], "x"), node("Div", ["picture", "x"], "result")], {}))


def test_normalization_is_folded_into_the_convolution_before_it():
    statistics = {
        "g": random(4, seed=1) + 2, "s": random(4, seed=2), "m": random(4, seed=3), "v": np.abs(random(4, seed=4)) + 1
    }  # fmt: skip
    nodes = [
        node("Conv", ["picture", "w"], "x"),
        node("BatchNormalization", ["x", "g", "s", "m", "v"], "result", epsilon=1e-3),
    ]
    content = model(nodes, {"w": random(4, 3, 3, 3), **statistics})
    same(content)
    assert [n.op for n in network_from(content, "").nodes] == ["Conv"]


def test_normalization_of_maps_and_of_vectors():
    def statistics(n: int, name: str) -> dict[str, np.ndarray]:
        return {f"{name}{k}": np.abs(random(n, seed=i)) + np.float32(0.5) for i, k in enumerate("gsmv")}

    nodes = [
        node("BatchNormalization", ["picture", "ag", "as", "am", "av"], "x"),
        node("GlobalAveragePool", ["x"], "y"),
        node("Flatten", ["y"], "z"),
        node("MatMul", ["z", "w"], "p"),
        node("BatchNormalization", ["p", "bg", "bs", "bm", "bv"], "q"),
        node("Gemm", ["q", "u", "c"], "result", transB=1, alpha=0.5, beta=2.0),
    ]
    dense = {"w": random(3, 6), "u": random(2, 6), "c": random(2)}
    same(model(nodes, {**statistics(3, "a"), **statistics(6, "b"), **dense}))


@pytest.mark.parametrize("way", ["Flatten", "Reshape", "Shape"])
def test_maps_are_flattened_in_the_order_of_onnx(way):
    flat = {
        "Flatten": [node("Flatten", ["x"], "flat")],
        "Reshape": [node("Reshape", ["x", "to"], "flat")],
        # What PyTorch writes for x.view(x.size(0), -1).
        "Shape": [
            node("Shape", ["x"], "shape"),
            node("Gather", ["shape", "first"], "batch"),
            node("Unsqueeze", ["batch", "axis"], "one"),
            node("Concat", ["one", "rest"], "both", axis=0),
            node("Reshape", ["x", "both"], "flat"),
        ],
    }[way]
    constants = {"w": random(4, 3, 3, 3), "d": random(4 * 14 * 14, 2, scale=0.1)}
    constants |= {"to": i64(1, -1)} if way == "Reshape" else {}
    constants |= {"first": np.int64(0), "axis": i64(0), "rest": i64(-1)} if way == "Shape" else {}
    nodes = [node("Conv", ["picture", "w"], "x"), *flat, node("MatMul", ["flat", "d"], "result")]
    same(model(nodes, constants, batch="batch" if way == "Shape" else 1, result=("batch", 2)))


def test_axes_are_moved_joined_and_dropped():
    nodes = [
        node("Concat", ["picture", "picture"], "x", axis=1),
        node("Transpose", ["x"], "y", perm=[0, 2, 3, 1]),
        node("ReduceMean", ["y"], "z", axes=[1, 2], keepdims=0),
        node("Unsqueeze", ["z", "two"], "u"),
        node("Squeeze", ["u", "two"], "result"),
    ]
    same(model(nodes, {"two": i64(2)}))


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [1], [-1]])
def test_means_over_axes(axes, keep):
    same(model([node("ReduceMean", ["picture"], "result", axes=axes, keepdims=keep)], {}))


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_pads(mode):
    inputs = ["picture", "pads", "value"] if mode == "constant" else ["picture", "pads"]
    constants = {"pads": i64(0, 0, 1, 2, 0, 0, 3, 4)} | ({"value": np.float32(0.5)} if mode == "constant" else {})
    same(model([node("Pad", inputs, "result", mode=mode)], constants))


def test_softmax_over_classes():
    nodes = [node("GlobalAveragePool", ["picture"], "x"), node("Flatten", ["x"], "y"), node("Softmax", ["y"], "result")]
    assert same(model(nodes, {})).sum() == pytest.approx(1)


def test_constants_are_worked_out_where_they_stand():
    nodes = [
        node("Constant", [], "two", value_float=2.0),
        node("Mul", ["c", "two"], "twice"),
        node("Sub", ["twice", "c"], "once"),
        node("Mul", ["picture", "once"], "result"),
    ]
    content = model(nodes, {"c": random(3, 1, 1)})
    same(content)
    assert [n.op for n in network_from(content, "").nodes] == ["Mul"]


def test_scale_and_offset_become_part_of_the_network():
    content = model([node("Relu", ["picture"], "result")], {})
    pixels = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.float32)
    scale, offset = (0.02, 0.01, 0.03), (-2.0, -1.0, -3.0)
    got = rebuild(network_from(content, ""), scale=scale, offset=offset)(libraries.tensorflow().constant(pixels))
    fed = (pixels * np.float32(scale) + np.float32(offset)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(got.numpy(), run_onnx(content, fed), rtol=1e-5, atol=1e-5)
