"""The contact sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
import sheet
from portraits import load_portraits


def test_a_contact_sheet_has_two_rows_a_species(
    pictures: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "sheet.png"
    monkeypatch.setattr(sheet, "load_portraits", lambda root: load_portraits(root, cache))
    monkeypatch.setattr(
        "sys.argv",
        ["sheet.py", "--pad", str(pictures), "--out", str(out), "--samples", "2", "--species", "bonafide", "poster"],
    )
    sheet.main()
    assert cv2.imread(str(out)).shape == (4 * sheet.TILE, 2 * sheet.TILE, 3)
