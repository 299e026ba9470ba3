"""OpenCV and BLAS take one thread."""

from __future__ import annotations

import subprocess
import sys

IN_ANOTHER_PROCESS = """
import cv2, numpy
from threadpoolctl import threadpool_info
from edge.terminal.threads import keep_to_one_thread
cv2.setNumThreads(3)
keep_to_one_thread()
blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
print(cv2.getNumThreads(), len(blas) > 0, set(blas))
"""


def test_a_process_that_is_kept_to_one_thread_has_one_for_opencv_and_one_for_each_blas():
    said = subprocess.run([sys.executable, "-c", IN_ANOTHER_PROCESS], capture_output=True, text=True, check=True)
    assert said.stdout.split(maxsplit=2) == ["1", "True", "{1}\n"]
