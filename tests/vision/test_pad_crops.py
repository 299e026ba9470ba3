from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.frames.frame import ColourOrder
from edge.inference.manifest import Aligned5Pt, BoxScaled, FrameLetterbox, Input, RoiRotated
from edge.liveness.evidence import FaceBox
from edge.vision.crops import cut, cut_aligned, cut_box, shrink
from tests.vision.scene import frame_of

NO_POINTS = np.zeros((5, 2), np.float32)


def places(columns: int, rows: int) -> np.ndarray:
    """Each pixel says where it is: (column, row, 7)."""
    pixels = np.empty((rows, columns, 3), np.uint8)
    pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2] = np.arange(columns), np.arange(rows)[:, None], 7
    return pixels


def scaled(scale: float, *, side: str = "as_box", edges: str = "shifted") -> BoxScaled:
    return BoxScaled.model_validate({"kind": "box_scaled", "scale": scale, "side": side, "edges": edges})


@pytest.mark.parametrize(
    ("box", "columns", "rows"),
    [
        # 54 x 54 about the middle (50, 40): 23..77 and 13..67, the last included.
        (FaceBox(40, 30, 20, 20), (23, 77), (13, 67)),
        # About (10, 10): 27 to each side leaves the frame at the left and above; moved to begin at 0.
        (FaceBox(0, 0, 20, 20), (0, 54), (0, 54)),
        # About (90, 70): moved to end at the last pixel, 99 - 54 and 79 - 54.
        (FaceBox(80, 60, 20, 20), (45, 99), (25, 79)),
        # A box that is itself over the edge, about (-5, 40).
        (FaceBox(-15, 30, 20, 20), (0, 54), (13, 67)),
        # 2.7 x 60 does not fit into 80 rows: the scale falls to 79 / 60, 79 x 79, about (50, 40).
        (FaceBox(20, 10, 60, 60), (10, 89), (0, 79)),
        # A box larger than the frame: less than the box is left, 79 x 79.
        (FaceBox(0, -10, 100, 100), (10, 89), (0, 79)),
        # A tall box keeps its aspect: 30 x 2.7 = 81 rows do not fit, 79 / 30 times 20 columns about (50, 40).
        (FaceBox(40, 25, 20, 30), (23, 76), (0, 79)),
    ],
)
def test_a_crop_is_moved_back_into_the_frame(box, columns, rows):
    size = (columns[1] - columns[0] + 1, rows[1] - rows[0] + 1)  # no resizing

    crop = cut_box(places(100, 80), scaled(2.7), box, size)

    np.testing.assert_array_equal(crop[0, :, 0], np.arange(columns[0], columns[1] + 1))
    np.testing.assert_array_equal(crop[:, 0, 1], np.arange(rows[0], rows[1] + 1))


@given(
    st.floats(-200, 200), st.floats(-200, 200), st.floats(1, 300), st.floats(1, 300), st.sampled_from([1.5, 2.7, 4.0])
)
def test_a_moved_crop_has_the_boxs_aspect_wherever_the_box_is(left, top, width, height, scale):
    crop = cut_box(places(100, 80), scaled(scale), FaceBox(left, top, width, height), (64, 64))

    across = int(crop[0, -1, 0]) - int(crop[0, 0, 0])
    down = int(crop[-1, 0, 1]) - int(crop[0, 0, 1])
    factor = min(scale, 79 / height, 99 / width)
    assert across == pytest.approx(width * factor, abs=3)
    assert down == pytest.approx(height * factor, abs=3)


def test_the_longer_side_makes_a_square():
    crop = cut_box(places(100, 80), scaled(1.0, side="longer"), FaceBox(40, 20, 20, 30), (31, 31))

    np.testing.assert_array_equal(crop[0, :, 0], np.arange(35, 66))
    np.testing.assert_array_equal(crop[:, 0, 1], np.arange(20, 51))


def test_a_reflected_crop_mirrors_the_frame_without_repeating_its_edge():
    # 40 x 40 about (10, 70) of 100 x 80: columns -10..29, rows 50..89.
    crop = cut_box(places(100, 80), scaled(2.0, edges="reflected"), FaceBox(0, 60, 20, 20), (40, 40))

    np.testing.assert_array_equal(crop[0, :, 0], [*range(10, 0, -1), *range(30)])
    np.testing.assert_array_equal(crop[:, 0, 1], [*range(50, 80), *range(78, 68, -1)])


