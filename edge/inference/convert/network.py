"""An ONNX network, read into a form that holds nothing which cannot be converted.

Batch 1, shapes known, constants worked out, BatchNormalization folded into the convolution before it, and each pair
of QuantizeLinear and DequantizeLinear one FakeQuantize node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.inference.convert import libraries
from edge.inference.convert.folding import EXPORT_AGAIN, FOLDED, fold_constants, initializers

Array = NDArray[Any]

FAKE_QUANTIZE = "FakeQuantize"
COMPUTED = frozenset(
    {
        "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "Div", "Flatten", "Gemm",
        "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish", "LeakyRelu", "MatMul", "MaxPool", "Mul",
        "PRelu", "Pad", "ReduceMean", "Relu", "Reshape", "Sigmoid", "Softmax", "Squeeze", "Sub", "Tanh",
        "Transpose", "Unsqueeze",
    }
)  # fmt: skip
"""Operators on values that depend on the picture; ``edge.inference.convert.rebuild`` has one method for each."""

_ALIASES = frozenset({"Identity", "Dropout"})
_MOST_BYTES = 512 * 2**20
_MOST_NODES = 5000
_INT8_LIMITS = {"uint8": (0, 255), "int8": (-128, 127)}


@dataclass(frozen=True)
class Quantized:
    """Eight-bit steps: real = (stored - zero_point) * scale, stored within ``low`` and ``high``.

    scale: float64, one number, or one for each index along ``axis``.
    """

    scale: Array
    zero_point: int
    low: int
    high: int
    axis: int | None = None

    @property
    def per_channel(self) -> bool:
        """Several scales."""
        return self.scale.size > 1

    def range(self) -> tuple[float, float]:
        """Smallest and largest real value, of one scale."""
        scale = float(self.scale.reshape(()))
        return (self.low - self.zero_point) * scale, (self.high - self.zero_point) * scale


@dataclass(frozen=True)
class Node:
    """One operator. ``quantized`` belongs to FakeQuantize and is None elsewhere."""

    op: str
    name: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    quantized: Quantized | None = None


@dataclass(frozen=True)
class Network:
    """A network with one picture as its input, (1, 3, height, width) float32, and one output.

    source: the ONNX file's content, for onnxruntime; names of values there are names of values here.
    constants: float32 or int64, in ONNX's order of axes. quantized: of those which are weights in eight bits; their
    values already lie on the steps.
    shapes: of every value, in ONNX's order of axes, batch 1.
    """

    name: str
    source: bytes
    input: str
    output: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    quantized: Mapping[str, Quantized]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.shapes[self.input][2], self.shapes[self.input][3]

    @property
    def carries_ranges(self) -> bool:
        """Whether it was trained or exported with QuantizeLinear and DequantizeLinear."""
        return bool(self.quantized) or any(node.op == FAKE_QUANTIZE for node in self.nodes)

    def users(self) -> dict[str, list[Node]]:
        """The nodes that take each value or constant."""
        used: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                used.setdefault(name, []).append(node)
        return used


def read_network(path: Path) -> Network:
    """Raises ModelError: unreadable, damaged, not one picture in and one output, or with unsupported operators."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", remedy="check the path") from error
    if len(content) > _MOST_BYTES:
        raise ModelError(f"{path} is larger than {_MOST_BYTES // 2**20} MB", remedy="give a small network")
    return network_from(content, path.name)


def network_from(content: bytes, name: str) -> Network:
    """``name`` is what errors call it. Raises ModelError as ``read_network`` does."""
    model = _parsed(content, name)
    graph = model.graph
    _refuse_foreign(graph, name)
    given, result = _ends(graph, name)
    _fix_batch(graph, given)
    source = model.SerializeToString()
    shapes = fold_constants(model, name)
    network = _Reader(model, name, given, result, shapes).network(source)
    return _without_unused(_folded_normalization(network))


def _parsed(content: bytes, name: str) -> Any:
    onnx = libraries.onnx()
    try:
        model = onnx.load_model_from_string(content)
        elsewhere = any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer)
        if not elsewhere:
            onnx.checker.check_model(model)
    except Exception as error:  # the parser, the checker and protobuf have families of their own
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{name} is not a sound ONNX file: {reason}", remedy=EXPORT_AGAIN) from error
    if elsewhere:
        raise ModelError(
            f"{name} keeps its weights in another file",
            remedy="save it as one file: onnx.save(onnx.load(…), …, save_as_external_data=False)",
        )
    if len(model.graph.node) > _MOST_NODES:
        raise ModelError(f"{name} has {len(model.graph.node)} nodes", remedy="give a small network")
    return model


