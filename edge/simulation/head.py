"""A parametric head in relief, with the spread of sizes that surveys of adults report.

The shape is the project's own: horizontal sections (superellipses) whose widths and depths follow the measured
dimensions, a jaw that turns under along its edge, a neck, soft features in front, and ears without overhangs. It is
symmetric and bald.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.simulation.optics import Vector
from edge.simulation.relief import Relief, column_angles

# Cells of a head's grid: about 2.3 mm high, and 2.5 mm wide in front.
ROWS: Final = 120
COLUMNS: Final = 128

# Metres. Heights count from the pupils down; what no survey gives is estimated from pictures of heads in profile.
_SELLION_ABOVE_PUPILS: Final = 0.010
_VERTEX_ABOVE_SELLION: Final = 0.104
_NECK_BELOW_MENTON: Final = 0.056
# The edge of the jaw is level so far behind menton and rises from there to the angles of the jaw.
_CHIN_LENGTH: Final = 0.016
_JAW_LENGTH: Final = 0.064
_JAW_SLOPE: Final = 0.44
# An ear is about as long as the nose and the lips together: 6 cm, half as wide, on either side a little behind the
# axis; radians. It stands out by what a relief can show of it without an overhang.
_EAR_TO_FACE: Final = 0.53
_EAR_MIDDLE: Final = 0.011
_EAR_ANGLE: Final = 1.70
_EAR_HALF_ANGLE: Final = 0.23
_EAR_OUT: Final = 0.016


class FaceRegion(StrEnum):
    """Parts of a face whose brightness in infrared is compared."""

    FOREHEAD = "forehead"
    CHEEKS = "cheeks"
    NOSE = "nose"
    CHIN = "chin"


class KeyPoint(StrEnum):
    """Points of a face. Right and left are the person's own; right is on the left side of the picture."""

    RIGHT_EYE_OUTER = "right_eye_outer"
    RIGHT_EYE = "right_eye"
    RIGHT_EYE_INNER = "right_eye_inner"
    LEFT_EYE_INNER = "left_eye_inner"
    LEFT_EYE = "left_eye"
    LEFT_EYE_OUTER = "left_eye_outer"
    RIGHT_BROW = "right_brow"
    LEFT_BROW = "left_brow"
    FOREHEAD = "forehead"
    SELLION = "sellion"
    NOSE_TIP = "nose_tip"
    NOSE_RIGHT = "nose_right"
    NOSE_LEFT = "nose_left"
    SUBNASALE = "subnasale"
    MOUTH_RIGHT = "mouth_right"
    MOUTH_LEFT = "mouth_left"
    STOMION = "stomion"
    MENTON = "menton"


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head's surface, and where its face is on it: local metres, (3,) each; the origin is at the pupils' height."""

    relief: Relief
    points: Mapping[KeyPoint, Vector]

    @property
    def face(self) -> Vector:
        """(3,) the middle between the eyes on the surface: what a distance to the face is measured to."""
        eyes = (self.points[KeyPoint.RIGHT_EYE] + self.points[KeyPoint.LEFT_EYE]) / 2
        return np.array([eyes[0], eyes[1], self.points[KeyPoint.SELLION][2]])


@dataclass(frozen=True, slots=True)
class Anthropometry:
    """Dimensions of a head, metres, named as in the surveys.

    face_width: bizygomatic breadth. face_length: menton to sellion. interpupillary: between the pupils' middles.
    jaw_width: bigonial breadth. nose_length: subnasale to sellion. nose_protrusion: from subnasale to the tip.
    chin_projection: how far the chin's front lies before (or, negative, behind) the subnasale.
    """

    face_width: float = 0.1382
    face_length: float = 0.1179
    head_breadth: float = 0.1511
    head_length: float = 0.1947
    interpupillary: float = 0.0629
    jaw_width: float = 0.1153
    nose_length: float = 0.0501
    nose_protrusion: float = 0.0205
    nose_breadth: float = 0.0349
    lip_length: float = 0.0496
    chin_projection: float = -0.004

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Anthropometry:
        """An adult of either sex, by the means, deviations and loadings of SURVEY; nobody beyond 2.5 deviations."""
        table = SURVEY[int(rng.integers(2))]
        size = rng.standard_normal()
        values = []
        for name in cls.__dataclass_fields__:
            mean, deviation = table[name]
            load = LOADINGS[name]
            own = rng.standard_normal()
            score = load * size + np.sqrt(1 - load**2) * own
            values.append((mean + deviation * float(np.clip(score, -2.5, 2.5))) / 1000)
        return cls(*values)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not np.isfinite(value) or (value <= 0 and field.name != "chin_projection"):
                raise ValueError(f"{field.name} of a head is a length, not {value}")
        if not (0.6 < self.face_width / self.face_length < 1.8 and 0.3 < self.interpupillary / self.face_width < 0.7):
            raise ValueError(f"no head has these proportions: {astuple(self)}")


# Mean and standard deviation, mm, of men and of women.
# The first five: ANSUR II, the 2012 survey of 4,082 men and 1,986 women of the US Army (Gordon et al. 2014,
# DTIC ADA611869), summarised from its public data; a second summary of the same data has the same means and deviations
# to the last digit. Jaw, nose and lips: the NIOSH survey of 3,997 respirator users (Zhuang and Bradtmiller, J Occup
# Environ Hyg 2:567, 2005), from memory and unverified: that the survey has 18 facial dimensions, weighted to the US
# population, was looked up in its abstract, but no table of it could be read. The chin's projection is an estimate.
SURVEY: Final[tuple[Mapping[str, tuple[float, float]], Mapping[str, tuple[float, float]]]] = (
    {
        "face_width": (142.6, 6.2),
        "face_length": (122.6, 6.7),
        "head_breadth": (154.3, 5.5),
        "head_length": (199.5, 7.0),
        "interpupillary": (64.0, 3.4),
        "jaw_width": (120.4, 10.4),
        "nose_length": (52.0, 4.1),
        "nose_protrusion": (21.1, 2.7),
        "nose_breadth": (36.6, 4.1),
        "lip_length": (51.1, 4.2),
        "chin_projection": (-4.0, 3.0),
    },
    {
        "face_width": (133.8, 5.6),
        "face_length": (113.1, 6.1),
        "head_breadth": (147.8, 5.2),
        "head_length": (189.8, 7.5),
        "interpupillary": (61.7, 3.6),
        "jaw_width": (110.1, 8.9),
        "nose_length": (48.2, 3.8),
        "nose_protrusion": (19.8, 2.7),
        "nose_breadth": (33.2, 3.9),
        "lip_length": (48.0, 4.0),
        "chin_projection": (-4.0, 3.0),
    },
)

# Correlation of each dimension with the size of the head, within a sex. Products of two give about the correlations
# in ANSUR II, men and women: face width with head breadth 0.65 and 0.61, with interpupillary distance 0.44 and 0.48,
# the latter with face length 0.16 and 0.23 (verified as above). Those of the other dimensions are guesses.
LOADINGS: Final[Mapping[str, float]] = {
    "face_width": 0.83,
    "face_length": 0.38,
    "head_breadth": 0.76,
    "head_length": 0.55,
    "interpupillary": 0.55,
    "jaw_width": 0.65,
    "nose_length": 0.35,
    "nose_protrusion": 0.2,
    "nose_breadth": 0.3,
    "lip_length": 0.35,
    "chin_projection": 0.0,
}


# Middles of the patches: x in half interpupillary distances, y in heights from the pupils (0) to menton (1). They are
# those of irlume (github.com/archledger/irlume, scripts/landmark-relief-corpus.py), which averages 3 x 3 pixels at
# these landmarks of MediaPipe's mesh: forehead 10, 151, 9, 8; cheeks 50, 101, 118, 117, 123 and 280, 330, 347, 346,
# 352; nose 1, 4, 5, 195, 197; chin 152, 148, 377, 176, 400. Placed where the landmark network sees them on heads of
# this module, means of ten.
_PATCHES: Final[Mapping[FaceRegion, tuple[tuple[float, float], ...]]] = {
    FaceRegion.FOREHEAD: ((0.0, -0.47), (0.0, -0.329), (0.0, -0.188), (0.0, -0.116)),
    FaceRegion.CHEEKS: tuple(
        (side * x, y)
        for side in (-1, 1)
        for x, y in ((1.42, 0.284), (1.00, 0.216), (1.32, 0.166), (1.58, 0.148), (1.89, 0.276))
    ),
    FaceRegion.NOSE: ((0.0, 0.32), (0.0, 0.266), (0.0, 0.195), (0.0, 0.134), (0.0, 0.078)),
    FaceRegion.CHIN: ((0.0, 0.953), (-0.354, 0.949), (0.354, 0.949), (-0.633, 0.924), (0.633, 0.924)),
}
# Three pixels of a camera of 640 x 400 that a face fills.
_PATCH_RADIUS: Final = 0.002


@dataclass(frozen=True, slots=True)
class _Heights:
    """Local y of the landmarks on the middle line, metres."""

    vertex: float
    forehead: float
    glabella: float
    sellion: float
    nose_tip: float
    subnasale: float
    stomion: float
    pogonion: float
    menton: float

    @classmethod
    def of(cls, size: Anthropometry) -> _Heights:
        sellion = -_SELLION_ABOVE_PUPILS
        # Menton lies behind sellion: the measured length is the slant.
        behind = 0.006 + size.chin_projection - 0.013 - 0.001
        menton = sellion + float(np.sqrt(size.face_length**2 - behind**2))
        subnasale = min(sellion + size.nose_length, menton - 0.045)
        lower = menton - subnasale
        return cls(
            vertex=sellion - _VERTEX_ABOVE_SELLION * size.head_length / 0.1947,
            forehead=sellion - 0.39 * size.face_length,
            glabella=sellion - 0.019,
            sellion=sellion,
            nose_tip=sellion + 0.82 * (subnasale - sellion),
            subnasale=subnasale,
            stomion=subnasale + 0.32 * lower,
            pogonion=menton - 0.24 * lower,
            menton=menton,
        )


def parametric_head(size: Anthropometry) -> Head:
    """The head of these dimensions."""
    at = _Heights.of(size)
    bottom = at.menton + _NECK_BELOW_MENTON
    y = np.linspace(at.vertex, bottom, ROWS)[:, None]
    # Finer than the grid, since moving the features forward moves points to other angles.
    angle = np.linspace(-np.pi, np.pi, 8 * COLUMNS + 1)[None, :]
    base = _skull_and_neck(size, at, y, angle) + _ears(size, y, angle)
    x, forward = base * np.sin(angle), base * np.cos(angle)
    front = _step(forward, 0.0, 0.05)
    forward = forward + front * (_nose(size, at, x, y) + _soft_features(size, at, x, y))
    relief = Relief(_by_angle(x, forward), at.vertex, bottom)
    return Head(relief, _key_points(size, at, relief))


def face_regions(head: Head) -> dict[FaceRegion, NDArray[np.bool_]]:
    """(gh, gw) of the head's grid for each region: the cells that its patches lie on, one at least for each patch."""
    half = abs(float(head.points[KeyPoint.LEFT_EYE][0] - head.points[KeyPoint.RIGHT_EYE][0])) / 2
    eyes, menton = float(head.face[1]), float(head.points[KeyPoint.MENTON][1])
    masks = {}
    for region, patches in _PATCHES.items():
        mask = np.zeros(head.relief.points.shape[:2], np.bool_)
        for x, y in patches:
            place = head.relief.at(float(head.face[0]) + x * half, eyes + y * (menton - eyes))
            away = np.linalg.norm(head.relief.points - place, axis=-1)
            mask |= away <= max(_PATCH_RADIUS, float(away.min()))
        masks[region] = mask
    return masks


