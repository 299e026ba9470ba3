"""What every payload shares: camelCase on the wire, a schema version, strictness by direction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

SCHEMA_VERSION: Literal["1.0"] = "1.0"


class Outgoing(BaseModel):
    """A message or part of one that the device writes."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid", serialize_by_alias=True
    )

    def to_json(self) -> bytes:
        """UTF-8 JSON as published, absent fields left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


class Incoming(BaseModel):
    """A message that somebody sends to the device: what it does not know, it refuses."""

    # Values are new in each message, nonces among them: pydantic would keep sixteen thousand, and grow by them.
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        serialize_by_alias=True,
        cache_strings="keys",
    )


class CommandBase(Incoming):
    """What every command has: an ``id`` that is new each time, and an end."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    id: Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    expires_at: Annotated[float, Field(gt=0, description="Unix time in seconds after which the command is void")]
