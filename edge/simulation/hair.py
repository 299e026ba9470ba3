"""Hair in relief, as thick as the photograph that a head is painted with shows it beside and above the skull.

Behind, where a frontal photograph shows nothing, it goes on. It ends where hair ends on heads: at the hairline, around
ears that the photograph leaves free, and at the nape; longer hair is cut off there.
"""

from __future__ import annotations

import zlib
from typing import Final

import cv2
import numpy as np

from edge.simulation.face_texture import FacePhoto, Look, hair_share
from edge.simulation.head import Head
from edge.simulation.optics import Map, Vector
from edge.simulation.relief import Relief, column_angles

# Metres. Thinner hair does not show against skulls of random sizes, thicker hair is drawn no thicker (both assumed).
LEAST: Final = (0.010, 0.005)
MOST: Final = 0.040
# Up to there the photograph is searched for hair, so far apart.
_SEARCHED: Final = np.arange(-0.004, 0.060, 0.001)
# Directions from the middle of the braincase, degrees from straight up to the side.
_TILTS: Final = np.arange(0.0, 121.0, 4.0)
# The middle of the braincase lies so far above the pupils, metres.
_MIDDLE: Final = 0.045
# Locks: standard deviation of the surface, and about their size, metres (assumed).
_LOCKS: Final = 0.0012
_LOCK_SIZE: Final = 0.010
# Hair rises from the hairline to its full thickness over about twice this, metres (assumed).
_RISE: Final = 0.009


def with_hair(photo: FacePhoto, head: Head) -> Head:
    """The head with the hair of the photograph; the same one where the photograph shows none."""
    look = Look(photo, head)
    share = hair_share(look)
    if not share.any():
        return head
    thick = _thickness(look, head)
    rows, columns = share.shape
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(photo.pixels[::16, ::16]).tobytes()))
    soft = blurred(share, _RISE, head)
    rising = np.clip(2.6 * soft - 1.6, 0.0, 1.0) ** 0.8 * share
    locks = blurred(rng.standard_normal((rows, columns)).astype(np.float32), _LOCK_SIZE / 2, head)
    locks *= _LOCKS / float(locks.std())
    # Under hair the ears show no more.
    beside = np.abs(np.sin(column_angles(columns))) > 0.8
    smooth = (blurred(head.relief.radius, _LOCK_SIZE, head) - head.relief.radius) * beside
    offset = np.maximum(rising * (thick + locks + smooth), 0.0)
    # All columns meet at the vertex: there they rise alike.
    above = head.relief.points[..., 1] < -_MIDDLE
    alone = above * np.clip(1.5 - head.relief.radius / 0.030, 0.0, 1.0)
    ring = above & (head.relief.radius > 0.030) & (head.relief.radius < 0.050)
    offset += alone * (float(offset[ring].mean()) - offset)
    return Head(grown(head.relief, offset), head.points)


def grown(relief: Relief, offset: Map) -> Relief:
    """The surface moved outward along its normals by (gh, gw) metres, as a relief with more rows above the old ones."""
    angle = column_angles(relief.radius.shape[1])
    outward = relief.normals[..., 0] * np.sin(angle) - relief.normals[..., 2] * np.cos(angle)
    upward = -relief.normals[..., 1]
    length = np.hypot(outward, upward)
    radius = relief.radius + offset * np.maximum(outward, 0.0) / length
    heights = relief.points[..., 1] - offset * upward / length
    # At the vertex the surface only rises.
    top = float(heights[0].min())
    radius[0] = relief.radius[0]
    heights[0] = top
    heights = np.maximum.accumulate(heights, axis=0)
    spacing = (relief.bottom - relief.top) / (len(heights) - 1)
    more = int(np.ceil((relief.top - top) / spacing - 1e-6))
    rows = relief.top + spacing * np.arange(-more, len(heights))
    # Between the last of the old rows and the new top the surface closes.
    heights[0] = rows[0]
    return Relief(
        np.stack([np.interp(rows, h, r) for h, r in zip(heights.T, radius.T, strict=True)], axis=1),
        float(rows[0]),
        relief.bottom,
    )


def _thickness(look: Look, head: Head) -> Map:
    """(gh, gw) metres, by how far hair stands out beyond the skull seen from in front, on either side."""
    points = head.relief.points
    right, left = (_beyond(look, points, side) for side in (1.0, -1.0))
    x, y, z = points[..., 0], points[..., 1] + _MIDDLE, points[..., 2]
    tilt = np.degrees(np.arctan2(np.hypot(x, z), -y))
    aside = 0.5 + 0.5 * x / np.maximum(np.hypot(x, z), 1e-6)
    thick = aside * np.interp(tilt, _TILTS, right) + (1 - aside) * np.interp(tilt, _TILTS, left)
    return np.asarray(thick, np.float32)


def _beyond(look: Look, points: Map, side: float) -> Vector:
    """(tilts,) metres of hair outside the skull's outline on one side."""
    x, y = points[..., 0] * side, points[..., 1] + _MIDDLE
    tilt = np.degrees(np.arctan2(x, -y))
    away = np.hypot(x, y)
    turn = np.radians(_TILTS)
    outline = np.array([away[np.abs(tilt - place) < 3].max(initial=0.0) for place in _TILTS])
    reach = outline[:, None] + _SEARCHED
    places = np.stack((side * reach * np.sin(turn)[:, None], -reach * np.cos(turn)[:, None] - _MIDDLE), axis=-1)
    thick = look.hair_at(places).sum(axis=1) * float(_SEARCHED[1] - _SEARCHED[0])
    window = np.hanning(9)[1:-1]
    smooth = np.convolve(np.pad(thick, 3, "reflect"), window / window.sum(), "valid")
    least = LEAST[1] + (LEAST[0] - LEAST[1]) * np.clip(np.cos(turn), 0.0, 1.0)
    # Towards nape and jaw hair of any length hangs close.
    hanging = np.clip((150.0 - _TILTS) / 50.0, 0.0, 1.0)
    return np.clip(smooth * hanging, least, MOST)


def blurred(values: Map, length: float, head: Head) -> Map:
    """(gh, gw) values of a head's grid, blurred around it. length: standard deviation, metres."""
    relief = head.relief
    down = length * (len(values) - 1) / (relief.bottom - relief.top)
    # Columns are closest in front; there they are about so wide.
    across = length / (float(np.median(relief.radius)) * 2 * np.pi / values.shape[1])
    reach = int(4 * across) + 1
    ring = np.concatenate((values[:, -1 - reach : -1], values, values[:, 1 : 1 + reach]), axis=1)
    soft = cv2.GaussianBlur(ring, (0, 0), sigmaX=across, sigmaY=down, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft[:, reach:-reach], np.float32)
