"""A grid that goes with a face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.contracts.enums import CaptureKind
from edge.frames.frame import BayerOrder, ColourOrder, Frame, Mosaic, Tone
from edge.vision.face_patch import CELLS, FaceGrid, cut_all

SIDE = 480


def framed(levels, **more):
    """levels: (SIDE, SIDE) 0..1, as a mosaic that shows no colour."""
    values = np.rint(64 + levels * (1023 - 64)).astype(np.uint16)
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    raw = Mosaic(values, BayerOrder.RGGB, 64, 1023)
    return Frame(pixels, ColourOrder.BGR, 0, 0.0, CaptureKind.SIMULATED, raw=raw, **more)


@pytest.fixture
def landmarks(face_landmarks):
    """In the middle of a frame, 200 pixels wide."""
    points = face_landmarks - np.append(face_landmarks[:, :2].mean(axis=0), 0)
    points = points * (200 / np.ptp(points[:, 0]))
    return (points + np.array([SIDE / 2, SIDE / 2, 0])).astype(np.float32)


def scenery():
    """Smooth, so that a grid may sample it anywhere."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    return 0.4 + 0.2 * np.sin(x / 23) * np.cos(y / 31)


def moved(landmarks, turned, scale, shift):
    """The scenery and the landmarks on it, turned by radians about the middle, scaled and shifted by pixels."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), np.degrees(turned), scale)
    matrix[:, 2] += shift
    # Pixel centres lie at half units.
    half = matrix.copy()
    half[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    picture = cv2.warpAffine(scenery(), half, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    points = landmarks.copy()
    points[:, :2] = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return picture, points


@pytest.mark.parametrize(("turned", "scale", "shift"), [(0, 1, (9.3, -6.1)), (0.2, 1, (0, 0)), (-0.1, 1.15, (3, 4))])
def test_it_follows_a_face_that_moves(landmarks, turned, scale, shift):
    grid = FaceGrid(landmarks)
    before = grid.cut(framed(scenery()), landmarks)
    picture, points = moved(landmarks, turned, scale, shift)
    after = grid.cut(framed(picture), points)
    assert after.levels == pytest.approx(before.levels, abs=0.01)


def test_levels_are_the_light_of_their_cells(landmarks):
    grid = FaceGrid(landmarks)
    surface = grid.surface()
    wanted = 0.4 + 0.2 * np.sin(surface.x / 23) * np.cos(surface.y / 31)
    patch = grid.cut(framed(scenery()), landmarks)
    assert patch.levels == pytest.approx(wanted, abs=0.01)
    assert patch.rows == pytest.approx(surface.y[:, 0])


def test_grids_that_share_a_picture_cut_the_same_to_the_last_bit(landmarks):
    grids = FaceGrid(landmarks), FaceGrid(landmarks, 1.4)
    levels = scenery()
    levels[200:220, 230:250] = 1.0
    frame = framed(levels)
    points = landmarks + np.float32([1.7, -2.3, 0])
    for one, apart in zip(cut_all(grids, frame, points), (grid.cut(frame, points) for grid in grids), strict=True):
        assert np.array_equal(one.levels, apart.levels)
        assert np.array_equal(one.clipped, apart.clipped)
        assert np.array_equal(one.rows, apart.rows)


def test_a_grid_that_leaves_the_picture_takes_no_other_with_it(landmarks):
    grids = FaceGrid(landmarks), FaceGrid(landmarks, 3.0)
    patch, wide = cut_all(grids, framed(scenery()), landmarks)
    assert wide is None
    assert np.array_equal(patch.levels, grids[0].cut(framed(scenery()), landmarks).levels)


def test_the_pixels_serve_where_nothing_is_raw(landmarks):
    grid = FaceGrid(landmarks)
    grey = np.full((SIDE, SIDE, 3), 188, np.uint8)
    frame = Frame(grey, ColourOrder.BGR, 0, 0.0, CaptureKind.SIMULATED, tone=Tone.SRGB)
    # sRGB 188 is half of the light (IEC 61966-2-1).
    assert grid.cut(frame, landmarks).levels == pytest.approx(0.503, abs=0.001)
    assert grid.cut(Frame(grey, ColourOrder.BGR, 0, 0.0, CaptureKind.SIMULATED), landmarks) is None


def test_overexposed_cells_are_marked(landmarks):
    levels = scenery()
    levels[200:220, 230:250] = 1.0
    clipped = FaceGrid(landmarks).cut(framed(levels), landmarks).clipped
    surface = FaceGrid(landmarks).surface()
    inside = (abs(surface.x - 240) < 6) & (abs(surface.y - 210) < 6)
    assert clipped[inside].min() > 0.9
    assert clipped[(abs(surface.x - 240) > 24) | (abs(surface.y - 210) > 24)].max() == 0


def test_a_face_that_leaves_the_picture_is_left_out(landmarks):
    grid = FaceGrid(landmarks)
    assert grid.cut(framed(scenery()), landmarks + np.float32([200, 0, 0])) is None


def test_skin_is_what_neither_blinks_nor_speaks_nor_turns_away(landmarks):
    surface = FaceGrid(landmarks).surface()
    assert surface.skin.sum() < surface.still.sum() < CELLS**2
    assert not (surface.skin & ~surface.still).any()
    assert 0.5 * surface.skin.sum() < surface.inner.sum() < surface.skin.sum()
    assert not (surface.inner & ~surface.skin).any()

    # Eyes (33, 133, 263, 362), mouth (13) are out; the nose's tip (4) and both cheeks (50, 280) are in.
    def cell_of(point):
        return tuple(
            int(v)
            for v in np.argwhere(
                np.hypot(surface.x - point[0], surface.y - point[1])
                == np.hypot(surface.x - point[0], surface.y - point[1]).min()
            )[0]
        )

    for number in (4, 50, 280):
        assert surface.skin[cell_of(landmarks[number])]
    for pair in ((33, 133), (263, 362), (13, 14)):
        assert not surface.still[cell_of(landmarks[list(pair)].mean(axis=0))]


def test_the_nose_stands_out_and_its_sides_look_aside(landmarks):
    surface = FaceGrid(landmarks).surface()
    tip = np.unravel_index(np.where(surface.skin, surface.depth, np.inf).argmin(), surface.depth.shape)
    assert abs(surface.x[tip] - landmarks[4, 0]) < 20
    assert np.linalg.norm(surface.normals, axis=-1) == pytest.approx(1)
    left_of_it, right_of_it = surface.normals[tip[0], tip[1] - 3], surface.normals[tip[0], tip[1] + 3]
    assert left_of_it[0] < -0.2
    assert right_of_it[0] > 0.2
