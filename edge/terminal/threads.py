"""How many threads the libraries take."""

from __future__ import annotations

import cv2
from threadpoolctl import threadpool_limits


def keep_to_one_thread() -> None:
    """OpenCV and BLAS, in this process, from now on.

    Pictures and systems of equations are small here: more threads wait for each other, and for the camera's core.
    """
    cv2.setNumThreads(1)
    threadpool_limits(limits=1, user_api="blas")
