"""Cross-layer equalization before full int8 quantization (Nagel et al., arXiv 1906.04721).

One scale serves a whole activation tensor, so a channel with small values is left few steps. ReLU, PReLU and leaky
ReLU commute with a positive factor for each channel: what is divided out of a convolution's output channel is
multiplied into the depthwise convolution behind it, whose weights have a scale for each channel and lose nothing. The
network stays the same function.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.inference.convert import libraries
from edge.inference.convert.network import Array, Network, Node

LEAST = 1 / 64
_HOMOGENEOUS = frozenset({"PRelu", "Relu", "LeakyRelu"})


def equalized(network: Network, crops: Array) -> Network:
    """The equalized network. crops: (n, height, width, 3), as it is fed."""
    chains = _chains(network)
    if not chains:
        return network
    constants = dict(network.constants)
    peaks = _peaks(network, [before.output for before, _ in chains], crops)
    for before, behind in chains:
        peak = peaks[before.output]
        if not peak.max() > 0:
            continue
        factor = np.clip(peak / peak.max(), LEAST, 1)
        kernel, bias, depthwise = before.inputs[1], before.inputs[2], behind.inputs[1]
        constants[kernel] = constants[kernel] / factor[:, None, None, None]
        constants[bias] = constants[bias] / factor
        constants[depthwise] = constants[depthwise] * factor[:, None, None, None]
    return replace(network, constants=constants)


def _chains(network: Network) -> list[tuple[Node, Node]]:
    """Convolutions with a depthwise one behind their nonlinearity, and nobody else looking at what is between."""
    users = network.users()
    made_by = {node.output: node for node in network.nodes}
    chains = []
    for node in network.nodes:
        before = made_by.get(node.inputs[0])
        behind = users.get(node.output, [])
        if node.op not in _HOMOGENEOUS or before is None or before.op != "Conv" or len(behind) != 1:
            continue
        if behind[0].op != "Conv" or len(users[before.output]) != 1 or len(before.inputs) < 3:
            continue
        if network.output in {node.output, before.output}:
            continue
        kernels = (*before.inputs[1:3], behind[0].inputs[1])
        own = all(name in network.constants and len(users[name]) == 1 for name in kernels)
        if own and _depthwise(network, behind[0]):
            chains.append((before, behind[0]))
    return chains


def _depthwise(network: Network, node: Node) -> bool:
    shape = network.constants[node.inputs[1]].shape
    return bool(shape[1] == 1 and shape[0] == node.attributes.get("group", 1))


def _peaks(network: Network, names: list[str], crops: Array) -> dict[str, Array]:
    """Largest magnitude of each channel over the crops."""
    onnx = libraries.onnx()
    probe = onnx.load_model_from_string(network.source)
    del probe.graph.output[:]
    float32 = onnx.TensorProto.FLOAT
    probe.graph.output.extend(onnx.helper.make_tensor_value_info(name, float32, None) for name in names)
    session = libraries.inference_session(probe.SerializeToString())
    peaks = {name: np.zeros(1, np.float32) for name in names}
    for crop in crops:
        values = session.run(None, {network.input: crop.transpose(2, 0, 1)[None].astype(np.float32)})
        for name, value in zip(names, values, strict=True):
            peaks[name] = np.maximum(peaks[name], np.abs(value).max(axis=(0, 2, 3)))
    return peaks
