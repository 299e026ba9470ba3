"""Cross-layer equalization before full int8 quantization (Nagel et al., arXiv 1906.04721).

One scale serves a whole activation tensor, so a channel with small values is left few steps. PReLU commutes with a
positive factor for each channel: what is divided out of a convolution's output channel is multiplied into the
depthwise convolution behind it, whose weights have a scale for each channel and lose nothing. The network stays the
same function.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

LEAST = 1 / 64


def equalize(source: Path, target: Path, crops: np.ndarray) -> int:
    """Write the equalized network; returns how many layers changed. crops: (n, height, width, 3), as it is fed."""
    model = onnx.load(str(source))
    weights = {t.name: numpy_helper.to_array(t).copy() for t in model.graph.initializer}
    made_by = {node.output[0]: node for node in model.graph.node}
    used_by: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            used_by.setdefault(name, []).append(node)
    chains = []
    for node in model.graph.node:
        after = used_by.get(node.output[0], [])
        if node.op_type == "PRelu" and len(after) == 1 and after[0].op_type == "Conv":
            before, behind = made_by[node.input[0]], after[0]
            depthwise = weights[behind.input[1]].shape[1] == 1
            if before.op_type == "Conv" and depthwise:
                chains.append((before, node.input[0], behind))
    peaks = _peaks(model, [name for _, name, _ in chains], crops)
    for before, name, behind in chains:
        factor = np.clip(peaks[name] / peaks[name].max(), LEAST, 1)
        weights[before.input[1]] /= factor[:, None, None, None]
        weights[before.input[2]] /= factor
        weights[behind.input[1]] *= factor[:, None, None, None]
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    onnx.save(model, str(target))
    return len(chains)


def _peaks(model: Any, names: list[str], crops: np.ndarray) -> dict[str, np.ndarray]:
    """Largest magnitude of each channel over the crops."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0].name
    peaks = {name: np.zeros(1, np.float32) for name in names}
    for crop in crops:
        values = session.run(None, {feed: crop.transpose(2, 0, 1)[None].astype(np.float32)})
        for name, value in zip(names, values, strict=True):
            peaks[name] = np.maximum(peaks[name], np.abs(value).max(axis=(0, 2, 3)))
    return peaks
