"""What paper and the inks on it do with light, band by band.

A halftone that the camera does not resolve has its mean reflectance. Screens turned against each other overlap by
chance (Demichel), so each ink takes its share of what the others leave. A laser printer's screen has cells of about
0.24 mm (106 lines to the inch); a camera of 600 pixels focal length resolves them nearer than 0.3 m only.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from edge.simulation.optics import BLUE, GREEN, RED, Map

# Reflectance of a thick pile of paper, and of all inks on it.
PAPER_WHITE: Final = 0.82
INK_BLACK: Final = 0.035
# How much of blue, green and red light each full ink lets through, cyan to black (approximate process inks).
INK_TRANSMITTANCE: Final = np.array(
    [[0.72, 0.42, 0.06], [0.32, 0.10, 0.66], [0.08, 0.70, 0.78], [0.04, 0.04, 0.04]], dtype=np.float32
)
# Reflectance of a single sheet over that of a thick pile of it, as TAPPI T 425 has opacity; about that of office paper
# of 80 g/m2.
PAPER_OPACITY: Final = 0.93
# Carbon black is as black in infrared; the coloured inks, and black mixed from dyes, let it pass to the paper: ink-jet
# faces lose their contrast there and laser ones keep it (idiap.ch/paper/vulncfr). Measured figures were not at hand for
# what dyes take of 850 nm; these are assumed.
_DYES_IN_INFRARED: Final = (0.93, 0.97, 0.98)
_CARBON_IN_INFRARED: Final = 0.04
# Sweeps until what is printed is within 0.001 of what was asked for, where the inks can give it.
_SWEEPS: Final = 8


class Ink(IntEnum):
    """Order of the inks in a separation."""

    CYAN = 0
    MAGENTA = 1
    YELLOW = 2
    BLACK = 3


# Of light that goes in and comes out again, so twice through the ink: (4 inks, 4 bands).
TRANSMITTANCE: Final = np.column_stack([INK_TRANSMITTANCE, [*_DYES_IN_INFRARED, _CARBON_IN_INFRARED]]).astype(
    np.float32
)
# What a print can be at the darkest, relative to its paper.
_DARKEST: Final = np.float32(INK_BLACK / PAPER_WHITE)
_ABSORBED_BY: Final = ((Ink.CYAN, RED), (Ink.MAGENTA, GREEN), (Ink.YELLOW, BLUE))


def separation(light: Map, *, black: float) -> Map:
    """(h, w, 4) coverage 0..1 by each ink with which the print looks like the picture, as far as inks can.

    light: (h, w, 3) linear BGR 0..1, where 1 is printed as bare paper. black: share, by density, that the black ink
    takes over of what all three coloured inks would absorb of their own colours alike, 0..1.
    """
    wanted = _DARKEST + (1 - _DARKEST) * np.clip(light, 0, 1)
    coverage = _with_colours(np.zeros((*light.shape[:2], len(Ink)), np.float32), wanted)
    if black > 0:
        alike = np.max([_passing(coverage, ink, band) for ink, band in _ABSORBED_BY], axis=0)
        absorbed = (1 - alike ** np.float32(black)) / (1 - TRANSMITTANCE[Ink.BLACK, RED])
        coverage[..., Ink.BLACK] = np.minimum(absorbed, 1)
        coverage = _with_colours(coverage, wanted)
    return coverage


def _with_colours(coverage: Map, wanted: Map) -> Map:
    """The coverage with its coloured inks changed, one after the other, until the print has the wanted colours.

    wanted: (h, w, 3) BGR, relative to bare paper.
    """
    coverage = coverage.copy()
    for _ in range(_SWEEPS):
        for ink, band in _ABSORBED_BY:
            first, second, third = (_passing(coverage, other, band) for other in Ink if other is not ink)
            left = wanted[..., band] / np.maximum(first * second * third, _DARKEST)
            coverage[..., ink] = np.clip((1 - left) / (1 - TRANSMITTANCE[ink, band]), 0, 1)
    return coverage


def _passing(coverage: Map, ink: Ink, band: int) -> Map:
    """(h, w) mean share of a band that one ink's halftone lets through and back."""
    return np.asarray(1 - coverage[..., ink] * (1 - TRANSMITTANCE[ink, band]), np.float32)


def transmitted(coverage: Map, *, passes: int) -> Map:
    """(h, w, 4) share of light, band by band, that passes a halftone once (from behind) or twice (and back)."""
    solid = TRANSMITTANCE ** np.float32(passes / 2)
    light = np.ones((*coverage.shape[:2], solid.shape[1]), np.float32)
    for ink in Ink:
        light *= 1 - coverage[..., ink, None] * (1 - solid[ink])
    return light


def single_sheet(pile: float, opacity: float) -> tuple[float, float]:
    """Reflectance over black, and transmittance, of one sheet of paper.

    pile: reflectance of a thick pile of it. opacity: reflectance of one over that of the pile. A sheet added to the
    pile does not change it: pile = R + T^2 pile / (1 - R pile) (Stokes; ISO 22891 takes the transmittance so).
    """
    reflectance = opacity * pile
    squared = (pile - reflectance) * (1 - reflectance * pile) / pile
    return reflectance, squared**0.5
