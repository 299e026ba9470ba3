from __future__ import annotations

from edge.guidance.patterns import LIT
from edge.liveness.plans import Chip


def test_every_chip_has_a_pattern():
    assert set(LIT) == set(Chip)


def test_left_and_right_together_are_the_full_screen():
    left, right, full = LIT[Chip.LEFT], LIT[Chip.RIGHT], LIT[Chip.FULL]
    assert (left.start, right.end) == (full.start, full.end) == (0.0, 1.0)
    assert left.end == right.start == 0.5


def test_black_lights_nothing():
    assert LIT[Chip.BLACK] is None
