"""FMR and FNMR from compared pairs, held against hand-worked cases."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edge.evaluation.pairs import Pair
from edge.evaluation.verify import Compared, Comparison, compare, measure, pictures_of
from edge.evaluation.verify_provenance import VerifyProvenance
from edge.evaluation.verify_report import VerifyReport
from edge.inference.manifest import Match

MATCH = Match.model_validate(
    {"threshold": 0.5, "thresholdFrom": "a <guess>", "spread": 0.1, "spreadFrom": "another guess"}
)
PROVENANCE = VerifyProvenance(
    models={"network": "0" * 64},
    embedding="network",
    licence="MIT",
    match=MATCH,
    runtime="none",
    source="pairs & <more>.csv",
    source_sha256="1" * 64,
    drawn=(10, 1),
    confidence=0.5,
    started="2026-01-01T00:00:00+00:00",
    seconds=1.0,
)


def comparison(a, b, similarity, condition=""):
    """Subjects a and b; the pictures are two of each."""
    pair = Pair(Path(f"{a}-reference.jpg"), Path(f"{b}-picture.jpg"), a == b, a, b, condition)
    return Comparison(pair, similarity)


def compared(*comparisons):
    references, pictures = pictures_of(c.pair for c in comparisons)
    return Compared(comparisons, dict.fromkeys(references, ""), dict.fromkeys(pictures, ""))


def everybody(mated, others):
    """Persons 0..n-1 with these mated similarities, and those of all pairs of two of them, in order."""
    names = [f"P{n}" for n in range(len(mated))]
    pairs = [(a, b) for n, a in enumerate(names) for b in names[n + 1 :]]
    assert len(pairs) == len(others)
    return compared(
        *(comparison(name, name, value) for name, value in zip(names, mated, strict=True)),
        *(comparison(a, b, value) for (a, b), value in zip(pairs, others, strict=True)),
    )


def test_rates_count_what_is_on_the_wrong_side_of_the_threshold():
    result = measure(everybody([0.5, 0.49, 0.9], [0.5, 0.1, 0.49]), threshold=0.5)
    assert (result.fnmr.rate.errors, result.fnmr.rate.n) == (1, 3)
    assert (result.fmr.rate.errors, result.fmr.rate.n) == (1, 3)
    assert (result.mated, result.non_mated, result.subjects, result.mated_subjects) == (3, 3, 3, 3)
    assert (result.fmr.amiss.errors, result.fmr.amiss.n) == (2, 3), "P0 and P1 were taken for each other"
    assert (result.fnmr.amiss.errors, result.fnmr.amiss.n) == (1, 3)


@settings(deadline=None, max_examples=30)
@given(errors=st.integers(0, 6), right=st.integers(0, 6))
def test_bounds_are_those_of_clopper_and_pearson(errors, right):
    some = [comparison(f"P{n}", f"P{n}", 0.0 if n < errors else 1.0) for n in range(errors + right)]
    rate = measure(compared(*some), threshold=0.5, resamples=2).fnmr.rate
    assert (rate.errors, rate.n) == (errors, errors + right)
    if rate.n:
        exact = stats.binomtest(errors, rate.n).proportion_ci(0.95, "exact")
        assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_one_person_whom_all_are_taken_for_widens_the_bounds_over_subjects():
    """Ten of 190 comparisons are wrong in both cases; in one of them each is P0's."""
    names = [f"P{n}" for n in range(20)]
    pairs = [(a, b) for n, a in enumerate(names) for b in names[n + 1 :]]

    def bounds(wrong):
        rate = measure(compared(*(comparison(*pair, float(pair in wrong)) for pair in pairs)), threshold=0.5).fmr
        assert rate.rate.errors == 10
        return rate.subjects

    scattered = bounds({(names[2 * n], names[2 * n + 1]) for n in range(10)})
    of_one = bounds({("P0", name) for name in names[1:11]})
    assert of_one.high > scattered.high > 10 / 190
    assert of_one.low == 0


def test_bounds_over_subjects_say_why_there_are_none():
    assert "fewer than 5" in measure(everybody([0.0], []), threshold=0.5).fnmr.subjects.why_not
    assert "no resample" in measure(everybody([0.9] * 6, [0.1] * 15), threshold=0.5).fnmr.subjects.why_not


def test_bounds_over_subjects_are_those_of_resampling_by_hand():
    """Of mated comparisons, one for each subject, it is the plain bootstrap of a share."""
    values = [0.9] * 30 + [0.1] * 10
    bounds = measure(everybody(values, [0.0] * 780), threshold=0.5).fnmr.subjects
    low, high = stats.binom.ppf([0.025, 0.975], 40, 0.25) / 40
    assert (bounds.low, bounds.high) == pytest.approx((low, high), abs=0.026)


