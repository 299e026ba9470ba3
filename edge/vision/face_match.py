"""Whether the face of an attempt is the one of a reference: one similarity, and a confidence that has a meaning.

Only pictures of one person may be handed over together: that they are is what ``edge.session.continuity`` tells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.errors import ModelError
from edge.inference.manifest import Manifest, Match
from edge.vision.identity import Embedding

# The best pictures of an attempt that are compared: docs/verify.md has what other numbers and other ways gave.
MOST_PICTURES: Final = 5
_SHORTEST: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a comparison gave.

    similarity: cosine of the angle between reference and pictures, -1..1. confidence: 0..1, 0.5 at the threshold of
    the network's file. pictures: how many were compared.
    """

    similarity: float
    confidence: float
    pictures: int


class FaceMatch:
    """Compares by what one network's file is worth."""

    def __init__(self, match: Match) -> None:
        """match: of the manifest of the network that made the embeddings."""
        self._match = match

    @classmethod
    def of(cls, manifest: Manifest) -> FaceMatch:
        """Raises ModelError where the manifest does not say from what similarity on two faces are one person's."""
        if manifest.match is None:
            raise ModelError(
                f"{manifest.id} has no match section, so nobody can be verified by it",
                remedy="measure its file by livegate evaluate-verify and state threshold and spread (docs/models.md)",
            )
        return cls(manifest.match)

    def compare(self, reference: Embedding, pictures: Sequence[tuple[Embedding, float]]) -> Likeness | None:
        """As ``alike``, which has the arguments."""
        found = alike(reference, pictures)
        if found is None:
            return None
        similarity, compared = found
        return Likeness(similarity, self.confidence(similarity), compared)

    def confidence(self, similarity: float) -> float:
        """0..1, rising with the similarity, 0.5 at the file's threshold."""
        return 1.0 / (1.0 + math.exp((self._match.threshold - similarity) / self._match.spread))

    def similarity(self, confidence: float) -> float:
        """Where the confidence, between 0 and 1, is reached."""
        return self._match.threshold + self._match.spread * math.log(confidence / (1.0 - confidence))


def alike(reference: Embedding, pictures: Sequence[tuple[Embedding, float]]) -> tuple[float, int] | None:
    """Cosine of the angle between the reference and the mean of the best pictures, and how many these are.

    reference: (n,) of length 1. pictures: of one person, each with its quality, 0..1; of equal ones the earlier comes
    first. None: there is no picture. Raises ValueError where lengths differ.
    """
    best = sorted(pictures, key=lambda picture: -picture[1])[:MOST_PICTURES]
    if not best:
        return None
    # The mean of directions: what is chance in one picture is less in several, what is the person's stays.
    together = np.zeros(reference.shape, np.float64)
    for embedding, _ in best:
        together += embedding
    length = max(float(np.linalg.norm(together)), _SHORTEST)
    similarity = min(max(float(together @ reference) / length, -1.0), 1.0)
    together.fill(0)
    return similarity, len(best)
