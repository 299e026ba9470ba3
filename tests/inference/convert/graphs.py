"""Small ONNX networks, written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from edge.inference.convert import libraries
from edge.inference.convert.network import Network, network_from
from tests.extras import missing, skip_module_without

_PACKAGES = ("tensorflow", "onnx", "onnxruntime")
needs_converter = pytest.mark.skipif(missing(*_PACKAGES), reason="TensorFlow and ONNX are in the extra 'convert'")


def skip_module_without_converter() -> None:
    """For modules whose every test needs it."""
    skip_module_without("convert", *_PACKAGES)


OPSET = 13
SIDE = 16

Arrays = Mapping[str, np.ndarray]


def node(op: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
    return libraries.onnx().helper.make_node(op, list(inputs), [output], name=f"{op}_{output}", **attributes)


def model(
    nodes: Sequence[Any],
    constants: Arrays,
    *,
    opset: int = OPSET,
    batch: int | str = 1,
    side: int = SIDE,
    result: Sequence[int | str] | None = None,
) -> bytes:
    """From ``picture`` to ``result``, whose shape is given where ONNX cannot infer it."""
    onnx = libraries.onnx()
    helper = onnx.helper
    graph = helper.make_graph(
        list(nodes),
        "network",
        [helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, [batch, 3, side, side])],
        [
            helper.make_empty_tensor_value_info("result")
            if result is None
            else helper.make_tensor_value_info("result", onnx.TensorProto.FLOAT, result)
        ],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    made.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return bytes(onnx.shape_inference.infer_shapes(made).SerializeToString())


def network(nodes: Sequence[Any], constants: Arrays, **how: Any) -> Network:
    return network_from(model(nodes, constants, **how), "small.onnx")


def run_onnx(content: bytes, picture: np.ndarray) -> np.ndarray:
    """picture: (1, 3, height, width) float32."""
    session = libraries.inference_session(content)
    return np.asarray(session.run(None, {"picture": picture})[0])


def random(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(np.float32)


def quantize(value: str, name: str, scale: float, zero_point: int = 0) -> tuple[list[Any], dict[str, np.ndarray]]:
    """A learned range: the pair of nodes that gives ``name`` from ``value``, and its constants."""
    constants = {f"{name}.scale": np.float32(scale), f"{name}.zero": np.uint8(zero_point)}
    steps = [f"{name}.scale", f"{name}.zero"]
    return [
        node("QuantizeLinear", [value, *steps], f"{name}.stored"),
        node("DequantizeLinear", [f"{name}.stored", *steps], name),
    ], constants


def quantized_weights(name: str, value: np.ndarray, *, per_channel: bool = True) -> tuple[list[Any], dict[str, Any]]:
    """int8 weights and the node that gives ``name`` from them, one scale for each output channel or one for all."""
    axes = tuple(range(1, value.ndim)) if per_channel else None
    scale = np.asarray(np.abs(value).max(axis=axes) / 127, np.float32)
    spread = scale.reshape((-1,) + (1,) * (value.ndim - 1)) if per_channel else scale
    stored = np.clip(np.rint(value / spread), -127, 127).astype(np.int8)
    constants = {f"{name}.stored": stored, f"{name}.scale": scale, f"{name}.zero": np.zeros_like(scale, np.int8)}
    names = [f"{name}.stored", f"{name}.scale", f"{name}.zero"]
    return [node("DequantizeLinear", names, name, **({"axis": 0} if per_channel else {}))], constants


class Graph:
    """Nodes and constants, written one after the other."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> Graph:
        self.nodes.append(node(op, inputs, output, **attributes))
        return self

    def range(self, value: str, name: str, low: float, high: float) -> Graph:
        scale = (high - low) / 255
        nodes, constants = quantize(value, name, scale, round(-low / scale))
        self.nodes += nodes
        self.constants |= constants
        return self

    def weights(self, name: str, value: np.ndarray, *, per_channel: bool = True) -> Graph:
        nodes, constants = quantized_weights(name, value, per_channel=per_channel)
        self.nodes += nodes
        self.constants |= constants
        return self

    def layer(self, name: str, given: str, weights: np.ndarray, **attributes: Any) -> Graph:
        """A convolution with its bias, without a range behind it."""
        self.weights(f"{name}.w", weights)
        self.constants[f"{name}.b"] = random(len(weights), seed=3, scale=0.1)
        return self.add("Conv", [given, f"{name}.w", f"{name}.b"], name, **attributes)

    def content(self) -> bytes:
        return model(self.nodes, self.constants)


def whole() -> Graph:
    """Of everything that a small PAD network is made of."""
    g = Graph().range("picture", "p", 0, 1)
    g.layer("c1", "p", random(8, 3, 3, 3, scale=0.6), pads=[1, 1, 1, 1], strides=[2, 2]).range("c1", "q1", -3, 3)
    slope = np.linspace(0.05, 0.5, 8, dtype=np.float32).reshape(8, 1, 1)
    g.constants |= {"a": slope, "rest": 1 - slope}
    g.add("Mul", ["q1", "rest"], "m1").add("Relu", ["m1"], "r1").range("r1", "q2", 0, 2.5)
    g.add("Mul", ["q1", "a"], "m2").range("m2", "q3", -1.2, 1.4)
    g.add("Add", ["q2", "q3"], "s1").range("s1", "q4", -1.2, 2.9)
    g.layer("c2", "q4", random(8, 1, 3, 3, seed=1, scale=0.4), group=8, pads=[1, 1, 1, 1])
    g.add("Relu", ["c2"], "r2").range("r2", "q5", 0, 2.7)
    g.layer("c3", "q5", random(8, 8, 1, 1, seed=2, scale=0.3)).range("c3", "q6", -2.1, 2.3)
    g.add("LeakyRelu", ["q6"], "l1", alpha=0.2).range("l1", "q7", -0.5, 2.3)
    g.add("Add", ["q4", "q7"], "s2").range("s2", "q8", -1.5, 4.2)
    g.add("GlobalAveragePool", ["q8"], "g1").range("g1", "q9", -0.4, 1.9)
    g.layer("e1", "q9", random(4, 8, 1, 1, seed=4, scale=0.5)).add("Relu", ["e1"], "r3").range("r3", "q10", 0, 1.7)
    g.layer("e2", "q10", random(8, 4, 1, 1, seed=5, scale=0.5)).range("e2", "q11", -1.6, 1.8)
    g.add("Sigmoid", ["q11"], "sg").range("sg", "q12", 0, 255 / 256)
    g.add("Mul", ["q8", "q12"], "m3").range("m3", "q13", -0.8, 2.6)
    g.add("MaxPool", ["q13"], "mp", kernel_shape=[2, 2], strides=[2, 2])
    g.layer("c4", "mp", random(8, 1, 4, 4, seed=6, scale=0.3), group=8).range("c4", "q14", -3.1, 3.4)
    g.add("Flatten", ["q14"], "f").weights("d.w", random(3, 8, seed=7, scale=0.5), per_channel=False)
    g.constants["d.b"] = random(3, seed=8, scale=0.2)
    return g.add("Gemm", ["f", "d.w", "d.b"], "d", transB=1).range("d", "result", -6.3, 6.4)
