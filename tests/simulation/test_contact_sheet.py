"""Pictures stand in a grid, as wide as asked, with captions below."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.hardware.ports import Pattern
from edge.simulation.clip import film
from edge.simulation.contact_sheet import Captioned, contact_sheet, look
from edge.simulation.scene import Scene
from tests.simulation.stages import stage

GAP = 6
LINE = 15


def plain(value: int, caption: str = "x", *, height: int = 40, width: int = 80) -> Captioned:
    return Captioned(np.full((height, width, 3), value, np.uint8), caption)


def cell(sheet, row, column, *, height, width, lines=1):
    """The picture in a cell of a sheet whose tallest picture is so high and whose longest caption has so many lines."""
    top, left = GAP + row * (height + lines * LINE + 2 * GAP), GAP + column * (width + GAP)
    return sheet[top : top + height, left : left + width]


def test_pictures_are_placed_row_by_row_and_the_rest_is_white():
    sheet = contact_sheet([plain(value) for value in (10, 20, 30)], columns=2, width=80)
    assert sheet.shape == (2 * (40 + LINE + 2 * GAP) + GAP, 2 * (80 + GAP) + GAP, 3)
    for row, column, value in ((0, 0, 10), (0, 1, 20), (1, 0, 30), (1, 1, 255)):
        assert (cell(sheet, row, column, height=40, width=80) == value).all()


def test_fewer_pictures_than_columns_make_a_narrower_sheet():
    assert contact_sheet([plain(1)], columns=5, width=80).shape[1] == 80 + 2 * GAP


@pytest.mark.parametrize("width", [40, 160])
def test_pictures_keep_their_shape_at_another_width(width):
    tall, wide = plain(10, height=80), plain(20, height=40)
    sheet = contact_sheet([tall, wide], columns=2, width=width)
    low = cell(sheet, 0, 1, height=width, width=width)
    assert (cell(sheet, 0, 0, height=width, width=width) == 10).all()
    assert (low[: width // 2] == 20).all()
    # Its caption stands right below it, and the rest of the cell is white.
    assert (low[width // 2 + LINE + GAP :] == 255).all()


def test_a_caption_that_is_too_long_is_broken_between_words():
    height = {
        caption: contact_sheet([plain(1, caption)], columns=1, width=80).shape[0]
        for caption in ("a", "a print before a large lamp")
    }
    added = height["a print before a large lamp"] - height["a"]
    assert added > 0
    assert added % LINE == 0


def drawn(caption: str):
    return contact_sheet([plain(1, caption)], columns=1, width=200)


def test_letters_outside_ascii_lose_their_marks_or_become_question_marks():
    assert np.array_equal(drawn("Zoë à l'école"), drawn("Zoe a l'ecole"))
    assert np.array_equal(drawn("門 ß"), drawn("? ?"))
    assert (drawn("Zoë") != drawn("Zo")).any()


@pytest.mark.parametrize("caption", ["", " ", "\u0301", "\t\n", "\x07", "\U0001f600", "W" * 64])
def test_no_caption_is_too_odd_to_be_drawn(caption):
    assert (cell(drawn(caption), 0, 0, height=100, width=200) == 1).all()


def test_every_title_that_a_scene_may_have_can_be_a_caption():
    title = Scene.model_validate({"title": "Ausdruck vor Gesicht, größer als üblich — 写真 (№ 7)"}).title
    assert (cell(drawn(title), 0, 0, height=100, width=200) == 1).all()


def test_nothing_makes_no_sheet():
    with pytest.raises(ValueError, match="needs a picture"):
        contact_sheet([], columns=5, width=80)


def test_a_look_is_taken_when_exposure_has_settled():
    first, settled, later = (cv2.mean(look(stage(lux=10.0), seconds))[1] for seconds in (0.04, 1.0, 2.0))
    assert settled == pytest.approx(later, rel=0.01)
    assert first != pytest.approx(later, rel=0.1)


def test_a_look_is_one_under_the_whole_display():
    seen = look(stage(lux=1.0), 0.5)
    *_, full = film(stage(lux=1.0), 0.5, backlight=1.0, code=[Pattern.FULL])
    *_, resting = film(stage(lux=1.0), 0.5)
    assert np.array_equal(seen, full.pixels)
    assert not np.array_equal(seen, resting.pixels)
