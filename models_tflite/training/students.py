"""The students that the project ships: which teacher each one learns from, and for how long.

What a student sees of a frame and what its outputs mean is in its manifest, ``manifests/<name>.yaml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from teachers import Teacher
from torch import Tensor, logsumexp

from edge.inference.convert.draft import read_draft
from edge.inference.manifest import Manifest

MANIFESTS = Path(__file__).resolve().parent / "manifests"


@dataclass(frozen=True)
class StudentPlan:
    """One student.

    manifest: without what training finds out. teacher_scale: of the pixels that the teacher is fed. steps: of the
    three stages (block by block, whole, quantized). batch: pictures in a step. wider: channels within blocks against
    the teacher's, whose PReLU lets a channel say more than ReLU does.
    """

    manifest: Manifest
    teacher: str
    teacher_scale: float
    steps: tuple[int, int, int]
    batch: int
    wider: float = 1.0

    @property
    def name(self) -> str:
        """The manifest's id."""
        return self.manifest.id

    @property
    def side(self) -> int:
        """Of the square input, pixels."""
        return self.manifest.input.height

    @property
    def live(self) -> int | None:
        """Position of the live class; None: the only output is the live logit."""
        return self.manifest.pad.live_index if self.manifest.pad else None

    def load_teacher(self, folder: Path) -> Teacher:
        """Raises ModelError for a file that is no ONNX or of another structure."""
        return Teacher(folder / self.teacher, pixel_scale=self.teacher_scale, contrast=self.live is None)

    def live_logit(self, outputs: Tensor) -> Tensor:
        """Log-odds of live, (n,), from outputs (n, outputs)."""
        if self.live is None:
            return outputs[:, 0]
        others = [index for index in range(outputs.shape[1]) if index != self.live]
        return outputs[:, self.live] - logsumexp(outputs[:, others], dim=1)


def draft_of(name: str) -> Path:
    """The manifest of a student that the project ships, without what training finds out."""
    return MANIFESTS / f"{name}.yaml"


PLANS = {
    name: StudentPlan(read_draft(draft_of(name)).manifest, teacher, teacher_scale, steps, batch, wider)
    for name, teacher, teacher_scale, steps, batch, wider in (
        ("livegate-surroundings", "4_0_0_80x80_MiniFASNetV1SE.onnx", 1.0, (2000, 4800, 500), 64, 1.5),
        ("livegate-head", "2.7_80x80_MiniFASNetV2.onnx", 1.0, (2500, 2400, 500), 64, 1.0),
        ("livegate-face", "facenox_98.20.onnx", 1 / 255, (2500, 1700, 400), 32, 1.0),
    )
}
