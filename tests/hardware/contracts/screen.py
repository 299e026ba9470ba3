"""What every Screen must do. A driver's test subclasses ScreenContract and gives the ``screen`` fixture."""

from __future__ import annotations

import pytest

from edge.contracts.enums import Prompt
from edge.hardware.ports import Pattern, Screen

NOW = 12.5


class ScreenContract:
    @pytest.fixture
    def screen(self) -> Screen:
        raise NotImplementedError("a driver's test gives a screen")

    @pytest.mark.parametrize("prompt", [None, *Prompt])
    def test_it_shows_every_prompt_and_none(self, screen, prompt):
        screen.show_prompt(prompt)

    @pytest.mark.parametrize("pattern", list(Pattern))
    def test_every_pattern_settles_not_before_it_is_commanded(self, screen, pattern):
        interval = screen.show_pattern(pattern, NOW)
        assert NOW <= interval.commanded_at <= interval.settled_at

    def test_closing_may_be_repeated(self, screen):
        screen.close()
        screen.close()
