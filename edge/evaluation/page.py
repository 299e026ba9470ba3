"""The report as one page of HTML that needs nothing else: no script, font, picture or network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from edge.contracts.enums import LivenessDecision
from edge.evaluation import charts
from edge.evaluation.html import document, figure, header, paragraph, section, table, tiles
from edge.evaluation.metrics import Figures, Rate
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
)
from edge.evaluation.provenance import Provenance
from edge.evaluation.words import (
    CERTIFICATION,
    COUNTING,
    DET_AXES,
    EER_RULE,
    INDEPENDENCE,
    NON_RESPONSE,
    RECORDINGS_NAME_NO_CAMERA,
    SPECIES_NEVER_AVERAGED,
    THRESHOLDS_CHOSEN_HERE,
    TRANSACTION,
)

SUBJECTS_SHOWN = 60
"""Rows of the table by subject."""
NONE: Final = "-"


def to_html(performance: Performance, provenance: Provenance) -> str:
    """The whole page; every text from outside is escaped."""
    body = "".join(
        (
            _head(performance, provenance),
            _summary(performance),
            _decision(performance),
            _outcomes(performance),
            _from_scores(performance) if performance.from_scores else _no_scores(),
            _transactions(performance),
            _groups(performance),
            _unreadable(performance),
            _voided(performance),
            _provenance(performance, provenance),
        )
    )
    return document(f"presentation attack detection, {provenance.index or provenance.subject}", body)


def _head(performance: Performance, provenance: Provenance) -> str:
    networks = ", ".join(model.id for model in provenance.models if model.threshold is not None)
    facts = (
        ("measured on", provenance.index or provenance.subject),
        ("presentations", _presentations(performance)),
        ("PAD networks", networks),
        ("policy and mode", f"{provenance.policy}, {provenance.mode}"),
        ("calibration", str(provenance.calibration or "none")),
        ("date", provenance.started.replace("T", " ")),
        ("livegate", provenance.livegate),
    )
    return header("Presentation attack detection performance", facts, CERTIFICATION)


def _presentations(performance: Performance) -> str:
    said = f"{performance.presentations} judged, {len(performance.unreadable)} not read"
    return f"{said}, {len(performance.voided)} voided" if performance.voided else said


def _summary(performance: Performance) -> str:
    figures = performance.figures
    worst = figures.worst_species
    figures_shown = [
        ("APCER, worst species", figures.apcer[worst] if worst else Rate(0, 0), worst or "no attack with a response"),
        ("BPCER", figures.bpcer, "people refused"),
        ("APNRR, worst species", *_worst_nonresponse(figures)),
        ("BPNRR", figures.bpnrr, "people without an answer"),
    ]
    shown = tiles(
        (
            name,
            _percent(rate.value),
            (f"{rate.errors} of {rate.n}; 95 %: {rate.low:.1%} to {rate.high:.1%}", what),
        )
        for name, rate, what in figures_shown
    )
    return section("Summary", shown + paragraph(COUNTING))


def _worst_nonresponse(figures: Figures) -> tuple[Rate, str]:
    known = {name: rate for name, rate in figures.apnrr.items() if rate.n}
    if not known:
        return Rate(0, 0), "no attack"
    name = max(known, key=lambda name: (known[name].value or 0.0, known[name].n))
    return known[name], name


def _decision(performance: Performance) -> str:
    figures, clustered = performance.figures, performance.clustered
    rows = [("BPCER (bona fide)", figures.bpcer, clustered.bpcer)]
    rows += [(name, rate, clustered.apcer.get(name, Interval(None, None, 0))) for name, rate in figures.apcer.items()]
    title = "APCER by PAI species, and BPCER, with 95 % bounds"
    chart = charts.intervals(
        title,
        "A dot is the measured rate, the thin line its exact bounds, the thick line below it the bounds over subjects; "
        "the table below has the numbers.",
        rows,
    )
    rates = table(
        ("figure", "PAI species", "errors / n", "rate", "exact 95 % bounds", "95 % bounds over subjects"),
        [
            *(
                _rate_row(
                    "APCER",
                    f"{name} (the worst counts)" if name == figures.worst_species else name,
                    rate,
                    clustered.apcer.get(name),
                )
                for name, rate in figures.apcer.items()
            ),
            _rate_row("BPCER", "", figures.bpcer, clustered.bpcer),
            *(_rate_row("APNRR", name, rate, None) for name, rate in figures.apnrr.items()),
            _rate_row("BPNRR", "", figures.bpnrr, None),
        ],
        numbers=2,
    )
    notes = (
        paragraph(INDEPENDENCE)
        + paragraph(SPECIES_NEVER_AVERAGED)
        + paragraph(
            f"Bounds over subjects: percentiles of {RESAMPLES} resamples of subjects with replacement, seed {SEED}; "
            f"none for fewer than {FEWEST_SUBJECTS} subjects. Worst APCER, over subjects: "
            f"{_bounds(clustered.worst_apcer)}." + _without_subject(performance)
        )
    )
    legend = (
        '<p class="legend"><span class="swatch whisker"></span> exact bounds '
        '<span class="swatch subjects"></span> bounds over subjects</p>'
    )
    return section("At the decision of the terminal", figure(title, chart + legend) + rates + notes)


def _without_subject(performance: Performance) -> str:
    count = performance.without_subject
    return f" {count} presentations name no subject; each counts as one of its own." if count else ""


def _outcomes(performance: Performance) -> str:
    rows = []
    for (label, species), counts in performance.outcomes.items():
        others = sorted(counts.keys() - set(LivenessDecision), key=lambda code: (-counts[code], code))
        errors = ", ".join(f"{counts[code]} {code}" for code in others) or "0"
        decided = (str(counts.get(decision, 0)) for decision in LivenessDecision)
        rows.append((label, species, str(sum(counts.values())), *decided, errors))
    heads = ("label", "PAI species", "n", *(decision.value for decision in LivenessDecision), "non-responses")
    return section("What was decided", table(heads, rows, numbers=2) + _non_responses(performance))


def _non_responses(performance: Performance) -> str:
    if not performance.non_responses:
        return ""
    rows = [
        (label, species, reason.error, reason.quality_failure or NONE, str(count), str(sum(counts.values())))
        for (label, species), counts in performance.non_responses.items()
        for reason, count in counts.items()
    ]
    heads = ("label", "PAI species", "error", "most frequent quality failure", "n", "of all its non-responses")
    return "<h3>Why there was no response</h3>" + paragraph(NON_RESPONSE) + table(heads, rows, numbers=4)


def _no_scores() -> str:
    return section(
        "From the scores", paragraph("Figures from scores need bona fide presentations and attacks with a score.")
    )


def _from_scores(performance: Performance) -> str:
    result = performance.from_scores
    if result is None:
        return ""
    named = [
        ("worst species at each threshold", result.worst),
        *result.species.items(),
        ("all attacks, pooled", result.pooled),
    ]
    heads = ("attacks", "n", "HTER", "EER", "threshold at EER", "AUC", "BPCER20", "BPCER100")
    separations = table(heads, [_separation_row(name, separation) for name, separation in named], numbers=1)
    at = result.at_bpcer
    fixed = table(
        ("PAI species", "errors / n", "APCER", "exact 95 % bounds", "95 % bounds over subjects"),
        [
            (name, f"{rate.errors} / {rate.n}", _percent(rate.value), _exact(rate), _bounds(at.clustered[name]))
            for name, rate in at.apcer.items()
        ],
        numbers=1,
    )
    return section(
        "From the scores",
        paragraph(
            f"{result.bona_fide} bona fide presentations and {result.pooled.attacks} attacks have a score. HTER is at "
            f"the policy's threshold ({performance.threshold:g}). {EER_RULE}"
        )
        + paragraph(THRESHOLDS_CHOSEN_HERE)
        + separations
        + _det_chart(performance, result)
        + f"<h3>APCER at a BPCER of at most {at.limit:.0%}</h3>"
        + paragraph(
            f"At the threshold {at.threshold:.3f}, where BPCER is {_percent(at.bpcer.value)} "
            f"({at.bpcer.errors} of {at.bpcer.n})."
        )
        + fixed
        + _histograms(performance),
    )


def _det_chart(performance: Performance, result: FromScores) -> str:
    by_eer = sorted(result.species.items(), key=lambda item: -item[1].eer.value)[: charts.SERIES - 1]
    lines = [("worst species", result.worst)] if len(result.species) > 1 else []
    lines += by_eer
    drawn = [
        charts.DetLine(
            name,
            [(apcer, bpcer) for _, apcer, bpcer in separation.curve],
            number,
            separation.at_threshold,
        )
        for number, (name, separation) in enumerate(lines)
    ]
    title = "Detection error trade-off by PAI species"
    about = "BPCER against APCER at every threshold; the table above has EER, BPCER20 and BPCER100."
    return figure(title, charts.det(title, about, drawn) + f'<p class="legend">{escape(DET_AXES)}</p>')


def _histograms(performance: Performance) -> str:
    if performance.histogram is None:
        return ""
    title = "Scores of bona fide presentations and of each PAI species"
    about = "Counts of the fused PAD margin by label and PAI species, each strip to its own height."
    return figure(title, charts.histograms(title, about, performance.histogram, performance.threshold))


def _separation_row(name: str, separation: Separation) -> tuple[str, ...]:
    return (
        name,
        str(separation.attacks),
        _estimate(separation.hter),
        _estimate(separation.eer),
        f"{separation.eer_threshold:.3f}",
        f"{separation.auc.value:.4f}" if separation.auc else NONE,
        _operating(separation.bpcer20),
        _operating(separation.bpcer100),
    )


def _transactions(performance: Performance) -> str:
    result = performance.transactions
    if result is None:
        return ""
    rows = [_rate_row("APCER", name, rate, None)[:5] for name, rate in result.figures.apcer.items()]
    rows += [_rate_row("BPCER", "", result.figures.bpcer, None)[:5]]
    rows += [_rate_row("APNRR", name, rate, None)[:5] for name, rate in result.figures.apnrr.items()]
    rows += [_rate_row("BPNRR", "", result.figures.bpnrr, None)[:5]]
    return section(
        f"Transactions of up to {result.attempts} attempts",
        paragraph(TRANSACTION)
        + paragraph(f"{result.formed} transactions, {result.full} of them with {result.attempts} attempts.")
        + table(("figure", "PAI species", "errors / n", "rate", "exact 95 % bounds"), rows, numbers=2),
    )


def _groups(performance: Performance) -> str:
    text = ""
    if len(performance.by_source) > 1 or "" not in performance.by_source:
        rows = [
            _group_row((source or NONE,), *kind)
            for source, figures in performance.by_source.items()
            for kind in _kinds(figures)
        ]
        text += "<h3>By source</h3>" + _group_table(("source",), rows)
    if performance.by_subject:
        groups = [
            ((subject, source or NONE), kind)
            for (source, subject), figures in performance.by_subject.items()
            for kind in _kinds(figures)
        ]
        groups.sort(key=lambda group: (-group[1][1].errors, -group[1][2].errors))
        amiss = [group for group in groups if group[1][1].errors or group[1][2].errors]
        shown = amiss[:SUBJECTS_SHOWN]
        text += "<h3>By subject, most errors first</h3>"
        if shown:
            text += _group_table(("subject", "source"), [_group_row(names, *kind) for names, kind in shown])
        more = len(amiss) - len(shown)
        text += paragraph(
            f"{len(groups) - len(amiss)} of {len(groups)} such rows have neither an error nor a non-response"
            + (f"; {more} further ones have no more than these" if more else "")
            + ". All are in report.json."
        )
    return section("Where the errors are", text) if text else ""


def _kinds(figures: Figures) -> list[tuple[str, Rate, Rate]]:
    """What was presented, with its classification errors and its non-responses."""
    people = [("bona fide", figures.bpcer, figures.bpnrr)] if figures.bpnrr.n else []
    return people + [(species, rate, figures.apnrr[species]) for species, rate in figures.apcer.items()]


def _group_row(names: tuple[str, ...], kind: str, errors: Rate, missing: Rate) -> tuple[str, ...]:
    rate = f"{errors.errors} / {errors.n}"
    return (*names, kind, rate, _percent(errors.value), _exact(errors), f"{missing.errors} / {missing.n}")


def _group_table(names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> str:
    heads = (*names, "kind", "errors / n", "BPCER or APCER", "exact 95 % bounds", "non-responses / n")
    return table(heads, rows, numbers=len(names) + 1)


def _unreadable(performance: Performance) -> str:
    if not performance.unreadable:
        return ""
    return section(
        "Not read",
        paragraph("These count nowhere; they are no non-responses.")
        + table(
            ("presentation", "name", "problem"),
            [(str(score.presentation), score.name, score.problem) for score in performance.unreadable],
            numbers=3,
        ),
    )


def _voided(performance: Performance) -> str:
    if not performance.voided:
        return ""
    return section(
        "Voided",
        paragraph("Whoever presented these took them back; they count nowhere.")
        + table(
            ("presentation", "name", "outcome", "reason"),
            [(str(score.presentation), score.name, score.outcome, score.voided) for score in performance.voided],
            numbers=4,
        ),
    )


def _provenance(performance: Performance, provenance: Provenance) -> str:
    models = table(
        ("model", "stage", "SHA-256", "threshold", "spread", "weight", "threshold from"),
        [
            (
                model.id,
                model.stage,
                model.sha256,
                NONE if model.threshold is None else f"{model.threshold:.6g}",
                NONE if model.spread is None else f"{model.spread:g}",
                NONE if model.weight is None else f"{model.weight:g}",
                model.threshold_from or NONE,
            )
            for model in provenance.models
        ],
        numbers=7,
    )
    facts = [
        (
            "policy",
            f"{provenance.policy}: PAD margin {provenance.pad_margin:g}, where light is required "
            f"{provenance.pad_margin_with_light:g}, veto margin {provenance.pad_veto_margin:g}",
        ),
        ("mode", provenance.mode),
        ("index", provenance.index or NONE),
        ("SHA-256 of the index", provenance.index_sha256 or NONE),
        ("files", NONE if provenance.files is None else str(provenance.files)),
        ("runtime", provenance.runtime),
        ("machine", provenance.machine),
        ("livegate", provenance.livegate),
        ("started", provenance.started or NONE),
        (
            "took",
            f"{provenance.seconds:.0f} s for {provenance.judged} presentations; {provenance.resumed} were there before",
        ),
        ("processes", str(provenance.jobs)),
        ("time for a presentation", _times(performance.per_presentation)),
        ("time for a judged frame", _times(performance.per_judged_frame)),
    ]
    return section(
        "Made with",
        models
        + _calibration(provenance)
        + table(("", ""), facts, numbers=2)
        + paragraph("Times are for orientation: reading and judging, on a machine that the processes share."),
    )


def _calibration(provenance: Provenance) -> str:
    calibration = provenance.calibration
    if calibration is None:
        return ""
    heads = ("network", "SHA-256", "shift, logits", "lowest threshold", "here", "reference", "shrinkage")
    rows = [
        (
            model.id,
            model.sha256,
            f"{model.shift:+.3f}",
            f"{model.floor:.6g}",
            f"{model.location:+.2f}",
            f"{model.reference:+.2f}",
            f"{model.shrink:.2f}",
        )
        for model in calibration.models
    ]
    return (
        "<h3>Calibration of the site</h3>"
        + paragraph(
            f"These thresholds were shifted by {calibration}, {calibration.frames} frames; "
            f"SHA-256 {calibration.sha256}." + (f" {RECORDINGS_NAME_NO_CAMERA}" if provenance.index else "")
        )
        + table(heads, rows, numbers=2)
    )


def _times(times: Times | None) -> str:
    return f"median {times.median:.0f} ms, 95th percentile {times.p95:.0f} ms (n = {times.n})" if times else NONE


def _rate_row(name: str, species: str, rate: Rate, clustered: Interval | None) -> tuple[str, ...]:
    return (
        name,
        species,
        f"{rate.errors} / {rate.n}",
        _percent(rate.value),
        _exact(rate),
        _bounds(clustered) if clustered else NONE,
    )


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.1%}"


def _exact(rate: Rate) -> str:
    return f"{rate.low:.1%} to {rate.high:.1%}" if rate.n else NONE


def _bounds(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return interval.why_not or NONE
    return f"{interval.low:.1%} to {interval.high:.1%} ({interval.subjects} subjects)"


def _estimate(estimate: Estimate) -> str:
    bounds = estimate.clustered
    if bounds.low is None or bounds.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} ({bounds.low:.1%} to {bounds.high:.1%})"


def _operating(operating: Operating) -> str:
    rate = operating.bpcer
    return f"{_percent(rate.value)} ({rate.errors}/{rate.n}; {_exact(rate)})"
