"""Where a network that was trained with quantization must have its ranges, so that TFLite computes the same.

TFLite runs some operators as one, and needs a range for the result of each. A range is a pair of QuantizeLinear and
DequantizeLinear in the ONNX file, one scale for all channels:

* the picture: 0..1 with scale 1/255 and zero point 0, or 0..255 with scale 1. Nothing may be multiplied or subtracted
  behind it: mean and deviation belong into the first convolution's weights;
* behind each convolution or dense layer with its bias, or behind the ReLU or ReLU6 that follows it, never between them;
* before and behind LeakyReLU, PReLU and HardSwish, which are operators of their own. PReLU in int8 leaves the fast
  path: write ``relu(x * (1 - a)) + x * a`` with ranges behind the ReLU, the second product and the sum;
* behind each sum, product and mean, or behind the ReLU that follows it;
* behind a sigmoid or softmax none, or scale 1/256 with zero point 0: TFLite has no other;
* pooling, reshaping and padding keep the range of what they take; concatenation needs the same range on all sides;
* BatchNormalization is folded into the layer before it, before ranges are learned;
* weights: int8 with zero point 0 and the scale max|w| / 127, of convolutions one for each output channel, of dense
  layers one. Biases have none.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge.errors import ModelError
from edge.inference.convert.network import FAKE_QUANTIZE, Network, Node

KEEP_RANGE = frozenset(
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
_FIXED = frozenset({"Sigmoid", "Softmax", "Tanh"})
_BETWEEN = frozenset({"HardSigmoid", "HardSwish", "LeakyRelu", "PRelu", "Sigmoid", "Softmax", "Tanh"})
_FUSED = frozenset({"Relu", "Clip"})
_WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
_SHOWN = 6


def check_ranges(network: Network) -> None:
    """Raises ModelError naming each place where TFLite needs a range and there is none, and what else would be lost."""
    problems = [*_missing(network), *_weights(network)]
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ModelError(
            f"{network.name} is quantized in part: {'; '.join(problems[:_SHOWN])}{more}",
            remedy="correct the fake quantization before exporting (docs/models.md), or export without any",
        )


def _missing(network: Network) -> Iterator[str]:
    users = network.users()
    made_by = {node.output: node for node in network.nodes}
    for user in users.get(network.input, []):
        if user.op != FAKE_QUANTIZE:
            yield f"no range for the picture, before {user.op} {user.name}"
    for node in network.nodes:
        if node.op == "BatchNormalization":
            yield f"BatchNormalization {node.name} is not folded into the layer before it"
        elif node.op not in KEEP_RANGE | _FIXED | {FAKE_QUANTIZE} and not _ranged(network, node, users):
            yield f"no range behind {node.op} {node.name}"
        if node.op in _BETWEEN:
            before = made_by.get(node.inputs[0])
            if before is not None and before.op not in KEEP_RANGE | {FAKE_QUANTIZE}:
                yield f"no range before {node.op} {node.name}"


def _weights(network: Network) -> Iterator[str]:
    for node in network.nodes:
        if node.op not in _WEIGHTED:
            continue
        steps = network.quantized.get(node.inputs[1])
        if steps is None:
            yield f"the weights of {node.op} {node.name} are not quantized"
        elif steps.per_channel and node.op != "Conv":
            yield f"the weights of {node.op} {node.name} have several scales, and old runtimes know one"


def _ranged(network: Network, node: Node, users: dict[str, list[Node]]) -> bool:
    behind = users.get(node.output, [])
    if node.op not in _FUSED and len(behind) == 1 and behind[0].op in _FUSED:
        behind = users.get(behind[0].output, [])
    return bool(behind) and all(user.op == FAKE_QUANTIZE for user in behind)
