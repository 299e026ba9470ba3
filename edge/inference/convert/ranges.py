"""Where a network that was trained with quantization must have its ranges, so that TFLite computes the same.

TFLite runs some operators as one, and needs a range for the result of each. A range is a pair of QuantizeLinear and
DequantizeLinear in the ONNX file, one scale for all channels:

* the picture: 0..1 with scale 1/255 and zero point 0, or 0..255 with scale 1. Nothing may be multiplied or subtracted
  behind it: mean and deviation belong into the first convolution's weights;
* behind each convolution or dense layer with its bias, or behind the ReLU or ReLU6 that follows it, never between them;
* before and behind LeakyReLU and PReLU, which are operators of their own. PReLU in int8 leaves the fast path: write
  ``relu(x * (1 - a)) + x * a`` with ranges behind the ReLU, the second product and the sum;
* behind each sum, product and mean, or behind the ReLU that follows it;
* behind a sigmoid or softmax none, or scale 1/256 with zero point 0: TFLite has no other;
* pooling, reshaping and padding keep the range of what they take; concatenation needs the same range on all sides;
* weights: int8 with zero point 0 and the scale max|w| / 127, of convolutions one for each output channel, of dense
  layers one. Biases have none.
"""

from __future__ import annotations

from edge.errors import ModelError
from edge.inference.convert.network import FAKE_QUANTIZE, Network, Node

_KEEP = frozenset(
    {
        "AveragePool",
        "Concat",
        "Flatten",
        "GlobalMaxPool",
        "MaxPool",
        "Pad",
        "Reshape",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)
_FIXED = frozenset({"Sigmoid", "Softmax", "HardSigmoid", "Tanh"})
_FUSED = frozenset({"Relu", "Clip"})
_WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
_SHOWN = 6


def check_ranges(network: Network) -> None:
    """Raises ModelError naming each place without a range that TFLite needs, and weights that are not quantized."""
    users = network.users()
    made_by = {node.output: node for node in network.nodes}
    problems = [
        f"behind {node.op} {node.name}"
        for node in network.nodes
        if node.op not in _KEEP | _FIXED | {FAKE_QUANTIZE} and not _ranged(network, node, users)
    ]
    for user in users.get(network.input, []):
        if user.op != FAKE_QUANTIZE:
            problems.insert(0, f"before {user.op} {user.name}, for the picture")
    for node in network.nodes:
        if node.op in _WEIGHTED and not any(name in network.quantized for name in node.inputs[:2]):
            problems.append(f"for the weights of {node.op} {node.name}")
        if node.op in {"LeakyRelu", "PRelu"}:
            before = made_by.get(node.inputs[0])
            if before is not None and before.op not in _KEEP | {FAKE_QUANTIZE}:
                problems.append(f"before {node.op} {node.name}")
    if problems:
        more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ModelError(
            f"{network.name} is quantized in part; it has no range {', '.join(problems[:_SHOWN])}{more}",
            remedy="put fake quantization there before exporting (docs/models.md), or export it without any",
        )


def _ranged(network: Network, node: Node, users: dict[str, list[Node]]) -> bool:
    behind = users.get(node.output, [])
    if node.op not in _FUSED and len(behind) == 1 and behind[0].op in _FUSED:
        behind = users.get(behind[0].output, [])
    return bool(behind) and all(user.op == FAKE_QUANTIZE for user in behind)
