"""Scores to measure on."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import NoReturn

from edge.contracts.enums import ErrorCode, Label, LivenessDecision
from edge.evaluation.provenance import Model, Provenance
from edge.evaluation.replay import ReplaySetup
from edge.evaluation.scores import Score

REAL, SPOOF, UNCERTAIN = LivenessDecision.REALFACE, LivenessDecision.SPOOFFACE, LivenessDecision.UNCERTAIN


class Given:
    """Collects presentations in order; a score of at least 0 is accepted, None is a non-response."""

    def __init__(self) -> None:
        self.scores: list[Score] = []

    def bona_fide(self, *scores: float | None, subject: str = "", source: str = "") -> Given:
        return self._add(Label.BONA_FIDE, "", scores, subject, source)

    def attacks(self, species: str, *scores: float | None, subject: str = "", source: str = "") -> Given:
        return self._add(Label.ATTACK, species, scores, subject, source)

    def unreadable(self, name: str) -> Given:
        number = len(self.scores) + 1
        self.scores.append(
            Score(name=name, label=Label.BONA_FIDE, presentation=number, problem=f"{name} is cut off (copy it again)")
        )
        return self

    def void(self, reason: str) -> Given:
        """The presentation added last."""
        self.scores[-1] = replace(self.scores[-1], voided=reason)
        return self

    def _add(self, label: Label, species: str, scores: tuple[float | None, ...], subject: str, source: str) -> Given:
        for score in scores:
            number = len(self.scores) + 1
            self.scores.append(
                Score(
                    name=f"{number}.jpg",
                    label=label,
                    pai_species=species,
                    subject=subject,
                    source=source,
                    presentation=number,
                    score=score,
                    decision=None if score is None else REAL if score >= 0 else SPOOF,
                    error=ErrorCode.NO_FACE_DETECTED if score is None else None,
                    frames_judged=0 if score is None else 2,
                    milliseconds=10.0 * number,
                )
            )
        return self


def provenance(**changes: object) -> Provenance:
    facts = {
        "subject": "recorded presentations",
        "models": (Model(id="net", stage="pad", sha256="ab" * 32, threshold=0.5, threshold_from="a set", weight=1.0),),
        "runtime": "a runtime",
        "policy": "kiosk",
        "mode": "Passive",
        "pad_margin": 0.0,
        "pad_margin_with_light": 0.0,
        "pad_veto_margin": 0.0,
        "attempts": 3,
        "index": "index.csv",
    }
    return Provenance(**(facts | changes))


class Dying(ReplaySetup):
    """Ends the process that opens it, as a kernel that is out of memory does."""

    def open(self, *, verify: bool = True) -> NoReturn:
        os._exit(9)
