"""What an infrared code over a room's visible light says of liveness. Pure: from figures to an outcome.

The two lights are not of one band, so either shape keeps what some ink shows: the ratio of the two what a dye prints,
which infrared does not find, and our light alone what carbon prints, which it finds. A head has both shapes, and a
picture on a sheet lacks one of them at least (docs/light.md).
"""

from __future__ import annotations

from typing import Final

from edge.contracts.enums import EvidenceOutcome
from edge.session.relief_answer import (
    COLOURED_IN_THE_SUN,
    CONFIRMING,
    REFUSING,
    SELF_LIT,
    SHEET_IN_THE_SUN,
    WHOLE,
    ReliefAnswer,
)
from edge.vision.relief import OwnShape, Relief

# How much of a head's shape a picture on a sheet hardly has in the lesser of the two, and people mostly have in both.
_HEAD: Final = 0.4
# Of the room's light. The glass of simulated tablets and monitors returned 0.02 to 0.04, and what trembled in so little
# passed now and then for colours and for a shape; skin returned 0.2 and more at 2000 lx.
_LEAST_ADDED: Final = 0.1


def silent_answer(against_room: Relief, alone: OwnShape) -> ReliefAnswer:
    """A confirmation where both shapes are a head's for certain, a veto where one is a sheet's as no head's can be.

    against_room: the ratio of our light and the room's. alone: the shape in our light without it.
    """
    shapes = ((alone.head, alone.head_deviation), (against_room.head, against_room.head_deviation))
    shape, deviation = min(shapes, key=lambda each: each[0] - CONFIRMING * each[1])
    told = (
        f"infrared shows {alone.head:.2f} ± {alone.head_deviation:.2f} of a head's shape, and "
        f"{against_room.head:.2f} ± {against_room.head_deviation:.2f} against the room's light, colours "
        f"{against_room.albedo:.2f} ± {against_room.albedo_deviation:.2f} of a surface's, in light that adds "
        f"{against_room.contrast:.0%}"
    )
    # Our light alone needs none of the room's, so no shadow of it counts there.
    flat_alone, flat_against_room = (head + REFUSING * error < SHEET_IN_THE_SUN for head, error in shapes)
    all_colours = against_room.albedo - REFUSING * against_room.albedo_deviation > COLOURED_IN_THE_SUN
    if flat_alone or (flat_against_room and all_colours):
        return ReliefAnswer(EvidenceOutcome.VETO, f"a sheet: {told}", shape)
    coloured = against_room.albedo - CONFIRMING * against_room.albedo_deviation > SELF_LIT
    enough = against_room.contrast >= _LEAST_ADDED
    if enough and coloured and shape - CONFIRMING * deviation > _HEAD:
        return ReliefAnswer(EvidenceOutcome.CONFIRMED, told, shape)
    faint = not enough or _HEAD + CONFIRMING * deviation > WHOLE
    return ReliefAnswer(EvidenceOutcome.INSUFFICIENT, f"no proof of shape: {told}", shape, faint)
