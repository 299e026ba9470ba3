"""A network, written in TensorFlow with the channels last.

A value with four axes is held as (1, height, width, channels) where ONNX has (1, channels, height, width); all others
are held in ONNX's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edge.errors import ModelError
from edge.inference.convert import libraries
from edge.inference.convert.folding import EXPORT_AGAIN
from edge.inference.convert.network import Array, Network, Node, Quantized, normalization

_TO_HELD = (0, 2, 3, 1)
_TO_ONNX = (0, 3, 1, 2)
_LINEAR = ("MatMul", "Gemm", "BatchNormalization")


def rebuild(network: Network, *, prelu: str = "native", scale: Any = 1.0, offset: Any = 0.0) -> Callable[[Any], Any]:
    """A ``tf.function`` of (1, height, width, 3) float32.

    prelu: "native" for TFLite's PRELU; "split" for ``relu((1 - a) x) + a x``: PRELU of int8 tensors falls out of
    the XNNPACK delegate and cuts the graph into pieces.
    scale, offset: the network is given ``x * scale + offset``, so that the file can take the pixels themselves; one
    number each, or one per channel.
    Raises ModelError naming the first node that cannot be written.
    """
    tf = libraries.tensorflow()
    height, width = network.size
    plain = np.all(np.equal(scale, 1)) and np.all(np.equal(offset, 0))
    scale = scale if np.ndim(scale) == 0 else np.asarray(scale, np.float32)
    offset = offset if np.ndim(offset) == 0 else np.asarray(offset, np.float32)

    @tf.function(input_signature=[tf.TensorSpec([1, height, width, 3], tf.float32, name="image")], autograph=False)  # type: ignore[untyped-decorator]
    def function(image: Any) -> Any:
        builder = _Builder(tf, network, prelu)
        builder.values[network.input] = image if plain else image * scale + offset
        for node in network.nodes:
            builder.add(node)
        return builder.result()

    try:
        given = function.get_concrete_function().structured_outputs.shape
    except (ValueError, TypeError, KeyError, IndexError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"TensorFlow cannot build {network.name}: {reason}", remedy=EXPORT_AGAIN) from error
    if tuple(given) != network.shapes.get(network.output):
        raise ModelError(
            f"{network.name} gives {network.shapes.get(network.output)} and {tuple(given)} when rebuilt",
            remedy=EXPORT_AGAIN,
        )
    return function  # type: ignore[no-any-return]


class _Linear:
    """``x @ kernel + bias``, not applied yet: layers in a row without a nonlinearity become one, exactly."""

    def __init__(self, tf: Any, x: Any, kernel: Array, bias: Array) -> None:
        self.tf, self.x, self.kernel, self.bias = tf, x, kernel, bias

    def then(self, kernel: Array, bias: Array | float = 0.0) -> _Linear:
        return _Linear(self.tf, self.x, self.kernel @ kernel, self.bias @ kernel + bias)

    def applied(self) -> Any:
        return self.tf.matmul(self.x, self.kernel.astype(np.float32)) + self.bias.astype(np.float32)


class _Builder:
    """``values`` by their names in ONNX. One method for each operator, called with the node."""

    def __init__(self, tf: Any, network: Network, prelu: str) -> None:
        self.tf, self.network, self.prelu = tf, network, prelu
        self.constants = network.constants
        self.values: dict[str, Any] = {}

    def add(self, node: Node) -> None:
        handler = getattr(self, f"_{node.op.lower()}", None)
        if handler is None:
            raise self._refusal(node, "is not supported")
        if node.op not in _LINEAR:
            for name in node.inputs:
                if isinstance(self.values.get(name), _Linear):
                    self.values[name] = self.values[name].applied()
        self.values[node.output] = handler(node)

    def result(self) -> Any:
        """In ONNX's order of axes."""
        value = self.values[self.network.output]
        return self._as_onnx(value.applied() if isinstance(value, _Linear) else value)

    def _refusal(self, node: Node, what: str) -> ModelError:
        return ModelError(f"{self.network.name}: {node.op} {node.name} {what}", remedy=EXPORT_AGAIN)

    def _given(self, node: Node, position: int = 0) -> Any:
        name = node.inputs[position]
        if name not in self.values:
            raise self._refusal(node, f"takes a constant as its input {position + 1}")
        return self.values[name]

    def _constant(self, node: Node, position: int) -> Array | None:
        """None where the input is left out."""
        if len(node.inputs) <= position or not node.inputs[position]:
            return None
        value = self.constants.get(node.inputs[position])
        if value is None:
            raise self._refusal(node, f"takes a value that depends on the picture as its input {position + 1}")
        return value

    def _needed(self, node: Node, position: int) -> Array:
        value = self._constant(node, position)
        if value is None:
            raise self._refusal(node, f"lacks its input {position + 1}")
        return value

    def _as_onnx(self, value: Any) -> Any:
        return self._transposed(value, _TO_ONNX) if len(value.shape) == 4 else value

    def _as_held(self, value: Any) -> Any:
        return self._transposed(value, _TO_HELD) if len(value.shape) == 4 else value

    def _transposed(self, value: Any, order: Sequence[int]) -> Any:
        if tuple(order) == tuple(range(len(order))):
            return value
        if self._still(value, order):
            return self.tf.reshape(value, [value.shape[axis] for axis in order])
        return self.tf.transpose(value, order)

    def _still(self, value: Any, order: Sequence[int]) -> bool:
        """Whether such a transpose moves nothing in memory, as of 1 x 1 maps."""
        long = [axis for axis in order if value.shape[axis] != 1]
        return long == sorted(long)

    def _axis(self, node: Node, axis: int, rank: int) -> int:
        """Where an axis of ONNX lies in what is held."""
        if not -rank <= axis < rank:
            raise self._refusal(node, f"names axis {axis} of {rank}")
        axis %= rank
        return _TO_HELD.index(axis) if rank == 4 else axis

    def _shape(self, node: Node) -> tuple[int, ...]:
        shape = self.network.shapes.get(node.output)
        if shape is None:
            raise self._refusal(node, "gives a shape that depends on the picture")
        return shape

    def _fakequantize(self, node: Node) -> Any:
        assert node.quantized is not None  # noqa: S101 - such a node has one
        low, high = node.quantized.range()
        return self.tf.quantization.fake_quant_with_min_max_args(self._given(node), low, high)

    def _steps(self, node: Node, position: int) -> Quantized | None:
        return self.network.quantized.get(node.inputs[position])

    def _conv(self, node: Node) -> Any:
        tf, x, kernel = self.tf, self._given(node), self._needed(node, 1)
        steps = self._steps(node, 1)
        if kernel.ndim != 4:
            raise self._refusal(node, f"has {kernel.ndim - 2} dimensions; 2 are supported")
        group = node.attributes.get("group", 1)
        strides, dilations = self._pair(node, "strides"), self._pair(node, "dilations")
        size = [dilation * (edge - 1) + 1 for edge, dilation in zip(kernel.shape[2:], dilations, strict=True)]
        x, padding = self._padded(node, x, size, strides)
        if group == 1:
            y = tf.nn.conv2d(x, self._kernel(node, kernel, steps, (2, 3, 1, 0)), strides, padding, dilations=dilations)
        elif kernel.shape[1] == 1:
            if dilations != [1, 1] and strides != [1, 1]:
                raise self._refusal(node, "has strides and dilations at once")
            filters = self._kernel(node, kernel, steps, (2, 3, 1, 0))
            filters = (
                tf.reshape(filters, [*kernel.shape[2:], group, kernel.shape[0] // group])
                if steps
                else (kernel.transpose(2, 3, 0, 1).reshape(*kernel.shape[2:], group, -1))
            )
            y = tf.nn.depthwise_conv2d(x, filters, [1, *strides, 1], padding, dilations=dilations)
        elif steps is not None:
            raise self._refusal(node, f"has quantized weights in {group} groups")
        else:
            parts = zip(tf.split(x, group, 3), np.split(kernel, group), strict=True)
            y = tf.concat(
                [
                    tf.nn.conv2d(part, own.transpose(2, 3, 1, 0), strides, padding, dilations=dilations)
                    for part, own in parts
                ],
                3,
            )
        bias = self._constant(node, 2)
        return y if bias is None else tf.nn.bias_add(y, bias)

    def _kernel(self, node: Node, kernel: Array, steps: Quantized | None, order: tuple[int, ...]) -> Any:
        """Output channels last, as fake quantization by channel wants them."""
        held = kernel.transpose(order)
        if steps is None:
            return held
        if steps.axis is not None and order[-1] != steps.axis:
            raise self._refusal(node, f"has weights with scales along axis {steps.axis}")
        return self._quantized(held, steps)

    def _quantized(self, weights: Array, steps: Quantized) -> Any:
        quantization = self.tf.quantization
        if steps.axis is None:
            low, high = steps.range()
            return quantization.fake_quant_with_min_max_args(weights, low, high, narrow_range=True)
        reach = (steps.scale * steps.high).astype(np.float32)
        return quantization.fake_quant_with_min_max_vars_per_channel(weights, -reach, reach, narrow_range=True)

    def _pair(self, node: Node, name: str) -> list[int]:
        return [int(n) for n in node.attributes.get(name, [1, 1])]

    def _pads(self, node: Node, x: Any, size: Sequence[int], strides: Sequence[int]) -> list[int]:
        """Top, left, bottom, right."""
        kind = node.attributes.get("auto_pad", b"NOTSET").decode()
        if kind == "NOTSET":
            return [int(n) for n in node.attributes.get("pads", [0, 0, 0, 0])]
        if kind == "VALID":
            return [0, 0, 0, 0]
        before, after = [], []
        for length, window, stride in zip(x.shape[1:3], size, strides, strict=True):
            total = max((-(-length // stride) - 1) * stride + window - length, 0)
            small, large = total // 2, total - total // 2
            before.append(small if kind == "SAME_UPPER" else large)
            after.append(large if kind == "SAME_UPPER" else small)
        return [*before, *after]

    def _same(self, x: Any, size: Sequence[int], strides: Sequence[int], pads: Sequence[int]) -> bool:
        """Whether these pads are TensorFlow's SAME."""
        for axis in (0, 1):
            length, stride = x.shape[1 + axis], strides[axis]
            total = max((-(-length // stride) - 1) * stride + size[axis] - length, 0)
            if (pads[axis], pads[axis + 2]) != (total // 2, total - total // 2):
                return False
        return True

    def _padded(self, node: Node, x: Any, size: Sequence[int], strides: Sequence[int]) -> tuple[Any, str]:
        pads = self._pads(node, x, size, strides)
        if not any(pads):
            return x, "VALID"
        if min(pads) < 0:
            raise self._refusal(node, "has negative pads")
        if self._same(x, size, strides, pads):
            return x, "SAME"
        # TensorFlow's SAME pads an even input on one side only; ONNX says both.
        return self.tf.pad(x, [[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]]), "VALID"

    def _window(self, node: Node) -> tuple[Any, list[int], list[int]]:
        x, size, strides = self._given(node), list(node.attributes["kernel_shape"]), self._pair(node, "strides")
        if len(size) != 2 or self._pair(node, "dilations") != [1, 1]:
            raise self._refusal(node, "is not a plain window of 2 dimensions")
        return x, size, strides

    def _pooled(self, node: Node, value: Any) -> Any:
        if tuple(self._as_onnx_shape(value)) != self._shape(node):
            raise self._refusal(node, "rounds its size up (ceil_mode)")
        return value

    def _as_onnx_shape(self, value: Any) -> list[int]:
        return [value.shape[axis] for axis in _TO_ONNX]

    def _maxpool(self, node: Node) -> Any:
        x, size, strides = self._window(node)
        pads, padding = self._pads(node, x, size, strides), "VALID"
        if any(pads):
            if self._same(x, size, strides, pads):
                padding = "SAME"
            elif all(2 * pad <= window for pad, window in zip(pads, size * 2, strict=True)):
                # The rows mirrored in are within the window that reaches them: they never change its largest value.
                edges = [[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]]
                x = self.tf.pad(x, edges, mode="SYMMETRIC")
            else:
                raise self._refusal(node, "has pads of more than half its window")
        return self._pooled(node, self.tf.nn.max_pool2d(x, size, strides, padding))

    def _averagepool(self, node: Node) -> Any:
        x, size, strides = self._window(node)
        pads = self._pads(node, x, size, strides)
        if not any(pads):
            return self._pooled(node, self.tf.nn.avg_pool2d(x, size, strides, "VALID"))
        counted = bool(node.attributes.get("count_include_pad", 0))
        if not counted and self._same(x, size, strides, pads):
            return self._pooled(node, self.tf.nn.avg_pool2d(x, size, strides, "SAME"))
        edges = [[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]]
        mean = self._pooled(node, self.tf.nn.avg_pool2d(self.tf.pad(x, edges), size, strides, "VALID"))
        if counted:
            return mean
        inside = np.pad(np.ones(x.shape[1:3]), edges[1:3])
        windows = np.lib.stride_tricks.sliding_window_view(inside, size)[:: strides[0], :: strides[1]]
        return mean * (1 / windows.mean((2, 3)))[None, :, :, None].astype(np.float32)

    def _globalaveragepool(self, node: Node) -> Any:
        return self.tf.reduce_mean(self._given(node), [1, 2], keepdims=True)

    def _globalmaxpool(self, node: Node) -> Any:
        return self.tf.reduce_max(self._given(node), [1, 2], keepdims=True)

    def _axes(self, node: Node) -> list[int] | None:
        axes = node.attributes.get("axes")
        if axes is None:
            given = self._constant(node, 1)
            axes = None if given is None else given.tolist()
        return axes

    def _reducemean(self, node: Node) -> Any:
        x, axes = self._given(node), self._axes(node)
        rank = len(x.shape)
        keep = bool(node.attributes.get("keepdims", 1))
        held = [self._axis(node, a, rank) for a in (axes if axes is not None else range(rank))]
        mean = self.tf.reduce_mean(x, sorted(held), keepdims=True)
        return mean if keep else self._reshaped(node, mean)

    def _reshaped(self, node: Node, x: Any) -> Any:
        shape = self._shape(node)
        if int(np.prod(x.shape)) != int(np.prod(shape)):
            raise self._refusal(node, "changes the number of values")
        if len(shape) == 4 and len(x.shape) == 4 and tuple(self._as_onnx_shape(x)) == shape:
            return x
        value = x if len(x.shape) == 4 and self._still(x, _TO_ONNX) else self._as_onnx(x)
        return self._as_held(self.tf.reshape(value, [1, -1] if len(shape) == 2 and shape[0] == 1 else shape))

    def _reshape(self, node: Node) -> Any:
        return self._reshaped(node, self._given(node))

    _flatten = _squeeze = _unsqueeze = _reshape

    def _transpose(self, node: Node) -> Any:
        x = self._given(node)
        rank = len(x.shape)
        order = [int(n) for n in node.attributes.get("perm", range(rank)[::-1])]
        if rank != 4:
            return self._transposed(x, order)
        return self._transposed(x, [_TO_HELD.index(order[a]) for a in _TO_HELD])

    def _concat(self, node: Node) -> Any:
        values = [self._operand(node, position, None) for position in range(len(node.inputs))]
        return self.tf.concat(values, self._axis(node, int(node.attributes["axis"]), len(values[0].shape)))

    def _pad(self, node: Node) -> Any:
        x, mode = self._given(node), node.attributes.get("mode", b"constant").decode()
        rank = len(x.shape)
        pads = node.attributes.get("pads")
        if pads is None:
            pads = self._needed(node, 1).tolist()
        axes = self._constant(node, 3)
        named = list(range(rank)) if axes is None else [int(a) % rank for a in axes]
        edges = [[0, 0]] * rank
        for position, axis in enumerate(named):
            edges[self._axis(node, axis, rank)] = [int(pads[position]), int(pads[position + len(named)])]
        if min(min(edge) for edge in edges) < 0 or mode not in {"constant", "reflect"}:
            raise self._refusal(node, f"pads in mode {mode} by {list(pads)}")
        if mode == "reflect":
            return self.tf.pad(x, edges, mode="REFLECT")
        value = self._constant(node, 2) if "value" not in node.attributes else np.array(node.attributes["value"])
        return self.tf.pad(x, edges, constant_values=0.0 if value is None else float(value.reshape(())))

    def _prelu_slope(self, node: Node, x: Any) -> Array:
        slope = self._needed(node, 1)
        if slope.size not in {1, x.shape[-1]}:
            raise self._refusal(node, f"has {slope.size} slopes for {x.shape[-1]} channels")
        return np.broadcast_to(slope.reshape(-1), (x.shape[-1],))

    def _prelu(self, node: Node) -> Any:
        tf, x = self.tf, self._given(node)
        slope = self._prelu_slope(node, x)
        if self.prelu == "split":
            if slope.max() <= 1:
                return tf.nn.relu(x * (1 - slope)) + x * slope
            return tf.nn.relu(x) * (1 - slope) + x * slope
        # In this very form the converter knows it for a PRELU.
        return tf.nn.relu(x) + (-slope.reshape([1] * (len(x.shape) - 2) + [-1])) * tf.nn.relu(-x)

    def _relu(self, node: Node) -> Any:
        return self.tf.nn.relu(self._given(node))

    def _leakyrelu(self, node: Node) -> Any:
        return self.tf.nn.leaky_relu(self._given(node), node.attributes.get("alpha", 0.01))

    def _sigmoid(self, node: Node) -> Any:
        return self.tf.sigmoid(self._given(node))

    def _tanh(self, node: Node) -> Any:
        return self.tf.tanh(self._given(node))

    def _hardsigmoid(self, node: Node) -> Any:
        alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
        # relu6 is one operator with the sum before it, a clip to 0..1 is two.
        gate = self.tf.nn.relu6(self._given(node) * (6 * alpha) + 6 * beta)
        if self.network.carries_ranges:
            gate = self.tf.quantization.fake_quant_with_min_max_args(gate, 0, 6)
        return gate * (1 / 6)

    def _hardswish(self, node: Node) -> Any:
        x = self._given(node)
        return x * self.tf.nn.relu6(x + 3) * (1 / 6)  # the form that the converter knows for HARD_SWISH

    def _clip(self, node: Node) -> Any:
        x = self._given(node)
        limits = [node.attributes.get(name) for name in ("min", "max")]
        for position, limit in enumerate(limits):
            given = self._constant(node, position + 1)
            if limit is None and given is not None:
                limits[position] = float(given.reshape(()))
        low = -np.inf if limits[0] is None else float(limits[0])
        high = np.inf if limits[1] is None else float(limits[1])
        if (low, high) == (0, 6):
            return self.tf.nn.relu6(x)
        if low == 0:
            x, low = self.tf.nn.relu(x), -np.inf
        if low > np.finfo(np.float32).min:
            x = self.tf.maximum(x, np.float32(low))
        return self.tf.minimum(x, np.float32(high)) if high < np.finfo(np.float32).max else x

    def _softmax(self, node: Node) -> Any:
        x = self._given(node)
        axis = self._axis(node, int(node.attributes.get("axis", -1)), len(x.shape))
        if axis != len(x.shape) - 1:
            raise self._refusal(node, "does not go over the classes or channels")
        return self.tf.nn.softmax(x)

    def _operand(self, node: Node, position: int, rank: int | None) -> Any:
        """A value, or a constant in the order of axes of a value with ``rank`` axes."""
        name = node.inputs[position]
        if name in self.values:
            return self.values[name]
        constant = self._needed(node, position).astype(np.float32)
        if rank is None:
            raise self._refusal(node, "takes a constant")
        if rank == 4:
            constant = constant.reshape((1,) * (4 - constant.ndim) + constant.shape).transpose(_TO_HELD)
            if constant.shape[:3] == (1, 1, 1):
                constant = constant.reshape(-1)
        return constant

    def _both(self, node: Node) -> tuple[Any, Any]:
        ranks = [len(self.values[name].shape) for name in node.inputs if name in self.values]
        if len(set(ranks)) > 1:
            raise self._refusal(node, f"takes values with {ranks[0]} and {ranks[1]} axes")
        if any(len(self._needed(node, p).shape) > ranks[0] for p in (0, 1) if node.inputs[p] not in self.values):
            raise self._refusal(node, "takes a constant with more axes than its value")
        first, second = (self._operand(node, position, ranks[0]) for position in (0, 1))
        return first, second

    def _add(self, node: Node) -> Any:
        first, second = self._both(node)
        return first + second

    def _sub(self, node: Node) -> Any:
        first, second = self._both(node)
        return first - second

    def _mul(self, node: Node) -> Any:
        first, second = self._both(node)
        return first * second

    def _div(self, node: Node) -> Any:
        if node.inputs[1] in self.values:
            raise self._refusal(node, "divides by a value that depends on the picture")
        first, second = self._both(node)
        return first * (1 / second)  # TFLite has no division of int8 tensors

    def _linear(self, node: Node) -> _Linear:
        value = self._given(node)
        if isinstance(value, _Linear):
            return value
        if len(value.shape) != 2:
            raise self._refusal(node, f"takes a value with {len(value.shape)} axes; 2 are supported")
        return _Linear(self.tf, value, np.eye(value.shape[1]), np.zeros(value.shape[1]))

    def _dense(self, node: Node, kernel: Array, steps: Quantized | None, bias: Array | None) -> Any:
        if steps is None:
            return self._linear(node).then(kernel, 0.0 if bias is None else bias)
        x = self._given(node)
        y = self.tf.matmul(x.applied() if isinstance(x, _Linear) else x, self._quantized(kernel, steps))
        return y if bias is None else y + bias.astype(np.float32)

    def _matmul(self, node: Node) -> Any:
        kernel, steps = self._needed(node, 1), self._steps(node, 1)
        if kernel.ndim != 2:
            raise self._refusal(node, f"has weights with {kernel.ndim} axes")
        if steps is not None and steps.axis == 0:
            raise self._refusal(node, "has weights with scales along its inputs")
        return self._dense(node, kernel, steps, None)

    def _gemm(self, node: Node) -> Any:
        kernel, steps = self._needed(node, 1), self._steps(node, 1)
        alpha, beta = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
        if node.attributes.get("transA", 0):
            raise self._refusal(node, "transposes its value")
        turned = bool(node.attributes.get("transB", 0))
        if steps is not None and (alpha != 1 or steps.axis == (1 if turned else 0)):
            raise self._refusal(node, "has quantized weights with a factor, or with scales along its inputs")
        bias = self._constant(node, 2)
        held = kernel.T if turned else kernel
        return self._dense(node, held if alpha == 1 else held * alpha, steps, None if bias is None else bias * beta)

    def _batchnormalization(self, node: Node) -> Any:
        factor, offset = normalization(self.network, node)
        value = self._given(node)
        if isinstance(value, _Linear) or len(value.shape) == 2:
            return self._linear(node).then(np.diag(factor), offset)
        if len(value.shape) != 4:
            raise self._refusal(node, f"takes a value with {len(value.shape)} axes")
        return value * factor.astype(np.float32) + offset.astype(np.float32)
