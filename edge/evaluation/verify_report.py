"""A report of verification: JSON for programs, a page for people, and each comparison as a row."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import InputError
from edge.evaluation.pairs import COLUMNS
from edge.evaluation.report import HTML_FILE, JSON_FILE
from edge.evaluation.verify import Compared, Comparison, ErrorRate, Failures, OperatingPoint, Verification
from edge.evaluation.verify_page import to_html
from edge.evaluation.verify_provenance import VerifyProvenance
from edge.evaluation.words import (
    NO_CERTIFIED_VERIFICATION,
    OUTSIDE_THE_RATES,
    PAIRS_ARE_NOT_INDEPENDENT,
    RULE_OF_THREE,
    ZERO_EFFORT,
)
from edge.link.files import write_atomically

SCHEMA_VERSION = "1.0"
COMPARISONS_FILE = "comparisons.csv"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was measured, and with what."""

    result: Verification
    provenance: VerifyProvenance

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``docs/verify.md`` defines the figures."""
        result = self.result
        return {
            "schemaVersion": SCHEMA_VERSION,
            "notes": [
                NO_CERTIFIED_VERIFICATION,
                ZERO_EFFORT,
                PAIRS_ARE_NOT_INDEPENDENT,
                OUTSIDE_THE_RATES,
                RULE_OF_THREE,
            ],
            "provenance": self.provenance.to_dict(),
            "comparisons": {
                "mated": result.mated,
                "nonMated": result.non_mated,
                "subjects": result.subjects,
                "matedSubjects": result.mated_subjects,
            },
            "threshold": result.threshold,
            "fmr": _error_rate(result.fmr),
            "fnmr": _error_rate(result.fnmr),
            "fte": _failures(result.fte),
            "fta": _failures(result.fta),
            "eer": result.eer,
            "operating": [_operating(point) for point in result.operating],
            "byCondition": [
                {"condition": name, "fmr": fmr.to_dict(), "fnmr": fnmr.to_dict()}
                for name, (fmr, fnmr) in result.conditions.items()
            ],
            "det": [{"threshold": at, "fmr": fmr, "fnmr": fnmr} for at, fmr, fnmr in result.curve],
            "histogram": {
                "edges": list(result.histogram.edges),
                "mated": list(result.histogram.counts.get(None, ())),
                "nonMated": list(result.histogram.counts.get("non-mated", ())),
            }
            if result.histogram
            else None,
            "leastAlikeMated": [_comparison(c) for c in result.least_mated],
            "mostAlikeNonMated": [_comparison(c) for c in result.most_non_mated],
        }

    def write(self, folder: Path, compared: Compared) -> None:
        """``report.json``, ``report.html`` and ``comparisons.csv``, each whole or not at all. Raises InputError."""
        document = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        texts = (
            (JSON_FILE, document),
            (HTML_FILE, to_html(self.result, self.provenance)),
            (COMPARISONS_FILE, _rows(compared)),
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in texts:
                write_atomically(folder / name, text.encode(errors="backslashreplace"), mode=0o644)
        except OSError as error:
            raise InputError(
                f"cannot write the report into {folder}: {error.strerror}", remedy="give a folder that can be written"
            ) from error


def _rows(compared: Compared) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow((*COLUMNS, "similarity", "refused"))
    for comparison in compared.comparisons:
        pair = comparison.pair
        why = compared.references[pair.path_a] or compared.pictures[pair.path_b]
        rows.writerow(
            (
                pair.path_a.absolute(),
                pair.path_b.absolute(),
                "yes" if pair.same else "no",
                pair.subject_a,
                pair.subject_b,
                pair.condition,
                "" if comparison.similarity is None else f"{comparison.similarity:.5f}",
                why,
            )
        )
    return text.getvalue()


def _error_rate(rate: ErrorRate | None) -> dict[str, Any] | None:
    if rate is None:
        return None
    return rate.rate.to_dict() | {
        "overSubjects": {
            "low95": rate.subjects.low,
            "high95": rate.subjects.high,
            "whyNot": rate.subjects.why_not or None,
        },
        "subjectsWithErrors": rate.amiss.to_dict(),
    }


def _failures(failures: Failures) -> dict[str, Any]:
    return failures.rate.to_dict() | {"reasons": failures.reasons}


def _operating(point: OperatingPoint) -> dict[str, Any]:
    return {
        "fmrAtMost": point.limit,
        "comparisonsNeeded": point.needed,
        "threshold": point.threshold,
        "fmr": point.fmr.to_dict(),
        "fnmr": point.fnmr.to_dict(),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    pair = comparison.pair
    return {
        "pathA": str(pair.path_a),
        "pathB": str(pair.path_b),
        "subjectA": pair.subject_a or None,
        "subjectB": pair.subject_b or None,
        "similarity": comparison.similarity,
    }
