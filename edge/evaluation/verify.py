"""Every figure of verification, from compared pairs alone. ``docs/verify.md`` defines each of them.

Words of ISO/IEC 19795-1: a comparison is mated where both pictures show one person. FMR is the share of non-mated
comparisons that match, FNMR that of mated ones that do not; what could not be compared is outside both (FTE, FTA).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.evaluation.curves import Curve, Floats, Scored
from edge.evaluation.metrics import CONFIDENCE, Rate
from edge.evaluation.pairs import Pair
from edge.evaluation.performance import BINS, FEWEST_SUBJECTS, RESAMPLES, SEED, Histogram, Interval, det_points
from edge.vision.face_match import alike
from edge.vision.identity import Embedding

FMR_LIMITS = (0.01, 0.001, 0.0001)
EXTREMES = 10
"""Of the comparisons that are nearest to an error, or are one, so many are shown of each kind."""
# Resamples times pairs of subjects that are weighted at once; bounds the memory.
_AT_ONCE: Final = 4_000_000
# What Scored calls an attack is here a person who tries with another one's name and no further effort.
_ZERO_EFFORT: Final = "zero-effort"


class Faces(Protocol):
    """Pictures to embeddings; a text in place of one says in one word why there is none."""

    def reference(self, path: Path) -> Embedding | str:
        """Of a picture that somebody is enrolled by."""
        ...

    def picture(self, path: Path) -> Embedding | str:
        """Of a picture of an attempt."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pair, and how alike its faces are: None where one of them could not be had."""

    pair: Pair
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """references, pictures: by path, why it could not be used; empty where it could."""

    comparisons: tuple[Comparison, ...]
    references: Mapping[Path, str]
    pictures: Mapping[Path, str]


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """An error rate over comparisons.

    subjects: bounds by resampling subjects. amiss: subjects with at least one error, of those compared.
    """

    rate: Rate
    subjects: Interval
    amiss: Rate


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The lowest threshold with an FMR of at most ``limit``.

    needed: so many non-mated comparisons say anything of such an FMR. threshold: None where there are fewer, and where
    no similarity gets there.
    """

    limit: float
    needed: int
    threshold: float | None
    fmr: Rate
    fnmr: Rate


@dataclass(frozen=True, slots=True)
class Failures:
    """Of pictures in one part, how many gave no embedding, and why."""

    rate: Rate
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Verification:
    """All that a set of comparisons shows.

    threshold: similarity from which two faces match; None where the network's file has none, and so no fmr and fnmr.
    fte: references refused. fta: pictures of attempts without an embedding.
    mated, non_mated, subjects, mated_subjects: of the comparisons without a condition, which all figures are of but
    those by condition.
    curve: threshold (None: infinite), FMR and FNMR at the corners of the DET curve.
    conditions: FMR and FNMR by condition. least_mated, most_non_mated: the extreme comparisons.
    """

    threshold: float | None
    fte: Failures
    fta: Failures
    mated: int
    non_mated: int
    subjects: int
    mated_subjects: int
    fmr: ErrorRate | None
    fnmr: ErrorRate | None
    eer: float | None
    operating: tuple[OperatingPoint, ...]
    curve: tuple[tuple[float | None, float, float], ...]
    histogram: Histogram | None
    conditions: dict[str, tuple[Rate, Rate]]
    least_mated: tuple[Comparison, ...]
    most_non_mated: tuple[Comparison, ...]


def compare(pairs: Sequence[Pair], faces: Faces, *, done: Callable[[], object] = lambda: None) -> Compared:
    """Each picture is read once as what it is. done: called after each that was read, of ``pictures_of``.

    Raises what ``faces`` raises.
    """
    references, pictures = pictures_of(pairs)
    known: list[dict[Path, Embedding]] = []
    failed: list[dict[Path, str]] = []
    for paths, look in ((references, faces.reference), (pictures, faces.picture)):
        embeddings: dict[Path, Embedding] = {}
        reasons: dict[Path, str] = {}
        for path in paths:
            found = look(path)
            reasons[path] = found if isinstance(found, str) else ""
            if not isinstance(found, str):
                embeddings[path] = found
            done()
        known.append(embeddings)
        failed.append(reasons)
    return Compared(tuple(Comparison(pair, _similarity(pair, *known)) for pair in pairs), *failed)


def pictures_of(pairs: Iterable[Pair]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The references and the pictures of attempts, each once, in the order of the pairs."""
    listed = list(pairs)
    return tuple(dict.fromkeys(p.path_a for p in listed)), tuple(dict.fromkeys(p.path_b for p in listed))


