"""Transactions: what a person or an attacker gets who may try several times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from edge.contracts.enums import LivenessDecision
from edge.evaluation.metrics import Figures, Judged, figures
from edge.evaluation.scores import Score, counted


@dataclass(frozen=True, slots=True)
class Transactions:
    """figures: of transactions in place of presentations.

    attempts: most attempts of one. formed: how many there are; full: how many of them have that many attempts.
    """

    figures: Figures
    attempts: int
    formed: int
    full: int


def transactions(scores: Iterable[Score], attempts: int) -> Transactions | None:
    """Neighbouring presentations of one subject, source, label and PAI species, cut into runs of up to ``attempts``.

    A transaction is accepted if any attempt is; it is a non-response where no attempt ended with a decision; else it is
    refused. Presentations without a subject form none. None where nobody has several attempts.
    """
    named = [score for score in counted(scores) if score.subject]
    formed: list[list[Score]] = []
    for _, group in groupby(named, key=lambda score: (score.label, score.pai_species, score.subject, score.source)):
        neighbours = list(group)
        formed += [neighbours[start : start + attempts] for start in range(0, len(neighbours), attempts)]
    if not any(len(transaction) > 1 for transaction in formed):
        return None
    return Transactions(
        figures=figures(map(_judged, formed)),
        attempts=attempts,
        formed=len(formed),
        full=sum(len(transaction) == attempts for transaction in formed),
    )


def _judged(attempts: list[Score]) -> Judged:
    decisions = {attempt.decision for attempt in attempts}
    decision = None
    if LivenessDecision.REALFACE in decisions:
        decision = LivenessDecision.REALFACE
    elif decisions - {None}:
        decision = LivenessDecision.SPOOFFACE
    return Judged(attempts[0].label, attempts[0].pai_species, decision)
