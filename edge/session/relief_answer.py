"""What shape and colours in our light say of liveness. Pure: from figures to an outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from edge.contracts.enums import EvidenceOutcome
from edge.session.light_answer import WEAK
from edge.vision.beside_face import Side
from edge.vision.relief import Relief
from edge.vision.returned_light import ReturnedLight

# So many deviations beyond a limit are no chance: one in 160 normal errors for a confirmation, one in 740 for a veto.
CONFIRMING: Final = 2.5
REFUSING: Final = 3.0
# How much of a head's shape a matt sheet hardly has (docs/light.md), and less than a head mostly has.
_SHEET: Final = 0.2
_HEAD: Final = 0.3
# However little noise there is: simulated sheets that were bent or cut out had up to 0.23.
_NO_SHEET: Final = 0.35
# Where nothing but the light tells, as in dim rooms, where a head's shape shows in full; and to be certain in weak
# light, where noise and the hand that holds a sheet have lent it more.
_ALONE: Final = 0.4
_ALONE_IN_WEAK_LIGHT: Final = 0.5
# Beside a movement that only a head makes, so many deviations above nothing are enough (ADR 0013).
_LEANING: Final = 1.0
# What a head may be expected to have.
WHOLE: Final = 0.6
# How much heads differ in either ratio, in simulated people (docs/light.md).
_HEADS_DIFFER: Final = 0.15
_SIDES_DIFFER: Final = 0.25
# About halfway between the halves of a sheet, 0, and those of heads, 0.75 on the mean.
_HALFWAY: Final = 0.4
# So much more probable must a head have held the light of cells that were left out than a plane, a bent sheet or a
# screen did, as a natural logarithm: ten times, and where nothing but the light tells 1,000 times.
_TEN_TO_ONE: Final = math.log(10)
_ALONE_ODDS: Final = math.log(1e3)
# With a deviation like that of more than a head's relief, halves tell no sheet and no gloss from a head.
_HALVES_TELL_NOTHING: Final = 1.0
# A sheet answers beside the face as it does on it; a wall behind a head by the square of its distance less. Long hair
# answers too, so that alone proves nothing: the shape, with so many deviations on top, must be less than a head's.
_SAME: Final = (0.7, 1.4)
_DOUBTING: Final = 2.0
# How much of a face's colours is the least that a surface returns, and the most that a screen seems to return, whose
# picture changes by itself.
_COLOURED: Final = 0.5
SELF_LIT: Final = 0.3
# Of the display's light. The darkest skin returns about 5 %, its own gloss included (docs/light.md); the glass of a
# screen, away from what it mirrors, about 1 %.
_LEAST_RETURNED: Final = 0.03
# The sun throws shadows on a face that our light does not show: they hide its colours and bend its relief, and no
# screen or sheet has them. So where the sun may shine missing colours accuse nobody, and a sheet has hardly any relief
# and all of its colours.
SHEET_IN_THE_SUN: Final = 0.15
COLOURED_IN_THE_SUN: Final = 0.85
_WITHOUT_COLOURS: Final = 0.5


@dataclass(frozen=True, slots=True)
class ReliefAnswer:
    """outcome, and why. margin: the shape's share of a head's. faint: noise would hide any head's shape as well.

    leans: a surface of a face's colours, in which more speaks for a head than for a sheet, and too little to prove it.
    """

    outcome: EvidenceOutcome
    reason: str
    margin: float
    faint: bool = False
    leans: bool = False


def relief_answer(
    found: Relief,
    beside: tuple[Side, Side] | None = None,
    *,
    lamp: bool = False,
    alone: bool = False,
    halves_follow: bool = False,
) -> ReliefAnswer:
    """A veto where a head or a face's colours are missing for certain, a confirmation where both are there.

    beside: what is left and right of the face, where that is known. lamp: our light is that of a lamp, which
    is told in sunlight as well, whose shadows must not accuse anybody. alone: nothing is asked of the person besides.
    halves_follow: the display's halves are still to be shown, so that nothing lacks that is told from them.
    """
    shape, deviation = _shape(found)
    told = (
        f"relief {shape:.2f} ± {deviation:.2f} of a head's, colours {found.albedo:.2f} ± {found.albedo_deviation:.2f} "
        f"of a surface's, in light that adds {found.contrast:.1%}, best foretold by a {found.hypotheses.best} "
        f"(log odds of a head {found.hypotheses.odds:.1f})"
    )
    # No screen, dark and glossy as it is, has been seen with the shape of a head in our light: where there is one for
    # certain, gloss on dark skin or spectacles hide the colours, and few of them are enough.
    by_itself = _ALONE if found.contrast >= WEAK else _ALONE_IN_WEAK_LIGHT
    shaped = shape - CONFIRMING * deviation > by_itself and _foretold(found, alone=True)
    if not lamp and not shaped and found.albedo + REFUSING * found.albedo_deviation < _COLOURED:
        return ReliefAnswer(EvidenceOutcome.VETO, f"our light shows no colours of a face: {told}", shape)
    unshadowed = not lamp or found.albedo - REFUSING * found.albedo_deviation > COLOURED_IN_THE_SUN
    if unshadowed and shape + REFUSING * deviation < (SHEET_IN_THE_SUN if lamp else _HEAD):
        return ReliefAnswer(EvidenceOutcome.VETO, f"a sheet: {told}", shape)
    if beside is not None and all(map(_goes_on, beside)) and shape + _DOUBTING * deviation < WHOLE:
        sides = " and ".join(f"{side.share:.2f} ± {side.deviation:.2f}" for side in beside)
        reason = f"a sheet that goes on beside the face, with {sides} of the face's answer left and right: {told}"
        return ReliefAnswer(EvidenceOutcome.VETO, reason, shape)
    certain = max((by_itself if alone else _SHEET) + CONFIRMING * deviation, _NO_SHEET)
    # In weak light one showing of each tells nothing (_agree), seen or not.
    seen_apart = lamp or halves_follow or found.sides is not None or (not alone and found.contrast < WEAK)
    coloured = found.albedo - CONFIRMING * found.albedo_deviation > (0.0 if shaped else SELF_LIT)
    # A screen is black in infrared, and the sun hides colours: a shape that no sheet comes near makes up for them.
    coloured = coloured or (lamp and shape - CONFIRMING * deviation > _WITHOUT_COLOURS)
    of_a_face = seen_apart and coloured and _agree(found, alone=alone)
    if of_a_face and shape > certain and _foretold(found, alone=alone):
        return ReliefAnswer(EvidenceOutcome.CONFIRMED, told, shape)
    faint = certain > WHOLE
    leans = of_a_face and not (lamp or alone) and shape > max(_SHEET, _LEANING * deviation)
    return ReliefAnswer(EvidenceOutcome.INSUFFICIENT, f"no proof of shape: {told}", shape, faint, leans)


def _foretold(found: Relief, *, alone: bool) -> bool:
    """Whether a head foretells the light so much better than any other surface. Alone it must do so better than these
    away from the outline as well, where what lies behind a cut-out passes for a head that turns away.
    """
    if not alone:
        return found.hypotheses.odds > _TEN_TO_ONE
    return found.hypotheses.odds > _ALONE_ODDS and found.inner is not None and found.inner.odds > 0


def no_surface(returned: ReturnedLight | None) -> str | None:
    """Why it is no surface of a face: certainly less of the display's light comes back than skin returns. Else None.

    Less than nothing comes back where something else changed meanwhile; that tells nothing of a surface.
    """
    if returned is None or abs(returned.share) + REFUSING * returned.deviation >= _LEAST_RETURNED:
        return None
    return (
        f"the face returns {returned.share:.1%} ± {returned.deviation:.1%} of the display's light, where the darkest "
        f"skin returns {_LEAST_RETURNED:.0%}: it shines by itself"
    )


def _goes_on(side: Side) -> bool:
    low, high = _SAME
    return low < side.share - REFUSING * side.deviation and side.share + REFUSING * side.deviation < high


def _shape(found: Relief) -> tuple[float, float]:
    """Both ratios tell the same; each counts by its noise and by how much heads differ in it.

    The deviation is of the noise alone.
    """
    if found.sides is None or found.sides_deviation is None:
        return found.head, found.head_deviation
    first = 1 / (found.head_deviation**2 + _HEADS_DIFFER**2)
    second = 1 / (found.sides_deviation**2 + _SIDES_DIFFER**2)
    share, other = first / (first + second), second / (first + second)
    shape = share * found.head + other * found.sides
    return shape, math.hypot(share * found.head_deviation, other * found.sides_deviation)


def _agree(found: Relief, *, alone: bool) -> bool:
    """The light of the surroundings is whoever's who stands there; that of the display's halves is not.

    Where they are rather those of a sheet it may be lit like a head, or have holes where a head is deep. Far more than
    a head's is the display's image in glossy paper.
    """
    if found.sides is None or found.sides_deviation is None:
        return True
    if found.sides_deviation > _HALVES_TELL_NOTHING and not alone:
        return True
    more = math.hypot(found.head_deviation, found.sides_deviation, _SIDES_DIFFER)
    a_head_s = found.sides + (1.0 if alone else _DOUBTING) * found.sides_deviation > _HALFWAY
    return a_head_s and found.sides - found.head < REFUSING * more