def _similarity(pair: Pair, references: Mapping[Path, Embedding], pictures: Mapping[Path, Embedding]) -> float | None:
    reference, picture = references.get(pair.path_a), pictures.get(pair.path_b)
    if reference is None or picture is None:
        return None
    found = alike(reference, [(picture, 1.0)])
    return None if found is None else found[0]


def measure(
    compared: Compared, *, threshold: float | None, limits: Sequence[float] = FMR_LIMITS, resamples: int = RESAMPLES
) -> Verification:
    """Shapes nothing: an empty sample stays empty. Deterministic."""
    plain = [c for c in compared.comparisons if not c.pair.condition]
    judged = [c for c in plain if c.similarity is not None]
    mated = [c for c in judged if c.pair.same]
    others = [c for c in judged if not c.pair.same]
    curve = _curve(mated, others)
    subjects = {name for c in judged for name in _subjects(c.pair)}
    return Verification(
        threshold=threshold,
        fte=_failures({c.pair.path_a: compared.references[c.pair.path_a] for c in plain}),
        fta=_failures({c.pair.path_b: compared.pictures[c.pair.path_b] for c in plain}),
        mated=len(mated),
        non_mated=len(others),
        subjects=len(subjects),
        mated_subjects=len({_subjects(c.pair)[0] for c in mated}),
        fmr=None if threshold is None else _error_rate(others, threshold, resamples),
        fnmr=None if threshold is None else _error_rate(mated, threshold, resamples),
        eer=float(curve.eer()[0][0]) if curve is not None and mated else None,
        operating=tuple(_operating(curve, limit, len(others), len(mated)) for limit in limits),
        curve=det_points(curve) if curve is not None and mated else (),
        histogram=_histogram(mated, others),
        conditions=_conditions(compared.comparisons, threshold),
        least_mated=tuple(sorted(mated, key=_value)[:EXTREMES]),
        most_non_mated=tuple(sorted(others, key=_value, reverse=True)[:EXTREMES]),
    )


def _value(comparison: Comparison) -> float:
    return -math.inf if comparison.similarity is None else comparison.similarity


def _values(comparisons: Sequence[Comparison]) -> Floats:
    return np.array([_value(c) for c in comparisons], np.float64)


def _subjects(pair: Pair) -> tuple[str, str]:
    """A picture of nobody who is named is of somebody of its own; a mated pair is of one person all the same."""
    if pair.subject_a:
        return pair.subject_a, pair.subject_b
    one = f"/{pair.path_a}"
    return one, one if pair.same else f"/{pair.path_b}"


def _failures(reasons: Mapping[Path, str]) -> Failures:
    counts = Counter(reason for reason in reasons.values() if reason)
    ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Failures(Rate(counts.total(), len(reasons)), ordered)


def _errors(comparisons: Sequence[Comparison], threshold: float) -> NDArray[np.bool_]:
    same = np.array([c.pair.same for c in comparisons], bool)
    return np.asarray((_values(comparisons) >= threshold) != same)


def _error_rate(comparisons: Sequence[Comparison], threshold: float, resamples: int) -> ErrorRate:
    errors = _errors(comparisons, threshold)
    numbers: dict[str, int] = {}
    pairs = np.array(
        [[numbers.setdefault(name, len(numbers)) for name in _subjects(c.pair)] for c in comparisons], np.intp
    ).reshape(-1, 2)
    amiss = len(np.unique(pairs[errors]))
    return ErrorRate(
        Rate(int(errors.sum()), len(errors)),
        _over_subjects(errors, pairs, len(numbers), resamples),
        Rate(amiss, len(numbers)),
    )


