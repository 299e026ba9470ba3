"""Metadata of a frame, as libcamera names it, read into the project's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hardware.libcamera_metadata import Stamp, read_metadata

# The keys that a Raspberry Pi gives, with values of a room.
TOLD = {
    "SensorTimestamp": 5_000_000_000,
    "ExposureTime": 20_000,
    "AnalogueGain": 4.0,
    "DigitalGain": 1.25,
    "ColourGains": (2.3, 1.6),
    "Lux": 180.5,
    "FrameDuration": 33_333,
    "AeState": 2,
}
NEEDED = ["SensorTimestamp", "ExposureTime", "AnalogueGain", "DigitalGain"]


def read(metadata, *, line_time=30e-6, stamp=Stamp.READOUT):
    return read_metadata(metadata, line_time=line_time, stamp=stamp)


def test_units_are_seconds_and_the_gain_is_all_of_it():
    exposure = read(TOLD, line_time=19e-6).exposure
    assert exposure.duration == pytest.approx(0.020)
    assert exposure.gain == pytest.approx(4.0 * 1.25)
    assert exposure.line_time == 19e-6


def test_a_stamp_of_readout_marks_the_end_of_the_first_rows_exposure():
    exposure = read(TOLD, stamp=Stamp.READOUT).exposure
    assert exposure.start + exposure.duration == pytest.approx(5.0)


def test_a_stamp_of_exposure_marks_its_beginning():
    assert read(TOLD, stamp=Stamp.EXPOSURE).exposure.start == pytest.approx(5.0)


@given(stamped=st.integers(1, 10**9 * 86_400 * 365), exposed=st.integers(1, 10**6))
def test_the_two_readings_of_a_stamp_differ_by_one_exposure(stamped, exposed):
    metadata = {**TOLD, "SensorTimestamp": stamped, "ExposureTime": exposed}
    late, early = (read(metadata, stamp=stamp).exposure.start for stamp in (Stamp.EXPOSURE, Stamp.READOUT))
    assert late - early == pytest.approx(exposed * 1e-6, abs=1e-8)


def test_colour_gains_are_red_then_blue_and_lux_is_handed_on():
    told = read(TOLD)
    assert told.colour_gains == (2.3, 1.6)
    assert told.lux == 180.5
    assert told.missing == ()


@pytest.mark.parametrize("key", NEEDED)
def test_without_a_key_that_times_the_light_there_is_no_exposure_and_the_key_is_named(key):
    told = read({name: value for name, value in TOLD.items() if name != key})
    assert told.exposure is None
    assert told.missing == (key,)


@pytest.mark.parametrize("key", ["ColourGains", "Lux"])
def test_without_an_optional_key_the_exposure_is_still_known(key):
    told = read({name: value for name, value in TOLD.items() if name != key})
    assert told.exposure is not None
    assert told.missing == (key,)


def test_a_camera_that_gives_its_timestamp_alone_is_said_to_lack_the_rest():
    told = read({"SensorTimestamp": 1})
    assert told.exposure is None
    assert told.colour_gains is None
    assert told.lux is None
    assert told.missing == ("ExposureTime", "AnalogueGain", "DigitalGain", "ColourGains", "Lux")


@pytest.mark.parametrize("key", NEEDED)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "20000", None, True])
def test_an_impossible_value_counts_as_missing(key, value):
    told = read({**TOLD, key: value})
    assert told.exposure is None
    assert told.missing == (key,)


@pytest.mark.parametrize("gains", [(1.0,), (1.0, 2.0, 3.0), (0.0, 1.0), (1.0, float("nan")), 1.0, "ab"])
def test_colour_gains_are_a_pair_above_zero_or_missing(gains):
    told = read({**TOLD, "ColourGains": gains})
    assert told.colour_gains is None
    assert told.missing == ("ColourGains",)


def test_a_dark_room_has_zero_lux_and_that_is_an_answer():
    told = read({**TOLD, "Lux": 0.0})
    assert told.lux == 0.0
    assert told.missing == ()
