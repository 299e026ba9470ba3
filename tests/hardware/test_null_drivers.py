from __future__ import annotations

import pytest

from edge.contracts.enums import LightBand
from edge.hardware.null import NullAmbientSensor, NullBacklight, NullIlluminator, NullScreen
from tests.hardware.contracts.ambient import AmbientSensorContract
from tests.hardware.contracts.lights import BacklightContract, IlluminatorContract
from tests.hardware.contracts.screen import ScreenContract


class TestNullBacklight(BacklightContract):
    @pytest.fixture
    def backlight(self):
        return NullBacklight()

    def test_it_is_not_available(self, backlight):
        assert not backlight.available


class TestNullIlluminator(IlluminatorContract):
    @pytest.fixture(params=list(LightBand))
    def illuminator(self, request):
        return NullIlluminator(request.param)

    def test_it_is_not_available(self, illuminator):
        assert not illuminator.available


class TestNullScreen(ScreenContract):
    @pytest.fixture
    def screen(self):
        return NullScreen()

    def test_it_is_not_available(self, screen):
        assert not screen.available


class TestNullAmbientSensor(AmbientSensorContract):
    @pytest.fixture
    def sensor(self):
        return NullAmbientSensor()

    def test_it_is_not_available(self, sensor):
        assert not sensor.available