def below_jaw(head: Head) -> Vector:
    """(gh, gw) how far below the lower edge of the face each point lies, metres; negative above it.

    The edge rises from menton as that of a parametric head does, also on heads of other shapes.
    """
    away = head.relief.points - head.points[KeyPoint.MENTON]
    return _below_edge(away[..., 1], away[..., 2])


def jaw_line(head: Head) -> Vector:
    """(n, 3) lower edge of the face from ear to ear, left to right of the picture."""
    points = head.relief.points
    chosen = np.flatnonzero((points[..., 2] < 0).all(axis=0))
    return np.asarray(points[(below_jaw(head)[:, chosen] > 0).argmax(axis=0), chosen], np.float64)


def _below_edge(below: Vector, behind: Vector) -> Vector:
    """Metres below the jaw's edge, of what lies so far below and behind menton."""
    return np.asarray(below + _JAW_SLOPE * np.clip(behind - _CHIN_LENGTH, 0.0, _JAW_LENGTH), np.float64)


def _by_angle(x: Vector, forward: Vector) -> Vector:
    """(rows, COLUMNS) radii of the outermost points at the angles of a grid's columns."""
    columns = column_angles(COLUMNS)
    angle, radius = np.arctan2(x, forward), np.hypot(x, forward)
    angle[:, 0], angle[:, -1] = -np.pi, np.pi
    # Where a feature overhangs, angles run back for a while: what lies under it is out of reach.
    angle = np.maximum.accumulate(angle, axis=1)
    return np.stack([np.interp(columns, angle[row], radius[row]) for row in range(len(angle))])


