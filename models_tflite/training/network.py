"""Students of the MiniFASNet class, made so that full int8 loses nothing.

A narrow MobileFaceNet (arXiv 1804.07573) as in MiniFASNet (minivision-ai/Silent-Face-Anti-Spoofing, Apache-2.0), with
ReLU in place of PReLU (beyond the first layers the slopes that the published networks learned are within a few
hundredths of zero; the stem is wider for it), numbers of channels in eights, and one linear layer in place of the two
that follow each other without a nonlinearity. Every convolution has its activation fused, so an int8 file is a chain of
convolutions and additions.

A network goes through three forms, in this order: float with batch normalization, ``fold`` (biases in place of
batch normalization, the input scale inside the first convolution), ``quantize`` (weights and activations rounded as
TFLite does, so that training sees what the device will compute).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.inference.convert.equalize import LEAST

PIXEL_SCALE = 1 / 255
LEVELS = 255
# Ranges follow the batches this slowly, as an exponential moving average.
RANGE_MOMENTUM = 0.02


@dataclass(frozen=True)
class BlockShape:
    """One bottleneck: 1 x 1 to ``inner`` channels, 3 x 3 depthwise, 1 x 1 to ``width``; ``squeeze`` channels of
    attention (0: none); ``residual`` adds its input."""

    inner: int
    width: int
    stride: int = 1
    residual: bool = False
    squeeze: int = 0


@dataclass(frozen=True)
class Shape:
    """A whole network.

    side: of the square input, pixels. stem: channels of the first layers. blocks: the first belongs to the stem.
    head: channels before the last layer. outputs: numbers.
    """

    side: int
    stem: int
    blocks: tuple[BlockShape, ...]
    head: int
    outputs: int

    @property
    def last_map(self) -> int:
        """Side of the last feature map."""
        side = (self.side + 1) // 2
        for block in self.blocks:
            side = (side + block.stride - 1) // block.stride
        return side


class Range(nn.Module):
    """Rounds activations to 256 steps between a smallest and a largest value, one scale for the tensor.

    fixed: (low, high) known beforehand; None: learned from the batches while training.
    """

    low: Tensor
    high: Tensor

    def __init__(self, fixed: tuple[float, float] | None = None) -> None:
        super().__init__()
        low, high = fixed or (0.0, 0.0)
        self.learning = fixed is None
        self.register_buffer("low", torch.tensor(low))
        self.register_buffer("high", torch.tensor(high))

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.learning:
            with torch.no_grad():
                low, high = x.aminmax()
                share = RANGE_MOMENTUM if self.high > self.low else 1.0
                self.low.lerp_(low.clamp(max=0.0), share)
                self.high.lerp_(high.clamp(min=1e-6), share)
        scale = float(self.high - self.low) / LEVELS
        zero = min(max(round(-float(self.low) / scale), 0), LEVELS)
        return torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, LEVELS)


class Conv(nn.Module):
    """Convolution, batch normalization, and ReLU where ``relu``; (n, channels, height, width)."""

    def __init__(
        self, before: int, after: int, kernel: int, *, stride: int = 1, pad: int = 0, groups: int = 1, relu: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, pad, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(after)
        self.relu = relu
        self.range: nn.Module = nn.Identity()
        self.rounded = False

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        weight = _rounded_kernels(conv.weight) if self.rounded else conv.weight
        x = self.norm(functional.conv2d(x, weight, conv.bias, conv.stride, conv.padding, groups=conv.groups))
        return self.range(functional.relu(x) if self.relu else x)

    def fold(self, input_scale: float = 1.0) -> None:
        """Batch normalization and a scale of the input become part of weights and bias."""
        self.conv = nn.utils.fusion.fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())
        self.norm = nn.Identity()
        with torch.no_grad():
            self.conv.weight.mul_(input_scale)

    def quantize(self) -> None:
        self.rounded = True
        self.range = Range()

    @torch.no_grad()
    def begin_at(self, mean: Tensor, deviation: Tensor) -> None:
        """Let the outputs start with this mean and deviation, (channels,) each."""
        self.norm.weight.copy_(deviation)
        self.norm.bias.copy_(mean)

    @torch.no_grad()
    def hand_on(self, following: Conv, peaks: Tensor) -> None:
        """Make its channels, whose largest values are ``peaks``, equally large; the depthwise layer behind undoes it.

        One scale serves a whole activation, and the kernels of a depthwise layer have one each (cross-layer
        equalization, arXiv 1906.04721). ReLU between them lets a positive factor pass.
        """
        factor = (peaks / peaks.max()).clamp_min(LEAST)
        self.conv.weight.div_(factor[:, None, None, None])
        self.conv.bias.div_(factor)
        following.conv.weight.mul_(factor[:, None, None, None])


class Attention(nn.Module):
    """Squeeze and excitation (arXiv 1709.01507)."""

    def __init__(self, width: int, squeeze: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(width, squeeze, 1)
        self.excite = nn.Conv2d(squeeze, width, 1)
        self.ranges = nn.ModuleList(nn.Identity() for _ in range(5))
        self.rounded = False

    def forward(self, x: Tensor) -> Tensor:
        squeeze, excite = (
            (_rounded_kernels(self.squeeze.weight), _rounded_kernels(self.excite.weight))
            if self.rounded
            else (self.squeeze.weight, self.excite.weight)
        )
        pooled, squeezed, excited, gate, product = self.ranges
        y = pooled(x.mean((2, 3), keepdim=True))
        y = squeezed(functional.relu(functional.conv2d(y, squeeze, self.squeeze.bias)))
        y = gate(torch.sigmoid(excited(functional.conv2d(y, excite, self.excite.bias))))
        return product(x * y)

    def quantize(self) -> None:
        self.rounded = True
        # TFLite fixes the scale of a quantized sigmoid: 1/256.
        self.ranges = nn.ModuleList([Range(), Range(), Range(), Range((0.0, LEVELS / 256)), Range()])


class Bottleneck(nn.Module):
    """See BlockShape."""

    def __init__(self, before: int, shape: BlockShape) -> None:
        super().__init__()
        self.expand = Conv(before, shape.inner, 1)
        self.depthwise = Conv(shape.inner, shape.inner, 3, stride=shape.stride, pad=1, groups=shape.inner)
        self.project = Conv(shape.inner, shape.width, 1, relu=False)
        self.attention: nn.Module = Attention(shape.width, shape.squeeze) if shape.squeeze else nn.Identity()
        self.residual = shape.residual
        self.sum_range: nn.Module = nn.Identity()

    def branch(self, x: Tensor) -> Tensor:
        """What the block adds to its input, or its output where it adds nothing."""
        result: Tensor = self.attention(self.project(self.depthwise(self.expand(x))))
        return result

    def join(self, x: Tensor, branch: Tensor) -> Tensor:
        """The block's output for its input and branch."""
        return self.sum_range(x + branch) if self.residual else branch

    def begin_at(self, mean: Tensor, deviation: Tensor) -> None:
        # Half-open gates to begin with.
        gain = 2.0 if isinstance(self.attention, Attention) else 1.0
        self.project.begin_at(gain * mean, gain * deviation)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(x, self.branch(x))


