from __future__ import annotations

from itertools import product

import pytest

from edge.contracts.enums import Prompt
from edge.errors import ConfigError
from edge.guidance import palette
from edge.guidance.icons import ENDED, ICONS, PLACING, Oval, arrow, icon
from edge.guidance.page import Guidance, Standing, pattern_page
from edge.guidance.palette import ASKING, BAD, BETTER, GOOD, GROUND, INK
from edge.guidance.shapes import Colour, Ellipse, Field, Line, Polygon
from edge.guidance.texts import LANGUAGES
from edge.guidance.typesetting import fit
from edge.liveness.plans import Chip, Direction

SIZES = [(800, 480), (480, 800), (1024, 600), (1920, 1080)]
OVAL = Oval((0.8, 0.3), 0.2, 0.27, 0.6)
FULL = Standing(progress=1.0, countdown=99)
# Widths of bold Latin letters, on average, and of Han characters, and the height of a line.
LATIN_EMS, HAN_EMS, LINE_EMS = 0.62, 1.0, 1.25


def measure(text, size):
    return sum(HAN_EMS if ord(letter) > 0x2E7F else LATIN_EMS for letter in text) * size, LINE_EMS * size


def extent(shape):
    """left, top, right, bottom with the stroke."""
    match shape:
        case Ellipse((x, y), across, down, _, stroke):
            edge = (stroke or 0) / 2
            return x - across - edge, y - down - edge, x + across + edge, y + down + edge
        case Line(points, _, stroke):
            edge = stroke / 2
        case Polygon(points, _):
            edge = 0.0
        case Field(box, _):
            return box.left, box.top, box.left + box.width, box.top + box.height
    across, down = zip(*points, strict=True)
    return min(across) - edge, min(down) - edge, max(across) + edge, max(down) + edge


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("prompt", [None, *Prompt])
def test_nothing_is_cut_off(prompt, size):
    for standing, mirror in product((Standing(), FULL), (False, True)):
        page = Guidance("en").page(prompt, size, standing, mirror=mirror)
        boxes = [(each.box.left, each.box.top, each.box.width, each.box.height) for each in page.captions]
        for left, top, right, bottom in (
            *map(extent, page.shapes),
            *((left, top, left + width, top + height) for left, top, width, height in boxes),
        ):
            assert left >= 0
            assert top >= 0
            assert right <= page.width
            assert bottom <= page.height


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("prompt", list(Prompt))
def test_every_prompt_fits_its_box_in_type_that_is_read_from_a_metre(language, prompt, size):
    words = Guidance(language).page(prompt, size).captions[0]
    setting = fit(words.text, words.box.width, words.box.height, words.largest, measure)
    assert setting.fits
    assert setting.size >= 0.075
    assert "".join(setting.lines).replace(" ", "") == words.text.replace(" ", "")


@pytest.mark.parametrize("size", SIZES)
def test_words_and_bar_and_oval_keep_apart(size):
    page = Guidance("en").page(Prompt.HOLD_STILL, size, FULL)
    oval, bar = (
        page.shapes[0],
        next(shape for shape in page.shapes if isinstance(shape, Line) and shape.stroke == 0.022),
    )
    words = page.captions[0].box
    assert extent(oval)[3] < words.top
    assert words.top + words.height < extent(bar)[1]


def test_every_prompt_has_its_own_drawing():
    assert set(ICONS) == set(Prompt)
    drawings = [icon(prompt, OVAL) for prompt in Prompt]
    assert all(drawings)
    assert len(set(drawings)) == len(drawings)


@pytest.mark.parametrize(
    ("direction", "across", "down"),
    [
        (Direction.LEFT, -1, 0),
        (Direction.RIGHT, 1, 0),
        (Direction.UP, 0, -1),
        (Direction.DOWN, 0, 1),
        (Direction.UP_LEFT, -1, -1),
        (Direction.UP_RIGHT, 1, -1),
        (Direction.DOWN_LEFT, -1, 1),
        (Direction.DOWN_RIGHT, 1, 1),
    ],
)
def test_an_arrow_points_where_the_person_is_to_turn(direction, across, down):
    shafts = [shape for shape in icon(direction.prompt, OVAL) if isinstance(shape, Line) and shape.colour is ASKING]
    tip, end = shafts[0].points
    assert (tip[0] - end[0]) * across > 0 or (across == 0 and tip[0] == pytest.approx(end[0]))
    assert (tip[1] - end[1]) * down > 0 or (down == 0 and tip[1] == pytest.approx(end[1]))
    if across:
        assert all((x - OVAL.centre[0]) * across > OVAL.half_width for shape in shafts for x, _ in shape.points)


def test_an_arrows_head_is_at_its_tip():
    shaft, head = arrow((1.0, 1.0), (1, 0), 0.5, INK)
    assert shaft.points[1] == pytest.approx((0.5, 1.0))
    assert head.points[1] == (1.0, 1.0)
    assert head.points[0][0] == head.points[2][0] < 1.0


