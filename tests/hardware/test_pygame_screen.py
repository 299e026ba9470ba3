from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from edge.contracts.enums import CaptureKind, Prompt
from edge.errors import HardwareError
from edge.frames.display import DisplayGeometry
from edge.frames.frame import ColourOrder, Frame
from edge.guidance.icons import PLACING
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
    @pytest.fixture(params=[{}, {"mirror": True}, {"mirror": True, "rotation": 90}], ids=str)
    def screen(self, opened, request):
        return opened(**request.param)

    def test_it_is_available(self, screen):
        assert screen.available


@pytest.mark.needs_device("/dev/dri/card*", "display without a desktop")
class TestPygameScreenOnKms(ScreenContract):
    @pytest.fixture
    def screen(self, opened, monkeypatch):
        monkeypatch.setenv("SDL_VIDEODRIVER", "kmsdrm")
        try:
            return opened(video="kmsdrm", window=None, mirror=True)
        except HardwareError as error:
            pytest.skip(f"this display cannot be had here: {error.what}")


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


NAMES = ["a", "gate-1", "m" * 63, "terminal-of-the-east-wing-with-a-long-name-0123456789"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_gives_the_light_of_guidance_and_goes_with_the_next_prompt(opened, size, name):
    screen = opened(window=size)
    screen.show_prompt(None)
    before = shown()
    screen.show_name(name)
    named = shown()
    assert (named != before).any()
    assert halves() == pytest.approx((GUIDANCE_LIT, GUIDANCE_LIT), abs=0.1)
    # Dark letters, none of which touches the edge.
    dark = (named < 100).all(axis=2)
    assert dark.any()
    assert not np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]]).any()
    screen.show_prompt(None)
    assert (shown() == before).all()


def test_a_name_waits_under_a_light_pattern(opened):
    screen = opened()
    screen.show_pattern(Pattern.BLACK, 0.0)
    screen.show_name("gate-1")
    assert not shown().any()
    screen.show_pattern(Pattern.GUIDANCE, 1.0)
    assert (shown() < 100).any()


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


@pytest.mark.parametrize("prompt", [Prompt.ACCEPTED, Prompt.NOT_ACCEPTED, Prompt.TRY_AGAIN])
def test_a_result_stands_without_bar_and_countdown(opened, prompt):
    screen = opened()
    screen.show_prompt(prompt)
    bare = shown()
    screen.show_standing(Standing(progress=0.5, countdown=5))
    assert (shown() == bare).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("prompt", [None, *Prompt])
def test_progress_and_countdown_leave_the_light_of_both_halves_that_of_guidance(opened, size, prompt):
    screen = opened(window=size)
    screen.show_standing(Standing(progress=1.0, countdown=99))
    screen.show_prompt(prompt)
    if prompt is not None:
        assert halves() == pytest.approx((GUIDANCE_LIT, GUIDANCE_LIT), abs=0.05)


def picture(left, right, size=(480, 640)):
    pixels = np.full((*size, 3), left, np.uint8)
    pixels[:, size[1] // 2 :] = right
    return Frame(pixels, ColourOrder.BGR, 0, 0.0, CaptureKind.LIVE)


def halves():
    pixels = shown()
    middle = pixels.shape[1] // 2
    return light(pixels[:, :middle]), light(pixels[:, middle:])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("prompt", sorted(PLACING))
def test_whoever_stands_there_both_halves_give_the_light_of_guidance(opened, size, prompt):
    # A half that is all dark, or all bright, is as far as any picture goes: light adds up.
    screen = opened(window=size, mirror=True)
    screen.show_prompt(prompt)
    screen.show_standing(Standing(progress=1.0, countdown=99))
    for seen in (picture(0, 255), picture(255, 0), picture(0, 0), picture(255, 255)):
        screen.show_preview(seen)
        assert halves() == pytest.approx((GUIDANCE_LIT, GUIDANCE_LIT), abs=0.05)


@pytest.mark.parametrize("language", LANGUAGES)
def test_so_they_do_in_every_language(opened, language):
    try:
        screen = opened(mirror=True, language=language)
    except HardwareError as error:
        skip_without_system_package(str(error))
    for prompt in PLACING:
        screen.show_prompt(prompt)
        for seen in (picture(0, 255), picture(255, 0)):
            screen.show_preview(seen)
            assert halves() == pytest.approx((GUIDANCE_LIT, GUIDANCE_LIT), abs=0.05)


def in_the_oval(size, rotation=0):
    """Means of the left and right half of the middle of the oval as the person sees them."""
    pixels = np.rot90(shown(), rotation // 90).mean(axis=2)
    oval = Guidance("en").page(Prompt.HOLD_STILL, size, mirror=True).mirror
    unit = min(size)
    x, y = round(oval.centre[0] * unit), round(oval.centre[1] * unit)
    reach = round(oval.half_width * unit / 2)
    return pixels[y - 5 : y + 5, x - reach : x - 3].mean(), pixels[y - 5 : y + 5, x + 3 : x + reach].mean()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_it_is_a_mirror_however_the_display_is_mounted(opened, rotation):
    # What the camera has on its left is the person's right, which is on the right of a mirror.
    screen = opened(mirror=True, rotation=rotation)
    screen.show_prompt(Prompt.HOLD_STILL)
    screen.show_preview(picture(20, 200))
    left, right = in_the_oval((800, 480) if rotation in (0, 180) else (480, 800), rotation)
    assert left > right + 40


@pytest.mark.parametrize("level", [10, 120, 230])
def test_a_person_is_seen_whatever_the_exposure(opened, level):
    screen = opened(mirror=True)
    screen.show_prompt(Prompt.HOLD_STILL)
    screen.show_preview(picture(level, level + 20))
    left, right = in_the_oval((800, 480))
    assert abs(left - right) > 40


@pytest.mark.parametrize("prompt", sorted(set(Prompt) - PLACING))
def test_nobody_sees_themselves_where_the_place_is_found(opened, prompt):
    screen = opened(mirror=True)
    screen.show_prompt(prompt)
    bare = shown()
    screen.show_preview(picture(20, 200))
    assert (shown() == bare).all()


def test_a_screen_that_was_not_told_to_shows_nobody(opened):
    screen = opened()
    screen.show_prompt(Prompt.HOLD_STILL)
    bare = shown()
    screen.show_preview(picture(20, 200))
    assert (shown() == bare).all()


@pytest.mark.parametrize("way_out", ["taken away", "closed"])
def test_of_the_person_nothing_is_kept(opened, way_out):
    screen = opened(mirror=True)
    screen.show_prompt(Prompt.HOLD_STILL)
    bare = shown()
    screen.show_preview(picture(20, 200))
    mirror = screen._mirror
    held = [mirror._mirror._colour, mirror._mirror._grey, mirror._mirror.picture, mirror._toned]
    patch = mirror._patch
    assert all(each.any() for each in held)
    if way_out == "closed":
        screen.close()
    else:
        screen.show_preview(None)
        assert (shown() == bare).all()
    assert not any(each.any() for each in held)
    assert not pygame.surfarray.array3d(patch).any()


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
