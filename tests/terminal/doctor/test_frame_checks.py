"""What a series of frames tells of its camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.contracts.doctor import Verdict
from edge.contracts.enums import CaptureKind
from edge.hardware.ports import CameraTraits
from edge.terminal.doctor import frame_checks
from tests.terminal.doctor.made_frames import frames

TRAITS = CameraTraits("made up", CaptureKind.LIVE, exposure_metadata=True)


@pytest.mark.parametrize(
    ("fps", "configured", "verdict"),
    [(30.0, 30.0, Verdict.OK), (25.0, 30.0, Verdict.OK), (15.0, 30.0, Verdict.WARN), (15.0, None, Verdict.OK)],
)
def test_a_rate_below_four_fifths_of_the_configured_one_is_warned_of(fps, configured, verdict):
    check = frame_checks.rate(frames(30, fps=fps), configured)
    assert check.verdict is verdict
    assert f"{fps:.1f}" in check.seen


def test_no_frames_are_a_failure():
    assert frame_checks.rate([], 30.0).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("late", "verdict"), [(0.08, Verdict.OK), (0.2, Verdict.WARN), (0.7, Verdict.FAIL), (-0.5, Verdict.FAIL)]
)
def test_frames_are_to_be_young_when_they_arrive(late, verdict):
    check = frame_checks.age(frames(30, late=late))
    assert check.verdict is verdict
    assert f"{abs(late) * 1e3:.0f} ms" in check.seen


def test_dropped_frames_are_counted():
    seen = frames(40)
    check = frame_checks.sequence([frame for number, frame in enumerate(seen) if number not in {5, 6, 20}])
    assert check.verdict is Verdict.WARN
    assert "3 of 40 frames lost" in check.seen
    assert frame_checks.sequence(seen).verdict is Verdict.OK


def test_frames_that_come_in_bursts_are_warned_of():
    seen = frames(40)
    bursts = [
        replace(frame, arrived_at=seen[number - number % 4 + 3].arrived_at if number < 36 else frame.arrived_at)
        for number, frame in enumerate(seen)
    ]
    assert frame_checks.sequence(bursts).verdict is Verdict.WARN


def test_a_frame_that_comes_twice_is_a_failure():
    seen = frames(20)
    assert frame_checks.sequence([*seen[:10], seen[9], *seen[10:]]).verdict is Verdict.FAIL


def test_exposure_must_be_told_where_it_is_configured():
    seen = frames(10)
    mute = [replace(frame, exposure=None) for frame in seen]
    assert frame_checks.exposure(seen, TRAITS).verdict is Verdict.OK
    assert frame_checks.exposure(mute, TRAITS).verdict is Verdict.FAIL
    assert frame_checks.exposure([*seen[:9], mute[9]], TRAITS).verdict is Verdict.FAIL
    plain = replace(TRAITS, exposure_metadata=False)
    check = frame_checks.exposure(mute, plain)
    assert check.verdict is Verdict.SKIPPED
    assert "no light is measured" in check.seen


def test_raw_values_must_come_where_they_are_configured():
    seen = frames(10)
    plain = [replace(frame, raw=False) for frame in seen]
    assert frame_checks.raw(seen, True).verdict is Verdict.OK
    assert frame_checks.raw(plain, True).verdict is Verdict.FAIL
    assert frame_checks.raw(plain, False).verdict is Verdict.SKIPPED
    assert frame_checks.raw(plain, None).verdict is Verdict.SKIPPED


def test_lux_is_told_for_information():
    seen = frames(10)
    assert frame_checks.lux(seen).verdict is Verdict.SKIPPED
    check = frame_checks.lux([replace(frame, lux=140.0) for frame in seen])
    assert check.verdict is Verdict.OK
    assert "140 lx" in check.seen


def test_a_covered_lens_gives_a_black_picture():
    check = frame_checks.picture(frames(10, base=5e-4, noise=1e-4), live=True)
    assert check.verdict is Verdict.FAIL
    assert "cap" in check.remedy


def test_a_live_picture_without_any_noise_stands_still():
    still = [replace(frame, rows=np.full(240, 0.2)) for frame in frames(10)]
    assert frame_checks.picture(still, live=True).verdict is Verdict.FAIL
    assert frame_checks.picture(still, live=False).verdict is Verdict.OK
    assert frame_checks.picture(frames(10, noise=1e-3), live=True).verdict is Verdict.OK


def test_an_overexposed_picture_is_warned_of():
    bright = [replace(frame, clipped=0.7) for frame in frames(10, noise=1e-3)]
    assert frame_checks.picture(bright, live=True).verdict is Verdict.WARN
