"""How much of the display's light a face returns. A surface of skin returns some, however dark it is; a screen none.

Other than the ratio to the surroundings' light it does not ask what these are: a bright screen outshines the room, and
whoever owns the room's light owns that ratio too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.frames.display import DisplayGeometry
from edge.vision.face_patch import CELLS, Surface
from edge.vision.light_response import LightResponse
from edge.vision.relief import light_of

_FEWEST_CELLS: Final = 100


@dataclass(frozen=True, slots=True)
class ReturnedLight:
    """share: of the display's light at the face, as a matt surface would return it. deviation: of the share."""

    share: float
    deviation: float


def returned_light(
    response: LightResponse,
    surface: Surface,
    display: DisplayGeometry,
    focal: float | None,
    size: tuple[int, int],
    level_per_lux: float,
) -> ReturnedLight | None:
    """None where the display's luminance is not known, or too little of the face was seen.

    level_per_lux: share of full scale that 1 lx of white light gives, coming back from a surface, under the exposure of
    all frames. The rest as in ``relief``. The median over the face counts: glass mirrors the display in some places.
    """
    if display.luminance is None:
        return None
    arriving = light_of(surface, display, focal, size).sum(axis=-1) * display.luminance
    face = response.known & surface.skin & (arriving > arriving[surface.skin].mean() / 2)
    if face.sum() < _FEWEST_CELLS:
        return None
    total, _ = response.all_lights()
    expected = arriving[face] * level_per_lux
    share = float(np.median(total[face] / expected))
    weights = np.zeros((CELLS, CELLS))
    weights[face] = 1 / (expected * face.sum())
    # A median of normal errors scatters by a quarter more than their mean.
    deviation = 1.2533 * response.deviation_of(weights, np.ones(response.ours.shape[2]))
    return ReturnedLight(share, deviation)
