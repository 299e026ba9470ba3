from __future__ import annotations

import math

import numpy as np
import pytest

from edge.errors import ModelError
from edge.inference.calibration import SiteCalibration
from edge.inference.pad import LOGIT_LIMIT
from edge.liveness.evidence import FaceBox
from edge.vision.pad import PadJudge
from tests.inference.calibrations import calibration_of
from tests.vision.scene import Scripted, frame_of, pad_manifest

FRAME = frame_of(np.full((240, 320, 3), 100, np.uint8))
BOX = FaceBox(120, 80, 80, 80)
POINTS = np.zeros((5, 2), np.float32)


def margin(answer: list[float], /, **changes: object) -> float:
    network = Scripted(pad_manifest(**changes), [np.array([answer], np.float32)])
    (score,) = PadJudge([network]).scores(FRAME, BOX, POINTS)
    return score.margin


def calibrated(threshold: float, **more: object) -> dict[str, object]:
    return {"pad": {"threshold": threshold, "thresholdFrom": "a test", **more}}


def one_number(meaning: str) -> dict[str, object]:
    return {"outputs": [{"meaning": meaning, "shape": [1, 1]}]}


def test_above_the_threshold_speaks_for_live():
    assert margin([0.2, 0.8]) == pytest.approx(math.log(4), abs=1e-5)
    assert margin([0.8, 0.2]) == pytest.approx(-math.log(4), abs=1e-5)
    assert margin([0.5, 0.5]) == pytest.approx(0, abs=1e-6)


def test_the_margin_is_taken_from_the_files_threshold():
    assert margin([0.1, 0.9], **calibrated(0.9, liveIndex=1)) == pytest.approx(0, abs=1e-5)
    assert margin([0.1, 0.9], **calibrated(0.5, liveIndex=1)) > margin([0.1, 0.9], **calibrated(0.8, liveIndex=1)) > 0
    assert margin([0.3, 0.7], **calibrated(0.9, liveIndex=1)) < 0


def test_the_live_class_is_the_manifests():
    assert margin([0.8, 0.2], **calibrated(0.5, liveIndex=0)) > 0


def test_three_classes_are_live_against_the_rest():
    three = {"outputs": [{"meaning": "probabilities", "shape": [1, 3]}]}

    assert margin([0.3, 0.4, 0.3], **three, **calibrated(0.5, liveIndex=1)) == pytest.approx(math.log(4 / 6), abs=1e-5)


def test_a_low_number_may_mean_live():
    low = {**one_number("probability"), **calibrated(0.5, lowIsLive=True)}

    assert margin([0.1], **low) > 0 > margin([0.9], **low)
    assert margin([0.1], **one_number("probability"), **calibrated(0.5)) < 0


def test_a_sure_network_is_cut_off():
    sure = margin([0.0, 1.0])
    unsure = margin([1.0, 0.0])

    assert sure == pytest.approx(LOGIT_LIMIT)
    assert unsure == pytest.approx(-LOGIT_LIMIT)
    assert margin([1e9], **one_number("logit"), **calibrated(0.5)) == pytest.approx(LOGIT_LIMIT)


def test_a_network_that_gives_no_number_is_an_error():
    with pytest.raises(ModelError, match="scripted gave"):
        margin([math.nan, 0.5])


def test_every_network_gets_its_own_crop_and_keeps_its_name_and_weight():
    wide = {"kind": "box_scaled", "scale": 4.0, "side": "longer", "edges": "reflected"}
    size = {"shape": [1, 128, 128, 3], "dtype": "float32", "colour": "rgb"}
    half = [np.array([[0.5, 0.5]], np.float32)]
    one = Scripted(pad_manifest(id="narrow"), half)
    other = Scripted(
        pad_manifest(id="wide", crop=wide, input=size, sha256="cd" * 32, **calibrated(0.5, liveIndex=1, weight=0.25)),
        half,
    )

    first, second = PadJudge([one, other]).scores(FRAME, BOX, POINTS)

    assert (first.network, first.sha256, first.weight) == ("narrow", "ab" * 32, 1.0)
    assert (second.network, second.sha256, second.weight) == ("wide", "cd" * 32, 0.25)
    assert one.fed[0].shape == (80, 80, 3)
    assert other.fed[0].shape == (128, 128, 3)


def test_a_network_that_is_none_for_pad_is_refused(manifests):
    with pytest.raises(ModelError, match="no PAD network"):
        PadJudge([Scripted(manifests["detector"])])


def shifted(shift: float, /, sha256: str = "ab" * 32, **pad: object) -> float:
    """Margin of a network that says 0.8, after a site's calibration."""
    network = Scripted(pad_manifest(**calibrated(0.5, liveIndex=1, **pad)), [np.array([[0.2, 0.8]], np.float32)])
    calibration: SiteCalibration = calibration_of(sha256=sha256, shift=shift)
    (score,) = PadJudge([network], calibration).scores(FRAME, BOX, POINTS)
    return score.margin


def test_a_margin_is_told_in_units_of_the_files_spread():
    assert margin([0.2, 0.8], **calibrated(0.5, liveIndex=1, spread=4.0)) == pytest.approx(math.log(4) / 4, abs=1e-5)
    assert margin([0.1, 0.9], **calibrated(0.9, liveIndex=1, spread=4.0)) == pytest.approx(0, abs=1e-5)
    assert margin([0.0, 1.0], **calibrated(0.5, liveIndex=1, spread=2.0)) == pytest.approx(LOGIT_LIMIT / 2)


def test_a_sites_shift_is_added_to_the_threshold_before_the_spread_divides():
    assert shifted(0.0) == pytest.approx(math.log(4), abs=1e-5)
    assert shifted(1.0) == pytest.approx(math.log(4) - 1, abs=1e-5)
    assert shifted(1.0, spread=2.0) == pytest.approx((math.log(4) - 1) / 2, abs=1e-5)
    assert shifted(-1.0, lowestThreshold=0.2) == pytest.approx(math.log(4) + 1, abs=1e-5)


def test_a_calibration_for_other_weights_is_refused():
    with pytest.raises(ModelError, match="is for other weights"):
        shifted(1.0, sha256="cd" * 32)


def test_no_calibration_brings_a_threshold_below_the_manifests_floor():
    lowest = math.log(0.2 / 0.8)
    assert shifted(lowest + 1e-6, lowestThreshold=0.2) > 0
    with pytest.raises(ModelError, match=r"below the 0\.2 that its manifest allows"):
        shifted(lowest - 1e-6, lowestThreshold=0.2)


def test_a_manifest_without_a_floor_lets_a_calibration_only_raise_its_threshold():
    assert shifted(0.0) > shifted(3.0)
    with pytest.raises(ModelError, match=r"below the 0\.5"):
        shifted(-1e-6)
