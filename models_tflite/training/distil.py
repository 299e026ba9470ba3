"""From a teacher to a student that loses nothing in int8, in three stages.

1. Block by block: every block of the student learns what the teacher's block makes of the *teacher's* input, all at
   once. Each position of a feature map is an example, so a few ten thousand pictures are many.
2. Whole: the student runs by itself and is held against the teacher after every block and at the output, which
   mends what small errors add up to; on synthetic frames the label pulls at the output too, where teachers are weak.
3. Quantized: the same with weights and activations rounded as in the file, at a low rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from network import Bottleneck, Student
from pictures import Crops, batches
from students import StudentPlan
from teachers import Teacher
from torch import Tensor
from torch.nn import functional

RATES = (6e-3, 2e-3, 2e-4)
# The first block sees thousands of positions in each picture, and costs as much as most others together.
EARLY_BLOCKS, EARLY_SHARE = 1, 2
OUTPUT_WEIGHT = 3.0
# Ranges stay as they are for the last part of the last stage.
FROZEN_FROM = 0.6
LOG_EVERY = 200


@dataclass(frozen=True)
class Loss:
    """label_weight: of the label beside the teacher on synthetic frames. spread: of the teacher's live logit."""

    label_weight: float
    spread: float
    plan: StudentPlan

    def of_label(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """How far the live logit is from the label's side, in the teacher's own spread."""
        known = labels != 0
        if not known.any():
            return outputs.new_zeros(())
        return functional.softplus(-labels[known] * self.plan.live_logit(outputs)[known] / self.spread).mean()


def distil(plan: StudentPlan, teacher: Teacher, crops: Crops, *, label_weight: float, seed: int) -> Iterator[Student]:
    """Gives the student twice: float with batch normalization folded, then quantized; the same object."""
    torch.manual_seed(seed)
    # A feature that fades away would slow every step down by a factor of ten.
    torch.set_flush_denormal(True)
    student = Student(teacher.shape(plan.wider)).to(memory_format=torch.channels_last)
    teacher.to(memory_format=torch.channels_last)
    source = batches(crops, np.random.default_rng(seed), plan.batch)
    scales, spread = _measured(plan, teacher, student, source)
    loss = Loss(label_weight, spread, plan)
    _stage("blocks", student, source, plan.steps[0], RATES[0], lambda x, _: _by_block(teacher, student, x, scales))
    whole = lambda x, labels: _as_a_whole(teacher, student, x, labels, scales, loss)  # noqa: E731 - used twice
    _stage("whole", student, source, plan.steps[1], RATES[1], whole)
    student.eval()
    student.fold()
    yield student
    student.equalize(_pixels(next(source)[0]))
    student.quantize()
    _stage("quantized", student, source, plan.steps[2], RATES[2], whole)
    student.eval()
    yield student


def _measured(
    plan: StudentPlan, teacher: Teacher, student: Student, source: Iterator[tuple[np.ndarray, np.ndarray]]
) -> tuple[list[Tensor], float]:
    """Of each branch the deviation of its channels, and that of the live logit, over a few batches.

    The student's blocks begin on the teacher's scale, which may be a hundredth of what normalized layers give.
    """
    walked = [teacher.walk(_pixels(next(source)[0]))[1] for _ in range(8)]
    scales = []
    for block, branches in zip(student, zip(*walked, strict=True), strict=True):
        values = torch.cat(branches)
        axes = [0, *range(2, values.ndim)]
        deviation = values.std(dim=axes, keepdim=True)
        scales.append(deviation + 0.02 * deviation.mean())
        block.begin_at(values.mean(dim=axes), deviation.flatten())
    return scales, float(plan.live_logit(torch.cat([branches[-1] for branches in walked])).std())


def _by_block(teacher: Teacher, student: Student, pixels: Tensor, scales: list[Tensor]) -> Tensor:
    given, branches = teacher.walk(pixels)
    given[0] = student.scaled(pixels)
    total = pixels.new_zeros(())
    for position, (block, scale) in enumerate(zip(student, scales, strict=True)):
        count = len(pixels) // EARLY_SHARE if position < EARLY_BLOCKS else len(pixels)
        total = total + _distance(block.branch(given[position][:count]), branches[position][:count], scale)
    return total


def _as_a_whole(
    teacher: Teacher, student: Student, pixels: Tensor, labels: Tensor, scales: list[Tensor], loss: Loss
) -> Tensor:
    _, wanted = teacher.walk(pixels)
    x, total = student.scaled(pixels), pixels.new_zeros(())
    for position, (block, scale) in enumerate(zip(student, scales, strict=True)):
        branch = block.branch(x)
        last = position == len(scales) - 1
        total = total + (OUTPUT_WEIGHT if last else 1.0) * _distance(branch, wanted[position], scale)
        x = block.join(x, branch) if isinstance(block, Bottleneck) else branch
    return total + loss.label_weight * loss.of_label(x, labels)


def _distance(got: Tensor, wanted: Tensor, scale: Tensor) -> Tensor:
    return ((got - wanted) / scale).square().mean()


def _stage(
    name: str,
    student: Student,
    source: Iterator[tuple[np.ndarray, np.ndarray]],
    steps: int,
    rate: float,
    loss: Callable[[Tensor, Tensor], Tensor],
) -> None:
    student.train()
    optimizer = torch.optim.Adam(student.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    begin, running = time.monotonic(), 0.0
    for step in range(steps):
        if step == int(FROZEN_FROM * steps):
            student.freeze_ranges()
        pixels, labels = next(source)
        total = loss(_pixels(pixels), torch.from_numpy(labels))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        schedule.step()
        running += float(total.detach()) / LOG_EVERY
        if (step + 1) % LOG_EVERY == 0:
            print(f"{name} {step + 1}/{steps}: loss {running:.3f}, {time.monotonic() - begin:.0f} s", flush=True)
            running = 0.0


def _pixels(crops: np.ndarray) -> Tensor:
    """(n, side, side, 3) uint8 → (n, 3, side, side) float32 0..255."""
    return torch.from_numpy(np.array(crops)).permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def live_logits(network: Callable[[Tensor], Tensor], plan: StudentPlan, crops: np.ndarray) -> np.ndarray:
    """Of every crop, (n,) float64."""
    parts = [
        plan.live_logit(network(_pixels(crops[start : start + plan.batch])))
        for start in range(0, len(crops), plan.batch)
    ]
    return torch.cat(parts).double().numpy()
