"""What a network is worth, against hand-worked cases and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from tests.extras import skip_module_without

skip_module_without("training", "torch", "onnx")

from figures import Judged, curves_of, figures, operating_point
from pictures import Crops


def judged(bona_fide: list[float], attacks: dict[str, list[float]]) -> Judged:
    logits = np.array([*bona_fide, *(logit for values in attacks.values() for logit in values)])
    species = ["bonafide"] * len(bona_fide) + [name for name, values in attacks.items() for _ in values]
    subjects = [f"p{n % 3}" for n in range(len(logits))]
    return Judged(logits, Crops(np.zeros((len(logits), 1, 1, 3), np.uint8), np.array(species), np.array(subjects)))


def area(bona_fide: list[float], attacks: list[float]) -> float:
    return float(curves_of(judged(bona_fide, {"print_full": attacks})).pooled.auc()[0])


def test_the_area_counts_ties_half_as_mann_and_whitney_do() -> None:
    assert area([1.0, 3.0], [1.0, 0.0]) == pytest.approx(7 / 8)
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 40).astype(float), rng.integers(0, 7, 30).astype(float)
    assert area(a.tolist(), b.tolist()) == pytest.approx(mannwhitneyu(a, b).statistic / (40 * 30))


def test_the_equal_error_rate_of_a_case_by_hand() -> None:
    # From 2.0 on, one of four bona fide is refused and one of four attacks passes.
    rate, logit = curves_of(judged([1.0, 2.0, 3.0, 4.0], {"print_full": [-1.0, 0.0, 0.5, 2.5]})).pooled.eer()
    assert (rate[0], logit[0]) == (0.25, 2.0)


def test_species_are_held_against_the_bona_fide_one_by_one() -> None:
    result = figures(judged([2.0, 3.0], {"print_full": [2.5, 1.0], "screen_phone": [0.0]}), np.arange(5.0))
    assert result["aucBySpecies"] == {"print_full": 0.75, "screen_phone": 1.0}
    assert result["auc"] == pytest.approx(5 / 6, abs=1e-4)


def test_an_operating_point_fits_a_manifest() -> None:
    point = operating_point(judged([4.0, 5.0, 6.0, 3.0], {"print_full": [-4.0, 3.5, 1.0, 3.8]}))
    # Three people with the medians 3.5, 5 and 6: the 5 % quantile lies a tenth of the way from the first to the second.
    assert point["threshold"] == pytest.approx(1 / (1 + np.exp(-3.65)), abs=1e-4)
    assert point["lowestThreshold"] <= point["threshold"]
    assert point["bonaFideLocation"] == pytest.approx((5 - 3.65) / float(point["spread"]), abs=1e-3)
    assert point["thresholdFrom"] == (
        "refuses 5% of 3 people held out, on synthetic frames; 25% of the 4 synthetic attacks pass there"
    )
