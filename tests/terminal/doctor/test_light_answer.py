"""Whether a picture answers a light, and after how many frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.terminal.doctor.light_answer import answer
from tests.terminal.doctor.made_frames import switched


def test_an_answer_has_the_size_that_the_light_adds():
    found = answer(switched(base=0.2, added=0.1, exposure=8e-3, noise=1e-3), held=True)
    assert found.certain
    # Per second of exposure.
    assert found.ours == pytest.approx(0.1 / 8e-3, rel=0.01)
    assert found.share == pytest.approx(1 / 3, rel=0.01)
    assert found.clipped == 0.0


@pytest.mark.parametrize(("late", "frame"), [(0.01, 2), (0.08, 4), (0.15, 6)])
def test_frames_are_counted_from_the_command_to_the_first_that_shows_it(late, frame):
    found = answer(switched(late=late, constant=3e-4), held=True)
    assert abs(found.there - frame) <= 1
    assert found.there <= found.settled <= found.there + 2
    assert found.gone is not None


def test_a_slow_light_settles_frames_after_it_shows():
    found = answer(switched(constant=0.06, dwell=0.8), held=True)
    assert found.settled >= found.there + 2


def test_a_light_that_is_not_there_gives_no_certain_answer():
    for seed in range(20):
        found = answer(switched(added=0.0, noise=2e-3, seed=seed), held=True)
        assert not found.certain
        assert found.hidden < 0.02


def test_a_drift_of_the_room_is_no_answer():
    epochs = switched(added=0.0, noise=1e-4)
    drifting = [
        replace(epoch, frames=tuple(replace(f, rows=f.rows * (1 + 0.05 * f.captured_at)) for f in epoch.frames))
        for epoch in epochs
    ]
    assert not answer(drifting, held=True).certain


def test_a_light_that_is_the_wrong_way_round_darkens_the_picture():
    found = answer(switched(added=-0.05, noise=1e-3), held=True)
    assert found.certain
    assert found.ours < 0
    assert found.share < 0


def test_nothing_but_the_light_lights_a_dark_room():
    found = answer(switched(base=0.0, added=0.2, noise=1e-4), held=True)
    assert found.certain
    assert found.share == pytest.approx(1.0, abs=0.01)


def test_what_automatic_exposure_takes_back_is_counted_at_its_largest():
    # Without exposure metadata: levels fall back to where they were within some frames.
    def adapted(epoch, before):
        levels = np.array([frame.level for frame in epoch.frames])
        fade = np.exp(-np.arange(len(levels)) / 4)
        return replace(
            epoch,
            frames=tuple(
                replace(frame, exposure=None, rows=np.full(8, 0.2 + (level - before) * part))
                for frame, level, part in zip(epoch.frames, levels, fade, strict=True)
            ),
        )

    epochs = switched(base=0.2, added=0.1, late=0.01, constant=3e-4)
    taken_back = [adapted(epoch, 0.2 if epoch.lit else 0.3) for epoch in epochs]
    assert not answer(taken_back, held=True).share > 0.1
    found = answer(taken_back, held=False)
    assert found.certain
    assert found.share > 0.15
    assert found.settled is None


def test_too_few_frames_tell_nothing():
    epochs = [replace(epoch, frames=epoch.frames[:2]) for epoch in switched()]
    assert answer(epochs, held=True) is None
    assert answer(switched()[:2], held=True) is None
