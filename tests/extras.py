"""Tests that need an extra of the package, or a package of the system."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import NoReturn

import pytest


def skip_without_system_package(message: str) -> NoReturn:
    """CI installs every one that tests need and sets LIVEGATE_NO_SKIP: there a missing one is a failure."""
    if os.environ.get("LIVEGATE_NO_SKIP"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def missing(*packages: str) -> bool:
    """Whether one of them is not installed. Never where scripts/check-training runs: there nothing may be skipped."""
    return "LIVEGATE_TRAINING" not in os.environ and any(find_spec(package) is None for package in packages)


def skip_module_without(extra: str, *packages: str) -> None:
    """For modules whose every test needs them."""
    if missing(*packages):
        pytest.skip(f"{' and '.join(packages)} are in the extra '{extra}'", allow_module_level=True)
