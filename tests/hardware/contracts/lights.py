"""What every Backlight and Illuminator must do. A driver's test subclasses the contract and gives the fixture."""

from __future__ import annotations

import math

import pytest

from edge.contracts.enums import LightBand
from edge.hardware.ports import Backlight, Illuminator

OUTSIDE = [-0.01, 1.01, math.nan, math.inf]
NOW = 12.5


class BacklightContract:
    @pytest.fixture
    def backlight(self) -> Backlight:
        raise NotImplementedError("a driver's test gives a backlight that was not used yet")

    def test_a_level_is_remembered(self, backlight):
        backlight.set_level(0.0, NOW)
        assert backlight.level() == pytest.approx(0.0, abs=0.05)
        backlight.set_level(1.0, NOW)
        assert backlight.level() == pytest.approx(1.0, abs=0.05)

    def test_a_change_settles_not_before_it_is_commanded(self, backlight):
        interval = backlight.set_level(1.0, NOW)
        assert NOW <= interval.commanded_at <= interval.settled_at

    @pytest.mark.parametrize("level", OUTSIDE)
    def test_a_level_outside_0_to_1_is_refused_and_changes_nothing(self, backlight, level):
        backlight.set_level(1.0, NOW)
        with pytest.raises(ValueError, match="0 to 1"):
            backlight.set_level(level, NOW)
        assert backlight.level() == pytest.approx(1.0, abs=0.05)

    def test_restoring_brings_back_the_level_found_at_first_use(self, backlight):
        found = backlight.level()
        backlight.set_level(1.0, NOW)
        backlight.set_level(0.0, NOW)
        backlight.restore(NOW)
        backlight.restore(NOW)
        assert backlight.level() == found

    def test_restoring_needs_no_use(self, backlight):
        found = backlight.level()
        backlight.restore(NOW)
        assert backlight.level() == found


class IlluminatorContract:
    @pytest.fixture
    def illuminator(self) -> Illuminator:
        raise NotImplementedError("a driver's test gives an illuminator that was just made")

    def test_it_is_off_when_made(self, illuminator):
        assert illuminator.output() == 0.0

    def test_its_band_is_known(self, illuminator):
        assert illuminator.band in LightBand

    def test_it_gives_what_was_asked_or_stays_dark_where_there_is_none(self, illuminator):
        illuminator.set_output(1.0, NOW)
        assert illuminator.output() == (1.0 if illuminator.available else 0.0)
        illuminator.set_output(0.0, NOW)
        assert illuminator.output() == 0.0

    def test_a_change_settles_not_before_it_is_commanded(self, illuminator):
        interval = illuminator.set_output(1.0, NOW)
        assert NOW <= interval.commanded_at <= interval.settled_at

    @pytest.mark.parametrize("output", OUTSIDE)
    def test_an_output_outside_0_to_1_is_refused_and_changes_nothing(self, illuminator, output):
        with pytest.raises(ValueError, match="0 to 1"):
            illuminator.set_output(output, NOW)
        assert illuminator.output() == 0.0

    def test_it_is_off_when_closed_and_closing_may_be_repeated(self, illuminator):
        illuminator.set_output(1.0, NOW)
        illuminator.close()
        illuminator.close()
        assert illuminator.output() == 0.0
