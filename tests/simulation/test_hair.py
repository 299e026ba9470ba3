from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from edge.simulation.face_texture import FacePhoto, Look, face_skin, hair_share
from edge.simulation.hair import MOST, grown, with_hair
from edge.simulation.head import Anthropometry, Head, KeyPoint, parametric_head
from edge.simulation.optics import GREEN

HEAD = parametric_head(Anthropometry())
# Of the drawn pictures below, per metre; where (0, 0) lies.
SCALE, ORIGIN = 1800, np.array([260, 280])
SKIN, DARK, WALL = (115, 150, 190), (25, 28, 32), (190, 190, 190)


def drawn(*, thick: float | None, ears: bool = True) -> FacePhoto:
    """The head's own outline before a grey wall, with dark hair that stands out ``thick`` metres, or bald."""
    pixels = np.full((560, 520, 3), WALL, np.uint8)
    points = HEAD.relief.points
    outline = points[points[..., 1] < 0.10][:, :2].astype(float)
    skull = cv2.convexHull(np.rint(outline * SCALE + ORIGIN).astype(np.int32))
    neck = [(-0.05, 0.09), (0.05, 0.09), (0.05, 0.16), (-0.05, 0.16)]
    cv2.fillConvexPoly(pixels, skull, SKIN)
    cv2.fillConvexPoly(pixels, np.rint(np.array(neck) * SCALE + ORIGIN).astype(np.int32), SKIN)
    if thick is not None:
        hair = np.zeros(pixels.shape[:2], np.uint8)
        cv2.fillConvexPoly(hair, skull, 1)
        reach = round(thick * SCALE)
        hair = cv2.dilate(hair, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
        lowest = -0.02 if ears else 0.05
        hair[round(lowest * SCALE + ORIGIN[1]) :] = 0
        middle = np.rint(np.array([0.0, 0.02]) * SCALE + ORIGIN).astype(int)
        cv2.ellipse(hair, tuple(middle.tolist()), (round(0.058 * SCALE), round(0.085 * SCALE)), 0, 0, 360, 0, -1)
        pixels[hair > 0] = DARK
    places = {name: place[:2] * SCALE + ORIGIN for name, place in HEAD.points.items()}
    lids = tuple(places[name] + np.array([[-20, 0], [0, 6], [20, 0], [0, -6]]) for name in _EYES)
    for name in _EYES:
        cv2.circle(pixels, tuple(np.rint(places[name]).astype(int).tolist()), 8, (20, 20, 20), -1)
    return FacePhoto(pixels, places, np.empty((0, 2)), (lids[0], lids[1]))


_EYES = (KeyPoint.RIGHT_EYE, KeyPoint.LEFT_EYE)


@cache
def haired(thick: float | None, *, ears: bool = True) -> Head:
    return with_hair(drawn(thick=thick, ears=ears), HEAD)


def thickened(head: Head) -> np.ndarray:
    """(gh, gw) how far each point of a head lies outside the bald one along its level, metres; no less than 0."""
    place = HEAD.relief.grid_position(head.relief.points)
    rows, columns = HEAD.relief.radius.shape
    bald = np.stack(
        [
            np.interp(place[:, column, 1], np.arange(rows), HEAD.relief.radius[:, column], left=0.0)
            for column in range(columns)
        ],
        axis=1,
    )
    return np.asarray(head.relief.radius - bald)


@pytest.mark.parametrize("thick", [0.015, 0.030])
def test_hair_is_as_thick_as_it_stands_out_of_the_head_in_the_photograph(thick):
    head = haired(thick)
    assert HEAD.relief.top - head.relief.top == pytest.approx(thick, abs=0.006)
    more = thickened(head)
    y, z = head.relief.points[..., 1], head.relief.points[..., 2]
    sides = more[(np.abs(y + 0.05) < 0.01) & (np.abs(z) < 0.03)]
    assert sides.mean() == pytest.approx(thick, abs=0.006)
    # Locks: no smooth shell.
    assert 0.0003 < sides.std() < 0.006


def test_hair_is_thicker_on_top_than_at_the_temples_and_the_nape_and_ends_there():
    more, points = thickened(haired(0.025)), haired(0.025).relief.points
    angle = np.degrees(np.abs(np.arctan2(points[..., 0], -points[..., 2])))
    y = points[..., 1]
    back = angle > 150
    levels = [more[back & (np.abs(y - level) < 0.005)].mean() for level in (-0.04, 0.03, 0.055)]
    assert levels == sorted(levels, reverse=True)
    assert np.abs(more[y > 0.075]).max() < 1e-3


def test_nothing_grows_on_the_face_or_over_free_ears():
    head = haired(0.025)
    more, points = thickened(head), head.relief.points
    angle = np.degrees(np.abs(np.arctan2(points[..., 0], -points[..., 2])))
    y = points[..., 1]
    assert np.abs(more[(angle < 40) & (y > -0.022)]).max() < 1e-3
    assert np.abs(more[(angle > 88) & (angle < 108) & (y > 0.0) & (y < 0.06)]).max() < 1e-3
    for name in KeyPoint:
        if name is not KeyPoint.FOREHEAD:
            x, level, _ = head.points[name]
            assert head.relief.at(x, level) == pytest.approx(
                HEAD.points[name], abs=3e-4
            )  # ``at`` searches in steps of 0.2 mm


def test_hair_that_hides_the_ears_in_the_photograph_covers_them():
    head = haired(0.025, ears=False)
    ear = np.array([0.06, 0.01])
    bald, covered = (
        float(np.interp(ear[1], one.relief.points[:, 0, 1], np.abs(one.relief.points[..., 0]).max(axis=1)))
        for one in (HEAD, head)
    )
    assert covered > bald + 0.005


def test_a_bald_photograph_leaves_the_head_as_it_is():
    assert haired(None) is HEAD
    assert not hair_share(Look(drawn(thick=None), HEAD)).any()


def test_hair_is_no_thicker_than_four_centimetres_and_its_surface_closes_at_the_crown():
    head = haired(0.055)
    assert HEAD.relief.top - head.relief.top < MOST + 0.006
    crown = head.relief.radius[:12]
    # No spike: the radius widens from the top at once, alike all around.
    assert crown[2].min() > 0.010
    assert crown[4].max() < 2.5 * crown[4].min()
    assert np.abs(head.relief.radius[:, 0] - head.relief.radius[:, -1]).max() < 1e-6


def test_the_same_photograph_always_has_the_same_hair():
    again = with_hair(drawn(thick=0.015), HEAD)
    assert np.array_equal(again.relief.radius, haired(0.015).relief.radius)


def test_a_surface_that_grows_alike_everywhere_moves_outward_by_that():
    offset = np.full(HEAD.relief.radius.shape, 0.01, np.float32)
    larger = grown(HEAD.relief, offset)
    assert larger.top == pytest.approx(HEAD.relief.top - 0.01, abs=0.0025)
    before, after = (one.points[int(np.abs(one.points[:, 0, 1] + 0.045).argmin())] for one in (HEAD.relief, larger))
    for axis in (0, 2):
        assert np.ptp(after[:, axis]) == pytest.approx(np.ptp(before[:, axis]) + 0.02, abs=0.002)


def test_hair_is_painted_dark_all_around_and_the_nape_below_it_in_the_colour_of_skin():
    head = haired(0.025)
    albedo = face_skin(drawn(thick=0.025), head, tone=0.2).at(0.0).albedo[..., GREEN]
    rows = albedo.shape[0]

    def behind(y: float) -> float:
        row = round((y - head.relief.top) / (head.relief.bottom - head.relief.top) * (rows - 1))
        return float(albedo[row, :20].mean())

    skin = float(np.median(albedo[:, albedo.shape[1] // 2]))
    assert behind(-0.06) < 0.4 * skin
    assert behind(0.02) < 0.4 * skin
    assert behind(0.11) > 0.8 * skin