class Stem(nn.Module):
    """Two layers at half the resolution, and the first bottleneck behind them."""

    def __init__(self, width: int, shape: BlockShape) -> None:
        super().__init__()
        self.first = Conv(3, width, 3, stride=2, pad=1)
        self.second = Conv(width, width, 3, pad=1, groups=width)
        self.bottleneck = Bottleneck(width, shape)
        self.input_range: nn.Module = nn.Identity()

    def branch(self, x: Tensor) -> Tensor:
        result: Tensor = self.bottleneck(self.second(self.first(self.input_range(x))))
        return result

    forward = branch

    def begin_at(self, mean: Tensor, deviation: Tensor) -> None:
        self.bottleneck.begin_at(mean, deviation)


class Head(nn.Module):
    """From the last map to the outputs (n, outputs)."""

    def __init__(self, before: int, shape: Shape) -> None:
        super().__init__()
        self.widen = Conv(before, shape.head, 1)
        self.pool = Conv(shape.head, shape.head, shape.last_map, groups=shape.head, relu=False)
        self.linear = nn.Linear(shape.head, shape.outputs)
        self.range: nn.Module = nn.Identity()
        self.rounded = False

    def branch(self, x: Tensor) -> Tensor:
        x = self.pool(self.widen(x)).flatten(1)
        weight = _rounded_matrix(self.linear.weight) if self.rounded else self.linear.weight
        result: Tensor = self.range(functional.linear(x, weight, self.linear.bias))
        return result

    forward = branch

    @torch.no_grad()
    def begin_at(self, mean: Tensor, deviation: Tensor) -> None:
        self.linear.weight.mul_(deviation[:, None])
        self.linear.bias.copy_(mean)

    def quantize(self) -> None:
        self.rounded = True
        self.range = Range()


