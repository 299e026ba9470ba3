"""When a contact's level counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.hardware.debounce import Debounce


def test_a_level_counts_once_the_contact_has_kept_still():
    contact = Debounce(0.5)
    readings = [(0.0, False), (1.0, True), (1.2, False), (1.4, True), (1.8, True), (1.9, True), (2.0, True)]
    assert [contact.read(*reading) for reading in readings] == [False] * 5 + [True, False]
    assert contact.level
    assert not contact.read(3.0, False)
    assert not contact.settled
    assert [contact.read(3.4, False), contact.read(3.5, False)] == [False, True]
    assert not contact.level
    assert contact.settled


def test_without_debouncing_each_reading_counts_at_once():
    contact = Debounce(0.0)
    assert [contact.read(float(now), level) for now, level in enumerate([True, False, True])] == [True] * 3
    assert contact.level


@given(st.lists(st.tuples(st.floats(0.0, 0.1), st.booleans()), max_size=80))
def test_levels_alternate_and_each_was_still_for_long_enough(steps):
    contact, now, changed, before = Debounce(0.03), 0.0, float("-inf"), False
    told = []
    for pause, level in steps:
        now += pause
        if level != before:
            before, changed = level, now
        if contact.read(now, level):
            assert now - changed >= 0.03
            assert contact.level is level
            told.append(level)
    assert told == [n % 2 == 0 for n in range(len(told))]
