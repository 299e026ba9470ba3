"""When a light changed, by the rows of the frames that saw it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.terminal.doctor.light_edge import find_edge
from tests.terminal.doctor.made_frames import switched


@settings(max_examples=25, deadline=None)
@given(
    stamps=st.floats(-0.05, 0.05),
    delay=st.sampled_from([0.0, 0.002, 0.03, 0.1]),
    constant=st.sampled_from([3e-4, 1e-3, 5e-3, 1e-2]),
    exposure=st.sampled_from([1e-3, 4e-3, 1e-2, 2e-2, 3e-2]),
    line_time=st.sampled_from([15e-6, 30e-6, 60e-6]),
    noise=st.sampled_from([0.0, 1e-4, 1e-3, 5e-3]),
    seed=st.integers(0, 1000),
)
def test_what_time_stamps_are_off_is_found_within_what_is_said_to_be_uncertain(
    stamps, delay, constant, exposure, line_time, noise, seed
):
    edge = find_edge(
        switched(
            stamps=stamps,
            delay=delay,
            constant=constant,
            exposure=exposure,
            line_time=line_time,
            noise=noise,
            seed=seed,
        )
    )
    assert edge is not None
    assert abs(edge.delay - delay - stamps) <= 1.5 * edge.delay_off
    assert abs(edge.settled - delay - stamps - 4 * constant) <= 1.5 * edge.settled_off


def test_the_uncertainty_is_small_where_noise_is_and_grows_with_it():
    quiet, loud = (find_edge(switched(noise=noise)) for noise in (1e-4, 1e-2))
    assert quiet.delay_off < 5e-4
    assert loud.delay_off > 2 * quiet.delay_off


def test_an_exposure_shorter_than_the_time_between_two_frames_is_timed_too():
    # 1 ms of exposure and 4 ms of readout in 33 ms: without the commands' steps no row would see a change.
    edge = find_edge(switched(exposure=1e-3, line_time=15e-6, stamps=0.012, constant=1e-3, times=10))
    assert edge.delay == pytest.approx(0.012, abs=2e-4)


def test_nothing_is_told_without_exposure_times():
    epochs = switched()
    mute = [replace(epoch, frames=tuple(replace(frame, exposure=None) for frame in epoch.frames)) for epoch in epochs]
    assert find_edge(mute) is None


def test_nothing_is_told_of_a_light_that_does_not_show_or_darkens_the_picture():
    assert find_edge(switched(added=0.0)) is None
    assert find_edge(switched(added=-0.05)) is None


def test_nothing_is_told_of_an_overexposed_picture():
    epochs = [
        replace(epoch, frames=tuple(replace(frame, clipped=0.6) for frame in epoch.frames)) for epoch in switched()
    ]
    assert find_edge(epochs) is None
