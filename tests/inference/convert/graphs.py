"""Small ONNX networks, written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from edge.inference.convert import libraries
from edge.inference.convert.network import Network, network_from

needs_converter = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("tensorflow", "onnx", "onnxruntime")),
    reason="TensorFlow and ONNX are in the extra 'convert'",
)
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
    session = libraries.onnxruntime().InferenceSession(content, providers=["CPUExecutionProvider"])
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
