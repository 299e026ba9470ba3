"""What commands that measure print of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from edge.cli import output
from edge.contracts.enums import LivenessDecision
from edge.evaluation.metrics import Figures
from edge.evaluation.performance import FromScores, Interval, Performance, Separation
from edge.evaluation.report import HTML_FILE, Report
from edge.evaluation.scores import Score
from edge.inference.calibration import SiteCalibration


def print_outcomes(outcomes: Mapping[tuple[str, str], Mapping[str, int]]) -> None:
    """By label and PAI species: how often each decision and each error came."""
    table = Table(title="What was decided")
    for heading in ("label", "PAI species", "n", "realface", "spoofface", "uncertain", "errors"):
        table.add_column(heading)
    for (label, species), counts in outcomes.items():
        others = sorted(counts.keys() - set(LivenessDecision), key=lambda code: (-counts[code], code))
        errors = ", ".join(f"{counts[code]} {code}" for code in others)
        decided = (str(counts.get(decision, 0)) for decision in LivenessDecision)
        table.add_row(label, escape(species), str(sum(counts.values())), *decided, errors or "0")
    output.console().print(table)


def print_figures(result: Figures) -> None:
    """At the decision of the terminal."""
    table = Table(title="ISO/IEC 30107-3 figures, exact 95 % bounds; uncertain counts as refused")
    table.add_column("figure")
    table.add_column("PAI species")
    table.add_column("errors/n = rate (bounds)")
    for species, rate in result.apcer.items():
        worst = " (the worst counts)" if species == result.worst_species else ""
        table.add_row("APCER", escape(species) + worst, output.percent(rate))
    for species, rate in result.apnrr.items():
        table.add_row("APNRR", escape(species), output.percent(rate))
    table.add_row("BPCER", "", output.percent(result.bpcer))
    table.add_row("BPNRR", "", output.percent(result.bpnrr))
    output.console().print(table)


def print_separation(result: FromScores) -> None:
    """From scores, at thresholds that were chosen on these presentations."""
    table = Table(title="From the scores, at thresholds chosen on these presentations")
    for heading in (
        "attacks",
        "n",
        "HTER, policy",
        "EER (95 %, subjects)",
        "AUC",
        "BPCER at APCER <= 5 %",
        "BPCER at APCER <= 1 %",
    ):
        table.add_column(heading)
    rows = [
        ("worst species at each threshold", result.worst),
        *result.species.items(),
        ("all, pooled", result.pooled),
    ]
    for name, separation in rows:
        table.add_row(escape(name), *_separation(separation))
    output.console().print(table)


def print_performance(result: Performance) -> None:
    """In short; the report has the rest."""
    print_outcomes(result.outcomes)
    print_figures(result.figures)
    if result.from_scores is not None:
        print_separation(result.from_scores)


def print_report(report: Report, folder: Path, *, as_json: bool) -> None:
    """What a run that wrote its report into the folder says at its end."""
    if as_json:
        output.print_json(report.to_dict())
    else:
        print_performance(report.performance)
        click.echo(f"the report is in {folder / HTML_FILE}")
    tell_uncounted((*report.performance.unreadable, *report.performance.voided))


def tell_uncounted(scores: Iterable[Score]) -> None:
    """What counts nowhere, on stderr, one line each."""
    for score in scores:
        if score.problem:
            output.tell(f"not read: {score.problem}")
        elif score.voided:
            output.tell(f"voided: {score.name} ({score.outcome}): {score.voided}")


def tell_calibration(calibration: SiteCalibration | None) -> None:
    """On stderr: that recordings are judged by shifted thresholds, and whose."""
    if calibration is not None:
        shifts = ", ".join(f"{model.id} {model.shift:+.3f}" for model in calibration.models)
        output.tell(f"thresholds shifted by {calibration}: {shifts} logits")


def _separation(separation: Separation) -> tuple[str, ...]:
    return (
        str(separation.attacks),
        f"{separation.hter.value:.1%}",
        f"{separation.eer.value:.1%} {_bounds(separation.eer.clustered)}",
        f"{separation.auc.value:.3f}" if separation.auc else "",
        output.percent(separation.bpcer20.bpcer),
        output.percent(separation.bpcer100.bpcer),
    )


def _bounds(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"(too few subjects: {interval.subjects})"
    return f"({interval.low:.1%} .. {interval.high:.1%})"
