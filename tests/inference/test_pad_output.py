"""Outputs of whatever form become the log-odds of a live face."""

import math

import numpy as np
import pytest

from edge.inference.bundle import default_models_dir
from edge.inference.manifest import Manifest, Meaning, read_manifest
from edge.inference.pad import LOGIT_LIMIT, live_logit

SHIPPED = read_manifest(default_models_dir() / "livegate-head.yaml").manifest


def _manifest(meaning: Meaning, *, classes: int, live_index: int | None = None, low_is_live: bool = False) -> Manifest:
    document = SHIPPED.model_dump(by_alias=True, mode="python")
    document["outputs"] = ({"meaning": meaning, "shape": (1, classes)},)
    document["pad"] |= {"liveIndex": live_index, "lowIsLive": low_is_live}
    return Manifest.model_validate(document)


def _values(*numbers: float) -> tuple[np.ndarray]:
    return (np.array([numbers], np.float32),)


def test_logits_count_the_live_class_against_all_others() -> None:
    manifest = _manifest(Meaning.LOGITS, classes=3, live_index=1)

    expected = 2.0 - math.log(math.exp(1.0) + math.exp(-1.0))
    assert live_logit(manifest, _values(1.0, 2.0, -1.0)) == pytest.approx(expected)


def test_probabilities_say_the_same_as_their_logits() -> None:
    logits = np.array([1.0, 2.0, -1.0])
    softmax = np.exp(logits) / np.exp(logits).sum()

    of_logits = live_logit(_manifest(Meaning.LOGITS, classes=3, live_index=2), _values(*logits))
    of_softmax = live_logit(_manifest(Meaning.PROBABILITIES, classes=3, live_index=2), _values(*softmax))

    assert of_softmax == pytest.approx(of_logits, abs=1e-5)


def test_one_number_may_mean_live_or_attack() -> None:
    assert live_logit(_manifest(Meaning.PROBABILITY, classes=1), _values(0.9)) == pytest.approx(math.log(9), abs=1e-5)
    low = _manifest(Meaning.PROBABILITY, classes=1, low_is_live=True)
    assert live_logit(low, _values(0.9)) == pytest.approx(-math.log(9), abs=1e-5)
    assert live_logit(_manifest(Meaning.LOGIT, classes=1, low_is_live=True), _values(1.5)) == -1.5


def test_saturated_outputs_stay_within_the_limit() -> None:
    certain = _manifest(Meaning.PROBABILITIES, classes=2, live_index=0)

    assert live_logit(certain, _values(1.0, 0.0)) == LOGIT_LIMIT
    assert live_logit(certain, _values(0.0, 1.0)) == -LOGIT_LIMIT


def test_the_threshold_is_given_in_the_same_unit() -> None:
    document = SHIPPED.model_dump(by_alias=True, mode="python")
    document["pad"]["threshold"] = 0.9

    pad = Manifest.model_validate(document).pad

    assert pad is not None
    assert pad.threshold_logit == pytest.approx(math.log(9))


def test_what_is_not_a_number_is_no_opinion() -> None:
    with pytest.raises(ValueError, match="livegate-head gave"):
        live_logit(SHIPPED, _values(float("nan"), 0.0, 0.0))


def test_a_model_of_another_stage_has_no_opinion() -> None:
    detector = read_manifest(default_models_dir() / "blazeface-short-range.yaml").manifest

    with pytest.raises(ValueError, match="is no PAD network"):
        live_logit(detector, _values(0.0))
