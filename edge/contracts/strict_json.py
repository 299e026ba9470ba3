"""JSON that two readers cannot understand in two ways."""

from __future__ import annotations

import json
import math
from typing import Any, Final, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

_EXACT: Final = 2**53 - 1

M = TypeVar("M", bound=BaseModel)


def read_json(content: bytes) -> Any:
    """I-JSON (RFC 7493): UTF-8 without a mark, no name twice in an object, numbers that a double holds.

    Raises ValueError in plain words.
    """
    try:
        return json.loads(
            content.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_exact,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_message(
    model: type[M], content: bytes, *, strict: bool = False, extra: Literal["ignore", "forbid"] | None = None
) -> M:
    """Fields by their names on the wire alone. strict, extra: as in pydantic; None: as the model has it.

    Raises ValueError that names the first problem.
    """
    try:
        read_json(content)
        return model.model_validate_json(content, strict=strict, extra=extra, by_alias=True, by_name=False)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, problem['loc'])) or 'payload'}: {problem['msg']}") from None
    except ValueError as error:
        raise ValueError(f"payload: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a field is there twice")
    return members


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _exact(digits: str) -> int:
    # Before int: thousands of digits take it long.
    if len(digits) > 17 or abs(number := int(digits)) > _EXACT:
        raise ValueError("a number is too large")
    return number
