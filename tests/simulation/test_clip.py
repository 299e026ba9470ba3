from __future__ import annotations

import pytest

from edge.simulation.clip import film
from tests.simulation.stages import stage


@pytest.mark.parametrize(("fps", "latency"), [(5.0, 10), (30.0, 1)])
def test_a_film_has_the_frames_of_its_seconds_however_late_they_arrive(fps, latency):
    frames = list(film(stage(fps=fps, latency=latency), 1.0))
    assert [frame.sequence for frame in frames] == list(range(round(fps)))
