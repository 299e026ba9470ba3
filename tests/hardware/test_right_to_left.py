"""A page of a language from right to left, in the pixels that a display shows."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contracts.enums import Prompt
from edge.errors import HardwareError
from edge.guidance import palette
from edge.guidance import texts as guidance_texts
from edge.guidance.page import Guidance, Standing
from edge.hardware.pygame_screen import PygameScreen, ScreenOptions
from tests.extras import skip_without_system_package

pygame = pytest.importorskip("pygame", reason="the screen needs the extra screen")

SIZE = (800, 480)
# Alef, several times as wide as the vavs after it.
WORDS = "\u05d0\u05d5\u05d5\u05d5"


@pytest.fixture
def shown(monkeypatch):
    """What a display of a language shows: (height, width, 3) RGB."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    hebrew = dict.fromkeys(Prompt, WORDS)
    monkeypatch.setattr(guidance_texts, "LANGUAGES", {**guidance_texts.LANGUAGES, "he": hebrew})

    def show(language, prompt, standing):
        try:
            screen = PygameScreen(ScreenOptions(video="dummy", window=SIZE), Guidance(language))
        except HardwareError as error:
            skip_without_system_package(str(error))
        try:
            screen.show_standing(standing)
            screen.show_prompt(prompt)
            return pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1).copy()
        finally:
            screen.close()

    return show


def is_coloured(pixels, colour):
    return (np.abs(pixels.astype(int) - colour.rgb) < 8).all(axis=2)


def test_the_bar_fills_from_the_right(shown):
    bars = [
        is_coloured(shown(language, Prompt.HOLD_STILL, Standing(0.25))[-40:], palette.ASKING)
        for language in ("en", "he")
    ]
    assert bars[0].any()
    assert (bars[0] == bars[1][:, ::-1]).mean() > 0.999
    assert not bars[0][:, 400:].any()
    assert not bars[1][:, :400].any()


def test_the_countdown_stands_in_the_upper_left_corner(shown):
    for language, corner in (("en", np.s_[:120, -120:]), ("he", np.s_[:120, :120])):
        changed = (
            shown(language, Prompt.HOLD_STILL, Standing(None, 7)) != shown(language, Prompt.HOLD_STILL, Standing())
        ).any(axis=2)
        assert changed[corner].any()
        changed[corner] = False
        assert not changed.any()


@pytest.mark.parametrize("prompt", [Prompt.TURN_LEFT, Prompt.TURN_RIGHT, Prompt.TURN_UP_LEFT, Prompt.TURN_DOWN_RIGHT])
def test_arrows_and_faces_stay_as_they_are(shown, prompt):
    words = Guidance("en").page(prompt, SIZE).captions[0].box
    drawing = slice(0, int(words.top * min(SIZE)))
    english, hebrew = (shown(language, prompt, Standing())[drawing] for language in ("en", "he"))
    assert is_coloured(english, palette.ASKING).any()
    assert (english == hebrew).all()


def test_words_begin_on_the_right(shown):
    words = Guidance("he").page(Prompt.HOLD_STILL, SIZE).captions[0].box
    rows = slice(int(words.top * min(SIZE)), int((words.top + words.height) * min(SIZE)))
    ink = is_coloured(shown("he", Prompt.HOLD_STILL, Standing())[rows], palette.INK).any(axis=0)
    edges = np.flatnonzero(np.diff(ink.astype(int)))
    widths = (edges[1::2] - edges[::2]).tolist()
    assert len(widths) >= len(WORDS)
    assert widths[-1] > 2 * max(widths[:-1]) or sum(widths[-2:]) > 2 * max(widths[:-2])
