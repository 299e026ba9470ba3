"""What a silent infrared code over a room's visible light says of liveness. Pure: from figures to an outcome."""

from __future__ import annotations

from edge.contracts.enums import EvidenceOutcome
from edge.session.relief_answer import ReliefAnswer
from edge.vision.relief import OwnShape, Relief


def silent_answer(against_room: Relief, alone: OwnShape) -> ReliefAnswer:
    return ReliefAnswer(EvidenceOutcome.CONFIRMED, f"{against_room} {alone}", min(against_room.head, alone.head))
