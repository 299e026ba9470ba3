from __future__ import annotations

import pytest
from scipy.stats import binomtest

from edge.contracts.enums import Label, LivenessDecision
from edge.evaluation.metrics import Judged, clopper_pearson, figures

REAL, SPOOF, UNCERTAIN = LivenessDecision.REALFACE, LivenessDecision.SPOOFFACE, LivenessDecision.UNCERTAIN


def bona_fide(*decisions: LivenessDecision | None) -> list[Judged]:
    return [Judged(Label.BONA_FIDE, "", decision) for decision in decisions]


def attacks(species: str, *decisions: LivenessDecision | None) -> list[Judged]:
    return [Judged(Label.ATTACK, species, decision) for decision in decisions]


@pytest.mark.parametrize(("errors", "n"), [(0, 1), (0, 20), (1, 20), (20, 20), (7, 360), (150, 900), (899, 900)])
def test_bounds_agree_with_an_independent_library(errors, n):
    expected = binomtest(errors, n).proportion_ci(0.95, method="exact")
    assert clopper_pearson(errors, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("n", "upper"), [(20, 0.168), (60, 0.060), (150, 0.024), (360, 0.010), (900, 0.004)])
def test_no_error_in_n_is_not_zero_percent(n, upper):
    assert clopper_pearson(0, n)[1] == pytest.approx(upper, abs=5e-4)


def test_an_empty_sample_bounds_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_more_errors_than_presentations_is_a_programmers_error():
    with pytest.raises(ValueError, match="3 errors of 2"):
        clopper_pearson(3, 2)


def test_figures_by_hand():
    result = figures(
        [
            *bona_fide(REAL, REAL, SPOOF, UNCERTAIN, None),
            *attacks("print", SPOOF, SPOOF, REAL, None),
            *attacks("screen", UNCERTAIN, SPOOF),
        ]
    )
    assert (result.bpcer.errors, result.bpcer.n) == (2, 4)
    assert (result.bpnrr.errors, result.bpnrr.n) == (1, 5)
    assert (result.apcer["print"].errors, result.apcer["print"].n) == (1, 3)
    assert (result.apnrr["print"].errors, result.apnrr["print"].n) == (1, 4)
    assert (result.apcer["screen"].errors, result.apcer["screen"].n) == (0, 2)
    assert result.worst_species == "print"


def test_the_worst_species_counts_not_the_average():
    many = attacks("easy", *[SPOOF] * 99)
    result = figures([*many, *attacks("hard", REAL)])
    assert result.worst_species == "hard"
    assert result.apcer["hard"].value == 1.0


def test_species_without_a_response_has_no_apcer_and_is_never_the_worst():
    result = figures(attacks("mask", None, None))
    assert result.apcer["mask"].value is None
    assert result.worst_species is None
    assert result.apnrr["mask"].value == 1.0
