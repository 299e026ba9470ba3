"""What a fleet wants of a terminal, and what the terminal says became of it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from edge.contracts.base import SCHEMA_VERSION, Incoming, Outgoing, Sha256, Told, cut
from edge.contracts.enums import ConfigStatus, Service

Revision = Annotated[
    int, Field(ge=1, le=2**53 - 1, description="Rises with each change; the same or a lower one is old")
]


MAX_PROBLEMS: Final = 20


class DesiredConfig(Incoming):
    """Retained ``config/desired``: the whole of what is wanted; what it leaves out is as the site's file has it.

    ``settings`` has sections and keys as the site's file has them. Hardware, safety and keys are refused in it; of
    policy and quality the stricter of the site's file and this counts. ``service`` counts even where settings are
    refused.
    """

    max_bytes: ClassVar[int] = 64 * 1024
    schema_version: Literal["1.0"] = SCHEMA_VERSION
    rev: Revision
    service: Service = Service.ACTIVE
    reason: Annotated[str, Field(max_length=200, description="Told with a state that is not active")] | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class ConfigProblem(Outgoing):
    """Why a desired configuration was rejected or rolled back, or what of an applied one has no effect."""

    path: Annotated[str, cut(200), Field(description="Of the setting, with dots; empty: the document as a whole")]
    message: Told


class ReportedConfig(Outgoing):
    """Retained ``config/reported``."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    status: Annotated[ConfigStatus, Field(description="Of the newest desired configuration")]
    rev: Annotated[Revision | None, Field(description="In effect; absent: the site's file alone")] = None
    desired_rev: Annotated[Revision | None, Field(description="Newest that was received and could be read")] = None
    service: Service
    reason: Annotated[str | None, Field(description="Of a service that is not active, as it was given")] = None
    config: Annotated[Sha256, Field(description="Of the configuration in effect, which decisions sign")]
    settings: Annotated[
        dict[str, Any], Field(description="What was pushed and is in effect; of policy and quality what became of it")
    ] = Field(default_factory=dict)
    problems: Annotated[tuple[ConfigProblem, ...], AfterValidator(lambda all_: all_[:MAX_PROBLEMS])] = Field(
        (), description=f"The first {MAX_PROBLEMS}"
    )
