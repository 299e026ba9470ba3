"""The report of verification as one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from edge.evaluation import charts
from edge.evaluation.html import document, figure, header, paragraph, section, table, tiles
from edge.evaluation.metrics import Rate
from edge.evaluation.performance import FEWEST_SUBJECTS, RESAMPLES, SEED, Interval
from edge.evaluation.verify import Comparison, ErrorRate, Failures, OperatingPoint, Verification
from edge.evaluation.verify_provenance import VerifyProvenance
from edge.evaluation.words import (
    NO_CERTIFIED_VERIFICATION,
    OUTSIDE_THE_RATES,
    PAIRS_ARE_NOT_INDEPENDENT,
    RULE_OF_THREE,
    VERIFY_DET_AXES,
    ZERO_EFFORT,
)

NONE: Final = "-"
_LOWEST: Final = 0.00001


def to_html(result: Verification, provenance: VerifyProvenance) -> str:
    """The whole page; every text from outside is escaped."""
    body = "".join(
        (
            _head(result, provenance),
            _summary(result, provenance),
            _failures(result),
            _thresholds(result),
            _charts(result),
            _conditions(result),
            _extremes(result),
            _provenance(provenance),
        )
    )
    return document(f"verification, {provenance.source}", body)


def share(value: float | None) -> str:
    """Rates of verification are small: three digits that count."""
    return NONE if value is None else f"{value * 100:.3g} %"


def _head(result: Verification, provenance: VerifyProvenance) -> str:
    facts = (
        ("measured on", provenance.source),
        ("mated comparisons", f"{result.mated} of {result.mated_subjects} subjects"),
        ("non-mated comparisons", str(result.non_mated)),
        ("subjects", str(result.subjects)),
        ("network", provenance.embedding),
        ("date", provenance.started.replace("T", " ")),
        ("livegate", provenance.livegate),
    )
    return header("Face verification performance", facts, NO_CERTIFIED_VERIFICATION)


def _summary(result: Verification, provenance: VerifyProvenance) -> str:
    shown = [
        _tile("FMR", result.fmr.rate, "others taken for the person") if result.fmr else None,
        _tile("FNMR", result.fnmr.rate, "persons not recognised") if result.fnmr else None,
        _tile("FTE", result.fte.rate, "references refused"),
        _tile("FTA", result.fta.rate, "pictures without a face to compare"),
    ]
    if result.threshold is None:
        told = f"The manifest of {provenance.embedding} has no match section, so there is no threshold to count at."
    else:
        told = (
            f"At a confidence of {provenance.confidence:g}, which is a similarity of {result.threshold:.4f} for the "
            f"file of {provenance.embedding}."
        )
    rates = [_rate_row(name, rate) for name, rate in (("FMR", result.fmr), ("FNMR", result.fnmr)) if rate is not None]
    heads = ("figure", "errors / n", "rate", "exact 95 % bounds", "95 % bounds over subjects", "subjects with errors")
    bounds = (
        table(heads, rates, numbers=1)
        + paragraph(PAIRS_ARE_NOT_INDEPENDENT)
        + paragraph(
            f"Bounds over subjects: percentiles of {RESAMPLES} resamples of subjects with replacement, seed {SEED}; "
            f"none for fewer than {FEWEST_SUBJECTS} subjects, and none where the resamples do not differ."
        )
    )
    return section(
        "Summary",
        tiles(tile for tile in shown if tile) + paragraph(told) + paragraph(ZERO_EFFORT) + (bounds if rates else ""),
    )


def _tile(name: str, rate: Rate, what: str) -> tuple[str, str, Sequence[str]]:
    return name, share(rate.value), (f"{rate.errors} of {rate.n}; 95 %: {_exact(rate)}", what)


def _failures(result: Verification) -> str:
    rows = [*_reasons("reference", result.fte), *_reasons("picture", result.fta)]
    content = paragraph(OUTSIDE_THE_RATES)
    if rows:
        content += table(("part", "why", "n"), rows, numbers=2)
    return section("What could not be compared", content)


def _reasons(part: str, failures: Failures) -> list[tuple[str, str, str]]:
    return [(part, reason, f"{count} / {failures.rate.n}") for reason, count in failures.reasons.items()]


def _thresholds(result: Verification) -> str:
    heads = ("FMR at most", "threshold", "FMR", "exact 95 % bounds", "FNMR", "exact 95 % bounds")
    eer = "" if result.eer is None else f" FMR and FNMR are equal at {share(result.eer)} (EER)."
    return section(
        "Thresholds",
        table(heads, [operating_row(point) for point in result.operating], numbers=1) + paragraph(RULE_OF_THREE + eer),
    )


def operating_row(point: OperatingPoint) -> tuple[str, ...]:
    """FMR at most, threshold, FMR and FNMR, each with its exact bounds."""
    limit = share(point.limit)
    if not point.fmr.n:
        return limit, f"needs {point.needed} non-mated comparisons", NONE, NONE, NONE, NONE
    threshold = "none gets there" if point.threshold is None else f"{point.threshold:.4f}"
    return limit, threshold, *(text for rate in (point.fmr, point.fnmr) for text in (_counted(rate), _exact(rate)))


def _charts(result: Verification) -> str:
    if not result.curve:
        return section("Curves", paragraph("A curve needs mated and non-mated comparisons."))
    at = (0.0, 0.0)
    if result.fmr is not None and result.fnmr is not None:
        at = (result.fmr.rate.value or 0.0, result.fnmr.rate.value or 0.0)
    title = "Detection error trade-off"
    line = charts.DetLine("zero-effort", [(fmr, fnmr) for _, fmr, fnmr in result.curve], 0, at)
    about = "FNMR against FMR at every threshold; the table above has FNMR at some FMR."
    drawn = charts.det(title, about, [line], axes=("FMR", "FNMR"), threshold="the file's threshold", lowest=_LOWEST)
    content = figure(title, drawn + f'<p class="legend">{escape(VERIFY_DET_AXES)}</p>')
    if result.histogram is not None:
        title = "Similarities of mated and of non-mated comparisons"
        about = "Counts of similarities, each strip to its own height."
        content += figure(
            title,
            charts.histograms(
                title,
                about,
                result.histogram,
                2.0 if result.threshold is None else round(result.threshold, 4),
                wanted="mated",
                axis="similarity: two faces left, one right",
            ),
        )
    return section("Curves", content)


def _conditions(result: Verification) -> str:
    if not result.conditions:
        return ""
    rows = [
        (name, _counted(fmr), _exact(fmr), _counted(fnmr), _exact(fnmr))
        for name, (fmr, fnmr) in result.conditions.items()
    ]
    heads = ("condition", "FMR", "exact 95 % bounds", "FNMR", "exact 95 % bounds")
    return section(
        "By condition",
        paragraph("Comparisons with a condition are in no other figure of this page.") + table(heads, rows, numbers=1),
    )


def _extremes(result: Verification) -> str:
    heads = ("reference", "picture", "subjects", "similarity")
    return section(
        "Where the errors are",
        "<h3>Mated comparisons, least alike first</h3>"
        + table(heads, [_extreme(c) for c in result.least_mated], numbers=3)
        + "<h3>Non-mated comparisons, most alike first</h3>"
        + paragraph("Look at the first ones: one person under two names counts here as a false match.")
        + table(heads, [_extreme(c) for c in result.most_non_mated], numbers=3),
    )


def _extreme(comparison: Comparison) -> tuple[str, ...]:
    pair = comparison.pair
    subjects = pair.subject_a if pair.same else f"{pair.subject_a}, {pair.subject_b}"
    return (
        pair.path_a.name,
        pair.path_b.name,
        subjects.strip(", ") or NONE,
        NONE if comparison.similarity is None else f"{comparison.similarity:.4f}",
    )


def _provenance(provenance: VerifyProvenance) -> str:
    match = provenance.match
    facts = [
        ("pairs", provenance.source),
        ("SHA-256 of that file", provenance.source_sha256),
        (
            "non-mated comparisons",
            f"at most {provenance.drawn[0]}, drawn with the seed {provenance.drawn[1]}"
            if provenance.drawn
            else "as listed",
        ),
        ("network", f"{provenance.embedding} ({provenance.licence})"),
        *((f"SHA-256 of {name}", sha256) for name, sha256 in provenance.models.items()),
        ("threshold and spread", f"{match.threshold:g}, {match.spread:g}" if match else NONE),
        ("threshold from", match.threshold_from if match else NONE),
        ("spread from", match.spread_from if match else NONE),
        ("runtime", provenance.runtime),
        ("machine", provenance.machine),
        ("livegate", provenance.livegate),
        ("started", provenance.started),
        ("took", f"{provenance.seconds:.0f} s"),
    ]
    return section("Made with", table(("", ""), facts, numbers=2))


def _rate_row(name: str, error_rate: ErrorRate) -> tuple[str, ...]:
    rate, amiss = error_rate.rate, error_rate.amiss
    return (
        name,
        f"{rate.errors} / {rate.n}",
        share(rate.value),
        _exact(rate),
        _bounds(error_rate.subjects),
        f"{amiss.errors} / {amiss.n} (95 %: {_exact(amiss)})",
    )


def _counted(rate: Rate) -> str:
    return f"{share(rate.value)} ({rate.errors}/{rate.n})" if rate.n else NONE


def _exact(rate: Rate) -> str:
    return f"{share(rate.low)} to {share(rate.high)}" if rate.n else NONE


def _bounds(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return interval.why_not or NONE
    return f"{share(interval.low)} to {share(interval.high)} ({interval.subjects} subjects)"