def _skull_and_neck(size: Anthropometry, at: _Heights, y: Vector, angle: Vector) -> Vector:
    """Radius, metres, of head and neck without ears and features."""
    skull, neck = _skull(size, at, y, angle), _neck(size, at, y, angle)
    # Menton lies 13 mm behind the chin's front.
    front = size.head_length / 2 + 0.001 + size.chin_projection - 0.013
    both = (skull**16 + neck**16) ** (1 / 16)
    # From the angles of the jaw its lower edge runs down to the chin; below it the surface falls back to the neck.
    stays = _curve(
        _below_edge(y - at.menton, front - skull * np.cos(angle)),
        (-0.020, 1.0),
        (-0.012, 0.99),
        (-0.006, 0.94),
        (0.0, 0.79),
        (0.006, 0.48),
        (0.012, 0.20),
        (0.024, 0.0),
    )
    return np.asarray(neck + (both - neck) * stays, np.float64)


def _skull(size: Anthropometry, at: _Heights, y: Vector, angle: Vector) -> Vector:
    """Radius of skull and face, whose sections go on as those of the chin below it."""
    front = size.head_length / 2
    chin = front + 0.001 + size.chin_projection
    # The braincase: an egg that is longest at the brows and widest higher and farther back.
    brow, widest = at.glabella - 0.008, at.sellion - 0.036
    before = _curve(
        y,
        (brow, front - 0.001),
        (at.glabella, front - 0.001),
        ((at.sellion + at.subnasale) / 2, front - 0.003),
        (at.subnasale, front + 0.001),
        (at.stomion, front),
        (at.pogonion, chin - 0.0005),
        (at.menton + 0.010, chin - 0.002),
    )
    half = _curve(
        y,
        (widest, size.head_breadth / 2),
        (at.sellion - 0.012, 0.975 * size.head_breadth / 2),
        (0.014, size.face_width / 2),
        (0.028, 0.985 * size.face_width / 2),
        (at.stomion, size.jaw_width / 2),
        (at.pogonion - 0.006, 0.86 * size.jaw_width / 2),
        (at.menton, 0.68 * size.jaw_width / 2),
        (at.menton + 0.020, 0.50 * size.jaw_width / 2),
    )
    back = _curve(
        y,
        (at.glabella, front),
        (0.010, 0.96 * front),
        (0.045, 0.80 * front),
        (0.070, 0.66 * front),
        (at.menton, 0.40 * front),
    )
    middle = -0.020 * (1 - _step(y, widest, 0.014))
    power = _curve(y, (widest, 2.1), (0.0, 2.3), (0.030, 2.3), (at.stomion, 1.9), (at.pogonion, 2.0), (at.menton, 2.2))
    before, half, back, middle, power = (_soft(curve) for curve in (before, half, back, middle, power))
    before *= _dome(y, brow, at.vertex, 2.15)
    half *= _dome(y, widest, at.vertex, 2.05)
    back *= _dome(y, at.glabella, at.vertex, 2.1)
    middle *= _dome(y, widest, at.vertex, 2.0)
    return _section(angle, half, before, back, middle, power)


