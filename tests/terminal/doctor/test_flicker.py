"""Whether lamps on the mains ripple in the picture."""

from __future__ import annotations

import pytest

from edge.contracts.doctor import Verdict
from edge.terminal.doctor.flicker import flicker, ripple
from tests.terminal.doctor.made_frames import frames


def test_a_ripple_is_found_with_its_depth_and_its_beat():
    # Of 4 ms, a tone of 100 Hz keeps sin(0.4 pi) / (0.4 pi) of its depth.
    found = ripple(frames(36, ripple=(0.2, 100.0), exposure=4e-3, noise=1e-3), 100.0)
    assert found.depth == pytest.approx(0.2 * 0.757, rel=0.02)
    assert found.beat == pytest.approx(10.0, abs=0.5)
    assert not found.standing


def test_nothing_ripples_over_whole_periods_of_exposure():
    found = ripple(frames(36, ripple=(0.2, 100.0), exposure=20e-3, noise=1e-3), 100.0)
    assert found.depth < 1e-3


def test_steady_light_has_no_ripple_beyond_its_noise():
    found = ripple(frames(36, exposure=4e-3, noise=2e-3), 100.0)
    assert found.depth < 5 * found.deviation + 1e-4


def test_120_hz_stands_still_at_30_frames_a_second():
    assert ripple(frames(36, ripple=(0.2, 120.0), exposure=4e-3), 120.0).standing


@pytest.mark.parametrize(
    ("exposure", "depth", "mains", "divides", "verdict"),
    [
        (20e-3, 0.3, 50.0, True, Verdict.OK),
        (4e-3, 0.3, 50.0, None, Verdict.WARN),
        (13e-3, 0.3, 50.0, False, Verdict.WARN),
        (4e-3, 0.3, None, None, Verdict.WARN),
        (4e-3, 0.0, 50.0, None, Verdict.OK),
        (4e-3, 0.0, None, None, Verdict.OK),
    ],
)
def test_the_rule_is_met_by_whole_periods_or_by_measured_absence(exposure, depth, mains, divides, verdict):
    seen = frames(36, ripple=(depth, 100.0), exposure=exposure, noise=1e-3)
    check = flicker(seen, mains, divides=divides)
    assert check.verdict is verdict, check
    if verdict is Verdict.WARN:
        assert "beat of 10.0 Hz" in check.seen
        assert ("camera.mains_hz" in check.remedy) is (mains is None)


def test_frames_that_do_not_tell_their_exposure_are_asked_nothing():
    assert flicker([], 50.0, divides=None).verdict is Verdict.SKIPPED
