from __future__ import annotations

import pytest

from tests.hardware.contracts.devices import missing_device


def test_a_device_that_is_there_is_found_by_its_pattern(tmp_path):
    (tmp_path / "video3").touch()
    assert missing_device(f"{tmp_path}/video*", "camera") is None


def test_a_missing_device_gives_the_reason_to_skip():
    assert missing_device("/dev/absent*", "camera") == "no camera here: /dev/absent* does not exist"


@pytest.mark.needs_device("/dev/null", "null device")
def test_a_test_whose_device_is_there_runs(request):
    assert request.node.get_closest_marker("needs_device").args[0] == "/dev/null"
