"""Whether the live person of an attempt is the one of a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.contracts.enums import EvidenceOutcome, LivenessDecision
from edge.contracts.verification import VerifyReference, VerifyResult
from edge.vision.face_match import FaceMatch
from edge.vision.identity import Embedding

# Of a still picture no time is told, and its decision says so.
_ONE: Final = frozenset({EvidenceOutcome.CONFIRMED, EvidenceOutcome.NOT_APPLICABLE})


@dataclass(frozen=True, slots=True)
class Compared:
    """What a session's face is compared with. Whoever has read it overwrites it when the session is over.

    least: match confidence from which the two are one person.
    image_hash: SHA-256 of the reference as it was sent, where the result is to have it.
    """

    embedding: Embedding = field(repr=False)
    match: FaceMatch
    told: VerifyReference
    least: float
    image_hash: str | None = None

    def forget(self) -> None:
        """Overwrites it. May be repeated."""
        self.embedding.fill(0)


def verify(
    reference: Compared,
    pictures: Sequence[tuple[Embedding, float]],
    decision: LivenessDecision,
    continuity: EvidenceOutcome,
) -> VerifyResult:
    """pictures: embeddings of the attempt's one face with the quality of their frames, in order of time.
    continuity: what all frames say of its being one.

    Whoever is not shown to be live, or to be one person from the first frame to the last, is nobody: however alike
    the faces are, the two are not identical then.
    """
    likeness = reference.match.compare(reference.embedding, pictures)
    if likeness is None:
        return VerifyResult(
            match_confidence=0.0,
            is_identical=False,
            reason="no picture of the face was good enough to be compared",
            pictures=0,
        )
    alike = likeness.confidence >= reference.least
    live = decision is LivenessDecision.REALFACE
    one = continuity in _ONE
    told = f"{likeness.similarity:.2f} alike over {likeness.pictures} pictures"
    if not live:
        told = f"{told}; not shown to be live ({decision})"
    elif not one:
        told = f"{told}; not shown to be one face from the first frame to the last (continuity {continuity})"
    elif not alike:
        told = f"{told}: confidence {likeness.confidence:.3f}, {reference.least:.3f} is asked for"
    return VerifyResult(
        match_confidence=likeness.confidence,
        is_identical=live and one and alike,
        reason=told,
        pictures=likeness.pictures,
    )
