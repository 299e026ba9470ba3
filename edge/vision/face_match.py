from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.vision.identity import Embedding


@dataclass(frozen=True, slots=True)
class Likeness:
    similarity: float
    confidence: float
    pictures: int


class FaceMatch:
    def compare(self, reference: Embedding, pictures: Sequence[tuple[Embedding, float]]) -> Likeness | None: ...
