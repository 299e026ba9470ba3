"""How much an attempt has proven, in one word that can be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from edge.contracts.enums import AssuranceLevel, CaptureKind, EvidenceKind, EvidencePath, LivenessDecision

# Light stands above motion: a recording of somebody who turns the right way passes the motion challenge now and then,
# and an animated face does; neither is a head in the terminal's own light.
NEEDED: Mapping[AssuranceLevel, frozenset[EvidenceKind]] = MappingProxyType(
    {
        AssuranceLevel.NETWORKS: frozenset({EvidenceKind.PAD}),
        AssuranceLevel.MOTION: frozenset({EvidenceKind.PAD, EvidenceKind.MOTION}),
        AssuranceLevel.LIGHT: frozenset({EvidenceKind.PAD, EvidenceKind.LIGHT}),
        AssuranceLevel.LIGHT_AND_MOTION: frozenset({EvidenceKind.PAD, EvidenceKind.LIGHT, EvidenceKind.MOTION}),
    }
)


def assurance_level(
    decision: LivenessDecision | None,
    confirmed: Collection[EvidenceKind],
    *,
    path: EvidencePath,
    temporal: bool,
    capture: CaptureKind,
    shape_by_motion: bool = False,
) -> AssuranceLevel:
    """The highest level of which all is confirmed; ``light`` where light and motion are, and networks cannot judge, or
    the light was confirmed beside the motion alone (``shape_by_motion``), which then counts once.

    ``none`` but with ``realface``. Without time (``temporal`` false), and in a recording, where nobody answers
    anything, never above ``networks``.
    """
    if decision is not LivenessDecision.REALFACE:
        return AssuranceLevel.NONE
    proven = [level for level, kinds in NEEDED.items() if kinds.issubset(confirmed)]
    level = max(proven, default=AssuranceLevel.NONE)
    if path is EvidencePath.WITHOUT_NETWORKS and {EvidenceKind.LIGHT, EvidenceKind.MOTION} <= set(confirmed):
        level = AssuranceLevel.LIGHT
    if shape_by_motion:
        level = min(level, AssuranceLevel.LIGHT)
    if temporal and capture is not CaptureKind.REPLAY:
        return level
    return AssuranceLevel.NETWORKS if AssuranceLevel.NETWORKS in proven else AssuranceLevel.NONE
