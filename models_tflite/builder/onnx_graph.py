"""A small ONNX graph, rebuilt in TensorFlow with the channels last.

Knows the operators of the MobileFaceNet family and no others. Needs tensorflow and onnx.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper


def rebuild(
    path: Path,
    *,
    prelu: str = "native",
    scale: float = 1.0,
    offset: float = 0.0,
) -> tuple[Callable[[Any], Any], tuple[int, int]]:
    """The network as a function of (1, height, width, 3) float32, and (height, width).

    prelu: "native" for TFLite's PRELU; "split" for ``relu((1 - a) x) + a x``: PRELU of int8 tensors falls out of
    the XNNPACK delegate and cuts the graph into pieces.
    scale, offset: the network is given ``x * scale + offset``, so that the file can take the pixels themselves.
    """
    model = onnx.load(str(path))
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    _, channels, height, width = (d.dim_value for d in graph.input[0].type.tensor_type.shape.dim)
    if channels != 3:
        raise ValueError(f"{path.name} takes {channels} channels")
    build = _Builder(weights, prelu)

    @tf.function(input_signature=[tf.TensorSpec([1, height, width, 3], tf.float32, name="image")], autograph=False)
    def network(image: Any) -> Any:
        values: dict[str, Any] = {graph.input[0].name: image * scale + offset if (scale, offset) != (1, 0) else image}
        for node in graph.node:
            build.add(node, values)
        result = values[graph.output[0].name]
        return result.applied() if isinstance(result, _Linear) else result

    return network, (height, width)


_LINEAR = ("MatMul", "BatchNormalization")


class _Linear:
    """``x @ kernel + bias``, not applied yet: layers in a row without a nonlinearity become one, exactly."""

    def __init__(self, x: Any, kernel: np.ndarray, bias: np.ndarray) -> None:
        self.x, self.kernel, self.bias = x, kernel, bias

    def then(self, kernel: np.ndarray, bias: np.ndarray | float = 0.0) -> _Linear:
        return _Linear(self.x, self.kernel @ kernel, self.bias @ kernel + bias)

    def applied(self) -> Any:
        return tf.matmul(self.x, self.kernel.astype(np.float32)) + self.bias.astype(np.float32)


class _Builder:
    def __init__(self, weights: dict[str, np.ndarray], prelu: str) -> None:
        self.weights = weights
        self.prelu = prelu

    def add(self, node: Any, values: dict[str, Any]) -> None:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        handler = getattr(self, f"_{node.op_type.lower()}", None)
        if handler is None:
            raise ValueError(f"operator {node.op_type} is not supported")
        if node.op_type not in _LINEAR:
            for name in node.input:
                if isinstance(values.get(name), _Linear):
                    values[name] = values[name].applied()
        result = handler(node.input, values, attributes)
        if result is not None:
            values[node.output[0]] = result

    def _conv(self, inputs: Any, values: dict[str, Any], attributes: dict[str, Any]) -> Any:
        x, kernel, bias = values[inputs[0]], self.weights[inputs[1]], self.weights[inputs[2]]
        strides, pads, group = attributes["strides"], attributes["pads"], attributes["group"]
        size = attributes["kernel_shape"]
        padding = "VALID"
        if any(pads):
            if strides == [1, 1] and pads == [size[0] // 2, size[1] // 2] * 2:
                padding = "SAME"
            else:
                # TensorFlow's SAME pads an even input on one side only; ONNX says both.
                x = tf.pad(x, [[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]])
        if group == 1:
            x = tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), strides, padding)
        elif group == kernel.shape[0] and kernel.shape[1] == 1:
            x = tf.nn.depthwise_conv2d(x, kernel.transpose(2, 3, 0, 1), [1, *strides, 1], padding)
        else:
            raise ValueError(f"convolution in {group} groups is not supported")
        return tf.nn.bias_add(x, bias)

    def _prelu(self, inputs: Any, values: dict[str, Any], _: dict[str, Any]) -> Any:
        x, slope = values[inputs[0]], self.weights[inputs[1]].reshape(-1)
        if self.prelu == "split":
            if slope.max() <= 1:
                return tf.nn.relu(x * (1 - slope)) + x * slope
            return tf.nn.relu(x) * (1 - slope) + x * slope
        # In this very form the converter knows it for a PRELU.
        return tf.nn.relu(x) + (-slope.reshape(1, 1, -1)) * tf.nn.relu(-x)

    def _relu(self, inputs: Any, values: dict[str, Any], _: dict[str, Any]) -> Any:
        return tf.nn.relu(values[inputs[0]])

    def _sigmoid(self, inputs: Any, values: dict[str, Any], _: dict[str, Any]) -> Any:
        return tf.sigmoid(values[inputs[0]])

    def _add(self, inputs: Any, values: dict[str, Any], _: dict[str, Any]) -> Any:
        return values[inputs[0]] + values[inputs[1]]

    def _mul(self, inputs: Any, values: dict[str, Any], _: dict[str, Any]) -> Any:
        return values[inputs[0]] * values[inputs[1]]

    def _globalaveragepool(self, inputs: Any, values: dict[str, Any], _: dict[str, Any]) -> Any:
        return tf.reduce_mean(values[inputs[0]], [1, 2], keepdims=True)

    def _matmul(self, inputs: Any, values: dict[str, Any], _: dict[str, Any]) -> Any:
        return _linear(values[inputs[0]], self.weights[inputs[1]].shape[0]).then(self.weights[inputs[1]])

    def _batchnormalization(self, inputs: Any, values: dict[str, Any], attributes: dict[str, Any]) -> Any:
        gamma, beta, mean, variance = (self.weights[name].astype(np.float64) for name in inputs[1:])
        factor = gamma / np.sqrt(variance + attributes["epsilon"])
        return _linear(values[inputs[0]], len(factor)).then(np.diag(factor), beta - mean * factor)

    def _reshape(self, inputs: Any, values: dict[str, Any], _: dict[str, Any]) -> Any:
        # The only reshape in these graphs flattens 1 x 1 maps, where the order of the axes does not matter.
        x = values[inputs[0]]
        if x.shape[1:3] != (1, 1):
            raise ValueError("only 1 x 1 maps are flattened")
        return tf.reshape(x, [1, -1])

    def _shape_of_flattening(self, *_: Any) -> None:
        """These four work out the shape that _reshape knows already."""

    _shape = _constant = _gather = _unsqueeze = _concat = _shape_of_flattening


def _linear(x: Any, size: int) -> _Linear:
    return x if isinstance(x, _Linear) else _Linear(x, np.eye(size), np.zeros(size))
