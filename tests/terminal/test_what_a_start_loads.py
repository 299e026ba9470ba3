"""What the daemon loads is what a board pays for it: seconds of its start, and memory for as long as it runs."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import sys
import edge.cli.run
unwanted = ("rich", "pygments", "edge.simulation", "edge.evaluation", "pygame", "edge.link.embedded")
print(sorted(name for name in unwanted if name in sys.modules))
import rich.console
"""

IN_A_CAPTURE_PROCESS = """
import sys
import edge.terminal.capture
import edge.hardware.replay, edge.hardware.v4l2_camera, edge.hardware.picamera2_camera
unwanted = ("asyncio", "pydantic", "structlog", "edge.guidance", "edge.liveness", "edge.session", "edge.vision")
print(sorted(name for name in unwanted if name in sys.modules))
"""

AS_A_COMMAND = """
import contextlib, sys
from edge.cli.main import main
with contextlib.suppress(SystemExit):
    sys.argv = ["livegate", "--version"]
    main()
import cv2, numpy
from threadpoolctl import threadpool_info
print({library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"})
"""


def last_line(program):
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[-1]


def test_the_daemon_loads_nothing_that_only_other_commands_need_and_they_can_still_load_it():
    assert last_line(LOADED) == "[]"


def test_a_capture_process_loads_a_camera_and_nothing_that_judges_or_shows():
    assert last_line(IN_A_CAPTURE_PROCESS) == "[]"


def test_a_command_starts_no_blas_threads_that_would_wait_for_work():
    assert last_line(AS_A_COMMAND) == "{1}"
