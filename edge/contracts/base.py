"""What every payload shares: camelCase on the wire, a schema version, strictness by direction."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from edge.errors import LinkError

SCHEMA_VERSION: Literal["1.0"] = "1.0"
MAX_PACKET_BYTES: Final = 256 * 1024
MAX_TOLD: Final = 2000


def cut(most: int) -> BeforeValidator:
    """Of a text: no more than this many characters, and nothing that is no Unicode; what is no text stays as it is."""

    def shorten(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        # Texts of the system may hold lone surrogates, such as a file's name; JSON cannot.
        clean = text.encode(errors="replace").decode()
        return clean if len(clean) <= most else clean[: most - 1] + "…"

    return BeforeValidator(shorten)


Told = Annotated[str, cut(MAX_TOLD)]
"""Words for people, out of wherever: they are cut short rather than refused."""


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Outgoing(BaseModel):
    """A message or part of one that the device writes. ``max_bytes``: of its JSON, where it is a message."""

    max_bytes: ClassVar[int] = MAX_PACKET_BYTES

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid", serialize_by_alias=True
    )

    def to_json(self) -> bytes:
        """UTF-8 JSON as published, absent fields left out. Raises LinkError beyond ``max_bytes``."""
        content = self.model_dump_json(by_alias=True, exclude_none=True).encode()
        if len(content) > self.max_bytes:
            raise LinkError(
                f"a message {type(self).__name__} of {len(content)} bytes; at most {self.max_bytes} are published",
                remedy="report it with the log",
            )
        return content


class Incoming(BaseModel):
    """A message that somebody sends to the device: what it does not know, it refuses, and more than ``max_bytes``."""

    max_bytes: ClassVar[int] = MAX_PACKET_BYTES

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

    max_bytes: ClassVar[int] = 16 * 1024

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    id: Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    expires_at: Annotated[float, Field(gt=0, description="Unix time in seconds after which the command is void")]
