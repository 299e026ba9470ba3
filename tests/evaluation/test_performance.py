from __future__ import annotations

import numpy as np
import pytest

from edge.evaluation.performance import RESAMPLES, measure
from tests.evaluation.given import Given


def measured(given: Given, *, attempts: int = 3, threshold: float = 0.0):
    return measure(given.scores, threshold=threshold, attempts=attempts)


def many_subjects(seed: int = 7, subjects: int = 12, each: int = 9) -> Given:
    """Every subject leans a way of its own, so that presentations of one are alike."""
    generator = np.random.default_rng(seed)
    given = Given()
    for number in range(subjects):
        given.bona_fide(*(generator.normal(1 + generator.normal(0, 2), 0.5, each)), subject=f"p{number}")
    for species in ("print", "screen"):
        for number in range(subjects):
            given.attacks(
                species, *(generator.normal(-1 + generator.normal(0, 2), 0.5, each)), subject=f"{species}{number}"
            )
    return given


def test_figures_by_hand():
    given = Given()
    given.bona_fide(-0.5, 1, 2, 3, None).attacks("print", -3, -2, 0.5, -1).attacks("screen", -4, None)
    result = measured(given.unreadable("broken.jpg"))
    assert result.presentations == 11
    assert [score.name for score in result.unreadable] == ["broken.jpg"]
    assert (result.figures.bpcer.errors, result.figures.bpcer.n) == (1, 4)
    assert (result.figures.bpnrr.errors, result.figures.bpnrr.n) == (1, 5)
    assert result.figures.worst_species == "print"
    scores = result.from_scores
    assert (scores.bona_fide, scores.pooled.attacks, scores.species["screen"].attacks) == (4, 5, 1)
    assert scores.species["print"].hter.value == pytest.approx((1 / 4 + 1 / 4) / 2)
    assert scores.pooled.hter.value == pytest.approx((1 / 5 + 1 / 4) / 2)
    # 15 of 16 pairs: only -0.5 lies below 0.5.
    assert scores.species["print"].auc.value == pytest.approx(15 / 16)
    assert scores.species["print"].eer.value == 0.25
    assert (scores.worst.bpcer20.bpcer.errors, scores.worst.bpcer20.threshold) == (1, 1)
    assert scores.worst.auc is None


def test_the_thresholds_policy_may_ask_for_more():
    given = Given().bona_fide(0.5, 2).attacks("print", 0.7, -1)
    assert measured(given).from_scores.pooled.hter.value == pytest.approx((0.5 + 0) / 2)
    assert measured(given, threshold=1.0).from_scores.pooled.hter.value == pytest.approx((0 + 0.5) / 2)


def test_the_worst_species_decides_about_bpcer20_and_the_pooled_one_stands_beside_it():
    given = Given().bona_fide(0, 1, 2, 3).attacks("many", *[-1] * 99).attacks("mask", 2.5)
    scores = measured(given).from_scores
    assert scores.worst.bpcer20.bpcer.errors == 3
    assert scores.pooled.bpcer20.bpcer.errors == 0


def test_apcer_at_a_bpcer_of_five_percent_is_by_species():
    given = Given().bona_fide(*range(20)).attacks("print", -1, 0.5, 1, 18).attacks("screen", 0.9)
    at = measured(given).from_scores.at_bpcer
    assert (at.threshold, at.bpcer.errors, at.bpcer.n) == (1, 1, 20)
    assert (at.apcer["print"].errors, at.apcer["print"].n) == (2, 4)
    assert at.apcer["screen"].errors == 0


def test_without_attacks_or_without_scores_there_are_no_figures_from_scores():
    assert measured(Given().bona_fide(1, 2)).from_scores is None
    assert measured(Given().bona_fide(1).attacks("print", None)).from_scores is None
    nothing = measured(Given().bona_fide(None).attacks("print", None))
    assert nothing.from_scores is None
    assert nothing.histogram is None
    assert nothing.per_judged_frame is None
    assert nothing.figures.bpnrr.value == 1


def test_nothing_at_all_can_be_measured_too():
    result = measured(Given().unreadable("a.jpg"))
    assert result.presentations == 0
    assert result.figures.bpcer.value is None


