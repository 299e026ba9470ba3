"""Light sensors of Industrial I/O."""

from __future__ import annotations

import os
import shutil

import pytest

from edge.errors import HardwareError
from edge.hardware.iio_ambient import IIO_DEVICES, IioAmbientSensor
from tests.hardware.contracts.ambient import AmbientSensorContract
from tests.hardware.fake_sysfs import sensor


@pytest.fixture
def sys(tmp_path):
    return tmp_path / "sys"


def opened(sys, name=None):
    return IioAmbientSensor(name, root=sys / "bus/iio/devices")


class TestIioAmbientSensor(AmbientSensorContract):
    @pytest.fixture(params=[{"in_illuminance_input": 312.5}, {"in_illuminance_raw": 4}])
    def sensor(self, request, sys):
        sensor(sys, **request.param)
        return opened(sys)


@pytest.mark.needs_device("/sys/bus/iio/devices/*/in_illuminance*_*", "light sensor", os.R_OK)
class TestRealSensor(AmbientSensorContract):
    @pytest.fixture
    def sensor(self):
        return IioAmbientSensor(sorted(IIO_DEVICES.glob("*/in_illuminance*_*"))[0].parent.name)


@pytest.mark.parametrize(
    ("attributes", "lux"),
    [
        ({"in_illuminance_input": "312.500000"}, 312.5),
        ({"in_illuminance0_input": "0"}, 0.0),
        ({"in_illuminance_raw": 200}, 200.0),
        ({"in_illuminance_raw": 200, "in_illuminance_scale": 0.25}, 50.0),
        ({"in_illuminance_raw": 200, "in_illuminance_scale": 0.25, "in_illuminance_offset": -20}, 45.0),
        ({"in_illuminance0_raw": 8, "in_illuminance_scale": 2}, 16.0),
        ({"in_illuminance0_raw": 8, "in_illuminance0_scale": 3, "in_illuminance_scale": 2}, 24.0),
        ({"in_illuminance_raw": 1, "in_illuminance_offset": -20}, 0.0),
        ({"in_illuminance_input": 7, "in_illuminance_raw": 200}, 7.0),
    ],
)
def test_lux_is_what_the_kernel_says(sys, attributes, lux):
    sensor(sys, **attributes)
    assert opened(sys).lux() == lux


def test_other_devices_are_no_light_sensors(sys):
    sensor(sys, 0, "bme280", in_temp_input=21000)
    sensor(sys, 1, in_illuminance_input=5)
    assert opened(sys).lux() == 5


def test_several_need_a_name(sys):
    sensor(sys, 0, "bh1750", in_illuminance_input=5)
    sensor(sys, 1, "tsl2591", in_illuminance_input=6)
    with pytest.raises(HardwareError, match=r"more than one light sensor.*bh1750.*tsl2591"):
        opened(sys)
    assert opened(sys, "tsl2591").lux() == opened(sys, "iio:device1").lux() == 6


def test_none_is_told(sys):
    with pytest.raises(HardwareError, match="no light sensor"):
        opened(sys)


@pytest.mark.parametrize("content", ["", "bright", "nan", "inf"])
def test_strange_contents_are_told_with_their_file(sys, content):
    sensor(sys, in_illuminance_input=content)
    with pytest.raises(HardwareError, match="in_illuminance_input"):
        opened(sys)


def test_a_sensor_that_is_lost_is_told(sys):
    sensor(sys, in_illuminance_input=5)
    lux = opened(sys)
    shutil.rmtree((sys / "bus/iio/devices/iio:device0").resolve())
    with pytest.raises(HardwareError, match="cannot be read") as lost:
        lux.lux()
    assert "gone" in lost.value.remedy
