from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.hardware.contracts")

from tests.hardware.contracts.devices import missing_device  # noqa: E402 - its asserts are rewritten first


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "needs_device(pattern, what, access=R_OK | W_OK): skips, naming the device, where no file that may be used so "
        "matches the pattern",
    )


def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs_device"):
        reason = missing_device(*marker.args)
        if reason is not None:
            pytest.skip(reason)
