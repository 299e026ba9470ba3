"""Every figure of a report, from scores alone. ``docs/evaluation.md`` defines each of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from edge.contracts.enums import ErrorCode, Label, LivenessDecision, QualityFailure
from edge.evaluation.curves import Curve, Curves, Floats, Scored
from edge.evaluation.metrics import CONFIDENCE, Figures, Rate, figures
from edge.evaluation.scores import Score, counted
from edge.evaluation.transactions import Transactions, transactions

SEED = 30107
RESAMPLES = 2000
FEWEST_SUBJECTS = 5
"""Fewer than these say nothing about how subjects differ."""

BPCER20, BPCER100 = 0.05, 0.01
BPCER_LIMIT = 0.05
BINS = 40
CURVE_POINTS = 1000
# Resamples times presentations that are weighted at once; bounds the memory.
_AT_ONCE = 2_000_000

Key = TypeVar("Key", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Interval:
    """Percentile bounds of the bootstrap over subjects; ``why_not`` in place of them where it says nothing."""

    low: float | None
    high: float | None
    subjects: int
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its bounds."""

    value: float
    clustered: Interval


@dataclass(frozen=True, slots=True)
class Operating:
    """BPCER at the lowest threshold with an APCER of at most ``limit``; threshold None: only refusing everybody is."""

    limit: float
    threshold: float | None
    bpcer: Rate
    clustered: Interval


@dataclass(frozen=True, slots=True)
class Separation:
    """Attacks against bona fide presentations, from their scores.

    at_threshold: APCER and BPCER at the policy's threshold; hter: their mean.
    auc: None of the worst species, which is another one at each threshold.
    curve: threshold (None: infinite), APCER and BPCER at the corners of the DET curve.
    """

    attacks: int
    at_threshold: tuple[float, float]
    hter: Estimate
    eer: Estimate
    eer_threshold: float
    auc: Estimate | None
    bpcer20: Operating
    bpcer100: Operating
    curve: tuple[tuple[float | None, float, float], ...]


@dataclass(frozen=True, slots=True)
class AtBpcer:
    """APCER by species at the highest threshold with a BPCER of at most ``limit``."""

    limit: float
    threshold: float
    bpcer: Rate
    apcer: dict[str, Rate]
    clustered: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class FromScores:
    """worst: of the species that is worst at each threshold. pooled: of all attacks as if they were one species."""

    bona_fide: int
    worst: Separation
    pooled: Separation
    species: dict[str, Separation]
    at_bpcer: AtBpcer


