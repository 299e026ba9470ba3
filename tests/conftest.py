from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extras import skip_without_system_package


@pytest.fixture(scope="session")
def assert_current():
    """What a generator in scripts/ writes is what stands in docs/."""

    def check(generator: str) -> None:
        command = [sys.executable, str(Path(__file__).parents[1] / "scripts" / generator), "--check"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    return check


@pytest.fixture(scope="session")
def need_program():
    """The path of a system program; without it the test skips and names the package."""

    def need(name: str, package: str) -> str:
        # Debian keeps daemons where only root's search path leads.
        path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if path is None:
            skip_without_system_package(f"{name} is not installed: apt install {package}")
        return path

    return need
