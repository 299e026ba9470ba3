"""The students that the project ships: which teacher each one learns from, and what it sees of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from teachers import Teacher
from torch import Tensor, logsumexp

from edge.frames.frame import ColourOrder
from edge.inference.manifest import BoxScaled


@dataclass(frozen=True)
class StudentPlan:
    """One student. live: position of the live class; None: the only output is the live logit.

    steps: of the three stages (block by block, whole, quantized). batch: pictures in a step.
    """

    name: str
    teacher: str
    crop: BoxScaled
    colour: ColourOrder
    side: int
    teacher_scale: float
    live: int | None
    steps: tuple[int, int, int]
    batch: int

    def load_teacher(self, folder: Path) -> Teacher:
        """Raises ValueError for a file of another structure."""
        return Teacher(folder / self.teacher, pixel_scale=self.teacher_scale, contrast=self.live is None)

    def live_logit(self, outputs: Tensor) -> Tensor:
        """Log-odds of live, (n,), from outputs (n, outputs)."""
        if self.live is None:
            return outputs[:, 0]
        others = [index for index in range(outputs.shape[1]) if index != self.live]
        return outputs[:, self.live] - logsumexp(outputs[:, others], dim=1)


PLANS = {
    plan.name: plan
    for plan in (
        StudentPlan(
            name="livegate-surroundings",
            teacher="4_0_0_80x80_MiniFASNetV1SE.onnx",
            crop=BoxScaled(kind="box_scaled", scale=4.0, side="as_box", edges="shifted"),
            colour=ColourOrder.BGR,
            side=80,
            teacher_scale=1.0,
            live=1,
            steps=(2500, 2400, 500),
            batch=64,
        ),
        StudentPlan(
            name="livegate-head",
            teacher="2.7_80x80_MiniFASNetV2.onnx",
            crop=BoxScaled(kind="box_scaled", scale=2.7, side="as_box", edges="shifted"),
            colour=ColourOrder.BGR,
            side=80,
            teacher_scale=1.0,
            live=1,
            steps=(2500, 2400, 500),
            batch=64,
        ),
        StudentPlan(
            name="livegate-face",
            teacher="facenox_98.20.onnx",
            crop=BoxScaled(kind="box_scaled", scale=1.5, side="longer", edges="reflected"),
            colour=ColourOrder.RGB,
            side=128,
            teacher_scale=1 / 255,
            live=None,
            steps=(2500, 1700, 400),
            batch=32,
        ),
    )
}
