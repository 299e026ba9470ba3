"""What every AmbientSensor must do. A driver's test subclasses AmbientSensorContract and gives the fixture."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.frames.frame import ColourOrder, Frame
from edge.hardware.ports import AmbientSensor


class AmbientSensorContract:
    @pytest.fixture
    def sensor(self) -> AmbientSensor:
        raise NotImplementedError("a driver's test gives an ambient sensor")

    def test_lux_is_a_number_that_is_not_negative_or_unknown(self, sensor):
        lux = sensor.lux()
        assert lux is None or lux >= 0.0

    def test_a_sensor_that_is_not_there_knows_no_lux(self, sensor):
        if sensor.available:
            pytest.skip("this sensor is there")
        assert sensor.lux() is None

    def test_any_frame_may_be_shown_to_it(self, sensor):
        before = sensor.lux()
        sensor.saw(Frame(np.zeros((48, 64, 3), np.uint8), ColourOrder.BGR, 0, 0.1, CaptureKind.LIVE))
        assert sensor.lux() in (before, None)

    def test_what_is_not_measured_directly_says_so(self, sensor):
        assert sensor.direct in (True, False)
