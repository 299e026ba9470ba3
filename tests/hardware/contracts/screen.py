"""What every Screen must do. A driver's test subclasses ScreenContract and gives the ``screen`` fixture."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind, Prompt
from edge.frames.frame import ColourOrder, Frame
from edge.guidance.page import NO_STANDING, Standing
from edge.hardware.ports import Pattern, Screen

NOW = 12.5


def person(rows=48, columns=64, order=ColourOrder.BGR):
    """A frame that nobody can be found in, but not one of a single colour."""
    pixels = np.arange(rows * columns * 3, dtype=np.uint32).reshape(rows, columns, 3).astype(np.uint8)
    return Frame(pixels, order, 0, NOW, CaptureKind.LIVE)


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

    @pytest.mark.parametrize("standing", [NO_STANDING, Standing(0.0), Standing(1.0, 99), Standing(None, 0)])
    @pytest.mark.parametrize("prompt", [None, Prompt.HOLD_STILL, Prompt.ACCEPTED])
    def test_it_shows_how_far_the_person_is_beside_any_prompt(self, screen, standing, prompt):
        screen.show_prompt(prompt)
        screen.show_standing(standing)
        screen.show_standing(standing)

    @pytest.mark.parametrize("size", [(48, 64), (64, 48), (1, 1)])
    @pytest.mark.parametrize("order", list(ColourOrder))
    def test_it_takes_the_person_and_leaves_the_picture_as_it_is(self, screen, size, order):
        frame = person(*size, order)
        before = frame.pixels.copy()
        screen.show_prompt(Prompt.COME_CLOSER)
        screen.show_preview(frame)
        assert (frame.pixels == before).all()

    def test_the_person_may_be_taken_away_at_any_time_and_again(self, screen):
        screen.show_preview(None)
        screen.show_prompt(Prompt.COME_CLOSER)
        screen.show_preview(person())
        screen.show_preview(None)
        screen.show_preview(None)

    def test_a_name_is_shown_between_prompts(self, screen):
        screen.show_prompt(Prompt.COME_CLOSER)
        screen.show_name("gate-1")
        screen.show_name("gate-1")
        screen.show_prompt(None)

    def test_what_is_guidance_may_come_under_a_pattern(self, screen):
        screen.show_pattern(Pattern.LEFT, NOW)
        screen.show_prompt(Prompt.COME_CLOSER)
        screen.show_standing(Standing(0.5, 5))
        screen.show_preview(person())
        screen.show_preview(None)
        screen.show_pattern(Pattern.GUIDANCE, NOW)

    def test_guidance_takes_no_longer_to_settle_with_a_person_in_it(self, screen):
        screen.show_prompt(Prompt.COME_CLOSER)
        screen.show_preview(person())
        interval = screen.show_pattern(Pattern.GUIDANCE, NOW)
        assert NOW <= interval.commanded_at <= interval.settled_at <= NOW + 1.0

    def test_closing_may_be_repeated(self, screen):
        screen.close()
        screen.close()
