"""Camera and lights are left to the terminal's service where it runs."""

from __future__ import annotations

import json
import os

import pytest

from edge.config.loader import load
from edge.contracts.doctor import Verdict
from edge.errors import LinkError
from edge.link.files import claim
from edge.terminal.doctor import alone, camera, lights
from edge.terminal.doctor.alone import sole_use
from edge.terminal.doctor.context import Context


def never(_):
    raise AssertionError("the camera was opened")


@pytest.fixture
def context(tmp_path):
    file = tmp_path / "site.yaml"
    file.write_text(json.dumps({"camera": {"driver": "picamera2"}, "state_directory": "state"}))
    return Context(config=file, loaded=load(file), open_camera=never)


@pytest.fixture
def service(context):
    held = claim(context.settings.state_directory)
    yield
    os.close(held)


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("area", [camera, lights])
def test_nothing_is_measured_while_the_service_runs(context, area):
    (check,) = area.checks(context)
    assert check.verdict is Verdict.SKIPPED
    assert "stop the service first" in check.seen
    assert f"process {os.getpid()}" in check.seen


def test_no_terminal_starts_meanwhile(context):
    folder = context.settings.state_directory
    os.close(claim(folder))
    with sole_use(context, context.settings) as taken:
        assert taken is None
        with pytest.raises(LinkError):
            claim(folder)
    os.close(claim(folder))


def test_a_folder_that_is_missing_is_not_made(context):
    with sole_use(context, context.settings) as taken:
        assert taken is None
    assert not context.settings.state_directory.exists()


@pytest.mark.usefixtures("service")
def test_where_the_folder_may_not_be_opened_the_systems_list_of_locks_tells(context, monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(alone.os, "open", refused)
    with sole_use(context, context.settings) as taken:
        assert "stop the service first" in taken
