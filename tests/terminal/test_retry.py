"""Pauses between tries."""

from edge.terminal.retry import Pauses


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_success():
    pauses = Pauses(5.0, 30.0)
    assert [pauses.next() for _ in range(5)] == [5.0, 10.0, 20.0, 30.0, 30.0]
    pauses.restart()
    assert [pauses.next(), pauses.next()] == [5.0, 10.0]
