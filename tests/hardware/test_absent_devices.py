from __future__ import annotations

import os

import pytest

from tests.hardware.contracts.devices import missing_device


def test_a_device_that_is_there_is_found_by_its_pattern(tmp_path):
    (tmp_path / "video3").touch()
    assert missing_device(f"{tmp_path}/video*", "camera") is None


def test_a_missing_device_gives_the_reason_to_skip():
    assert missing_device("/dev/absent*", "camera") == "no camera here: /dev/absent* does not exist"


def test_a_device_that_this_user_may_not_use_gives_the_reason_to_skip(tmp_path, monkeypatch):
    device = tmp_path / "video3"
    device.touch()
    monkeypatch.setattr(os, "access", lambda _, mode: mode == os.R_OK)
    assert missing_device(f"{tmp_path}/video*", "camera") == f"no camera here that this user may use: {device}"
    assert missing_device(f"{tmp_path}/video*", "camera", os.R_OK) is None


@pytest.mark.needs_device("/dev/null", "null device")
def test_a_test_whose_device_is_there_runs(request):
    assert request.node.get_closest_marker("needs_device").args[0] == "/dev/null"