def test_presentations_of_subjects_that_are_alike_have_wider_bounds_than_independent_ones():
    result = measured(many_subjects())
    rate, clustered = result.figures.bpcer, result.clustered.bpcer
    assert clustered.low < rate.low < rate.value < rate.high < clustered.high


def test_bounds_over_subjects_of_one_presentation_each_are_the_binomials():
    given = Given()
    for number in range(200):
        given.bona_fide(-1 if number < 40 else 1, subject=f"p{number}")
    clustered = measured(given).clustered.bpcer
    assert (clustered.low, clustered.high) == pytest.approx((0.145, 0.255), abs=0.01)


def test_bounds_over_subjects_agree_with_resampling_by_hand():
    given = many_subjects(subjects=6, each=4)
    people = {}
    for score in given.scores:
        if not score.pai_species:
            people.setdefault(score.subject, []).append(score.score < 0)
    generator = np.random.default_rng(1)
    # Only the people count in BPCER; that attack subjects are drawn along makes their number vary.
    everybody = [*people.values(), *([[]] * 12)]
    drawn = []
    for _ in range(RESAMPLES):
        refused = [r for pick in generator.integers(0, len(everybody), len(everybody)) for r in everybody[pick]]
        if refused:
            drawn.append(np.mean(refused))
    clustered = measured(given).clustered.bpcer
    assert (clustered.low, clustered.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.03)


def test_bounds_over_subjects_are_the_same_in_every_run():
    assert measured(many_subjects()).clustered == measured(many_subjects()).clustered
    assert measured(many_subjects()).from_scores == measured(many_subjects()).from_scores


def test_of_few_subjects_the_bootstrap_says_nothing():
    given = Given()
    for number in range(4):
        given.bona_fide(-1, 1, subject=f"p{number}")
    for number in range(5):
        given.attacks("print", -1, 1, subject=f"p{number}")
    result = measured(given)
    assert result.clustered.bpcer.low is None
    assert "4 subjects: fewer than 5" in result.clustered.bpcer.why_not
    assert result.from_scores.pooled.eer.clustered.low is None


def test_where_no_subject_had_an_error_the_bootstrap_does_not_claim_that_none_will():
    given = Given()
    for number in range(8):
        given.bona_fide(1, 2, subject=f"p{number}")
    clustered = measured(given).clustered.bpcer
    assert clustered.high is None
    assert "read the exact bounds" in clustered.why_not


def test_subjects_of_two_sources_are_two_even_with_one_name():
    given = Given().bona_fide(1, -1, subject="1", source="here").bona_fide(1, subject="1", source="there")
    result = measured(given)
    assert result.clustered.bpcer.subjects == 2
    assert list(result.by_subject) == [("here", "1"), ("there", "1")]
    assert result.by_subject["here", "1"].bpcer.errors == 1
    assert result.by_source["there"].bpcer.n == 1


def test_a_presentation_without_a_subject_is_one_of_its_own():
    result = measured(Given().bona_fide(1, 1, 1).bona_fide(1, 1, subject="a"))
    assert result.without_subject == 3
    assert result.clustered.bpcer.subjects == 4


def test_histograms_hold_every_score_once_over_common_edges():
    histogram = measured(many_subjects()).histogram
    assert {name: sum(counts) for name, counts in histogram.counts.items()} == {None: 108, "print": 108, "screen": 108}
    assert list(histogram.edges) == sorted(histogram.edges)


def test_times_are_of_presentations_and_of_judged_frames():
    result = measured(Given().bona_fide(1, 1, None))
    assert (result.per_presentation.median, result.per_presentation.n) == (20, 3)
    assert (result.per_judged_frame.median, result.per_judged_frame.n) == (7.5, 2)


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    generator = np.random.default_rng(3)
    given = Given().bona_fide(*generator.normal(0, 1, 3000)).attacks("print", *generator.normal(0, 1, 3000))
    curve = measured(given).from_scores.pooled.curve
    assert len(curve) == 1000
    assert curve[0][1:] == (1, 0)
    assert curve[-1] == (None, 0, 1)