def _over_subjects(errors: NDArray[np.bool_], pairs: NDArray[np.intp], subjects: int, resamples: int) -> Interval:
    """Percentiles of the rate where subjects are drawn with replacement; a pair counts as often as both of its
    subjects together, a mated one as often as its subject."""
    if subjects < FEWEST_SUBJECTS:
        return Interval(None, None, subjects, f"fewer than {FEWEST_SUBJECTS} subjects")
    if not errors.any() or errors.all():
        return Interval(None, None, subjects, "no resample differs from another")
    kinds, place, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    wrong = np.bincount(place.reshape(-1), weights=errors, minlength=len(kinds))
    amiss = np.flatnonzero(wrong)
    chance = np.random.default_rng(SEED)
    rates: list[Floats] = []
    step = max(1, _AT_ONCE // len(kinds))
    for first in range(0, resamples, step):
        some = min(step, resamples - first)
        drawn = chance.multinomial(subjects, np.full(subjects, 1 / subjects), size=some).astype(np.float32)
        weights = _weights(drawn, kinds)
        all_of = weights @ counts.astype(np.float32)
        wrong_of = weights[:, amiss] @ wrong[amiss].astype(np.float32)
        rates.append(np.asarray((wrong_of[all_of > 0] / all_of[all_of > 0]), np.float64))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(rates), [tail, 1 - tail])
    return Interval(float(low), float(high), subjects)


def _weights(drawn: NDArray[np.float32], kinds: NDArray[np.intp]) -> NDArray[np.float32]:
    one, other = drawn[:, kinds[:, 0]], drawn[:, kinds[:, 1]]
    return np.where(kinds[:, 0] == kinds[:, 1], one, one * other)


def _curve(mated: Sequence[Comparison], others: Sequence[Comparison]) -> Curve | None:
    """FMR in the place of APCER, FNMR in that of BPCER: both are shares of who is wrongly taken in and turned away."""
    if not others:
        return None
    scored = Scored(_values([*mated, *others]), [""] * len(mated) + [_ZERO_EFFORT] * len(others))
    return scored.curves(np.ones((1, len(mated) + len(others)))).pooled


def _operating(curve: Curve | None, limit: float, non_mated: int, mated: int) -> OperatingPoint:
    # No error in 3 / limit comparisons bounds the rate by the limit, at 95 %.
    needed = math.ceil(3 / limit)
    if curve is None or non_mated < needed:
        return OperatingPoint(limit, needed, None, Rate(0, 0), Rate(0, 0))
    column = int(curve.column_for_apcer(limit)[0])
    threshold = float(curve.thresholds[column])
    fmr = Rate(round(float(curve.apcer[0, column]) * non_mated), non_mated)
    fnmr = Rate(round(float(curve.bpcer[0, column]) * mated), mated) if mated else Rate(0, 0)
    return OperatingPoint(limit, needed, threshold if math.isfinite(threshold) else None, fmr, fnmr)


def _histogram(mated: Sequence[Comparison], others: Sequence[Comparison]) -> Histogram | None:
    values = _values([*mated, *others])
    if not len(values):
        return None
    edges = np.histogram_bin_edges(values, bins=BINS)
    counts: dict[str | None, tuple[int, ...]] = {}
    for name, group in ((None, mated), ("non-mated", others)):
        if group:
            counts[name] = tuple(int(n) for n in np.histogram(_values(group), bins=edges)[0])
    return Histogram(tuple(float(edge) for edge in edges), counts)


def _conditions(comparisons: Sequence[Comparison], threshold: float | None) -> dict[str, tuple[Rate, Rate]]:
    found: dict[str, tuple[Rate, Rate]] = {}
    if threshold is None:
        return found
    for name in sorted({c.pair.condition for c in comparisons} - {""}):
        rates = []
        for same in (False, True):
            some = [
                c for c in comparisons if c.pair.condition == name and c.pair.same is same and c.similarity is not None
            ]
            rates.append(Rate(int(_errors(some, threshold).sum()), len(some)))
        found[name] = (rates[0], rates[1])
    return found