def _refuse_foreign(graph: Any, name: str) -> None:
    known = COMPUTED | FOLDED | _ALIASES | {"QuantizeLinear", "DequantizeLinear", "Shape"}
    foreign = Counter(
        f"{node.domain}.{node.op_type}" if node.domain not in {"", "ai.onnx"} else node.op_type
        for node in graph.node
        if node.op_type not in known or node.domain not in {"", "ai.onnx"}
    )
    if not foreign:
        return
    named = ", ".join(f"{op} ({count})" for op, count in sorted(foreign.items()))
    quantized = any(op.startswith(("QLinear", "com.microsoft.QLinear")) for op in foreign)
    raise ModelError(
        f"{name} has operators that cannot be converted: {named}",
        remedy="export the quantized network with QuantizeLinear and DequantizeLinear (QDQ)"
        if quantized
        else "take them out before exporting, or write them with: " + ", ".join(sorted(COMPUTED)),
    )


def _ends(graph: Any, name: str) -> tuple[str, str]:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ModelError(
            f"{name} has {len(inputs)} inputs and {len(graph.output)} outputs",
            remedy="export it with one picture as input and one output",
        )
    kind = inputs[0].type.tensor_type
    shape = [d.dim_value for d in kind.shape.dim]
    if len(shape) != 4 or shape[0] not in {0, 1} or shape[1] != 3 or min(shape[2:]) < 1 or kind.elem_type != 1:
        shown = " x ".join(str(d.dim_value or d.dim_param or "?") for d in kind.shape.dim)
        raise ModelError(
            f"{name} takes {shown}, element type {kind.elem_type}",
            remedy="export it for float32 pictures of 1 x 3 x height x width, height and width fixed",
        )
    return inputs[0].name, graph.output[0].name


def _fix_batch(graph: Any, given: str) -> None:
    for value in graph.input:
        if value.name == given:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    # What was written down for another batch would contradict.
    del graph.value_info[:]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")


