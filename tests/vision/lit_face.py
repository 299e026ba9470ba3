"""Patches of a face that is lit as a test says."""

from __future__ import annotations

import numpy as np

from edge.vision.face_patch import CELLS, Patch
from edge.vision.light_response import Sample

DARK, LEFT, RIGHT, BOTH = (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)
CODE = (BOTH, DARK, LEFT, LEFT, RIGHT, DARK, BOTH, RIGHT, LEFT, DARK, BOTH, RIGHT)
FRAMES_OF_EACH = 4
ROWS = np.arange(CELLS) + 0.5


def played(ambient, ours, rng=None, noise=0.0, code=CODE, moving=lambda levels, time: levels):
    """Samples of 33 ms of a face with light ``ambient`` (CELLS, CELLS) and ``ours`` (CELLS, CELLS, lights).

    noise: deviation of a cell, against its light. moving: what becomes of the levels at a time.
    """
    samples = []
    for number, lit in enumerate(np.repeat(code, FRAMES_OF_EACH, axis=0)):
        time = number / 30
        levels = moving(ambient + ours @ lit, time)
        if rng is not None:
            levels = levels * (1 + noise * rng.standard_normal(levels.shape))
        patch = Patch(levels.astype(np.float32), np.zeros((CELLS, CELLS), np.float32), ROWS)
        samples.append(Sample(patch, time, np.tile(lit, (CELLS, 1))))
    return samples
