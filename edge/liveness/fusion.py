"""From judged frames and findings to a decision. Kinds of evidence are never averaged with each other."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import median

from edge.contracts.enums import EvidenceKind, EvidenceOutcome, LivenessDecision
from edge.liveness.evidence import FrameEvidence, PadScore
from edge.liveness.outcome import Finding, NetworkSummary


def may_be_judged(evidence: FrameEvidence, *, by_networks: bool = True) -> bool:
    """Whether a frame counts: a face that is followed, no quality failure, no light of ours changing, usable scores.

    by_networks: False where none can judge it, and it counts without scores.
    """
    return (
        not evidence.failures
        and evidence.box is not None
        and evidence.track > 0
        and evidence.lit_settled
        and math.isfinite(evidence.quality)
        and bool(evidence.pad) is by_networks
        and all(
            math.isfinite(score.margin) and math.isfinite(score.weight) and score.weight > 0 for score in evidence.pad
        )
    )


def best_frames(frames: Sequence[FrameEvidence], count: int) -> tuple[FrameEvidence, ...]:
    """The frames to judge, best first: the best of each of ``count`` equal slices of the time that they span.

    Slices keep a burst of neighbours from outvoting the rest of the sequence; an empty slice gives none.
    """
    if not frames:
        return ()
    first = min(frame.captured_at for frame in frames)
    span = max(frame.captured_at for frame in frames) - first
    slices: dict[int, FrameEvidence] = {}
    for frame in frames:
        place = min(int(count * (frame.captured_at - first) / span), count - 1) if span > 0 else 0
        best = slices.get(place)
        if best is None or frame.quality > best.quality:
            slices[place] = frame
    return tuple(sorted(slices.values(), key=lambda frame: (-frame.quality, frame.captured_at)))


def judge_pad(
    frames: Sequence[FrameEvidence], *, pad_margin: float, pad_veto_margin: float
) -> tuple[Finding, tuple[NetworkSummary, ...]]:
    """What the PAD networks make of the chosen frames (at least one).

    Each network gives the median of its margins, the networks together the mean of those by weight: at or
    below -``pad_veto_margin`` a veto, else from ``pad_margin`` on a confirmation, between them no proof.
    """
    scores: dict[tuple[str, str], list[PadScore]] = defaultdict(list)
    for frame in frames:
        for score in frame.pad:
            scores[score.network, score.sha256].append(score)
    networks = tuple(
        NetworkSummary(network, sha256, median(score.margin for score in given), len(given))
        for (network, sha256), given in scores.items()
    )
    weights = [median(score.weight for score in given) for given in scores.values()]
    margin = _mean([network.margin for network in networks], weights)

    def outcome_of(margin: float) -> EvidenceOutcome:
        if margin <= -pad_veto_margin:
            return EvidenceOutcome.VETO
        return EvidenceOutcome.CONFIRMED if margin >= pad_margin else EvidenceOutcome.INSUFFICIENT

    outcome = outcome_of(margin)
    alone = [_mean([score.margin for score in frame.pad], [score.weight for score in frame.pad]) for frame in frames]
    agreeing = sum(outcome_of(of_frame) is outcome for of_frame in alone)
    veto, confirmation = f"veto up to {0.0 - pad_veto_margin:+.2f}", f"confirmed from {pad_margin:+.2f}"
    verdict = {
        EvidenceOutcome.VETO: f"for an attack: {margin:+.2f}, {veto}",
        EvidenceOutcome.CONFIRMED: f"for a live face: {margin:+.2f}, {confirmation}",
        EvidenceOutcome.INSUFFICIENT: f"for neither: {margin:+.2f}, {veto}, {confirmation}",
    }
    reason = (
        f"{_count(len(networks), 'PAD network')} over {_count(len(frames), 'frame')} {verdict[outcome]}; "
        f"{agreeing} of {_count(len(frames), 'frame')} alone {'agrees' if agreeing == 1 else 'agree'}; "
        f"{_medians(networks, weights, margin)}"
    )
    return Finding(EvidenceKind.PAD, outcome, reason, margin), networks


def _mean(margins: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(w * m for w, m in zip(weights, margins, strict=True)) / math.fsum(weights)


def _medians(networks: Sequence[NetworkSummary], weights: Sequence[float], margin: float) -> str:
    """Each network's, with a word on the one that moved their mean furthest the way that it went."""
    pulls = [math.copysign(1.0, margin) * w * n.margin for w, n in zip(weights, networks, strict=True)]
    strongest = pulls.index(max(pulls)) if len(pulls) > 1 else None
    return ", ".join(
        f"{network.network} {network.margin:+.2f}{' (strongest)' * (place == strongest)}"
        for place, network in enumerate(networks)
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def decide(findings: Iterable[Finding], required: frozenset[EvidenceKind]) -> LivenessDecision:
    """Any veto is ``spoofface``; everything required confirmed is ``realface``; else ``uncertain``."""
    findings = tuple(findings)
    if any(finding.outcome is EvidenceOutcome.VETO for finding in findings):
        return LivenessDecision.SPOOFFACE
    confirmed = {finding.kind for finding in findings if finding.outcome is EvidenceOutcome.CONFIRMED}
    # Nothing required must not mean that everybody passes.
    if required and required <= confirmed:
        return LivenessDecision.REALFACE
    return LivenessDecision.UNCERTAIN


def decided_by(findings: Iterable[Finding], required: frozenset[EvidenceKind]) -> tuple[EvidenceKind, ...]:
    """The kinds on which ``decide`` decided, in the order of their definition.

    Of ``spoofface`` the vetoes, of ``realface`` the required confirmations, of ``uncertain`` the required kinds that
    are not confirmed.
    """
    findings = tuple(findings)
    vetoed = {finding.kind for finding in findings if finding.outcome is EvidenceOutcome.VETO}
    confirmed = {finding.kind for finding in findings if finding.outcome is EvidenceOutcome.CONFIRMED}
    deciding = vetoed or (required - confirmed) or required
    return tuple(kind for kind in EvidenceKind if kind in deciding)


def digest(frames: Iterable[FrameEvidence]) -> str:
    """SHA-256 hex over the frames' evidence, in order: per frame one line of JSON with sorted keys."""
    hashed = hashlib.sha256()
    for frame in frames:
        seen = {
            "sequence": frame.sequence,
            "capturedAt": frame.captured_at,
            "box": asdict(frame.box) if frame.box else None,
            "quality": frame.quality,
            "pad": [asdict(score) for score in frame.pad],
        }
        hashed.update(json.dumps(seen, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return hashed.hexdigest()
