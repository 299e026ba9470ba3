"""Who has come, and who only passes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.liveness.presence import Change, FaceLimits, FacePresence, Rate

LIMITS = FaceLimits(share=0.2, hold=0.3, again_after=5.0)
NEAR, FAR = 0.3, 0.1


def told(looks, presence=None):
    """(time, change) of the looks that changed something."""
    presence = presence or FacePresence(LIMITS)
    changes = [(now, presence.saw(now, share)) for now, share in looks]
    return [(now, change) for now, change in changes if change is not None]


def every(step, first, count, share):
    return [(first + step * number, share) for number in range(count)]


def test_a_face_that_stays_has_arrived_once_it_was_held_and_only_once():
    looks = every(0.25, 10.0, 100, NEAR)
    assert told(looks) == [(10.5, Change.ARRIVED)]


@pytest.mark.parametrize("share", [None, FAR, 0.1999])
def test_nobody_and_somebody_too_far_away_are_no_presence(share):
    assert told(every(0.25, 0.0, 100, share)) == []


def test_who_only_passes_is_no_presence():
    assert told([(0.0, NEAR), (0.25, NEAR), (0.5, None), (1.5, NEAR), (1.75, None)]) == []


def test_one_look_that_misses_the_face_does_not_begin_the_hold_anew():
    assert told([(0.0, NEAR), (0.25, None), (0.5, NEAR)]) == [(0.5, Change.ARRIVED)]


def test_the_face_must_have_gone_for_a_while_before_the_next_counts():
    looks = [*every(0.25, 0.0, 3, NEAR), (3.0, None), (4.0, NEAR), (4.5, NEAR), (9.4, None), (9.5, None)]
    assert told([*looks, (20.0, NEAR), (20.3, NEAR)]) == [
        (0.5, Change.ARRIVED),
        (9.5, Change.GONE),
        (20.3, Change.ARRIVED),
    ]


def test_after_a_session_whoever_stays_counts_anew_when_the_time_has_passed():
    presence = FacePresence(LIMITS)
    assert told(every(0.25, 0.0, 3, NEAR), presence) == [(0.5, Change.ARRIVED)]
    presence.session_ended(10.0)
    assert told(every(0.25, 10.25, 80, NEAR), presence) == [(15.0, Change.ARRIVED)]


def test_an_arrival_that_could_not_be_announced_is_told_again_while_the_face_stays():
    presence = FacePresence(LIMITS)
    assert told([(0.0, NEAR), (0.3, NEAR)], presence) == [(0.3, Change.ARRIVED)]
    presence.refused()
    assert told([(0.6, NEAR), (0.9, NEAR)], presence) == [(0.6, Change.ARRIVED)]


LOOKS = st.lists(
    st.tuples(st.floats(0.01, 4.0), st.none() | st.floats(0.0, 1.0), st.booleans()),
    max_size=80,
)


@given(LOOKS)
def test_arrivals_are_held_alternate_with_departures_and_lie_apart(steps):
    presence, now, near_from, near_at = FacePresence(LIMITS), 0.0, None, float("-inf")
    arrived, last, session_at = [], Change.GONE, float("-inf")
    for pause, share, session in steps:
        now += pause
        change = presence.saw(now, share)
        if share is not None and share >= LIMITS.share:
            near_from = now if near_from is None or now - near_at > LIMITS.blink else near_from
            near_at = now
        if change is Change.ARRIVED:
            assert last is Change.GONE
            assert near_at == now
            assert now - near_from >= LIMITS.hold
            assert now >= session_at + LIMITS.again_after
            arrived.append(now)
        if change is Change.GONE:
            assert last is Change.ARRIVED
            assert now - near_at >= LIMITS.again_after
        last = change or last
        if session:
            presence.session_ended(now)
            last, near_from, session_at = Change.GONE, None, now
    assert all(later - earlier >= LIMITS.again_after for earlier, later in pairwise(arrived))


@given(st.lists(st.floats(0.0, 5.0), max_size=80))
def test_a_rate_is_never_exceeded_and_never_blocks_for_longer(pauses):
    rate, now, admitted = Rate(3.0), 0.0, []
    for pause in pauses:
        now += pause
        if rate.admits(now):
            admitted.append(now)
        else:
            assert now - admitted[-1] < 3.0
    assert all(later - earlier >= 3.0 for earlier, later in pairwise(admitted))
