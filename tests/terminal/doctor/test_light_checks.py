"""What answers and edges are taken to say."""

from __future__ import annotations

import pytest

from edge.contracts.doctor import Verdict
from edge.contracts.enums import Spectrum
from edge.terminal.doctor import light_checks
from edge.terminal.doctor.light_answer import Answer
from edge.terminal.doctor.light_edge import Edge


def answer(ours, dark=10.0):
    return Answer(ours, dark, abs(ours) / 100 + 1e-6, 3, 4, 4, 0.0, 1e-4)


def edge(delay, off=1e-4, exposure=0.01):
    return Edge(delay, off, delay + 2e-3, off, exposure, 100)


@pytest.mark.parametrize(
    ("delay", "off", "verdict"),
    [
        (0.0, 1e-4, Verdict.OK),
        (0.009, 1e-4, Verdict.OK),
        (-0.009, 1e-4, Verdict.OK),
        (0.059, 1e-4, Verdict.OK),
        (0.0605, 1e-3, Verdict.WARN),
        (0.08, 1e-4, Verdict.FAIL),
        (-0.02, 1e-4, Verdict.FAIL),
        (0.0, 8e-3, Verdict.SKIPPED),
    ],
)
def test_stamps_may_be_off_by_one_exposure_beside_what_the_light_takes(delay, off, verdict):
    assert light_checks.timestamps("lamp", edge(delay, off), 0.05).verdict is verdict


@pytest.mark.parametrize(
    ("contrast", "lux", "verdict"),
    [
        # Without a display: in lux that come back, and without lux in the room's light.
        (0.5, 200.0, Verdict.OK),
        (0.5, 10.0, Verdict.FAIL),
        (5.0, None, Verdict.OK),
        (0.5, None, Verdict.WARN),
        (0.02, None, Verdict.FAIL),
    ],
)
def test_without_a_display_the_room_is_the_measure_of_an_infrared_lamp(contrast, lux, verdict):
    assert light_checks.spectrum(Spectrum.NOIR, answer(10 * contrast), None, lux).verdict is verdict


def test_what_a_filter_lets_through_is_less_than_three_displays():
    leak = light_checks.spectrum(Spectrum.IR_CUT, answer(1.4), answer(1.0), None)
    assert leak.verdict is Verdict.OK
    assert light_checks.spectrum(Spectrum.IR_CUT, answer(9.0), answer(1.0), None).verdict is Verdict.FAIL


def test_a_sensor_that_does_not_fit_the_cameras_estimate_is_warned_of():
    assert light_checks.ambient(300.0, 150.0).verdict is Verdict.OK
    assert light_checks.ambient(3.0, 150.0).verdict is Verdict.WARN
    assert light_checks.ambient(3.0, 1.0).verdict is Verdict.OK
    assert light_checks.ambient(None, 150.0).verdict is Verdict.WARN
