"""``config/desired`` as it comes off the wire. Pure."""

from __future__ import annotations

from typing import Final

from edge.contracts.config import DesiredConfig
from edge.contracts.enums import CommandErrorCode
from edge.link.payloads import Inbound, read_model, read_object, refuse

MAX_DESIRED_BYTES: Final = DesiredConfig.max_bytes


def read_desired(inbound: Inbound) -> DesiredConfig | None:
    """None: the retained message was cleared, and nothing new is desired. Raises CommandRefused.

    Whether its revision is newer and its settings are valid is for the terminal to judge.
    """
    if not inbound.payload:
        return None
    if len(inbound.payload) > MAX_DESIRED_BYTES:
        refuse(
            CommandErrorCode.TOO_LARGE,
            f"{len(inbound.payload)} bytes; a desired configuration has at most {MAX_DESIRED_BYTES}",
        )
    return read_model(DesiredConfig, read_object(inbound.payload), inbound.payload)