def test_a_threshold_for_an_fmr_needs_enough_comparisons():
    names = [f"P{n}" for n in range(26)]
    others = [comparison(a, b, 0.0) for n, a in enumerate(names) for b in names[n + 1 :]]
    others[0] = comparison("P0", "P1", 0.6)
    others[1] = comparison("P0", "P2", 0.4)
    result = measure(compared(comparison("P0", "P0", 0.7), *others), threshold=None, limits=(0.01, 0.001))
    hundredth, thousandth = result.operating
    assert (hundredth.needed, hundredth.threshold) == (300, 0.4)
    assert (hundredth.fmr.errors, hundredth.fmr.n, hundredth.fnmr.errors) == (2, 325, 0)
    assert (thousandth.needed, thousandth.threshold, thousandth.fmr.n) == (3000, None, 0)
    assert result.fmr is None


def test_a_threshold_is_had_without_mated_comparisons():
    names = [f"P{n}" for n in range(26)]
    others = [comparison(a, b, len(b) / 100) for n, a in enumerate(names) for b in names[n + 1 :]]
    result = measure(compared(*others), threshold=0.5, limits=(0.01,))
    assert result.operating[0].fmr.n == 325
    assert result.operating[0].fnmr.n == 0
    assert result.eer is None
    assert result.curve == ()


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=12),
    st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=12),
)
def test_the_det_falls_in_fmr_and_rises_in_fnmr_from_one_end_to_the_other(mated, others):
    some = [comparison("P", "P", value) for value in mated] + [comparison("P", "Q", value) for value in others]
    result = measure(compared(*some), threshold=0.0, resamples=2)
    thresholds = [math.inf if at is None else at for at, _, _ in result.curve]
    fmr, fnmr = [point[1] for point in result.curve], [point[2] for point in result.curve]
    assert thresholds == sorted(thresholds)
    assert fmr == sorted(fmr, reverse=True)
    assert fnmr == sorted(fnmr)
    assert (fmr[0], fnmr[0], fmr[-1], fnmr[-1]) == (1, 0, 0, 1)
    for at, false_match, false_non_match in result.curve[:-1]:
        assert false_match == pytest.approx(np.mean(np.array(others) >= at))
        assert false_non_match == pytest.approx(np.mean(np.array(mated) < at))


def test_what_was_changed_counts_nowhere_but_by_condition():
    some = [comparison("P", "P", 0.9), comparison("P", "Q", 0.1)]
    changed = [comparison("P", "P", 0.2, "dark"), comparison("P", "Q", 0.8, "dark"), comparison("Q", "Q", 0.9, "dark")]
    result = measure(compared(*some, *changed), threshold=0.5)
    assert (result.fmr.rate.errors, result.fmr.rate.n, result.fnmr.rate.errors, result.fnmr.rate.n) == (0, 1, 0, 1)
    fmr, fnmr = result.conditions["dark"]
    assert (fmr.errors, fmr.n, fnmr.errors, fnmr.n) == (1, 1, 1, 2)
    assert all(not c.pair.condition for c in (*result.least_mated, *result.most_non_mated))


class Listed:
    """Pictures by name: a direction in the plane, or why there is none."""

    def __init__(self, **faces):
        self.faces = faces
        self.looked = []

    def reference(self, path):
        self.looked.append(("reference", path.stem))
        found = self.faces[path.stem]
        return found if isinstance(found, str) else np.array([math.cos(found), math.sin(found)], np.float32)

    picture = reference


def test_each_picture_is_looked_at_once_and_what_failed_is_counted_apart():
    faces = Listed(a=0.0, b=math.pi / 3, c="FaceNotFrontal", d="no_face", e="no_face")
    pairs = [Pair(Path(one), Path(other), False) for one, other in ("ab", "cb", "ad", "cd")]
    pairs.append(Pair(Path("a"), Path("e"), False, condition="turned away"))
    done = compare(pairs, faces)
    assert len(faces.looked) == 5
    assert [c.similarity for c in done.comparisons] == [pytest.approx(0.5), None, None, None, None]
    result = measure(done, threshold=0.4)
    assert (result.fmr.rate.errors, result.fmr.rate.n) == (1, 1)
    assert (result.fte.rate.errors, result.fte.rate.n, result.fte.reasons) == (1, 2, {"FaceNotFrontal": 1})
    assert (result.fta.rate.errors, result.fta.rate.n, result.fta.reasons) == (1, 2, {"no_face": 1})


@pytest.mark.parametrize(
    "given_",
    [
        compared(),
        compared(comparison("P", "P", 0.9)),
        compared(comparison("P", "Q", 0.9)),
        compared(comparison("P", "Q", None)),
        everybody([0.9, 0.2, 0.4], [0.1, 0.6, 0.3]),
        compared(comparison("P", "P", 0.9), comparison("P<b>", "Q", 0.9, "<i>")),
    ],
)
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_however_little_there_is_it_can_be_reported(given_, threshold, tmp_path):
    report = VerifyReport(measure(given_, threshold=threshold), PROVENANCE)
    report.write(tmp_path / "out", given_)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparisons.csv",
        "report.html",
        "report.json",
    ]
    document = json.loads((tmp_path / "out" / "report.json").read_text(), parse_constant=pytest.fail)
    assert document["fmr"] is None or document["fmr"]["n"] == document["comparisons"]["nonMated"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<more>" not in page
    assert "<guess>" not in page
    assert "<b>" not in page
    for outside in ("<img", "http:", "https:", "data:", "url("):
        assert outside not in page