@dataclass(frozen=True, slots=True)
class Histogram:
    """edges: one more than bins. counts: by ``bonafide`` (None) and PAI species."""

    edges: tuple[float, ...]
    counts: dict[str | None, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds."""

    median: float
    p95: float
    n: int


@dataclass(frozen=True, slots=True)
class Clustered:
    """Bounds of the figures at the terminal's decision."""

    bpcer: Interval
    apcer: dict[str, Interval]
    worst_apcer: Interval


class Reason(NamedTuple):
    """Why a presentation had no decision: its error, and what most frames lacked of those not judged; None: nothing."""

    error: ErrorCode
    quality_failure: QualityFailure | None


@dataclass(frozen=True, slots=True)
class Performance:
    """All that a set of scores shows.

    threshold: score from which the policy lets the PAD networks confirm.
    presentations: that count. unreadable: those that could not be read, with ``problem``; voided: with the reason.
    without_subject: presentations that name none; each is then a subject of its own.
    non_responses: how often each reason came, by label and species, the most frequent first.
    from_scores: None where bona fide presentations or attacks with a score are missing.
    by_subject: keys are source and subject.
    """

    threshold: float
    presentations: int
    unreadable: tuple[Score, ...]
    voided: tuple[Score, ...]
    without_subject: int
    figures: Figures
    clustered: Clustered
    outcomes: dict[tuple[str, str], dict[str, int]]
    non_responses: dict[tuple[str, str], dict[Reason, int]]
    from_scores: FromScores | None
    histogram: Histogram | None
    transactions: Transactions | None
    by_source: dict[str, Figures]
    by_subject: dict[tuple[str, str], Figures]
    per_presentation: Times | None
    per_judged_frame: Times | None


def measure(scores: Sequence[Score], *, threshold: float, attempts: int, resamples: int = RESAMPLES) -> Performance:
    """threshold: the policy's ``pad_margin``. attempts: most attempts of a transaction."""
    read = counted(scores)
    scored = [score for score in read if score.score is not None]
    clusters = _Clusters(read, resamples)
    return Performance(
        threshold=threshold,
        presentations=len(read),
        unreadable=tuple(score for score in scores if score.problem),
        voided=tuple(score for score in scores if score.voided),
        without_subject=sum(not score.subject for score in read),
        figures=figures(score.judged for score in read),
        clustered=_clustered(read, clusters),
        outcomes=outcomes(read),
        non_responses=_non_responses(read),
        from_scores=_from_scores(scored, clusters, threshold),
        histogram=_histogram(scored),
        transactions=transactions(read, attempts),
        by_source=_by(read, lambda score: score.source),
        by_subject=_by([score for score in read if score.subject], lambda score: (score.source, score.subject)),
        per_presentation=_times([score.milliseconds for score in read]),
        per_judged_frame=_times([score.milliseconds / score.frames_judged for score in read if score.frames_judged]),
    )


def outcomes(read: Iterable[Score]) -> dict[tuple[str, str], dict[str, int]]:
    """How often each decision and error came, by label and species."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for score in read:
        group = counts.setdefault((score.label.value, score.pai_species), {})
        group[score.outcome] = group.get(score.outcome, 0) + 1
    return dict(sorted(counts.items()))


def _non_responses(read: Iterable[Score]) -> dict[tuple[str, str], dict[Reason, int]]:
    reasons: dict[tuple[str, str], Counter[Reason]] = defaultdict(Counter)
    for score in read:
        if score.error is not None:
            failures = score.quality_failures
            most = max(sorted(failures), key=lambda failure: failures[failure], default=None)
            reasons[score.label.value, score.pai_species][Reason(score.error, most)] += 1
    return {
        group: dict(sorted(counts.items(), key=lambda item: (-item[1], item[0].error, item[0].quality_failure or "")))
        for group, counts in sorted(reasons.items())
    }


class _Clusters:
    """Subjects drawn with replacement, as many as there are; all presentations of one come along together."""

    def __init__(self, scores: Sequence[Score], resamples: int) -> None:
        keys = [_subject(score) for score in scores]
        self._numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        count = len(self._numbers)
        generator = np.random.default_rng(SEED)
        self._draws = (
            generator.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)
            if count
            else np.zeros((resamples, 0))
        )

    def apply(
        self, scores: Sequence[Score], statistics: Callable[[Floats], Mapping[tuple[str, ...], Floats]]
    ) -> dict[tuple[str, ...], Floats]:
        """``statistics`` maps weights (r, n) to values (r,) by name; gives them over all resamples."""
        columns = np.array([self._numbers[_subject(score)] for score in scores], np.intp)
        step = max(1, _AT_ONCE // max(1, len(scores)))
        parts: dict[tuple[str, ...], list[Floats]] = defaultdict(list)
        for start in range(0, len(self._draws), step):
            for name, values in statistics(self._draws[start : start + step][:, columns]).items():
                parts[name].append(values)
        return {name: np.concatenate(values) for name, values in parts.items()}


def _subject(score: Score) -> tuple[str, str, int]:
    return (score.source, score.subject, 0) if score.subject else ("", "", score.presentation)


def _interval(values: Floats | None, *groups: Iterable[Score]) -> Interval:
    """groups: the presentations that the figure rests on; each needs enough subjects."""
    subjects = min(len({_subject(score) for score in group}) for group in groups)
    if subjects < FEWEST_SUBJECTS or values is None:
        why = f"{subjects} subject{'s' * (subjects != 1)}: fewer than {FEWEST_SUBJECTS}, the bootstrap says nothing"
        return Interval(None, None, subjects, why)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(values[~np.isnan(values)], [tail, 100 - tail])
    if low == high:
        # Resampling cannot show an error that no subject had; a width of nothing would be taken for certainty.
        return Interval(None, None, subjects, f"{subjects} subjects: resamples do not differ, read the exact bounds")
    return Interval(float(low), float(high), subjects)


def _clustered(read: Sequence[Score], clusters: _Clusters) -> Clustered:
    answered = [score for score in read if score.decision is not None]
    species = _attacks(answered)
    kinds = {name: np.array([score.pai_species == name for score in answered], np.float64) for name in species}
    real = np.array([score.decision is LivenessDecision.REALFACE for score in answered], np.float64)
    bona_fide = np.array([score.label is Label.BONA_FIDE for score in answered], np.float64)

    def statistics(weights: Floats) -> dict[tuple[str, ...], Floats]:
        rates: dict[tuple[str, ...], Floats] = {
            ("apcer", name): _mean(weights, kind, real) for name, kind in kinds.items()
        }
        if rates:
            rates["worst",] = np.fmax.reduce(list(rates.values()))
        return {**rates, ("bpcer",): _mean(weights, bona_fide, 1 - real)}

    drawn = clusters.apply(answered, statistics) if answered else {}
    return Clustered(
        bpcer=_interval(drawn.get(("bpcer",)), _bona_fide(answered)),
        apcer={name: _interval(drawn.get(("apcer", name)), group) for name, group in species.items()},
        worst_apcer=_interval(drawn.get(("worst",)), *(species.values() or [[]])),
    )


def _mean(weights: Floats, kind: Floats, error: Floats) -> Floats:
    total = weights @ kind
    return np.divide(weights @ (kind * error), total, out=np.full_like(total, np.nan), where=total > 0)


def _from_scores(scored: Sequence[Score], clusters: _Clusters, threshold: float) -> FromScores | None:
    bona_fide, species = _bona_fide(scored), _attacks(scored)
    if not bona_fide or not species:
        return None
    ready = Scored(np.array([score.score for score in scored], np.float64), [score.pai_species for score in scored])
    curves = ready.curves(np.ones((1, len(scored))))
    drawn = clusters.apply(scored, lambda weights: _statistics(ready.curves(weights), threshold))
    attacks = [score for group in species.values() for score in group]

    def separation(curve: Curve, name: tuple[str, ...], count: int, *groups: Sequence[Score]) -> Separation:
        def clustered(figure: str) -> Interval:
            return _interval(drawn[*name, figure], bona_fide, *groups)

        def operating(limit: float) -> Operating:
            column = int(curve.column_for_apcer(limit)[0])
            return Operating(
                limit=limit,
                threshold=_finite(curve.thresholds[column]),
                bpcer=_rate(curve.bpcer[0, column], len(bona_fide)),
                clustered=clustered(f"bpcer at apcer {limit}"),
            )

        rate, at = curve.eer()
        policy = curve.at(threshold)
        worst = name == ("worst",)
        return Separation(
            attacks=count,
            at_threshold=(float(curve.apcer[0, policy]), float(curve.bpcer[0, policy])),
            hter=Estimate(float(curve.hter(threshold)[0]), clustered("hter")),
            eer=Estimate(float(rate[0]), clustered("eer")),
            eer_threshold=float(at[0]),
            auc=None if worst else Estimate(float(curve.auc()[0]), clustered("auc")),
            bpcer20=operating(BPCER20),
            bpcer100=operating(BPCER100),
            curve=det_points(curve),
        )

    column = int(curves.pooled.column_for_bpcer(BPCER_LIMIT)[0])
    return FromScores(
        bona_fide=len(bona_fide),
        worst=separation(curves.worst, ("worst",), len(attacks), *species.values()),
        pooled=separation(curves.pooled, ("pooled",), len(attacks), attacks),
        species={
            name: separation(curve, ("species", name), len(species[name]), species[name])
            for name, curve in curves.species.items()
        },
        at_bpcer=AtBpcer(
            limit=BPCER_LIMIT,
            threshold=float(curves.pooled.thresholds[column]),
            bpcer=_rate(curves.pooled.bpcer[0, column], len(bona_fide)),
            apcer={name: _rate(curve.apcer[0, column], len(species[name])) for name, curve in curves.species.items()},
            clustered={
                name: _interval(drawn["species", name, "apcer at bpcer"], bona_fide, group)
                for name, group in species.items()
            },
        ),
    )


def _statistics(curves: Curves, threshold: float) -> dict[tuple[str, ...], Floats]:
    """The resampled figures of one block of weightings."""
    named: dict[tuple[str, ...], Curve] = {("worst",): curves.worst, ("pooled",): curves.pooled}
    named |= {("species", name): curve for name, curve in curves.species.items()}
    found: dict[tuple[str, ...], Floats] = {}
    rows = np.arange(len(curves.pooled.bpcer))
    columns = curves.pooled.column_for_bpcer(BPCER_LIMIT)
    for name, curve in named.items():
        found[*name, "hter"] = curve.hter(threshold)
        found[*name, "eer"] = curve.eer()[0]
        found[*name, "auc"] = curve.auc()
        for limit in (BPCER20, BPCER100):
            column = curve.column_for_apcer(limit)
            missing = np.isnan(curve.apcer[:, 0])
            found[*name, f"bpcer at apcer {limit}"] = np.where(missing, np.nan, curve.bpcer[rows, column])
        missing = np.isnan(curve.bpcer[:, 0])
        found[*name, "apcer at bpcer"] = np.where(missing, np.nan, curve.apcer[rows, columns])
    return found


def det_points(curve: Curve) -> tuple[tuple[float | None, float, float], ...]:
    """Threshold (None: infinite), APCER and BPCER at the corners, at most CURVE_POINTS."""
    corners = curve.corners()
    if len(corners) > CURVE_POINTS:
        corners = corners[np.linspace(0, len(corners) - 1, CURVE_POINTS).round().astype(int)]
    return tuple(
        (_finite(curve.thresholds[column]), float(curve.apcer[0, column]), float(curve.bpcer[0, column]))
        for column in corners
    )


def _finite(threshold: float) -> float | None:
    return float(threshold) if np.isfinite(threshold) else None


def _rate(share: float, n: int) -> Rate:
    return Rate(round(float(share) * n), n)


def _bona_fide(scores: Iterable[Score]) -> list[Score]:
    return [score for score in scores if score.label is Label.BONA_FIDE]


def _attacks(scores: Iterable[Score]) -> dict[str, list[Score]]:
    """By PAI species, sorted."""
    species: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        if score.label is Label.ATTACK:
            species[score.pai_species].append(score)
    return dict(sorted(species.items()))


def _by(read: Iterable[Score], key: Callable[[Score], Key]) -> dict[Key, Figures]:
    groups: dict[Key, list[Score]] = defaultdict(list)
    for score in read:
        groups[key(score)].append(score)
    return {name: figures(score.judged for score in group) for name, group in groups.items()}


def _histogram(scored: Sequence[Score]) -> Histogram | None:
    if not scored:
        return None
    values = np.array([score.score for score in scored], np.float64)
    edges = np.histogram_bin_edges(values, BINS)
    groups: dict[str | None, list[float]] = defaultdict(list)
    for score, value in zip(scored, values.tolist(), strict=True):
        groups[score.pai_species or None].append(value)
    counts = {
        name: tuple(np.histogram(groups[name], edges)[0].tolist()) for name in sorted(groups, key=lambda n: n or "")
    }
    return Histogram(tuple(edges.tolist()), counts)


def _times(values: Sequence[float]) -> Times | None:
    if not values:
        return None
    return Times(float(np.median(values)), float(np.percentile(values, 95)), len(values))
