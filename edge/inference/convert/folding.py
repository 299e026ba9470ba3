"""What an ONNX graph works out from constants and from the shapes of its values, worked out once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.inference.convert import libraries

FOLDED = frozenset(
    {
        "Abs", "Add", "Cast", "Clip", "Concat", "Constant", "Div", "Exp", "Flatten", "Gather", "Identity", "Max", "Min",
        "Mul", "Neg", "Pow", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceSum", "Reshape", "Slice", "Sqrt",
        "Squeeze", "Sub", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
"""Operators that are known for constants. None of them makes much of little, as Expand or Tile would."""

EXPORT_AGAIN = "export it again; docs/models.md says what the converter takes"
_MOST_VALUES = 2**26
_FEW_VALUES = 4096


def fold_constants(model: Any, name: str) -> dict[str, tuple[int, ...]]:
    """Turns nodes of the ONNX model into initializers; returns the shapes of the values that are left.

    ``name`` is what errors call it. Raises ModelError where shapes do not fit or are beyond reason.
    """
    while True:
        shapes = _shapes(model, name)
        if not _fold_once(model, shapes, name):
            return shapes


def _fold_once(model: Any, shapes: dict[str, tuple[int, ...]], name: str) -> bool:
    from_array = libraries.onnx().numpy_helper.from_array
    constants = initializers(model, name)
    left = []
    for node in model.graph.node:
        if node.op_type == "Shape" and node.input[0] in shapes and not node.attribute:
            value = np.array(shapes[node.input[0]], np.int64)
        elif node.op_type in FOLDED and _harmless(node, constants, shapes):
            value = _evaluated(model, node, constants, name)
        else:
            left.append(node)
            continue
        constants[node.output[0]] = value
        model.graph.initializer.append(from_array(value, node.output[0]))
    if len(left) == len(model.graph.node):
        return False
    kept = [type(node).FromString(node.SerializeToString()) for node in left]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return True


def initializers(model: Any, name: str) -> dict[str, NDArray[Any]]:
    """The graph's constants by name. Raises ModelError where one is damaged."""
    to_array = libraries.onnx().numpy_helper.to_array
    try:
        return {tensor.name: to_array(tensor) for tensor in model.graph.initializer}
    except (ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{name} has damaged weights: {reason}", remedy=EXPORT_AGAIN) from error


def _harmless(node: Any, constants: dict[str, NDArray[Any]], shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether it takes constants only, and its result is of a size that was looked at or can only be small."""
    given = [name for name in node.input if name]
    if not all(name in constants for name in given):
        return False
    return node.output[0] in shapes or sum(constants[name].size for name in given) <= _FEW_VALUES


def _evaluated(model: Any, node: Any, constants: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    onnx = libraries.onnx()
    helper = onnx.helper
    used = {given: constants[given] for given in node.input if given}
    values = [
        helper.make_tensor_value_info(given, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for given, value in used.items()
    ]
    graph = helper.make_graph([node], "constant", values, [helper.make_empty_tensor_value_info(node.output[0])])
    try:
        alone = helper.make_model(graph, opset_imports=model.opset_import)
        return np.asarray(onnx.reference.ReferenceEvaluator(alone).run([node.output[0]], used)[0])
    except Exception as error:  # whatever an operator raises over its input
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{name}: {node.op_type} {node.name or node.output[0]} cannot be worked out: {reason}", remedy=EXPORT_AGAIN
        ) from error


def _shapes(model: Any, name: str) -> dict[str, tuple[int, ...]]:
    try:
        # Without propagation of data: that would unroll constants before anybody has looked at their size.
        graph = libraries.onnx().shape_inference.infer_shapes(model, check_type=True, strict_mode=True).graph
    except Exception as error:  # InferenceError, and what protobuf raises
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"the shapes in {name} do not fit together: {reason}", remedy=EXPORT_AGAIN) from error
    shapes = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dims):
            shapes[value.name] = tuple(d.dim_value for d in dims)
    for value_name, shape in shapes.items():
        if np.prod(shape, dtype=object) > _MOST_VALUES:
            raise ModelError(
                f"{value_name} in {name} would hold {' x '.join(map(str, shape))} numbers",
                remedy="give a small network",
            )
    return shapes
