"""What of the screen a light code lights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edge.liveness.plans import Chip

# Share of the light of a white screen that one of guidance gives: mostly white, with text and an oval.
GUIDANCE_LIT = 0.85


@dataclass(frozen=True, slots=True)
class LitColumns:
    """White over the full height between two fractions of the screen's width; the rest is black.

    0 is the left edge as the person sees it. White: saturated red counts as a flash of its own (WCAG 2.3.1).
    """

    start: float
    end: float


LIT: Mapping[Chip, LitColumns | None] = MappingProxyType(
    {
        Chip.BLACK: None,
        Chip.LEFT: LitColumns(0.0, 0.5),
        Chip.RIGHT: LitColumns(0.5, 1.0),
        Chip.FULL: LitColumns(0.0, 1.0),
    }
)


def _halves(lit: LitColumns | None) -> tuple[float, float]:
    if lit is None:
        return 0.0, 0.0
    return 2 * max(0.0, min(lit.end, 0.5) - lit.start), 2 * max(0.0, lit.end - max(lit.start, 0.5))


HALVES: Mapping[Chip, tuple[float, float]] = MappingProxyType({chip: _halves(lit) for chip, lit in LIT.items()})
"""How much of the screen's left and right half is lit, as the person sees them, 0..1."""