class _Reader:
    """Goes through the nodes once, in order."""

    def __init__(self, model: Any, name: str, given: str, result: str, shapes: dict[str, tuple[int, ...]]) -> None:
        self.onnx = libraries.onnx()
        self.model, self.name, self.given, self.result, self.shapes = model, name, given, result, shapes
        self.constants: dict[str, Array] = initializers(model, name)
        self.known = {given, *self.constants}
        self.alias: dict[str, str] = {}
        self.stored: dict[str, tuple[str, Quantized]] = {}
        self.quantized: dict[str, Quantized] = {}
        self.nodes: list[Node] = []

    def network(self, source: bytes) -> Network:
        for proto in self.model.graph.node:
            self._add(proto)
        result = self._named(self.result)
        if result in self.constants:
            raise ModelError(f"the output of {self.name} does not depend on its input", remedy=EXPORT_AGAIN)
        return Network(
            name=self.name,
            source=source,
            input=self.given,
            output=result,
            nodes=tuple(self.nodes),
            constants={n: _real(v) for n, v in self.constants.items()},
            quantized=self.quantized,
            shapes=self.shapes,
        )

    def _named(self, name: str) -> str:
        return self.alias.get(name, name)

    def _add(self, proto: Any) -> None:
        inputs = tuple(self._named(name) for name in proto.input)
        output = proto.output[0]
        unknown = [name for name in inputs if name and name not in self.known]
        if unknown:
            raise self._refusal(proto, f"takes {unknown[0]}, which nothing gives")
        self.known.add(output)
        constant = all(name in self.constants or not name for name in inputs)
        if proto.op_type in _ALIASES:
            self.alias[output] = inputs[0]
        elif proto.op_type == "Cast" and not constant:
            if _attributes(self.onnx, proto)["to"] != self.onnx.TensorProto.FLOAT:
                raise self._refusal(proto, "casts values to integers", "take the cast out")
            self.alias[output] = inputs[0]
        elif proto.op_type == "QuantizeLinear":
            self._quantize(proto, inputs, output)
        elif proto.op_type == "DequantizeLinear":
            self._dequantize(proto, inputs, output)
        elif constant and any(name in self.quantized for name in inputs):
            self._rearranged(proto, inputs, output)
        else:
            self._keep(proto, inputs, output)

    def _keep(self, proto: Any, inputs: tuple[str, ...], output: str) -> None:
        if proto.op_type not in COMPUTED:
            raise self._refusal(proto, "depends on the picture", f"{proto.op_type} is known for constants only")
        if any(name in self.stored for name in inputs):
            raise self._refusal(proto, "takes integers", "put DequantizeLinear behind each QuantizeLinear")
        if sum(bool(name) for name in proto.output) > 1:
            raise self._refusal(proto, "has several outputs", "export the network in evaluation mode")
        self.nodes.append(Node(proto.op_type, proto.name or output, inputs, output, _attributes(self.onnx, proto)))

    def _rearranged(self, proto: Any, inputs: tuple[str, ...], output: str) -> None:
        """Weights in eight bits keep their steps under a transpose."""
        have = self.quantized.get(inputs[0])
        if proto.op_type != "Transpose" or have is None:
            raise self._refusal(proto, "works on quantized weights", "put QuantizeLinear behind it")
        value = self.constants[inputs[0]]
        order = tuple(_attributes(self.onnx, proto).get("perm", reversed(range(value.ndim))))
        self.constants[output] = value.transpose(order)
        axis = None if have.axis is None else order.index(have.axis)
        self.quantized[output] = replace(have, axis=axis)

    def _quantize(self, proto: Any, inputs: tuple[str, ...], output: str) -> None:
        steps = self._steps(proto, inputs)
        if inputs[0] not in self.constants:
            self.stored[output] = (inputs[0], steps)
            return
        value = np.asarray(self.constants[inputs[0]], np.float64)
        stored = np.rint(value / _along(steps.scale, steps.axis, value.ndim)) + steps.zero_point
        self.constants[output] = np.clip(stored, steps.low, steps.high).astype(np.int8 if steps.low < 0 else np.uint8)

    def _dequantize(self, proto: Any, inputs: tuple[str, ...], output: str) -> None:
        if inputs[0] in self.constants:
            self._dequantize_constant(proto, inputs, output)
            return
        if inputs[0] not in self.stored:
            raise self._refusal(proto, "takes values that are no integers", EXPORT_AGAIN)
        value, steps = self.stored[inputs[0]]
        back = self._steps(proto, inputs)
        if not _same(steps, back):
            raise self._refusal(proto, "has another scale or zero point than its QuantizeLinear", EXPORT_AGAIN)
        if steps.per_channel:
            raise self._refusal(proto, "quantizes values by channel", "quantize values with one scale")
        self.nodes.append(Node(FAKE_QUANTIZE, proto.name or output, (value,), output, quantized=steps))

    def _dequantize_constant(self, proto: Any, inputs: tuple[str, ...], output: str) -> None:
        stored = self.constants[inputs[0]]
        scale = np.asarray(self.constants[inputs[1]], np.float64)
        axis = int(_attributes(self.onnx, proto).get("axis", 1)) % max(stored.ndim, 1) if scale.size > 1 else None
        zero = self.constants[inputs[2]] if len(inputs) > 2 and inputs[2] else np.zeros(1, stored.dtype)
        real = (stored.astype(np.float64) - _along(zero.astype(np.float64), axis, stored.ndim)) * _along(
            scale, axis, stored.ndim
        )
        self.constants[output] = real.astype(np.float32)
        if stored.dtype == np.int32:  # a bias: the converter makes it anew from the two scales
            return
        if stored.dtype != np.int8 or zero.any():
            raise self._refusal(
                proto,
                f"has weights in {stored.dtype} with a zero point of {zero.ravel()[0]}",
                "quantize weights to int8 with zero point 0",
            )
        self.quantized[output] = Quantized(
            scale.reshape(-1) if axis is not None else scale.reshape(()), 0, -127, 127, axis
        )

    def _steps(self, proto: Any, inputs: tuple[str, ...]) -> Quantized:
        missing = [name for name in inputs[1:] if name and name not in self.constants]
        if missing or len(inputs) < 2:
            raise self._refusal(proto, "has a scale that depends on the picture", "freeze the ranges before exporting")
        scale = np.asarray(self.constants[inputs[1]], np.float64)
        zero = self.constants[inputs[2]] if len(inputs) > 2 and inputs[2] else np.zeros(1, np.uint8)
        limits = _INT8_LIMITS.get(zero.dtype.name)
        if limits is None or scale.ndim > 1 or not np.isfinite(scale).all() or (scale <= 0).any():
            raise self._refusal(
                proto, f"quantizes to {zero.dtype} with scale {scale.ravel()[:3]}", "quantize to int8 or uint8"
            )
        if scale.size > 1 and zero.any():
            raise self._refusal(proto, "has a zero point for each channel", "quantize weights with zero point 0")
        axis = int(_attributes(self.onnx, proto).get("axis", 1)) if scale.size > 1 else None
        shape = self.shapes.get(inputs[0]) or self.constants.get(inputs[0], np.zeros(())).shape
        if axis is not None:
            axis %= max(len(shape), 1)
        return Quantized(
            scale.reshape(-1) if axis is not None else scale.reshape(()), int(zero.ravel()[0]), *limits, axis
        )

    def _refusal(self, proto: Any, what: str, remedy: str = EXPORT_AGAIN) -> ModelError:
        return ModelError(f"{self.name}: {proto.op_type} {proto.name or proto.output[0]} {what}", remedy=remedy)


