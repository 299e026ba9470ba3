"""A report: JSON for programs, one page of HTML for people, both of the same figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import InputError
from edge.evaluation.metrics import Figures
from edge.evaluation.page import to_html
from edge.evaluation.performance import (
    FEWEST_SUBJECTS,
    RESAMPLES,
    SEED,
    Estimate,
    FromScores,
    Interval,
    Operating,
    Performance,
    Separation,
    Times,
    measure,
)
from edge.evaluation.provenance import Provenance
from edge.evaluation.scores import Score
from edge.evaluation.transactions import Transactions
from edge.evaluation.words import CERTIFICATION, INDEPENDENCE
from edge.link.files import write_atomically

SCHEMA_VERSION = "1.0"
JSON_FILE = "report.json"
HTML_FILE = "report.html"


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured, and with what."""

    performance: Performance
    provenance: Provenance

    @classmethod
    def of(cls, scores: Sequence[Score], provenance: Provenance) -> Report:
        """All figures of the scores. Deterministic."""
        return cls(measure(scores, threshold=provenance.pad_margin, attempts=provenance.attempts), provenance)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``docs/evaluation.md`` defines the figures."""
        result = self.performance
        return {
            "schemaVersion": SCHEMA_VERSION,
            "notes": [CERTIFICATION, INDEPENDENCE],
            "provenance": self.provenance.to_dict(),
            "presentations": result.presentations,
            "unreadable": [
                {"presentation": score.presentation, "name": score.name, "problem": score.problem}
                for score in result.unreadable
            ],
            "voided": [
                {
                    "presentation": score.presentation,
                    "name": score.name,
                    "decision": score.decision,
                    "error": score.error,
                    "reason": score.voided,
                }
                for score in result.voided
            ],
            "outcomes": [
                {"label": label, "paiSpecies": species or None, "counts": counts}
                for (label, species), counts in result.outcomes.items()
            ],
            "nonResponses": [
                {
                    "label": label,
                    "paiSpecies": species or None,
                    "error": reason.error,
                    "qualityFailure": reason.quality_failure,
                    "n": count,
                }
                for (label, species), counts in result.non_responses.items()
                for reason, count in counts.items()
            ],
            "figures": result.figures.to_dict()
            | {
                "clustered": {
                    "bpcer": _interval(result.clustered.bpcer),
                    "apcer": {name: _interval(interval) for name, interval in result.clustered.apcer.items()},
                    "worstApcer": _interval(result.clustered.worst_apcer),
                }
            },
            "fromScores": _from_scores(result.from_scores, result.threshold) if result.from_scores else None,
            "transactions": _transactions(result.transactions) if result.transactions else None,
            "bySource": [{"source": source} | _figures(figures) for source, figures in result.by_source.items()],
            "bySubject": [
                {"source": source, "subject": subject} | _figures(figures)
                for (source, subject), figures in result.by_subject.items()
            ],
            "histogram": {
                "edges": list(result.histogram.edges),
                "bonafide": list(result.histogram.counts.get(None, ())),
                "attacks": {name: list(counts) for name, counts in result.histogram.counts.items() if name is not None},
            }
            if result.histogram
            else None,
            "bootstrap": {
                "seed": SEED,
                "resamples": RESAMPLES,
                "fewestSubjects": FEWEST_SUBJECTS,
                "presentationsWithoutSubject": result.without_subject,
            },
            "milliseconds": {
                "perPresentation": _times(result.per_presentation),
                "perJudgedFrame": _times(result.per_judged_frame),
            },
        }

    def to_html(self) -> str:
        """One self-contained page."""
        return to_html(self.performance, self.provenance)

    def write(self, folder: Path) -> None:
        """``report.json`` and ``report.html``, each whole or not at all. Raises InputError."""
        document = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        try:
            for name, text in ((JSON_FILE, document), (HTML_FILE, self.to_html())):
                write_atomically(folder / name, text.encode(errors="backslashreplace"), mode=0o644)
        except OSError as error:
            raise InputError(
                f"cannot write the report into {folder}: {error.strerror}", remedy="give a folder that can be written"
            ) from error


def _figures(figures: Figures) -> dict[str, Any]:
    return {"figures": figures.to_dict()}


def _interval(interval: Interval) -> dict[str, Any]:
    return {
        "low95": interval.low,
        "high95": interval.high,
        "subjects": interval.subjects,
        "whyNot": interval.why_not or None,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "clustered": _interval(estimate.clustered)}


def _operating(operating: Operating) -> dict[str, Any]:
    return {
        "apcerAtMost": operating.limit,
        "threshold": operating.threshold,
        "bpcer": operating.bpcer.to_dict(),
        "clustered": _interval(operating.clustered),
    }


def _separation(separation: Separation) -> dict[str, Any]:
    return {
        "attacks": separation.attacks,
        "atThreshold": {"apcer": separation.at_threshold[0], "bpcer": separation.at_threshold[1]},
        "hter": _estimate(separation.hter),
        "eer": _estimate(separation.eer) | {"threshold": separation.eer_threshold},
        "auc": _estimate(separation.auc) if separation.auc else None,
        "bpcer20": _operating(separation.bpcer20),
        "bpcer100": _operating(separation.bpcer100),
        "det": [{"threshold": at, "apcer": apcer, "bpcer": bpcer} for at, apcer, bpcer in separation.curve],
    }


def _from_scores(result: FromScores, threshold: float) -> dict[str, Any]:
    return {
        "threshold": threshold,
        "bonafide": result.bona_fide,
        "worst": _separation(result.worst),
        "pooled": _separation(result.pooled),
        "species": {name: _separation(separation) for name, separation in result.species.items()},
        "atBpcer": {
            "bpcerAtMost": result.at_bpcer.limit,
            "threshold": result.at_bpcer.threshold,
            "bpcer": result.at_bpcer.bpcer.to_dict(),
            "apcer": {
                name: rate.to_dict() | {"clustered": _interval(result.at_bpcer.clustered[name])}
                for name, rate in result.at_bpcer.apcer.items()
            },
        },
    }


def _transactions(result: Transactions) -> dict[str, Any]:
    return {
        "attempts": result.attempts,
        "formed": result.formed,
        "full": result.full,
    } | _figures(result.figures)


def _times(times: Times | None) -> dict[str, Any] | None:
    return {"median": times.median, "p95": times.p95, "n": times.n} if times else None