def _neck(size: Anthropometry, at: _Heights, y: Vector, angle: Vector) -> Vector:
    """Radius of the neck, which leans forward and fades out inside the skull."""
    half = 0.44 * size.jaw_width
    middle = _curve(y, (at.stomion, -0.013), (at.menton + 0.060, -0.022))
    neck = _section(angle, half, 0.058 + middle, 0.058 - middle, middle, np.full_like(y, 2.1))
    return np.asarray(neck * _step(y, at.sellion, at.menton - 0.025), np.float64)


def _ears(size: Anthropometry, y: Vector, angle: Vector) -> Vector:
    """How far the ears stand out, metres: a ridge with a bowl in it that falls off behind."""
    # From the brows to the nose's foot, leaning back at the top.
    level = (y - _EAR_MIDDLE) / (_EAR_TO_FACE * size.face_length / 2)
    outline = np.clip(1 - level**2, 0.0, 1.0)
    # Narrower below, at the lobe.
    wide = _EAR_HALF_ANGLE * np.maximum(outline**0.5, 0.3) * (1 - 0.16 * level)
    place = (np.abs(angle) - _EAR_ANGLE + 0.12 * level) / wide
    rising = _step(place, -1.0, 0.45) * (1 - _step(place, 0.55, 1.35))
    bowl = np.exp(-(((place + 0.05) / 0.38) ** 2) - ((level - 0.05) / 0.5) ** 2)
    return np.asarray(_EAR_OUT * outline**0.7 * (1.06 - 0.15 * level) * (rising - 0.38 * bowl), np.float64)


