from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def need_program():
    """The path of a system program; without it the test skips and names the package.

    CI installs every such program and sets LIVEGATE_NO_SKIP: there a missing one is a failure.
    """

    def need(name: str, package: str) -> str:
        # Debian keeps daemons where only root's search path leads.
        path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if path is None:
            message = f"{name} is not installed: apt install {package}"
            if os.environ.get("LIVEGATE_NO_SKIP"):
                pytest.fail(message, pytrace=False)
            pytest.skip(message)
        return path

    return need
