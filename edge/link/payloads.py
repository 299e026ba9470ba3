"""Bytes off the wire to typed content, or a refusal that says why. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeVar

from pydantic import ValidationError

from edge.contracts.base import SCHEMA_VERSION, Incoming
from edge.contracts.enums import CommandErrorCode
from edge.contracts.strict_json import read_json

_SHOWN_ERRORS: Final = 10

M = TypeVar("M", bound=Incoming)


class CommandRefused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """What was received is refused; it becomes the error reply, and nothing has changed."""

    def __init__(self, code: CommandErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message to the terminal. ``correlation`` goes back unread. ``qos``: at which it was delivered."""

    topic: str
    payload: bytes = field(repr=False)
    retain: bool = False
    response_topic: str | None = None
    correlation: bytes | None = field(default=None, repr=False)
    qos: int = 1


def refuse(code: CommandErrorCode, message: str) -> NoReturn:
    raise CommandRefused(code, message)


def read_object(payload: bytes) -> dict[str, Any]:
    """A JSON object without a field twice, and numbers that are some. Raises CommandRefused."""
    try:
        document = read_json(payload)
    except ValueError as error:
        _not_json(str(error))
    if not isinstance(document, dict):
        _not_json("it is no JSON object")
    return document


def read_model(model: type[M], document: dict[str, Any], payload: bytes) -> M:
    """document: what ``read_object`` made of the payload. Raises CommandRefused naming every mistake."""
    version = document.get("schemaVersion", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        refuse(
            CommandErrorCode.UNSUPPORTED_SCHEMA,
            f"schemaVersion {_short(version)}; this terminal knows {SCHEMA_VERSION}",
        )
    try:
        # Strict, and from the bytes: "600" is no number here, and nothing is guessed.
        return model.model_validate_json(payload, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        told = [
            f"{_short('.'.join(map(str, p['loc'])) or 'payload')}: {_plain(p['msg'])}" for p in problems[:_SHOWN_ERRORS]
        ]
        more = len(problems) - len(told)
        refuse(CommandErrorCode.MALFORMED, "; ".join(told) + (f"; and {more} more" if more else ""))


def _not_json(why: str) -> NoReturn:
    refuse(CommandErrorCode.MALFORMED, f"not JSON that counts here: {why[:200]}")


def _plain(text: str) -> str:
    # Some messages repeat what was received, and end in a log.
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _short(value: object) -> str:
    return ascii(value)[:80]
