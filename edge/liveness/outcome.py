"""How an attempt ended, in the heart's own terms."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contracts.enums import (
    Alternative,
    AssuranceLevel,
    ChallengeKind,
    ErrorCode,
    EvidenceKind,
    EvidenceOutcome,
    EvidencePath,
    LightLevel,
    LivenessDecision,
    QualityFailure,
)
from edge.liveness.evidence import FaceBox


@dataclass(frozen=True, slots=True)
class Finding:
    """What one source of evidence said.

    leans: INSUFFICIENT alone, of a face in our light whose shape is not told for certain; a head's movement tells it.
    """

    kind: EvidenceKind
    outcome: EvidenceOutcome
    reason: str
    margin: float | None = None
    leans: bool = False


@dataclass(frozen=True, slots=True)
class NetworkSummary:
    """One network over the judged frames: median margin, in units of its manifest's spread."""

    network: str
    sha256: str
    margin: float
    frames: int


@dataclass(frozen=True, slots=True)
class BegunChallenge:
    """What is kept of a challenge's plan. sha256: hex, as ``edge.liveness.plans.sha256_of`` has it."""

    kind: ChallengeKind
    plan_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """Exactly one of decision and error is set.

    decided_by: the kinds of evidence that made the decision; empty with an error.
    judged: sequence numbers of the frames that were judged, best first.
    digest: SHA-256 hex over the judged frames' evidence; None with an error.
    path: whose requirements held; None with an error. alternative: what the request had left out.
    failures: how many frames each quality failure kept from being judged.
    challenges: those that were begun, with an error too.
    """

    decision: LivenessDecision | None
    error: ErrorCode | None
    message: str
    light_level: LightLevel
    light_reason: str
    findings: tuple[Finding, ...]
    decided_by: tuple[EvidenceKind, ...]
    networks: tuple[NetworkSummary, ...]
    box: FaceBox | None
    judged: tuple[int, ...]
    digest: str | None
    temporal: bool
    level: AssuranceLevel
    path: EvidencePath | None
    alternative: Alternative | None
    failures: tuple[tuple[QualityFailure, int], ...]
    started_at: float
    ended_at: float
    challenges: tuple[BegunChallenge, ...] = ()

    @property
    def confirmed(self) -> tuple[EvidenceKind, ...]:
        """Kinds of evidence that spoke for a live person."""
        return tuple(f.kind for f in self.findings if f.outcome is EvidenceOutcome.CONFIRMED)
