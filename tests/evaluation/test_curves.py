"""Against hand-worked cases, against scikit-learn and SciPy, and weights against repetition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import mannwhitneyu

from edge.evaluation.curves import Curve, Scored


def curves_of(bona_fide, **attacks):
    scores = [*bona_fide, *(score for group in attacks.values() for score in group)]
    species = [""] * len(bona_fide) + [name for name, group in attacks.items() for _ in group]
    return Scored(np.array(scores, float), species).curves(np.ones((1, len(scores))))


def curve_of(bona_fide, attacks) -> Curve:
    return curves_of(bona_fide, print=attacks).species["print"]


def random_sample(seed, *, ties):
    generator = np.random.default_rng(seed)
    bona_fide, attacks = generator.normal(2, 1.5, 83), generator.normal(-1, 2, 61)
    return (bona_fide.round(), attacks.round()) if ties else (bona_fide, attacks)


def test_rates_at_every_threshold_by_hand():
    curve = curve_of([1, 3, 3, 5], [0, 3])
    assert curve.thresholds.tolist() == [0, 1, 3, 5, np.inf]
    assert curve.apcer[0].tolist() == [1, 0.5, 0.5, 0, 0]
    assert curve.bpcer[0].tolist() == [0, 0, 0.25, 0.75, 1]


def test_who_scores_the_threshold_is_accepted():
    curve = curve_of([0.0], [0.0])
    assert curve.apcer[0, curve.at(0.0)] == 1
    assert curve.bpcer[0, curve.at(0.0)] == 0
    assert curve.apcer[0, curve.at(1e-9)] == 0
    assert curve.bpcer[0, curve.at(1e-9)] == 1


def test_hter_by_hand():
    curve = curve_of([-1, 1, 2, 3], [-2, 1])
    assert curve.hter(0.0)[0] == pytest.approx((0.5 + 0.25) / 2)


def test_eer_by_hand_where_both_rates_meet_at_a_threshold():
    rate, threshold = curve_of([1, 3, 4, 5], [0, 0.5, 2, 3.5]).eer()
    assert (rate[0], threshold[0]) == (0.25, 3)


def test_eer_by_hand_between_two_thresholds():
    # (APCER, BPCER) goes from (1/2, 0) at 1 to (1/2, 1) at 3: the straight line crosses at 1/2.
    curve = curve_of([1.0], [0.0, 3.0])
    rate, threshold = curve.eer()
    assert rate[0] == pytest.approx(0.5)
    assert threshold[0] == pytest.approx(2.0)


def test_eer_of_separated_scores_is_nothing_and_of_swapped_ones_everything():
    assert curve_of([2, 3], [0, 1]).eer()[0][0] == 0
    assert curve_of([0, 1], [2, 3]).eer()[0][0] == 1


def test_all_scores_alike_tell_nothing():
    curve = curve_of([1, 1], [1, 1, 1])
    rate, threshold = curve.eer()
    assert (rate[0], threshold[0]) == (0.5, 1)
    assert curve.auc()[0] == 0.5


def test_bpcer_at_a_bound_on_apcer_by_hand():
    curve = curve_of([0, 1, 2, 3], [*([-1] * 18), 0.5, 1.5])
    column = int(curve.column_for_apcer(0.05)[0])
    assert (curve.thresholds[column], curve.apcer[0, column], curve.bpcer[0, column]) == (1, 0.05, 0.25)
    column = int(curve.column_for_apcer(0.01)[0])
    assert (curve.thresholds[column], curve.bpcer[0, column]) == (2, 0.5)


def test_where_only_refusing_everybody_is_safe_enough_the_threshold_is_infinite():
    curve = curve_of([0, 1], [2])
    column = int(curve.column_for_apcer(0.05)[0])
    assert np.isinf(curve.thresholds[column])
    assert curve.bpcer[0, column] == 1


def test_apcer_at_a_bound_on_bpcer_by_hand():
    curve = curve_of([*range(20)], [-1, 0.5, 1, 18])
    column = int(curve.column_for_bpcer(0.05)[0])
    assert (curve.thresholds[column], curve.bpcer[0, column], curve.apcer[0, column]) == (1, 0.05, 0.5)


def test_the_worst_species_may_be_another_at_each_threshold():
    curves = curves_of([0, 10], print=[1, 1, 1, 1], screen=[0, 0, 0, 5])
    at = curves.worst.at
    assert curves.worst.apcer[0, at(1)] == 1  # the print
    assert curves.worst.apcer[0, at(5)] == 0.25  # the screen
    assert curves.pooled.apcer[0, at(1)] == 5 / 8


def test_corners_leave_out_what_lies_on_a_straight_line():
    curve = curve_of([0, 1, 2, 3], [2.5])
    points = [(float(curve.apcer[0, c]), float(curve.bpcer[0, c])) for c in curve.corners()]
    assert points == [(1, 0), (1, 0.75), (0, 0.75), (0, 1)]


def test_corners_of_a_species_do_not_depend_on_the_scores_of_others():
    curve = curves_of([0, 1, 2, 3], print=[-9], screen=[-5, -4, 0.5]).species["print"]
    points = [(float(curve.apcer[0, c]), float(curve.bpcer[0, c])) for c in curve.corners()]
    assert points == [(1, 0), (0, 0), (0, 1)]


def test_a_presentation_that_counts_twice_is_as_good_as_two():
    bona_fide, attacks = [0.5, 1, 2], [-1, 0.7]
    weights = np.array([[2.0, 1, 0, 3, 1]])
    weighted = Scored(np.array([*bona_fide, *attacks]), ["", "", "", "a", "a"]).curves(weights).pooled
    repeated = curve_of([0.5, 0.5, 1], [-1, -1, -1, 0.7])
    assert weighted.auc() == pytest.approx(repeated.auc())
    assert weighted.eer()[0] == pytest.approx(repeated.eer()[0])
    assert weighted.hter(0.6) == pytest.approx(repeated.hter(0.6))


def test_a_weighting_without_bona_fide_presentations_has_no_figures_and_harms_no_other():
    curves = Scored(np.array([1.0, 2, 0]), ["", "", "a"]).curves(np.array([[0.0, 0, 1], [1, 1, 1], [1, 1, 0]]))
    for values in (curves.pooled.eer()[0], curves.pooled.auc(), curves.pooled.hter(0.0)):
        assert np.isnan(values).tolist() == [True, False, True]
    assert curves.pooled.eer()[0][1] == 0


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_auc_agrees_with_scipy(seed, ties):
    bona_fide, attacks = random_sample(seed, ties=ties)
    statistic = mannwhitneyu(bona_fide, attacks).statistic
    assert curve_of(bona_fide, attacks).auc()[0] == pytest.approx(statistic / (len(bona_fide) * len(attacks)))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_auc_eer_and_rates_agree_with_scikit_learn(seed, ties):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is in the extra 'dev'")
    bona_fide, attacks = random_sample(seed, ties=ties)
    curve = curve_of(bona_fide, attacks)
    live = np.r_[np.ones(len(bona_fide)), np.zeros(len(attacks))]
    scores = np.r_[bona_fide, attacks]
    assert curve.auc()[0] == pytest.approx(metrics.roc_auc_score(live, scores))
    # Accepted attacks are false positives, refused people false negatives.
    fpr, tpr, thresholds = metrics.roc_curve(live, scores, drop_intermediate=False)
    assert thresholds[::-1].tolist() == curve.thresholds.tolist()
    assert fpr[::-1] == pytest.approx(curve.apcer[0])
    assert (1 - tpr)[::-1] == pytest.approx(curve.bpcer[0])
    steps = np.arange(len(fpr))
    crossing = brentq(lambda at: np.interp(at, steps, fpr) - 1 + np.interp(at, steps, tpr), 0, steps[-1], xtol=1e-12)
    assert curve.eer()[0][0] == pytest.approx(np.interp(crossing, steps, fpr))
    det_fpr, det_fnr, det_thresholds = metrics.det_curve(live, scores)
    for apcer, bpcer, threshold in zip(det_fpr, det_fnr, det_thresholds, strict=True):
        column = curve.at(threshold)
        assert (curve.apcer[0, column], curve.bpcer[0, column]) == pytest.approx((apcer, bpcer))
