"""What a terminal says of itself, what can be asked of it, and how it answers."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge.contracts.base import SCHEMA_VERSION, CommandBase, Outgoing, Sha256, Told
from edge.contracts.enums import Alternative, CaptureKind, CommandErrorCode, LivenessOperationMode, TerminalState


class State(Outgoing):
    """Retained ``state``. A will carries the boot count of its connection, so that a stale one can be told."""

    max_bytes: ClassVar[int] = 16 * 1024
    schema_version: Literal["1.0"] = SCHEMA_VERSION
    state: TerminalState
    boot_count: Annotated[int, Field(ge=1)]
    reason: Told | None = None


class Info(Outgoing):
    """Retained ``info``."""

    max_bytes: ClassVar[int] = 64 * 1024
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
    sealing_key: Annotated[
        dict[str, str] | None,
        Field(description="JWK to which references are sealed; for reading along, never for trust likewise"),
    ] = None


EventKind = Literal["presence", "tamper", "fault", "recovered", "configRejected", "rollback"]
PresenceSource = Literal["face", "button"]


class DeviceEvent(Outgoing):
    """``event``: presence, tamper, fault, recovered (from a fault that made it degraded), config rejected, rollback."""

    max_bytes: ClassVar[int] = 16 * 1024
    schema_version: Literal["1.0"] = SCHEMA_VERSION
    kind: EventKind
    message: Told
    at: Annotated[float, Field(description="Unix time in seconds by the device's clock")]
    source: Annotated[PresenceSource | None, Field(description="Of a presence alone: what noticed it")] = None
    id: Annotated[
        str | None,
        Field(description="Of a presence alone: new for each, for deviceCorrelationId of the session that answers it"),
    ] = None


class OutboxHealth(Outgoing):
    """Decisions that wait for a subscriber."""

    waiting: Annotated[int, Field(ge=0)]
    waiting_bytes: Annotated[int, Field(ge=0)]
    oldest_seconds: Annotated[float | None, Field(ge=0, description="Age of the oldest; absent: none waits")] = None
    full: Annotated[bool, Field(description="No session starts until decisions are delivered")]


class Health(Outgoing):
    """Retained ``health``. What cannot be had on this board is absent."""

    max_bytes: ClassVar[int] = 16 * 1024
    schema_version: Literal["1.0"] = SCHEMA_VERSION
    at: Annotated[float, Field(description="Unix time in seconds by the device's clock")]
    boot_count: Annotated[int, Field(ge=1)]
    uptime_seconds: Annotated[float, Field(ge=0, description="Of the daemon")]
    clock_synchronised: Annotated[bool | None, Field(description="As the kernel tells it")] = None
    frame_age_seconds: Annotated[
        float | None, Field(ge=0, description="Since the last frame that the camera gave, in a session or when tried")
    ] = None
    frames_per_second: Annotated[float | None, Field(ge=0, description="Of the last session")] = None
    temperature_celsius: Annotated[float | None, Field(description="Of the processor")] = None
    throttling: Annotated[
        tuple[str, ...] | None, Field(description="What the board's firmware says of power and heat, now or since boot")
    ] = None
    rss_bytes: Annotated[
        int | None, Field(ge=0, description="Daemon and capture process, pages that they share once")
    ] = None
    disk_free_bytes: Annotated[int | None, Field(ge=0, description="Where the state folder is")] = None
    sessions: Annotated[int, Field(ge=0, description="Begun since the daemon started")]
    decisions: Annotated[int, Field(ge=0, description="Made since the daemon started")]
    connections: Annotated[int, Field(ge=0, description="To the broker since the daemon started")]
    outbox: OutboxHealth


class Ping(CommandBase):
    """``cmd/ping``: answered at once; ``data`` has the state."""


class Identify(CommandBase):
    """``cmd/identify``: the terminal shows which one it is, for somebody who stands before several."""

    seconds: Annotated[float, Field(ge=1, le=60)] = 10.0


class SelfTest(CommandBase):
    """``cmd/selftest``: camera, networks, outbox and lights are tried; ``data`` says how each did."""


class Restart(CommandBase):
    """``cmd/restart``: the daemon ends in good order once it has answered, and its service starts it again."""


class Diagnostics(CommandBase):
    """``cmd/diagnostics``: ``data`` is what the doctor finds, without camera, lights and networks."""


class CommandError(Outgoing):
    """Why a command was refused."""

    code: CommandErrorCode
    message: Told


class CommandReply(Outgoing):
    """``res/<verb>`` or the Response Topic."""

    max_bytes: ClassVar[int] = 128 * 1024
    schema_version: Literal["1.0"] = SCHEMA_VERSION
    status: Literal["ok", "error"]
    transaction: Annotated[str | None, Field(description="id of the command, where it could be read")] = None
    data: dict[str, Any] | None = None
    error: CommandError | None = None
