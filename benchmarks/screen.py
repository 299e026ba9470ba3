"""What drawing takes of the thread that runs sessions: median and worst processor time, milliseconds, drawn for nobody.

python benchmarks/screen.py
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from edge.contracts.enums import CaptureKind, Prompt
from edge.frames.frame import ColourOrder, Frame
from edge.guidance.page import Guidance, Standing
from edge.hardware.ports import Pattern
from edge.hardware.pygame_screen import PygameScreen, ScreenOptions

SIZES: Final = ((800, 480), (480, 800), (1024, 600), (1280, 720), (1920, 1080))
TIMES: Final = 100
PROMPTS: Final = (Prompt.COME_CLOSER, Prompt.HOLD_STILL)


def main() -> int:
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    frame = Frame(noise, ColourOrder.BGR, 0, 0.0, CaptureKind.LIVE)
    print(f"{'display':>12} {'prompt':>14} {'progress':>14} {'preview':>14} {'pattern':>14}")
    for size in SIZES:
        screen = PygameScreen(ScreenOptions(video="dummy", window=size, mirror=True), Guidance("en"))
        cells = [
            timed(lambda n, screen=screen: screen.show_prompt(PROMPTS[n % 2])),  # type: ignore[misc]
            timed(lambda n, screen=screen: screen.show_standing(Standing(n / TIMES))),  # type: ignore[misc]
            timed(lambda _, screen=screen: screen.show_preview(frame)),  # type: ignore[misc]
            timed(lambda n, screen=screen: screen.show_pattern(list(Pattern)[1 + n % 4], 0.0)),  # type: ignore[misc]
        ]
        screen.close()
        print(f"{size[0]:>6} x {size[1]:>4}" + "".join(f" {median:>6.1f} {worst:>6.1f} " for median, worst in cells))
    return 0


def timed(draw: Callable[[int], object]) -> tuple[float, float]:
    """Median and worst, milliseconds of this thread's processor time."""
    taken = []
    for number in range(TIMES):
        began = time.thread_time()
        draw(number)
        taken.append(1e3 * (time.thread_time() - began))
    return statistics.median(taken), max(taken)


if __name__ == "__main__":
    sys.exit(main())
