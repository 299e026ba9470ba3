"""What our light adds to a face, found in frames that differ in light and move."""

from __future__ import annotations

import numpy as np
import pytest

from edge.vision.face_patch import CELLS, FaceGrid
from edge.vision.light_response import light_response
from tests.vision.lit_face import BOTH, CODE, played


@pytest.fixture
def surface(face_landmarks):
    return FaceGrid(face_landmarks).surface()


@pytest.fixture
def ambient():
    y, x = np.mgrid[0:CELLS, 0:CELLS] / CELLS
    return 0.3 + 0.1 * np.sin(9 * x) * np.cos(7 * y)


@pytest.fixture
def ours(ambient):
    _, x = np.mgrid[0:CELLS, 0:CELLS] / CELLS
    return np.stack([ambient * 0.02 * (0.5 + x), ambient * 0.02 * (1.5 - x)], axis=-1)


def test_each_light_is_found_in_each_cell(surface, ambient, ours):
    # Without any noise what rounding leaves of the lights would be all the movement that there is.
    found = light_response(played(ambient, 4 * ours, np.random.default_rng(0), 0.001), surface)
    assert found.known.all()
    assert np.median(found.ours / ours) == pytest.approx(4, rel=1e-3)
    assert found.ours == pytest.approx(4 * ours, rel=0.1)
    assert found.ambient == pytest.approx(ambient, rel=1e-2)


def test_a_weak_light_loses_little_of_its_shape_to_movement(surface, ambient, ours):
    found = [light_response(played(ambient, ours, np.random.default_rng(n), 0.005), surface) for n in range(20)]
    face = surface.still
    both = np.mean([one.ours.sum(axis=2) for one in found], axis=0)
    assert both[face] == pytest.approx(ours.sum(axis=2)[face], rel=0.25)
    assert both[face].sum() == pytest.approx(ours.sum(axis=2)[face].sum(), rel=0.02)


def test_its_deviation_is_that_of_what_it_finds(surface, ambient, ours):
    rng = np.random.default_rng(2)
    found = [light_response(played(ambient, ours, rng, 0.01), surface) for _ in range(30)]
    real = np.std([response.ours.sum(axis=2) for response in found], axis=0)[surface.skin]
    told = np.mean([response.all_lights()[1] for response in found], axis=0)[surface.skin]
    assert np.median(told / real) == pytest.approx(1.0, abs=0.1)
    real = np.std([response.difference()[0] for response in found], axis=0)[surface.skin]
    told = np.mean([response.difference()[1] for response in found], axis=0)[surface.skin]
    assert np.median(told / real) == pytest.approx(1.0, abs=0.1)


def test_the_room_s_deviation_is_that_of_what_it_finds(surface, ambient, ours):
    rng = np.random.default_rng(4)
    found = [light_response(played(ambient, ours, rng, 0.01), surface) for _ in range(30)]
    real = np.std([response.ambient for response in found], axis=0)[surface.skin]
    told = np.mean([response.ambient_deviation for response in found], axis=0)[surface.skin]
    assert np.median(told / real) == pytest.approx(1.0, abs=0.1)


def test_a_face_that_sways_and_a_room_that_darkens_do_not_matter_much(surface, ambient, ours):
    right = np.gradient(ambient, axis=1)

    def swaying(levels, time):
        return (levels + 0.5 * np.sin(4 * time) * right) * (1 - 0.02 * time)

    found = light_response(played(ambient, ours, moving=swaying), surface)
    face = surface.still
    error = (found.ours.sum(axis=2) - ours.sum(axis=2))[face] / ours.sum(axis=2)[face]
    assert np.sqrt((error**2).mean()) < 0.2


def test_the_face_s_light_in_each_frame_is_told_against_the_room_s(surface, ambient, ours):
    found = light_response(played(ambient, ours), surface)
    bright = np.repeat([sum(lit) for lit in CODE], 4)
    assert np.corrcoef(found.levels, bright)[0, 1] > 0.98


def test_overexposed_cells_are_not_known(surface, ambient, ours):
    samples = played(ambient, ours)
    samples[7].patch.clipped[10, 12] = 0.25
    known = light_response(samples, surface).known
    assert not known[10, 12]
    assert known.sum() == CELLS**2 - 1


def test_rows_between_two_lights_are_left_out(surface, ambient, ours):
    samples = played(ambient, ours)
    for sample in samples:
        sample.lit[5] = np.nan
    known = light_response(samples, surface).known
    assert not known[5].any()
    assert known[6].all()


def test_nothing_is_said_where_no_light_changed_or_too_few_frames_came(surface, ambient, ours):
    assert light_response(played(ambient, ours, code=[BOTH] * 12), surface) is None
    assert light_response(played(ambient, ours)[:8], surface) is None


def test_a_frame_that_does_not_fit_is_left_out(surface, ambient, ours):
    rng = np.random.default_rng(5)

    def restless(levels, time):
        return levels * (1 + 0.05 * rng.standard_normal(levels.shape)) if 0.5 < time < 0.9 else levels

    found = light_response(played(ambient, ours, np.random.default_rng(1), 0.002, moving=restless), surface)
    assert found.restless[(found.times > 0.5) & (found.times < 0.9)].all()
    assert found.restless.sum() < 20


def test_the_deviation_of_a_sum_counts_what_cells_have_in_common(surface, ambient, ours):
    """Each frame's whole face is off by a little: no cell alone shows that, and a sum over all does."""
    rng = np.random.default_rng(4)
    weights = np.where(surface.still, 1.0, 0.0) / surface.still.sum()

    def unsteady(levels, _):
        return levels * (1 + 0.004 * rng.standard_normal())

    found = [light_response(played(ambient, ours, rng, 0.004, moving=unsteady), surface) for _ in range(40)]
    sums = [(one.ours.sum(axis=2) * weights).sum() for one in found]
    told = np.mean([one.deviation_of(weights, np.ones(2)) for one in found])
    alone = np.mean([np.sqrt((one.all_lights()[1] ** 2 * weights**2).sum()) for one in found])
    assert told == pytest.approx(np.std(sums), rel=0.35)
    assert alone < 0.5 * np.std(sums)
