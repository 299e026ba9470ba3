"""Teachers: published PAD networks of the MiniFASNet family, read from ONNX block by block.

They all have one structure (stem, bottlenecks, head), so a student of the same structure can be held against its
teacher after every block and not only at the end (hints: FitNets, arXiv 1412.6550).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from network import BlockShape, Shape
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from edge.errors import ModelError

STEM_LAYERS = 2
# A student's stem has ReLU only, and the teachers' slopes are largest there.
WIDER_STEM = 1.5
_STEPS = {"Conv", "PRelu", "Add", "GlobalAveragePool", "Relu", "Sigmoid", "Mul", "MatMul", "BatchNormalization"}


@dataclass(frozen=True)
class _Step:
    kind: str
    weights: tuple[Tensor, ...]
    attributes: dict[str, Any]


class _Convolution(nn.Module):
    def __init__(self, step: _Step, slope: Tensor | None) -> None:
        super().__init__()
        self.kernel, self.bias = step.weights
        self.slope = slope
        self.stride, self.pad = step.attributes["strides"][0], step.attributes["pads"][0]
        self.groups = step.attributes["group"]

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self.kernel, self.bias, self.stride, self.pad, groups=self.groups)
        return x if self.slope is None else functional.prelu(x, self.slope)


class _Attention(nn.Module):
    def __init__(self, squeeze: _Step, excite: _Step) -> None:
        super().__init__()
        self.squeeze, self.excite = _Convolution(squeeze, None), _Convolution(excite, None)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.excite(functional.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
    """A part of the teacher. ``branch``: its output without what it passes on from its input."""

    def __init__(self, parts: list[nn.Module], *, residual: bool) -> None:
        super().__init__()
        self.parts = nn.Sequential(*parts)
        self.residual = residual

    def branch(self, x: Tensor) -> Tensor:
        result: Tensor = self.parts(x)
        return result


class _Outputs(nn.Module):
    """The layers behind the last convolution are linear, so they are one."""

    def __init__(self, steps: list[_Step], contrast: bool) -> None:
        super().__init__()
        matrix = torch.eye(steps[0].weights[0].shape[0], dtype=torch.float64)
        bias = torch.zeros(len(matrix), dtype=torch.float64)
        for step in steps:
            if step.kind == "MatMul":
                kernel = step.weights[0].double()
                matrix, bias = matrix @ kernel, bias @ kernel
            else:
                gamma, beta, mean, variance = (weight.double() for weight in step.weights)
                factor = gamma / torch.sqrt(variance + step.attributes.get("epsilon", 1e-5))
                matrix, bias = matrix * factor, (bias - mean) * factor + beta
        if contrast:
            matrix, bias = matrix[:, :1] - matrix[:, 1:], bias[:1] - bias[1:]
        self.matrix, self.bias = matrix.float(), bias.float()

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.matrix + self.bias


class Teacher(nn.Module):
    """Frozen. pixels: (n, 3, side, side) float 0..255 in the teacher's colour order."""

    def __init__(self, path: Path, *, pixel_scale: float, contrast: bool) -> None:
        """contrast: give the first output minus the second as the only one.

        Raises ModelError for a file that is no ONNX or a network of another structure.
        """
        super().__init__()
        self.pixel_scale = pixel_scale
        try:
            self.side, steps = _read(path)
            self.blocks = nn.ModuleList(_blocks(steps, contrast))
        except (IndexError, KeyError, DecodeError) as error:
            raise ModelError(
                f"{path} is not built like a MiniFASNet", remedy="give one of the files that students.py names"
            ) from error
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.walk(pixels)[1][-1]

    @torch.no_grad()
    def walk(self, pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """What every block is given, and what its branch makes of it; the last branch is the output."""
        x, given, branches = pixels * self.pixel_scale, [], []
        for block in self.blocks:
            given.append(x)
            branches.append(block.branch(x))
            x = x + branches[-1] if block.residual else branches[-1]
        return given, branches

    def shape(self, wider: float = 1.0) -> Shape:
        """Of a student that can be held against this teacher after every block.

        wider: channels within its blocks against the teacher's.
        """
        stem, *bottlenecks, head = self.blocks
        return Shape(
            side=self.side,
            stem=_eights(WIDER_STEM * _width(stem.parts[0])),
            blocks=(
                _shape(stem.parts[STEM_LAYERS:], wider, residual=False),
                *(_shape(block.parts, wider, residual=block.residual) for block in bottlenecks),
            ),
            head=_width(head.parts[0]),
            outputs=len(head.parts[2].bias),
        )


def _shape(parts: Any, wider: float, *, residual: bool) -> BlockShape:
    return BlockShape(
        inner=_eights(wider * _width(parts[0])),
        width=_width(parts[2]),
        stride=parts[1].stride,
        residual=residual,
        squeeze=_width(parts[3].squeeze) if len(parts) > 3 else 0,
    )


def _width(convolution: Any) -> int:
    return len(convolution.bias)


def _eights(channels: float) -> int:
    return 8 * math.ceil(channels / 8)


def _read(path: Path) -> tuple[int, list[_Step]]:
    graph = onnx.load(str(path)).graph
    weights = {tensor.name: torch.tensor(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    steps = [
        _Step(
            node.op_type,
            tuple(weights[name] for name in node.input if name in weights),
            {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
        )
        for node in graph.node
        if node.op_type in _STEPS
    ]
    return int(graph.input[0].type.tensor_type.shape.dim[3].dim_value), steps


def _blocks(steps: list[_Step], contrast: bool) -> list[Block]:
    left = list(steps)

    def convolution() -> _Convolution:
        step = left.pop(0)
        if step.kind != "Conv":
            raise KeyError(step.kind)
        slope = left.pop(0).weights[0].reshape(-1) if left[0].kind == "PRelu" else None
        return _Convolution(step, slope)

    stem: list[nn.Module] = [convolution() for _ in range(STEM_LAYERS + 3)]
    blocks = [Block(stem, residual=False)]
    while not _is_head(left):
        parts: list[nn.Module] = [convolution(), convolution(), convolution()]
        if left[0].kind == "GlobalAveragePool":
            parts.append(_Attention(left[1], left[3]))
            del left[:6]
        residual = left[0].kind == "Add"
        if residual:
            del left[0]
        blocks.append(Block(parts, residual=residual))
    head = [convolution(), convolution(), _Outputs(left, contrast)]
    return [*blocks, Block(head, residual=False)]


def _is_head(steps: list[_Step]) -> bool:
    """Whether a wide 1 x 1 convolution with its PReLU and a depthwise one without padding come next."""
    depthwise = steps[2].attributes
    return depthwise["group"] > 1 and depthwise["pads"] == [0, 0, 0, 0]