def _attributes(onnx: Any, proto: Any) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}


def _along(values: Array, axis: int | None, rank: int) -> Array:
    if axis is None:
        return values.reshape(-1)[0] if values.size == 1 else values
    return values.reshape([-1 if a == axis else 1 for a in range(rank)])


def _same(a: Quantized, b: Quantized) -> bool:
    return (a.zero_point, a.low, a.high) == (b.zero_point, b.low, b.high) and np.array_equal(a.scale, b.scale)


def _real(value: Array) -> Array:
    return value.astype(np.float32) if value.dtype.kind == "f" else value


def _folded_normalization(network: Network) -> Network:
    """BatchNormalization into the convolution whose output nobody else takes: the same function, one step less."""
    users = network.users()
    made_by = {node.output: node for node in network.nodes}
    constants = dict(network.constants)
    changed: dict[str, Node] = {}
    gone: set[str] = set()
    for node in network.nodes:
        before = made_by.get(node.inputs[0]) if node.op == "BatchNormalization" else None
        if before is None or before.op != "Conv" or len(users[before.output]) > 1:
            continue
        if before.inputs[1] not in constants:
            continue
        if before.inputs[1] in network.quantized:
            raise ModelError(
                f"{network.name}: BatchNormalization {node.name} follows a convolution with quantized weights",
                remedy="fold it into the convolution before the weights are quantized",
            )
        factor, offset = normalization(network, node)
        kernel = constants[before.inputs[1]]
        bias = constants[before.inputs[2]] if len(before.inputs) > 2 and before.inputs[2] else np.zeros(len(factor))
        names = (f"{node.output}.kernel", f"{node.output}.bias")
        constants[names[0]] = (kernel * factor[:, None, None, None]).astype(np.float32)
        constants[names[1]] = (bias * factor + offset).astype(np.float32)
        gone.add(before.output)
        changed[node.output] = replace(before, inputs=(before.inputs[0], *names), output=node.output)
    nodes = tuple(changed.get(node.output, node) for node in network.nodes if node.output not in gone)
    return replace(network, nodes=nodes, constants=constants)


def normalization(network: Network, node: Node) -> tuple[Array, Array]:
    """BatchNormalization as ``x * factor + offset``, float64, one of each by channel."""
    gamma, beta, mean, variance = (network.constants[name].astype(np.float64) for name in node.inputs[1:5])
    factor = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return factor, beta - mean * factor


def _without_unused(network: Network) -> Network:
    """Without nodes and constants that the output does not need."""
    needed = {network.output}
    nodes: list[Node] = []
    for node in reversed(network.nodes):
        if node.output in needed:
            nodes.append(node)
            needed.update(node.inputs)
    return replace(
        network,
        nodes=tuple(reversed(nodes)),
        constants={name: value for name, value in network.constants.items() if name in needed},
        quantized={name: steps for name, steps in network.quantized.items() if name in needed},
    )
