"""JSON Schema (2020-12) of every payload, one document for each kind of topic, and of what commands print."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from edge.contracts.base import Incoming
from edge.contracts.config import DesiredConfig, ReportedConfig
from edge.contracts.decision import Decision, SignedDecision
from edge.contracts.device import (
    CommandReply,
    DeviceEvent,
    Diagnostics,
    Health,
    Identify,
    Info,
    Ping,
    Restart,
    SelfTest,
    State,
)
from edge.contracts.doctor import DoctorReport
from edge.contracts.request_authorization import RequestAuthorization
from edge.contracts.session import SealedImage, SessionCancel, SessionProgress, SessionStart
from edge.contracts.verification import FaceTemplate

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

MESSAGES: Final[dict[str, type[BaseModel]]] = {
    "state": State,
    "info": Info,
    "health": Health,
    "event": DeviceEvent,
    "decision": SignedDecision,
    "decision.signed": Decision,
    "session.event": SessionProgress,
    "session.image": SealedImage,
    "cmd.session.start": SessionStart,
    "cmd.session.cancel": SessionCancel,
    "cmd.ping": Ping,
    "cmd.identify": Identify,
    "cmd.selftest": SelfTest,
    "cmd.restart": Restart,
    "cmd.diagnostics": Diagnostics,
    "config.desired": DesiredConfig,
    "config.reported": ReportedConfig,
    "reply": CommandReply,
}
DOCUMENTS: Final[dict[str, type[BaseModel]]] = {
    **MESSAGES,
    "cmd.session.start.authorization": RequestAuthorization,
    "template": FaceTemplate,
    "doctor": DoctorReport,
}


def schemas() -> dict[str, dict[str, Any]]:
    """By name: topic suffix with dots, ``reply`` for ``res/<verb>`` and the Response Topic, ``doctor`` for what
    ``livegate doctor`` prints.

    ``decision.signed`` is the payload of the JWS in ``decision``, ``cmd.session.start.authorization`` that of the one
    in ``authorization``. What a terminal says may gain fields without a new schema version, so only commands forbid
    unknown ones.
    """
    documents = {}
    for name, model in DOCUMENTS.items():
        document = model.model_json_schema(by_alias=True)
        documents[name] = {
            "$schema": DIALECT,
            **(document if issubclass(model, Incoming) else _open(document)),
        }
    return documents


def _open(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: _open(value) for key, value in part.items() if not (key == "additionalProperties" and value is False)
        }
    return [_open(item) for item in part] if isinstance(part, list) else part
