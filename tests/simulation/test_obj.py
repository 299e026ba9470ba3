from __future__ import annotations

import numpy as np
import pytest

from edge.errors import InputError
from edge.simulation.head import Anthropometry, Head, KeyPoint
from edge.simulation.obj import Axes, read_obj
from tests.simulation.heads import HEAD, write


def off(found: Head, expected: Head, *, front: bool = False) -> np.ndarray:
    """Distances along the radius between two heads at the same angles and heights about their faces, metres."""
    shape = expected.relief.points.shape[:2]
    rows = np.arange(8, shape[0] - 8)
    points = expected.relief.points[rows] + (found.face - expected.face)
    if front:
        points = points[:, shape[1] // 2 - 25 : shape[1] // 2 + 26]
    place = found.relief.grid_position(points)
    row, column = place[..., 1], place[..., 0]
    held = (row > 0) & (row < found.relief.radius.shape[0] - 2)
    top, left = row[held].astype(int), np.minimum(column[held].astype(int), shape[1] - 2)
    down, across = row[held] - top, column[held] - left
    radius = found.relief.radius
    upper = radius[top, left] * (1 - across) + radius[top, left + 1] * across
    lower = radius[top + 1, left] * (1 - across) + radius[top + 1, left + 1] * across
    return np.abs(upper * (1 - down) + lower * down - np.hypot(points[..., 0], points[..., 2])[held])


def test_a_head_written_in_metres_comes_back(tmp_path):
    found = read_obj(write(tmp_path / "head.obj", HEAD), metres=1.0)
    assert np.percentile(off(found, HEAD), 95) < 0.003
    for name in (KeyPoint.NOSE_TIP, KeyPoint.SELLION, KeyPoint.SUBNASALE, KeyPoint.MENTON):
        assert np.linalg.norm(found.points[name] - found.face - HEAD.points[name] + HEAD.face) < 0.008


@pytest.mark.parametrize("metres", [0.01, 0.001, 0.0254])
def test_a_head_in_other_units_is_sized_by_its_face(tmp_path, metres):
    found = read_obj(write(tmp_path / "head.obj", HEAD, metres=metres))
    length = np.linalg.norm(found.points[KeyPoint.SELLION] - found.points[KeyPoint.MENTON])
    assert length == pytest.approx(Anthropometry().face_length, abs=0.004)
    assert np.ptp(found.relief.points[..., 0]) == pytest.approx(np.ptp(HEAD.relief.points[..., 0]), rel=0.05)


def test_a_head_with_z_up_that_looks_along_minus_y_is_read_as_told(tmp_path):
    swap = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    path = write(tmp_path / "head.obj", HEAD, swap=swap)
    found = read_obj(path, axes=Axes(up="z", front="-y"), metres=1.0)
    assert np.percentile(off(found, HEAD), 95) < 0.003


def test_the_back_of_a_face_without_one_is_filled_smoothly(tmp_path):
    found = read_obj(write(tmp_path / "face.obj", HEAD, face_only=True), metres=1.0)
    assert np.percentile(off(found, HEAD, front=True), 80) < 0.004
    middle = found.relief.radius[30:80]
    assert np.abs(np.diff(middle, axis=1)).max() < 0.02
    assert 0.05 < middle[:, 0].min() < middle[:, 0].max() < 0.13


def test_key_points_given_replace_the_estimates(tmp_path):
    path = write(tmp_path / "head.obj", HEAD)
    plain = read_obj(path, metres=1.0)
    wanted = HEAD.points[KeyPoint.MOUTH_LEFT] * [1, -1, -1] + [3.0, -2.0, 1.5] + [0.004, 0.0, 0.0]
    told = read_obj(path, metres=1.0, points={KeyPoint.MOUTH_LEFT: wanted})
    expected = HEAD.points[KeyPoint.MOUTH_LEFT] - HEAD.face + plain.face + [0.004, 0.0, 0.0]
    assert told.points[KeyPoint.MOUTH_LEFT] == pytest.approx(expected, abs=0.004)
    assert told.points[KeyPoint.MOUTH_RIGHT] == pytest.approx(plain.points[KeyPoint.MOUTH_RIGHT])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4", "line 4: there is no vertex 4"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 0", "line 4: there is no vertex 0"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 -4", "line 4: there is no vertex -4"),
        ("v 0 0 0\nv 1 0 nan", "line 2: a vertex is three finite numbers"),
        ("v 0 0 0\nv 1 0", "line 2: a vertex is three numbers"),
        ("v 0 0 0\n\nv 1 0 east", "line 3: a vertex is three numbers"),
        ("v 0 0 0\nv 1 0 0\nf 1 2", "line 3: a face has three corners"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 x", "line 4: 'x' is no index"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\n", "no faces"),
        ("", "no faces"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3", "no nose"),
        ("v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3", "no nose"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(tmp_path, text, words):
    path = tmp_path / "broken.obj"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_obj(path)
    assert "broken.obj" in error.value.what
    assert words in error.value.what


@pytest.mark.parametrize("data", [b"\xff\xfe\x00\x01", b"v 0 0 0\n\0\0\0"])
def test_what_is_no_text_is_refused(tmp_path, data):
    path = tmp_path / "binary.obj"
    path.write_bytes(data)
    with pytest.raises(InputError, match="not a text file"):
        read_obj(path)


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.simulation.obj.MAX_BYTES", 10_000)
    with pytest.raises(InputError, match="larger than"):
        read_obj(write(tmp_path / "large.obj", HEAD))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.obj does not exist"):
        read_obj(tmp_path / "nowhere.obj")


@pytest.mark.parametrize(("up", "front"), [("y", "-y"), ("w", "z"), ("up", "z")])
def test_axes_that_are_no_axes_are_refused(up, front):
    with pytest.raises(InputError, match="not two axes"):
        Axes(up=up, front=front)
