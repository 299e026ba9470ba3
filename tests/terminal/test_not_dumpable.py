"""No core file, and no look from outside: of the daemon, also where it started itself again, and of capture."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge.errors import HardwareError
from edge.terminal.capture import ProcessCamera
from tests.hardware import rogue_cameras as rogue

TOLD = """
import ctypes, os, resource, sys
from edge.terminal.hygiene import keep_memory_private

def told(when):
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE of linux/prctl.h
    print(when, dumpable, *resource.getrlimit(resource.RLIMIT_CORE), flush=True)

told("begun")
keep_memory_private()
told("private")
if sys.argv[1] == "first":
    os.execv(sys.executable, [*sys.orig_argv[:-1], "again"])
"""


def test_exec_makes_a_process_dumpable_again_until_it_asks_once_more_and_the_limit_of_core_files_stays():
    command = [sys.executable, "-c", TOLD, "first"]
    before, private, after_exec, again = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert before.startswith("begun 1 ")
    assert private == "private 0 0 0"
    assert after_exec == "begun 1 0 0"
    assert again == "private 0 0 0"


def test_the_capture_process_is_not_dumpable_and_leaves_no_core_file():
    camera = ProcessCamera(rogue.TellsOfItself, largest=(rogue.WIDTH, rogue.HEIGHT))
    with pytest.raises(HardwareError, match=r"^dumpable 0, core files up to \(0, 0\)"):
        camera.open()