def _dome(y: Vector, begin: float, vertex: float, power: float) -> Vector:
    """1 below ``begin``; above it falls as a superellipse, almost to nothing at the vertex."""
    up = np.clip((begin - y) / (begin - vertex), 0.0, 1.0)
    return np.asarray(np.maximum((1 - up**power) ** (1 / power), 0.02), np.float64)


def _section(
    angle: Vector, half: Vector | float, before: Vector, back: Vector, middle: Vector, power: Vector
) -> Vector:
    """Radius about the axis of superellipses, a row each: half as wide as ``half`` at ``middle`` before the axis."""
    turn = angle[0]
    sine, cosine = np.sin(turn), np.cos(turn)
    depth = np.where(cosine > 0, before - middle, back + middle)
    x = half * np.sign(sine) * np.abs(sine) ** (2 / power)
    forward = middle + depth * np.sign(cosine) * np.abs(cosine) ** (2 / power)
    seen = np.arctan2(x, forward)
    seen[:, 0], seen[:, -1] = -np.pi, np.pi
    away = np.hypot(x, forward)
    return np.stack([np.interp(turn, seen[row], away[row]) for row in range(len(away))])


def _nose(size: Anthropometry, at: _Heights, x: Vector, y: Vector) -> Vector:
    """How far the nose stands out of the face, metres."""
    u = np.clip((y - at.sellion) / (at.subnasale - at.sellion), 0.0, 1.0)
    tip = (at.nose_tip - at.sellion) / (at.subnasale - at.sellion)
    # The face beneath the tip lies behind the subnasale, which the protrusion is measured from.
    height = size.nose_protrusion + 0.0025
    ridge = height * np.where(u < tip, (u / tip) ** 1.1, 1 - (np.maximum(u - tip, 0) / (1 - tip)) ** 2.2)
    wide = 0.0095 + (size.nose_breadth / 2 - 0.0095) * _step(u, 0.1, 0.85)
    across = np.minimum(np.abs(x) / wide, 1.0)
    bridge = (1 - across**2) ** 1.3
    wings = 0.5 * (1 - across**4) + 0.5 * np.exp(-((x / 0.0075) ** 2)) * (1 - across**4)
    low = _step(u, 0.5, 0.85)
    return np.asarray(ridge * (bridge * (1 - low) + wings * low), np.float64)


def _soft_features(size: Anthropometry, at: _Heights, x: Vector, y: Vector) -> Vector:
    """Sum of bumps and hollows, metres forward."""
    side = np.abs(x)
    eye = size.interpupillary / 2
    mouth = size.lip_length / 2
    lower = at.menton - at.subnasale

    def bump(middle_x: float, middle_y: float, wide: float, high: float) -> Vector:
        return np.asarray(np.exp(-(((side - middle_x) / wide) ** 2) - ((y - middle_y) / high) ** 2), np.float64)

    lips = np.clip(1 - (side / (1.08 * mouth)) ** 2, 0.0, 1.0) ** 0.75
    crease = np.exp(-(((y - at.stomion) / 0.0022) ** 2))
    upper = np.exp(-(((y - at.stomion + 0.0055) / 0.0050) ** 2))
    under = np.exp(-(((y - at.stomion - 0.0065) / 0.0055) ** 2))
    return np.asarray(
        0.0015 * bump(0.0, at.glabella, 0.018, 0.008)
        - 0.0050 * bump(0.0, at.sellion, 0.013, 0.0085)
        + 0.0040 * bump(eye * 0.95, -0.022, 0.022, 0.0080)
        - 0.0100 * bump(eye, -0.001, 0.018, 0.0125)
        + 0.0088 * bump(eye, 0.001, 0.0115, 0.0085)
        - 0.0035 * bump(0.016, -0.004, 0.006, 0.009)
        + 0.0045 * bump(eye + 0.016, 0.027, 0.017, 0.014)
        - 0.0030 * bump(eye + 0.010, at.stomion - 0.010, 0.014, 0.018)
        - 0.0018 * bump(0.025, (at.subnasale + at.stomion) / 2 - 0.004, 0.005, 0.012)
        + lips * (0.0052 * upper + 0.0058 * under - 0.0030 * crease)
        - 0.0012 * bump(0.0, at.subnasale + 0.12 * lower, 0.0035, 0.006)
        - 0.0050 * bump(0.0, at.stomion + 0.26 * lower, 0.022, 0.0065)
        + 0.0025 * bump(0.0, at.pogonion, 0.016, 0.011),
        np.float64,
    )


