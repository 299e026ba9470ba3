"""A process that starts itself again, and what the one before has left."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from edge.cli import run as run_module

ITSELF = """
import os, sys
from edge.terminal.again import start_again
print(os.getpid(), *sys.argv[1:], os.environ.get("AGAIN", "first"))
if "AGAIN" not in os.environ:
    os.environ["AGAIN"] = "second"
    start_again()
"""


def test_it_is_the_same_process_with_the_same_command_line():
    command = [sys.executable, "-c", ITSELF, "run", "--config", "a b.yaml"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    pids = [line.split()[0] for line in said]
    assert [line.partition(" ")[2] for line in said] == [
        "run --config a b.yaml first",
        "run --config a b.yaml second",
    ]
    assert pids[0] == pids[1]


CHILDREN = """
import os
from edge.terminal.again import bury_what_was_left
reading, writing = os.pipe()
ended = os.fork()
if not ended:
    os._exit(0)
living = os.fork()
if not living:
    os.read(reading, 1)
    os._exit(0)
os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)
bury_what_was_left()
try:
    os.waitpid(ended, 0)
except ChildProcessError:
    print("buried")
os.write(writing, b"x")
print(os.waitpid(living, 0) == (living, 0))
bury_what_was_left()
"""


def test_children_that_have_ended_are_buried_and_those_that_live_are_left_alone():
    said = subprocess.run([sys.executable, "-c", CHILDREN], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["buried", "True"]


@pytest.mark.parametrize("again", [False, True])
def test_run_starts_itself_again_only_where_the_daemon_wants_it(tmp_path, monkeypatch, again):
    site = tmp_path / "livegate.yaml"
    site.write_text("camera: {driver: replay, sources: [a]}\nstate_directory: state\n")
    started = []
    monkeypatch.setattr(run_module, "serve", lambda _: again)
    monkeypatch.setattr(run_module, "start_again", lambda: started.append(True))
    monkeypatch.setattr(run_module, "bury_what_was_left", lambda: None)
    monkeypatch.setattr(run_module.logs, "log_to", lambda _: None)
    assert CliRunner().invoke(run_module.run, ["--config", str(site)]).exit_code == 0
    assert started == [True] * again