def test_a_language_from_right_to_left_turns_words_and_bar_but_no_arrow(monkeypatch):
    monkeypatch.setattr("edge.guidance.texts.RIGHT_TO_LEFT", frozenset({"en"}))
    turned = Guidance("en").page(Prompt.TURN_LEFT, (800, 480), Standing(progress=0.25, countdown=3))
    monkeypatch.undo()
    straight = Guidance("en").page(Prompt.TURN_LEFT, (800, 480), Standing(progress=0.25, countdown=3))
    arrows = len(icon(Prompt.TURN_LEFT, OVAL)) + 2
    assert turned.shapes[:arrows] == straight.shapes[:arrows]
    assert all(caption.right_to_left for caption in turned.captions[:1])
    assert not any(caption.right_to_left for caption in straight.captions)
    for before, after in zip(straight.shapes[arrows:], turned.shapes[arrows:], strict=True):
        left, _, right, _ = extent(before)
        assert extent(after)[::2] == pytest.approx((straight.width - right, straight.width - left))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("direction", list(Direction))
def test_no_arrow_touches_the_oval(size, direction):
    page = Guidance("en").page(direction.prompt, size)
    ring = next(shape for shape in page.shapes if isinstance(shape, Ellipse) and shape.stroke is not None)
    left, _, right, _ = extent(ring)
    arrows = [shape for shape in page.shapes if isinstance(shape, Line) and shape.colour is ASKING]
    assert arrows
    for begin, _, end, _ in map(extent, arrows):
        assert end < left or begin > right


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("prompt", sorted(PLACING))
def test_whoever_finds_a_place_sees_the_icon_beside_themselves_and_the_countdown_apart(size, prompt):
    page = Guidance("en").page(prompt, size, FULL, mirror=True)
    oval, badge = page.mirror, next(each for each in page.captions if each.text == "99").box
    drawn = page.shapes[1 : page.shapes.index(next(each for each in page.shapes[1:] if is_ring(each, oval)))]
    assert drawn
    for left, top, right, bottom in map(extent, drawn):
        assert left >= 0
        assert right < oval.centre[0] - oval.half_width
        assert right < badge.left
        assert 0 <= top < bottom <= page.height
    assert page.ground == palette.WHITE


def is_ring(shape, oval):
    return isinstance(shape, Ellipse) and shape.stroke is not None and shape.half_width == oval.half_width


@pytest.mark.parametrize("prompt", [None, *sorted(set(Prompt) - PLACING)])
def test_nobody_sees_themselves_beside_a_prompt_that_is_not_about_their_place(prompt):
    assert Guidance("en").page(prompt, (800, 480), mirror=True) == Guidance("en").page(prompt, (800, 480))


def test_prompts_are_about_a_place_or_an_ending_or_something_else():
    assert {Prompt.ACCEPTED, Prompt.NOT_ACCEPTED, Prompt.TRY_AGAIN} == ENDED
    assert not ENDED & PLACING
    assert not {direction.prompt for direction in Direction} & PLACING


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("chip", "left", "right"), [(Chip.FULL, 0, 1), (Chip.LEFT, 0, 0.5), (Chip.RIGHT, 0.5, 1), (Chip.BLACK, 0, 0)]
)
def test_a_pattern_is_white_over_the_full_height_of_its_columns(chip, left, right, size):
    page = pattern_page(chip, size)
    assert page.ground == palette.BLACK
    if left == right:
        assert page.shapes == ()
    else:
        (field,) = page.shapes
        assert field.colour == palette.WHITE
        assert extent(field) == pytest.approx((left * page.width, 0, right * page.width, page.height))


def test_black_on_white_has_the_contrast_of_the_standard():
    assert palette.BLACK.contrast(palette.WHITE) == pytest.approx(21)
    # #777777 on white, as published for WCAG 2: 4.48.
    assert Colour(0x77, 0x77, 0x77).contrast(palette.WHITE) == pytest.approx(4.48, abs=0.005)


def test_words_and_drawings_stand_out_from_the_ground():
    assert INK.contrast(GROUND) > 12
    for colour in (ASKING, BETTER, GOOD, BAD):
        assert colour.contrast(GROUND) > 4.5


def test_no_colour_is_a_saturated_red():
    # WCAG 2.2: R / (R + G + B) of 0.8 and more, of linear values.
    for colour in (value for value in vars(palette).values() if isinstance(value, Colour)):
        red, green, blue = (Colour(part, part, part).luminance for part in (colour.red, colour.green, colour.blue))
        assert red + green + blue == 0 or red / (red + green + blue) < 0.8


def test_lines_are_broken_after_punctuation_where_they_may():
    assert fit("Too dark. Find light", 7.0, 3.0, 1.0, measure).lines == ("Too dark.", "Find light")
    assert fit("这里太暗，请到明亮的地方", 8.5, 3.0, 1.0, measure).lines == ("这里太暗，", "请到明亮的地方")


def test_no_line_of_chinese_begins_with_punctuation():
    assert fit("这里太暗，请看", 4.0, 3.0, 1.0, measure).lines[1][0] != "，"


def test_words_that_fit_nowhere_are_told():
    assert not fit("Unterbrechungsfrei", 1.0, 1.0, 1.0, measure).fits


@pytest.mark.parametrize("wrong", [{"progress": 1.1}, {"progress": -0.1}, {"countdown": 100}, {"countdown": -1}])
def test_a_standing_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="from 0 to"):
        Standing(**wrong)


def test_a_language_without_texts_is_refused():
    with pytest.raises(ConfigError, match="xx"):
        Guidance("xx")