def _key_points(size: Anthropometry, at: _Heights, relief: Relief) -> dict[KeyPoint, Vector]:
    eye, mouth, nose = size.interpupillary / 2, size.lip_length / 2, size.nose_breadth / 2
    places = {
        KeyPoint.RIGHT_EYE_OUTER: (-eye - 0.0145, 0.0),
        KeyPoint.RIGHT_EYE: (-eye, 0.0),
        KeyPoint.RIGHT_EYE_INNER: (-eye + 0.0145, 0.001),
        KeyPoint.LEFT_EYE_INNER: (eye - 0.0145, 0.001),
        KeyPoint.LEFT_EYE: (eye, 0.0),
        KeyPoint.LEFT_EYE_OUTER: (eye + 0.0145, 0.0),
        KeyPoint.RIGHT_BROW: (-eye, -0.022),
        KeyPoint.LEFT_BROW: (eye, -0.022),
        KeyPoint.FOREHEAD: (0.0, at.forehead),
        KeyPoint.SELLION: (0.0, at.sellion),
        KeyPoint.NOSE_TIP: (0.0, at.nose_tip),
        KeyPoint.NOSE_RIGHT: (-nose, at.nose_tip + 0.001),
        KeyPoint.NOSE_LEFT: (nose, at.nose_tip + 0.001),
        KeyPoint.SUBNASALE: (0.0, at.subnasale),
        KeyPoint.MOUTH_RIGHT: (-mouth, at.stomion),
        KeyPoint.MOUTH_LEFT: (mouth, at.stomion),
        KeyPoint.STOMION: (0.0, at.stomion),
        KeyPoint.MENTON: (0.0, at.menton),
    }
    return {name: relief.at(x, y) for name, (x, y) in places.items()}


def _curve(y: Vector, *nodes: tuple[float, float]) -> Vector:
    """Smooth curve through (place, value) nodes without overshoot, level beyond them (Fritsch and Carlson 1980)."""
    places, values = (np.array(column) for column in zip(*nodes, strict=True))
    gaps, rises = np.diff(places), np.diff(values)
    slopes = rises / gaps
    # Harmonic means inside, and none where the curve turns.
    product = slopes[1:] * slopes[:-1]
    total = np.where(product > 0, slopes[1:] + slopes[:-1], 1.0)
    inner = np.where(product > 0, 2 * product / total, 0.0)
    tangents = np.concatenate(([0.0], inner, [0.0]))
    place = np.clip(np.searchsorted(places, y) - 1, 0, len(gaps) - 1)
    t = np.clip((y - places[place]) / gaps[place], 0.0, 1.0)
    begin, end = tangents[place] * gaps[place], tangents[place + 1] * gaps[place]
    risen = rises[place] * t * t * (3 - 2 * t) + begin * t * (1 - t) ** 2 - end * t * t * (1 - t)
    return np.asarray(values[place] + risen, np.float64)


def _soft(values: Vector) -> Vector:
    """(rows, 1) smoothed over some millimetres, so that no node of a curve shows as a fold around the head."""
    window = np.hanning(7)[1:-1]
    return np.convolve(np.pad(values[:, 0], 2, "edge"), window / window.sum(), "valid")[:, None]


def _step(value: Vector, begin: float, end: float) -> Vector:
    """0 before ``begin``, 1 after ``end``, smooth between."""
    t = np.clip((value - begin) / (end - begin), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float64)
