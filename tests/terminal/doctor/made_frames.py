"""Frames of an even surface in a light that is switched, as numbers: a rolling shutter's arithmetic, no renderer."""

from __future__ import annotations

import numpy as np

from edge.frames.frame import Exposure
from edge.hardware.ports import LightInterval
from edge.simulation.signals import Commanded
from edge.terminal.doctor.frame_series import COLUMNS, Seen
from edge.terminal.doctor.light_answer import Epoch


def frames(
    count,
    *,
    light=None,
    base=0.2,
    added=0.1,
    fps=30.0,
    rows=240,
    line_time=30e-6,
    exposure=8e-3,
    late=0.08,
    stamps=0.0,
    noise=0.0,
    ripple=(0.0, 100.0),
    first=0,
    seed=1,
):
    """light: a signal that lights the surface beside a steady one. late: seconds until a frame arrives. stamps: that
    time stamps are too late. ripple: depth and Hz of the steady light.
    """
    rng = np.random.default_rng(seed)
    found = []
    for number in range(first, first + count):
        start = number / fps
        begins = start + np.arange(rows) * line_time
        depth, hertz = ripple
        speed = 2 * np.pi * hertz
        mean = 1 + depth * (np.sin(speed * (begins + exposure)) - np.sin(speed * begins)) / (speed * exposure)
        level = base * mean
        if light is not None:
            level = level + added * (light.integral(begins + exposure) - light.integral(begins)) / exposure
        level = level + noise * rng.standard_normal(rows)
        end = start + rows * line_time + exposure
        found.append(
            Seen(
                sequence=number,
                captured_at=end + stamps,
                arrived_at=end + late,
                exposure=Exposure(start + stamps, exposure, line_time, 1.0),
                lux=None,
                raw=True,
                rows=level,
                columns=np.full(COLUMNS, level.mean()),
            )
        )
    return found


def switched(*, times=6, dwell=0.5, delay=0.0, constant=5e-4, phase=0.61, late=0.08, **more):
    """Epochs of a light that follows its commands after ``delay``; what else as in ``frames``."""
    light = Commanded(0.0)
    lit = [False, *[True, False] * times]
    # Not in step with the frames.
    at = [1.0 + number * dwell + (number * phase % 1.0) / 30 for number in range(len(lit))]
    for way, when in zip(lit[1:], at[1:], strict=True):
        light.command(float(way), when, constant=constant, delay=delay)
    seen = frames(int((at[-1] + dwell + 1) * 30), light=light, late=late, **more)
    ends = [*at[1:], at[-1] + dwell]
    return [
        Epoch(way, LightInterval(when, when), tuple(frame for frame in seen if when <= frame.arrived_at < end))
        for way, when, end in zip(lit, at, ends, strict=True)
    ]