def test_a_reflected_crop_inside_the_frame_is_the_frame():
    crop = cut_box(places(100, 80), scaled(1.5, edges="reflected", side="longer"), FaceBox(40, 35, 20, 10), (30, 30))

    np.testing.assert_array_equal(crop[0, :, 0], range(35, 65))
    np.testing.assert_array_equal(crop[:, 0, 1], range(25, 55))


def test_a_reflected_crop_larger_than_the_frame_folds_back_and_forth():
    crop = cut_box(places(10, 10), scaled(1.0, edges="reflected"), FaceBox(-10, -10, 30, 30), (30, 30))

    folded = [*range(8, 0, -1), *range(10), *range(8, 0, -1)]
    np.testing.assert_array_equal(crop[0, 2:28, 0], folded)


def network_input(size: tuple[int, int], colour: str) -> Input:
    return Input.model_validate({"shape": [1, size[1], size[0], 3], "dtype": "float32", "colour": colour})


@pytest.mark.parametrize("have", list(ColourOrder))
@pytest.mark.parametrize("want", list(ColourOrder))
def test_the_network_gets_its_own_colour_order(have, want):
    pixels = np.empty((80, 100, 3), np.uint8)
    pixels[:] = (200, 100, 50) if have is ColourOrder.RGB else (50, 100, 200)

    image = cut(
        frame_of(pixels, colour=have),
        scaled(2.7),
        network_input((16, 16), want.value),
        FaceBox(40, 30, 20, 20),
        NO_POINTS,
    )

    assert image.shape == (16, 16, 3)
    assert (image == ((200, 100, 50) if want is ColourOrder.RGB else (50, 100, 200))).all()


def test_a_crop_leaves_the_frame_alone():
    pixels = places(100, 80)
    before = pixels.copy()

    for colour in ("rgb", "bgr"):
        cut(frame_of(pixels), scaled(2.7), network_input((55, 55), colour), FaceBox(40, 30, 20, 20), NO_POINTS)[:] = 0

    np.testing.assert_array_equal(pixels, before)


def test_five_points_come_to_their_places():
    target = [(30.0, 40.0), (70.0, 40.0), (50.0, 60.0), (35.0, 80.0), (65.0, 80.0)]
    angle, scale = np.radians(25), 1.7
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (np.array(target) @ turn.T + (150, 60)).astype(np.float32)
    pixels = np.zeros((400, 500, 3), np.uint8)
    for x, y in points:
        pixels[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3] = 255

    aligned = cut_aligned(pixels, target, points, (112, 112))

    for x, y in target:
        assert aligned[round(y), round(x)].min() > 120
    assert aligned[60, 30].max() < 20


def test_a_manifest_may_ask_for_aligned_points_or_the_whole_frame():
    pixels = np.full((80, 100, 3), 90, np.uint8)
    size = network_input((112, 112), "bgr")
    points = np.array([(30, 30), (60, 30), (45, 45), (33, 60), (57, 60)], np.float32)
    aligned = Aligned5Pt.model_validate({"kind": "aligned_5pt", "points": [tuple(map(float, p)) for p in points]})

    np.testing.assert_array_equal(cut(frame_of(pixels), aligned, size, FaceBox(0, 0, 1, 1), points)[:80, :100], pixels)
    boxed = cut(frame_of(pixels), FrameLetterbox(kind="frame_letterbox"), size, FaceBox(0, 0, 1, 1), points)
    assert (boxed[20:90] == 90).all()
    assert not boxed[:10].any()


def test_a_rotated_region_is_not_a_pad_crop():
    rule = RoiRotated.model_validate({"kind": "roi_rotated", "scale": 1.5})

    with pytest.raises(ValueError, match="landmark"):
        cut(frame_of(places(100, 80)), rule, network_input((16, 16), "bgr"), FaceBox(0, 0, 1, 1), NO_POINTS)


def test_shrinking_keeps_the_mean_and_loses_the_noise():
    noise = np.random.default_rng(2).normal(128, 40, (1080, 1920, 3)).clip(0, 255).astype(np.uint8)

    small = shrink(noise, 128, 72)

    assert small.shape == (72, 128, 3)
    assert small.mean() == pytest.approx(128, abs=1)
    assert small.std() < 15


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 64), st.integers(1, 64))
def test_shrinking_gives_the_size_asked_for(columns, rows, width, height):
    assert shrink(np.zeros((rows, columns, 3), np.uint8), width, height).shape == (height, width, 3)
