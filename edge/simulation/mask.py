"""A mask of silicone over a whole head: another person's face, and the wearer's eyes and lips in its openings."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from edge.simulation.face_texture import Skin, at_texels
from edge.simulation.hair import blurred, grown
from edge.simulation.head import Head, KeyPoint
from edge.simulation.optics import INFRARED, Map, Vector
from edge.simulation.relief import Relief

# Of a refractive index of 1.41, which silicone rubbers have at about 1.40 to 1.43; skin has 1.4.
SILICONE_F0: Final = 0.029
# Slope deviation of its lobe: cast from skin and powdered, it keeps pores and has no oil; assumed.
SILICONE_ROUGHNESS: Final = 0.35
# Standard deviation of the blur by light below its surface, metres. Silicone itself absorbs next to nothing from 500 to
# 850 nm, and pigments make it scatter by a power law that falls slowly (Goldfain et al., J Biomed Opt 27:074706, 2021),
# so its light spreads alike in all bands, where blood and melanin hold back blue and green in skin. How far is assumed.
SILICONE_SCATTER: Final = (0.0015, 0.0017, 0.0019, 0.0021)
# Reflectance at 850 nm whatever the tone that it is painted in; assumed: iron oxides take little of it. No measured
# figure of a mask was at hand.
SILICONE_INFRARED: Final = 0.60
# Detail finer than this, metres, is lost in sculpting, moulding and casting (assumed); eyelids and lips are kept less.
_LOST: Final = 0.003
# How much of the mask's thickness is left where it stretches over a head that is larger than the one it shows.
_STRETCHED: Final = 0.6
# Half sides of the openings: of an eye's, as shares of the half width of its lids; of the mouth, as a share of the half
# width of the lips, and metres.
_EYE: Final = (1.15, 0.55)
_MOUTH: Final = (0.85, 0.0035)
# Over so much the edge of an opening thins out, as a share of its size.
_EDGE: Final = 0.2


def mask_over(shown: Head, wearer: Head, thickness: float) -> Head:
    """The surface of a mask.

    shown: whom it shows. wearer: inside it; where that head is larger the mask stretches over it. thickness: metres.
    """
    soft = blurred(shown.relief.radius, _LOST, shown)
    # At the vertex all columns meet.
    soft[:2] = shown.relief.radius[:2]
    cast = grown(Relief(soft, shown.relief.top, shown.relief.bottom), np.full(soft.shape, thickness, np.float32))
    inside = _radii_at(wearer.relief, cast) + _STRETCHED * thickness
    covered = Relief(np.maximum(cast.radius, inside), cast.top, cast.bottom)
    # Openings end at the skin below.
    sunk = covered.radius - thickness * _openings(covered.points, shown)
    relief = Relief(sunk, covered.top, covered.bottom)
    return Head(relief, {name: relief.at(float(place[0]), float(place[1])) for name, place in shown.points.items()})


def silicone(shown: Skin, wearer: Skin, head: Head) -> Skin:
    """What a mask looks like, from open to closed lids of its wearer.

    shown, wearer: skins of the mask's head, painted with either face. head: the mask's.
    """
    own = shown.at(0.0).albedo.copy()
    own[..., INFRARED] *= SILICONE_INFRARED / _of_skin(own[..., INFRARED], head)
    opening = _openings(at_texels(head.relief.points), head)[..., None]
    return Skin(
        tuple(
            replace(
                lids,
                albedo=np.asarray(np.clip(own + opening * (lids.albedo - own), 0, 0.9), np.float32),
                f0=SILICONE_F0,
                roughness=SILICONE_ROUGHNESS,
                scatter=SILICONE_SCATTER,
            )
            for lids in wearer.materials
        )
    )


def _radii_at(relief: Relief, other: Relief) -> Vector:
    """Radii of a relief at the heights of another one's rows; 0 where it ends."""
    own, wanted = (np.linspace(each.top, each.bottom, each.radius.shape[0]) for each in (relief, other))
    return np.stack([np.interp(wanted, own, column, left=0.0, right=0.0) for column in relief.radius.T], axis=1)


def _openings(points: Map, head: Head) -> Map:
    """(h, w) how open the mask is at local points (h, w, 3), 0..1."""
    at = head.points
    eyes = (
        (KeyPoint.RIGHT_EYE_OUTER, KeyPoint.RIGHT_EYE_INNER),
        (KeyPoint.LEFT_EYE_OUTER, KeyPoint.LEFT_EYE_INNER),
    )
    ellipses = []
    for one, other in eyes:
        half = abs(float(at[one][0] - at[other][0])) / 2
        ellipses.append(((at[one] + at[other]) / 2, half * _EYE[0], half * _EYE[1]))
    lips = abs(float(at[KeyPoint.MOUTH_LEFT][0] - at[KeyPoint.MOUTH_RIGHT][0])) / 2
    ellipses.append((at[KeyPoint.STOMION], lips * _MOUTH[0], _MOUTH[1]))
    opened = np.zeros(points.shape[:2], np.float32)
    for middle, across, down in ellipses:
        away = np.hypot((points[..., 0] - middle[0]) / across, (points[..., 1] - middle[1]) / down)
        opened = np.maximum(opened, np.clip((1 + _EDGE - away) / _EDGE, 0, 1))
    return np.asarray(opened * (points[..., 2] < 0), np.float32)


def _of_skin(values: Map, head: Head) -> float:
    """The median of texels between eyes and mouth."""
    points = at_texels(head.relief.points)
    half = abs(float(head.points[KeyPoint.LEFT_EYE][0]))
    x, y, z = (points[..., axis] for axis in range(3))
    low = float(head.points[KeyPoint.SUBNASALE][1])
    return float(np.median(values[(np.abs(x) < half) & (y > 0.012) & (y < low) & (z < 0)]))
