"""Lamps in time, against closed forms and against brute-force sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.simulation.optics import mean_output
from edge.simulation.signals import SETTLED, Commanded, Mains, Pulsed, Pwm, Steady


def means(signal, begins, duration):
    return mean_output(signal, np.asarray(begins, np.float64), duration)


def test_a_steady_lamp_gives_its_level_over_any_exposure():
    assert means(Steady(0.7), [0.0, 3.3], 0.01) == pytest.approx([0.7, 0.7])


@pytest.mark.parametrize("mains", [50, 60])
@pytest.mark.parametrize("periods", [1, 2, 3])
def test_an_exposure_of_whole_flicker_periods_sees_no_flicker(mains, periods):
    begins = np.linspace(0, 0.1, 57)
    seen = means(Mains(mains, 0.9, 0.4), begins, periods / (2 * mains))
    assert seen == pytest.approx(np.ones(57), abs=1e-9)


def test_a_short_exposure_sees_the_ripple_damped_by_its_sinc():
    exposure, modulation = 0.004, 0.5
    seen = means(Mains(50, modulation), np.linspace(0, 0.01, 2001), exposure)
    sinc = math.sin(math.pi * 100 * exposure) / (math.pi * 100 * exposure)
    assert np.ptp(seen) / 2 == pytest.approx(modulation * sinc, rel=1e-5)


def test_a_hundred_hertz_beats_at_ten_hertz_in_thirty_frames_a_second():
    seen = means(Mains(50, 0.5), np.arange(300) / 30, 0.003)
    spectrum = np.abs(np.fft.rfft(seen - seen.mean()))
    assert np.fft.rfftfreq(300, 1 / 30)[spectrum.argmax()] == pytest.approx(10.0)


def test_a_hundred_and_twenty_hertz_stands_still_in_thirty_frames_a_second():
    assert np.ptp(means(Mains(60, 0.5), np.arange(300) / 30, 0.003)) < 1e-9


@given(
    st.lists(
        st.tuples(st.floats(0.01, 0.5), st.floats(0, 1), st.floats(0.001, 0.1), st.floats(0, 0.02)),
        min_size=1,
        max_size=5,
    )
)
def test_the_integral_of_a_commanded_output_is_the_sum_of_its_levels(commands):
    light, at = Commanded(0.3), 0.0
    for pause, level, constant, delay in commands:
        at += pause + 0.02
        light.command(level, at, constant=constant, delay=delay)
    times = np.linspace(-0.2, at + 0.5, 200_001)
    levels = light.level(times)
    summed = np.sum((levels[1:] + levels[:-1]) / 2) * (times[1] - times[0])
    assert np.diff(light.integral(times[[0, -1]]))[0] == pytest.approx(summed, abs=2e-5)


def test_a_command_waits_for_its_dead_time_and_settles_when_it_says():
    light = Commanded(0.0)
    settled = light.command(1.0, 2.0, constant=0.01, delay=0.02)
    before, at_one_constant, at_the_end = light.level(np.array([2.0199, 2.03, settled]))
    assert before == 0.0
    assert at_one_constant == pytest.approx(1 - math.exp(-1))
    assert settled == pytest.approx(2.02 + SETTLED * 0.01)
    assert 0.99 < at_the_end < 1.0


def test_the_past_stays_as_it_was_after_a_command():
    light = Commanded(0.2)
    before = light.integral(np.array([0.0, 1.0]))
    light.command(1.0, 1.0, constant=0.01)
    assert light.integral(np.array([0.0, 1.0])) == pytest.approx(before)


def test_a_command_does_not_overtake_one_that_is_on_its_way():
    light = Commanded(0.0)
    light.command(1.0, 2.0, constant=0.001, delay=0.03)
    light.command(0.2, 2.01, constant=0.001)
    early, late = light.level(np.array([2.029, 2.06]))
    assert early == 0.0
    assert late == pytest.approx(0.2)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 40))
def test_pulses_give_their_share_over_whole_periods(level, begin, periods):
    pulses = Pwm(Commanded(level), 240.0)
    assert means(pulses, [begin], periods / 240.0)[0] == pytest.approx(level, abs=1e-9)


def test_full_and_dark_do_not_ripple():
    begins = np.linspace(0, 0.05, 301)
    for level in (0.0, 1.0):
        assert means(Pwm(Commanded(level), 240.0), begins, 0.0007) == pytest.approx(np.full(301, level), abs=1e-9)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.02, 0.04), st.floats(0.0002, 0.02), st.floats(0.0005, 0.03))
def test_pulses_are_never_darker_than_off_nor_brighter_than_on_while_they_change(before, after, at, constant, exposure):
    light = Commanded(before)
    light.command(after, at, constant=constant)
    seen = means(Pwm(light, 200.0), np.linspace(0, 0.08, 321), exposure)
    assert seen.min() >= -1e-9
    assert seen.max() <= 1 + 1e-9


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.02, 0.04), st.integers(1, 6))
def test_pulses_that_change_give_over_whole_periods_what_was_asked(before, after, at, periods):
    light = Commanded(before)
    light.command(after, at, constant=0.003)
    begins = np.arange(12) / 200.0
    asked = means(light, begins, periods / 200.0)
    assert means(Pwm(light, 200.0), begins, periods / 200.0) == pytest.approx(asked, abs=1e-9)


def test_a_pulsed_light_is_on_for_its_part_of_each_period_and_its_mean_is_one():
    # 100 Hz, a quarter of the time: four times as bright for 2.5 ms, then dark for 7.5.
    light = Pulsed(100.0, 0.25)
    assert means(light, np.array([0.0, 0.001, 0.0025, 0.005, 0.0099]), 1e-5) == pytest.approx([4, 4, 0, 0, 0], abs=1e-9)
    assert means(light, np.array([0.0, 0.0013, 0.0077]), 0.03) == pytest.approx(1)
    assert means(Pulsed(100.0, 0.25, phase=0.5), np.array([0.004, 0.005]), 1e-5) == pytest.approx([0, 4], abs=1e-9)
    assert means(Pulsed(100.0, 1.0), np.linspace(0, 0.02, 7), 0.0003) == pytest.approx(1)


def test_a_dimmed_light_stands_as_bands_over_the_rows_of_a_frame():
    rows, line_time, frequency = 480, 30e-6, 240.0
    seen = means(Pwm(Commanded(0.5), frequency), np.arange(rows) * line_time, 0.0005)
    spectrum = np.abs(np.fft.rfft(seen - seen.mean(), 8 * rows))
    bands = spectrum.argmax() / 8
    assert bands == pytest.approx(rows * line_time * frequency, abs=0.3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Mains(0, 0.1),
        lambda: Mains(50, 1.1),
        lambda: Pwm(Commanded(1.0), 0),
        lambda: Pulsed(0, 0.5),
        lambda: Pulsed(9, 0.0),
    ],
)
def test_impossible_lamps_are_refused(wrong):
    with pytest.raises(ValueError, match="frequency"):
        wrong()
