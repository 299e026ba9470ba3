"""What a terminal says of itself, and how it answers commands."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from edge.contracts.base import SCHEMA_VERSION, Outgoing
from edge.contracts.enums import Alternative, CaptureKind, CommandErrorCode, LivenessOperationMode, TerminalState
from edge.contracts.session import Sha256


class State(Outgoing):
    """Retained ``state``. A will carries the boot count of its connection, so that a stale one can be told."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    state: TerminalState
    boot_count: Annotated[int, Field(ge=1)]
    reason: str | None = None


class Info(Outgoing):
    """Retained ``info``."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    device: str
    site: str
    software: str
    python: str
    machine: str
    runtime: str
    capture: CaptureKind
    modes: tuple[LivenessOperationMode, ...]
    alternatives: Annotated[
        tuple[Alternative, ...], Field(description="Those that the site's policy lets a request switch on")
    ] = ()
    policy: str
    models: dict[str, Sha256]
    config: Annotated[Sha256, Field(description="Of the configuration in effect, which decisions sign")]
    config_stands_in: Annotated[
        bool,
        Field(
            description="It is the last good one: the site's file cannot be used, and an event configRejected says why"
        ),
    ] = False
    public_key: Annotated[
        dict[str, str], Field(description="JWK; for reading along, never for trust: keys are enrolled")
    ]


EventKind = Literal["presence", "tamper", "fault", "recovered", "configRejected", "rollback"]


class DeviceEvent(Outgoing):
    """``event``: presence, tamper, fault, recovered (from a fault that made it degraded), config rejected, rollback."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    kind: EventKind
    message: str
    at: Annotated[float, Field(description="Unix time in seconds by the device's clock")]


class CommandError(Outgoing):
    """Why a command was refused."""

    code: CommandErrorCode
    message: str


class CommandReply(Outgoing):
    """``res/<verb>`` or the Response Topic."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    status: Literal["ok", "error"]
    transaction: Annotated[str | None, Field(description="id of the command, where it could be read")] = None
    data: dict[str, Any] | None = None
    error: CommandError | None = None
