"""Tests that need an extra of the package."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest


def missing(*packages: str) -> bool:
    """Whether one of them is not installed. Never where scripts/check-training runs: there nothing may be skipped."""
    return "LIVEGATE_TRAINING" not in os.environ and any(find_spec(package) is None for package in packages)


def skip_module_without(extra: str, *packages: str) -> None:
    """For modules whose every test needs them."""
    if missing(*packages):
        pytest.skip(f"{' and '.join(packages)} are in the extra '{extra}'", allow_module_level=True)
