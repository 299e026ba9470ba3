"""Portraits, their mattes and the cache of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from portraits import load_portraits, read

from edge.errors import InputError


def test_black_and_white_portraits_are_left_out(pictures: Path, cache: Path):
    names = [portrait.path.name for portrait in load_portraits(pictures, cache)]
    assert len(names) == 4
    assert "grey.jpg" not in names


def test_a_matte_holds_the_face_and_not_the_corners(pictures: Path, cache: Path):
    for portrait in load_portraits(pictures, cache):
        matte = portrait.matte()
        left, top, width, height = (int(value) for value in portrait.box)
        assert matte.shape == portrait.picture().shape[:2]
        inner = matte[top + height // 4 : top + 3 * height // 4, left + width // 4 : left + 3 * width // 4]
        assert inner.mean() > 0.97 * 255
        assert matte[:40, :40].mean() < 0.1 * 255
        assert matte[:40, -40:].mean() < 0.1 * 255


def test_a_matte_is_computed_once(pictures: Path, tmp_path: Path):
    portrait = load_portraits(pictures, tmp_path)[0]
    portrait.matte()
    mark = np.full(portrait.picture().shape[:2], 7, np.uint8)
    cv2.imwrite(str(portrait.matte_path), mark)
    assert (portrait.matte() == 7).all()
    assert pictures not in portrait.matte_path.parents


def test_a_picture_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"nobody\.jpg"):
        read(tmp_path / "nobody.jpg")


@pytest.mark.parametrize(("table", "column"), [("index.csv", "subject_id"), ("faces_bbox.csv", "nose_y")])
def test_a_column_that_is_not_there_is_named(pictures: Path, tmp_path: Path, table: str, column: str):
    for name in ("index.csv", "faces_bbox.csv"):
        text = (pictures / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(column, "else") if name == table else text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"{table} has no column {column}"):
        load_portraits(tmp_path, tmp_path / "mattes")
