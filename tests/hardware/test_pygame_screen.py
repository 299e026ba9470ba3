from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from edge.contracts.enums import Prompt
from edge.errors import HardwareError
from edge.frames.display import DisplayGeometry
from edge.guidance.page import Guidance, Standing
from edge.guidance.patterns import GUIDANCE_LIT
from edge.guidance.texts import LANGUAGES
from edge.hardware.lettering import Lettering
from edge.hardware.ports import Pattern
from edge.hardware.pygame_screen import PygameScreen, ScreenOptions
from tests.extras import skip_without_system_package
from tests.hardware.contracts.screen import ScreenContract

pygame = pytest.importorskip("pygame", reason="the screen needs the extra screen")

SIZES = [(800, 480), (480, 800), (1024, 600), (1920, 1080)]


class Stopwatch:
    """Each look at it is ``step`` seconds later than the one before."""

    def __init__(self, step):
        self.seconds, self.step = 100.0, step

    def __call__(self):
        self.seconds += self.step
        return self.seconds


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.fixture
def opened():
    screens = []

    def open_one(*, clock=None, language="en", **options):
        options = ScreenOptions(**{"video": "dummy", "window": (800, 480), **options})
        screens.append(PygameScreen(options, Guidance(language), clock=clock or Stopwatch(0.0)))
        return screens[-1]

    yield open_one
    for screen in screens:
        screen.close()


def shown():
    """(height, width, 3) RGB of what the display shows."""
    return pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)


def light(pixels):
    share = np.arange(256) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.bincount(pixels.ravel(), minlength=256) @ linear / pixels.size


class TestPygameScreen(ScreenContract):
    @pytest.fixture
    def screen(self, opened):
        return opened()

    def test_it_is_available(self, screen):
        assert screen.available


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("pattern", "left", "right"),
    [(Pattern.FULL, 255, 255), (Pattern.LEFT, 255, 0), (Pattern.RIGHT, 0, 255), (Pattern.BLACK, 0, 0)],
)
def test_a_pattern_lights_its_half_and_nothing_else(opened, size, pattern, left, right):
    opened(window=size).show_pattern(pattern, 0.0)
    pixels = shown()
    assert pixels.shape == (size[1], size[0], 3)
    assert (pixels[:, : size[0] // 2] == left).all()
    assert (pixels[:, size[0] // 2 :] == right).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("prompt", list(Prompt))
def test_both_halves_of_guidance_give_the_light_that_they_are_taken_to_give(opened, size, prompt):
    opened(window=size).show_prompt(prompt)
    pixels, middle = shown(), size[0] // 2
    assert light(pixels[:, :middle]) == pytest.approx(GUIDANCE_LIT, abs=0.05)
    assert light(pixels[:, middle:]) == pytest.approx(GUIDANCE_LIT, abs=0.05)


def test_a_picture_is_settled_two_refreshes_and_the_latency_after_it_was_sent(opened):
    # The watch is looked at before drawing, before the picture is sent, and after.
    screen = opened(clock=Stopwatch(0.01), refresh=50.0, latency=0.02)
    interval = screen.show_pattern(Pattern.FULL, 7.0)
    assert interval.commanded_at == pytest.approx(7.01)
    assert interval.settled_at == pytest.approx(7.02 + 2 / 50 + 0.02)


def test_the_geometry_is_the_configured_one(opened):
    geometry = DisplayGeometry(0.155, 0.086, 0.0, 0.08, 300.0)
    assert opened(geometry=geometry).geometry == geometry


def test_without_a_configured_panel_the_geometry_is_not_known(opened):
    assert opened().geometry is None


def test_a_prompt_under_a_pattern_waits_for_guidance(opened):
    screen = opened()
    screen.show_prompt(Prompt.TURN_UP)
    expected = shown()
    screen.show_prompt(Prompt.WORKING)
    screen.show_pattern(Pattern.LEFT, 0.0)
    pattern = shown()
    screen.show_prompt(Prompt.TURN_UP)
    assert (shown() == pattern).all()
    screen.show_pattern(Pattern.GUIDANCE, 1.0)
    assert (shown() == expected).all()


def test_progress_and_countdown_are_drawn_and_taken_away(opened):
    screen = opened()
    screen.show_prompt(Prompt.HOLD_STILL)
    bare = shown()
    screen.show_standing(Standing(progress=0.5, countdown=5))
    assert (shown() != bare).any()
    screen.show_standing(Standing())
    assert (shown() == bare).all()


@pytest.mark.parametrize(("rotation", "lit"), [(90, np.s_[:240]), (180, np.s_[:, 400:]), (270, np.s_[240:])])
def test_a_turned_display_lights_the_half_on_the_persons_left(opened, rotation, lit):
    opened(rotation=rotation).show_pattern(Pattern.LEFT, 0.0)
    pixels = shown()
    assert (pixels[lit] == 255).all()
    assert pixels.mean() == pytest.approx(127.5)


def test_a_closed_window_is_told_and_the_next_call_opens_another(opened):
    screen = opened()
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    with pytest.raises(HardwareError, match="closed"):
        screen.show_prompt(Prompt.HOLD_STILL)
    screen.show_prompt(Prompt.HOLD_STILL)
    assert shown().shape == (480, 800, 3)


def test_a_display_that_goes_away_is_a_hardware_error(opened):
    screen = opened()
    pygame.display.quit()
    with pytest.raises(HardwareError, match="display"):
        screen.show_pattern(Pattern.FULL, 0.0)


def test_no_display_is_a_hardware_error_that_says_what_to_check(opened):
    with pytest.raises(HardwareError, match=r"lights\.screen\.video"):
        opened(video="there-is-no-such-driver")


def test_another_thread_is_refused(opened):
    screen, errors = opened(), []

    def call():
        try:
            screen.show_prompt(None)
        except HardwareError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert "thread" in errors[0].what


def test_a_font_without_the_letters_is_refused_by_name(opened):
    latin = Path(pygame.__file__).with_name(pygame.font.get_default_font())
    with pytest.raises(HardwareError, match="no glyph"):
        opened(language="zh", font=latin)


def test_a_file_that_is_no_font_is_refused(opened, tmp_path):
    (tmp_path / "font.ttf").write_text("no font")
    with pytest.raises(HardwareError, match=r"font\.ttf"):
        opened(font=tmp_path / "font.ttf")


def test_without_a_font_for_the_language_a_package_is_named(opened, monkeypatch):
    monkeypatch.setattr(pygame.font, "match_font", lambda *_, **__: None)
    with pytest.raises(HardwareError, match="fontconfig fonts-wqy-microhei"):
        opened(language="zh")


def test_where_fontconfig_is_missing_latin_prompts_are_drawn_all_the_same(opened, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(pygame.sysfont, "Sysfonts", {})
    opened(language="de").show_prompt(Prompt.HOLD_STILL)


def test_latin_prompts_need_no_font_of_the_system(opened, monkeypatch):
    monkeypatch.setattr(pygame.font, "match_font", lambda *_, **__: None)
    opened(language="fr").show_prompt(Prompt.HOLD_STILL)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_fits_as_the_fonts_of_this_system_measure_it(language):
    guidance = Guidance(language)
    try:
        lettering = Lettering(guidance)
    except HardwareError as error:
        skip_without_system_package(str(error))
    for size in SIZES:
        settings = [lettering.set(guidance.page(prompt, size).captions[0], min(size)) for prompt in Prompt]
        assert all(setting.fits and setting.size >= 0.075 for setting in settings)