class Student(nn.Sequential):
    """Pixels (n, 3, side, side) float 0..255 in the manifest's colour order → (n, outputs).

    While ``fold`` has not run, the network multiplies by PIXEL_SCALE itself, which keeps the first layer well
    conditioned.
    """

    def __init__(self, shape: Shape) -> None:
        entry, *others = shape.blocks
        widths = [block.width for block in shape.blocks]
        bottlenecks = [Bottleneck(before, block) for before, block in zip(widths, others, strict=False)]
        super().__init__(Stem(shape.stem, entry), *bottlenecks, Head(widths[-1], shape))
        self.folded = False

    def scaled(self, pixels: Tensor) -> Tensor:
        """What the first block is fed."""
        return pixels if self.folded else pixels * PIXEL_SCALE

    def forward(self, pixels: Tensor) -> Tensor:
        result: Tensor = super().forward(self.scaled(pixels))
        return result

    def fold(self) -> None:
        self.folded = True
        stem = self[0]
        for module in self.modules():
            if isinstance(module, Conv):
                module.fold(PIXEL_SCALE if module is stem.first else 1.0)

    @torch.no_grad()
    def equalize(self, pixels: Tensor) -> None:
        """Channels in front of depthwise layers become equally large on ``pixels``; the function stays the same.

        Raises ValueError before ``fold``.
        """
        if not self.folded:
            raise ValueError("fold the batch normalization before equalizing")
        peaks: dict[Conv, Tensor] = {}
        pairs = [pair for module in self.modules() if (pair := _depthwise_pair(module))]
        hooks = [
            conv.register_forward_hook(lambda module, _, output: peaks.update({module: output.amax((0, 2, 3))}))
            for conv, _ in pairs
        ]
        self(pixels)
        for hook in hooks:
            hook.remove()
        for conv, depthwise in pairs:
            conv.hand_on(depthwise, peaks[conv])

    def quantize(self) -> None:
        """Raises ValueError before ``fold``."""
        if not self.folded:
            raise ValueError("fold the batch normalization before quantizing")
        self[0].input_range = Range((0.0, float(LEVELS)))
        for module in self.modules():
            if isinstance(module, Conv | Attention | Head):
                module.quantize()
            elif isinstance(module, Bottleneck) and module.residual:
                module.sum_range = Range()

    def freeze_ranges(self) -> None:
        """Ranges stay as learned from now on."""
        for module in self.modules():
            if isinstance(module, Range):
                module.learning = False


def _depthwise_pair(module: nn.Module) -> tuple[Conv, Conv] | None:
    if isinstance(module, Stem):
        return module.first, module.second
    if isinstance(module, Bottleneck):
        return module.expand, module.depthwise
    return (module.widen, module.pool) if isinstance(module, Head) else None


def _rounded_kernels(weight: Tensor) -> Tensor:
    """int8, symmetric, one scale for each output channel."""
    scale = weight.detach().abs().amax(dim=(1, 2, 3)).clamp_min(1e-8) / 127
    zeros = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zeros, 0, -128, 127)


def _rounded_matrix(weight: Tensor) -> Tensor:
    """int8, symmetric, one scale: runtimes before LiteRT have no dense kernel with one for each channel."""
    scale = float(weight.detach().abs().max().clamp_min(1e-8)) / 127
    return torch.fake_quantize_per_tensor_affine(weight, scale, 0, -128, 127)
