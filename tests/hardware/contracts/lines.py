"""What every input line does, whatever reads it."""

from __future__ import annotations


class InputLineContract:
    """``line`` is a fixture: one that is not active."""

    def test_a_contact_that_nobody_touches_is_not_active(self, line):
        assert line.level() is False

    def test_it_says_whether_it_tells_changes_and_can_be_told_to_stop(self, line):
        assert line.on_edge(lambda: None) is line.on_edge(None)

    def test_closing_may_be_repeated(self, line):
        line.close()
        line.close()
